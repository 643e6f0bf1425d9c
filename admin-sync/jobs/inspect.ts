/** Looks at the jobs without working on any, for the CLI. */
import pg from 'pg'
import type { PgBoss } from 'pg-boss'
import type { Log } from '../../core/log.ts'
import { jobKinds } from '../accounts/job.ts'
import { caseJobKinds } from '../cases/job.ts'
import { contractJobKinds } from '../contracts/job.ts'
import { createBoss, schema } from './queues.ts'

/** @returns `undefined` when there are no job tables yet: no admin-sync has run on this database */
export async function withBoss<T>(
  url: string,
  log: Log,
  work: (boss: PgBoss) => Promise<T>,
): Promise<T | undefined> {
  if (!(await hasJobTables(url))) return undefined
  const boss = createBoss(url, log, { worker: false })
  await boss.start()
  try {
    return await work(boss)
  } finally {
    await boss.stop({ graceful: false })
  }
}

async function hasJobTables(url: string): Promise<boolean> {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 10_000 })
  await client.connect()
  try {
    const { rows } = await client.query<{ there: boolean }>(
      `SELECT to_regclass('${schema}.version') IS NOT NULL AS there`,
    )
    return rows[0]?.there ?? false
  } finally {
    await client.end()
  }
}

export type OldestJob = { job: string; waitingSeconds: number; runs: number }

/** The job that has been due and undone for the longest time; those put off to a later time do not count. */
export async function readOldestJob(boss: PgBoss): Promise<OldestJob | undefined> {
  const now = Date.now()
  const waiting: OldestJob[] = []
  for (const kind of [...jobKinds, ...caseJobKinds, ...contractJobKinds])
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
