/**
 * The SQL statements of an account whose holder left (close-account.ts, notify-closed.ts). Part of the account store.
 */
import type pg from 'pg'
import { recordAction } from '../operators/audit.ts'
import { inTransaction } from '../transaction.ts'

/** How the job ended, in the same table as the command that asked for it. */
const closer = { name: 'admin-sync', reason: 'logins release' }

async function end(client: pg.PoolClient, id: string, outcome: string): Promise<boolean> {
  const { rowCount } = await client.query(
    `UPDATE ellipro.account_closing SET outcome = $2, ended_at = now() WHERE activation_id = $1 AND outcome IS NULL`,
    [id, outcome],
  )
  if (rowCount === 0) return false
  await recordAction(client, closer, 'close-account', outcome, id)
  return true
}

export function createClosingStatements(pool: pg.Pool) {
  return {
    /** Whether an operator asked for it, and it is not done. */
    async isClosingWanted(id: string): Promise<boolean> {
      const { rowCount } = await pool.query(
        'SELECT FROM ellipro.account_closing WHERE activation_id = $1 AND outcome IS NULL',
        [id],
      )
      return rowCount === 1
    },

    /** Nothing was done to the account; it may be asked for again. */
    endClosing: (id: string, outcome: 'protected' | 'superseded') =>
      inTransaction(pool, (client) => end(client, id, outcome)),

    /** Keycloak's part is done: `opened` becomes `closed`, and the login is free, in one transaction. */
    markHolderLeft: (id: string) =>
      inTransaction(pool, async (client) => {
        await client.query(
          `UPDATE ellipro.activation SET state = 'closed', reason = 'holder_left', ended_at = now(),
                  unlinked_at = coalesce(unlinked_at, now()), last_error = NULL
            WHERE id = $1 AND state = 'opened'`,
          [id],
        )
        const { rowCount } = await client.query(
          `UPDATE ellipro.activation SET state = 'withdrawn', reason = 'released' WHERE id = $1 AND state = 'closed'`,
          [id],
        )
        await end(client, id, rowCount === 1 ? 'released' : 'superseded')
        if (rowCount !== 1) return false
        await client.query('SELECT ellipro.erase_secrets($1)', [id])
        await client.query(`INSERT INTO ellipro.outbox (kind, activation_id) VALUES ('notify-closed', $1)`, [
          id,
        ])
        return true
      }),

    async hasClosedNotice(id: string): Promise<boolean> {
      const { rowCount } = await pool.query(
        `SELECT FROM ellipro.mail WHERE activation_id = $1 AND kind = 'access-closed'`,
        [id],
      )
      return (rowCount ?? 0) > 0
    },

    async recordClosedNotice(id: string, addressKey: string): Promise<void> {
      await pool.query(
        `INSERT INTO ellipro.mail (activation_id, kind, account, address_key)
         SELECT id, 'access-closed', account, $2 FROM ellipro.activation WHERE id = $1`,
        [id, addressKey],
      )
    },
  }
}
