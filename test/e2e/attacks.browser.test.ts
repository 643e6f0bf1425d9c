/**
 * Attackers beside the victim, in real Chromium over HTTPS with hosts of one domain: a sibling host that sets cookies
 * for the whole domain, pages that post our forms, and links into an attacker's activation. The product runs as in
 * production behind a proxy that ends TLS, so its cookies have their prefixes.
 */
import { type RequestListener } from 'node:http'
import pg from 'pg'
import { afterAll, describe, expect, it } from 'vitest'
import { findFreePort } from '../../dev/ports.ts'
import { readCookie } from '../../provider/web/cookies.ts'
import { passOn, startHttps } from '../support/https.ts'
import { startBrowser, type Person } from '../support/browser.ts'
import { startProduct } from '../support/product.ts'
import {
  chosenPassword,
  confirmationLink,
  expectPage,
  expectSignedIn,
  finishActivation,
  openConfirmationLink,
  openDoor,
  sample,
  signInToCofacering,
  startActivation,
} from './journey.ts'

const port = await findFreePort('127.0.0.1')
const publicUrl = `https://identite.ellipro.test:${port}`
const product = await startProduct({}, { publicUrl, environment: { provider: { TRUST_PROXY: 'loopback' } } })
const { inbox, installation, urls } = product
/** Cookie headers as they reached the proxy. */
const received: string[] = []
const proxy = passOn(() => installation.provider)
await startHttps((req, res) => {
  received.push(req.headers.cookie ?? '')
  proxy(req, res)
}, port)
const database = new pg.Pool({ connectionString: product.database.superuser, max: 1 })
afterAll(() => database.end())
await letKeycloakIn()

/** What the attacker's host answers, by path. */
const pages = new Map<string, { cookies?: string[]; body?: string }>()
const attackersHost: RequestListener = (req, res) => {
  const page = pages.get(new URL(req.url ?? '/', 'https://x').pathname) ?? {}
  // As bytes: node:http would refuse some of these names.
  const head = [
    'HTTP/1.1 200 OK',
    'content-type: text/html; charset=utf-8',
    'connection: close',
    ...(page.cookies ?? []).map((cookie) => `Set-Cookie: ${cookie}`),
  ].join('\r\n')
  res.socket?.end(Buffer.from(`${head}\r\n\r\n<!doctype html><title>x</title>${page.body ?? ''}`, 'latin1'))
}
const sibling = `https://evil.ellipro.test:${(await startHttps(attackersHost)).port}`
const elsewhere = sibling.replace('evil.ellipro.test', 'evil.example')
const browser = await startBrowser([
  '--host-resolver-rules=MAP *.ellipro.test 127.0.0.1, MAP evil.example 127.0.0.1',
  '--ignore-certificate-errors',
])
const open = () => browser.open('fr-FR', { ignoreHTTPSErrors: true })

/** Keycloak cannot look the test's hosts up, nor take its certificate: behind the proxy it goes straight to provider. */
async function letKeycloakIn(): Promise<void> {
  const { url, realm, administrator } = installation.keycloak
  const token = await fetch(`${url}/realms/master/protocol/openid-connect/token`, {
    method: 'POST',
    body: new URLSearchParams({ grant_type: 'password', client_id: 'admin-cli', ...administrator }),
  })
  const { access_token } = (await token.json()) as { access_token: string }
  const instance = `${url}/admin/realms/${realm}/identity-provider/instances/cofacering`
  const headers = { authorization: `Bearer ${access_token}`, 'content-type': 'application/json' }
  const known = (await (await fetch(instance, { headers })).json()) as { config: Record<string, string> }
  const inside = `http://${installation.provider.host}:${installation.provider.port}/oidc`
  const config = { ...known.config, tokenUrl: `${inside}/token`, jwksUrl: `${inside}/jwks` }
  const answer = await fetch(instance, { method: 'PUT', headers, body: JSON.stringify({ ...known, config }) })
  if (!answer.ok) throw new Error(`Keycloak answered ${answer.status}`)
}

const cookiesOf = async ({ context }: Person, url = publicUrl) => context.cookies(url)
const stateOf = async (address: string) =>
  (
    await database.query<{ id: string; state: string }>(
      'SELECT id, state FROM ellipro.activation WHERE address = $1 ORDER BY created_at DESC LIMIT 1',
      [address],
    )
  ).rows[0]!

