/**
 * The pages as people treat them: Back, reload, double clicks, two tabs, two devices, no cookies, a page left open over
 * lunch. Each scene ends on a page that says what to do and whose way on is followed.
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { chromium, type Page } from 'playwright-core'
import { describe, expect, it } from 'vitest'
import { findBrowser } from '../../dev/browser.ts'
import {
  back,
  chosenPassword,
  confirmationLink,
  confirmationUrl,
  expectPlace,
  press,
  startWorld,
  submit,
  typeDetails,
  typeLogin,
  typePassword,
  way,
  withdrawalUrl,
} from './people.ts'

const world = await startWorld()
const { sql, product } = world
const { provider, portal } = product.urls

const activationsOf = (login: string) =>
  sql('SELECT id, state FROM ellipro.activation WHERE login = $1', [login])
const mailsTo = (address: string) => product.inbox.mails.filter((mail) => mail.to.includes(address))
/** What the browser forgets by itself once it is late. */
const age = (page: Page, name: RegExp) => page.context().clearCookies({ name })

/** The place is the same once it is loaded again. */
async function expectSame(page: Page, place: string): Promise<void> {
  await page.reload()
  await expectPlace(page, place)
}

describe.concurrent('Back and reload', () => {
  it('after each step up to the mail lead to where the person is, and send nothing again', async () => {
    const scene = await world.newScene('retour')
    const { page } = scene.person
    const expectReloaded = (place: string) => expectSame(page, place)
    await page.goto(`${portal}/sign-in?door=cofacering`)
    await expectPlace(page, 'login')
    await expectReloaded('login')
    // A mistake, and back to the form after its answer.
    await page.fill('input[name=login]', scene.login)
    await typePassword(page, 'not-the-password')
    await page.waitForSelector('.ell-error')
    await expectReloaded('login')
    await typeLogin(page, scene)
    await expectPlace(page, 'redirection')
    await expectReloaded('redirection')
    await back(page)
    await expectPlace(page, 'login')
    await typeLogin(page, scene)
    await expectPlace(page, 'redirection')
    await typeDetails(page, 'not-an-address')
    await page.waitForSelector('.ell-error')
    await expectReloaded('redirection')
    await typeDetails(page, scene.address)
    await expectPlace(page, 'sent')
    await expectReloaded('sent')
    await back(page)
    await expectPlace(page, 'sent')
    await press(page, way(new URL(page.url()).pathname + '/address'), 'address')
    await expectReloaded('address')
    await back(page)
    await expectPlace(page, 'sent')
    await world.mail(scene)
    expect(await activationsOf(scene.login)).toHaveLength(1)
    expect(mailsTo(scene.address)).toHaveLength(1)
  })

  it('from the mail to the portal lead to where the person is', async () => {
    const scene = await world.newScene('retour-lien')
    const id = await world.start(scene)
    const { page } = scene.person
    await page.goto(confirmationLink(await world.mail(scene)))
    await expectSame(page, 'login-info')
    await press(page, '#ell-confirm', 'confirm')
    await expectSame(page, 'confirm')
    // Back to Keycloak's page: it has served, and leads here again.
    await back(page)
    await expectPlace(page, 'login-info')
    await press(page, '#ell-continue', 'confirm')
    await typePassword(page, chosenPassword)
    await expectPlace(page, 'application:signed-in')
    await expectSame(page, 'application:signed-in')
    await page.goto(`${provider}/activation/${id}/opening`)
    await expectPlace(page, 'application:signed-in', 'opening-opened')
    expect(await activationsOf(scene.login)).toMatchObject([{ state: 'opened' }])
  })

  it('after "it was not me" and after the password that was wrong', async () => {
    const scene = await world.newScene('retour-non')
    await world.start(scene)
    const mail = await world.mail(scene)
    const { page } = await world.open()
    await page.goto(confirmationLink(mail))
    await press(page, '#ell-confirm', 'confirm')
    await typePassword(page, 'not-the-one')
    await page.waitForSelector('.ell-error')
    await page.reload()
    await expectPlace(page, 'confirm')
    await page.goto(withdrawalUrl(mail))
    await expectPlace(page, 'withdraw-valid')
    await press(page, submit, 'withdraw-done')
    await back(page)
    await expectPlace(page, 'confirm-ended', 'confirm-bad-link', 'withdraw-done')
    await page.reload()
    expect(await page.locator('input[name=password]').count()).toBe(0)
  })
})

