/**
 * The cron job `hand-overs`: decisions "the holder left" whose two days are over without a second agent, get their
 * job (apply-decision.ts) again; so do decisions and sign-ins whose job was lost (a restored backup, a queue emptied by
 * hand). It decides nothing.
 */
import type pg from 'pg'

/** @returns how many */
export async function findHandOvers(pool: pg.Pool): Promise<{ due: number }> {
  const { rowCount } = await pool.query(
    `INSERT INTO ellipro.case_outbox (kind, subject_id)
     (SELECT 'apply-decision', id FROM ellipro.decision
       WHERE (state = 'awaiting_second' AND due_at <= now())
          OR (state = 'submitted' AND created_at BETWEEN now() - interval '1 day' AND now() - interval '10 minutes')
       ORDER BY created_at LIMIT 100)
     UNION ALL
     (SELECT 'check-staff', id FROM ellipro.staff_session
       WHERE state = 'checking' AND expires_at > now() AND created_at < now() - interval '10 minutes'
       ORDER BY created_at LIMIT 100)`,
  )
  return { due: rowCount ?? 0 }
}
