/**
 * The cron job `purge-cases`: what docs/privacy.md says of the retention of cases, done.
 *
 *   a request that nobody proved        ends as `expired` when its hours are over
 *   expired, withdrawn                  go after ended_request_days, with what the history says of them
 *   refused                             goes after closed_case_days, even while its case is open
 *   opened                              keeps its address after closed_case_days: the account has it too
 *   a closed case                       goes after closed_case_days since it was closed, with all that hangs on it
 *   the text of a note                  goes ended_request_days after the help desk took it
 *   an agent's session                  goes a day after it is over
 *   an ID token that no job erased      goes after the day and a half in which its job may still run
 *   changes read from the help desk, events read from Keycloak      go when they are never asked for again
 *
 * Everything is bounded by rows and repeatable; each statement names the states that it may take away, so that a case
 * that somebody opens again meanwhile stays.
 */
import type pg from 'pg'

export type PurgeCasesResult = Record<(typeof steps)[number]['name'], number>

/** Rows that one statement takes; it is repeated until it takes fewer. */
const batch = 500

/** A job is tried for a day and some hours; then it is a dead letter, and its token is far too old to be believed. */
const tokenLife = `interval '36 hours'`

const daysAgo = (setting: string) => `now() - make_interval(days => ellipro.setting_value('${setting}'))`

/** In this order. `$1`: how many rows at most. Each gives one row for what it took. */
const steps = [
  {
    name: 'expired_requests',
    sql: `UPDATE ellipro.access_request SET state = 'expired', ended_at = now()
           WHERE id IN (SELECT id FROM ellipro.access_request WHERE state = 'asked' AND expires_at <= now()
                         ORDER BY expires_at LIMIT $1 FOR UPDATE SKIP LOCKED) AND state = 'asked'`,
  },
  {
    // The history of a request holds its name and what was said of it: none of it outlives the request.
    name: 'deleted_requests',
    sql: `WITH over AS (
             SELECT id FROM ellipro.access_request
              WHERE (state IN ('expired', 'withdrawn') AND ended_at < ${daysAgo('ended_request_days')})
                 OR (state = 'refused' AND ended_at < ${daysAgo('closed_case_days')})
              LIMIT $1 FOR UPDATE SKIP LOCKED),
           events AS (DELETE FROM ellipro.case_event WHERE request_id IN (SELECT id FROM over))
           DELETE FROM ellipro.access_request WHERE id IN (SELECT id FROM over)`,
  },
  {
    // What it was asked with has served; the address says whose access the login has.
    name: 'trimmed_requests',
    sql: `UPDATE ellipro.access_request SET name = NULL, phone = NULL, network = NULL, signals = '{}'
           WHERE id IN (SELECT id FROM ellipro.access_request
                         WHERE state = 'opened' AND ended_at < ${daysAgo('closed_case_days')}
                           AND (name IS NOT NULL OR phone IS NOT NULL OR network IS NOT NULL)
                         LIMIT $1 FOR UPDATE SKIP LOCKED)`,
  },
  {
    name: 'deleted_cases',
    sql: `DELETE FROM ellipro.login_case WHERE id IN (
             SELECT c.id FROM ellipro.login_case c
              WHERE c.state = 'closed' AND c.closed_at < ${daysAgo('closed_case_days')}
                AND NOT EXISTS (SELECT FROM ellipro.access_request r
                                 WHERE r.case_id = c.id AND r.state IN ('asked', 'proved', 'granting'))
              LIMIT $1 FOR UPDATE SKIP LOCKED) AND state = 'closed'`,
  },
  {
    name: 'erased_session_tokens',
    sql: `UPDATE ellipro.staff_session
             SET id_token = NULL, state = CASE state WHEN 'checking' THEN 'refused' ELSE state END,
                 reason = CASE state WHEN 'checking' THEN 'too_late' ELSE reason END
           WHERE id IN (SELECT id FROM ellipro.staff_session
                         WHERE id_token IS NOT NULL AND (state <> 'checking' OR created_at < now() - ${tokenLife})
                         LIMIT $1 FOR UPDATE SKIP LOCKED)`,
  },
  {
    name: 'erased_decision_tokens',
    sql: `UPDATE ellipro.decision
             SET id_token = NULL, state = CASE state WHEN 'submitted' THEN 'rejected' ELSE state END,
                 outcome = CASE state WHEN 'submitted' THEN 'too_late' ELSE outcome END,
                 ended_at = CASE state WHEN 'submitted' THEN now() ELSE ended_at END
           WHERE id IN (SELECT id FROM ellipro.decision
                         WHERE id_token IS NOT NULL AND (state <> 'submitted' OR created_at < now() - ${tokenLife})
                         LIMIT $1 FOR UPDATE SKIP LOCKED)`,
  },
  {
    name: 'erased_addition_tokens',
    sql: `UPDATE ellipro.activation_secret
             SET addition_token = NULL, addition_outcome = coalesce(addition_outcome, 'sign_in_refused')
           WHERE activation_id IN (SELECT activation_id FROM ellipro.activation_secret
                                    WHERE addition_token IS NOT NULL
                                      AND (addition_outcome IS NOT NULL OR addition_at < now() - ${tokenLife})
                                    LIMIT $1 FOR UPDATE SKIP LOCKED)`,
  },
  {
    name: 'deleted_sessions',
    sql: `DELETE FROM ellipro.staff_session WHERE id IN (
             SELECT id FROM ellipro.staff_session WHERE expires_at < now() - interval '1 day'
              LIMIT $1 FOR UPDATE SKIP LOCKED)`,
  },
  {
    // The help desk has it; the row stays, so that the same thing is not noted twice.
    name: 'erased_notes',
    sql: `UPDATE ellipro.ticket_note SET text = '' WHERE id IN (
             SELECT id FROM ellipro.ticket_note WHERE text <> '' AND posted_at < ${daysAgo('ended_request_days')}
              LIMIT $1 FOR UPDATE SKIP LOCKED)`,
  },
  {
    name: 'deleted_changes',
    sql: `DELETE FROM ellipro.ticket_change WHERE ctid IN (
             SELECT ctid FROM ellipro.ticket_change WHERE seen_at < now() - interval '30 days' LIMIT $1)`,
  },
  {
    name: 'deleted_events',
    sql: `DELETE FROM ellipro.handled_event WHERE ctid IN (
             SELECT h.ctid FROM ellipro.handled_event h JOIN ellipro.event_cursor c ON c.subject = h.subject
              WHERE h.event_at < c.read_until - interval '30 days' LIMIT $1)`,
  },
] as const

/** @returns how many rows each step took */
export async function purgeCases(
  pool: pg.Pool,
  checkpoint: () => Promise<void> = async () => {},
): Promise<PurgeCasesResult> {
  const counts: [string, number][] = []
  for (const { name, sql } of steps) {
    let total = 0
    for (let taken = batch; taken === batch; total += taken) {
      await checkpoint()
      taken = (await pool.query(sql, [batch])).rowCount ?? 0
    }
    counts.push([name, total])
  }
  return Object.fromEntries(counts) as PurgeCasesResult
}
