/** The SQL of what the console says: how far its events are read, and which users are ours. */
import type pg from 'pg'
import { schema } from '../jobs/queues.ts'
import { inTransaction } from '../transaction.ts'
import type { ConcernedUser } from './console-plan.ts'

export type ConsoleStore = ReturnType<typeof createConsoleStore>

const subject = 'console-shared'

type Row = {
  userId: string
  account: string
  isPrimary: boolean
  case: (NonNullable<ConcernedUser['logins'][number]['case']> & { createdAt: string }) | null
}

export function createConsoleStore(pool: pg.Pool) {
  return {
    async readCursor(): Promise<Date> {
      const { rows } = await pool.query<{ readUntil: Date }>(
        'SELECT read_until AS "readUntil" FROM ellipro.event_cursor WHERE subject = $1',
        [subject],
      )
      if (!rows[0]) throw new Error(`No cursor for ${subject}`)
      return rows[0].readUntil
    },
    async listHandled(eventIds: readonly string[]): Promise<Set<string>> {
      const { rows } = await pool.query<{ id: string }>(
        'SELECT event_id AS id FROM ellipro.handled_event WHERE subject = $1 AND event_id = ANY ($2)',
        [subject, eventIds],
      )
      return new Set(rows.map(({ id }) => id))
    },
    /** The cursor never goes back; events that lie far behind it are not read again, and are forgotten. */
    recordHandled: (events: readonly { id: string; time: number }[], readUntil: Date): Promise<void> =>
      inTransaction(pool, async (client) => {
        await client.query(
          `INSERT INTO ellipro.handled_event (subject, event_id, event_at, outcome)
           SELECT $1, e.id, to_timestamp(e.time / 1000.0), 'seen'
             FROM unnest($2::text[], $3::float8[]) AS e (id, time) ON CONFLICT DO NOTHING`,
          [subject, events.map(({ id }) => id), events.map(({ time }) => time)],
        )
        await client.query(
          'UPDATE ellipro.event_cursor SET read_until = greatest(read_until, $2) WHERE subject = $1',
          [subject, readUntil],
        )
        await client.query(
          `DELETE FROM ellipro.handled_event h USING ellipro.event_cursor c
            WHERE h.subject = $1 AND c.subject = $1 AND h.event_at < c.read_until - interval '1 day'`,
          [subject],
        )
      }),

    /** Of these users the ones that are ours. */
    async listConcerned(userIds: readonly string[]): Promise<ConcernedUser[]> {
      const { rows } = await pool.query<Row>(
        `SELECT u.user_id AS "userId", u.account,
                EXISTS (SELECT FROM ellipro.keycloak_user k JOIN ellipro.activation a ON a.id = k.opened_by
                         WHERE k.user_id = u.user_id AND a.account = u.account) AS "isPrimary",
                CASE WHEN c.id IS NOT NULL THEN jsonb_build_object('id', c.id, 'reference', c.reference, 'state', c.state,
                  'createdAt', c.created_at, 'contract', c.contract,
                  'isUnmarked', coalesce(c.unmarked_at >= c.closed_at, false),
                  'isSaidHere', EXISTS (SELECT FROM ellipro.case_source s WHERE s.case_id = c.id AND s.source = 'console'
                                          AND s.user_id = u.user_id AND s.removed_at IS NULL),
                  'ticket', CASE WHEN t.case_id IS NOT NULL THEN jsonb_build_object('externalId', t.external_id,
                              'status', t.status, 'deletedAt', t.deleted_at) END) END AS case
           FROM ellipro.login_user u
           LEFT JOIN ellipro.login_case c ON c.account = u.account
           LEFT JOIN ellipro.ticket t ON t.case_id = c.id
          WHERE u.user_id = ANY ($1)`,
        [userIds],
      )
      return [...Map.groupBy(rows, ({ userId }) => userId)].map(([userId, logins]) => ({
        userId,
        logins: logins.map((login) => ({
          account: login.account,
          isPrimary: login.isPrimary,
          case: login.case && { ...login.case, createdAt: new Date(login.case.createdAt) },
        })),
      }))
    },

    /** An administrator says on this user that the login is shared. False: it is nobody's login any more. */
    ensureCase: (account: string, userId: string): Promise<boolean> =>
      inTransaction(pool, async (client) => {
        const { rows } = await client.query<{ id: string }>(
          `SELECT ellipro.ensure_case(a.account, a.login, a.company, a.contract, 'console', 'console') AS id
             FROM (SELECT * FROM ellipro.activation WHERE account = $1 ORDER BY created_at DESC LIMIT 1) a`,
          [account],
        )
        if (!rows[0]) return false
        await client.query(
          `UPDATE ellipro.case_source SET user_id = $2 WHERE case_id = $1 AND source = 'console'`,
          [rows[0].id, userId],
        )
        return true
      }),

    async touch(caseIds: readonly string[]): Promise<void> {
      await pool.query('SELECT ellipro.touch_case(id) FROM unnest($1::uuid[]) AS id', [caseIds])
    },

    /** Users of open cases, each with one of them. */
    async listMarked(): Promise<{ userId: string; caseId: string }[]> {
      const { rows } = await pool.query<{ userId: string; caseId: string }>(
        `SELECT DISTINCT ON (u.user_id) u.user_id AS "userId", c.id AS "caseId"
           FROM ellipro.login_case c JOIN ellipro.login_user u ON u.account = c.account WHERE c.state = 'open'`,
      )
      return rows
    },

    /**
     * Asks for passes and pushes that time or a restored backup made necessary. A push that is being tried has its job.
     * @returns how many of each
     */
    async askForOverdue(): Promise<{ passes: number; pushes: number }> {
      const passes = await pool.query(
        // Each part begins where an index knows the few rows that it is about.
        `INSERT INTO ellipro.case_outbox (kind, subject_id)
         SELECT 'sync-case', due.id FROM (
           SELECT case_id AS id FROM ellipro.access_request WHERE state = 'asked' AND expires_at <= now()
           UNION
           SELECT r.case_id FROM ellipro.access_request r JOIN ellipro.activation g ON g.id = r.granted_id
            WHERE r.state = 'granting'
              AND (g.state IN ('opened', 'closed', 'expired', 'withdrawn', 'waiting')
                   OR (g.state = 'refused' AND g.reason <> 'address_taken'))
           UNION
           SELECT r.case_id FROM ellipro.access_request r JOIN ellipro.login_case c ON c.id = r.case_id
            WHERE r.state = 'proved' AND c.changed_at < now() - interval '10 minutes'
              AND NOT EXISTS (SELECT FROM ellipro.ticket t WHERE t.case_id = c.id)
           UNION
           SELECT id FROM ellipro.login_case
            WHERE state = 'closed' AND closed_at BETWEEN now() - interval '30 days' AND now() - interval '10 minutes'
              AND (unmarked_at IS NULL OR unmarked_at < closed_at)) due`,
      )
      const pushes = await pool.query(
        `INSERT INTO ellipro.case_outbox (kind, subject_id)
         SELECT 'push-ticket', t.case_id FROM ellipro.ticket t
          WHERE t.waiting_since < now() - interval '2 minutes'
            AND NOT EXISTS (SELECT FROM ${schema}.job j WHERE j.name = 'push-ticket' AND j.singleton_key = t.case_id::text
                              AND j.state IN ('created', 'retry', 'active'))`,
      )
      return { passes: passes.rowCount ?? 0, pushes: pushes.rowCount ?? 0 }
    },
  }
}
