/** Jobs that ended without success: listed and sent back by an operator, from the CLI. */
import type pg from 'pg'
import type { PgBoss } from 'pg-boss'
import { deadLetterQueue, onConnection } from './queues.ts'

export type DeadLetter = {
  id: string
  job: string
  /** The activation, request, case, session, decision or contract that it is about. */
  subject: string
  /** Why, as a short code such as `keycloak:forbidden`. */
  code: string
  runs: number
  createdAt: Date
  diedAt: Date
}

/** Oldest first, at most 1000. */
export async function listDeadLetters(boss: PgBoss): Promise<DeadLetter[]> {
  const found = await boss.findJobs<{ activationId?: string; id?: string }>(deadLetterQueue, { queued: true })
  return found.map((job) => ({
    id: job.id,
    job: job.sourceName ?? 'unknown',
    subject: job.data.activationId ?? job.data.id ?? 'unknown',
    code: readCode(job.sourceOutput ?? job.output),
    runs: (job.sourceRetryCount ?? 0) + 1,
    createdAt: job.sourceCreatedOn ?? job.createdOn,
    diedAt: job.createdOn,
  }))
}

/**
 * Sends a dead letter back to where it came from, to be tried as if for the first time, in the caller's transaction.
 * @returns 0 when it is not there any more
 */
export async function redrive(boss: PgBoss, id: string, client: pg.ClientBase): Promise<number> {
  return boss.redrive(deadLetterQueue, { ids: [id], db: onConnection(client) })
}

function readCode(output: unknown): string {
  const { code, value } = Object(output) as { code?: unknown; value?: { message?: unknown } }
  if (typeof code === 'string') return code
  // Written by pg-boss itself: "job timed out", "job heartbeat timeout".
  return typeof value?.message === 'string' ? value.message : 'unknown'
}
