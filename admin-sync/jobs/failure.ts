import type { Job, JobResult } from 'pg-boss'
import { describeError, type Log } from '../../core/log.ts'
import { decideFate } from './outcome.ts'

/**
 * Writes the line of a job that failed, and says what becomes of it (outcome.ts).
 * @param line what the job's lines hold
 */
export function reportFailure(
  log: Log,
  job: Pick<Job, 'id' | 'retryCount'>,
  line: object,
  error: unknown,
): { result: JobResult; code: string } {
  const { status, code } = decideFate(error, job.retryCount + 1)
  const event = status === 'deadletter' ? 'job.dead' : 'job.failed'
  log[status === 'deadletter' || code === 'bug' ? 'error' : 'warn']({ event, ...line, code, err: error })
  return { result: { id: job.id, status, output: { ...describeError(error), code } }, code }
}
