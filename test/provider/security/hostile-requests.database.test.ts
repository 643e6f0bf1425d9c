/**
 * Requests that no browser and no Keycloak makes: control characters everywhere, bodies of every wrong kind, client
 * assertions that somebody else signed, a flood of authorization requests, names and addresses that are not what they
 * look like. Nothing crashes, nothing is believed, and what is shown is inert.
 */
import { gzipSync } from 'node:zlib'
import {
  exportJWK,
  exportSPKI,
  generateKeyPair,
  importJWK,
  SignJWT,
  UnsecuredJWT,
  type CryptoKey,
} from 'jose'
import { describe, expect, it } from 'vitest'
import type { LegacyDirectory } from '../../../provider/legacy/directory.ts'
import { boundInteractions } from '../../../provider/oidc/flood.ts'
import { createDatabase } from '../../support/postgres.ts'
import { createStandIn } from '../activation/stand-in.ts'
import { createPerson, idOf, newPassword } from '../screens/people.ts'
import { Browser, pageName } from '../support/browser.ts'
import { startInstance } from '../support/instance.ts'
import { startKeycloakClient } from '../support/keycloak-client.ts'
import { createOpener } from '../support/opened.ts'
import { sendBytes, Wire, type Answer } from './exchange.ts'

const mark = 'evilmark'
const hostileName = `Ets "A&B" <b onclick=x>${mark}</b> \u202egnp.exe \u2066\u0645\u0631\u062d\u0628\u0627 a\u0301\u0336`
const directory: LegacyDirectory = {
  verify: async (login) =>
    login.startsWith('known')
      ? {
          status: 'ok',
          account: {
            account: login,
            login: `${hostileName}${login}`,
            company: hostileName,
            contract: 'C',
            shared: false,
          },
        }
      : { status: 'refused' },
}
const still = { now: () => 0, sleep: async () => undefined }
const database = await createDatabase()
const keycloak = await startKeycloakClient()
const { origin, logged, dependencies } = await startInstance(
  database.provider,
  { KEYCLOAK_URL: keycloak.url, TRUST_PROXY: 'loopback' },
  directory,
  undefined,
  still,
)
const sync = createStandIn(database.sync)
const opener = createOpener(database.sync)
const other = await generateKeyPair('RS256', { extractable: true })
const otherJwk = await exportJWK(other.publicKey)
const pem = await exportSPKI((await importJWK(keycloak.signing.publicJwk, 'RS256')) as CryptoKey)

const id = 'aaaaaaaa-aaaa-4aaa-8aaa-aaaaaaaaaaaa'
const gets = [
  '/',
  '/interaction/PART',
  '/redirection',
  '/moved',
  '/desk',
  '/activation/continue',
  '/activation/PART',
  `/activation/${id}`,
  `/activation/${id}/address`,
  `/activation/${id}/confirm`,
  `/activation/${id}/opening`,
  `/activation/${id}/withdraw`,
  '/sign-in/callback',
  '/sign-in/switch',
  '/oidc/auth',
  '/oidc/auth/PART',
  '/oidc/jwks',
  '/assets/PART',
  '/health/live',
  '/PART',
]
const posts = [
  '/login',
  '/redirection',
  `/activation/${id}/resend`,
  `/activation/${id}/address`,
  `/activation/${id}/confirm`,
  `/activation/${id}/withdraw`,
  '/sign-in/switch',
]
const parameters = (
  'lang ui_locales own damaged k w n reason state code iss error error_description login_hint nonce ' +
  'response_mode client_id __proto__ constructor'
).split(' ')
const poison = [
  `%0d%0aX-Evil:%20${mark}`,
  `%0aSet-Cookie:%20${mark}=1`,
  `%00${mark}`,
  `%1b%5d0;${mark}%07`,
  `%e2%80%ae${mark}`,
  `%ff%fe${mark}`,
  `%c0%ae%c0%ae/${mark}`,
  `%3cscript%3e${mark}`,
  `'"%3e%3cimg src=x>${mark}`.replaceAll(' ', '%20'),
  `%24%7b${mark}%7d%7b%7b7*7%7d%7d`,
]

