/**
 * What people meet when the database or Cofacering is away, slow or full, and when provider has all that it can carry:
 * "try again shortly" with 503 and Retry-After, nobody's attempt counted, nobody else disturbed, and everything as before
 * afterwards. test/e2e/faults.long.test.ts does it with the whole product.
 */
import { createHash, randomBytes } from 'node:crypto'
import { connect } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import { afterAll, afterEach, describe, expect, it } from 'vitest'
import { createLog } from '../../../core/log.ts'
import { hashing } from '../../../provider/gate.ts'
import type { LegacyDirectory } from '../../../provider/legacy/directory.ts'
import { createSqlDirectory } from '../../../provider/legacy/sql.ts'
import { startTcpProxy, through } from '../../support/fault-proxy.ts'
import { createCofacering, createDatabase } from '../../support/postgres.ts'
import { Browser, pageName, type Page } from '../support/browser.ts'
import { startInstance } from '../support/instance.ts'
import { startKeycloakClient } from '../support/keycloak-client.ts'
import { createPerson, newPassword, sampleLogin, type Person } from '../screens/people.ts'

const [database, cofacering, keycloak] = await Promise.all([
  createDatabase(),
  createCofacering(),
  startKeycloakClient(),
])
const settings = { KEYCLOAK_URL: keycloak.url, SIGN_IN_DEADLINE_MS: '20' }
// From outside: what is set for this database is not for it.
const server = new URL(database.superuser)
server.pathname = '/postgres'
const superuser = new pg.Pool({ connectionString: server.href, max: 2 })
afterAll(() => superuser.end())
const place = (url: string) => ({ host: new URL(url).hostname, port: Number(new URL(url).port) })
const [databaseProxy, legacyProxy] = await Promise.all([
  startTcpProxy(place(database.provider)),
  startTcpProxy(place(cofacering.reader)),
])

const directory = createSqlDirectory({
  url: through(cofacering.reader, legacyProxy),
  log: createLog('test', 'silent'),
  timeoutMs: 300,
  maximumConnections: 2,
  maximumWaiting: 4,
})
afterAll(() => directory.close())
const { origin, dependencies, logged } = await startInstance(
  through(database.provider, databaseProxy),
  settings,
  directory,
)
const ready = async (at = origin) => {
  const answer = await fetch(`${at}/health/ready`)
  return [answer.status, await answer.json()] as const
}
const isReady = [200, { status: 'ready' }]
/** An answer is kept for half a second. */
async function untilReady(wanted: readonly unknown[], at = origin): Promise<void> {
  for (const end = Date.now() + 8000; Date.now() < end; await sleep(50))
    if (JSON.stringify(await ready(at)) === JSON.stringify(wanted)) return
  expect(await ready(at)).toEqual(wanted)
}
const outage = (page: Page) => {
  expect([page.status, page.headers.get('retry-after')]).toEqual([503, expect.stringMatching(/^\d+$/)])
  // What a person may tell the desk.
  expect(page.body).toMatch(/error\.reference \w+/)
  expect(page.body).not.toMatch(/ECONN|node_modules|at .*\.ts|read-only|SQL|pool/)
}

afterEach(async () => {
  await Promise.all([databaseProxy.set('none'), legacyProxy.set('none')])
})

/** A setting of the database, for every connection of provider. */
async function set(value: string): Promise<void> {
  await superuser.query(`ALTER DATABASE ${database.name} ${value}`)
  await superuser.query(
    `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
      WHERE datname = $1 AND usename = 'ellipro_provider'`,
    [database.name],
  )
}

