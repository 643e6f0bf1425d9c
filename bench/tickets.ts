/**
 * Part `tickets`: what one ticket a case costs. A ticket through our outbox (job `push-ticket`: search, create, search)
 * against the bare `POST /ticket` with the same content, in turn, on one Request Tracker 5 whose database is PostgreSQL;
 * one after the other, and four at a time. Then how long it takes until what agents do there stands in the case.
 *
 * Needs the packages of RT (test/support/request-tracker/install.sh).
 */
import { randomBytes } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import type pg from 'pg'
import { readCase } from '../admin-sync/cases/case-store.ts'
import { draftTicket } from '../admin-sync/cases/ticket-text.ts'
import type { PartResult } from './parts.ts'
import { measureCpu } from './processes.ts'
import { startRequestTracker, type BenchQueue } from './request-tracker.ts'
import { scaled } from './scale.ts'
import type { Stage } from './stage.ts'
import { compare, median, quantile, round } from './statistics.ts'
import { inParallel } from './web.ts'

const lanes = [1, 4] as const
const each = { 1: scaled(20), 4: scaled(48) }
const goals = { 1: 0.65, 4: 0.75 }
/** Jobs `push-ticket` of one admin-sync. */
const pushedAtOnce = 4
const warmUp = scaled(10)
const changesASecond = 10
const changeSeconds = scaled(30)
const changedTickets = 30

type Case = { id: string; reference: string }

/** Cases of one request each, of which the help desk knows nothing yet, and of which a pass has nothing more to say. */
async function insertCases(database: pg.Pool, count: number): Promise<Case[]> {
  const { rows } = await database.query<Case>(
    `WITH made AS (
       INSERT INTO ellipro.login_case (reference, account, login, company, contract, known_domains, last_error)
       SELECT ellipro.new_reference(), gen_random_uuid()::text, 'banc.essai', 'Banc d’essai', 'BENCH', '{bench.example}',
              'legacy_login_unknown'
         FROM generate_series(1, $1) RETURNING id, reference, date_trunc('milliseconds', now()) AS at),
     source AS (INSERT INTO ellipro.case_source (case_id, source, at) SELECT id, 'second_activation', at FROM made),
     request AS (
       INSERT INTO ellipro.access_request (case_id, state, name, address, locale, expires_at, proved_at)
       SELECT id, 'proved', 'Anne Martin', 'anne.' || reference || '@bench.example', 'fr', at, at FROM made
       RETURNING id, case_id),
     ticket AS (INSERT INTO ellipro.ticket (case_id, connector) SELECT id, 'rt' FROM made),
     note AS (
       INSERT INTO ellipro.ticket_note (case_id, subject, text, posted_at)
       SELECT case_id, 'request:' || id, 'told', now() FROM request
       UNION ALL
       SELECT id, 'source:second_activation:' || to_char(at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'), 'told', now()
         FROM made)
     SELECT id, reference FROM made`,
    [count],
  )
  return rows
}

/** One look for all who wait, because looking costs PostgreSQL something too. */
async function lookForTickets(
  database: pg.Pool,
  waiting: Map<string, () => void>,
  everyMs: number,
  signal: AbortSignal,
): Promise<void> {
  for (; !signal.aborted; await sleep(everyMs)) {
    if (waiting.size === 0) continue
    const { rows } = await database.query<{ id: string }>(
      'SELECT case_id AS id FROM ellipro.ticket WHERE case_id = ANY ($1) AND external_id IS NOT NULL AND lease IS NULL',
      [[...waiting.keys()]],
    )
    for (const { id } of rows) {
      waiting.get(id)?.()
      waiting.delete(id)
    }
  }
}

/**
 * Through our outbox. One in flight: the next is asked for when the one before is there. Four: all of them wait, and
 * admin-sync has as many under way as it takes at once (jobs/case-work.ts). @returns tickets a second
 */
async function pushAll(database: pg.Pool, cases: readonly Case[], inFlight: number): Promise<number> {
  const waiting = new Map<string, () => void>()
  const ended = new AbortController()
  const isBacklog = inFlight === pushedAtOnce
  // A look at once after each ticket matters when the next one waits for it, and takes processor time else.
  const looking = lookForTickets(database, waiting, isBacklog ? 50 : 4, ended.signal)
  const startedAt = performance.now()
  await inParallel(cases.length, isBacklog ? cases.length : inFlight, async (i) => {
    const { id } = cases[i]!
    const made = new Promise<void>((done) => waiting.set(id, done))
    await database.query(`INSERT INTO ellipro.case_outbox (kind, subject_id) VALUES ('push-ticket', $1)`, [
      id,
    ])
    await made
  })
  const seconds = (performance.now() - startedAt) / 1000
  ended.abort()
  await looking
  return cases.length / seconds
}

/** The one call, with what our ticket would say. @returns tickets a second */
async function createAll(
  stage: Stage,
  desk: BenchQueue,
  cases: readonly Case[],
  inFlight: number,
): Promise<number> {
  const drafts = await Promise.all(
    cases.map(async ({ id, reference }) => {
      const facts = await readCase(stage.database, id)
      if (!facts) throw new Error('No such case')
      const { subject, text } = draftTicket(facts, stage.providerUrl)
      return {
        Queue: desk.queue,
        Subject: subject,
        Content: text,
        ContentType: 'text/plain',
        CustomFields: { [desk.keyField]: reference },
      }
    }),
  )
  const startedAt = performance.now()
  await inParallel(drafts.length, inFlight, async (i) => {
    const { status } = await desk.call('adapter', '/ticket', drafts[i])
    if (status !== 201) throw new Error(`RT made no ticket: ${status}`)
  })
  return drafts.length / ((performance.now() - startedAt) / 1000)
}

