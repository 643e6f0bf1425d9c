/**
 * The SQL statements of an account whose holder left (close-account.ts, notify-closed.ts). Part of the account store.
 */
import type pg from 'pg'
import { returnRequests } from '../decisions/returned.ts'
import { recordAction } from '../operators/audit.ts'
import { inTransaction } from '../transaction.ts'

type Ending = 'released' | 'replaced' | 'protected' | 'superseded'

/** Activations that an agent made in the place of this one, and that may still open. */
async function listHeirs(client: pg.PoolClient, id: string): Promise<string[]> {
  const { rows } = await client.query<{ id: string }>(
    `SELECT id FROM ellipro.activation
      WHERE succeeds = $1 AND state IN ('requested', 'mailed') AND expires_at > now() FOR UPDATE`,
    [id],
  )
  return rows.map((heir) => heir.id)
}

/** How the job ended, in the same table as the command that asked for it. */
async function end(
  client: pg.PoolClient,
  id: string,
  outcome: Ending,
  heirs: readonly string[],
): Promise<boolean> {
  const closer = { name: 'admin-sync', reason: heirs.length > 0 ? 'holder_left' : 'logins release' }
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

    /**
     * Nothing was done to the account; it may be asked for again. Whoever was to take its place cannot: an agent decides
     * again.
     */
    endClosing: (id: string, outcome: 'protected' | 'superseded') =>
      inTransaction(pool, async (client) => {
        // A case may change: its login's lock comes first, as everywhere. (markHolderLeft takes none: nobody may keep an
        // account open by holding a lock.)
        if (outcome === 'protected')
          await client.query(
            `SELECT pg_advisory_xact_lock(hashtextextended('account:' || account, 0)) FROM ellipro.activation WHERE id = $1`,
            [id],
          )
        const heirs = outcome === 'protected' ? await listHeirs(client, id) : []
        const ended = await end(client, id, outcome, heirs)
        if (heirs.length === 0) return ended
        await client.query(
          `UPDATE ellipro.activation SET state = 'withdrawn', reason = 'holder_protected', ended_at = now()
            WHERE id = ANY ($1)`,
          [heirs],
        )
        for (const heir of heirs) await client.query('SELECT ellipro.erase_secrets($1)', [heir])
        await returnRequests(client, heirs, 'holder_protected')
        return ended
      }),

    /**
     * Keycloak's part is done, in one transaction: `opened` becomes `closed`, and the login is free. Where an agent chose
     * who takes the place, the login stays held for that person (`replaced`), whose mail may leave now.
     */
    markHolderLeft: (id: string): Promise<'released' | 'replaced' | 'superseded'> =>
      inTransaction(pool, async (client) => {
        const heirs = await listHeirs(client, id)
        await client.query(
          `UPDATE ellipro.activation SET state = 'closed', reason = 'holder_left', ended_at = now(),
                  unlinked_at = coalesce(unlinked_at, now()), last_error = NULL
            WHERE id = $1 AND state = 'opened'`,
          [id],
        )
        const { rowCount } = await client.query(
          `UPDATE ellipro.activation
              SET state = CASE WHEN $2 THEN 'closed' ELSE 'withdrawn' END,
                  reason = CASE WHEN $2 THEN 'replaced' ELSE 'released' END
            WHERE id = $1 AND state = 'closed'`,
          [id, heirs.length > 0],
        )
        const outcome = rowCount !== 1 ? 'superseded' : heirs.length > 0 ? 'replaced' : 'released'
        await end(client, id, outcome, heirs)
        if (outcome === 'superseded') return outcome
        await client.query('SELECT ellipro.erase_secrets($1)', [id])
        await client.query(`INSERT INTO ellipro.outbox (kind, activation_id) VALUES ('notify-closed', $1)`, [
          id,
        ])
        for (const heir of heirs)
          await client.query(
            `INSERT INTO ellipro.outbox (kind, activation_id) VALUES ('send-confirmation', $1)`,
            [heir],
          )
        return outcome
      }),

    /**
     * The contract that this activation added to an account, when nothing else speaks for it there: it was not there
     * before any of our additions, and no other login that the person holds is of it.
     */
    async findRemovableContract(id: string): Promise<string | undefined> {
      const { rows } = await pool.query<{ contract: string }>(
        `SELECT d.contract FROM ellipro.added_contract d
          WHERE d.activation_id = $1
            AND EXISTS (SELECT FROM ellipro.added_contract o
                         WHERE o.user_id = d.user_id AND o.contract = d.contract AND NOT o.had_before)
            AND NOT EXISTS (SELECT FROM ellipro.account_holding h
                              JOIN ellipro.activation a ON a.id = h.activation_id
                              LEFT JOIN ellipro.added_contract o ON o.activation_id = a.id
                             WHERE h.user_id = d.user_id AND a.id <> d.activation_id AND a.state = 'opened'
                               AND coalesce(o.contract, a.contract) = d.contract)`,
        [id],
      )
      return rows[0]?.contract
    },

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
