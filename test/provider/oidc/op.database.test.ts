/** Invariants 7, 8 and 9 at the OP, with Keycloak's part played by the test: one client, one way in, everything once. */
import { createHash, createHmac } from 'node:crypto'
import { createLocalJWKSet, jwtVerify, type JSONWebKeySet } from 'jose'
import { describe, expect, it } from 'vitest'
import { createDatabase } from '../../support/postgres.ts'
import { Browser, pageName, refreshOf } from '../support/browser.ts'
import { startInstance } from '../support/instance.ts'
import { startKeycloakClient, type AuthorizationRequest } from '../support/keycloak-client.ts'
import { createOpener } from '../support/opened.ts'

const database = await createDatabase()
const keycloak = await startKeycloakClient()
const { origin, dependencies } = await startInstance(database.provider, { KEYCLOAK_URL: keycloak.url })
const other = await startInstance(database.provider, { KEYCLOAK_URL: keycloak.url, PROVIDER_URL: origin })
const opener = createOpener(database.sync)

/** Follows an authorization request up to Keycloak's redirect URI; the page where it stood still, and the code if any. */
async function authorize(browser: Browser, { url }: AuthorizationRequest) {
  const page = await browser.visit(url, keycloak.redirectUri)
  const back = page.location?.startsWith(keycloak.redirectUri)
    ? new URL(page.location).searchParams
    : undefined
  return { page, back, code: back?.get('code') ?? undefined }
}

async function countInteractions(): Promise<number> {
  const { rows } = await dependencies.pool.query<{ count: number }>(
    `SELECT count(*)::integer AS count FROM provider.oidc_payload WHERE model = 'Interaction'`,
  )
  return rows[0]!.count
}

/** A person whose activation is open, and a browser that holds the proof for `handle`. */
async function confirmed() {
  const browser = new Browser()
  const opened = await opener.open(browser, origin)
  return { browser, opened, handle: await opener.prove(browser, origin, opened) }
}

async function codeFor() {
  const { browser, opened, handle } = await confirmed()
  const request = keycloak.request(origin, { login_hint: handle })
  const { code } = await authorize(browser, request)
  if (!code) throw new Error('no code')
  return { browser, opened, handle, request, code }
}

/**
 * Holds back the library's look at a model until `count` requests have looked, so that all of them have seen the same
 * and act on it together. Returns what ends it.
 */
function holdLooks(model: string, count: number): () => void {
  const pools = [dependencies.pool, other.dependencies.pool]
  const { promise: all, resolve: release } = Promise.withResolvers<void>()
  let looked = 0
  const undo = pools.map((pool) => {
    const query = pool.query.bind(pool) as (text: string, values?: unknown[]) => Promise<unknown>
    pool.query = (async (text: string, values?: unknown[]) => {
      const answer = await query(text, values)
      if (/^\s*SELECT payload/.test(text) && values?.[0] === model) {
        if (++looked === count) release()
        await all
      }
      return answer
    }) as typeof pool.query
    return () => {
      pool.query = query as typeof pool.query
    }
  })
  return () => {
    release()
    for (const step of undo) step()
    expect(looked).toBe(count)
  }
}

