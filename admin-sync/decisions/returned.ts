/**
 * Requests whose `granted` activation came to nothing: an agent decides again. In the caller's transaction; the history
 * says why, and what agents see is out of date.
 */
import type pg from 'pg'

/** @param reason a short code: `expired`, `holder_protected` @returns how many */
export async function returnRequests(
  client: pg.ClientBase,
  grantedIds: readonly string[],
  reason: string,
): Promise<number> {
  const { rows } = await client.query<{ id: string; caseId: string }>(
    `UPDATE ellipro.access_request SET state = 'proved' WHERE granted_id = ANY ($1) AND state = 'granting'
     RETURNING id, case_id AS "caseId"`,
    [grantedIds],
  )
  for (const { id, caseId } of rows) {
    await client.query(`SELECT ellipro.note_case($1, $2, 'access_failed', 'admin-sync', $3)`, [
      caseId,
      id,
      JSON.stringify({ reason }),
    ])
    await client.query('UPDATE ellipro.login_case SET generation = generation + 1 WHERE id = $1', [caseId])
    await client.query('SELECT ellipro.touch_case($1)', [caseId])
  }
  return rows.length
}
