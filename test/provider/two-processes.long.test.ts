/**
 * Invariants 3 and 8 with two provider processes on one database, fifty requests at the same moment, half to each: what
 * the database decides is decided once, whoever asks. Fifty people on one login are test/e2e/fifty-people.helpdesk. Within one process, and with every request held at the same
 * look, the same is tested in provider/oidc/op.database and core/database/provider-functions.database.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { decodeJwt } from 'jose'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { placeUrl } from '../../dev/environment.ts'
import { fetchAdminToken } from '../support/keycloak.ts'
import { HttpPerson } from '../support/http-person.ts'
import { startProduct } from '../support/product.ts'
import { Browser, pageName } from './support/browser.ts'
import { startKeycloakClient } from './support/keycloak-client.ts'
import { createOpener } from './support/opened.ts'
import { startProvider } from './support/process.ts'
import { createDatabase } from '../support/postgres.ts'
import { sampleLogins } from '../../dev/cofacering/sample-logins.ts'

const many = 50
const each = <T>(work: (n: number) => Promise<T>): Promise<T[]> =>
  Promise.all(Array.from({ length: many }, (_, n) => work(n)))
const network = (n: number) => `10.50.${n}.1`

/** Both processes take only so much at once; whoever is told to come again does so. */
async function untilServed(person: HttpPerson): Promise<void> {
  for (let tries = 0; person.page.status === 503 && tries < 100; tries++) {
    await sleep(250)
    await person.again()
  }
}

describe('invariant 3: fifty confirmations, two provider processes', async () => {
  const product = await startProduct({ TRUST_PROXY: '1' }, { replicas: 2 })
  const { places, inbox, database } = product
  const origins = [product.urls.provider, placeUrl(places.provider2!)] as const
  const client = new pg.Client({ connectionString: database.superuser })
  const password = 'Un-bon-mot-de-passe-2026'

  beforeAll(async () => {
    await client.connect()
    await client.query('UPDATE ellipro.setting SET value = 1000 WHERE name ~ $1', [
      '^(activations_per_login_per_day|mails_per_login_per_day)$',
    ])
  })
  afterAll(() => client.end())

  /** From the door to "we sent a mail", at one of the two processes. */
  async function start(login: string, n: number): Promise<{ person: HttpPerson; address: string }> {
    const address = `${login.replaceAll('.', '-')}-${n}@colleagues.example`
    const person = new HttpPerson({ network: network(n) })
    await person.open(`${origins[n % 2]}/`)
    await person.submit(
      { login, password: sampleLogins.find((one) => one.login === login)!.password },
      '/login',
    )
    await person.submit({ email: address, password, shared: 'no' }, '/redirection')
    expect(person.name).toBe('sent')
    return { person, address }
  }

  /** The click at Keycloak; the id of the activation, whose k the person's browser holds afterwards. */
  async function proveMailbox(person: HttpPerson, address: string): Promise<string> {
    const mail = await inbox.waitForMail(address, undefined, 60_000)
    const link = mail.links.find((one) => one.includes('/login-actions/action-token'))!
    await person.open(link)
    await person.click(/id="ell-confirm"/)
    const url = String(decodeJwt(new URL(link).searchParams.get('key')!)['reduri'])
    await person.open(url)
    expect(person.name).toBe('confirm')
    return /\/activation\/([0-9a-f-]{36})/.exec(url)![1]!
  }

  /** Opens the confirmation page at one of the two processes, and gives what sends it. */
  async function atConfirmation(person: HttpPerson, id: string, n: number): Promise<() => Promise<void>> {
    await person.open(`${origins[n % 2]}/activation/${id}/confirm`)
    await untilServed(person)
    return async () => {
      await person.submit({ password }, '/confirm')
      await untilServed(person)
    }
  }

  const states = async (login: string) =>
    Object.fromEntries(
      (
        await client.query<{ state: string; count: number }>(
          'SELECT state, count(*)::integer AS count FROM ellipro.activation WHERE login = $1 GROUP BY state',
          [login],
        )
      ).rows.map(({ state, count }) => [state, count]),
    )

  async function untilOpened(login: string): Promise<void> {
    for (const end = Date.now() + 60_000; !(await states(login))['opened']; await sleep(200))
      if (Date.now() > end) throw new Error(`nobody was opened: ${JSON.stringify(await states(login))}`)
  }

  it('of one activation by fifty tabs: one account, one link', async () => {
    const login = 'transports.lefevre'
    const { person, address } = await start(login, 0)
    const id = await proveMailbox(person, address)
    const tabs = Array.from({ length: many }, (_, n) => {
      const tab = new HttpPerson({ network: network(n) })
      tab.cookies = person.cookies.map((cookie) => ({ ...cookie }))
      return tab
    })
    const sends = await Promise.all(tabs.map((tab, n) => atConfirmation(tab, id, n)))
    await Promise.all(sends.map((send) => send()))
    await untilOpened(login)
    expect(await states(login)).toEqual({ opened: 1 })
    const confirmed = [product.readLog('provider'), product.readLog('provider2')]
      .join('\n')
      .split('\n')
      .filter((line) => line.includes('"activation.confirm"') && line.includes(id))
      .map((line) => (JSON.parse(line) as { outcome: string }).outcome)
    expect(confirmed.filter((outcome) => outcome === 'confirmed')).toHaveLength(1)
    const { administrator: _, ...keycloak } = product.installation.keycloak
    const authorization = `Bearer ${await fetchAdminToken({
      url: keycloak.url,
      adminUsername: product.installation.keycloak.administrator.username,
      adminPassword: product.installation.keycloak.administrator.password,
    } as Parameters<typeof fetchAdminToken>[0])}`
    const ask = async <T>(path: string) =>
      (await (
        await fetch(`${keycloak.url}/admin/realms/${keycloak.realm}/users${path}`, {
          headers: { authorization },
        })
      ).json()) as T
    const users = await ask<{ id: string }[]>(`?exact=true&email=${encodeURIComponent(address)}`)
    expect(users).toHaveLength(1)
    // None: a tab was fast enough to be signed in, and the link has served.
    const links = await ask<unknown[]>(`/${users[0]!.id}/federated-identity`)
    expect(links.length).toBeLessThanOrEqual(1)
  })
})