/** Nothing of the poison came out as what it wants to be. */
function expectHarmless(what: string, answer: Answer): void {
  const names = answer.headers.map(([name]) => name.toLowerCase())
  const location = answer.headers.find(([name]) => name.toLowerCase() === 'location')?.[1] ?? '/'
  const seen = {
    what,
    isServerError: answer.status >= 500,
    evilHeader: names.includes('x-evil'),
    evilCookie: answer.headers.some(([, value]) => value.startsWith(`${mark}=`)),
    leaves: ![origin, keycloak.url].includes(new URL(location, origin).origin),
    markup: new RegExp(`<(script|img|b)\\b[^>]*>?${mark}|<img src=x`).test(answer.body),
  }
  expect(seen).toEqual({
    what,
    isServerError: false,
    evilHeader: false,
    evilCookie: false,
    leaves: false,
    markup: false,
  })
}

/** In log lines everything is JSON: no control character stands there as it is, and no word that was sent. */
function expectCleanLog(): void {
  const log = JSON.stringify(logged)
  expect(log).not.toContain(mark)
  expect(logged.filter(({ level, event }) => Number(level) >= 50 || event === 'http.failed')).toEqual([])
}

describe('control characters, escapes and markup', () => {
  it('in paths and in parameters crash nothing, become no header and are in no log line', async () => {
    const paths = gets.flatMap((path) =>
      poison.flatMap((evil) =>
        path.includes('PART')
          ? [path.replace('PART', evil)]
          : [`${path}?${parameters.map((name) => `${name}=${evil}`).join('&')}`],
      ),
    )
    for (let at = 0; at < paths.length; at += 40)
      await Promise.all(
        paths.slice(at, at + 40).map(async (path) => expectHarmless(path, await new Wire(origin).send(path))),
      )
    // One at a time where one alone would hide the others.
    const single = parameters.flatMap((name) =>
      [`%00${mark}`, `%0d%0a${mark}`, `%1b${mark}`].map((evil) => [name, evil]),
    )
    await Promise.all(
      single.map(async ([name, evil]) => {
        const { url } = keycloak.request(origin, { [name!]: undefined })
        const path = `${url.slice(origin.length)}&${name}=${evil}`
        const answer = await new Wire(origin).send(path)
        expectHarmless(path, answer)
        expect([name, answer.status]).toEqual([name, 400])
      }),
    )
    expectCleanLog()
  })

  it('in headers and cookies are not believed, shown, sent back or written down', async () => {
    const values = [
      `a\u001b[31m${mark}`,
      `\u0080\u00ff${mark}`,
      `<script>${mark}`,
      `${mark}, ${mark}`,
      `"${mark}`,
    ]
    const names = (
      'host x-forwarded-for x-forwarded-host x-forwarded-proto x-forwarded-prefix forwarded accept-language accept ' +
      'user-agent referer origin x-request-id x-http-method-override cookie authorization content-type if-none-match ' +
      'range x-original-url via'
    ).split(' ')
    for (const path of ['/', '/oidc/auth?client_id=keycloak', '/oidc/.well-known/openid-configuration'])
      await Promise.all(
        names.flatMap((name) =>
          values.map(async (value) => {
            // node:http refuses what is no header at all; the rest is sent as it is.
            const bytes = `GET ${path} HTTP/1.1\r\n${name === 'host' ? '' : 'host: x\r\n'}${name}: ${value}\r\nconnection: close\r\n\r\n`
            const answer = await sendBytes(origin, Buffer.from(bytes, 'latin1'))
            expect([name, value, /^HTTP\/1\.1 [1-4]\d\d/.test(answer), answer.includes(mark)]).toEqual([
              name,
              value,
              true,
              false,
            ])
          }),
        ),
      )
    // A line end inside a header, or a NUL: not a request.
    for (const raw of [
      `cookie: a=1\n x-evil: ${mark}`,
      `cookie: a\0=${mark}`,
      `x\r\ny: ${mark}`,
      'content-length: 1\r\ntransfer-encoding: chunked',
    ])
      expect(
        await sendBytes(origin, Buffer.from(`GET / HTTP/1.1\r\nhost: x\r\n${raw}\r\n\r\n`, 'latin1')),
      ).toMatch(/^HTTP\/1\.1 400 /)
    expectCleanLog()
  })
})