describe('a database', () => {
  it('that is gone is said on every page, with a way back to it, and comes back by itself', async () => {
    const person = createPerson(origin)
    const login = await person.get('/')
    await databaseProxy.set('refuse')
    await untilReady([503, { status: 'not ready', missing: ['database'] }])
    expect((await fetch(`${origin}/health/live`)).status).toBe(200)

    const sent = await person.browser.submit(login, sampleLogin(0))
    outage(sent)
    expect(sent.body).toContain('error.unavailable')
    expect(sent.body).toContain('error.unsure')
    expect(sent.body).toMatch(/href="\/"[^>]*>error\.retry/)
    const k = 'A'.repeat(43)
    const link = await person.get(`/activation/11111111-1111-4111-8111-111111111111/confirm?k=${k}`)
    outage(link)
    // The link of a mail is tried again whole.
    expect(link.body).toContain(`/confirm?k=${k}"`)
    outage(await new Browser().open(keycloak.request(origin).url))
    // Nobody is asked for it.
    expect((await person.get('/')).status).toBe(200)

    await databaseProxy.set('none')
    await untilReady(isReady)
    expect(pageName(await person.post('/', sampleLogin(0)))).toBe('redirection')
  })

  it('that cuts every connection in the middle is an outage and no bug', async () => {
    const person = createPerson(origin)
    const login = await person.get('/')
    await databaseProxy.set('reset')
    outage(await person.browser.submit(login, sampleLogin(0)))
    await databaseProxy.set('none')
    expect(pageName(await person.post('/', sampleLogin(0)))).toBe('redirection')
  })

  it('that takes no writes is an outage, no statement of it is shown, and provider is not ready', async () => {
    const person = createPerson(origin)
    await set('SET default_transaction_read_only = on')
    try {
      await untilReady([503, { status: 'not ready', missing: ['database_writable'] }])
      outage(await person.send('/', sampleLogin(0)))
    } finally {
      await set('RESET default_transaction_read_only')
    }
    await untilReady(isReady)
    expect(pageName(await person.post('/', sampleLogin(0)))).toBe('redirection')
  })

  it('without a free place for more connections goes on with those there are', async () => {
    const person = createPerson(origin)
    await person.post('/', sampleLogin(0))
    await untilReady(isReady)
    await superuser.query(`ALTER DATABASE ${database.name} CONNECTION LIMIT 1`)
    try {
      expect(await ready()).toEqual(isReady)
      expect(pageName(await person.visit('/redirection'))).toBe('redirection')
      const fresh = await startFresh()
      outage(await fresh.person.send('/', sampleLogin(0)))
      expect(await ready(fresh.origin)).toEqual([503, { status: 'not ready', missing: ['database'] }])
      await superuser.query(`ALTER DATABASE ${database.name} CONNECTION LIMIT -1`)
      await untilReady(isReady, fresh.origin)
      expect(pageName(await fresh.person.post('/', sampleLogin(0)))).toBe('redirection')
    } finally {
      await superuser.query(`ALTER DATABASE ${database.name} CONNECTION LIMIT -1`)
    }
  })

  it('without a migration of this release is not served from', async () => {
    const owner = new pg.Client({ connectionString: database.superuser })
    await owner.connect()
    await owner.query('ALTER TABLE public.schema_migration RENAME TO elsewhere')
    await untilReady([503, { status: 'not ready', missing: ['database_version'] }])
    await owner.query('ALTER TABLE public.elsewhere RENAME TO schema_migration')
    await owner.end()
    await untilReady(isReady)
    expect(await ready()).toEqual(isReady)
  })
})

/** The redirection screen for somebody whose sign-in was before. */
async function createRedirection({ browser }: Person): Promise<Page> {
  const cookie = randomBytes(32)
  await dependencies.pool.query(
    `INSERT INTO provider.legacy_sign_in (cookie_hash, account, login, company, contract, shared, known_domains, expires_at)
     VALUES ($1, 'a', 'login', 'Company', 'C', false, '{}', now() + interval '1 hour')`,
    [createHash('sha256').update(cookie).digest()],
  )
  const { host } = new URL(origin)
  browser.cookies.push({ host, name: 'sign_in', value: cookie.toString('base64url'), path: '/' })
  return browser.open(`${origin}/redirection`)
}

/** An instance whose pool has no connection yet. */
async function startFresh() {
  const limit = await superuser.query(`ALTER DATABASE ${database.name} CONNECTION LIMIT -1`)
  expect(limit.command).toBe('ALTER')
  const fresh = await startInstance(database.provider, settings, directory)
  await fresh.dependencies.pool.query('SELECT')
  // Its start needed connections; they go, and no new ones come.
  await superuser.query(`ALTER DATABASE ${database.name} CONNECTION LIMIT 1`)
  await superuser.query(
    `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
      WHERE datname = $1 AND application_name = 'test-provider'`,
    [database.name],
  )
  await sleep(50)
  return { origin: fresh.origin, person: createPerson(fresh.origin) }
}

describe('Cofacering', () => {
  it.each(['refuse', 'hang', 'reset'] as const)(
    'that answers with %s is said on the login page; nobody’s attempt counts, and others go on',
    async (trouble) => {
      const other = createPerson(origin)
      await other.post('/', sampleLogin(1))
      await dependencies.pool.query('DELETE FROM provider.rate_limit')
      await legacyProxy.set(trouble)

      // Many more than it has places for, of whom none may be kept for long, nor keep anybody else.
      const crowd = Array.from({ length: 20 }, (_, n) => createPerson(origin).send('/', sampleLogin(n)))
      expect(pageName(await other.visit('/redirection'))).toBe('redirection')
      for (const page of await Promise.all(crowd)) {
        expect([page.status, page.headers.get('retry-after')]).toEqual([503, '30'])
        expect(pageName(page)).toBe('login-unavailable')
        expect(page.body).toMatch(/name="login"[^>]* value="[^"]+"/)
      }
      await legacyProxy.set('none')
      const { rows } = await dependencies.pool.query<{ points: number }>(
        'SELECT points FROM provider.rate_limit WHERE points > 0',
      )
      expect(rows).toEqual([])
      expect(pageName(await createPerson(origin).post('/', sampleLogin(2)))).toBe('redirection')
    },
  )
})

