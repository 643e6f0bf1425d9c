/**
 * Turns rows of ellipro.outbox (about activations) and ellipro.case_outbox (about cases and contracts) into jobs.
 * provider's functions write a row in the transaction that makes the work necessary; here the row goes and the job comes in one transaction too, so none is lost and none is doubled,
 * whatever dies in between.
 *
 * Woken by NOTIFY on a connection of its own, and every 15 seconds in case a notification was missed. A connection that
 * does not answer then is replaced: nobody else would find out. Any number of replicas: SKIP LOCKED shares the rows out.
 */
import pg from 'pg'
import type { Log } from '../../core/log.ts'
import type { Enqueue, JobKind } from '../accounts/job.ts'
import type { CaseJobKind } from '../cases/job.ts'
import type { ContractJobKind } from '../contracts/job.ts'
import { inTransaction } from '../transaction.ts'
import type { EnqueueCase } from './queues.ts'

const channel = 'ellipro_outbox'
const sweepMs = 15_000
const reconnectMs = 1000
const batch = 100

export type Outbox = {
  /** Whether notifications arrive at the moment. */
  isListening(): boolean
  /** Resolves when a drain that is under way has ended; nothing is taken afterwards. */
  stop(): Promise<void>
}

export function startOutbox(options: {
  url: string
  pool: pg.Pool
  enqueue: Enqueue
  enqueueCase: EnqueueCase
  log: Log
}): Outbox {
  const { url, pool, enqueue, enqueueCase, log } = options
  let stopped = false
  let listener: pg.Client | undefined
  let reconnect: NodeJS.Timeout | undefined
  let running: Promise<void> | undefined
  let again = false

  /** One drain at a time; a wake-up meanwhile makes it look once more. */
  function wake(): void {
    if (stopped) return
    again = true
    running ??= drain().finally(() => {
      running = undefined
    })
  }

  async function drain(): Promise<void> {
    try {
      while (takeWakeUp()) {
        let taken = batch
        while (taken === batch && !hasStopped()) taken = await takeBatch(pool, enqueue)
        taken = batch
        while (taken === batch && !hasStopped()) taken = await takeCaseBatch(pool, enqueueCase)
      }
    } catch (err) {
      // The rows are still there, and so is the next sweep.
      log.warn({ event: 'outbox.failed', err })
    }
  }
  function takeWakeUp(): boolean {
    const wanted = again && !stopped
    again = false
    return wanted
  }
  const hasStopped = () => stopped

  async function listen(): Promise<void> {
    const client = new pg.Client({
      connectionString: url,
      application_name: 'ellipro-admin-sync-outbox',
      keepAlive: true,
      connectionTimeoutMillis: 5000,
      query_timeout: 5000,
    })
    let over = false
    const lose = (err?: unknown) => {
      if (over) return
      over = true
      if (listener === client) listener = undefined
      void close(client)
      if (stopped) return
      log.warn({ event: 'outbox.listener_lost', err })
      reconnect = setTimeout(() => void listen(), reconnectMs)
    }
    client.on('error', lose)
    client.on('end', lose)
    client.on('notification', wake)
    try {
      await client.connect()
      await client.query(`LISTEN ${channel}`)
      if (stopped) return lose()
      listener = client
      // Whatever was announced while nobody listened.
      wake()
    } catch (err) {
      lose(err)
    }
  }

  const sweep = setInterval(() => {
    wake()
    // Its end, when it does not answer, is its `end` event.
    const client = listener
    client?.query('SELECT').catch(() => client.end().catch(() => undefined))
  }, sweepMs)
  void listen()

  return {
    isListening: () => listener !== undefined,
    async stop() {
      stopped = true
      clearInterval(sweep)
      clearTimeout(reconnect)
      const client = listener
      listener = undefined
      if (client) await close(client)
      await running
    },
  }
}

/** Its connection may be broken: that it ends is all that is wanted. */
async function close(client: pg.Client): Promise<void> {
  try {
    await client.end()
  } catch {
    // It was.
  }
}

async function takeBatch(pool: pg.Pool, enqueue: Enqueue): Promise<number> {
  return inTransaction(pool, async (client) => {
    const { rows } = await client.query<{ id: string; kind: JobKind; activation_id: string }>(
      `DELETE FROM ellipro.outbox WHERE id IN
         (SELECT id FROM ellipro.outbox ORDER BY id LIMIT $1 FOR UPDATE SKIP LOCKED)
       RETURNING id, kind, activation_id`,
      [batch],
    )
    // RETURNING has no order of its own.
    const inOrder = rows.toSorted((a, b) => Number(a.id) - Number(b.id))
    for (const { kind, activation_id } of inOrder) await enqueue(client, kind, activation_id)
    return rows.length
  })
}

async function takeCaseBatch(pool: pg.Pool, enqueue: EnqueueCase): Promise<number> {
  return inTransaction(pool, async (client) => {
    const { rows } = await client.query<{
      id: string
      kind: CaseJobKind | ContractJobKind
      subject_id: string
    }>(
      `DELETE FROM ellipro.case_outbox WHERE id IN
         (SELECT id FROM ellipro.case_outbox ORDER BY id LIMIT $1 FOR UPDATE SKIP LOCKED)
       RETURNING id, kind, subject_id`,
      [batch],
    )
    // What several rows ask for is one job; one order over all processes, so that none waits for another in a circle.
    const wanted = new Map(
      rows.map(({ kind, subject_id }) => [`${kind} ${subject_id}`, { kind, subject_id }]),
    )
    const inOrder = [...wanted].toSorted(([a], [b]) => (a < b ? -1 : 1))
    for (const [, { kind, subject_id }] of inOrder) await enqueue(client, kind, subject_id)
    return rows.length
  })
}
