/**
 * The cron job `purge-messages`: what docs/privacy.md says of the old messages, done.
 *
 *   a message, with its attachments     goes old_message_days after it was imported; it is shown to nobody from then on
 *   a session of the page               goes a day after it is over; its ID token after the day in which its job may run
 *   who saved which mailbox when        goes after saving_log_days
 *
 * Bounded by rows, and repeatable at any point.
 */
import type pg from 'pg'

export type PurgeMessagesResult = { messages: number; tokens: number; sessions: number; savings: number }

/** Rows that one statement takes; of messages with attachments few, because each may hold megabytes. */
const steps: Record<keyof PurgeMessagesResult, { batch: number; sql: string }> = {
  messages: {
    batch: 200,
    sql: `DELETE FROM ellipro.legacy_message WHERE (account, message) IN (
            SELECT account, message FROM ellipro.legacy_message
             WHERE imported_at <= now() - make_interval(days => ellipro.setting_value('old_message_days'))
             ORDER BY imported_at LIMIT $1 FOR UPDATE SKIP LOCKED)`,
  },
  tokens: {
    batch: 500,
    sql: `UPDATE ellipro.reader_session
             SET id_token = NULL, state = CASE state WHEN 'checking' THEN 'refused' ELSE state END,
                 reason = CASE state WHEN 'checking' THEN 'too_late' ELSE reason END
           WHERE id IN (SELECT id FROM ellipro.reader_session WHERE id_token IS NOT NULL AND expires_at < now()
                         LIMIT $1 FOR UPDATE SKIP LOCKED)`,
  },
  sessions: {
    batch: 500,
    sql: `DELETE FROM ellipro.reader_session WHERE id IN (
            SELECT id FROM ellipro.reader_session WHERE expires_at < now() - interval '1 day'
             LIMIT $1 FOR UPDATE SKIP LOCKED)`,
  },
  savings: {
    batch: 500,
    sql: `DELETE FROM ellipro.mailbox_saving WHERE id IN (
            SELECT id FROM ellipro.mailbox_saving
             WHERE created_at < now() - make_interval(days => ellipro.setting_value('saving_log_days'))
             LIMIT $1)`,
  },
}

/** @param checkpoint before each statement; throws when the job must not go on */
export async function purgeMessages(
  pool: pg.Pool,
  checkpoint: () => Promise<void> = () => Promise.resolve(),
): Promise<PurgeMessagesResult> {
  const result: PurgeMessagesResult = { messages: 0, tokens: 0, sessions: 0, savings: 0 }
  for (const [name, { batch, sql }] of Object.entries(steps) as [
    keyof PurgeMessagesResult,
    { batch: number; sql: string },
  ][])
    for (let taken = batch; taken >= batch;) {
      await checkpoint()
      taken = (await pool.query(sql, [batch])).rowCount ?? 0
      result[name] += taken
    }
  return result
}
