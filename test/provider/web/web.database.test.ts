/** Invariant 15 on the running application: CSRF on every form, cookies, headers, body limits, proxies, health. */
import { randomUUID } from 'node:crypto'
import { get } from 'node:http'
import { describe, expect, it } from 'vitest'
import { createDatabase } from '../../support/postgres.ts'
import { readableReference } from '../../../provider/web/correlation.ts'
import { Browser, pageName } from '../support/browser.ts'
import { startInstance } from '../support/instance.ts'
import { startKeycloakClient } from '../support/keycloak-client.ts'

const database = await createDatabase()
const keycloak = await startKeycloakClient()
const http = await startInstance(database.provider, { KEYCLOAK_URL: keycloak.url })
const https = await startInstance(database.provider, {
  KEYCLOAK_URL: keycloak.url,
  PROVIDER_URL: 'https://identite.example.test',
})

const id = randomUUID()
const forms = [
  '/login',
  '/interaction/x/login',
  '/interaction/x/cancel',
  '/redirection',
  `/activation/${id}/resend`,
  `/activation/${id}/address`,
  `/activation/${id}/confirm`,
  `/activation/${id}/withdraw`,
  '/sign-in/switch',
]
const pages = ['/', '/desk', '/moved', '/redirection', '/nowhere', '/sign-in/switch', '/activation/continue']

const tokenOf = (body: string) => /name="csrf" value="([^"]+)"/.exec(body)![1]!
const byName = (a: string, b: string) => (a < b ? -1 : 1)

/** Every Set-Cookie of the login page, an authorization request and its interaction page. */
async function cookiesOf(origin: string): Promise<string[]> {
  const page = await fetch(`${origin}/?lang=en`)
  const request = await fetch(keycloak.request(origin).url, { redirect: 'manual' })
  return [...page.headers.getSetCookie(), ...request.headers.getSetCookie()]
}

/** Language of a page. */
const lang = async (browser: Browser, url: string, accept?: string) =>
  /<html lang="(..)"/.exec(
    (await browser.open(url, accept ? { headers: { 'accept-language': accept } } : {})).body,
  )![1]

describe('CSRF: every form', () => {
  it.each(forms)(
    'refuses POST %s without the field, with a wrong one, or with that of another browser',
    async (path) => {
      const browser = new Browser()
      await browser.open(`${http.origin}/`)
      const other = tokenOf((await new Browser().open(`${http.origin}/`)).body)
      for (const form of [{}, { csrf: '' }, { csrf: 'x'.repeat(43) }, { csrf: other }]) {
        const answer = await browser.open(`${http.origin}${path}`, { form })
        expect([answer.status, pageName(answer)]).toEqual([403, 'error'])
        expect(answer.body).toContain('error.csrf')
      }
    },
  )

  it.each(forms)(
    'accepts POST %s with the field of this browser: what follows is the form’s own answer',
    async (path) => {
      const browser = new Browser()
      const csrf = tokenOf((await browser.open(`${http.origin}/`)).body)
      const answer = await browser.open(`${http.origin}${path}`, { form: { csrf } })
      expect(answer.status).not.toBe(403)
      expect(answer.status).toBeLessThan(500)
    },
  )

  it('accepts the field of a first tab whose cookie a second one replaced, when the browser says that our page sent it', async () => {
    const first = tokenOf((await new Browser().open(`${http.origin}/`)).body)
    const browser = new Browser()
    await browser.open(`${http.origin}/`)
    const sent = async (who: Browser, site: string, form: Record<string, string>) =>
      (await who.open(`${http.origin}/login`, { form, headers: { 'sec-fetch-site': site } })).status
    expect(await sent(browser, 'same-origin', { csrf: first })).toBe(303)
    for (const site of ['same-site', 'cross-site', 'none', ''])
      expect(await sent(browser, site, { csrf: first })).toBe(403)
    expect(await sent(browser, 'same-origin', {})).toBe(403)
    expect(await sent(new Browser(), 'same-origin', { csrf: first })).toBe(403)
  })

  it('is asked of routes that do not exist too, and of other methods', async () => {
    for (const [method, path] of [
      ['POST', '/nowhere'],
      ['PUT', '/login'],
      ['DELETE', '/redirection'],
      ['PATCH', '/'],
    ])
      expect((await fetch(`${http.origin}${path}`, { method: method! })).status).toBe(403)
  })

  it('keeps one token for a browser, so that two tabs do not fight', async () => {
    const browser = new Browser()
    const first = tokenOf((await browser.open(`${http.origin}/`)).body)
    expect(tokenOf((await browser.open(`${http.origin}/`)).body)).toBe(first)
  })
})

