/**
 * The queues of pg-boss (schema `pgboss`, owned by ellipro_sync: provider has no right on it), their limits, and the
 * one way in which a job is added.
 *
 * Keycloak or the mail server down is no reason to give up: a job is tried again after 2 s, 4 s, … 5 minutes, for a
 * day (notices, which wait for a mail budget, for a week). A job whose process died is taken up again
 * after some 15 seconds, by its missing heartbeats. What cannot succeed goes to the dead letters (dead-letters.ts).
 */
import { PgBoss, type Db, type QueueOptions } from 'pg-boss'
import type pg from 'pg'
import type { Log } from '../../core/log.ts'
import type { Enqueue, JobKind } from '../accounts/job.ts'
import type { CaseJobKind } from '../cases/job.ts'
import type { ContractJobKind } from '../contracts/job.ts'

export const schema = 'pgboss'
export const deadLetterQueue = 'dead-letter'
const everyMinute = '* * * * *'
/** Times are UTC. */
const cronQueues = {
  'purge-expired': '*/10 * * * *',
  'find-lost-jobs': '*/15 * * * *',
  'sweep-accounts': '20 1 * * *',
  'tell-address-change': everyMinute,
} as const
export type CronQueue = keyof typeof cronQueues
const caseCronQueues = {
  'purge-cases': '35 * * * *',
  'hand-overs': '*/5 * * * *',
  'find-lost-requests': '10 */4 * * *',
  'watch-cases': everyMinute,
  'sweep-cases': '50 1 * * *',
  'purge-messages': '45 * * * *',
} as const
export type CaseCronQueue = keyof typeof caseCronQueues
const contractCronQueues = {
  'follow-contracts': everyMinute,
  'find-lost-contracts': '5-59/15 * * * *',
  'purge-contracts': '55 * * * *',
} as const
export type ContractCronQueue = keyof typeof contractCronQueues

const patient: QueueOptions = {
  expireInSeconds: 180,
  heartbeatSeconds: 10,
  retryLimit: 400,
  retryDelay: 2,
  retryBackoff: true,
  retryDelayMax: 300,
}
const options: Record<JobKind, QueueOptions> = {
  'send-confirmation': patient,
  'open-account': patient,
  unlink: patient,
  release: patient,
  'notify-contact': { ...patient, retryLimit: 200, retryDelayMax: 3600 },
  'close-account': patient,
  'notify-closed': { ...patient, retryLimit: 200, retryDelayMax: 3600 },
}
const notice: QueueOptions = { ...patient, retryLimit: 200, retryDelayMax: 3600 }
const caseOptions: Record<CaseJobKind | ContractJobKind, QueueOptions> = {
  'send-proof': notice,
  acknowledge: notice,
  'ask-holder': notice,
  'tell-case-contact': notice,
  'tell-refusal': notice,
  'sync-case': patient,
  // The help desk may be away for days; the case says so meanwhile.
  'push-ticket': { ...patient, retryLimit: 5000 },
  'poll-tickets': patient,
  'check-staff': patient,
  'apply-decision': patient,
  'warn-holder': notice,
  'add-contract': patient,
  'check-reader': patient,
  // The workspace may be away for days, and people are on Ellipro already.
  'transfer-contract': { ...patient, expireInSeconds: 600, retryLimit: 5000 },
  'sync-entitlements': patient,
}
const cronOptions: QueueOptions = {
  expireInSeconds: 1800,
  heartbeatSeconds: 30,
  retryLimit: 2,
  retryDelay: 60,
  deleteAfterSeconds: 86_400,
}

/** @param url role ellipro_sync. `worker`: also looks after queues and schedules; the CLI does not. */
export function createBoss(url: string, log: Log, { worker }: { worker: boolean }): PgBoss {
  // Handed on to pg: a connection that the network has forgotten must not keep a worker waiting for ever.
  const limits = { query_timeout: 30_000, keepAlive: true }
  const boss = new PgBoss({
    ...limits,
    connectionString: url,
    schema,
    application_name: worker ? 'ellipro-admin-sync-jobs' : 'ellipro-admin-sync-cli',
    max: worker ? 6 : 2,
    useListenNotify: worker,
    supervise: worker,
    schedule: worker,
    migrate: worker,
    createSchema: worker,
    registerInstance: worker,
    superviseIntervalSeconds: 5,
    monitorIntervalSeconds: 5,
  })
  // Often no Error but a copy of one, whose message may quote a statement.
  boss.on('error', (err) => {
    const { code } = err as { code?: unknown }
    log.error({ event: 'jobs.error', err, ...(typeof code === 'string' && { code }) })
  })
  // A warning's text may quote a statement: its kind is enough here, the rest is in pg-boss's own table.
  boss.on('warning', () => log.warn({ event: 'jobs.warning' }))
  return boss
}

/** Creates the queues, and gives existing ones the limits of this release. Idempotent. */
export async function ensureQueues(boss: PgBoss): Promise<void> {
  // Dead letters wait for an operator, not for a worker.
  const dead = { retentionSeconds: 365 * 86_400 }
  await boss.createQueue(deadLetterQueue, dead)
  await boss.updateQueue(deadLetterQueue, dead)
  for (const [kind, limits] of Object.entries(options)) {
    const queue = { ...limits, deadLetter: deadLetterQueue, notify: true }
    await boss.createQueue(kind, queue)
    await boss.updateQueue(kind, queue)
  }
  for (const [kind, limits] of Object.entries(caseOptions)) {
    // `short`: of each subject one job waits at a time.
    const queue = { ...limits, deadLetter: deadLetterQueue, notify: true }
    await boss.createQueue(kind, { ...queue, policy: 'short' })
    await boss.updateQueue(kind, queue)
  }
  for (const [queue, cron] of Object.entries({ ...cronQueues, ...caseCronQueues, ...contractCronQueues })) {
    // What runs every minute is its own retry.
    const limits = cron === everyMinute ? { ...cronOptions, retryLimit: 0 } : cronOptions
    await boss.createQueue(queue, { ...limits, policy: 'singleton' })
    await boss.updateQueue(queue, limits)
    await boss.schedule(queue, cron)
  }
}

/** Sends on the caller's connection: the job exists when the caller's transaction is committed, and not before. */
export function createEnqueue(boss: PgBoss): Enqueue {
  return async (client, kind, activationId, startAfterSeconds) => {
    const id = await boss.send(
      kind,
      { activationId },
      {
        db: onConnection(client),
        ...(startAfterSeconds !== undefined && { startAfter: startAfterSeconds }),
      },
    )
    if (id === null) throw new Error('pg-boss took no job')
  }
}

/** Adds a job on a case, or a contract, in the caller's transaction, unless one of the subject waits already. */
export type EnqueueCase = (
  client: pg.ClientBase,
  kind: CaseJobKind | ContractJobKind,
  id: string,
) => Promise<void>

export function createEnqueueCase(boss: PgBoss): EnqueueCase {
  return async (client, kind, id) => {
    await boss.send(kind, { id }, { singletonKey: id, db: onConnection(client) })
  }
}

/** pg-boss on a connection of ours: what it does is part of our transaction. */
export const onConnection = (client: pg.ClientBase): Db => ({
  executeSql: (text, values) => client.query(text, values),
})
