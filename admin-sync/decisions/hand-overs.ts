/**
 * The cron job `hand-overs`: decisions "the holder left" whose two days are over without a second agent, get their
 * job (apply-decision.ts) again, if the holder's warning has left: nobody loses an account unwarned to one agent; so do decisions and sign-ins whose job was lost (a restored backup, a queue emptied by
 * hand). It decides nothing.
 */
import type pg from 'pg'

/** SQL: the time of a decision `d` is over, and its holder was told (warn-holder.ts). */
export const isDueSql = `(coalesce(d.due_at <= now(), false) AND EXISTS (SELECT FROM ellipro.mail m
  WHERE m.activation_id = d.holder_id AND m.kind = 'hand-over-warning' AND m.sent_at >= d.created_at))`

/** @returns how many */
export async function findHandOvers(pool: pg.Pool): Promise<{ due: number }> {
  const { rowCount } = await pool.query(
    `INSERT INTO ellipro.case_outbox (kind, subject_id)
     (SELECT 'apply-decision', id FROM ellipro.decision d
       WHERE (state = 'awaiting_second' AND ${isDueSql})
          OR (state = 'submitted' AND created_at BETWEEN now() - interval '1 day' AND now() - interval '10 minutes')
       ORDER BY created_at LIMIT 100)
     UNION ALL
     (SELECT 'check-staff', id FROM ellipro.staff_session
       WHERE state = 'checking' AND expires_at > now() AND created_at < now() - interval '10 minutes'
       ORDER BY created_at LIMIT 100)`,
  )
  return { due: rowCount ?? 0 }
}
