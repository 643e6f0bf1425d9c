/** Runs the jobs on cases: one log line each, and what becomes of one that failed. As jobs/work.ts for accounts. */
import type { Job, JobResult, PgBoss } from 'pg-boss'
import type { Log } from '../../core/log.ts'
import { addContract } from '../additions/add-contract.ts'
import type { CaseCheckpoint, CaseDependencies, CaseJob, CaseJobKind } from '../cases/job.ts'
import { pollTicketsJob } from '../cases/poll-tickets.ts'
import { purgeCases } from '../cases/purge-cases.ts'
import { pushTicket } from '../cases/push-ticket.ts'
import { createConsoleStore } from '../cases/console-store.ts'
import { syncCase } from '../cases/sync-case.ts'
import { sweepFlags, watchConsole } from '../cases/watch-console.ts'
import { applyDecision } from '../decisions/apply-decision.ts'
import { findHandOvers } from '../decisions/hand-overs.ts'
import { warnHolder } from '../decisions/warn-holder.ts'
import { checkReader } from '../messages/check-reader.ts'
import { purgeMessages } from '../messages/purge-messages.ts'
import { checkStaff } from '../staff/check-staff.ts'
import { acknowledge, tellRefusal } from '../requests/acknowledge.ts'
import { askHolder } from '../requests/ask-holder.ts'
import { sendProof } from '../requests/send-proof.ts'
import { createRequestStore } from '../requests/store.ts'
import { tellCaseContact } from '../requests/tell-contact.ts'
import type { AddressLocks } from './address-lock.ts'
import { findLostRequests } from './lost-jobs.ts'
import { reportFailure } from './failure.ts'
import { lockJob } from './job-lock.ts'
import type { CaseCronQueue } from './queues.ts'
import { startCron } from './work.ts'
import { startWorkers } from './workers.ts'

/** `atOnce`: jobs of the kind in this process. */
const jobs: Partial<Record<CaseJobKind, { run: CaseJob; atOnce: number }>> = {
  'send-proof': { run: sendProof, atOnce: 2 },
  acknowledge: { run: acknowledge, atOnce: 2 },
  'tell-refusal': { run: tellRefusal, atOnce: 1 },
  'ask-holder': { run: askHolder, atOnce: 1 },
  'tell-case-contact': { run: tellCaseContact, atOnce: 1 },
  'sync-case': { run: syncCase, atOnce: 3 },
  'push-ticket': { run: pushTicket, atOnce: 4 },
  'poll-tickets': { run: pollTicketsJob, atOnce: 1 },
  'check-staff': { run: checkStaff, atOnce: 2 },
  'apply-decision': { run: applyDecision, atOnce: 2 },
  'warn-holder': { run: warnHolder, atOnce: 1 },
  'add-contract': { run: addContract, atOnce: 2 },
  'check-reader': { run: checkReader, atOnce: 2 },
}
/** Connections that locks may need at once: one a job, and one for the reading of changes. */
export const caseLockConnections = Object.values(jobs).reduce((sum, { atOnce }) => sum + atOnce, 1)

export type CaseWorkDependencies = Omit<CaseDependencies, 'hold'> & {
  locks: AddressLocks
  /** Called before each step of each job; for tests that kill a job there. */
  onStep?: (step: string, id: string | undefined, job?: CaseJobKind) => void | Promise<void>
}

export async function startCaseWork(boss: PgBoss, dependencies: CaseWorkDependencies): Promise<void> {
  for (const [kind, { atOnce }] of Object.entries(jobs) as [CaseJobKind, { atOnce: number }][])
    await startWorkers<{ id: string }>(boss, kind, atOnce, (job) => runCaseJob(kind, job, dependencies))
  const cron: Record<CaseCronQueue, (job: Job) => Promise<object>> = {
    'watch-cases': async () => ({
      ...(await watchConsole(dependencies)),
      ...(await createConsoleStore(dependencies.pool).askForOverdue()),
    }),
    'sweep-cases': ({ signal }) => sweepFlags({ ...dependencies, signal }),
    'find-lost-requests': () => findLostRequests(boss, createRequestStore(dependencies.pool)),
    'hand-overs': () => findHandOvers(dependencies.pool),
    'purge-messages': ({ signal }) =>
      purgeMessages(dependencies.pool, () => withLock(dependencies, signal, undefined).checkpoint('purge')),
    'purge-cases': ({ signal }) =>
      purgeCases(dependencies.pool, () => withLock(dependencies, signal, undefined).checkpoint('purge')),
  }
  await startCron(boss, cron, dependencies.log)
}

/** Never rejects: what pg-boss would keep of an error is its message, and messages quote people. */
export async function runCaseJob(
  kind: CaseJobKind,
  job: Pick<Job<{ id: string }>, 'id' | 'data' | 'retryCount' | 'signal'>,
  dependencies: CaseWorkDependencies,
): Promise<JobResult> {
  return reportJob(kind, job, dependencies.log, (id) => {
    const registered = jobs[kind]
    if (!registered) throw new Error(`No job ${kind}`)
    const { dependencies: held, checkpoint } = withLock(dependencies, job.signal, id, kind)
    return registered.run(held, id, checkpoint)
  })
}

/** Runs a job on one subject, and writes its line. Never rejects. */
export async function reportJob(
  kind: string,
  job: Pick<Job<{ id: string }>, 'id' | 'data' | 'retryCount'>,
  log: Log,
  run: (id: string) => Promise<string>,
): Promise<JobResult> {
  const startedAt = performance.now()
  const { id } = job.data
  const line = () => ({
    job: kind,
    job_id: job.id,
    subject: id,
    run: job.retryCount + 1,
    duration_ms: Math.round(performance.now() - startedAt),
  })
  try {
    const outcome = await run(id)
    log.info({ event: 'job.done', ...line(), outcome })
    return { id: job.id, status: 'completed', output: { outcome } }
  } catch (error) {
    return reportFailure(log, job, line(), error).result
  }
}

/** Dependencies whose locks and checkpoints end with the job. */
export function withLock(
  { locks, onStep, ...rest }: CaseWorkDependencies,
  signal: AbortSignal,
  id: string | undefined,
  kind?: CaseJobKind,
): { dependencies: CaseDependencies; checkpoint: CaseCheckpoint } {
  const { hold, checkpoint } = lockJob(locks, signal, (step) => onStep?.(step, id, kind))
  return { dependencies: { ...rest, hold }, checkpoint }
}
