/** The way from a row of the outbox to a job, and the lock on an address, on a real PostgreSQL and a real pg-boss. */
import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import type { PgBoss } from 'pg-boss'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createLog } from '../../../core/log.ts'
import { createAccountStore } from '../../../admin-sync/accounts/store.ts'
import { createAddressLocks } from '../../../admin-sync/jobs/address-lock.ts'
import { findLostJobs, findLostRequests } from '../../../admin-sync/jobs/lost-jobs.ts'
import { createRequestStore } from '../../../admin-sync/requests/store.ts'
import { startOutbox } from '../../../admin-sync/jobs/outbox.ts'
import {
  createBoss,
  createEnqueue,
  createEnqueueCase,
  deadLetterQueue,
  ensureQueues,
} from '../../../admin-sync/jobs/queues.ts'
import { createDatabase } from '../../support/postgres.ts'

const database = await createDatabase()
const log = createLog('test', 'silent')
const pool = new pg.Pool({ connectionString: database.sync, max: 8 })
const superuser = new pg.Pool({ connectionString: database.superuser, max: 2 })
let boss: PgBoss

beforeAll(async () => {
  boss = createBoss(database.sync, log, { worker: true })
  await boss.start()
  await ensureQueues(boss)
})
afterAll(async () => {
  await boss.stop({ graceful: false })
  await Promise.all([pool.end(), superuser.end()])
})

const add = (ids: string[], kind = 'release') =>
  pool.query(`INSERT INTO ellipro.outbox (kind, activation_id) SELECT $2, id FROM unnest($1::uuid[]) AS id`, [
    ids,
    kind,
  ])
const countRows = async () =>
  Number((await pool.query<{ count: string }>('SELECT count(*) FROM ellipro.outbox')).rows[0]?.count)
const jobsOf = async (id: string, kind = 'release') => boss.findJobs(kind, { data: { activationId: id } })
async function until(what: () => Promise<boolean>, timeoutMs = 10_000): Promise<void> {
  for (const end = Date.now() + timeoutMs; !(await what());) {
    if (Date.now() > end) throw new Error('it did not come about')
    await sleep(20)
  }
}
const start = (enqueue = createEnqueue(boss)) =>
  startOutbox({ url: database.sync, pool, enqueue, enqueueCase: createEnqueueCase(boss), log })

test('rows become jobs, once each, however many relays take from the same outbox', async () => {
  const ids = Array.from({ length: 500 }, () => randomUUID())
  await add(ids)
  const relays = [start(), start(), start()]
  await until(async () => (await countRows()) === 0)
  await Promise.all(relays.map((relay) => relay.stop()))
  const jobs = await boss.findJobs<{ activationId: string }>('release', { limit: 1000 })
  expect(jobs.map(({ data }) => data.activationId).toSorted()).toEqual(ids.toSorted())
  // Ids only: a reader of the job tables learns nothing of anybody.
  expect(Object.keys(jobs[0]?.data ?? {})).toEqual(['activationId'])
})

test('a row is taken within a moment of its commit, and again after the listener’s connection was lost', async () => {
  const relay = start()
  await until(async () => relay.isListening())
  const first = randomUUID()
  const startedAt = performance.now()
  await add([first])
  await until(async () => (await jobsOf(first)).length === 1)
  expect(performance.now() - startedAt).toBeLessThan(2000)

  await superuser.query(
    `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
      WHERE application_name = 'ellipro-admin-sync-outbox' AND datname = current_database()`,
  )
  await until(async () => !relay.isListening())
  const second = randomUUID()
  await add([second])
  await until(async () => (await jobsOf(second)).length === 1)
  expect(relay.isListening()).toBe(true)
  await relay.stop()
})

test('a job that cannot be added leaves its row, and a transaction that rolls back leaves neither', async () => {
  const id = randomUUID()
  const broken = start(async (client, kind, activationId) => {
    await createEnqueue(boss)(client, kind, activationId)
    throw new Error('killed between the job and the commit')
  })
  await add([id])
  await sleep(500)
  await broken.stop()
  expect(await countRows()).toBe(1)
  expect(await jobsOf(id)).toEqual([])
  const relay = start()
  await until(async () => (await jobsOf(id)).length === 1)
  await relay.stop()
})

test('an activation whose job was lost gets another, and one with a job or a dead letter does not', async () => {
  const insert = async () => {
    const { rows } = await pool.query<{ id: string }>(
      `INSERT INTO ellipro.activation (account, login, company, contract, address, locale, expires_at, mail_requested_at)
       VALUES (gen_random_uuid(), 'l', 'c', 'k', gen_random_uuid() || '@x.fr', 'fr', now() + interval '1 day',
               now() - interval '1 hour') RETURNING id`,
    )
    return rows[0]?.id ?? ''
  }
  const [lost, queued, dead] = [await insert(), await insert(), await insert()]
  await boss.send('send-confirmation', { activationId: queued })
  await boss.send(deadLetterQueue, { activationId: dead })
  // As pg-boss writes it when it moves a job there.
  await pool.query(`UPDATE pgboss.job SET source_name = 'send-confirmation' WHERE name = $1`, [
    deadLetterQueue,
  ])

  expect(await findLostJobs(boss, createAccountStore(pool, createEnqueue(boss)))).toEqual({ found: 1 })
  const { rows } = await pool.query<{ activation_id: string }>('SELECT activation_id FROM ellipro.outbox')
  expect(rows).toEqual([{ activation_id: lost }])
  await pool.query('DELETE FROM ellipro.outbox')
})