describe('bodies', () => {
  it('of a megabyte, of ten thousand fields, of another type or encoding, nested, doubled or not UTF-8 change nothing', async () => {
    const wire = new Wire(origin)
    const csrf = await wire.token()
    const big = 'x'.repeat(1_000_000)
    const long = 'x'.repeat(1500)
    const field = (name: string, value: string) => `csrf=${csrf}&${name}=${value}`
    const forms: [what: string, form: string, status: number[]][] = [
      ['a megabyte', field('email', big), [413]],
      ['ten thousand fields', field('a', '1') + '&b=2'.repeat(9_999), [413]],
      [
        'prototypes',
        `csrf=${csrf}&__proto__=${mark}&constructor=${mark}&toString=${mark}&hasOwnProperty=${mark}`,
        [303, 400],
      ],
      ['deep objects', `csrf=${csrf}&a${'[b]'.repeat(300)}=${mark}&password[$ne]=1&email[]=2`, [303, 400]],
      [
        'doubled fields',
        `csrf=${csrf}&email=a@b.fr&email=${mark}@b.fr&password=1&password=2&login=known&login=x`,
        [303, 400],
      ],
      ['a doubled token', `csrf=${csrf}&csrf=${csrf}`, [403]],
      ['no UTF-8', field('email', '%ff%fe%c0%80@b.fr&password=%ed%a0%80&login=%ff'), [303, 400]],
      ['NUL', field('email', '%00@b.fr&password=%00&login=%00&form=%00&shared=%00'), [303, 400]],
      ['half an escape', field('email', '%&login=%e&password=%%%'), [303, 400]],
      [
        'control characters',
        field('login', `%1b%5b2J${mark}%0d%0a&password=%0d%0a&email=%0d%0aBcc:${mark}@b.fr`),
        [303, 400],
      ],
      [
        'long fields',
        field('login', `${long}&email=${long}@b.fr&password=${long}&shared=${long}&form=${long}`),
        [303, 400],
      ],
    ]
    const types: [type: string, body: Buffer][] = [
      ['application/json', Buffer.from(`{"csrf":"${csrf}","__proto__":{"polluted":1}}`)],
      [
        'multipart/form-data; boundary=x',
        Buffer.from(`--x\r\ncontent-disposition: form-data; name="csrf"\r\n\r\n${csrf}\r\n--x--`),
      ],
      ['text/plain', Buffer.from(`csrf=${csrf}`)],
      ['application/x-www-form-urlencoded; charset=utf-16', Buffer.from(`csrf=${csrf}`, 'utf16le')],
      ['', Buffer.from(`csrf=${csrf}`)],
    ]
    for (const path of posts) {
      for (const [what, form, allowed] of forms) {
        const answer = await wire.send(path, { form })
        expectHarmless(`${path} ${what}`, answer)
        expect([path, what, allowed.includes(answer.status) || answer.status]).toEqual([path, what, true])
      }
      for (const [type, body] of types) {
        const answer = await wire.send(path, {
          form: body.toString('latin1'),
          headers: { 'content-type': type },
        })
        expect([path, type, [403, 415].includes(answer.status)]).toEqual([path, type, true])
      }
    }
    // A body that is small on the way and large when unpacked.
    const bomb = gzipSync(Buffer.from(field('email', 'x'.repeat(10_000_000))))
    const head = `POST /login HTTP/1.1\r\nhost: x\r\ncontent-type: application/x-www-form-urlencoded\r\ncontent-encoding: gzip\r\ncontent-length: ${bomb.length}\r\nconnection: close\r\n\r\n`
    expect(await sendBytes(origin, Buffer.concat([Buffer.from(head), bomb]))).toMatch(/^HTTP\/1\.1 413 /)
    expect(({} as Record<string, unknown>)['polluted']).toBeUndefined()
    expectCleanLog()
    const { rows } = await sync.pool.query('SELECT FROM ellipro.activation')
    expect(rows).toHaveLength(0)
  })
})

