/**
 * The whole process: provider's functions on one side, Keycloak, mail and the operator's commands on the other, and
 * what happens when one of them is away or the process is killed.
 */
import { execFile, spawn, type ChildProcess } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { createLog } from '../../../core/log.ts'
import { withBoss } from '../../../admin-sync/jobs/inspect.ts'
import { startAdminSync, type AdminSync } from '../../../admin-sync/main.ts'
import { createBench, password, readK, sha256 } from '../accounts/bench.ts'

const root = join(import.meta.dirname, '..', '..', '..')
const bench = await createBench()
const { inbox, pool, gate, provider } = bench
const lines: string[] = []
const log = createLog('admin-sync', 'debug', { write: (line) => void lines.push(line) })
let onStep: ((step: string, id: string | undefined, job?: string) => Promise<void> | void) | undefined
const start = () => startAdminSync(bench.config, log, { onStep: (step, id, job) => onStep?.(step, id, job) })

beforeEach(() => {
  gate.set('open')
  inbox.refuse(false)
  inbox.clear()
  onStep = undefined
})

const passOf = (job: string) =>
  lines
    .map((line) => JSON.parse(line) as Record<string, unknown>)
    .find((line) => line['event'] === 'job.done' && line['job'] === job)
const events = () => lines.map((line) => (JSON.parse(line) as { event: string }).event)

async function until(what: () => Promise<boolean>, timeoutMs = 20_000): Promise<void> {
  for (const end = Date.now() + timeoutMs; !(await what());) {
    if (Date.now() > end) throw new Error(`it did not come about; last lines:\n${lines.slice(-5).join('')}`)
    await sleep(50)
  }
}
const untilState = (id: string, state: string, timeoutMs?: number) =>
  until(async () => (await bench.row(id)).state === state, timeoutMs)

type Ran = { code: number | null; out: string; err: string }
const cli = (...words: string[]): Promise<Ran> =>
  new Promise((done) => {
    execFile(
      process.execPath,
      [join(root, 'admin-sync/cli.ts'), ...words],
      { env: { PATH: process.env['PATH'], LANG: 'fr_FR.UTF-8', ...bench.environment } },
      (error, out, err) => done({ code: error ? Number(error.code) : 0, out, err }),
    )
  })

async function launch(): Promise<ChildProcess> {
  const before = gate.passed.length
  const launched = spawn(process.execPath, [join(root, 'admin-sync/main.ts')], {
    env: { PATH: process.env['PATH'], ...bench.environment },
    stdio: 'ignore',
  })
  // The probe at its start makes and deletes a user too: it is over then, and what comes next is the job.
  await until(async () => gate.passed.slice(before).some((request) => request.startsWith('DELETE /admin/')))
  return launched
}