describe('a crowd', () => {
  it('of passwords: the next one is told to come again, and nothing is counted', async () => {
    const person = createPerson(origin)
    const form = await person.get('/')
    const held = Promise.withResolvers<void>()
    // All the places at the hashes, and all those where one may wait.
    const others = Array.from({ length: 63 }, () => hashing.run(() => held.promise))
    await dependencies.pool.query('DELETE FROM provider.rate_limit')
    const login = await person.browser.submit(form, sampleLogin(3))
    expect([login.status, login.headers.get('retry-after'), pageName(login)]).toEqual([
      503,
      '30',
      'login-busy',
    ])
    const redirection = person.browser.submit(await createRedirection(person), {
      email: 'personne@societe.example',
      password: newPassword,
      shared: 'no',
    })
    outage(await redirection)
    const { rows } = await dependencies.pool.query('SELECT FROM provider.rate_limit WHERE points > 0')
    expect(rows).toEqual([])
    held.resolve()
    await Promise.all(others)
    expect(pageName(await person.post('/', sampleLogin(3)))).toBe('redirection')
    expect(logged).toContainEqual(expect.objectContaining({ event: 'http.busy', full: 'hashing' }))
  })

  it('finds as many places as there are; the others are told at once to come again, and health stays true', async () => {
    const opened = Promise.withResolvers<void>()
    const slow: LegacyDirectory = {
      verify: () => opened.promise.then(() => ({ status: 'refused' })),
    }
    const full = await startInstance(database.provider, { ...settings, MAX_REQUESTS: '5' }, slow)
    const forms = await Promise.all(
      Array.from({ length: 30 }, async () => {
        const browser = new Browser()
        return { browser, page: await browser.open(`${full.origin}/`) }
      }),
    ).catch(() => [])
    // Opening 30 pages at once is too much for 5 places as well.
    const people = forms.filter(({ page }) => page.status === 200)
    expect(people.length).toBeGreaterThanOrEqual(5)
    const answers = people.map(({ browser, page }) =>
      browser.submit(page, { login: 'somebody', password: 'x' }),
    )
    const refused = await Promise.all(answers.slice(5))
    for (const page of refused) {
      outage(page)
      expect(page.body).toContain('error.busy')
    }
    outage(await new Browser().open(keycloak.request(full.origin).url))
    expect(await ready(full.origin)).toEqual(isReady)
    expect((await fetch(`${full.origin}/assets/pages.css`)).status).toBe(200)

    opened.resolve()
    const served = await Promise.all(answers.slice(0, 5))
    expect(served.map(({ status }) => status)).toEqual([303, 303, 303, 303, 303])
    expect((await new Browser().open(`${full.origin}/`)).status).toBe(200)
    expect(full.logged).toContainEqual(expect.objectContaining({ event: 'http.busy', full: 'requests' }))
  })

  it('may wait for a connection of the pool in a bounded number only', async () => {
    const small = await startInstance(
      database.provider,
      { ...settings, DATABASE_CONNECTIONS: '1', MAX_REQUESTS: '100' },
      directory,
    )
    const { pool } = small.dependencies
    const held = await pool.connect()
    const browser = new Browser()
    const page = await browser.open(`${small.origin}/`)
    const crowd = Array.from({ length: 30 }, () =>
      browser.submit(page, { login: 'somebody', password: 'x' }).then(({ status }) => status),
    )
    while (pool.waitingCount < 10) await sleep(5)
    await sleep(50)
    expect(pool.waitingCount).toBe(10)
    held.release()
    const statuses = await Promise.all(crowd)
    expect(new Set(statuses)).toEqual(new Set([303, 503]))
    expect(small.logged).not.toContainEqual(expect.objectContaining({ level: 'error' }))
  })

  it('of connections is bounded, and one that is slow with its body takes nobody’s place', async () => {
    const small = await startInstance(database.provider, { MAX_CONNECTIONS: '4', MAX_REQUESTS: '1' })
    const { hostname, port } = new URL(small.origin)
    const open = () => {
      const socket = connect(Number(port), hostname)
      socket.on('error', () => {})
      return socket
    }
    const senders = [open(), open(), open()]
    for (const socket of senders)
      socket.write(
        `POST /login HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 100\r\n\r\na`,
      )
    await sleep(100)
    expect((await new Browser().open(`${small.origin}/`)).status).toBe(200)
    const fifth = [open(), open()].map((socket) => new Promise((done) => socket.on('close', done)))
    await Promise.race(fifth)
    for (const socket of senders) socket.destroy()
  })
})

describe('a stop', () => {
  it('is told by /health/ready at once, while requests are still answered and connections let go', async () => {
    const stopping = await startInstance(database.provider)
    expect(await ready(stopping.origin)).toEqual(isReady)
    stopping.dependencies.readiness.stop()
    expect(await ready(stopping.origin)).toEqual([503, { status: 'not ready', missing: ['stopping'] }])
    const page = await new Browser().open(`${stopping.origin}/`)
    expect([page.status, page.headers.get('connection')]).toEqual([200, 'close'])
    expect((await fetch(`${stopping.origin}/health/live`)).status).toBe(200)
  })
})

it('logs no bug for any of it, and which places were taken', () => {
  expect(logged).toContainEqual(expect.objectContaining({ event: 'http.busy', full: 'legacy' }))
  const bugs = logged.filter(
    ({ event, err }) => event === 'http.failed' && (err as { type?: string }).type === 'TypeError',
  )
  expect(bugs).toEqual([])
})
