/** The sign-in at the end of an activation when Keycloak, or what stands before it, does not answer as it should. */
import { expect, it } from 'vitest'
import { startHttpProxy, type HttpTrouble } from '../../support/fault-proxy.ts'
import { createDatabase } from '../../support/postgres.ts'
import { findFreePort } from '../../../dev/ports.ts'
import { Browser, pageName, type Page } from '../support/browser.ts'
import { startInstance } from '../support/instance.ts'
import { startKeycloakMetadata } from '../support/keycloak-metadata.ts'
import { createOpener, type Opened } from '../support/opened.ts'

const database = await createDatabase()
const opener = createOpener(database.sync)
const metadata = await startKeycloakMetadata()
const proxy = await startHttpProxy(metadata.url, '127.0.0.1')
metadata.publicUrl = proxy.url
const [{ origin, logged, clock }, nowhere] = await Promise.all([
  startInstance(database.provider, { KEYCLOAK_URL: proxy.url }),
  startInstance(database.provider, { KEYCLOAK_URL: `http://127.0.0.1:${await findFreePort()}` }),
])

function expectAnotherTry(page: Page, { id }: Opened): void {
  expect([page.status, pageName(page)]).toEqual([503, 'sign-in-problem'])
  expect(page.headers.get('retry-after')).toMatch(/^\d+$/)
  expect(page.body).toContain('sign_in.problem.unavailable')
  expect(page.body).toContain(`href="/activation/${id}/opening"`)
}
/** To the page that goes on to Keycloak; where it goes. */
async function goToKeycloak(browser: Browser, opened: Opened): Promise<URL> {
  const page = await browser.open(`${origin}/activation/${opened.id}/opening`)
  expect(pageName(page)).toBe('continue')
  const url = /http-equiv="refresh" content="0;url=([^"]+)"/.exec(page.body)?.[1]
  return new URL((url ?? '').replaceAll('&amp;', '&'))
}

it('says that the account is open, and offers another try, when Keycloak cannot be reached', async () => {
  const browser = new Browser()
  const opened = await opener.open(browser, nowhere.origin)
  expectAnotherTry(await browser.open(`${nowhere.origin}/activation/${opened.id}/opening`), opened)
  expect(nowhere.logged).toContainEqual(
    expect.objectContaining({ event: 'sign_in.keycloak_unavailable', activation_id: opened.id }),
  )
})

const troubles: [string, HttpTrouble][] = [
  ['a bad gateway', { status: 502, body: '<h1>Bad gateway</h1>' }],
  ['"too many requests"', { status: 429, body: 'slow down' }],
  ['a page of a proxy', { status: 200, body: '<!doctype html><title>Maintenance</title>' }],
  ['a redirect', { status: 302, headers: { location: 'https://elsewhere.example/' } }],
  ['half an answer', 'half'],
  ['a connection that is cut', 'reset'],
]

it.each(troubles)(
  'does not send a person to a Keycloak that answers with %s, and does a try later',
  async (_what, trouble) => {
    // Keycloak was there a moment ago: that is believed for a few seconds, which are over.
    const browser = new Browser()
    const opened = await opener.open(browser, origin)
    clock.offsetMs += 10_000
    proxy.trouble = () => trouble
    expectAnotherTry(await browser.open(`${origin}/activation/${opened.id}/opening`), opened)
    proxy.trouble = () => undefined
    expect((await goToKeycloak(browser, opened)).origin).toBe(proxy.url)
  },
)

it.each(troubles)('offers another try when the code is redeemed with %s', async (_what, trouble) => {
  const browser = new Browser()
  const opened = await opener.open(browser, origin)
  const asked = await goToKeycloak(browser, opened)
  proxy.trouble = (request) => (request.startsWith('POST /') ? trouble : undefined)
  const back = `${origin}/sign-in/callback?code=a-code&state=${asked.searchParams.get('state')}&iss=${encodeURIComponent(metadata.issuer())}`
  expectAnotherTry(await browser.open(back), opened)
  proxy.trouble = () => undefined
  expect((await goToKeycloak(browser, opened)).origin).toBe(proxy.url)
})

it.each([
  [500, 'server_error', 503],
  [503, 'temporarily_unavailable', 503],
  [400, 'invalid_grant', 400],
])('takes a refusal with status %i and %s for what it is: %i', async (status, error, shown) => {
  const browser = new Browser()
  const opened = await opener.open(browser, origin)
  const asked = await goToKeycloak(browser, opened)
  proxy.trouble = (request) =>
    request.startsWith('POST /')
      ? { status, body: JSON.stringify({ error }), headers: { 'content-type': 'application/json' } }
      : undefined
  const back = `${origin}/sign-in/callback?code=a-code&state=${asked.searchParams.get('state')}&iss=${encodeURIComponent(metadata.issuer())}`
  expect((await browser.open(back)).status).toBe(shown)
  proxy.trouble = () => undefined
})

it('logs an outage as one, and no bug', () => {
  expect(logged.filter(({ event }) => event === 'http.failed')).toEqual([])
})