describe('while it runs', () => {
  let adminSync: AdminSync
  beforeAll(async () => {
    adminSync = await start()
  })
  // The last test stops it; a second stop does nothing.
  afterAll(() => adminSync.stop())

  test('an activation goes from the form to the account, and its link goes after the sign-in', async () => {
    const startedAt = performance.now()
    const { id, address, login } = await bench.start()
    const mail = await inbox.waitForMail(address)
    expect(performance.now() - startedAt).toBeLessThan(10_000)
    await untilState(id, 'mailed')
    await bench.followMail(mail)
    const finisher = sha256(randomBytes(32))
    expect(await bench.confirm(id, readK(mail), password, finisher)).toBe('confirmed')
    await untilState(id, 'opened')
    expect(await bench.signsIn(address, password)).toBe(true)
    const user = await bench.user(address)
    expect(await bench.admin.listFederatedIdentities(user?.id ?? '')).toHaveLength(1)
    const { rows } = await bench.cofacering.query<{ contact_email: string }>(
      'SELECT contact_email FROM directory_contract WHERE contract = $1',
      [login.contract],
    )
    await inbox.waitForMail(rows[0]?.contact_email ?? '')

    expect(await provider.recordSignIn(id, finisher)).toBe(true)
    await until(async () => (await bench.row(id)).unlinked_at !== null)
    expect(await bench.admin.listFederatedIdentities(user?.id ?? '')).toEqual([])
  })

  test('it says that it is ready, and that it is alive', async () => {
    const answer = await fetch(`${adminSync.url}/health/ready`)
    expect([answer.status, await answer.json()]).toEqual([200, { status: 'ready' }])
    expect((await fetch(`${adminSync.url}/health/live`)).status).toBe(200)
    expect((await fetch(`${adminSync.url}/anything`)).status).toBe(404)
    expect((await fetch(`${adminSync.url}/health/live`, { method: 'POST' })).status).toBe(405)
  })

  test('it has found its credentials as weak as they should be', async () => {
    await until(async () => events().some((event) => event.startsWith('realm.probe_')))
    expect(events()).toContain('realm.probe_passed')
  })

  test.each(['unavailable', 'dead'] as const)(
    'Keycloak %s is waited for, and no dead letter',
    async (mode) => {
      gate.set(mode)
      const { id, address } = await bench.start()
      await until(async () => (await bench.row(id)).last_error !== null)
      gate.set('open')
      await inbox.waitForMail(address, () => true, 30_000)
      await untilState(id, 'mailed')
      expect((await bench.row(id)).last_error).toBeNull()
      expect(JSON.parse((await cli('jobs', 'dead', '--json')).out)).toEqual([])
    },
  )

  test('a mail server that refuses is waited for, and one mail comes', async () => {
    inbox.refuse(true)
    const { id, address } = await bench.start()
    await until(async () => (await bench.row(id)).last_error === 'keycloak:http_500')
    inbox.refuse(false)
    await inbox.waitForMail(address, () => true, 30_000)
    await untilState(id, 'mailed')
    expect(inbox.mails.filter(({ to }) => to.includes(address))).toHaveLength(1)
  })

  test('a dead letter is listed for the operator, sent back, and done', async () => {
    await bench.cofacering.query('REVOKE SELECT ON directory_login FROM cofacering_reader')
    const { id, address } = await bench.start()
    await until(async () => lines.some((line) => line.includes('"job.dead"') && line.includes(id)))
    await until(async () => (await cli('jobs', 'dead')).code === 1)
    const dead = JSON.parse((await cli('jobs', 'dead', '--json')).out) as { id: string; activation: string }[]
    expect(dead).toMatchObject([{ job: 'send-confirmation', subject: id, code: 'legacy:42501', runs: 1 }])
    const status = await cli('status', '--json')
    expect(status.code).toBe(1)
    expect(JSON.parse(status.out)).toMatchObject({ failing: { 'legacy:42501': 1 } })
    await bench.cofacering.query('GRANT SELECT ON directory_login TO cofacering_reader')
    const redriven = await cli('jobs', 'redrive', dead[0]?.id ?? '', '--reason', 'rights are back', '--json')
    expect([redriven.code, JSON.parse(redriven.out)]).toEqual([0, { redriven: 1 }])
    await inbox.waitForMail(address)
    expect((await cli('jobs', 'dead')).code).toBe(0)
    expect((await cli('jobs', 'redrive', dead[0]?.id ?? '', '--reason', 'once more')).code).toBe(1)
    const { rows } = await bench.pool.query(
      `SELECT command, activation_id, reason, outcome FROM ellipro.operator_action WHERE activation_id = $1`,
      [id],
    )
    expect(rows).toEqual([
      { command: 'jobs redrive', activation_id: id, reason: 'rights are back', outcome: 'send-confirmation' },
    ])
  })

  test('a holder who left: the command is carried out by the process, and the login is free', async () => {
    const holder = await bench.confirmed()
    await untilState(holder.id, 'opened')
    const why = ['--confirm', '--reason', 'left']
    expect((await cli('logins', 'release', holder.login.login, ...why)).code).toBe(0)
    await untilState(holder.id, 'withdrawn')
    await inbox.waitForMail(holder.address, ({ subject }) => subject.includes('fermé'))
    expect((await bench.user(holder.address))?.enabled).toBe(false)
    const next = await bench.start({ login: holder.login })
    await inbox.waitForMail(next.address)
  })

  test('`find` tells the desk all about one person, by login or address', async () => {
    const { id, address, login } = await bench.start()
    await untilState(id, 'mailed')
    for (const wanted of [address.toUpperCase(), login.login]) {
      const found = await cli('find', wanted)
      expect(found.code).toBe(0)
      for (const said of [
        address,
        login.company,
        login.contract,
        'e-mail envoyé',
        'confirmation de l’adresse',
        id,
      ])
        expect(found.out).toContain(said)
    }
    const [json] = JSON.parse((await cli('find', address, '--json')).out) as Record<string, unknown>[]
    expect(json).toMatchObject({
      state: 'mailed',
      nextStep: 'open_mail',
      lastError: null,
      mails: [{ kind: 'confirmation' }],
    })
    expect((await cli('find', 'personne@nulle.part')).code).toBe(1)
  })

  test('`status` counts and names nobody', async () => {
    const { code, out } = await cli('status', '--json')
    const status = JSON.parse(out) as Record<string, unknown>
    expect(code).toBe(0)
    expect(status).toMatchObject({ deadLetters: [], failing: {} })
    expect(Number(status['legacyLogins'])).toBeGreaterThan(250)
    expect(Number(status['activated'])).toBeGreaterThan(0)
    expect(Number(status['pending'])).toBeGreaterThan(0)
    expect(Number(status['startedLastHour'])).toBeGreaterThan(0)
    const text = (await cli('status')).out
    expect(text).not.toContain('@')
    expect(text).toMatch(/activated\s+\d/)
  })

  test('what changes at Cofacering is followed by a job of its own, every minute', async () => {
    const follow = () =>
      withBoss(bench.environment['ADMIN_SYNC_DATABASE_URL'] ?? '', log, (boss) =>
        boss.send('follow-contracts', {}),
      )
    await follow()
    await until(async () => (await pool.query('SELECT FROM ellipro.contract_cursor')).rowCount === 1)
    // Of nobody who moves in this file: theirs are frozen.
    await bench.cofacering.query(
      `UPDATE contract SET company = 'Suivie' WHERE id = (SELECT max(id) FROM contract)`,
    )
    await follow()
    const imported = async () =>
      (await pool.query(`SELECT FROM ellipro.legacy_contract WHERE company = 'Suivie'`)).rowCount === 1
    await until(imported, 40_000)
    const { rows } = await pool.query(`SELECT cron FROM pgboss.schedule WHERE name = 'follow-contracts'`)
    expect(rows).toEqual([{ cron: '* * * * *' }])
  })

  test('the sweep and the notices to old addresses are jobs of their own, with one line a pass', async () => {
    await withBoss(bench.environment['ADMIN_SYNC_DATABASE_URL'] ?? '', log, async (boss) => {
      await boss.send('sweep-accounts', {})
      await boss.send('tell-address-change', {})
    })
    await until(async () => Boolean(passOf('sweep-accounts') && passOf('tell-address-change')))
    expect(passOf('sweep-accounts')).toMatchObject({
      pass_id: expect.any(String) as string,
      duration_ms: expect.any(Number) as number,
      users: expect.any(Number) as number,
      closed: 0,
      links_left: 0,
      subjects_shared: 0,
    })
    const { rows } = await pool.query<{ name: string; cron: string }>(
      'SELECT name, cron FROM pgboss.schedule',
    )
    expect(rows).toContainEqual({ name: 'sweep-accounts', cron: '20 1 * * *' })
    expect(rows).toContainEqual({ name: 'tell-address-change', cron: '* * * * *' })
  })

  test('a stop lets the job under way end, and nothing is taken afterwards', async () => {
    const second = await start()
    let reached: string | undefined
    onStep = async (step, id, job) => {
      // Jobs on cases and contracts name themselves.
      if (job !== undefined || step !== 'send' || reached !== undefined) return
      reached = id
      await sleep(800)
    }
    // Both processes may take it; whichever does, a stop of both waits for it.
    const { id } = await bench.start()
    await until(async () => reached === id)
    await Promise.all([second.stop(), adminSync.stop()])
    expect((await bench.row(id)).state).toBe('mailed')
    await expect(fetch(`${adminSync.url}/health/ready`)).rejects.toThrow('fetch failed')
  })
})

