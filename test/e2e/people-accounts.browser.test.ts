/**
 * Who is at the keyboard, what they remember, and what became of the account meanwhile: somebody else's session, forgotten
 * and mistyped passwords, colleagues on one login, a changed address, a user disabled or deleted in the console. Each scene
 * ends on a page that says what to do and whose way on is followed.
 */
import type { Page } from 'playwright-core'
import { describe, expect, it } from 'vitest'
import {
  chosenPassword,
  confirmationLink,
  confirmationUrl,
  expectFinished,
  expectPlace,
  press,
  signIn,
  startWorld,
  submit,
  typeDetails,
  typeLogin,
  typePassword,
  userOf,
  way,
  type Scene,
} from './people.ts'

const world = await startWorld()
const { sql, product, admin } = world
const { provider, portal } = product.urls
const otherPassword = 'Un-tout-autre-mot-de-passe-7'

/** Keycloak's "forgotten password", from the portal: the link of its mail. */
async function askForPassword(page: Page, scene: Scene): Promise<string> {
  const seen = product.inbox.mails.length
  await page.goto(`${portal}/sign-in`)
  await page.click('a[href*="reset-credentials"]')
  await page.fill('input[name=username]', scene.address)
  await page.click('main form button[type=submit], main form [type=submit]')
  await page.waitForSelector('.ell-notice')
  const mail = await product.inbox.waitForMail(
    scene.address,
    (one) => product.inbox.mails.indexOf(one) >= seen,
  )
  return confirmationLink(mail)
}

async function chooseAnother(page: Page): Promise<void> {
  await page.fill('input[name=password-new]', otherPassword)
  await page.fill('input[name=password-confirm]', otherPassword)
  await page.click('#kc-submit')
}

const disable = async (scene: Scene) => {
  const user = await userOf(world, scene.address)
  await admin('PUT', `/users/${user.id}`, { ...user, enabled: false })
}
const remove = async (scene: Scene) => admin('DELETE', `/users/${(await userOf(world, scene.address)).id}`)

/** The Cofacering door, in a browser of its own. */
async function knock(scene: Scene): Promise<Page> {
  const { page } = await world.open()
  await page.goto(`${portal}/sign-in?door=cofacering`)
  await expectPlace(page, 'login')
  await typeLogin(page, scene)
  return page
}

describe.concurrent('a browser in which somebody else is signed in', () => {
  it('at the link: says who to sign out, does it, and the link works', async () => {
    const colleague = await world.newScene('collegue')
    await world.finish(colleague)
    const scene = await world.newScene('apres-collegue')
    const id = await world.start(scene, { context: colleague.person.context })
    const mail = await world.mail(scene)
    const { page } = colleague.person
    await page.goto(confirmationLink(mail))
    await expectPlace(page, 'login-error')
    await press(page, '#ell-sign-out', 'login-logout-confirm')
    await press(page, '#kc-logout', 'login-info')
    await press(page, '#ell-continue', 'sent')
    expect(page.url()).toContain(id)
    await expectFinished(page, confirmationLink(mail))
    expect(await page.innerText('[data-fact=email]')).toBe(scene.address)
  })

  it('at the link, in a browser that knows nothing of the request', async () => {
    const colleague = await world.newScene('collegue-b')
    await world.finish(colleague)
    const scene = await world.newScene('apres-collegue-b')
    await world.start(scene)
    const mail = await world.mail(scene)
    const { page, context } = colleague.person
    await context.clearCookies({ domain: new URL(provider).hostname })
    await page.goto(confirmationLink(mail))
    await expectPlace(page, 'login-error')
    await press(page, '#backToApplication', 'resume')
    await press(page, 'main a[href*="/logout"]', 'login-logout-confirm')
    await press(page, '#kc-logout', 'login-info')
    await expectFinished(page, confirmationLink(mail))
  })

  it('at the end: one click, and a second by mistake, sign them out and the person in', async () => {
    const colleague = await world.newScene('collegue-c')
    await world.finish(colleague)
    const scene = await world.newScene('apres-collegue-c')
    await world.start(scene)
    const mail = await world.mail(scene)
    const elsewhere = await world.open()
    await elsewhere.page.goto(confirmationLink(mail))
    await press(elsewhere.page, '#ell-confirm', 'confirm')
    const { page } = colleague.person
    await page.goto(confirmationUrl(mail))
    await expectPlace(page, 'confirm')
    await typePassword(page, chosenPassword)
    await expectPlace(page, 'sign-in-switch')
    await page.reload()
    await expectPlace(page, 'sign-in-switch')
    await page.dblclick('main form button')
    await expectPlace(page, 'application:signed-in')
    expect(await page.innerText('[data-fact=email]')).toBe(scene.address)
  })
})