describe('the way of a person who has just confirmed', () => {
  it('gives Keycloak an ES256 ID token that says the sub of the activation and nothing about the person', async () => {
    const { opened, request, code } = await codeFor()
    const { status, body } = await keycloak.redeem(origin, { code, verifier: request.verifier })
    expect(status).toBe(200)
    const jwks = (await (await fetch(`${origin}/oidc/jwks`)).json()) as JSONWebKeySet
    const { payload, protectedHeader } = await jwtVerify(String(body['id_token']), createLocalJWKSet(jwks), {
      issuer: `${origin}/oidc`,
      audience: 'keycloak',
      algorithms: ['ES256'],
    })
    expect(payload.sub).toBe(opened.sub)
    expect(payload['nonce']).toBe(request.nonce)
    expect(Object.keys(payload).toSorted()).toEqual(['aud', 'auth_time', 'exp', 'iat', 'iss', 'nonce', 'sub'])
    expect(protectedHeader.kid).toBe(jwks.keys[0]?.kid)
    expect(body).not.toHaveProperty('refresh_token')
  })

  it('says acr when the request asks for it', async () => {
    const { browser, handle } = await confirmed()
    const request = keycloak.request(origin, { login_hint: handle, acr_values: 'urn:ellipro:acr:activation' })
    const { code } = await authorize(browser, request)
    const { body } = await keycloak.redeem(origin, { code: code!, verifier: request.verifier })
    const [, payload] = String(body['id_token']).split('.')
    expect(JSON.parse(Buffer.from(payload!, 'base64url').toString())).toMatchObject({
      acr: 'urn:ellipro:acr:activation',
    })
  })

  it('works when the authorization request and the token endpoint are on different replicas', async () => {
    const { browser, opened, handle } = await confirmed()
    const request = keycloak.request(origin, { login_hint: handle })
    for (const cookie of browser.cookies) cookie.host = new URL(other.origin).host
    const done = await browser.open(request.url.replace(origin, other.origin))
    const code = new URL(done.location!).searchParams.get('code')!
    // the audience is the public URL, whichever replica is asked
    const { body } = await keycloak.redeem(origin, {
      code,
      verifier: request.verifier,
      assertion: await keycloak.assert(origin),
    })
    const [, payload] = String(body['id_token']).split('.')
    expect(JSON.parse(Buffer.from(payload!, 'base64url').toString())).toMatchObject({ sub: opened.sub })
  })

  it('is one step: the authorization request itself is answered, and leaves no interaction', async () => {
    const { browser, handle } = await confirmed()
    const before = await countInteractions()
    const answer = await browser.open(keycloak.request(origin, { login_hint: handle }).url)
    expect(answer.location).toContain(`${keycloak.redirectUri}?code=`)
    expect(await countInteractions()).toBe(before)
    expect(browser.cookies.map(({ name }) => name).filter((name) => name.startsWith('op_'))).toEqual([])
  })
})

