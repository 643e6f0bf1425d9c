/** The SQL statements of what ends by time (purge-expired.ts). Part of the account store. */
import type pg from 'pg'
import { returnRequests } from '../decisions/returned.ts'
import { inTransaction } from '../transaction.ts'

/** What an agent opened and nobody has taken up: its person may have an account, and has not added the contract to it. */
const unused = `(state IN ('requested', 'mailed') OR (state = 'refused' AND reason = 'address_taken'))`

export function createPurgeStatements(pool: pg.Pool) {
  return {
    /** Ends what nobody finished, at most `limit` at a time. @returns how many. */
    expire: (limit: number): Promise<number> =>
      inTransaction(pool, async (client) => {
        const { rows } = await client.query<{ id: string }>(
          `UPDATE ellipro.activation SET state = 'expired', ended_at = now()
            WHERE id IN (SELECT id FROM ellipro.activation
                          WHERE kind = 'legacy' AND state IN ('requested', 'mailed') AND expires_at <= now()
                          ORDER BY expires_at LIMIT $1 FOR UPDATE SKIP LOCKED)
            RETURNING id`,
          [limit],
        )
        return rows.length
      }),

    /** Accesses that an agent opened and nobody took up: their requests go back to the agents. @returns how many. */
    async expireGranted(): Promise<number> {
      const { rows } = await pool.query<{ id: string; account: string }>(
        `SELECT id, account FROM ellipro.activation
          WHERE kind = 'granted' AND ${unused} AND expires_at <= now() ORDER BY expires_at`,
      )
      for (const { id, account } of rows)
        await inTransaction(pool, async (client) => {
          // As every function that changes a case does first.
          await client.query(`SELECT pg_advisory_xact_lock(hashtextextended('account:' || $1, 0))`, [account])
          const { rowCount } = await client.query(
            `UPDATE ellipro.activation SET state = 'expired', ended_at = now()
              WHERE id = $1 AND ${unused} AND expires_at <= now()`,
            [id],
          )
          if (rowCount === 1) await returnRequests(client, [id], 'expired')
        })
      return rows.length
    },

    /**
     * Secrets of what ended: of the refused ones when their hours are over. "It was not me" stays answerable, and the
     * browser that proved both on a login that has its holder can look after its request for a month.
     */
    async eraseEndedSecrets(): Promise<number> {
      const { rowCount } = await pool.query(
        `UPDATE ellipro.activation_secret s
            SET salt = NULL, verifier = NULL, link_hash = NULL, credential = NULL,
                finisher_hash = CASE WHEN a.state = 'waiting' AND a.ended_at > now() - interval '30 days'
                                THEN s.finisher_hash END,
                proof_handle = NULL, proof_hash = NULL, proof_expires_at = NULL, addition_token = NULL,
                addition_user_id = NULL
           FROM ellipro.activation a
          WHERE a.id = s.activation_id
            AND (coalesce(s.salt, s.verifier, s.link_hash) IS NOT NULL OR s.credential IS NOT NULL
                 OR coalesce(s.addition_token, s.addition_user_id) IS NOT NULL
                 OR (s.finisher_hash IS NOT NULL
                     AND NOT (a.state = 'waiting' AND a.ended_at > now() - interval '30 days')))
            AND (a.state IN ('expired', 'withdrawn', 'waiting', 'closed')
                 OR (a.state = 'refused' AND a.expires_at <= now()))`,
      )
      return rowCount ?? 0
    },

    /** Rows that have no use any more. @returns how many of each table. */
    async deleteOldRows(): Promise<Record<string, number>> {
      const statements = {
        oidc_payload: `DELETE FROM provider.oidc_payload WHERE expires_at < now() - interval '1 hour'`,
        legacy_sign_in: `DELETE FROM provider.legacy_sign_in WHERE expires_at < now()`,
        rate_limit: `DELETE FROM provider.rate_limit WHERE expire < extract(epoch FROM now()) * 1000`,
        blocked_pair: `DELETE FROM ellipro.blocked_pair WHERE until < now()`,
      }
      const counts: Record<string, number> = {}
      for (const [table, statement] of Object.entries(statements))
        counts[table] = (await pool.query(statement)).rowCount ?? 0
      return counts
    },
  }
}