describe.concurrent('a double click', () => {
  it('on each button of the way does what one click does', async () => {
    const scene = await world.newScene('double')
    const { page } = scene.person
    await page.goto(`${provider}/`)
    await page.fill('input[name=login]', scene.login)
    await page.fill('input[name=password]', scene.password)
    await page.dblclick(submit)
    await expectPlace(page, 'redirection')
    await page.fill('input[name=email]', `faute.${scene.address}`)
    await page.check('input[name=shared][value=no]')
    await page.fill('input[name=password]', chosenPassword)
    await page.dblclick(submit)
    await expectPlace(page, 'sent')
    await world.mail({ ...scene, address: `faute.${scene.address}` })
    expect(await activationsOf(scene.login)).toHaveLength(1)
    await press(page, way(new URL(page.url()).pathname + '/address'), 'address')
    await page.fill('input[name=email]', scene.address)
    await page.dblclick(submit)
    await expectPlace(page, 'sent')
    expect(await page.innerText('main')).toContain(scene.address)
    await world.mail(scene)
    expect(await activationsOf(scene.login)).toHaveLength(2)
    await page.dblclick(submit)
    await expectPlace(page, 'sent')
    const mail = await world.mail(scene, 2)
    await page.goto(confirmationLink(mail))
    await expectPlace(page, 'login-info')
    await page.dblclick('#ell-confirm')
    await expectPlace(page, 'confirm')
    await page.fill('input[name=password]', chosenPassword)
    await page.dblclick(submit)
    await expectPlace(page, 'application:signed-in')
    expect(mailsTo(scene.address)).toHaveLength(2)
    // Keycloak's own buttons.
    const { page: keycloak } = await world.open()
    await keycloak.goto(`${portal}/sign-in`)
    await keycloak.click('a[href*="reset-credentials"]')
    await keycloak.fill('input[name=username]', scene.address)
    await keycloak.dblclick('main form button[type=submit], main form [type=submit]')
    await expectPlace(keycloak, 'login-login')
    await keycloak.fill('input[name=username]', scene.address)
    await keycloak.fill('input[name=password]', chosenPassword)
    await keycloak.dblclick('#kc-login')
    await expectPlace(keycloak, 'application:signed-in')
  })

  it('on "it was not me", and on the way back to Keycloak', async () => {
    const scene = await world.newScene('double-non')
    await world.start(scene)
    const { page } = scene.person
    await page.goto(withdrawalUrl(await world.mail(scene)))
    await expectPlace(page, 'withdraw-valid')
    await page.dblclick(submit)
    await expectPlace(page, 'withdraw-done')
    await page.goto(`${portal}/sign-in?door=cofacering`)
    await expectPlace(page, 'login')
    await page.dblclick('form[action$="/cancel"] button')
    await expectPlace(page, 'login-login')
  })
})

