/**
 * Workers of a queue. pg-boss lets a worker rest for its polling interval after each job unless it is told that there is
 * more, so what has piled up while Keycloak or the help desk was away would go at one job a worker every two seconds.
 * Here a worker that has had a job looks for the next one at once, and rests when there is none.
 */
import type { Job, JobResult, PgBoss } from 'pg-boss'

const options = {
  perJobResults: true as const,
  // A new job announces itself; one that is due again, or was sent back by an operator, does not.
  notifyPollingIntervalSeconds: 2,
}

/**
 * @param atOnce jobs at a time in this process
 * @param run must not reject (jobs/work.ts)
 */
export async function startWorkers<Data extends object>(
  boss: PgBoss,
  queue: string,
  atOnce: number,
  run: (job: Job<Data>) => Promise<JobResult>,
): Promise<void> {
  for (let i = 0; i < atOnce; i++) {
    const worker = await boss.work<Data, unknown, typeof options>(queue, options, async (batch) => {
      const results = await Promise.all(batch.map(run))
      boss.notifyWorker(worker)
      return results
    })
  }
}