describe('invariant 8: fifty uses of one secret, two provider processes', async () => {
  const database = await createDatabase()
  const keycloak = await startKeycloakClient()
  const first = await startProvider(database.provider, { KEYCLOAK_URL: keycloak.url, TRUST_PROXY: '1' })
  const second = await startProvider(database.provider, {
    KEYCLOAK_URL: keycloak.url,
    TRUST_PROXY: '1',
    PROVIDER_URL: first,
  })
  const opener = createOpener(database.sync)
  const at = (n: number) => (n % 2 ? second : first)

  /** A browser that brings its proof, at one of the two processes. */
  async function begin(browser: Browser, handle: string, n: number) {
    const request = keycloak.request(at(n), { login_hint: handle })
    const page = await browser.open(request.url, { headers: { 'x-forwarded-for': network(n) } })
    return { request, page }
  }

  /** A browser with the proof of an open activation; its cookies are good at both processes. */
  async function confirmed() {
    const browser = new Browser()
    const opened = await opener.open(browser, first)
    const handle = await opener.prove(browser, first, opened)
    const { host } = new URL(second)
    browser.cookies = browser.cookies.flatMap((cookie) => [cookie, { ...cookie, host }])
    return { browser, handle }
  }

  async function codeFor(n: number) {
    const { browser, handle } = await confirmed()
    const { request, page } = await begin(browser, handle, 0)
    const back = await browser.follow(page, keycloak.redirectUri)
    const code = back.location && new URL(back.location).searchParams.get('code')
    if (!code) throw new Error(`no code for ${n}: ${pageName(back)}`)
    return { request, code }
  }

  it('redeems one code once', async () => {
    const { request, code } = await codeFor(0)
    const assertions = await each(() => keycloak.assert(first))
    const answers = await each((n) =>
      keycloak.redeem(at(n), { code, verifier: request.verifier, assertion: assertions[n]! }),
    )
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(1)
    expect(answers.filter(({ body }) => body['error'] === 'invalid_grant')).toHaveLength(many - 1)
  })

  it('takes one client assertion once', async () => {
    const assertion = await keycloak.assert(first)
    // With it, the code is looked at, which is none; without it, nothing is.
    const answers = await each((n) =>
      keycloak.redeem(at(n), { code: `no-code-${n}`, verifier: 'x'.repeat(43), assertion }),
    )
    expect(answers.filter(({ body }) => body['error'] === 'invalid_grant')).toHaveLength(1)
    expect(answers.filter(({ body }) => body['error'] === 'invalid_client')).toHaveLength(many - 1)
  })

  it('takes one proof once', async () => {
    const { browser, handle } = await confirmed()
    const ends = await each(async (n) => {
      const tab = browser.copy()
      const { page } = await begin(tab, handle, n)
      if (page.location?.startsWith(keycloak.redirectUri)) return page
      // PROVIDER_URL is the first one's; half of the tabs stay with the second.
      return tab.open(page.location!.replace(first, at(n)))
    })
    expect(ends.filter(({ location }) => location?.includes('code='))).toHaveLength(1)
    expect(ends.filter((page) => pageName(page) === 'login')).toHaveLength(many - 1)
  })
})