describe.concurrent('two tabs of one browser', () => {
  it('opened together for the first time, both forms are taken', async () => {
    const scene = await world.newScene('onglets')
    const { context, page } = scene.person
    const second = await context.newPage()
    await Promise.all([page.goto(`${provider}/`), second.goto(`${provider}/`)])
    for (const tab of [page, second]) {
      await expectPlace(tab, 'login')
      await typeLogin(tab, scene)
      await expectPlace(tab, 'redirection')
    }
  })

  it('both ask at once: two mails, of which either opens the account, and the other says that it is open', async () => {
    const scene = await world.newScene('onglets-demande')
    const { context, page } = scene.person
    await page.goto(`${provider}/`)
    await typeLogin(page, scene)
    await expectPlace(page, 'redirection')
    const second = await context.newPage()
    await second.goto(`${provider}/redirection`)
    await expectPlace(second, 'redirection')
    await Promise.all([page, second].map((tab) => typeDetails(tab, scene.address)))
    await Promise.all([page, second].map((tab) => expectPlace(tab, 'sent')))
    const [first, last] = [await world.mail(scene, 1), await world.mail(scene, 2)]
    await page.goto(confirmationLink(last))
    await press(page, '#ell-confirm', 'confirm')
    await typePassword(page, chosenPassword)
    await expectPlace(page, 'application:signed-in')
    const { page: later } = await world.open()
    await later.goto(confirmationLink(first))
    await later.click('#ell-confirm, #ell-continue')
    if ((await expectPlace(later, 'confirm', 'resume')) === 'confirm') {
      await typePassword(later, chosenPassword)
      await expectPlace(later, 'moved')
    }
    await press(later, `main a[href^="${portal}"]`, 'login-login')
  })

  it('the same link in both, confirmed in both within a second: both end signed in, one account is opened', async () => {
    const scene = await world.newScene('onglets-lien')
    await world.start(scene)
    const link = confirmationLink(await world.mail(scene))
    const { context, page } = await world.open()
    const second = await context.newPage()
    await Promise.all([page.goto(link), second.goto(link)])
    await Promise.all([page, second].map((tab) => expectPlace(tab, 'login-info')))
    await press(page, '#ell-confirm', 'confirm')
    await second.bringToFront()
    // Keycloak has replaced its session meanwhile, and the mailbox is confirmed: the page says so and goes on.
    await second.click('#ell-confirm')
    await press(second, '#ell-continue', 'confirm')
    await Promise.all([page, second].map((tab) => typePassword(tab, chosenPassword)))
    for (const tab of [page, second]) {
      const place = await expectPlace(tab, 'application:signed-in', 'opening-opened', 'confirm-opened')
      if (place !== 'application:signed-in')
        await press(tab, `main a[href^="${portal}"]`, 'application:signed-in')
    }
    expect(await activationsOf(scene.login)).toMatchObject([{ state: 'opened' }])
  })

  it('a tab whose sign-in was overtaken by another’s: it says that the account is open, not to sign in at Cofacering', async () => {
    const scene = await world.newScene('onglet-depasse')
    const id = await world.start(scene)
    const { page, context } = scene.person
    await page.goto(confirmationLink(await world.mail(scene)))
    await press(page, '#ell-confirm', 'confirm')
    const form = {
      csrf: await page.inputValue('input[name=csrf]'),
      password: chosenPassword,
    }
    await context.request.post(page.url(), { form, maxRedirects: 0 })
    await world.waitForRow(`SELECT FROM ellipro.activation WHERE id = $1 AND state = 'opened'`, [id])
    // Each of these pages goes on to Keycloak with a proof of its own, and the newer one counts.
    const continuations = []
    for (let tabs = 0; tabs < 2; tabs++) {
      const body = await (await context.request.get(`${provider}/activation/${id}/opening`)).text()
      continuations.push(/href="([^"]+openid-connect\/auth[^"]+)"/.exec(body)![1]!.replaceAll('&amp;', '&'))
    }
    await page.goto(continuations[0]!)
    await expectPlace(page, 'opening-opened')
    await page.goto(continuations[1]!)
    await expectPlace(page, 'application:signed-in')
  })

  it('the first tab, looked at again once the account is open, leads to it', async () => {
    const scene = await world.newScene('onglet-premier')
    const id = await world.start(scene)
    const { page, context } = scene.person
    await page.goto(`${provider}/activation/${id}`)
    await expectPlace(page, 'sent')
    const second = await context.newPage()
    await second.goto(confirmationLink(await world.mail(scene)))
    await press(second, '#ell-confirm', 'confirm')
    await typePassword(second, chosenPassword)
    await expectPlace(second, 'application:signed-in')
    await press(page, way(`/activation/${id}`), 'sent-opened')
    await press(page, `main a[href^="${portal}"]`, 'application:signed-in')
  })
})

