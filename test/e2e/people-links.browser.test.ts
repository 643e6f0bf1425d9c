/**
 * The links of the mails, as people and programs use them: elsewhere, twice, late, in the wrong order, by a scanner.
 * Each scene ends on a page that says what to do and whose way on is followed.
 */
import { describe, expect, it } from 'vitest'
import {
  chosenPassword,
  confirmationLink,
  confirmationUrl,
  expectFinished,
  expectPlace,
  press,
  startWorld,
  submit,
  typePassword,
  userOf,
  way,
  withdrawalUrl,
  type Scene,
} from './people.ts'

const world = await startWorld()
const { sql, product } = world
const { provider } = product.urls

const stateOf = async (id: string) =>
  (await sql('SELECT state FROM ellipro.activation WHERE id = $1', [id]))[0]!['state']
const expire = (id: string) =>
  sql(`UPDATE ellipro.activation SET expires_at = now() - interval '1 minute' WHERE id = $1`, [id])

/** The link of one more mail to the scene's user, as the job has it sent, that lives for so many seconds. */
async function sendShortLived(scene: Scene, seconds: number): Promise<string> {
  const mail = await world.mail(scene)
  const { id } = await userOf(world, scene.address)
  const query = new URLSearchParams({
    client_id: 'activation',
    redirect_uri: confirmationUrl(mail),
    lifespan: String(seconds),
  })
  await world.admin('PUT', `/users/${id}/send-verify-email?${String(query)}`)
  return confirmationLink(await world.mail(scene, 2))
}

async function resend(scene: Scene, id: string): Promise<void> {
  const { page } = scene.person
  await page.goto(`${provider}/activation/${id}`)
  await press(page, submit, 'sent')
}

