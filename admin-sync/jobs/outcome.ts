/**
 * What becomes of a job that failed. Pure.
 *
 * - "could not ask", "later", our own database in trouble: again, for as long as the queue allows
 * - Keycloak does not know our credential or the realm: an operator mends that, and the job waits for it
 * - "no", and the same answer would come again: a dead letter at once
 * - anything else is a bug: a few times more, in case it was chance, then a dead letter where somebody sees it
 */
import { isDatabaseTrouble } from '../../core/database/trouble.ts'
import { UpstreamError } from '../../core/errors.ts'

/** Runs of a job that meets what looks like a bug. */
const bugRuns = 4

export type Fate = { status: 'failed' | 'deadletter'; code: string }

/** @param runs of this job so far, the failed one included. */
export function decideFate(error: unknown, runs: number): Fate {
  if (error instanceof UpstreamError) {
    const code = `${error.service}:${error.code}`
    const mendable = error.service === 'keycloak' && ['unauthorized', 'no_realm'].includes(error.code)
    return { status: error.disposition === 'fail' && !mendable ? 'deadletter' : 'failed', code }
  }
  if (isDatabaseTrouble(error)) return { status: 'failed', code: 'database:unavailable' }
  if (error instanceof Error && error.name === 'AbortError') return { status: 'failed', code: 'job:aborted' }
  return { status: runs < bugRuns ? 'failed' : 'deadletter', code: 'bug' }
}
