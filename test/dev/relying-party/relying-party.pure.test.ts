/**
 * The two demonstration applications against an OpenID Provider in this process: real HTTP, real protocol.
 * "pure" here means that neither PostgreSQL nor Keycloak is needed.
 */
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { generateKeyPair } from 'jose'
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import { createApp } from '../../../dev/relying-party/app.ts'
import { createBrowser, type Visit } from './browser.ts'
import { startIssuer } from './issuer.ts'

const secret = 'a-secret-for-the-test-only'
const servers: Server[] = []
const logged: string[] = []
const log = (event: string, fields?: object) => void logged.push(JSON.stringify({ event, ...fields }))
let issuer: Awaited<ReturnType<typeof startIssuer>>
let portal = ''
let second = ''
/** Where a second process of the portal can listen. */
let restarted: { server: Server; url: string }

beforeAll(async () => {
  const listening = await Promise.all([listenSomewhere(), listenSomewhere()])
  restarted = await listenSomewhere()
  ;[portal, second] = listening.map(({ url }) => url) as [string, string]
  const register = (client_id: string, url: string, ...others: string[]) => ({
    client_id,
    client_secret: secret,
    redirect_uris: [url, ...others].map((u) => `${u}/callback`),
    post_logout_redirect_uris: [`${url}/`],
    backchannel_logout_uri: `${url}/backchannel-logout`,
    backchannel_logout_session_required: true,
    token_endpoint_auth_method: 'client_secret_post' as const,
  })
  issuer = await startIssuer([register('portal', portal, restarted.url), register('second-app', second)])
  const common = { HOST: '127.0.0.1', PORT: 0, ISSUER: issuer.url, CLIENT_SECRET: secret }
  const name = { fr: 'Portail Ellipro', en: 'Ellipro portal' }
  listening[0].server.on(
    'request',
    createApp(
      { key: 'portal', name },
      { ...common, APP_URL: portal, CLIENT_ID: 'portal', OTHER_APP_URL: second },
      log,
    ),
  )
  listening[1].server.on(
    'request',
    createApp(
      { key: 'second_app', name },
      { ...common, APP_URL: second, CLIENT_ID: 'second-app', OTHER_APP_URL: portal },
      log,
    ),
  )
})
beforeEach(() => {
  issuer.answer.next = []
})
afterAll(async () => {
  await issuer.stop()
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

const claim = (visit: Visit, name: string) =>
  new RegExp(`data-claim="${name}">([^<]*)<`).exec(visit.text)?.[1]
const isSignedIn = (visit: Visit) => claim(visit, 'sub') !== undefined
const authorizationRequest = (visit: Visit) =>
  new URL(visit.trail.find((address) => address.startsWith(`${issuer.url}/auth?`))!).searchParams

async function signedInBrowser(url = portal) {
  const browser = createBrowser()
  const visit = await browser.open(`${url}/sign-in`)
  expect(isSignedIn(visit)).toBe(true)
  return { browser, visit }
}
/** Confirms the page of the issuer that asks whether to sign out. */
async function confirmSignOut(browser: ReturnType<typeof createBrowser>, page: Visit) {
  const xsrf = /name="xsrf" value="([^"]+)"/.exec(page.text)?.[1]
  return browser.open(`${issuer.url}/session/end/confirm`, { form: { xsrf: xsrf ?? '', logout: 'yes' } })
}
const postLogoutToken = (token: string) =>
  fetch(`${portal}/backchannel-logout`, {
    method: 'POST',
    body: new URLSearchParams({ logout_token: token }),
  })

