/**
 * The whole product while a part of it is slow or dead: people go on where they can, are told plainly where they cannot,
 * and finish when the part is back. Nothing accepted is lost, and no mail comes twice.
 *
 * Keycloak and the browser's way to it are real; the calls of our processes to Keycloak pass a proxy that can be in
 * trouble (test/support/entries/divert-fetch.ts), and so does their way to Cofacering. PostgreSQL is the file's own.
 */
import { spawnSync } from 'node:child_process'
import { connect } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { join } from 'node:path'
import pg from 'pg'
import { afterAll, afterEach, describe, expect, inject, it } from 'vitest'
import { confirmationLink } from './journey.ts'
import { Browser, pageName, refreshOf, type Page } from '../provider/support/browser.ts'
import { createPerson, idOf, newPassword, sampleLogin, type Person } from '../provider/screens/people.ts'
import { until } from '../support/checkpoints.ts'
import { startHttpProxy, startTcpProxy, through, type HttpTrouble } from '../support/fault-proxy.ts'
import { startOwnServers } from '../support/own-servers.ts'
import { startProduct, type Part } from '../support/product.ts'

const keycloakUrl = inject('keycloak').url
const { postgres } = await startOwnServers()
const keycloak = await startHttpProxy(keycloakUrl, '127.0.0.1')
const legacy = await startTcpProxy({ host: '127.0.0.1', port: Number(new URL(postgres.url).port) })

const preload = (file: string) => `--import=${join(import.meta.dirname, '../support/entries', file)}`
const diverted = {
  NODE_OPTIONS: preload('divert-fetch.ts'),
  DIVERT_FROM: keycloakUrl,
  DIVERT_TO: keycloak.url,
}
const environment: Partial<Record<Part, Record<string, string>>> = {
  provider: { ...diverted },
  adminSync: { ...diverted },
}
const product = await startProduct({ SIGN_IN_DEADLINE_MS: '50' }, { servers: { postgres }, environment })
const { inbox, urls } = product
const origin = urls.provider

const superuser = new pg.Pool({ connectionString: product.database.superuser, max: 2 })
superuser.on('error', () => {})
afterAll(() => superuser.end())

async function restart(...parts: Part[]): Promise<void> {
  await Promise.all(parts.map((part) => product.stop(part)))
  await Promise.all(parts.map(product.start))
}
const divertLegacy = { LEGACY_DATABASE_URL: through(product.cofacering.reader, legacy) }
Object.assign(environment.provider ?? {}, divertLegacy)
Object.assign(environment.adminSync ?? {}, divertLegacy)
await restart('provider', 'adminSync')

afterEach(async () => {
  keycloak.trouble = () => undefined
  inbox.refuse(false)
  inbox.delay(0)
  await legacy.set('none')
})

// More logins than the samples are, all with one password, each of a contract of its own.
const cofacering = new pg.Client({ connectionString: product.cofacering.superuser })
await cofacering.connect()
await cofacering.query(`
  INSERT INTO login (id, login, password_hash, contract_id, shared, disabled, created_on)
  SELECT 'faults-' || c.n, 'faults.' || c.n, (SELECT password_hash FROM login WHERE login = '${sampleLogin(0).login}'),
         c.id, false, false, now()
    FROM (SELECT id, row_number() OVER (ORDER BY id) - 1 AS n FROM contract LIMIT 300) c`)
await cofacering.end()
const loginOf = (n: number) => ({ login: `faults.${n}`, password: sampleLogin(0).password })

let people = 0
/** Somebody with a login and an address of their own. */
function somebody(): { who: Person; login: { login: string; password: string }; address: string } {
  const n = people++
  return { who: createPerson(origin), login: loginOf(n), address: `personne.${n}@societe.example` }
}
type Somebody = ReturnType<typeof somebody>

/** From the login page to "we sent a mail"; the id of the activation. */
async function ask({ who, login, address }: Somebody): Promise<string> {
  const page = await who.ask(login, address)
  expect(pageName(page)).toBe('sent')
  return idOf(page)
}
const mailsTo = (address: string) => inbox.mails.filter(({ to }) => to.includes(address))