describe('killed with -9', () => {
  let child: ChildProcess | undefined
  afterEach(() => child?.kill('SIGKILL'))
  test.each(['POST', 'PUT'])(
    'while Keycloak works on a %s: the next process ends it, with one user',
    async (method) => {
      child = await launch()
      const { id, address } = await bench.start()
      const held = gate.holdNext(method)
      await held.reached
      child.kill('SIGKILL')
      held.release()
      child = await launch()
      const mail = await inbox.waitForMail(address, () => true, 50_000)
      await untilState(id, 'mailed', 50_000)
      expect(inbox.mails.filter(({ to }) => to.includes(address)).length).toBeLessThanOrEqual(2)
      await bench.followMail(inbox.mails.findLast(({ to }) => to.includes(address)) ?? mail)
      expect(await bench.confirm(id, readK(mail))).toBe('confirmed')
      await untilState(id, 'opened')
      const { rows } = await pool.query<{ state: string }>(
        'SELECT state FROM ellipro.keycloak_user WHERE address_key = $1',
        [address],
      )
      expect(rows).toEqual([{ state: 'opened' }])
      expect(await bench.signsIn(address, password)).toBe(true)
    },
    // Two starts of a process, and the heartbeats that must be missed before a job counts as left.
    150_000,
  )
})

