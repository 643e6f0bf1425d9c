/** Jobs that ended without success: listed and sent back by an operator, from the CLI. */
import type { PgBoss } from 'pg-boss'
import { deadLetterQueue } from './queues.ts'

export type DeadLetter = {
  id: string
  job: string
  activation: string
  /** Why, as a short code such as `keycloak:forbidden`. */
  code: string
  runs: number
  createdAt: Date
  diedAt: Date
}

/** Oldest first, at most 1000. */
export async function listDeadLetters(boss: PgBoss): Promise<DeadLetter[]> {
  const found = await boss.findJobs<{ activationId: string }>(deadLetterQueue, { queued: true })
  return found.map((job) => ({
    id: job.id,
    job: job.sourceName ?? 'unknown',
    activation: job.data.activationId,
    code: readCode(job.sourceOutput ?? job.output),
    runs: (job.sourceRetryCount ?? 0) + 1,
    createdAt: job.sourceCreatedOn ?? job.createdOn,
    diedAt: job.createdOn,
  }))
}

/**
 * Sends dead letters back to where they came from, to be tried as if for the first time.
 * @param id of one dead letter; all of them without it @returns how many went
 */
export async function redrive(boss: PgBoss, id: string | undefined): Promise<number> {
  // Any other text is the id of no job; PostgreSQL would call it an error.
  if (id !== undefined && !/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(id)) return 0
  return boss.redrive(deadLetterQueue, { limit: 10_000, ...(id !== undefined && { ids: [id] }) })
}

function readCode(output: unknown): string {
  const { code, value } = Object(output) as { code?: unknown; value?: { message?: unknown } }
  if (typeof code === 'string') return code
  // Written by pg-boss itself: "job timed out", "job heartbeat timeout".
  return typeof value?.message === 'string' ? value.message : 'unknown'
}
