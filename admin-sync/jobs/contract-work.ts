/** Runs the jobs on contracts: one log line each, and what becomes of one that failed. As case-work.ts for cases. */
import type { Job, JobResult, PgBoss } from 'pg-boss'
import type { ContractDependencies, ContractJob, ContractJobKind } from '../contracts/job.ts'
import { syncEntitlements } from '../contracts/entitlements/sync-entitlements.ts'
import { followContracts } from '../contracts/follow-contracts.ts'
import { purgeContracts } from '../contracts/purge-contracts.ts'
import { transferContract } from '../contracts/transfer-contract.ts'
import { giveJobsAgain } from '../contracts/transfer-store.ts'
import type { AddressLocks } from './address-lock.ts'
import { reportJob } from './case-work.ts'
import { lockJob } from './job-lock.ts'
import { deadLetterQueue, schema, type ContractCronQueue } from './queues.ts'
import { startCron } from './work.ts'
import { startWorkers } from './workers.ts'

/** `atOnce`: jobs of the kind in this process. */
const jobs: Record<ContractJobKind, { run: ContractJob; atOnce: number }> = {
  'transfer-contract': { run: transferContract, atOnce: 3 },
  'sync-entitlements': { run: syncEntitlements, atOnce: 2 },
}
/** Connections that locks may need at once: one a job. */
export const contractLockConnections = Object.values(jobs).reduce((sum, { atOnce }) => sum + atOnce, 0)

export type ContractWorkDependencies = Omit<ContractDependencies, 'hold'> & {
  locks: AddressLocks
  /** Called before each step of each job; for tests that kill a job there. */
  onStep?: (step: string, id: string | undefined, job?: ContractJobKind) => void | Promise<void>
}

export async function startContractWork(boss: PgBoss, dependencies: ContractWorkDependencies): Promise<void> {
  for (const [kind, { atOnce }] of Object.entries(jobs) as [ContractJobKind, { atOnce: number }][])
    await startWorkers<{ id: string }>(boss, kind, atOnce, (job) => runContractJob(kind, job, dependencies))
  const cron: Record<ContractCronQueue, (job: Job) => Promise<object>> = {
    'follow-contracts': ({ signal }) =>
      followContracts({ ...dependencies, signal }, async (step) => {
        signal.throwIfAborted()
        await dependencies.onStep?.(`follow-${step}`, undefined)
      }),
    'find-lost-contracts': async () => ({
      found: await giveJobsAgain(dependencies.pool, { schema, deadLetterQueue }),
    }),
    'purge-contracts': ({ signal }) =>
      purgeContracts(dependencies.pool, async () => {
        signal.throwIfAborted()
        await dependencies.onStep?.('purge', undefined)
      }),
  }
  await startCron(boss, cron, dependencies.log)
}

/** Never rejects: what pg-boss would keep of an error is its message, and messages quote people. */
export async function runContractJob(
  kind: ContractJobKind,
  job: Pick<Job<{ id: string }>, 'id' | 'data' | 'retryCount' | 'signal'>,
  dependencies: ContractWorkDependencies,
): Promise<JobResult> {
  return reportJob(kind, job, dependencies.log, (id) => {
    const { held, checkpoint } = withLock(dependencies, job, kind)
    return jobs[kind].run(held, id, checkpoint)
  })
}

/** Dependencies whose locks and checkpoints end with the job. */
export function withLock(
  { locks, onStep, ...rest }: ContractWorkDependencies,
  { signal, data }: Pick<Job<{ id: string }>, 'signal' | 'data'>,
  kind: ContractJobKind,
): { held: ContractDependencies; checkpoint: (step: string) => Promise<void> } {
  const { hold, checkpoint } = lockJob(locks, signal, (step) => onStep?.(step, data.id, kind))
  return { held: { ...rest, hold }, checkpoint }
}