test('a wrong environment is told at once, whole, and with its own exit code', async () => {
  const run = await new Promise<Ran>((done) => {
    execFile(
      process.execPath,
      [join(root, 'admin-sync/cli.ts'), 'status'],
      { env: { PATH: process.env['PATH'], ADMIN_SYNC_DATABASE_URL: 'mysql://x' } },
      (error, out, err) => done({ code: error ? Number(error.code) : 0, out, err }),
    )
  })
  expect(run.code).toBe(2)
  expect(run.err).toContain('ADMIN_SYNC_DATABASE_URL')
  expect(run.err).toContain('LEGACY_DATABASE_URL')
  expect((await cli('migrate', '--json')).out.trim()).toContain('"applied": []')
})

test('neither the log nor the job tables hold an address, a login, a company, k, a secret or a password', async () => {
  const { rows } = await pool.query<Record<string, string>>(
    'SELECT address, login, company FROM ellipro.activation',
  )
  const { rows: jobs } = await pool.query<{ text: string }>('SELECT j::text AS text FROM pgboss.job j')
  const written = [...lines, ...jobs.map(({ text }) => text)].join('\n')
  expect(written).toContain('"event":"job.done"')
  expect(written).toContain('correlation_id')
  const ks = inbox.mails
    .flatMap((mail) => mail.links)
    .flatMap((link) => /[?&][kw]=([\w-]{20,})/.exec(link)?.[1] ?? [])
  const secrets = [bench.environment['OPERATOR_CLIENT_SECRET'], bench.environment['ADMIN_SYNC_LINK_KEY']]
  for (const value of [
    ...rows.flatMap((row) => Object.values(row)),
    ...ks,
    ...secrets,
    password,
    '@client.example',
  ])
    expect(written).not.toContain(value)
})
