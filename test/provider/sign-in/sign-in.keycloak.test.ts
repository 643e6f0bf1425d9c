/** The end of an activation through a real Keycloak: from the opening page to the portal, and what may be in the way. */
import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import { publishedBeforeUseSeconds, publishSuccessor } from '../../../provider/oidc/keys.ts'
import { createSeal } from '../../../provider/seal.ts'
import { createDatabase } from '../../support/postgres.ts'
import { Browser, pageName, type Page } from '../support/browser.ts'
import { createOpener, type Opened } from '../support/opened.ts'
import { portalUrl, startStage } from '../support/realm.ts'

const database = await createDatabase()
const stage = await startStage(database.provider)
const opener = createOpener(database.sync)
const { origin } = stage

async function person(browser = new Browser()): Promise<{ browser: Browser; opened: Opened }> {
  const opened = await opener.open(browser, origin)
  await stage.createPerson(opener, opened)
  return { browser, opened }
}

/** From the opening page until a page stands still, or the portal is next. */
const goOn = (browser: Browser, { id }: Opened) =>
  browser.visit(`${origin}/activation/${id}/opening`, `${portalUrl}/`)

const wasRecorded = async ({ id }: Opened) => {
  const { rows } = await opener.pool.query<{ signed_in: boolean; unlinks: number }>(
    `SELECT signed_in_at IS NOT NULL AS signed_in,
       (SELECT count(*)::integer FROM ellipro.outbox WHERE activation_id = $1 AND kind = 'unlink') AS unlinks
     FROM ellipro.activation WHERE id = $1`,
    [id],
  )
  return rows[0]
}

const isPortal = (page: Page) => page.location === `${portalUrl}/sign-in`

/** Goes on until provider's callback is next, which is not opened. */
const untilCallback = async (browser: Browser, opened: Opened) => {
  const page = await browser.visit(`${origin}/activation/${opened.id}/opening`, `${origin}/sign-in/callback`)
  return page.location!
}

describe('the sign-in at the end of an activation', () => {
  it('brings the confirming browser to the portal without a form, signed in at Keycloak as the person', async () => {
    const { browser, opened } = await person()
    const page = await goOn(browser, opened)
    expect(isPortal(page)).toBe(true)
    expect(await stage.whoIsSignedIn(browser)).toBe(opened.userId)
    expect(await wasRecorded(opened)).toEqual({ signed_in: true, unlinks: 1 })
    expect(browser.cookies.filter(({ name }) => /^(rp_|op_(proof|resume|session))/.test(name))).toEqual([])
  })

  it('starts from a page that continues, so that the confirmation form never redirects out of our origin', async () => {
    const { browser, opened } = await person()
    const page = await browser.open(`${origin}/activation/${opened.id}/opening`)
    expect([page.status, pageName(page)]).toEqual([200, 'continue'])
    expect(page.body).toContain('kc_idp_hint=cofacering')
    expect(page.body).not.toContain('prompt=')
  })

  it('works when that person is signed in already', async () => {
    const { browser, opened } = await person()
    await stage.signIn(browser, opened)
    expect(isPortal(await goOn(browser, opened))).toBe(true)
  })

  it('does not happen in a browser that did not confirm', async () => {
    const { opened } = await person()
    const other = new Browser()
    const page = await goOn(other, opened)
    expect(isPortal(page)).toBe(false)
    expect(await stage.whoIsSignedIn(other)).toBeUndefined()
  })

  it('no longer works through our OP once the link was deleted', async () => {
    const { browser, opened } = await person()
    const handle = await opener.prove(browser, origin, opened)
    await stage.unlink(opened)
    const url = stage.authorizationUrl({ kc_idp_hint: 'cofacering', login_hint: handle })
    const page = await browser.visit(url, `${portalUrl}/`)
    expect(page.location).toBeUndefined()
    expect(page.status).toBe(401)
    expect(await stage.whoIsSignedIn(browser)).toBeUndefined()
  })
})