describe('invariant 7: no code for a sub except by its own proof', () => {
  it('shows the login page when the browser has no proof', async () => {
    const { page, back } = await authorize(
      new Browser(),
      keycloak.request(origin, { login_hint: 'somebody' }),
    )
    expect(back).toBeUndefined()
    expect(page.status).toBe(200)
    expect(pageName(page)).toBe('login')
  })

  it.each([
    ['of another handle', async (handle: string) => ({ login_hint: `${handle.slice(0, -2)}AA` })],
    ['without a hint', async () => ({})],
    ['with the sub as the hint', async (_: string, sub: string) => ({ login_hint: sub })],
  ])('does not take the proof for a request %s', async (_, hint) => {
    const { browser, opened, handle } = await confirmed()
    const { page, code } = await authorize(browser, keycloak.request(origin, await hint(handle, opened.sub)))
    expect(code).toBeUndefined()
    expect(pageName(page)).toBe('login')
    // it was not used up either
    expect((await authorize(browser, keycloak.request(origin, { login_hint: handle }))).code).toBeDefined()
  })

  it('does not take the proof from another browser that learnt the handle', async () => {
    const { handle } = await confirmed()
    expect(
      (await authorize(new Browser(), keycloak.request(origin, { login_hint: handle }))).code,
    ).toBeUndefined()
  })

  it('does not take a proof whose minute is over, or whose link has served', async () => {
    for (const change of [
      `UPDATE ellipro.activation_secret SET proof_expires_at = now() - interval '1 second' WHERE activation_id = $1`,
      `UPDATE ellipro.activation SET unlinked_at = now() WHERE id = $1`,
      `UPDATE ellipro.activation SET state = 'closed' WHERE id = $1`,
    ]) {
      const { browser, opened, handle } = await confirmed()
      await opener.pool.query(change, [opened.id])
      expect(
        (await authorize(browser, keycloak.request(origin, { login_hint: handle }))).code,
      ).toBeUndefined()
    }
  })

  it('answers prompt=none with login_required, with a proof and after a sign-in', async () => {
    const { browser, handle } = await codeFor()
    for (const hint of [handle, undefined]) {
      const { back } = await authorize(
        browser,
        keycloak.request(origin, { prompt: 'none', login_hint: hint }),
      )
      expect(back?.get('error')).toBe('login_required')
      expect(back?.has('code')).toBe(false)
    }
    const fresh = await confirmed()
    const request = keycloak.request(origin, { prompt: 'none', login_hint: fresh.handle })
    expect((await authorize(fresh.browser, request)).back?.get('error')).toBe('login_required')
  })

  it('keeps no session: the same authorization request again, with or without prompt, asks again', async () => {
    const { browser, handle, request } = await codeFor()
    expect(browser.cookies.map(({ name }) => name).filter((name) => name.includes('session'))).toEqual([])
    for (const again of [
      request,
      keycloak.request(origin, { login_hint: handle, prompt: undefined }),
      keycloak.request(origin, { login_hint: handle, prompt: undefined, max_age: '3600' }),
      keycloak.request(origin, { prompt: undefined }),
    ]) {
      const { page, code } = await authorize(browser, again)
      expect(code).toBeUndefined()
      expect(pageName(page)).toBe('login')
    }
  })

  it('believes no session, not even one in its own table, named by a cookie signed with its own key', async () => {
    const { opened } = await codeFor()
    const exp = Math.floor(Date.now() / 1000) + 3600
    await dependencies.pool.query(
      `INSERT INTO provider.oidc_payload (model, id, payload, expires_at)
        VALUES ('Session', $1, $2, now() + interval '1 hour')`,
      [
        createHash('sha256').update('planted').digest('base64url'),
        JSON.stringify({ kind: 'Session', uid: 'uid', accountId: opened.sub, loginTs: 1, exp }),
      ],
    )
    const key = createHmac('sha256', dependencies.config.PROVIDER_COOKIE_KEY)
      .update('op cookies')
      .digest('base64url')
    const signature = createHmac('sha1', key).update('op_session=planted').digest('base64url')
    const browser = new Browser()
    const { host } = new URL(origin)
    browser.cookies.push(
      { host, name: 'op_session', value: 'planted', path: '/' },
      { host, name: 'op_session.sig', value: signature, path: '/' },
    )
    const { page, code } = await authorize(browser, keycloak.request(origin, { prompt: undefined }))
    expect(code).toBeUndefined()
    expect(pageName(page)).toBe('login')
  })

  it('does not answer an interaction, its own or that of another browser, by a proof', async () => {
    const { browser, handle } = await confirmed()
    const { url } = keycloak.request(origin, { login_hint: handle })
    const another = await new Browser().open(url)
    const page = await browser.open(another.location!)
    expect(page.status).toBe(410)
    expect(page.location).toBeUndefined()
    const bare = browser.copy()
    bare.cookies = bare.cookies.filter(({ name }) => !name.startsWith('op_proof_'))
    const own = await bare.open(url)
    bare.cookies = [...bare.cookies, ...browser.cookies]
    expect((await bare.open(own.location!)).location).toBeUndefined()
  })

  it('believes no result of an interaction, not even one in its own table', async () => {
    const { opened } = await confirmed()
    const browser = new Browser()
    const begun = await browser.open(keycloak.request(origin).url)
    const uid = begun.location!.split('/').at(-1)!
    const { rowCount } = await dependencies.pool.query(
      `UPDATE provider.oidc_payload SET payload = payload || $2::jsonb WHERE model = 'Interaction' AND id = $1`,
      [
        createHash('sha256').update(uid).digest('base64url'),
        JSON.stringify({ result: { login: { accountId: opened.sub } } }),
      ],
    )
    expect(rowCount).toBe(1)
    const answer = await browser.open(`${origin}/oidc/auth/${uid}`)
    expect(answer.location ?? '').not.toContain('code=')
  })

  it('goes back to Keycloak with access_denied when the person chooses to, by a page that continues', async () => {
    const browser = new Browser()
    const { page } = await authorize(browser, keycloak.request(origin))
    const cancel = /action="([^"]+\/cancel)"/.exec(page.body)![1]!
    const csrf = /name="csrf" value="([^"]+)"/.exec(page.body)![1]!
    const answer = await browser.open(new URL(cancel, page.url).href, { form: { csrf } })
    expect(answer.status).toBe(200)
    expect(pageName(answer)).toBe('continue')
    const back = await browser.follow(answer, keycloak.redirectUri)
    expect(new URL(back.location!).searchParams.get('error')).toBe('access_denied')
  })
})

