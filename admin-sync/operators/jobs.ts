/** Dead letters sent back to work by an operator: the jobs go and the audit lines come in one transaction. */
import type pg from 'pg'
import type { PgBoss } from 'pg-boss'
import { listDeadLetters, redrive } from '../jobs/dead-letters.ts'
import { inTransaction } from '../transaction.ts'
import { recordAction, type Operator } from './audit.ts'

/**
 * @param id of one dead letter; all of them without it
 * @returns how many went
 */
export async function redriveJobs(
  pool: pg.Pool,
  boss: PgBoss,
  id: string | undefined,
  operator: Operator,
): Promise<number> {
  const wanted = (await listDeadLetters(boss)).filter((letter) => id === undefined || letter.id === id)
  return inTransaction(pool, async (client) => {
    let moved = 0
    for (const letter of wanted) {
      // Another operator may have been quicker.
      if ((await redrive(boss, letter.id, client)) === 0) continue
      moved++
      await recordAction(client, operator, 'jobs redrive', letter.job, letter.subject)
    }
    return moved
  })
}