describe.concurrent('the link of the mail', () => {
  it('in another browser, which knows nothing of the first one', async () => {
    const scene = await world.newScene('ailleurs')
    await world.start(scene)
    const other = await world.open()
    await expectFinished(other.page, confirmationLink(await world.mail(scene)))
  })

  it('on a telephone 320 pixels wide: no page of the way is wider', async () => {
    const scene = await world.newScene('telephone')
    await world.start(scene)
    const { page } = await world.open({
      viewport: { width: 320, height: 640 },
      isMobile: true,
      hasTouch: true,
      deviceScaleFactor: 2,
    })
    const expectNarrow = async () =>
      expect(await page.evaluate<number>('document.documentElement.scrollWidth')).toBeLessThanOrEqual(320)
    await page.goto(confirmationLink(await world.mail(scene)))
    await expectPlace(page, 'login-info')
    await expectNarrow()
    await page.tap('#ell-confirm')
    await expectPlace(page, 'confirm')
    await expectNarrow()
    await page.fill('input[name=password]', 'not-the-one')
    await page.tap(submit)
    await page.waitForSelector('.ell-error')
    await expectNarrow()
    await page.fill('input[name=password]', chosenPassword)
    await page.tap(submit)
    await expectPlace(page, 'application:signed-in')
  })

  it('a mail scanner opens everything, with and without cookies: nothing changes, and the person finishes', async () => {
    const scene = await world.newScene('robot')
    const id = await world.start(scene)
    const mail = await world.mail(scene)
    await world.waitForRow(`SELECT FROM ellipro.activation WHERE id = $1 AND state = 'mailed'`, [id])
    const events = () => sql('SELECT id FROM ellipro.activation_event WHERE activation_id = $1', [id])
    const before = await events()
    const user = await world.admin('GET', `/users?username=${encodeURIComponent(scene.address)}`)
    const links = [
      confirmationLink(mail),
      confirmationUrl(mail),
      withdrawalUrl(mail),
      `${provider}/activation/continue`,
    ]
    for (const link of links) {
      for (const method of ['HEAD', 'GET']) await fetch(link, { method, redirect: 'follow' })
      const robot = await world.open()
      await robot.context.request.head(link)
      await robot.page.goto(link)
      await robot.context.close()
    }
    expect(await events()).toEqual(before)
    expect(await world.admin('GET', `/users?username=${encodeURIComponent(scene.address)}`)).toEqual(user)
    await expectFinished(scene.person.page, confirmationLink(mail))
  })

  it('a scanner that also follows the button confirms the mailbox and nothing else; the person goes on', async () => {
    const scene = await world.newScene('robot-zele')
    const id = await world.start(scene)
    const mail = await world.mail(scene)
    const robot = await world.open()
    await robot.page.goto(confirmationLink(mail))
    await press(robot.page, '#ell-confirm', 'confirm')
    expect(await stateOf(id)).toBe('mailed')
    // The person comes after it, in the browser where it began.
    const { page } = scene.person
    await page.goto(confirmationLink(mail))
    await expectPlace(page, 'login-info')
    await press(page, '#ell-continue', 'sent')
    await press(page, submit, 'sent')
    await expectFinished(page, confirmationLink(await world.mail(scene, 2)))
  })

  it('after that scanner, in a browser that knows nothing: the page says how to start again', async () => {
    const scene = await world.newScene('robot-ailleurs')
    await world.start(scene)
    const mail = await world.mail(scene)
    const robot = await world.open()
    await robot.page.goto(confirmationLink(mail))
    await press(robot.page, '#ell-confirm', 'confirm')
    const { page } = await world.open()
    await page.goto(confirmationLink(mail))
    await press(page, '#ell-continue', 'resume')
    await press(page, way('/'), 'login')
  })

  it('an older mail, used after a newer one was asked for: it says so, and the newer one opens the account', async () => {
    const scene = await world.newScene('ancien')
    const id = await world.start(scene)
    const old = await world.mail(scene)
    await resend(scene, id)
    const fresh = await world.mail(scene, 2)
    const { page } = await world.open()
    await page.goto(confirmationLink(old))
    await page.click('#ell-confirm')
    await expectPlace(page, 'confirm-bad-link')
    await expectFinished(page, confirmationLink(fresh))
  })

  it('an older mail, after the newer one has opened the account: the way on is to sign in', async () => {
    const scene = await world.newScene('ancien-apres')
    const id = await world.start(scene)
    const old = await world.mail(scene)
    await resend(scene, id)
    await expectFinished(scene.person.page, confirmationLink(await world.mail(scene, 2)))
    const { page } = await world.open()
    await page.goto(confirmationLink(old))
    await press(page, '#ell-continue', 'resume')
    await press(page, `main a[href^="${product.urls.portal}"]`, 'login-login')
  })

  it('a used link, in the browser that used it: the account is open', async () => {
    const scene = await world.newScene('deja-servi')
    const mail = await world.finish(scene)
    await world.waitForRow('SELECT FROM ellipro.activation WHERE login = $1 AND unlinked_at IS NOT NULL', [
      scene.login,
    ])
    const { page } = scene.person
    await page.goto(confirmationLink(mail))
    await expectPlace(page, 'login-info')
    await press(page, '#ell-continue', 'opening-opened')
    expect(await page.locator('.ell-notice').count()).toBe(0)
    await press(page, `main a[href^="${product.urls.portal}"]`, 'application:signed-in')
  })

  it('a corrected address: the old link says that the request is over, the new one opens the account', async () => {
    const scene = await world.newScene('corrigee')
    const id = await world.start(scene, { address: `faute.${scene.address}` })
    const old = await world.mail({ ...scene, address: `faute.${scene.address}` })
    const { page } = scene.person
    await page.goto(`${provider}/activation/${id}`)
    await press(page, way(`/activation/${id}/address`), 'address')
    await page.fill('input[name=email]', scene.address)
    await press(page, submit, 'sent')
    const mail = await world.mail(scene)
    const stranger = await world.open()
    await stranger.page.goto(confirmationLink(old))
    await expectPlace(stranger.page, 'login-error')
    expect(await stranger.page.innerText('main')).toMatch(/arrêtée ou remplacée/)
    await press(stranger.page, 'main .ell-actions a', 'resume')
    await expectFinished(page, confirmationLink(mail))
  })

  it('expired before the click', async () => {
    const scene = await world.newScene('expire-avant')
    const id = await world.start(scene)
    const link = await sendShortLived(scene, 1)
    await expire(id)
    await scene.person.page.waitForTimeout(2_500)
    const { page } = await world.open()
    await page.goto(link)
    await expectPlace(page, 'login-error')
    await press(page, '#ell-restart', 'resume')
    await press(page, way('/'), 'login')
    // Where it began, the page knows more.
    await scene.person.page.goto(link)
    await expectPlace(scene.person.page, 'login-error')
    await press(scene.person.page, '#ell-restart', 'sent-expired')
    await press(scene.person.page, way('/'), 'login')
  })

  it('expired between Keycloak’s page and its click', async () => {
    const scene = await world.newScene('expire-pendant')
    await world.start(scene)
    const { page } = await world.open()
    const link = await sendShortLived(scene, 20)
    const end = Date.now() + 21_500 // Keycloak counts in whole seconds, and the last one is still good
    await page.goto(link)
    await expectPlace(page, 'login-info')
    await page.waitForTimeout(Math.max(0, end - Date.now()))
    await page.click('#ell-confirm')
    // One of two pages of Keycloak, with one heading and one way on.
    await expectPlace(page, 'login-error', 'login-login')
    expect(await page.innerText('h1')).toBe('Ce lien n’est plus valable')
    await press(page, 'main .ell-actions a', 'resume')
  })

  it('expired on our page, before the password is sent', async () => {
    const scene = await world.newScene('expire-page')
    const id = await world.start(scene)
    const { page } = await world.open()
    await page.goto(confirmationLink(await world.mail(scene)))
    await press(page, '#ell-confirm', 'confirm')
    await expire(id)
    await typePassword(page, chosenPassword)
    await expectPlace(page, 'confirm-expired')
    await press(page, way('/'), 'login')
  })

  it('"it was not me": the page of the starting browser says so, and so do the links', async () => {
    const scene = await world.newScene('pas-moi')
    const id = await world.start(scene)
    const mail = await world.mail(scene)
    const owner = await world.open()
    await owner.page.goto(withdrawalUrl(mail))
    await expectPlace(owner.page, 'withdraw-valid')
    await press(owner.page, submit, 'withdraw-done')
    await owner.page.reload()
    await expectPlace(owner.page, 'withdraw-done')
    const { page } = scene.person
    await page.goto(`${provider}/activation/${id}`)
    await expectPlace(page, 'sent-not-me')
    await press(page, way('/'), 'login')
  })
})
