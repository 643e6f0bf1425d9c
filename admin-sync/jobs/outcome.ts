/**
 * What becomes of a job that failed. Pure.
 *
 * - "could not ask", "later", our own database in trouble: again, for as long as the queue allows
 * - Keycloak does not know our credential or the realm: an operator mends that, and the job waits for it
 * - "no", and the same answer would come again: a dead letter at once
 * - anything else is a bug: a few times more, in case it was chance, then a dead letter where somebody sees it
 */
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

/**
 * SQLSTATE 08 (connection), 53 (resources), 57 (shutting down, cancelled), 40 (serialisation, deadlock), 55P03 (lock
 * timeout) and 25006 (a standby), and what the driver throws without a code.
 */
function isDatabaseTrouble(error: unknown): boolean {
  if (!(error instanceof Error)) return false
  const code = 'code' in error && typeof error.code === 'string' ? error.code : ''
  if (/^(08|53|57|40)[0-9A-Z]{3}$/.test(code) || ['55P03', '25006'].includes(code)) return true
  if (/^E(CONNREFUSED|CONNRESET|PIPE|TIMEDOUT|HOSTUNREACH|NOTFOUND)$/.test(code)) return true
  return /^(Connection terminated|timeout exceeded when trying to connect|Query read timeout)/.test(
    error.message,
  )
}