/** The mail's link and Keycloak's page, up to our confirmation page. */
async function openMail({ who, address }: Somebody): Promise<Page> {
  const mail = await inbox.waitForMail(address, () => true, 60_000)
  const first = await who.browser.visit(confirmationLink(mail))
  const button = /id="ell-confirm" href="([^"]+)"/.exec(first.body)?.[1]
  expect(button).toBeDefined()
  const done = await who.browser.visit(
    new URL((button ?? '').replaceAll('&amp;', '&'), first.url).href,
    origin,
  )
  const next =
    done.location ?? /id="ell-continue" href="([^"]+)"/.exec(done.body)?.[1]?.replaceAll('&amp;', '&')
  const page = await who.browser.visit(next ?? done.url)
  expect(pageName(page)).toBe('confirm')
  return page
}
/** Types the password; the page after it, which may be "we are opening your account". */
async function confirm({ who }: Somebody, page: Page): Promise<Page> {
  const answer = await who.browser.submit(page, { password: newPassword })
  expect([answer.status, answer.location]).toEqual([303, expect.stringContaining('/opening')])
  return who.browser.open(answer.location ?? '')
}
/** Waits for the account and goes to the portal, which says who is signed in. */
async function finish({ who, address }: Somebody, from: Page): Promise<void> {
  let page = from
  for (const end = Date.now() + 60_000; Date.now() < end;) {
    const next = page.location ?? refreshOf(page)
    if (next === undefined) break
    if (pageName(page) === 'opening') await sleep(200)
    page = await who.browser.open(next)
  }
  expect([page.url, page.status]).toEqual([`${urls.portal}/`, 200])
  expect(page.body).toContain(address)
}
async function wholeWay(one: Somebody): Promise<void> {
  await ask(one)
  await finish(one, await confirm(one, await openMail(one)))
}
async function row(id: string): Promise<{ state: string; last_error: string | null }> {
  const { rows } = await superuser.query<{ state: string; last_error: string | null }>(
    'SELECT state, last_error FROM ellipro.activation WHERE id = $1',
    [id],
  )
  return rows[0] ?? { state: 'gone', last_error: null }
}
const ready = async (part: 'provider' | 'adminSync') => {
  const place = product.places[part]
  const answer = await fetch(`http://${place?.host}:${place?.port}/health/ready`)
  return [answer.status, ((await answer.json()) as { missing?: string[] }).missing ?? []]
}
async function deadLetters(): Promise<number> {
  const { rows } = await superuser.query<{ count: string }>(
    `SELECT count(*) FROM pgboss.job WHERE name = 'dead-letter'`,
  )
  return Number(rows[0]?.count)
}
function expectOutage(page: Page): void {
  expect([page.status, page.headers.get('retry-after')]).toEqual([503, expect.stringMatching(/^\d+$/)])
  expect(page.body).toMatch(/Référence|Cofacering ne répond pas/)
  expect(page.body).not.toMatch(/ECONN|node_modules|at .*\.ts|SQL/)
}

const troubles: HttpTrouble[] = [
  'reset',
  { status: 502, body: '<h1>Bad gateway</h1>' },
  { status: 200, body: '<!doctype html><title>Maintenance</title>' },
  'half',
  { status: 429, body: '' },
  { status: 403, body: '<h1>Forbidden</h1>' },
  { status: 302, headers: { location: 'https://elsewhere.example/' } },
  { status: 500, body: '{"error":"unknown_error"}', headers: { 'content-type': 'application/json' } },
  { status: 200, body: '{"status":"ok"}', headers: { 'content-type': 'application/json' } },
]
/** Each request meets the next trouble. */
function troubled(matches: (asked: string) => boolean = () => true): void {
  let count = 0
  keycloak.trouble = (asked) => (matches(asked) ? troubles[count++ % troubles.length] : undefined)
}

it('the whole way works when nothing is wrong', async () => {
  const one = somebody()
  await wholeWay(one)
  expect(mailsTo(one.address)).toHaveLength(1)
})