describe('invariant 8: everything counts once', () => {
  it('redeems one code once in 8 parallel attempts', async () => {
    const { request, code } = await codeFor()
    const assertions = await Promise.all(Array.from({ length: 8 }, () => keycloak.assert(origin)))
    const end = holdLooks('AuthorizationCode', 8)
    const answers = await Promise.all(
      assertions.map((assertion) => keycloak.redeem(origin, { code, verifier: request.verifier, assertion })),
    )
    end()
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(1)
    for (const { status, body } of answers.filter((a) => a.status !== 200))
      expect([status, body['error']]).toEqual([400, 'invalid_grant'])
  })

  it('takes one client assertion once in 6 parallel uses, on two replicas', async () => {
    const codes = await Promise.all(Array.from({ length: 6 }, codeFor))
    const assertion = await keycloak.assert(origin)
    const end = holdLooks('ReplayDetection', 6)
    const answers = await Promise.all(
      codes.map(({ code, request }, i) =>
        keycloak.redeem(i % 2 ? other.origin : origin, { code, verifier: request.verifier, assertion }),
      ),
    )
    end()
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(1)
    for (const { status, body } of answers.filter((a) => a.status !== 200))
      expect([status, body['error']]).toEqual([401, 'invalid_client'])
  })

  it('takes one proof once in 8 parallel requests of the same browser, on two replicas', async () => {
    const { browser, handle } = await confirmed()
    const pages = await Promise.all(
      Array.from({ length: 8 }, (_, i) => {
        const tab = browser.copy()
        if (i % 2) for (const cookie of tab.cookies) cookie.host = new URL(other.origin).host
        const { url } = keycloak.request(origin, { login_hint: handle })
        return tab.visit(i % 2 ? url.replace(origin, other.origin) : url, keycloak.redirectUri)
      }),
    )
    expect(pages.filter(({ location }) => location?.includes('code='))).toHaveLength(1)
    expect(pages.filter(({ location }) => location?.includes('error='))).toEqual([])
  })

  it('ends one interaction once when the way back is taken 8 times at once', async () => {
    const browser = new Browser()
    const { page } = await authorize(browser, keycloak.request(origin))
    const [, cancel] = /action="([^"]+\/cancel)"/.exec(page.body)!
    const [, csrf] = /name="csrf" value="([^"]+)"/.exec(page.body)!
    const answer = await browser.open(new URL(cancel!, page.url).href, { form: { csrf: csrf! } })
    const resume = refreshOf(answer)!
    expect(resume).toContain(`${origin}/oidc/auth/`)
    const end = holdLooks('Interaction', 8)
    const answers = await Promise.all(Array.from({ length: 8 }, () => browser.copy().open(resume)))
    end()
    expect(answers.filter(({ location }) => location?.includes('error=access_denied'))).toHaveLength(1)
    for (const { status } of answers.filter(({ location }) => location === undefined))
      expect(status).toBe(400)
    expect(answers.filter(({ location }) => location?.includes('code='))).toEqual([])
  })

  it('refuses a code with another verifier, another redirect URI, or no verifier', async () => {
    for (const change of [
      { verifier: 'x'.repeat(43) },
      { redirectUri: `${keycloak.redirectUri}/` },
      { verifier: '' },
    ]) {
      const { request, code } = await codeFor()
      const { body } = await keycloak.redeem(origin, { code, verifier: request.verifier, ...change })
      expect(body['error']).toBe('invalid_grant')
    }
  })

  it('stores no code, interaction or assertion that a reader of the table could use', async () => {
    const { browser, code, request } = await codeFor()
    const begun = await browser.open(keycloak.request(origin).url)
    const uid = begun.location!.split('/').at(-1)!
    await keycloak.redeem(origin, { code: (await codeFor()).code, verifier: request.verifier })
    const { rows } = await dependencies.pool.query<{ row: string }>(
      'SELECT t::text AS row FROM provider.oidc_payload t',
    )
    const table = rows.map(({ row }) => row).join('\n')
    expect(table).toContain('AuthorizationCode')
    expect(table).toContain('Interaction')
    expect(table).not.toContain(code)
    expect(table).not.toContain(uid)
    expect(table).not.toContain('AccessToken')
  })
})