describe('signing in', () => {
  it('shows who is signed in, with the claims, and escapes them', async () => {
    const { visit } = await signedInBrowser()
    expect(visit.url).toBe(`${portal}/`)
    expect(claim(visit, 'email')).toBe('chloe@moreau.example')
    expect(visit.text).toContain('Chloé &lt;Moreau&gt;')
    expect(visit.text).not.toContain('<Moreau>')
  })

  it('asks with PKCE, state and nonce, and without a hint', async () => {
    const asked = authorizationRequest((await signedInBrowser()).visit)
    expect(asked.get('code_challenge_method')).toBe('S256')
    expect(asked.get('code_challenge')).toMatch(/^[\w-]{43}$/)
    expect(asked.get('state')).toMatch(/^[\w-]{43}$/)
    expect(asked.get('nonce')).toMatch(/^[\w-]{43}$/)
    expect(asked.get('kc_idp_hint')).toBeNull()
    expect(asked.get('prompt')).toBeNull()
  })

  it('sends people from Cofacering straight to that identity provider', async () => {
    const visit = await createBrowser().open(`${portal}/sign-in?door=cofacering`)
    expect(authorizationRequest(visit).get('kc_idp_hint')).toBe('cofacering')
  })

  it('fills in the address of a link, and nothing that is none', async () => {
    const link = `${portal}/sign-in?login_hint=`
    for (const [typed, filledIn] of [
      ['claire@societe.example', 'claire@societe.example'],
      ['claire', null],
      ['a b@c', null],
      [`${'a'.repeat(300)}@c`, null],
    ] as const) {
      const visit = await createBrowser().open(`${link}${encodeURIComponent(typed)}`)
      expect([typed, authorizationRequest(visit).get('login_hint')]).toEqual([typed, filledIn])
    }
  })

  it('keeps only a random id in the browser, and changes it at the sign-in', async () => {
    const browser = createBrowser()
    issuer.answer.next = [{ error: 'access_denied' }]
    await browser.open(`${portal}/sign-in`)
    const before = browser.cookie('portal_session')
    const visit = await browser.open(`${portal}/sign-in`)
    const after = browser.cookie('portal_session')
    expect(before).toMatch(/^[\w-]{43}$/)
    expect(after).toMatch(/^[\w-]{43}$/)
    expect(after).not.toBe(before)
    const line = visit.cookies.findLast((c) => c.startsWith('portal_session='))
    expect(line).toMatch(/; HttpOnly/)
    expect(line).toMatch(/; SameSite=Lax/)
    expect(line).toMatch(/; Path=\//)
  })

  it('recognises somebody who is signed in to the other application, without a click', async () => {
    const { browser } = await signedInBrowser(portal)
    const visit = await browser.open(`${second}/`)
    expect(authorizationRequest(visit).get('prompt')).toBe('none')
    expect(isSignedIn(visit)).toBe(true)
  })

  it('shows the two buttons when nobody is signed in', async () => {
    const visit = await createBrowser().open(`${portal}/`)
    expect(visit.url).toBe(`${portal}/`)
    expect(visit.text).toContain('id="sign-in"')
    expect(visit.text).toContain('id="from-cofacering"')
  })

  it('does not run in circles in a browser that refuses cookies', async () => {
    const visit = await createBrowser({ keepCookies: false }).open(`${portal}/`)
    expect(visit.status).toBe(400)
    expect(visit.url).toContain('/callback?')
  })

  it('speaks the language of the browser, French when it is neither French nor English', async () => {
    for (const [language, expected] of [
      ['en-GB,en;q=0.9', 'en'],
      ['fr-FR,fr;q=0.9,en;q=0.8', 'fr'],
      ['de', 'fr'],
    ] as const) {
      const visit = await createBrowser({ language }).open(`${portal}/`)
      expect(visit.text).toContain(`<html lang="${expected}">`)
      expect(authorizationRequest(visit).get('ui_locales')).toBe(expected)
    }
  })
})

describe('what comes back to the callback', () => {
  it('is refused with a page when its state is unknown', async () => {
    const visit = await createBrowser().open(`${portal}/callback?code=invented&state=invented`)
    expect(visit.status).toBe(400)
    expect(visit.text).toContain('href="/sign-in"')
  })

  it('is refused in another browser than the one that started', async () => {
    const { visit } = await signedInBrowser()
    const callback = visit.trail.find((address) => address.startsWith(`${portal}/callback`))!
    const stranger = createBrowser()
    issuer.answer.next = [{ error: 'access_denied' }]
    await stranger.open(`${portal}/sign-in`)
    const attacked = await stranger.open(callback)
    expect(attacked.status).toBe(400)
    expect(isSignedIn(await stranger.open(`${portal}/`))).toBe(false)
  })

  it('is taken in each of two tabs that came here for the first time at once', async () => {
    const browser = createBrowser()
    issuer.answer.next = [{ login: { accountId: 'chloe' } }, { login: { accountId: 'chloe' } }]
    const visits = await Promise.all([1, 2].map(() => browser.open(`${portal}/sign-in`)))
    expect(visits.map(isSignedIn)).toEqual([true, true])
  })

  it('counts once, and going back to it leads home', async () => {
    const { browser, visit } = await signedInBrowser()
    const callback = visit.trail.find((address) => address.startsWith(`${portal}/callback`))!
    const again = await browser.open(callback)
    expect(again.url).toBe(`${portal}/`)
    expect(isSignedIn(again)).toBe(true)
  })

  it('starts a new sign-in when Keycloak let the first one expire', async () => {
    const expired = { error: 'temporarily_unavailable', error_description: 'authentication_expired' }
    issuer.answer.next = [expired, { login: { accountId: 'chloe' } }]
    const visit = await createBrowser().open(`${portal}/sign-in?door=cofacering`)
    expect(isSignedIn(visit)).toBe(true)
    const requests = visit.trail.filter((address) => address.startsWith(`${issuer.url}/auth?`))
    expect(requests).toHaveLength(2)
    expect(requests[1]).toContain('kc_idp_hint=cofacering')
  })

  it('starts again once only', async () => {
    const expired = { error: 'temporarily_unavailable', error_description: 'authentication_expired' }
    issuer.answer.next = [expired, expired]
    const visit = await createBrowser().open(`${portal}/sign-in`)
    expect(visit.status).toBe(400)
    expect(visit.text).toContain('href="/sign-in"')
  })

  it('is a page that offers to try again when the person was refused', async () => {
    issuer.answer.next = [{ error: 'access_denied' }]
    const visit = await createBrowser().open(`${portal}/sign-in`)
    expect(visit.status).toBe(400)
    expect(visit.text).toContain('annulée ou refusée')
  })
})

describe('signing out', () => {
  it('ends the session here, at the issuer and in the other application', async () => {
    const { browser } = await signedInBrowser(portal)
    expect(isSignedIn(await browser.open(`${second}/`))).toBe(true)
    const confirm = await browser.open(`${portal}/sign-out`, { form: {} })
    const asked = new URL(confirm.url)
    expect(asked.pathname).toBe('/session/end')
    expect(asked.searchParams.get('id_token_hint')).toMatch(/^ey/)
    expect(asked.searchParams.get('post_logout_redirect_uri')).toBe(`${portal}/`)

    const back = await confirmSignOut(browser, confirm)
    expect(back.url).toBe(`${portal}/?state=signed-out`)
    expect(back.text).toContain('Vous êtes déconnecté')
    // Without */* the home page would ask the issuer: what counts is that this application forgot.
    const other = await browser.open(`${second}/`, { headers: { accept: '*/*' } })
    expect(isSignedIn(other)).toBe(false)
    expect(isSignedIn(await browser.open(`${second}/`))).toBe(false)
  })

  it('does not follow a form of another site or application', async () => {
    const { browser } = await signedInBrowser()
    for (const from of ['same-site', 'cross-site']) {
      const visit = await browser.open(`${portal}/sign-out`, {
        form: {},
        headers: { 'sec-fetch-site': from },
      })
      expect(visit.status).toBe(403)
    }
    expect(isSignedIn(await browser.open(`${portal}/`))).toBe(true)
  })

  it('does nothing on GET', async () => {
    const { browser } = await signedInBrowser()
    expect((await browser.open(`${portal}/sign-out`)).status).toBe(404)
    expect(isSignedIn(await browser.open(`${portal}/`))).toBe(true)
  })
})

describe('a logout token', () => {
  const silent = { headers: { accept: '*/*' } }

  it('ends the session that it names, once', async () => {
    const { browser, visit } = await signedInBrowser()
    const other = await signedInBrowser()
    const token = await issuer.signLogoutToken({ sub: 'chloe', sid: claim(visit, 'sid') })
    expect((await postLogoutToken(token)).status).toBe(200)
    expect(isSignedIn(await browser.open(`${portal}/`, silent))).toBe(false)
    expect(isSignedIn(await other.browser.open(`${portal}/`, silent))).toBe(true)
    expect((await postLogoutToken(token)).status).toBe(400)
  })

  it('without sid ends every session of the person and of nobody else', async () => {
    const first = await signedInBrowser()
    const other = await signedInBrowser()
    issuer.answer.next = [{ login: { accountId: 'karim' } }]
    const stranger = await signedInBrowser()
    expect((await postLogoutToken(await issuer.signLogoutToken({ sub: 'chloe' }))).status).toBe(200)
    expect(isSignedIn(await first.browser.open(`${portal}/`, silent))).toBe(false)
    expect(isSignedIn(await other.browser.open(`${portal}/`, silent))).toBe(false)
    expect(isSignedIn(await stranger.browser.open(`${portal}/`, silent))).toBe(true)
  })

  it('is refused when it is forged, foreign, stale or no logout token', async () => {
    const { browser, visit } = await signedInBrowser()
    const who = { sub: 'chloe', sid: claim(visit, 'sid') }
    const stranger = (await generateKeyPair('RS256')).privateKey
    const long = Math.floor(Date.now() / 1000) - 3600
    const refused = {
      'signed by another key': issuer.signLogoutToken(who, { key: stranger }),
      'of another issuer': issuer.signLogoutToken({ ...who, iss: 'http://127.0.0.1:1/realms/other' }),
      'for another application': issuer.signLogoutToken({ ...who, aud: 'second-app' }),
      expired: issuer.signLogoutToken({ ...who, iat: long, exp: long + 60 }),
      'with a nonce': issuer.signLogoutToken({ ...who, nonce: 'n' }),
      'without the event': issuer.signLogoutToken({ ...who, events: {} }),
      'without events': issuer.signLogoutToken({ ...who, events: undefined }),
      'with an event that is no object': issuer.signLogoutToken({
        ...who,
        events: { 'http://schemas.openid.net/event/backchannel-logout': true },
      }),
      'without jti': issuer.signLogoutToken({ ...who, jti: undefined }),
      'without exp': issuer.signLogoutToken({ ...who, exp: undefined }),
      'naming nobody': issuer.signLogoutToken({}),
      'typed as an ID token': issuer.signLogoutToken(who, { typ: 'JWT' }),
      unsigned: Promise.resolve(
        `${Buffer.from('{"alg":"none","typ":"logout+jwt"}').toString('base64url')}.${Buffer.from(
          JSON.stringify({ iss: issuer.url, aud: 'portal', ...who }),
        ).toString('base64url')}.`,
      ),
      'no token at all': Promise.resolve('x'),
    }
    for (const [name, token] of Object.entries(refused)) {
      const response = await postLogoutToken(await token)
      expect([name, response.status]).toEqual([name, 400])
    }
    const empty = await fetch(`${portal}/backchannel-logout`, { method: 'POST' })
    expect(empty.status).toBe(400)
    expect(isSignedIn(await browser.open(`${portal}/`, silent))).toBe(true)
  })
})

describe('while the issuer does not answer', () => {
  it('people get a page, keep their session, can sign out here, and come back when it does', async () => {
    const { browser } = await signedInBrowser()
    // An application that has never reached the issuer, as at its own start.
    const fresh = restarted
    fresh.server.on(
      'request',
      createApp(
        { key: 'portal', name: { fr: 'Portail', en: 'Portal' } },
        {
          HOST: '127.0.0.1',
          PORT: 0,
          APP_URL: fresh.url,
          ISSUER: issuer.url,
          CLIENT_ID: 'portal',
          CLIENT_SECRET: secret,
          OTHER_APP_URL: second,
        },
        () => undefined,
      ),
    )
    await issuer.stop()
    try {
      const down = await createBrowser({ language: 'en' }).open(`${fresh.url}/sign-in`)
      expect(down.status).toBe(503)
      expect(down.text).toContain('Signing in is not possible at the moment')
      expect((await createBrowser().open(`${fresh.url}/`)).status).toBe(503)
      const token = await issuer.signLogoutToken({ sub: 'chloe' })
      const unknown = await fetch(`${fresh.url}/backchannel-logout`, {
        method: 'POST',
        body: new URLSearchParams({ logout_token: token }),
      })
      expect(unknown.status).toBe(503)
      expect(isSignedIn(await browser.open(`${portal}/`))).toBe(true)

      // The portal has read the issuer's metadata before, but not within the last half minute.
      vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + 60_000 })
      expect((await createBrowser().open(`${portal}/sign-in`)).status).toBe(503)
      const signedOut = await browser.open(`${portal}/sign-out`, { form: {} })
      expect(signedOut.status).toBe(503)
      expect(signedOut.text).toContain('déconnecté de cette application')
      expect(isSignedIn(await browser.open(`${portal}/`, { headers: { accept: '*/*' } }))).toBe(false)
    } finally {
      vi.useRealTimers()
      await issuer.restart()
    }
    expect((await createBrowser().open(`${fresh.url}/`)).status).toBe(200)
  })
})

describe('what it says of itself', () => {
  it('forbids scripts, frames and caches', async () => {
    const { headers } = await createBrowser().open(`${portal}/`)
    expect(headers.get('content-security-policy')).toContain("default-src 'none'")
    expect(headers.get('content-security-policy')).toContain("frame-ancestors 'none'")
    expect(headers.get('cache-control')).toBe('no-store')
    expect(headers.get('x-powered-by')).toBeNull()
  })

  it('logs no name, address, token or code', async () => {
    await signedInBrowser()
    const lines = logged.join('\n')
    expect(lines).toContain('sign_in.done')
    expect(lines).not.toMatch(/chloe|moreau|Chloé|eyJ|code=/)
  })
})