describe('Keycloak in trouble', () => {
  it('at the mail: each trouble is waited out, the mail comes once, and nothing is a dead letter', async () => {
    const crowd = [somebody(), somebody(), somebody(), somebody()]
    const before = keycloak.asked.length
    troubled()
    const ids = await Promise.all(crowd.map(ask))
    await until('every job has failed', async () =>
      (await Promise.all(ids.map(row))).every(({ last_error }) => last_error !== null),
    )
    await until('every trouble was met', () => keycloak.asked.length >= before + troubles.length)
    keycloak.trouble = () => undefined
    await Promise.all(crowd.map(({ address }) => inbox.waitForMail(address, () => true, 60_000)))
    await until('all are mailed', async () =>
      (await Promise.all(ids.map(row))).every(({ state }) => state === 'mailed'),
    )
    expect(crowd.map(({ address }) => mailsTo(address).length)).toEqual([1, 1, 1, 1])
    expect(await deadLetters()).toBe(0)

    // The same people, at the account this time.
    const pages = await Promise.all(crowd.map(openMail))
    troubled()
    const waiting = await Promise.all(crowd.map((one, n) => confirm(one, pages[n]!)))
    expect(waiting.map(pageName)).toEqual(Array.from(crowd, () => 'opening'))
    await until('every job has failed again', async () =>
      (await Promise.all(ids.map(row))).every(({ last_error }) => last_error !== null),
    )
    const slow = await crowd[0]!.who.get(`/activation/${ids[0]}/opening?n=10`)
    expect(pageName(slow)).toBe('opening-slow')
    keycloak.trouble = () => undefined
    for (const [n, one] of crowd.entries()) await finish(one, waiting[n]!)
    expect(await deadLetters()).toBe(0)
  })

  it('that hangs in the middle of a job keeps that job only for a while, and nobody else at provider', async () => {
    const one = somebody()
    keycloak.trouble = () => 'hang'
    const id = await ask(one)
    const other = somebody()
    expect(pageName(await other.who.post('/', other.login))).toBe('redirection')
    await until('the job gave up waiting', async () => (await row(id)).last_error === 'keycloak:timeout')
    keycloak.trouble = () => undefined
    await inbox.waitForMail(one.address, () => true, 60_000)
    expect(await ready('adminSync')).toEqual([200, []])
  })

  it('at the sign-in: another try is offered, and it ends signed in', async () => {
    const one = somebody()
    const id = await ask(one)
    let page = await confirm(one, await openMail(one))
    await until('it is open', async () => (await row(id)).state === 'opened')
    // What is known of Keycloak is believed for some seconds.
    await sleep(5_100)
    for (const trouble of ['hang', 'reset', { status: 503, body: 'soon' }] as const) {
      keycloak.trouble = () => trouble
      page = await one.who.get(`/activation/${id}/opening`)
      expectOutage(page)
      expect([pageName(page), page.body]).toEqual([
        'sign-in-problem',
        expect.stringContaining(`/activation/${id}/opening`),
      ])
    }
    // The metadata is there, and the token endpoint is not: the code is lost, the person is not.
    keycloak.trouble = (asked) => (asked.startsWith('POST ') && asked.endsWith('/token') ? 'hang' : undefined)
    page = await one.who.browser.follow(await one.who.get(`/activation/${id}/opening`), urls.portal)
    expectOutage(page)
    keycloak.trouble = () => undefined
    await finish(one, await one.who.get(`/activation/${id}/opening`))
  })

  it('when our OP wants its keys for the first time: the sign-in ends at Keycloak, and another try signs in', async () => {
    const one = somebody()
    const id = await ask(one)
    const form = await openMail(one)
    await restart('provider')
    const page = await confirm(one, form)
    await until('it is open', async () => (await row(id)).state === 'opened')
    let asked = 0
    keycloak.trouble = (request) => {
      if (!request.endsWith('/certs')) return undefined
      asked++
      return { status: 503, body: 'soon' }
    }
    const end = await one.who.browser.follow(
      page.location ? page : await one.who.get(`/activation/${id}/opening`),
      urls.portal,
    )
    expect(asked).toBeGreaterThan(0)
    expect(end.url).not.toContain(urls.portal)
    keycloak.trouble = () => undefined
    await finish(one, await one.who.get(`/activation/${id}/opening`))
  })
})

