/** Looks at the jobs without working on any, for the CLI. */
import type { PgBoss } from 'pg-boss'
import { UpstreamError } from '../../core/errors.ts'
import type { Log } from '../../core/log.ts'
import { jobKinds } from '../accounts/job.ts'
import { createBoss } from './queues.ts'

/** @throws UpstreamError when no admin-sync has run on this database yet */
export async function withBoss<T>(url: string, log: Log, work: (boss: PgBoss) => Promise<T>): Promise<T> {
  const boss = createBoss(url, log, { worker: false })
  if (!(await boss.isInstalled().catch(() => true)))
    throw new UpstreamError('jobs', 0, 'fail', 'admin_sync_never_ran')
  await boss.start()
  try {
    return await work(boss)
  } finally {
    await boss.stop({ graceful: false })
  }
}

export type OldestJob = { job: string; waitingSeconds: number; runs: number }

/** The job that has been due and undone for the longest time; those put off to a later time do not count. */
export async function readOldestJob(boss: PgBoss): Promise<OldestJob | undefined> {
  const now = Date.now()
  const waiting: OldestJob[] = []
  for (const kind of jobKinds)
    for (const job of await boss.findJobs(kind, { queued: true })) {
      const due = job.retryCount > 0 ? job.createdOn : job.startAfter
      if (due.getTime() <= now)
        waiting.push({
          job: kind,
          waitingSeconds: Math.round((now - due.getTime()) / 1000),
          runs: job.retryCount,
        })
    }
  return waiting.toSorted((a, b) => b.waitingSeconds - a.waitingSeconds)[0]
}