describe('names and addresses that are not what they look like', () => {
  it('names are text in an isolated element on every page: no markup, no turned text beyond it', async () => {
    const person = createPerson(origin)
    const sent = await person.ask({ login: 'known.a', password: 'x' }, 'person@example.fr')
    const activation = idOf(sent)
    const { k, w } = await sync.sendMail(activation)
    for (const page of [
      sent,
      await person.visit('/redirection?own=1'),
      await createPerson(origin).visit(`/activation/${activation}/confirm?k=${k.toString('base64url')}`),
      await createPerson(origin).visit(`/activation/${activation}/withdraw?w=${w.toString('base64url')}`),
    ]) {
      expect(page.body).toContain(`&lt;b onclick=x&gt;${mark}`)
      expect(page.body).not.toMatch(/<b /)
      // Outside of its element no mark that turns text, and inside it every one is closed by the element's end.
      expect(page.body.replaceAll(/<bdi>[^<]*<\/bdi>/g, '')).not.toMatch(/[\u202a-\u202e\u2066-\u2069]/)
    }
  })

  it('spellings of one address have one budget: capitals, wide letters, its domain in its script or in ASCII', async () => {
    const spellings = [
      'Zoe@Société.example.fr',
      'zoe@xn--socit-esab.example.fr',
      'ZOE@ｓｏｃｉéｔé．ｅｘａｍｐｌｅ．ｆｒ',
      '\u200bzoe@socie\u0301te\u0301.example.fr\u202c',
    ]
    const outcomes = []
    for (const [index, address] of spellings.entries()) {
      const person = createPerson(origin)
      const page = await person.ask({ login: `known.spelling.${index}`, password: 'x' }, address)
      outcomes.push(pageName(page) === 'sent' ? 'sent' : /start\.\w+/.exec(page.body)?.[0])
    }
    expect(outcomes).toEqual(['sent', 'sent', 'sent', 'start.address_budget'])
    const { rows } = await sync.pool.query<{ key: string }>(
      `SELECT DISTINCT address_key AS key FROM ellipro.activation WHERE address ~* '^zoe@'`,
    )
    expect(rows).toEqual([{ key: 'zoe@xn--socit-esab.example.fr' }])
  })

  it('two logins that only look alike are two, and a hidden mark makes none of them another', async () => {
    const person = createPerson(origin)
    // Cyrillic а: not the login that it looks like.
    expect((await person.post('/', { login: 'knоwn.a', password: 'x' })).body).toContain('login.refused')
    expect(pageName(await person.post('/', { login: 'known.b', password: newPassword }))).toBe('redirection')
  })
})

/** Of a right assertion. */
const claims = () => ({
  iss: 'keycloak',
  sub: 'keycloak',
  aud: `${origin}/oidc`,
  jti: crypto.randomUUID(),
  iat: Math.floor(Date.now() / 1000),
  exp: Math.floor(Date.now() / 1000) + 60,
})