describe('the mail server', () => {
  it('that refuses, is gone, or says yes after 20 seconds: one mail each, Keycloak’s and ours', async () => {
    const owner = somebody()
    await wholeWay(owner)
    const late = somebody()
    // Somebody who gives an address that has its account: their mail is ours, not Keycloak's.
    const taken = { ...somebody(), address: owner.address }
    inbox.clear()
    inbox.refuse(true)
    const ids = await Promise.all([ask(late), ask(taken)])
    await until('both were refused', async () =>
      (await Promise.all(ids.map(row))).every(({ last_error }) => last_error !== null),
    )
    await inbox.stop()
    await sleep(3_000)
    expect((await Promise.all(ids.map(row))).map(({ state }) => state)).toEqual(['requested', 'refused'])
    inbox.delay(20_000)
    inbox.refuse(false)
    await inbox.start()
    await Promise.all([late, taken].map(({ address }) => inbox.waitForMail(address, () => true, 90_000)))
    await until('Keycloak’s is recorded', async () => (await row(ids[0])).state === 'mailed')
    await until('ours is recorded', async () => (await row(ids[1])).last_error === null)
    inbox.delay(0)
    await sleep(6_000)
    expect([mailsTo(late.address).length, mailsTo(owner.address).length]).toEqual([1, 1])
    await finish(late, await confirm(late, await openMail(late)))
  })
})

describe('Cofacering', () => {
  it.each(['hang', 'refuse'] as const)(
    'that answers with %s: said on the login page, and whoever is further on goes on',
    async (trouble) => {
      const further = somebody()
      const form = await further.who.post('/', further.login)
      expect(pageName(form)).toBe('redirection')
      const confirming = somebody()
      await ask(confirming)
      const confirmation = await openMail(confirming)

      await legacy.set(trouble)
      const crowd = Array.from({ length: 80 }, (_, n) => createPerson(origin).send('/', loginOf(200 + n)))
      // Both go on meanwhile, as far as nobody has to ask Cofacering.
      const sent = await further.who.browser.submit(form, {
        email: further.address,
        password: newPassword,
        shared: 'no',
      })
      expect(pageName(await further.who.browser.follow(sent))).toBe('sent')
      const opening = await confirm(confirming, confirmation)
      expect(pageName(opening)).toBe('opening')
      for (const page of await Promise.all(crowd)) {
        expectOutage(page)
        expect(pageName(page)).toBe('login-unavailable')
      }
      const { rows } = await superuser.query(
        'SELECT key FROM provider.rate_limit WHERE points > 0 AND key LIKE $1',
        ['sign-in.%'],
      )
      expect(rows).toEqual([])
      expect(await ready('provider')).toEqual([200, []])
      await legacy.set('none')
      await finish(confirming, opening)
      await finish(further, await confirm(further, await openMail(further)))
    },
  )
})

/** A setting of the database, for every connection of our processes. */
async function setDatabase(value: string): Promise<void> {
  const client = new pg.Client({ connectionString: postgres.url })
  await client.connect()
  await client.query(`ALTER DATABASE ${product.database.name} ${value}`)
  await client.query(
    `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1 AND pid <> pg_backend_pid()`,
    [product.database.name],
  )
  await client.end()
}