test('a request whose mail has not left gets a job again, and one with a job, or told, does not', async () => {
  const { rows: cases } = await pool.query<{ id: string }>(
    `INSERT INTO ellipro.login_case (reference, account, login, company, contract)
     VALUES ('ELP-2222-2222', 'a', 'l', 'c', 'k') RETURNING id`,
  )
  const caseId = cases[0]!.id
  const insert = async (state: string, columns = '') => {
    const { rows } = await pool.query<{ id: string }>(
      `INSERT INTO ellipro.access_request (case_id, state, address, locale, expires_at, mail_requested_at, proved_at, ended_at, created_at)
       VALUES ($1, $2, gen_random_uuid() || '@x.fr', 'fr', now() + interval '1 hour', now() - interval '1 hour',
               now() - interval '1 hour', now() - interval '1 hour', now() - interval '1 hour') RETURNING id`,
      [caseId, state],
    )
    if (columns !== '')
      await pool.query(`UPDATE ellipro.access_request SET ${columns} WHERE id = $1`, [rows[0]!.id])
    return rows[0]!.id
  }
  const told = 'holder_asked_at = now(), contact_told_of_request_at = now()'
  const [asked, queued, proved, refused] = [
    await insert('asked'),
    await insert('asked'),
    await insert('proved'),
    await insert('refused'),
  ]
  await insert('asked', 'mailed_generation = 1')
  await insert('asked', 'expires_at = now()')
  await insert('proved', `${told}, acknowledged_at = now()`)
  await insert('refused', 'told_at = now()')
  await boss.send('send-proof', { id: queued }, { singletonKey: queued })
  expect(await findLostRequests(boss, createRequestStore(pool))).toEqual({ found: 5 })
  const { rows } = await pool.query<{ kind: string; subject_id: string }>(
    'DELETE FROM ellipro.case_outbox RETURNING kind, subject_id',
  )
  expect(new Set(rows.map(({ kind, subject_id }) => `${kind} ${subject_id}`))).toEqual(
    new Set([
      `send-proof ${asked}`,
      `acknowledge ${proved}`,
      `tell-refusal ${refused}`,
      `ask-holder ${caseId}`,
      `tell-case-contact ${caseId}`,
    ]),
  )
})

test('provider’s role cannot see, add or take a job', async () => {
  const provider = new pg.Client({ connectionString: database.provider })
  await provider.connect()
  for (const statement of [
    'SELECT FROM pgboss.job',
    `INSERT INTO pgboss.job (name) VALUES ('open-account')`,
    'DELETE FROM pgboss.job',
    `SELECT pgboss.create_queue('x', '{}')`,
    `INSERT INTO ellipro.outbox (kind, activation_id) VALUES ('open-account', gen_random_uuid())`,
  ])
    await expect(provider.query(statement)).rejects.toMatchObject({ code: '42501' })
  await provider.end()
})

test('two jobs on one address wait for one another, over processes; on two addresses they do not', async () => {
  const [one, two] = [createAddressLocks(database.sync, log, 4), createAddressLocks(database.sync, log, 4)]
  const order: string[] = []
  const job = (locks: typeof one, name: string, key: string) =>
    locks.hold(key, async () => {
      order.push(`${name} begins`)
      await sleep(150)
      order.push(`${name} ends`)
    })
  await Promise.all([job(one, 'a', 'x@x.fr'), job(two, 'b', 'x@x.fr')])
  expect(order[1]?.slice(0, 1)).toBe(order[0]?.slice(0, 1))
  order.length = 0
  await Promise.all([job(one, 'a', 'x@x.fr'), job(two, 'b', 'y@x.fr')])
  expect(order.slice(0, 2).toSorted()).toEqual(['a begins', 'b begins'])
  await Promise.all([one.close(), two.close()])
})

test('a job whose lock is lost with its connection is told so before its next step', async () => {
  const locks = createAddressLocks(database.sync, log, 2)
  const asked = locks.hold('z@x.fr', async (assertHeld) => {
    assertHeld()
    await superuser.query(
      `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
        WHERE application_name = 'ellipro-admin-sync-locks' AND datname = current_database()`,
    )
    await sleep(200)
    assertHeld()
  })
  await expect(asked).rejects.toMatchObject({ code: 'lock_lost', disposition: 'retry' })
  expect(await locks.hold('z@x.fr', async () => 'free again')).toBe('free again')
  await locks.close()
})