describe.concurrent('a password', () => {
  it('wrong five times: the link is blocked, and a new request with another password opens the account', async () => {
    const scene = await world.newScene('cinq-fois')
    await world.start(scene)
    const { page } = await world.open()
    await page.goto(confirmationLink(await world.mail(scene)))
    await press(page, '#ell-confirm', 'confirm')
    for (let tries = 0; tries < 4; tries++) {
      await typePassword(page, `wrong-${tries}`)
      await page.waitForSelector('.ell-error')
      await expectPlace(page, 'confirm')
    }
    await typePassword(page, 'wrong-at-last')
    await expectPlace(page, 'confirm-locked')
    await press(page, way('/redirection?own=1'), 'login')
    await typeLogin(page, scene)
    await expectPlace(page, 'redirection')
    await typeDetails(page, scene.address, otherPassword)
    await expectPlace(page, 'sent')
    await expectFinished(page, confirmationLink(await world.mail(scene, 2)), otherPassword)
  })

  it('forgotten between the two steps, in the browser where it was chosen', async () => {
    const scene = await world.newScene('oubli')
    await world.start(scene)
    const { page } = scene.person
    await page.goto(confirmationLink(await world.mail(scene)))
    await press(page, '#ell-confirm', 'confirm')
    // The sign-in at Cofacering is a day old by now.
    await sql(`DELETE FROM provider.legacy_sign_in WHERE login = $1`, [scene.login])
    await press(page, way('/redirection?own=1'), 'login')
    await typeLogin(page, scene)
    await expectPlace(page, 'sent')
    await press(page, way('/redirection?own=1'), 'redirection')
    await typeDetails(page, scene.address, otherPassword)
    await expectPlace(page, 'sent')
    await expectFinished(page, confirmationLink(await world.mail(scene, 2)), otherPassword)
  })

  it('of the request, wrong five times where a fresh mail is asked for: says that the link of the mail still works', async () => {
    const scene = await world.newScene('cinq-fois-renvoi')
    const id = await world.start(scene)
    const mail = await world.mail(scene)
    const { page } = await world.open()
    await page.goto(`${provider}/activation/${id}`)
    for (let tries = 0; tries < 6; tries++) {
      await expectPlace(page, 'sent-elsewhere')
      await typePassword(page, `wrong-${tries}`)
      await page.waitForSelector('.ell-error, .ell-notice--error')
    }
    await page.waitForSelector('.ell-notice--error')
    await expectFinished(page, confirmationLink(mail))
  })

  it('forgotten at Keycloak before the mail’s click: its link says that the request waits, and the mail still works', async () => {
    const scene = await world.newScene('oubli-avant')
    await world.start(scene)
    const mail = await world.mail(scene)
    const { page } = scene.person
    await page.goto(await askForPassword(page, scene))
    await page.waitForSelector('main .ell-actions a, #kc-error-message')
    expect(await page.locator('input[type=password]').count()).toBe(0)
    expect(await page.innerText('main')).toContain('Ouvrez l’e-mail')
    await expectFinished(page, confirmationLink(mail))
  })

  it('forgotten at Keycloak between the click and the confirmation: the page of ours still works', async () => {
    const scene = await world.newScene('oubli-entre')
    await world.start(scene)
    const mail = await world.mail(scene)
    const { page } = await world.open()
    await page.goto(confirmationLink(mail))
    await press(page, '#ell-confirm', 'confirm')
    const keycloak = await world.open()
    await keycloak.page.goto(await askForPassword(keycloak.page, scene))
    await keycloak.page.waitForSelector('#kc-error-message, main .ell-actions a')
    expect(await keycloak.page.locator('input[type=password]').count()).toBe(0)
    await typePassword(page, chosenPassword)
    await expectPlace(page, 'application:signed-in')
  })

  it('forgotten at Keycloak after the opening: a new one is chosen, in this browser and on another device', async () => {
    const scene = await world.newScene('oubli-apres')
    await world.finish(scene)
    const { page } = await world.open()
    await page.goto(await askForPassword(page, scene))
    await expectPlace(page, 'login-login-update-password')
    await chooseAnother(page)
    await expectPlace(page, 'application:signed-in')
    const telephone = await world.open()
    const device = await world.open({ viewport: { width: 360, height: 740 } })
    await device.page.goto(await askForPassword(telephone.page, scene))
    await expectPlace(device.page, 'login-login-update-password')
    await device.page.fill('input[name=password-new]', 'Encore-un-autre-mot-de-passe')
    await device.page.fill('input[name=password-confirm]', 'Encore-un-autre-mot-de-passe')
    await device.page.click('#kc-submit')
    await expectPlace(device.page, 'login-info')
    await press(device.page, 'main .ell-actions a', 'application:signed-out')
    await signIn(device.page, world, scene.address, 'Encore-un-autre-mot-de-passe')
    await expectPlace(device.page, 'application:signed-in')
  })

  it('wrong at Keycloak’s form, ten times and more: the same words, and "forgotten password" still opens', async () => {
    const scene = await world.newScene('dix-fois')
    await world.finish(scene)
    const { page } = await world.open()
    await signIn(page, world, scene.address, 'wrong-0')
    for (let tries = 1; tries < 12; tries++) {
      await page.waitForSelector('.ell-error')
      await page.fill('input[name=password]', `wrong-${tries}`)
      await page.click('#kc-login')
    }
    await page.waitForSelector('.ell-error')
    await page.goto(await askForPassword(page, scene))
    await page.waitForSelector('main :is(.ell-actions a, #kc-submit, .ell-lead)')
    await expectPlace(page, 'login-login-update-password')
    await chooseAnother(page)
    await expectPlace(page, 'application:signed-in')
  })
})