describe('PostgreSQL', () => {
  it('that is killed and started again: pages say so, health says so, and everybody finishes', async () => {
    const [mailed, asking, fresh] = [somebody(), somebody(), somebody()]
    await ask(mailed)
    const confirmation = await openMail(mailed)
    const form = await asking.who.post('/', asking.login)
    // A job is in the middle, and holds its address.
    keycloak.trouble = (asked) => (asked.includes('verify-email') ? 'hang' : undefined)
    const middle = somebody()
    const id = await ask(middle)
    await until('the mail is asked for', () => keycloak.asked.at(-1)?.includes('verify-email') === true)

    await postgres.kill()
    expectOutage(
      await asking.who.browser.submit(form, { email: asking.address, password: newPassword, shared: 'no' }),
    )
    expectOutage(await mailed.who.browser.submit(confirmation, { password: newPassword }))
    await until('provider is not ready', async () => (await ready('provider'))[0] === 503)
    await until('admin-sync is not ready', async () => (await ready('adminSync'))[0] === 503)
    const live = await Promise.all(
      (['provider', 'adminSync'] as const).map((part) =>
        fetch(`http://${product.places[part]?.host}:${product.places[part]?.port}/health/live`),
      ),
    )
    expect(live.map(({ status }) => status)).toEqual([200, 200])
    keycloak.trouble = () => undefined
    await postgres.start()
    await until('provider is ready again', async () => (await ready('provider'))[0] === 200)
    await until('admin-sync is ready again', async () => (await ready('adminSync'))[0] === 200)

    const sent = await asking.who.browser.submit(form, {
      email: asking.address,
      password: newPassword,
      shared: 'no',
    })
    expect(pageName(await asking.who.browser.follow(sent))).toBe('sent')
    await finish(mailed, await confirm(mailed, confirmation))
    await finish(asking, await confirm(asking, await openMail(asking)))
    await wholeWay(fresh)
    await until('the job in the middle was taken up', async () => (await row(id)).state === 'mailed', 120_000)
    expect(mailsTo(middle.address).length).toBeLessThanOrEqual(2)
    expect(await deadLetters()).toBe(0)
  })

  it('that takes no writes: nothing is half done, and it works on by itself', async () => {
    const [one, before] = [somebody(), somebody()]
    const id = await ask(before)
    await inbox.waitForMail(before.address, () => true, 60_000)
    await until('it is mailed', async () => (await row(id)).state === 'mailed')
    const form = await one.who.post('/', one.login)
    const confirmation = await openMail(before)
    await setDatabase('SET default_transaction_read_only = on')
    await until('provider is not ready', async () =>
      ((await ready('provider'))[1] as string[]).includes('database_writable'),
    )
    await until('admin-sync is not ready', async () =>
      ((await ready('adminSync'))[1] as string[]).includes('database_writable'),
    )
    expectOutage(await before.who.browser.submit(confirmation, { password: newPassword }))
    expectOutage(
      await one.who.browser.submit(form, { email: one.address, password: newPassword, shared: 'no' }),
    )
    await setDatabase('RESET default_transaction_read_only')
    await until('provider is ready again', async () => (await ready('provider'))[0] === 200)
    await until('admin-sync is ready again', async () => (await ready('adminSync'))[0] === 200)
    await finish(before, await confirm(before, confirmation))
    const sent = await one.who.browser.submit(form, {
      email: one.address,
      password: newPassword,
      shared: 'no',
    })
    expect(pageName(await one.who.browser.follow(sent))).toBe('sent')
    await finish(one, await confirm(one, await openMail(one)))
    expect(await deadLetters()).toBe(0)
  })
})

/** Kilobytes that provider keeps in memory. */
const memory = () =>
  spawnSync('ps', ['-o', 'rss=', '-s', String(product.pid('provider'))], { encoding: 'utf8' })
    .stdout.split('\n')
    .reduce((sum, line) => sum + Number(line), 0)