describe('a sibling host that sets cookies for the whole domain', () => {
  it('has none of its values believed, and the person beside it comes to the portal as themselves', async () => {
    const attacker = await open()
    await startActivation(attacker.page, product, {
      door: 'brokered',
      login: 'cabinet.moreau',
      address: 'attacker@elsewhere.example',
    })
    const genuine = await cookiesOf(attacker)
    expect(genuine.map(({ name }) => name)).toEqual(
      expect.arrayContaining(['__Host-browser', '__Host-sign_in', '__Host-activation']),
    )
    // Every cookie of the attacker's own browser, under every name that might pass for ours.
    const attributes = 'Domain=ellipro.test; Path=/; Secure'
    const disguises = ['', '=', '\xa0', '\xc2\xa0', '\x85', '\xe2\x80\x80', ' ', ';', ',', '"', '$']
    pages.set('/toss', {
      cookies: genuine.flatMap(({ name, value }) => [
        ...disguises.map((before) => `${before}${name}=${value}; ${attributes}`),
        `${name.toLowerCase()}=${value}; ${attributes}`,
        `${name.replace('__Host-', '')}=${value}; ${attributes}`,
      ]),
      body: `<script>${JSON.stringify(genuine.map(({ name, value }) => [name, value]))}.forEach(([name, value]) => {
          for (const before of ['', '=', '\\u00a0', '\\u2000', '\\u3000', '\\ufeff', '\\t'])
            document.cookie = before + name + '=' + value + '; ${attributes}'
        })</script>`,
    })
    const victim = await open()
    await victim.page.goto(`${sibling}/toss`)
    received.length = 0
    await victim.page.goto(`${publicUrl}/redirection`)
    await expectPage(victim.page, 'login')
    // The attacker's values did arrive, dozens of times, and under none of our names.
    for (const { name, value } of genuine) {
      expect(received[0]?.split(value).length).toBeGreaterThan(5)
      expect([name, readCookie(received[0], name)]).toEqual([name, undefined])
    }
    await victim.page.goto(`${publicUrl}/activation/${(await stateOf('attacker@elsewhere.example')).id}`)
    await expectPage(victim.page, 'sent-elsewhere')

    const address = 'sophie.lacaze@scierie-haut-jura.example'
    await startActivation(victim.page, product, { door: 'brokered', login: 'scierie.haut-jura', address })
    await victim.page.goto(`${sibling}/toss`)
    await finishActivation(victim.page, product, address)
    expect((await stateOf(address)).state).toBe('opened')
    // Nothing of the attacker's browser became the victim's, and the other way round.
    await attacker.page.goto(`${publicUrl}/activation/${(await stateOf(address)).id}`)
    await expectPage(attacker.page, 'sent-elsewhere')
    expect((await stateOf('attacker@elsewhere.example')).state).toBe('mailed')
    await victim.context.close()
    await attacker.context.close()
  })

  it('can show its own interaction to the victim, whose answer to it is of no use to the attacker', async () => {
    const attacker = await open()
    await openDoor(attacker.page, product, 'brokered')
    const interaction = attacker.page.url()
    const { pathname } = new URL(interaction)
    const genuine = await attacker.context.cookies(interaction)
    pages.set('/toss-interaction', {
      cookies: genuine
        .filter(({ name }) => name.startsWith('__Secure-op_'))
        .map(({ name, value }) => `${name}=${value}; Domain=ellipro.test; Path=${pathname}; Secure`),
    })
    const victim = await open()
    await victim.page.goto(`${sibling}/toss-interaction`)
    await victim.page.goto(interaction)
    // `__Secure-` may come from a sibling, and the signature is genuine: the page is shown, and names nobody.
    await expectPage(victim.page, 'login')
    await signInToCofacering(victim.page, sample('negoce.atlantique'))
    await expectPage(victim.page, 'redirection')
    // The attacker, who waits in that very interaction, is where they were.
    await attacker.page.goto(interaction)
    await expectPage(attacker.page, 'login')
    await attacker.page.goto(`${publicUrl}/redirection`)
    await expectPage(attacker.page, 'login')
    await victim.context.close()
    await attacker.context.close()
  })
})

/** A page of the attacker's that sends a form of ours by itself. */
const formPage = (path: string, fields: Record<string, string>) =>
  `<form id="f" method="post" action="${publicUrl}${path}">${Object.entries(fields)
    .map(([name, value]) => `<input type="hidden" name="${name}" value="${value}">`)
    .join('')}</form><script>document.getElementById('f').submit()</script>`
/** Without the one that each first page gives. */
const namesOf = (list: { name: string }[]) =>
  list
    .map(({ name }) => name)
    .filter((name) => !/correlation/.test(name))
    .toSorted()