const now = () => performance.timeOrigin + performance.now()

/** Comments of an agent at a steady pace. @returns seconds from RT's answer to the line in the history of the case */
async function measureLag(database: pg.Pool, desk: BenchQueue, cases: readonly Case[]): Promise<number[]> {
  const { rows: tickets } = await database.query<{ externalId: string }>(
    'SELECT external_id AS "externalId" FROM ellipro.ticket WHERE case_id = ANY ($1)',
    [cases.map(({ id }) => id)],
  )
  const doneAt = new Map<string, number>()
  const sent: Promise<void>[] = []
  const startedAt = performance.now()
  for (let n = 0; n < changesASecond * changeSeconds; n++) {
    await sleep(Math.max(0, startedAt + (n * 1000) / changesASecond - performance.now()))
    const text = `bench-${randomBytes(6).toString('hex')}`
    const path = `/ticket/${tickets[n % tickets.length]!.externalId}/comment`
    sent.push(
      (async () => {
        const { status } = await desk.call('agent1', path, {
          Content: text,
          ContentType: 'text/plain',
        })
        if (status !== 201) throw new Error(`RT took no comment: ${status}`)
        doneAt.set(text, now())
      })(),
    )
  }
  await Promise.all(sent)
  const lags = new Map<string, number>()
  for (const end = Date.now() + 60_000; lags.size < doneAt.size; await sleep(250)) {
    if (Date.now() > end) throw new Error(`Of ${doneAt.size} changes, ${lags.size} were read back`)
    const { rows } = await database.query<{ text: string; at: number }>(
      `SELECT detail ->> 'text' AS text, extract(epoch FROM at)::float8 * 1000 AS at FROM ellipro.case_event
        WHERE kind = 'ticket_reply'`,
    )
    for (const { text, at } of rows) {
      const done = doneAt.get(text.trim())
      // One may be read before its answer has come back to us.
      if (done !== undefined) lags.set(text.trim(), Math.max(0, at - done) / 1000)
    }
  }
  return [...lags.values()]
}

export async function benchTickets(stage: Stage, repetitions: number): Promise<PartResult> {
  const desk = await startRequestTracker(stage)
  const { database } = stage
  const adminSync = await stage.start('adminSync', desk.environment)
  try {
    await pushAll(database, await insertCases(database, warmUp), 2)
    await createAll(stage, desk, await insertCases(database, warmUp), 2)
    const rates = {
      1: { ours: [] as number[], peer: [] as number[] },
      4: { ours: [] as number[], peer: [] as number[] },
    }
    const cpu: Record<string, number[]> = {}
    for (let i = 0; i < repetitions; i++)
      for (const inFlight of lanes) {
        const [ours, peer] = [
          await insertCases(database, each[inFlight]),
          await insertCases(database, each[inFlight]),
        ]
        const parts = { 'admin-sync': adminSync.child, PostgreSQL: stage.postgres, RT: desk.child }
        const pushed = await measureCpu(parts, () => pushAll(database, ours, inFlight))
        const created = await measureCpu(parts, () => createAll(stage, desk, peer, inFlight))
        rates[inFlight].ours.push(pushed.value)
        rates[inFlight].peer.push(created.value)
        for (const [who, measured] of [
          ['ours', pushed],
          ['bare', created],
        ] as const)
          for (const [name, ms] of Object.entries(measured.cpuMs))
            (cpu[`${who} ${name}`] ??= []).push(ms / each[inFlight])
      }
    const changed = await insertCases(database, changedTickets)
    await pushAll(database, changed, 4)
    const lags = await measureLag(database, desk, changed)
    return {
      results: lanes.map((inFlight) =>
        compare(
          `ticket through our outbox, ${inFlight} at a time`,
          rates[inFlight].ours,
          rates[inFlight].peer,
          {
            unit: 'tickets a second',
            goal: goals[inFlight],
            better: 'higher',
          },
        ),
      ),
      tables: {
        tickets: {
          columns: ['', 'CPU ms a ticket of RT', 'of PostgreSQL', 'of admin-sync'],
          rows: [
            [
              'through our outbox',
              ...['RT', 'PostgreSQL', 'admin-sync'].map((name) => round(median(cpu[`ours ${name}`]!))),
            ],
            [
              'bare POST /ticket',
              ...['RT', 'PostgreSQL', 'admin-sync'].map((name) => round(median(cpu[`bare ${name}`]!))),
            ],
          ],
        },
        'tickets-lag': {
          columns: ['changes read back', 'seconds'],
          rows: [
            ['changes a second', changesASecond],
            ['median', round(median(lags))],
            ['95 % within', round(quantile(lags, 0.95))],
            ['the longest', round(Math.max(...lags))],
          ],
        },
      },
    }
  } finally {
    await adminSync.stop()
    await desk.stop()
  }
}