describe('a flood', () => {
  it('is answered or told to come again; memory stays, health stays true, and afterwards everything works', async () => {
    const form = new Browser()
    const login = await form.open(`${origin}/`)
    const one = async (n: number) => {
      if (n % 3 === 0) return (await new Browser().open(`${origin}/`)).status
      if (n % 3 === 1)
        return (await form.copy().submit(login, { login: `personne ${n}`, password: 'un mot de passe' }))
          .status
      return (await new Browser().open(`${origin}/activation/11111111-1111-4111-8111-111111111111`)).status
    }
    const wave = () => Promise.all(Array.from({ length: 500 }, (_, n) => one(n)))
    await wave()
    const first = memory()
    let healthy = 0
    const watch = setInterval(
      () => void ready('provider').then(([status]) => (healthy += status === 200 ? 1 : -1000)),
      200,
    )
    const statuses = [...(await wave()), ...(await wave()), ...(await wave())]
    clearInterval(watch)
    expect(statuses.filter((status) => ![200, 303, 503].includes(status))).toEqual([])
    expect(statuses).toContain(503)
    expect(healthy).toBeGreaterThan(0)
    // Kilobytes: room for what a garbage collection has not reached yet.
    expect(memory() - first).toBeLessThan(150_000)
    await superuser.query('DELETE FROM provider.rate_limit')
    await restart('provider')
    await wholeWay(somebody())
  })

  it('of connections that never finish a request is ended by provider itself', async () => {
    const place = product.places.provider
    const ended = Array.from(
      { length: 20 },
      () =>
        new Promise<string>((done) => {
          const socket = connect(place?.port ?? 0, place?.host)
          let answer = ''
          socket.on('data', (bytes) => (answer += String(bytes)))
          socket.on('error', () => {})
          socket.on('close', () => done(answer))
          socket.write('GET / HTTP/1.1\r\nHost: x\r\nX-A')
        }),
    )
    for (const answer of await Promise.all(ended)) expect(answer).toContain('408')
  })
})

describe('a stop', () => {
  it('of provider answers the request under way, after /health/ready has said no', async () => {
    Object.assign(environment.provider ?? {}, { STOP_DELAY_MS: '1500' })
    await restart('provider')
    const one = somebody()
    const login = await one.who.get('/')
    const client = await superuser.connect()
    await client.query('BEGIN; LOCK TABLE provider.rate_limit')
    const answer = one.who.browser.submit(login, one.login)
    await sleep(300)
    const stopped = product.stop('provider', 20_000)
    await until('it says that it stops', async () => (await ready('provider'))[1]?.toString() === 'stopping')
    expect((await one.who.get('/')).status).toBe(200)
    await until('it listens no more', async () =>
      fetch(origin).then(
        () => false,
        () => true,
      ),
    )
    await client.query('ROLLBACK')
    client.release()
    expect((await answer).location).toContain('/redirection')
    await stopped
    Object.assign(environment.provider ?? {}, { STOP_DELAY_MS: '0' })
    await product.start('provider')
    expect(pageName(await one.who.visit('/redirection'))).toBe('redirection')
  })

  it('of admin-sync ends the job under way, and the next process does not do it again', async () => {
    const one = somebody()
    inbox.delay(4_000)
    const before = keycloak.asked.length
    const id = await ask(one)
    await until('the mail is asked for', () =>
      keycloak.asked.slice(before).some((asked) => asked.includes('verify-email')),
    )
    const stopped = product.stop('adminSync', 60_000)
    await until('it is not ready', async () => {
      const [status] = await ready('adminSync')
      return status === 503
    })
    await stopped
    expect((await row(id)).state).toBe('mailed')
    inbox.delay(0)
    await product.start('adminSync')
    await finish(one, await confirm(one, await openMail(one)))
    expect(mailsTo(one.address)).toHaveLength(1)
  })
})

describe('our clocks', () => {
  it.each([120, -120])('%i seconds off Keycloak’s: the whole way ends signed in', async (seconds) => {
    const shifted = {
      NODE_OPTIONS: `${preload('divert-fetch.ts')} ${preload('shift-clock.ts')}`,
      CLOCK_OFFSET_MS: String(seconds * 1000),
    }
    Object.assign(environment.provider ?? {}, shifted)
    Object.assign(environment.adminSync ?? {}, shifted)
    await restart('provider', 'adminSync')
    await wholeWay(somebody())
    expect(product.readLog('provider')).toContain(
      new Date(Date.now() + seconds * 1000).toISOString().slice(0, 15),
    )
  })
})