describe.concurrent('two colleagues on one login', () => {
  it('start and confirm at the same time: one is opened, the other has a request at the desk', async () => {
    const scene = await world.newScene('ensemble')
    const second = { ...scene, address: `b.${scene.address}`, person: await world.open() }
    const people = [scene, second]
    await Promise.all(people.map((one) => world.start(one)))
    await Promise.all(
      people.map(async (one) => {
        const { page } = one.person
        await page.goto(confirmationLink(await world.mail(one)))
        await press(page, '#ell-confirm', 'confirm')
      }),
    )
    await Promise.all(people.map(({ person }) => typePassword(person.page, chosenPassword)))
    const waiting: Page[] = []
    for (const { person } of people)
      if ((await expectPlace(person.page, 'application:signed-in', 'waiting-proved')) === 'waiting-proved')
        waiting.push(person.page)
    expect(waiting).toHaveLength(1)
    const [page] = waiting as [Page]
    expect(await page.innerText('main')).toMatch(/0825 123 456/)
    expect(await page.innerText('.ell-code')).toMatch(/^ELP-/)
    await page.reload()
    await expectPlace(page, 'waiting-proved')
    const states = await sql('SELECT state FROM ellipro.activation WHERE login = $1 ORDER BY state', [
      scene.login,
    ])
    expect(states).toEqual([{ state: 'opened' }, { state: 'waiting' }])
  })

  it('at one computer: the second asks for an account of their own, and each mail finishes its own', async () => {
    const scene = await world.newScene('un-poste')
    await world.start(scene)
    const second = { ...scene, address: `b.${scene.address}` }
    await world.start(second, { anew: true })
    await expectFinished(scene.person.page, confirmationLink(await world.mail(second)))
    const { page } = await world.open()
    await page.goto(confirmationLink(await world.mail(scene)))
    await press(page, '#ell-confirm', 'confirm')
    await typePassword(page, chosenPassword)
    await expectPlace(page, 'waiting-proved')
  })
})

describe.concurrent('the e-mail address, changed afterwards by its owner', () => {
  it('counts once the new mailbox is proved; the old address is told, and the person signs in with the new one', async () => {
    const scene = await world.newScene('nouvelle')
    await world.finish(scene)
    const fresh = `neuve.${scene.address}`
    const { page } = scene.person
    // What the button "change my e-mail" of Keycloak's account page opens.
    const ask = new URL(`${product.urls.realm}/protocol/openid-connect/auth`)
    ask.search = String(
      new URLSearchParams({
        client_id: 'account-console',
        redirect_uri: `${product.urls.realm}/account/`,
        response_type: 'code',
        scope: 'openid',
        kc_action: 'UPDATE_EMAIL',
        code_challenge_method: 'S256',
        code_challenge: 'E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM',
      }),
    )
    await page.goto(ask.href)
    await page.waitForSelector('input[name=email], input[name=password]')
    if (await page.locator('input[name=password]').count()) {
      await page.fill('input[name=password]', chosenPassword)
      await page.click('#kc-login')
    }
    await expectPlace(page, 'login-update-email')
    await page.fill('input[name=email]', fresh)
    await page.click('main form [type=submit] >> nth=0')
    await expectPlace(page, 'login-info')
    const mail = await product.inbox.waitForMail(fresh)
    await page.goto(confirmationLink(mail))
    await expectPlace(page, 'login-info')
    await page.waitForSelector('main .ell-actions a')
    const other = await world.open()
    await signIn(other.page, world, scene.address, chosenPassword)
    await other.page.waitForSelector('.ell-error')
    await signIn(other.page, world, fresh, chosenPassword)
    await expectPlace(other.page, 'application:signed-in')
    const told = await product.inbox.waitForMail(
      scene.address,
      ({ text }) => text.includes(fresh) || /chang/i.test(text),
      90_000,
    )
    expect(told.text).toContain('0825 123 456')
  })
})