describe('a page that makes the victim’s browser send our forms', () => {
  it.each([
    ['a sibling host', sibling],
    ['another site', elsewhere],
  ])('from %s signs nobody in, starts, confirms and ends nothing', async (_, host) => {
    const attacker = await open()
    await attacker.page.goto(publicUrl)
    const csrf = (await attacker.page.getAttribute('input[name=csrf]', 'value')) ?? ''
    const address = `csrf.${host === sibling ? 'sibling' : 'site'}@elsewhere.example`
    const theirs = await open()
    await startActivation(theirs.page, product, { door: 'own', login: 'transports.lefevre', address })
    const mail = await inbox.waitForMail(address)
    await openConfirmationLink(attacker.page, mail)
    const { id } = await stateOf(address)
    const confirmUrl = attacker.page.url()

    const victim = await open()
    await victim.page.goto(publicUrl)
    const before = await cookiesOf(victim)
    const { login, password } = sample('transports.lefevre')
    const forms: [path: string, fields: Record<string, string>][] = [
      ['/login', { login, password, csrf }],
      ['/login', { login, password }],
      ['/redirection', { email: address, password: chosenPassword, shared: 'no', csrf }],
      [`/activation/${id}/confirm`, { password: chosenPassword, csrf }],
      [`/activation/${id}/withdraw`, { csrf }],
      ['/sign-in/switch', { csrf }],
    ]
    for (const [path, fields] of forms) {
      pages.set('/form', { body: formPage(path, fields) })
      const [answer] = await Promise.all([
        victim.page.waitForResponse((response) => response.url() === publicUrl + path),
        victim.page.goto(`${host}/form`),
      ])
      expect([path, answer.status()]).toEqual([path, 403])
    }
    // By a script, which a sibling may send with cookies: neither done nor read.
    pages.set('/script', { body: 'script' })
    await victim.page.goto(`${host}/script`)
    const read = await victim.page.evaluate(
      async ([url, body]) => {
        const options = { credentials: 'include' as const }
        const form = new URLSearchParams(body)
        // It leaves with the victim's cookies; the answer is kept from the page.
        await fetch(`${url}/login`, { method: 'POST', mode: 'no-cors', ...options, body: form }).catch(
          () => undefined,
        )
        return fetch(`${url}/`, options).then(
          (answer) => answer.text(),
          () => 'refused',
        )
      },
      [publicUrl, `login=${login}&password=${password}&csrf=${csrf}`] as const,
    )
    expect(read).toBe('refused')
    // And in a frame nothing of ours is shown.
    pages.set('/frame', { body: `<iframe src="${confirmUrl}"></iframe>` })
    await victim.page.goto(`${host}/frame`)
    await victim.page.waitForTimeout(300)
    for (const frame of victim.page.frames().slice(1)) expect(await frame.locator('form').count()).toBe(0)

    expect(namesOf(await cookiesOf(victim))).toEqual(namesOf(before))
    expect((await stateOf(address)).state).toBe('mailed')
    for (const { context } of [victim, attacker, theirs]) await context.close()
  })

  it('that leads into the attacker’s activation finds a page that names login and company and wants its password', async () => {
    const address = 'login.csrf@elsewhere.example'
    const attacker = await open()
    await startActivation(attacker.page, product, { door: 'own', login: 'negoce.atlantique', address })
    const mail = await inbox.waitForMail(address)
    const victim = await open()
    pages.set('/link', { body: `<a id="l" href="${confirmationLink(mail).replaceAll('&', '&amp;')}">x</a>` })
    await victim.page.goto(`${sibling}/link`)
    await victim.page.click('#l')
    await victim.page.click('#ell-confirm')
    await expectPage(victim.page, 'confirm')
    expect(await victim.page.innerText('main')).toContain(sample('negoce.atlantique').company)
    await victim.page.fill('input[name=password]', sample('scierie.haut-jura').password)
    await victim.page.click('main form button[type=submit] >> nth=0')
    await victim.page.waitForSelector('[data-page=confirm] :is(.ell-error, .ell-notice--error)')
    expect((await stateOf(address)).state).toBe('mailed')
    // Signed in to nothing, at Keycloak least of all.
    await victim.page.goto(urls.portal)
    await victim.page.waitForSelector('#sign-in')
    // The attacker finishes it in their own browser, and is signed in there and nowhere else.
    await openConfirmationLink(attacker.page, await attackerMail(attacker, address))
    await attacker.page.fill('input[name=password]', chosenPassword)
    await attacker.page.click('main form button[type=submit] >> nth=0')
    await expectSignedIn(attacker.page, urls.portal, address)
    await victim.page.goto(urls.portal)
    await victim.page.waitForSelector('#sign-in')
    await victim.context.close()
    await attacker.context.close()
  })
})

/** The first mail was used up by whoever clicked it; a fresh one leads on. */
async function attackerMail({ page }: Person, address: string) {
  await database.query(
    `UPDATE ellipro.activation SET mail_requested_at = now() - interval '61 seconds' WHERE address = $1`,
    [address],
  )
  const seen = inbox.mails.length
  await page.goto(`${publicUrl}/activation/${(await stateOf(address)).id}`)
  await page.click('form[action$="/resend"] button')
  return inbox.waitForMail(address, (mail) => inbox.mails.indexOf(mail) >= seen)
}