describe('the OP, asked by somebody who is not Keycloak', () => {
  async function code() {
    const browser = new Browser()
    const opened = await opener.open(browser, origin)
    const handle = await opener.prove(browser, origin, opened)
    const request = keycloak.request(origin, { login_hint: handle })
    const page = await browser.visit(request.url, keycloak.redirectUri)
    return { request, code: new URL(page.location!).searchParams.get('code')! }
  }
  const { privateKey, publicJwk, kid } = keycloak.signing
  type Change = {
    claims?: Record<string, unknown>
    header?: Record<string, unknown>
    key?: CryptoKey | Uint8Array
  }
  const sign = ({ claims: change = {}, header = {}, key = privateKey }: Change) =>
    new SignJWT(JSON.parse(JSON.stringify({ ...claims(), ...change })) as Record<string, unknown>)
      .setProtectedHeader({ alg: 'RS256', kid, ...header })
      .sign(key)

  it('redeems a code for no assertion but one of Keycloak’s own key that names both sides and lives', async () => {
    const { request, code: given } = await code()
    const past = Math.floor(Date.now() / 1000) - 3600
    const assertions: Record<string, () => Promise<string> | string> = {
      'another key under the kid': () => sign({ key: other.privateKey }),
      'another key, another kid': () => sign({ key: other.privateKey, header: { kid: 'mine' } }),
      'another key, no kid': () => sign({ key: other.privateKey, header: { kid: undefined } }),
      'a kid that is a path': () => sign({ key: other.privateKey, header: { kid: '../../../../dev/null' } }),
      'a kid that is SQL': () => sign({ key: other.privateKey, header: { kid: `' OR 1=1 --` } }),
      'a key that it brings': () =>
        sign({ key: other.privateKey, header: { kid: undefined, jwk: otherJwk } }),
      'the address of a key': () =>
        sign({ key: other.privateKey, header: { jku: `${origin}/evil`, x5u: `${origin}/evil` } }),
      'alg none': () => new UnsecuredJWT(claims()).encode(),
      'alg None, with a dot': () => `${part({ alg: 'None', kid })}.${part(claims())}.`,
      'HS256 with the public key as the secret': () =>
        sign({ key: new TextEncoder().encode(pem), header: { alg: 'HS256' } }),
      'HS256 with the modulus as the secret': () =>
        sign({ key: Buffer.from(publicJwk.n!, 'base64url'), header: { alg: 'HS256' } }),
      'another issuer': () => sign({ claims: { iss: 'evil' } }),
      'another subject': () => sign({ claims: { sub: 'portal' } }),
      'another audience': () => sign({ claims: { aud: 'https://evil.example' } }),
      'no audience': () => sign({ claims: { aud: undefined } }),
      'no jti': () => sign({ claims: { jti: undefined } }),
      'no end': () => sign({ claims: { exp: undefined } }),
      'an end that is over': () => sign({ claims: { exp: past, iat: past - 60 } }),
      'a beginning that is to come': () => sign({ claims: { nbf: past + 7200 } }),
      'a critical header nobody knows': () =>
        `${part({ alg: 'RS256', kid, crit: ['evil'], evil: 1 })}.${part(claims())}.AAAA`,
      nothing: () => '',
      'no token': () => 'evil',
    }
    for (const [name, make] of Object.entries(assertions)) {
      const { status, body } = await keycloak.redeem(origin, {
        code: given,
        verifier: request.verifier,
        assertion: await make(),
      })
      expect([name, status >= 400 && status < 500, body['error'], 'id_token' in body]).toEqual([
        name,
        true,
        expect.stringMatching(/^invalid_(client|request)$/),
        false,
      ])
    }
    // Other ways to say who one is are no ways.
    const ways: [Record<string, string>, Record<string, string>][] = [
      [{}, { client_id: 'keycloak', client_secret: 'evil' }],
      [{ authorization: `Basic ${Buffer.from('keycloak:evil').toString('base64')}` }, {}],
      [{ authorization: `Basic ${Buffer.from('keycloak:').toString('base64')}` }, {}],
      [{}, { client_id: 'keycloak' }],
    ]
    for (const [headers, form] of ways) {
      const answer = await new Wire(origin).send('/oidc/token', {
        form: {
          grant_type: 'authorization_code',
          code: given,
          code_verifier: request.verifier,
          redirect_uri: keycloak.redirectUri,
          ...form,
        },
        headers,
      })
      expect([answer.status, answer.body.includes('id_token')]).toEqual([expect.any(Number), false])
      expect([400, 401]).toContain(answer.status)
    }
    // The code was not used up by any of them.
    expect((await keycloak.redeem(origin, { code: given, verifier: request.verifier })).status).toBe(200)
  })

  it('refuses what is longer than anything of Keycloak’s', async () => {
    const page = await new Browser().open(keycloak.request(origin, { state: 'x'.repeat(5000) }).url)
    expect([page.status, pageName(page)]).toEqual([400, 'error'])
  })

  it('gives a network its number of authorization requests, and other networks theirs', async () => {
    const small = await startInstance(database.provider, {
      KEYCLOAK_URL: keycloak.url,
      TRUST_PROXY: 'loopback',
      AUTHORIZATIONS_PER_NETWORK: '5',
    })
    const ask = (from: string) =>
      new Wire(small.origin).send(keycloak.request(small.origin).url.slice(small.origin.length), {
        headers: { 'x-forwarded-for': from },
      })
    const eight = await Promise.all(Array.from({ length: 8 }, (_, i) => ask(`203.0.113.${i}`)))
    expect(eight.filter(({ status }) => status === 303)).toHaveLength(5)
    expect(eight.filter(({ status }) => status === 429)).toHaveLength(3)
    const refused = eight.find(({ status }) => status === 429)!
    expect(refused.body).toContain('error.too_many')
    expect(Number(refused.headers.find(([name]) => name === 'Retry-After')?.[1])).toBeGreaterThan(0)
    expect((await ask('198.51.100.1')).status).toBe(303)
    // IPv6: whoever has a /64 has one number.
    const six = await Promise.all(Array.from({ length: 6 }, (_, i) => ask(`2001:db8:0:1::${i + 1}`)))
    expect(six.filter(({ status }) => status === 429)).toHaveLength(1)
  })

  it('keeps a number of interactions in all: the oldest go first, and their people are told to start again', async () => {
    const [oldest, newest] = [new Browser(), new Browser()]
    const first = await oldest.open(keycloak.request(origin).url)
    await dependencies.pool.query(
      `UPDATE provider.oidc_payload SET expires_at = expires_at - interval '1 minute'`,
    )
    const last = await newest.open(keycloak.request(origin).url)
    expect(await boundInteractions(dependencies.pool, 1)).toBeGreaterThan(0)
    expect(pageName(await oldest.open(first.location!))).toBe('interaction-gone')
    expect(pageName(await newest.open(last.location!))).toBe('login')
    expect(await boundInteractions(dependencies.pool, 1)).toBe(0)
  })
})

const part = (content: object) => Buffer.from(JSON.stringify(content)).toString('base64url')