describe.concurrent('two devices', () => {
  it('the same link on both, confirmed on both within a second: one account, and each is told where to go', async () => {
    const scene = await world.newScene('appareils')
    await world.start(scene)
    const mail = await world.mail(scene)
    const devices = await Promise.all([world.open(), world.open({ viewport: { width: 360, height: 740 } })])
    const [desk, telephone] = devices.map(({ page }) => page) as [Page, Page]
    await desk.goto(confirmationLink(mail))
    await press(desk, '#ell-confirm', 'confirm')
    await telephone.goto(confirmationUrl(mail))
    await expectPlace(telephone, 'confirm')
    await Promise.all([desk, telephone].map((page) => typePassword(page, chosenPassword)))
    for (const page of [desk, telephone]) {
      const place = await expectPlace(page, 'application:signed-in', 'opening-opened', 'confirm-opened')
      if (place !== 'application:signed-in') await press(page, `main a[href^="${portal}"]`, 'login-login')
    }
    expect(await activationsOf(scene.login)).toMatchObject([{ state: 'opened' }])
  })

  it('begun on one, asked for again on the other with the password first typed', async () => {
    const scene = await world.newScene('appareil-autre')
    const id = await world.start(scene)
    await world.mail(scene)
    const { page } = await world.open({ viewport: { width: 360, height: 740 } })
    await page.goto(`${provider}/activation/${id}`)
    await expectPlace(page, 'sent-elsewhere')
    await typePassword(page, chosenPassword)
    await page.waitForSelector('.ell-notice--success')
    await expectPlace(page, 'sent-elsewhere')
    await page.goto(confirmationLink(await world.mail(scene, 2)))
    await press(page, '#ell-confirm', 'confirm')
  })
})

describe('cookies refused', () => {
  it('each door says so and none loops; the link of the mail too', async () => {
    const scene = await world.newScene('sans-cookies')
    await world.start(scene)
    const mail = await world.mail(scene)
    const profile = mkdtempSync(join(tmpdir(), 'ellipro-profile-'))
    mkdirSync(join(profile, 'Default'))
    const refuse = { profile: { default_content_setting_values: { cookies: 2 } } }
    writeFileSync(join(profile, 'Default', 'Preferences'), JSON.stringify(refuse))
    const found = findBrowser()!
    const context = await chromium.launchPersistentContext(profile, {
      executablePath: found.executablePath,
      args: found.args,
      env: { ...(process.env as Record<string, string>), ...found.env },
      locale: 'fr-FR',
    })
    try {
      const page = await context.newPage()
      await page.goto(`${provider}/`)
      await expectPlace(page, 'login')
      await typeLogin(page, scene)
      await expectPlace(page, 'error')
      expect(await page.innerText('main')).toContain('cookies')
      await press(page, way('/'), 'login')
      // Brokered: Keycloak cannot remember anything either.
      await page.goto(`${portal}/sign-in?door=cofacering`)
      await expectPlace(page, 'login-error')
      expect(await page.innerText('main')).toContain('cookies')
      await page.goto(confirmationUrl(mail))
      await expectPlace(page, 'confirm-no-link')
      expect(await page.innerText('main')).toContain('cookies')
      await page.goto(withdrawalUrl(mail))
      await expectPlace(page, 'withdraw-bad-code')
      expect(await page.innerText('main')).toContain('cookies')
      await page.goto(portal)
      await expectPlace(page, 'application:message')
      // Keycloak's own.
      await page.goto(confirmationLink(mail))
      await page.waitForSelector('#ell-confirm, #kc-error-message')
    } finally {
      await context.close()
      rmSync(profile, { recursive: true, force: true })
    }
  })
})

