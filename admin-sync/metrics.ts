/**
 * admin-sync's metrics (core/metrics.ts), on its loopback listener (health.ts): jobs and mails as they end, Keycloak's
 * answers, and what PostgreSQL says of activations and waiting jobs. The latter is read when somebody scrapes, at most
 * every ten seconds and once at a time, whatever the number of scrapers.
 */
import type pg from 'pg'
import { Counter, Gauge, Registry } from 'prom-client'
import { code, createDuration, createMetrics, type Metrics } from '../core/metrics.ts'
import { jobKinds as accountJobKinds } from './accounts/job.ts'
import { caseJobKinds } from './cases/job.ts'
import { contractJobKinds } from './contracts/job.ts'
import { readRate } from './accounts/rate.ts'
import { deadLetterQueue, schema } from './jobs/queues.ts'

const jobKinds: readonly string[] = [...accountJobKinds, ...caseJobKinds, ...contractJobKinds]

const readEveryMs = 10_000
const states = [
  'requested',
  'mailed',
  'confirmed',
  'opened',
  'closed',
  'expired',
  'withdrawn',
  'refused',
  'waiting',
] as const

/** Of `ellipro.contract_numbers`. */
const contractStates = [
  'imported',
  'transferred',
  'finished',
  'frozen',
  'identical',
  'differing',
  'missing',
  'refused',
  'failing',
] as const

/** Of these jobs each end is a step of a person's path. */
const steps: Record<string, string> = {
  'send-confirmation': 'mail',
  'open-account': 'opening',
  unlink: 'unlink',
}
const expected: [string, string][] = [
  ['mail', 'sent'],
  ['mail', 'notice_sent'],
  ['opening', 'opened'],
]
const results: Record<string, string> = { 'job.done': 'done', 'job.failed': 'failed', 'job.dead': 'dead' }
const budgets = ['address_budget', 'login_budget'] as const
/** Log lines that docs/monitoring/alerts.yml looks at. */
const alarms = [
  'realm.probe_failed',
  'activations.near_cap',
  'sweep.subject_shared',
  'sweep.link_left',
  'sweep.too_many_gone',
  'address_change.undeliverable',
  'purge.user_left',
  'outbox.failed',
  'jobs.error',
  'tickets.problem',
  'contracts.not_followed',
]

export type AdminSyncMetrics = Metrics & {
  /** A call of Keycloak's Admin REST API has ended; status 0: without an answer. */
  keycloakAnswered: (method: string, status: number, seconds: number) => void
  /** Where activations and jobs are read. */
  readFrom: (pool: pg.Pool) => void
}

export function createAdminSyncMetrics(): AdminSyncMetrics {
  const registry = new Registry()
  const jobs = createDuration(
    registry,
    'ellipro_job_duration_seconds',
    'Runs of jobs by kind and result: done, failed (tried again), dead (waits for an operator).',
    ['kind', 'result'],
  )
  const keycloak = createDuration(
    registry,
    'ellipro_keycloak_request_duration_seconds',
    'Calls of Keycloak’s Admin REST API; status `none`: no answer.',
    ['method', 'status'],
  )
  const refusedMails = new Counter({
    name: 'ellipro_mail_budget_refused_total',
    help: 'Mails that did not leave because the budget of their address or login was used up.',
    labelNames: ['budget'],
    registers: [registry],
  })
  const transfers = new Counter({
    name: 'ellipro_contract_transfers_total',
    help: 'Runs of the job transfer-contract by what became of them: what was done, or why it could not be.',
    labelNames: ['outcome'],
    registers: [registry],
  })
  for (const outcome of ['stored', 'finished']) transfers.inc({ outcome }, 0)
  for (const job of jobKinds) for (const result of Object.values(results)) jobs.zero({ kind: job, result })
  for (const budget of budgets) refusedMails.inc({ budget }, 0)
  const { refresh, readFrom } = createDatabaseNumbers(registry)

  const metrics = createMetrics(registry, {
    step({ event, job, outcome }) {
      const step = event === 'job.done' ? steps[String(job)] : undefined
      // `refused:address_taken` stands for all of its kind: who has an account is nobody's number.
      return step === undefined ? undefined : { step, outcome: code(outcome).replace(/:.*/, '') }
    },
    steps: expected,
    alarms,
    alsoCount({ event, ...line }) {
      const result = results[String(event)]
      if (result === undefined) return
      jobs.observe({ kind: code(line['job']), result }, Number(line['duration_ms']) / 1000)
      if (line['job'] === 'transfer-contract')
        transfers.inc({ outcome: code(line['outcome'] ?? line['code']) })
      const budget = budgets.find((name) => name === line['outcome'] || line['code'] === `mail:${name}`)
      if (budget) refusedMails.inc({ budget })
    },
    refresh,
  })
  return {
    ...metrics,
    readFrom,
    keycloakAnswered: (method, status, seconds) =>
      keycloak.observe({ method, status: status === 0 ? 'none' : `${Math.floor(status / 100)}xx` }, seconds),
  }
}