describe('the door that Keycloak brokers', () => {
  it('opens our login page inside the interaction, and its way back leads to Keycloak’s own page', async () => {
    const browser = new Browser()
    const page = await browser.visit(stage.authorizationUrl({ kc_idp_hint: 'cofacering' }), `${portalUrl}/`)
    expect([page.status, pageName(page)]).toEqual([200, 'login'])
    expect(page.url).toMatch(new RegExp(`^${origin}/interaction/`))

    const csrf = /name="csrf" value="([^"]+)"/.exec(page.body)![1]!
    const cancelled = await browser.open(`${page.url.replace(/\?.*/, '')}/cancel`, { form: { csrf } })
    const back = await browser.follow(cancelled, `${portalUrl}/`)
    expect(back.url.startsWith(stage.issuer)).toBe(true)
    expect(back.body).toContain('name="password"')
  })

  it('lets the language be changed on the answer of a form too', async () => {
    const browser = new Browser()
    const page = await browser.visit(stage.authorizationUrl({ kc_idp_hint: 'cofacering' }), `${portalUrl}/`)
    const refused = await browser.open(`${page.url.replace(/\?.*/, '')}/login`, { form: {} })
    const link = /href="([^"]*\?lang=en)"/.exec(refused.body)![1]!
    const english = await browser.open(new URL(link, origin).href)
    expect([english.status, pageName(english)]).toEqual([200, 'login'])
    expect(english.body).toContain('<html lang="en"')
  })
})

describe('a colleague who is signed in to Keycloak in that browser', () => {
  it('is named, and one click later the person is signed in instead', async () => {
    const colleague = await person()
    const { browser, opened } = await person()
    await stage.signIn(browser, colleague.opened)

    const page = await goOn(browser, opened)
    expect([page.status, pageName(page)]).toEqual([200, 'sign-in-switch'])
    expect(page.body).toContain(colleague.opened.address)
    expect(page.body).not.toContain(opened.address)
    expect(await wasRecorded(opened)).toEqual({ signed_in: false, unlinks: 0 })

    const leaving = await browser.submit(page)
    expect([leaving.status, pageName(leaving)]).toEqual([200, 'continue'])
    expect(isPortal(await browser.follow(leaving, `${portalUrl}/`))).toBe(true)
    expect(await stage.whoIsSignedIn(browser)).toBe(opened.userId)
    expect(await wasRecorded(opened)).toEqual({ signed_in: true, unlinks: 1 })
  })

  it('keeps their session when nobody clicks, and the person is not signed in', async () => {
    const colleague = await person()
    const { browser, opened } = await person()
    await stage.signIn(browser, colleague.opened)
    await goOn(browser, opened)
    expect(await stage.whoIsSignedIn(browser)).toBe(colleague.opened.userId)
    expect(await wasRecorded(opened)).toEqual({ signed_in: false, unlinks: 0 })
  })

  it('is met once: when somebody else is signed in after that too, the page offers the portal’s sign-in', async () => {
    const [first, second] = [await person(), await person()]
    const { browser, opened } = await person()
    await stage.signIn(browser, first.opened)
    const elsewhere = new Browser()
    await stage.signIn(elsewhere, second.opened)

    const page = await goOn(browser, opened)
    const leaving = await browser.submit(page)
    const back = await browser.follow(leaving, `${origin}/sign-in/switch`)
    // somebody signs in again in that browser before it comes back
    const keycloakHost = new URL(stage.issuer).host
    browser.cookies = [
      ...browser.cookies.filter(({ host }) => host !== keycloakHost),
      ...elsewhere.cookies.filter(({ host }) => host === keycloakHost),
    ]
    const end = await browser.visit(back.location!, `${portalUrl}/`)
    expect([end.status, pageName(end)]).toEqual([409, 'sign-in-problem'])
    expect(end.body).toContain('sign_in.problem.someone_else')
    expect(end.body).toContain(`${portalUrl}/sign-in`)
    expect(await wasRecorded(opened)).toEqual({ signed_in: false, unlinks: 0 })
  })

  it('cannot be signed out by another site: the form needs its CSRF field', async () => {
    const colleague = await person()
    const { browser, opened } = await person()
    await stage.signIn(browser, colleague.opened)
    await goOn(browser, opened)
    const answer = await browser.open(`${origin}/sign-in/switch`, { form: {} })
    expect(answer.status).toBe(403)
    expect(await stage.whoIsSignedIn(browser)).toBe(colleague.opened.userId)
  })

  it('is not asked about on a return that nobody started', async () => {
    const answer = await new Browser().open(`${origin}/sign-in/switch?state=${'x'.repeat(43)}`)
    expect([answer.status, pageName(answer)]).toEqual([400, 'sign-in-problem'])
  })
})

