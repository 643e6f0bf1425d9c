/**
 * Runs the jobs: reads the activation, holds its address, calls the job of accounts/, writes one log line, and says
 * what becomes of a job that failed. The line and what pg-boss keeps hold ids and codes, never a value of a person.
 */
import type { Job, JobResult, PgBoss } from 'pg-boss'
import { describeError, type Log } from '../../core/log.ts'
import {
  jobKinds,
  type AccountDependencies,
  type AccountJob,
  type Checkpoint,
  type JobKind,
  type Outcome,
} from '../accounts/job.ts'
import { tellAddressChanges } from '../accounts/address-change.ts'
import type { AddressChangeStore } from '../accounts/address-change-store.ts'
import { closeAccount } from '../accounts/close-account.ts'
import { notifyClosed } from '../accounts/notify-closed.ts'
import { notifyContact } from '../accounts/notify-contact.ts'
import { openAccount } from '../accounts/open-account.ts'
import { purgeExpired } from '../accounts/purge-expired.ts'
import { release } from '../accounts/release.ts'
import { sendConfirmation } from '../accounts/send-confirmation.ts'
import { countSweep, sweepAccounts } from '../accounts/sweep.ts'
import type { SweepStore } from '../accounts/sweep-store.ts'
import { unlink } from '../accounts/unlink.ts'
import type { AddressLocks } from './address-lock.ts'
import { reportFailure } from './failure.ts'
import { lockJob } from './job-lock.ts'
import { findLostJobs } from './lost-jobs.ts'
import type { CronQueue } from './queues.ts'
import { startWorkers } from './workers.ts'

/** `atOnce`: jobs of the kind in this process. `alone`: the address of the activation is held for the whole job. */
const jobs: Record<JobKind, { run: AccountJob; atOnce: number; alone: boolean }> = {
  'send-confirmation': { run: sendConfirmation, atOnce: 3, alone: true },
  'open-account': { run: openAccount, atOnce: 3, alone: true },
  // Not alone: every role of the database may take an advisory lock, and nobody may keep a link alive by holding one.
  // The user is opened, so no other job writes it.
  unlink: { run: unlink, atOnce: 1, alone: false },
  release: { run: release, atOnce: 1, alone: true },
  'notify-contact': { run: notifyContact, atOnce: 1, alone: false },
  // Not alone, for the reason of unlink.
  'close-account': { run: closeAccount, atOnce: 1, alone: false },
  'notify-closed': { run: notifyClosed, atOnce: 1, alone: false },
}
/** Connections that the locks may need at once: one a job, and one each for the two cron jobs that hold addresses. */
export const lockConnections = Object.values(jobs).reduce((sum, { atOnce }) => sum + atOnce, 2)

export type WorkDependencies = Omit<AccountDependencies, 'holdAddress'> & {
  locks: AddressLocks
  sweepStore: SweepStore
  addressChanges: AddressChangeStore
  /** Called before each step of each job; for tests that kill a job there. */
  onStep?: (step: string, activationId: string | undefined) => void | Promise<void>
}

export async function startWork(boss: PgBoss, dependencies: WorkDependencies): Promise<void> {
  for (const kind of jobKinds)
    await startWorkers<{ activationId: string }>(boss, kind, jobs[kind].atOnce, (job) =>
      runJob(kind, job, dependencies),
    )
  const cron: Record<CronQueue, (job: Job) => Promise<object>> = {
    'purge-expired': (job) => purgeExpired(withLock(dependencies, job.signal, undefined).dependencies),
    'find-lost-jobs': () => findLostJobs(boss, dependencies.store),
    'sweep-accounts': async ({ id, signal }) => {
      const { reader, sweepStore, log } = dependencies
      return countSweep(await sweepAccounts(id, { reader, store: sweepStore, log, signal }))
    },
    'tell-address-change': ({ signal }) =>
      tellAddressChanges({
        ...withLock(dependencies, signal, undefined).dependencies,
        addressChanges: dependencies.addressChanges,
      }),
  }
  await startCron(boss, cron, dependencies.log)
}

/** @param cron what each queue runs on its schedule; the answer stands in the log line */
export async function startCron(
  boss: PgBoss,
  cron: Record<string, (job: Job) => Promise<object>>,
  log: Log,
): Promise<void> {
  for (const [queue, run] of Object.entries(cron))
    await boss.work<object, unknown, { perJobResults: true; pollingIntervalSeconds: number }>(
      queue,
      { perJobResults: true, pollingIntervalSeconds: 10 },
      (batch) => Promise.all(batch.map((job) => runCron(queue, job, run, log))),
    )
}

/** Never rejects: what pg-boss would keep of an error is its message, and messages quote people. */
export async function runJob(
  kind: JobKind,
  job: Pick<Job<{ activationId: string }>, 'id' | 'data' | 'retryCount' | 'signal'>,
  dependencies: WorkDependencies,
): Promise<JobResult> {
  const startedAt = performance.now()
  const { activationId } = job.data
  let correlationId: string | null = null
  const line = () => ({
    job: kind,
    job_id: job.id,
    activation: activationId,
    ...(correlationId !== null && { correlation_id: correlationId }),
    run: job.retryCount + 1,
    duration_ms: Math.round(performance.now() - startedAt),
  })
  try {
    const found = await dependencies.store.readActivation(activationId)
    correlationId = found?.correlationId ?? null
    const outcome = found
      ? await runAlone(kind, found.addressKey, activationId, job.signal, dependencies)
      : 'gone'
    dependencies.log.info({ event: 'job.done', ...line(), outcome })
    return { id: job.id, status: 'completed', output: { outcome } }
  } catch (error) {
    const { result, code } = reportFailure(dependencies.log, job, line(), error)
    await dependencies.store.noteError(activationId, code).catch(() => undefined)
    return result
  }
}

async function runAlone(
  kind: JobKind,
  addressKey: string,
  activationId: string,
  signal: AbortSignal,
  dependencies: WorkDependencies,
): Promise<Outcome> {
  const { run, alone } = jobs[kind]
  const { dependencies: held, checkpoint } = withLock(dependencies, signal, activationId)
  const runNow = async (check: Checkpoint) => {
    // Read again: the state may have changed while this job waited for the address.
    const activation = await dependencies.store.readActivation(activationId)
    return activation ? run(held, activation, check) : 'gone'
  }
  return alone ? held.holdAddress(addressKey, runNow) : runNow(checkpoint)
}

/** Dependencies whose locks and checkpoints end with the job. */
function withLock(
  dependencies: WorkDependencies,
  signal: AbortSignal,
  activationId: string | undefined,
): { dependencies: AccountDependencies; checkpoint: Checkpoint } {
  const { locks, onStep, ...rest } = dependencies
  const { hold: holdAddress, checkpoint } = lockJob(locks, signal, (step) => onStep?.(step, activationId))
  return { dependencies: { ...rest, holdAddress }, checkpoint }
}

async function runCron(
  queue: string,
  job: Job,
  run: (job: Job) => Promise<object>,
  log: Log,
): Promise<JobResult> {
  const startedAt = performance.now()
  const line = () => ({ job: queue, job_id: job.id, duration_ms: Math.round(performance.now() - startedAt) })
  try {
    const result = await run(job)
    log.info({ event: 'job.done', ...line(), ...result })
    return { id: job.id, status: 'completed', output: result }
  } catch (error) {
    log.error({ event: 'job.failed', ...line(), err: error })
    return { id: job.id, status: 'failed', output: describeError(error) }
  }
}