describe('headers', () => {
  it.each([...pages, '/oidc/jwks', '/oidc/auth', '/oidc/.well-known/openid-configuration', '/health/live'])(
    'of %s say what a browser may do with it',
    async (path) => {
      const { headers } = await fetch(`${http.origin}${path}`, { redirect: 'manual' })
      const policy = headers.get('content-security-policy') ?? ''
      for (const directive of [
        "default-src 'none'",
        "style-src 'self'",
        "img-src 'self' data:",
        "connect-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
      ])
        expect(policy.split(';')).toContain(directive)
      expect(policy).not.toContain('unsafe')
      expect(headers.get('referrer-policy')).toBe('no-referrer')
      expect(headers.get('cache-control')).toContain('no-store')
      expect(headers.get('x-content-type-options')).toBe('nosniff')
      expect(headers.get('x-frame-options')).toBe('DENY')
      expect(headers.has('x-powered-by')).toBe(false)
      expect(headers.has('strict-transport-security')).toBe(false)
    },
  )

  it('promise https where it is spoken', async () => {
    const { headers } = await fetch(`${https.origin}/`)
    expect(headers.get('strict-transport-security')).toMatch(/^max-age=31536000/)
  })

  it.each(pages)('go with a page %s without inline script or style', async (path) => {
    const { body } = await new Browser().open(`${http.origin}${path}`)
    expect(body).not.toMatch(/<script(?![^>]*\ssrc="\/assets\/)|<style|\sstyle="|\son\w+="|javascript:/i)
  })

  it('let static files be kept for a while', async () => {
    for (const file of ['tokens.css', 'pages.css']) {
      const answer = await fetch(`${http.origin}/assets/${file}`)
      expect(answer.headers.get('cache-control')).toBe('public, max-age=300')
      expect(answer.headers.get('content-type')).toContain('text/css')
    }
    for (const path of ['../app.ts', '..%2fapp.ts', '%2e%2e/config.ts', ''])
      expect((await fetch(`${http.origin}/assets/${path}`)).status).toBe(404)
  })
})

describe('cookies', () => {
  it('have __Host- with Path=/, and __Secure- where they are scoped, on https', async () => {
    const cookies = await cookiesOf(https.origin)
    expect(cookies.map((cookie) => cookie.split('=')[0] ?? '').toSorted(byName)).toEqual([
      '__Host-browser',
      // One from each of the two answers: this browser sends none back.
      '__Host-correlation',
      '__Host-correlation',
      '__Host-language',
      '__Secure-op_interaction',
      '__Secure-op_interaction.sig',
      '__Secure-op_resume',
      '__Secure-op_resume.sig',
    ])
    for (const cookie of cookies) {
      expect(cookie).toMatch(/; ?httponly/i)
      expect(cookie).toMatch(/; ?samesite=lax/i)
      expect(cookie).toMatch(/; ?secure/i)
      expect(cookie).not.toMatch(/domain=/i)
    }
    for (const cookie of cookies.filter((c) => c.startsWith('__Host-')))
      expect(cookie).toMatch(/; Path=\/(;|$)/)
    expect(cookies.find((c) => c.startsWith('__Secure-op_interaction='))).toMatch(
      /; path=\/interaction\/[\w-]+;/i,
    )
    expect(cookies.find((c) => c.startsWith('__Secure-op_resume='))).toMatch(/; path=\/oidc\/auth\/[\w-]+;/i)
  })

  it('have plain names on http, which is for loopback, and are otherwise the same', async () => {
    const cookies = await cookiesOf(http.origin)
    expect(cookies.map((cookie) => cookie.split('=')[0] ?? '').toSorted(byName)).toEqual([
      'browser',
      'correlation',
      'correlation',
      'language',
      'op_interaction',
      'op_interaction.sig',
      'op_resume',
      'op_resume.sig',
    ])
    for (const cookie of cookies) {
      expect(cookie).toMatch(/; ?httponly/i)
      expect(cookie).toMatch(/; ?samesite=lax/i)
      expect(cookie).not.toMatch(/; ?secure/i)
    }
  })

  it('of an interaction are signed: one that was altered is none', async () => {
    const browser = new Browser()
    const begun = await browser.open(keycloak.request(http.origin).url)
    expect(pageName(await browser.copy().open(begun.location!))).toBe('login')
    for (const cookie of browser.cookies.filter(({ name }) => name === 'op_interaction.sig'))
      cookie.value = 'x'
    expect((await browser.open(begun.location!)).status).toBe(410)
  })
})

describe('requests', () => {
  it('with a body above 128 kB, or with too many fields, are refused with a page', async () => {
    const big = await new Browser().open(`${http.origin}/login`, { form: { login: 'x'.repeat(140_000) } })
    expect([big.status, pageName(big)]).toEqual([413, 'error'])
    const many = Object.fromEntries(Array.from({ length: 60 }, (_, i) => [`f${i}`, 'x']))
    expect((await new Browser().open(`${http.origin}/login`, { form: many })).status).toBe(413)
  })

  it('with a path that looks like another host get a page whose links stay here', async () => {
    // Sent as they are: fetch would normalise them.
    for (const path of [
      '//evil.example/',
      '///evil.example',
      '/\\evil.example/',
      '/\\/evil.example/login',
      '//evil.example/resend',
    ]) {
      const body = await new Promise<string>((resolve, reject) => {
        const { hostname, port } = new URL(http.origin)
        get({ hostname, port, path }, (answer) => {
          const parts: Buffer[] = []
          answer.on('data', (part: Buffer) => parts.push(part))
          answer.on('end', () => resolve(Buffer.concat(parts).toString()))
        }).on('error', reject)
      })
      const links = [...body.matchAll(/ (?:href|action)="([^"]*)"/g)].map(([, link = '']) => link)
      expect(links.length).toBeGreaterThan(3)
      for (const link of links.filter((l) => !/^(tel|mailto):/.test(l)))
        expect([path, new URL(link, http.origin).origin]).toEqual([path, http.origin])
    }
  })

  it('with a broken escape in the path get a page, not an error of the framework', async () => {
    const answer = await new Browser().open(`${http.origin}/activation/%E0%A4%A`)
    expect([answer.status, pageName(answer)]).toEqual([400, 'error'])
  })

  it('that meet a bug get 500 with the id of the log line, and nothing of the error', async () => {
    const broken = await startInstance(database.provider)
    broken.dependencies.pool.query = () => {
      throw new TypeError('secret detail')
    }
    const browser = new Browser()
    browser.cookies.push({
      host: new URL(broken.origin).host,
      name: 'sign_in',
      value: 'A'.repeat(43),
      path: '/',
    })
    const answer = await browser.open(`${broken.origin}/redirection`)
    expect([answer.status, pageName(answer)]).toEqual([500, 'error'])
    expect(answer.body).not.toContain('secret detail')
    const failed = broken.logged.find(({ event }) => event === 'http.failed')
    expect(failed).toMatchObject({ request_id: answer.headers.get('x-request-id') })
    expect(answer.body).toContain(readableReference(String(failed?.['correlation_id'])))
    expect(JSON.stringify(broken.logged)).not.toContain('secret detail')
  })

  it('believe X-Forwarded-For from configured proxies only', async () => {
    const behind = await startInstance(database.provider, { TRUST_PROXY: 'loopback' })
    const { pool } = http.dependencies
    const networkSeen = async (origin: string) => {
      await pool.query('DELETE FROM provider.rate_limit')
      const browser = new Browser()
      const form = await browser.open(`${origin}/`)
      await browser.open(`${origin}/login`, {
        form: { csrf: tokenOf(form.body), login: 'somebody', password: 'x' },
        headers: { 'x-forwarded-for': '203.0.113.9' },
      })
      const { rows } = await pool.query<{ key: string }>(
        `SELECT key FROM provider.rate_limit WHERE key LIKE 'sign-in.network:%'`,
      )
      return rows.map(({ key }) => key.slice('sign-in.network:'.length))
    }
    expect(await networkSeen(http.origin)).toEqual(['127.0.0.0/24'])
    expect(await networkSeen(behind.origin)).toEqual(['203.0.113.0/24'])
  })
})

describe('the language', () => {
  it('is that of the browser, of the authorization request, or the one that was chosen, and it is kept', async () => {
    expect(await lang(new Browser(), `${http.origin}/`, 'de')).toBe('fr')
    expect(await lang(new Browser(), `${http.origin}/`, 'en-GB,fr;q=0.5')).toBe('en')
    const browser = new Browser()
    expect(await lang(browser, `${http.origin}/?lang=en`)).toBe('en')
    expect(await lang(browser, `${http.origin}/`)).toBe('en')
    const asked = new Browser()
    const begun = await asked.open(keycloak.request(http.origin, { ui_locales: 'en fr' }).url)
    expect(await lang(asked, begun.location!)).toBe('en')
  })
})
