/** The SQL statements of the sweep. A transition names the state that it leaves, and answers whether it did. */
import type pg from 'pg'
import { inTransaction } from '../transaction.ts'
import type { LinkRecord, OpenedAccount } from './sweep-plan.ts'

export type SweepStore = ReturnType<typeof createSweepStore>

/** Age at which a link has outlived its purpose: it goes after the sign-in, or 15 minutes after it was made. */
const linkMinutes = 30

export function createSweepStore(pool: pg.Pool) {
  return {
    async listOpened(): Promise<OpenedAccount[]> {
      const { rows } = await pool.query<OpenedAccount>(
        `SELECT a.id AS activation, h.user_id AS "userId"
           FROM ellipro.account_holding h JOIN ellipro.activation a ON a.id = h.activation_id
          WHERE a.state = 'opened'`,
      )
      return rows
    },

    async readCloseLimit(): Promise<number> {
      const { rows } = await pool.query<{ value: number }>(
        `SELECT ellipro.setting_value('closes_per_sweep') AS value`,
      )
      return rows[0]?.value ?? 0
    },

    async close({ activation, userId }: OpenedAccount): Promise<boolean> {
      const { rowCount } = await pool.query(
        `UPDATE ellipro.activation a SET state = 'closed', reason = 'user_gone', ended_at = now()
           FROM ellipro.account_holding h
          WHERE a.id = $1 AND a.state = 'opened' AND h.activation_id = a.id AND h.user_id = $2`,
        [activation, userId],
      )
      return rowCount === 1
    },

    /** While an account is being opened its link is as old as the confirmation, at most. */
    async readLinkRecords(userIds: readonly string[]): Promise<LinkRecord[]> {
      const { rows } = await pool.query<LinkRecord>(
        `SELECT k.user_id AS "userId", k.opened_by AS activation,
                coalesce(coalesce(a.opened_at, c.confirmed_at) < now() - make_interval(mins => $2), true) AS overdue
           FROM ellipro.keycloak_user k
           LEFT JOIN ellipro.activation a ON a.id = k.opened_by
           LEFT JOIN ellipro.activation c
             ON k.state = 'pending' AND c.address_key = k.address_key AND c.state = 'confirmed'
          WHERE k.user_id = ANY ($1)`,
        [userIds, linkMinutes],
      )
      return rows
    },

    /** The link is there, whatever `unlinked_at` says: the job `unlink` takes it away once more. */
    unlinkAgain: (activation: string) =>
      inTransaction(pool, async (client) => {
        const { rowCount } = await client.query(
          `UPDATE ellipro.activation SET unlinked_at = NULL WHERE id = $1 AND state IN ('opened', 'closed')`,
          [activation],
        )
        if (rowCount === 1)
          await client.query(`INSERT INTO ellipro.outbox (kind, activation_id) VALUES ('unlink', $1)`, [
            activation,
          ])
      }),
  }
}
