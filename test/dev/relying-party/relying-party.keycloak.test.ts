/** The two demonstration applications against a real Keycloak: what an in-process provider cannot show. */
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, describe, expect, it, vi } from 'vitest'
import { createApp } from '../../../dev/relying-party/app.ts'
import { createRealm, fetchAdminToken } from '../../support/keycloak.ts'
import { createBrowser, type Visit } from './browser.ts'

const realm = await createRealm()
const issuer = `${realm.url}/realms/${realm.realmName}`
const secret = 'a-secret-for-the-test-only'
const password = 'a long enough password'
const servers: Server[] = []
const [portal, second] = [await listenSomewhere(), await listenSomewhere()]

await admin('POST', '', {
  realm: realm.realmName,
  enabled: true,
  sslRequired: 'none',
  clients: [client('portal', portal.url), client('second-app', second.url)],
  users: ['chloe', 'karim'].map((username) => ({
    username,
    email: `${username}@moreau.example`,
    emailVerified: true,
    firstName: username,
    lastName: 'Moreau',
    enabled: true,
    credentials: [{ type: 'password', value: password }],
  })),
})
for (const [key, clientId, own, other] of [
  ['portal', 'portal', portal, second],
  ['second_app', 'second-app', second, portal],
] as const) {
  const config = {
    HOST: '127.0.0.1',
    PORT: 0,
    ISSUER: issuer,
    CLIENT_SECRET: secret,
    CLIENT_ID: clientId,
    APP_URL: own.url,
    OTHER_APP_URL: other.url,
  }
  own.server.on(
    'request',
    createApp({ key, name: { fr: clientId, en: clientId } }, config, () => undefined),
  )
}
afterAll(() => {
  for (const server of servers) {
    server.close()
    server.closeAllConnections()
  }
})

async function listenSomewhere() {
  const server = createServer()
  servers.push(server)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return { server, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` }
}
async function admin(method: string, path: string, body?: unknown): Promise<Response> {
  const response = await fetch(`${realm.url}/admin/realms${path}`, {
    method,
    headers: { authorization: `Bearer ${await fetchAdminToken(realm)}`, 'content-type': 'application/json' },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  })
  if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${await response.text()}`)
  return response
}
function client(clientId: string, url: string) {
  return {
    clientId,
    secret,
    redirectUris: [`${url}/callback`],
    attributes: {
      'post.logout.redirect.uris': `${url}/`,
      'backchannel.logout.url': `${url}/backchannel-logout`,
      'backchannel.logout.session.required': 'true',
      'pkce.code.challenge.method': 'S256',
    },
  }
}

type Browser = ReturnType<typeof createBrowser>
const isSignedIn = (visit: Visit) => visit.text.includes('data-claim="sub"')
const formAction = (page: Visit) =>
  /<form[^>]*action="([^"]+)"/.exec(page.text)?.[1]?.replaceAll('&amp;', '&') ?? ''
const typePassword = (browser: Browser, page: Visit, username = 'chloe') =>
  browser.open(formAction(page), { form: { username, password } })
/** What the application itself remembers: without `text/html` its home page does not ask Keycloak. */
const remembered = async (browser: Browser, url: string) =>
  isSignedIn(await browser.open(`${url}/`, { headers: { accept: '*/*' } }))

describe('with Keycloak', () => {
  it('one sign-in opens both applications, and one sign-out closes both', async () => {
    const browser = createBrowser()
    const visit = await typePassword(browser, await browser.open(`${portal.url}/sign-in`))
    expect(visit.url).toBe(`${portal.url}/`)
    expect(visit.text).toContain('data-claim="email">chloe@moreau.example<')
    expect(isSignedIn(await browser.open(`${second.url}/`))).toBe(true)

    const back = await browser.open(`${portal.url}/sign-out`, { form: {} })
    expect(back.url).toBe(`${portal.url}/?state=signed-out`)
    await vi.waitFor(async () => expect(await remembered(browser, second.url)).toBe(false), 5000)
    expect(isSignedIn(await browser.open(`${second.url}/`))).toBe(false)
  })

  it('a session that an administrator ends is ended in the applications', async () => {
    const browser = createBrowser()
    await typePassword(browser, await browser.open(`${portal.url}/sign-in`), 'karim')
    expect(await remembered(browser, portal.url)).toBe(true)
    const users = await admin('GET', `/${realm.realmName}/users?username=karim&exact=true`)
    const [user] = (await users.json()) as { id: string }[]
    await admin('POST', `/${realm.realmName}/users/${user?.id}/logout`)
    await vi.waitFor(async () => expect(await remembered(browser, portal.url)).toBe(false), 5000)
  })

  it('a home page opened meanwhile does not disturb the login form of another tab', async () => {
    const browser = createBrowser()
    const form = await browser.open(`${portal.url}/sign-in`)
    expect(isSignedIn(await browser.open(`${portal.url}/`))).toBe(false)
    expect(isSignedIn(await browser.open(`${second.url}/`))).toBe(false)
    expect(isSignedIn(await typePassword(browser, form))).toBe(true)
  })
})