describe('a callback', () => {
  it('counts once: replayed with the same cookies, it signs nobody in again', async () => {
    const { browser, opened } = await person()
    const callback = await untilCallback(browser, opened)
    const before = browser.copy()
    expect(isPortal(await browser.open(callback))).toBe(true)
    const again = await before.open(callback)
    expect([again.status, pageName(again)]).toEqual([400, 'sign-in-problem'])
    const reload = await browser.open(callback)
    expect([reload.status, pageName(reload)]).toEqual([400, 'sign-in-problem'])
    expect(await wasRecorded(opened)).toEqual({ signed_in: true, unlinks: 1 })
  })

  it('is worth nothing in another browser, which is offered the portal’s sign-in', async () => {
    const { browser, opened } = await person()
    const callback = await untilCallback(browser, opened)
    const answer = await new Browser().open(callback)
    expect([answer.status, pageName(answer)]).toEqual([400, 'sign-in-problem'])
    expect(answer.body).toContain('sign_in.problem.unknown')
    expect(answer.body).toContain(`${portalUrl}/sign-in`)
    expect(await wasRecorded(opened)).toEqual({ signed_in: false, unlinks: 0 })
  })

  it('with the code of another sign-in of the same browser is refused', async () => {
    const { browser, opened } = await person()
    const mine = new URL(await untilCallback(browser, opened))
    const other = await person()
    const theirs = new URL(await untilCallback(other.browser, other.opened))
    mine.searchParams.set('code', theirs.searchParams.get('code')!)
    const answer = await browser.open(mine.href)
    expect([answer.status, pageName(answer)]).toEqual([400, 'sign-in-problem'])
  })

  it('with an error of Keycloak says so, and offers another try and the portal’s sign-in', async () => {
    const { browser, opened } = await person()
    const callback = new URL(await untilCallback(browser, opened))
    callback.searchParams.delete('code')
    callback.searchParams.set('error', 'temporarily_unavailable')
    const answer = await browser.open(callback.href)
    expect([answer.status, pageName(answer)]).toEqual([400, 'sign-in-problem'])
    expect(answer.body).toContain('sign_in.problem.refused')
    expect(answer.body).toContain(`/activation/${opened.id}/opening`)
  })
})

describe('a new signing key', () => {
  it('makes sign-ins go on as soon as it signs, without anything done at Keycloak', async () => {
    // Keycloak asks for keys again at an unknown kid, but not twice within ten seconds. A new key is published for
    // ten minutes before it signs; here the clock of provider jumps, and Keycloak's does not.
    await sleep(10_500)
    const seal = createSeal(stage.dependencies.config.PROVIDER_SEALING_KEY, 'op signing keys')
    await publishSuccessor(stage.dependencies.pool, seal, Date.now())
    stage.clock.offsetMs += (publishedBeforeUseSeconds + 1) * 1000
    await stage.dependencies.op.refreshKeys()
    const { browser, opened } = await person()
    expect(isPortal(await goOn(browser, opened))).toBe(true)
  })
})

describe('the log', () => {
  it('holds no address, code, handle, proof or token of all this', () => {
    // a kid is public, and looks like a secret
    const text = JSON.stringify(stage.logged.filter(({ event }) => event !== 'op.keys_changed'))
    expect(text).toContain('sign_in.finished')
    expect(text).toContain('op.proof_taken')
    expect(text).not.toMatch(/@example\.test|eyJ[\w-]{10}|code=|login_hint|[\w-]{43}(?![\w-])/)
  })
})