describe.concurrent('a page left open for two hours', () => {
  it('the redirection screen: the Cofacering sign-in is over, and the form says so', async () => {
    const scene = await world.newScene('deux-heures')
    const { page } = scene.person
    await page.goto(`${provider}/`)
    await typeLogin(page, scene)
    await expectPlace(page, 'redirection')
    await sql(
      `UPDATE provider.legacy_sign_in SET expires_at = now() - interval '90 minutes' WHERE login = $1`,
      [scene.login],
    )
    await typeDetails(page, scene.address)
    await expectPlace(page, 'login')
    await page.waitForSelector('.ell-notice')
    await age(page, /sign_in/)
    await page.goto(`${provider}/redirection`)
    await expectPlace(page, 'login')
    await page.waitForSelector('.ell-notice')
    await typeLogin(page, scene)
    await expectPlace(page, 'redirection')
  })

  it('the Cofacering page that Keycloak led to', async () => {
    const scene = await world.newScene('deux-heures-op')
    const { page } = scene.person
    await page.goto(`${portal}/sign-in?door=cofacering`)
    await expectPlace(page, 'login')
    await age(page, /op_/)
    await typeLogin(page, scene)
    await expectPlace(page, 'interaction-gone')
    await press(page, way('/'), 'login')
    await typeLogin(page, scene)
    await expectPlace(page, 'redirection')
  })

  it('a form whose browser has forgotten everything: it says so, and a new page is taken', async () => {
    const scene = await world.newScene('deux-heures-form')
    const { page } = scene.person
    await page.goto(`${provider}/`)
    await expectPlace(page, 'login')
    await page.context().clearCookies()
    await typeLogin(page, scene)
    await expectPlace(page, 'error')
    await press(page, way('/'), 'login')
    await typeLogin(page, scene)
    await expectPlace(page, 'redirection')
  })

  it('the confirmation page: still good; without its cookies, the link has to be opened again', async () => {
    const scene = await world.newScene('deux-heures-lien')
    await world.start(scene)
    const mail = await world.mail(scene)
    const { page } = await world.open()
    await page.goto(confirmationLink(mail))
    await press(page, '#ell-confirm', 'confirm')
    await age(page, /act_/)
    await typePassword(page, chosenPassword)
    await expectPlace(page, 'confirm-no-link')
    await page.goto(confirmationLink(mail))
    await press(page, '#ell-continue', 'resume')
    await press(page, way('/'), 'login')
  })

  it('the page after the confirmation', async () => {
    const scene = await world.newScene('deux-heures-fin')
    await world.finish(scene)
    const [{ id }] = (await activationsOf(scene.login)) as [{ id: string }]
    const { page } = scene.person
    await age(page, /finish_/)
    await page.goto(`${provider}/activation/${id}/opening`)
    await expectPlace(page, 'confirm-opened')
    await page.goto(`${provider}/sign-in/callback?state=0123456789abcdef&code=x`)
    await expectPlace(page, 'sign-in-problem')
    await press(page, `main a[href^="${portal}"]`, 'application:signed-in')
    await page.goto(`${provider}/sign-in/switch`)
    await expectPlace(page, 'sign-in-problem')
  })
})

describe('Keycloak’s own page left open for two hours', () => {
  it('its sign-in form, and its page of the mail’s link, say so and go on', async () => {
    const scene = await world.newScene('deux-heures-kc')
    await world.start(scene)
    const mail = await world.mail(scene)
    const realm = (await world.admin('GET', '')) as Record<string, unknown>
    const form = await world.open()
    const link = await world.open()
    await world.admin('PUT', '', {
      ...realm,
      accessCodeLifespanLogin: 1,
      accessCodeLifespan: 1,
      accessCodeLifespanUserAction: 1,
    })
    try {
      await form.page.goto(`${portal}/sign-in`)
      await expectPlace(form.page, 'login-login')
      await link.page.clock.install()
      await link.page.goto(confirmationLink(mail))
      await expectPlace(link.page, 'login-info')
      await form.page.waitForTimeout(4_000)
      await form.page.fill('input[name=username]', 'anyone@people.example')
      await form.page.fill('input[name=password]', 'anything')
      await form.page.click('#kc-login')
      await form.page.waitForSelector('.ell-notice, #loginRestartLink')
      await expectPlace(form.page, 'login-login')
    } finally {
      await world.admin('PUT', '', realm)
    }
    await link.page.clock.fastForward('02:00:00')
    await press(link.page, '#ell-confirm', 'confirm')
  })
})