describe.concurrent('a user in the console', () => {
  it('disabled before the click', async () => {
    const scene = await world.newScene('desactive-avant')
    const id = await world.start(scene)
    const mail = await world.mail(scene)
    await disable(scene)
    const { page } = scene.person
    await page.goto(confirmationLink(mail))
    await expectPlace(page, 'login-error')
    await press(page, 'main .ell-actions a', 'sent')
    await page.click(submit)
    await world.waitForRow(`SELECT FROM ellipro.activation WHERE id = $1 AND state = 'refused'`, [id])
    await page.goto(`${provider}/activation/${id}`)
    await expectPlace(page, 'sent-refused')
    await press(page, way('/'), 'login')
  })

  it('deleted before the click', async () => {
    const scene = await world.newScene('efface-avant')
    const id = await world.start(scene)
    const mail = await world.mail(scene)
    await remove(scene)
    const { page } = scene.person
    await page.goto(confirmationLink(mail))
    await expectPlace(page, 'login-error')
    await press(page, 'main .ell-actions a', 'sent')
    await page.click(submit)
    await world.waitForRow(`SELECT FROM ellipro.activation WHERE id = $1 AND state = 'refused'`, [id])
    await page.goto(`${provider}/activation/${id}`)
    await expectPlace(page, 'sent-refused')
    await press(page, way('/'), 'login')
  })

  it.each([
    ['disabled', disable],
    ['deleted', remove],
  ])('%s before the confirmation: nothing opens, and the page names the desk', async (_what, change) => {
    const scene = await world.newScene('change-entre')
    await world.start(scene)
    const { page } = scene.person
    await page.goto(confirmationLink(await world.mail(scene)))
    await press(page, '#ell-confirm', 'confirm')
    await change(scene)
    await typePassword(page, chosenPassword)
    await expectPlace(page, 'opening-failed')
    expect(await page.innerText('main')).toContain('0825 123 456')
    await press(page, way('/'), 'login')
  })

  it('disabled after the opening: Keycloak and the Cofacering door say whom to call', async () => {
    const scene = await world.newScene('desactive-apres')
    await world.finish(scene)
    await disable(scene)
    const { page } = await world.open()
    await signIn(page, world, scene.address, chosenPassword)
    await page.waitForSelector('.ell-error, .ell-notice, #kc-error-message')
    expect(await page.innerText('main')).toContain('0825 123 456')
    await expectPlace(await knock(scene), 'moved')
  })

  it('deleted after the opening: the Cofacering door leads to the desk once the sweep has seen it', async () => {
    const scene = await world.newScene('efface-apres')
    await world.finish(scene)
    await world.waitForRow('SELECT FROM ellipro.activation WHERE login = $1 AND unlinked_at IS NOT NULL', [
      scene.login,
    ])
    await remove(scene)
    await expectPlace(await knock(scene), 'moved')
    // What the nightly sweep writes (test/admin-sync/accounts/sweep).
    await sql(`UPDATE ellipro.activation SET state = 'closed', reason = 'user_gone' WHERE login = $1`, [
      scene.login,
    ])
    const page = await knock(scene)
    await expectPlace(page, 'desk-closed')
    expect(await page.innerText('main')).toContain('0825 123 456')
  })
})

describe('the opening', () => {
  it('outlives the time of its activation: what was confirmed in time opens, however long it takes', async () => {
    const scene = await world.newScene('expire-ouverture')
    const id = await world.start(scene)
    const { page } = scene.person
    await page.goto(confirmationLink(await world.mail(scene)))
    await press(page, '#ell-confirm', 'confirm')
    await product.stop('adminSync')
    await typePassword(page, chosenPassword)
    await expectPlace(page, 'opening')
    await sql(`UPDATE ellipro.activation SET expires_at = now() - interval '1 minute' WHERE id = $1`, [id])
    await page.goto(`${provider}/activation/${id}/opening?n=99`)
    await expectPlace(page, 'opening-slow')
    await product.start('adminSync')
    await expectPlace(page, 'application:signed-in')
  })
})