describe('invariant 9: one client, one redirect URI, code and PKCE', () => {
  it.each([
    ['another client', { client_id: 'portal' }],
    ['no redirect URI', { redirect_uri: undefined }],
    ['an answer as a form', { response_mode: 'form_post' }],
    ['an answer as a fragment', { response_mode: 'fragment' }],
  ])('shows the error page for %s', async (_, change) => {
    const answer = await new Browser().open(keycloak.request(origin, change).url)
    expect([answer.status, answer.location, pageName(answer)]).toEqual([400, undefined, 'error'])
  })

  it.each([
    ['implicit', { response_type: 'id_token' }, 'invalid_request'],
    ['hybrid', { response_type: 'code id_token' }, 'invalid_request'],
    ['no PKCE', { code_challenge: undefined, code_challenge_method: undefined }, 'invalid_request'],
    ['PKCE plain', { code_challenge_method: 'plain' }, 'invalid_request'],
    ['a request object', { request: 'eyJhbGciOiJub25lIn0.e30.' }, 'request_not_supported'],
    ['a request by reference', { request_uri: 'https://evil.example/r' }, 'request_uri_not_supported'],
    ['consent', { prompt: 'consent' }, 'invalid_request'],
    ['no openid', { scope: 'profile' }, 'invalid_request'],
  ])('refuses %s', async (_, change, error) => {
    const back = new URL((await new Browser().open(keycloak.request(origin, change).url)).location!)
    expect(back.origin + back.pathname).toBe(keycloak.redirectUri)
    // Multiple Response Types 1.0: a type that would answer in the fragment is refused there too.
    const given = back.hash ? new URLSearchParams(back.hash.slice(1)) : back.searchParams
    expect([given.get('error'), given.has('code')]).toEqual([error, false])
  })

  it.each([
    ['GET', '/oidc/reg'],
    ['POST', '/oidc/reg'],
    ['POST', '/oidc/device/auth'],
    ['GET', '/oidc/device'],
    ['POST', '/oidc/backchannel'],
    ['POST', '/oidc/request'],
    ['GET', '/oidc/me'],
    ['POST', '/oidc/me'],
    ['POST', '/oidc/token/introspection'],
    ['POST', '/oidc/token/revocation'],
    ['GET', '/oidc/session/end'],
    ['POST', '/oidc/session/end/confirm'],
    ['POST', '/oidc/auth'],
    ['GET', '/oidc/token'],
    ['OPTIONS', '/oidc/token'],
    ['GET', '/oidc/.well-known/oauth-authorization-server'],
    ['GET', '/oidc/interaction/x'],
  ])('has no %s %s', async (method, path) => {
    const answer = await fetch(`${origin}${path}`, { method, redirect: 'manual' })
    // 403: a form without its CSRF field, as anywhere else outside the OP
    expect(answer.status).toBe(method === 'GET' ? 404 : 403)
    expect(answer.headers.get('access-control-allow-origin')).toBeNull()
  })

  it('says so in its metadata', async () => {
    const metadata = (await (
      await fetch(`${origin}/oidc/.well-known/openid-configuration`)
    ).json()) as Record<string, unknown>
    expect(metadata).toMatchObject({
      issuer: `${origin}/oidc`,
      authorization_endpoint: `${origin}/oidc/auth`,
      token_endpoint: `${origin}/oidc/token`,
      jwks_uri: `${origin}/oidc/jwks`,
      response_types_supported: ['code'],
      grant_types_supported: ['authorization_code'],
      token_endpoint_auth_methods_supported: ['private_key_jwt'],
      id_token_signing_alg_values_supported: ['ES256'],
      code_challenge_methods_supported: ['S256'],
    })
    for (const absent of [
      'userinfo_endpoint',
      'registration_endpoint',
      'end_session_endpoint',
      'revocation_endpoint',
    ])
      expect(metadata).not.toHaveProperty(absent)
  })

  it('makes its URLs from configuration, whatever headers a request brings', async () => {
    const answer = await new Browser().open(keycloak.request(origin).url, {
      headers: {
        'x-forwarded-host': 'evil.example',
        'x-forwarded-proto': 'https',
        forwarded: 'host=evil.example',
      },
    })
    expect(answer.location).toMatch(new RegExp(`^${origin}/interaction/`))
    const metadata = await fetch(`${origin}/oidc/.well-known/openid-configuration`, {
      headers: { 'x-forwarded-host': 'evil.example' },
    })
    expect(await metadata.text()).not.toContain('evil')
  })
})

describe('what Keycloak asks', () => {
  it.each(['/oidc/jwks', '/oidc/token'])(
    'at %s ends its connection, so that none is dead after a restart',
    async (path) => {
      const answer = await fetch(`${origin}${path}`, { method: path.endsWith('token') ? 'POST' : 'GET' })
      expect(answer.headers.get('connection')).toBe('close')
      await answer.arrayBuffer()
    },
  )
})