/** Gauges that stand for rows. When PostgreSQL does not answer they keep what was read last, and one says so. */
function createDatabaseNumbers(registry: Registry) {
  const gauge = <Label extends string>(name: string, help: string, labelNames: Label[] = []) =>
    new Gauge({ name, help, labelNames, registers: [registry] })
  const readable = gauge('ellipro_database_readable', 'Whether the numbers below could be read: 1 or 0.')
  const activations = gauge('ellipro_activations', 'Activations by state.', ['state'])
  const startedLastHour = gauge('ellipro_activations_last_hour', 'Activations started in the last hour.')
  const hourlyCap = gauge('ellipro_activations_hourly_cap', 'Setting activations_per_hour.')
  const jobs = gauge('ellipro_jobs', 'Jobs that wait for a worker, for another try, or are worked on.', [
    'kind',
    'state',
  ])
  const oldest = gauge(
    'ellipro_job_oldest_seconds',
    'Time since the oldest undone job became due; 0 without one.',
    ['kind'],
  )
  const dead = gauge('ellipro_dead_letters', 'Jobs that gave up and wait for an operator.', ['kind'])
  const outbox = gauge('ellipro_outbox_rows', 'Rows that have not become jobs yet.')
  const cases = gauge(
    'ellipro_cases',
    'Cases of shared logins by state; `deciding`: open, with a request that waits.',
    ['state'],
  )
  const oldestRequest = gauge(
    'ellipro_access_request_oldest_seconds',
    'Time since the oldest request that waits for an agent was proved; 0 without one.',
  )
  const ticketsWaiting = gauge(
    'ellipro_tickets_waiting',
    'Tickets of which the help desk has not taken everything.',
  )
  const ticketOldest = gauge(
    'ellipro_ticket_waiting_oldest_seconds',
    'Time since the help desk should have taken the oldest of them; 0 without one.',
  )

  const contractsBy = gauge(
    'ellipro_contracts',
    'Contracts by what became of them; a contract may be in several states, as it may be transferred and identical.',
    ['state'],
  )
  const contractOldest = gauge(
    'ellipro_contract_waiting_oldest_seconds',
    'Time since the first account of a contract was opened that the workspace has not taken for the last time; 0 without one.',
  )

  async function read(pool: pg.Pool): Promise<void> {
    const [byState, byJob, deadByJob, waiting, rate, shared, contracts] = await Promise.all([
      pool.query<{ state: string; count: string }>(
        'SELECT state, count(*) FROM ellipro.activation GROUP BY state',
      ),
      pool.query<{ job: string; waiting: string; retrying: string; active: string; oldest: string }>(
        `SELECT name AS job,
                count(*) FILTER (WHERE state = 'created' AND start_after <= now()) AS waiting,
                count(*) FILTER (WHERE state = 'retry') AS retrying,
                count(*) FILTER (WHERE state = 'active') AS active,
                coalesce(extract(epoch FROM now() - min(CASE WHEN state = 'retry' THEN created_on ELSE start_after END)
                  FILTER (WHERE state = 'retry' OR start_after <= now())), 0) AS oldest
           FROM ${schema}.job WHERE state IN ('created', 'retry', 'active') AND name = ANY ($1) GROUP BY name`,
        [jobKinds],
      ),
      pool.query<{ job: string; count: string }>(
        `SELECT source_name AS job, count(*) FROM ${schema}.job WHERE name = $1 AND state = 'created' GROUP BY 1`,
        [deadLetterQueue],
      ),
      pool.query<{ count: string }>(
        'SELECT (SELECT count(*) FROM ellipro.outbox) + (SELECT count(*) FROM ellipro.case_outbox) AS count',
      ),
      readRate(pool),
      pool.query<Record<'open' | 'closed' | 'deciding' | 'request' | 'tickets' | 'ticket', string>>(
        `SELECT (SELECT count(*) FROM ellipro.login_case WHERE state = 'open') AS open,
                (SELECT count(*) FROM ellipro.login_case WHERE state = 'closed') AS closed,
                (SELECT count(DISTINCT case_id) FROM ellipro.access_request WHERE state = 'proved') AS deciding,
                (SELECT coalesce(extract(epoch FROM now() - min(proved_at)), 0) FROM ellipro.access_request
                  WHERE state = 'proved') AS request,
                (SELECT count(*) FROM ellipro.ticket WHERE waiting_since IS NOT NULL) AS tickets,
                (SELECT coalesce(extract(epoch FROM now() - min(waiting_since)), 0) FROM ellipro.ticket) AS ticket`,
      ),
      pool.query<{ oldest: string; numbers: Record<string, unknown> }>(
        `SELECT coalesce(extract(epoch FROM now() - min(a.opened_at)), 0) AS oldest,
                ellipro.contract_numbers() AS numbers
           FROM ellipro.contract_transfer t JOIN ellipro.activation a ON a.contract = t.contract AND a.state = 'opened'
          WHERE t.finished_at IS NULL`,
      ),
    ])
    contractOldest.set(Number(contracts.rows[0]?.oldest ?? 0))
    for (const state of contractStates)
      contractsBy.set({ state }, Number(contracts.rows[0]?.numbers[state] ?? 0))
    for (const state of states) activations.set({ state }, 0)
    for (const { state, count } of byState.rows) activations.set({ state }, Number(count))
    for (const job of jobKinds) {
      const row = byJob.rows.find((one) => one.job === job)
      for (const state of ['waiting', 'retrying', 'active'] as const)
        jobs.set({ kind: job, state }, Number(row?.[state] ?? 0))
      oldest.set({ kind: job }, Number(row?.oldest ?? 0))
      dead.set({ kind: job }, Number(deadByJob.rows.find((one) => one.job === job)?.count ?? 0))
    }
    outbox.set(Number(waiting.rows[0]?.count))
    startedLastHour.set(rate.startedLastHour)
    hourlyCap.set(rate.hourlyCap)
    const numbers = shared.rows[0]
    for (const state of ['open', 'closed', 'deciding'] as const)
      cases.set({ state }, Number(numbers?.[state] ?? 0))
    oldestRequest.set(Number(numbers?.request ?? 0))
    ticketsWaiting.set(Number(numbers?.tickets ?? 0))
    ticketOldest.set(Number(numbers?.ticket ?? 0))
  }

  let source: pg.Pool | undefined
  let reading: Promise<void> | undefined
  let readAt = -Infinity
  return {
    readFrom: (pool: pg.Pool) => {
      source = pool
    },
    refresh: (): Promise<void> => {
      if (!source || performance.now() - readAt < readEveryMs) return reading ?? Promise.resolve()
      readAt = performance.now()
      reading = read(source).then(
        () => readable.set(1),
        () => readable.set(0),
      )
      return reading
    },
  }
}
