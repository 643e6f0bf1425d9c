/** What several tests of cases do and look at: the jobs of a case until it rests, its ticket, what an agent granted. */
import { randomUUID } from 'node:crypto'
import { UpstreamError } from '../../../core/errors.ts'
import type { Bench } from '../accounts/bench.ts'

export type TicketRow = {
  connector: string
  external_id: string | null
  url: string | null
  status: string
  raw_status: string | null
  owner: string | null
  wanted_status: string | null
  waiting_since: Date | null
  last_error: string | null
  deleted_at: Date | null
  lease: string | null
}

export const nobody = '00000000-0000-0000-0000-000000000000'
export const kill = (step: string) => ({
  onStep: (reached: string) => {
    if (reached === step) throw new UpstreamError('test', 0, 'retry', 'killed')
  },
})

export function createCaseDesk(bench: Bench) {
  const { pool, admin } = bench
  return {
    attributesOf: async (address: string) =>
      ((await bench.user(address))?.attributes ?? {}) as Record<string, string[]>,
    ticketOf: async (caseId: string): Promise<TicketRow | undefined> => {
      const { rows } = await pool.query<TicketRow>('SELECT * FROM ellipro.ticket WHERE case_id = $1', [
        caseId,
      ])
      return rows[0]
    },
    referenceOf: async (caseId: string): Promise<string> => {
      const { rows } = await pool.query<{ reference: string }>(
        'SELECT reference FROM ellipro.login_case WHERE id = $1',
        [caseId],
      )
      return rows[0]?.reference ?? ''
    },
    history: async (
      caseId: string,
    ): Promise<{ kind: string; actor: string; detail: Record<string, unknown> }[]> => {
      const { rows } = await pool.query<{ kind: string; actor: string; detail: Record<string, unknown> }>(
        'SELECT kind, actor, detail FROM ellipro.case_event WHERE case_id = $1 ORDER BY id',
        [caseId],
      )
      return rows
    },
    /** The jobs of a case until there is none: what the process would do. */
    settle: async (caseId: string): Promise<string[]> => {
      const done: string[] = []
      for (let i = 0; i < 12; i++) {
        const { rows } = await pool.query<{ kind: 'sync-case' | 'push-ticket' }>(
          `DELETE FROM ellipro.case_outbox WHERE subject_id = $1 AND kind IN ('sync-case', 'push-ticket') RETURNING kind`,
          [caseId],
        )
        if (rows.length === 0) return done
        for (const kind of new Set(rows.map((row) => row.kind)))
          done.push(`${kind}: ${await bench.runCaseWell(kind, caseId)}`)
      }
      throw new Error(`does not come to rest: ${done.join('; ')}`)
    },
    /** What an agent's decision makes, as far as a pass sees it. */
    grant: async (requestId: string): Promise<void> => {
      const { rows } = await pool.query<{ case_id: string }>(
        `WITH made AS (
           INSERT INTO ellipro.activation (kind, account, login, company, contract, address, locale, holds, expires_at)
           SELECT 'granted', c.account, c.login, c.company, c.contract, r.address, r.locale, false, now() + interval '7 days'
             FROM ellipro.access_request r JOIN ellipro.login_case c ON c.id = r.case_id WHERE r.id = $1 RETURNING id)
         UPDATE ellipro.access_request SET state = 'granting', granted_id = (SELECT id FROM made) WHERE id = $1
         RETURNING case_id`,
        [requestId],
      )
      await pool.query('SELECT ellipro.touch_case($1)', [rows[0]?.case_id])
    },
    /** Its person has an account of that address from now on. */
    openGranted: async (requestId: string, address: string): Promise<void> => {
      const userId = await admin.createUser({
        username: address,
        email: address,
        enabled: true,
        emailVerified: true,
      })
      const { rows } = await pool.query<{ id: string; case_id: string }>(
        'SELECT granted_id AS id, case_id FROM ellipro.access_request WHERE id = $1',
        [requestId],
      )
      for (const change of [
        `state = 'mailed'`,
        `state = 'confirmed', confirmed_at = now()`,
        `state = 'opened', opened_at = now()`,
      ])
        await pool.query(`UPDATE ellipro.activation SET ${change} WHERE id = $1`, [rows[0]?.id])
      await pool.query(
        `INSERT INTO ellipro.keycloak_user (record, address_key, user_id, state, opened_by)
         VALUES ($1, lower($2), $3, 'opened', $4)`,
        [randomUUID(), address, userId, rows[0]?.id],
      )
      await pool.query('SELECT ellipro.touch_case($1)', [rows[0]?.case_id])
    },
  }
}
