/**
 * What a verdict changes, in the transaction that reached it (decision-store.ts). Each change of a case makes what other
 * agents see out of date (`generation`), stands in its history under the agent's name, and is looked at by the next pass.
 */
import type pg from 'pg'
import type { Agent } from '../staff/agent.ts'
import type { DecisionRow } from './decision-store.ts'
import type { Effect, Verdict } from './rules.ts'

/** @param row locked, and its case too */
export async function carryOut(
  client: pg.PoolClient,
  row: DecisionRow,
  agent: Agent,
  verdict: Verdict,
): Promise<void> {
  const note = (kind: string, detail: object = {}) =>
    noteCase(client, row, kind, row.state === 'submitted' ? agent.name : 'admin-sync', {
      decision: row.id,
      ...detail,
    })
  switch (verdict.outcome) {
    case 'waiting':
      return
    case 'rejected':
      await endDecision(client, row.id, agent, 'rejected', verdict.code)
      await note('decision_rejected', { kind: row.kind, code: verdict.code })
      return touch(client, row.caseId)
    case 'awaiting_second':
      await client.query(
        `UPDATE ellipro.decision SET state = 'awaiting_second', id_token = NULL, user_id = $2, name = ellipro.one_line($3, 200),
                holder_id = $4, due_at = now() + make_interval(hours => ellipro.setting_value('handover_hours'))
          WHERE id = $1`,
        [row.id, agent.userId, agent.name, verdict.holderId],
      )
      await note('holder_left_said', { reason: row.reason, called: row.called })
      await client.query(`INSERT INTO ellipro.case_outbox (kind, subject_id) VALUES ('warn-holder', $1)`, [
        row.id,
      ])
      return renew(client, row.caseId)
    case 'applied':
      await endDecision(client, row.id, agent, 'applied', null)
      await change(client, row, verdict.effect, note)
      return renew(client, row.caseId)
  }
}

async function change(
  client: pg.PoolClient,
  row: DecisionRow,
  effect: Effect,
  note: (kind: string, detail?: object) => Promise<unknown>,
): Promise<void> {
  const words = { reason: row.reason, called: row.called }
  switch (effect.kind) {
    case 'refuse':
      await endAwaiting(client, row, undefined)
      await client.query(
        `UPDATE ellipro.access_request SET state = 'refused', reason = $2, ended_at = now() WHERE id = $1`,
        [row.requestId, row.reason],
      )
      await client.query(`INSERT INTO ellipro.case_outbox (kind, subject_id) VALUES ('tell-refusal', $1)`, [
        row.requestId,
      ])
      await note('refused', words)
      return
    case 'open':
      await endAwaiting(client, row, undefined)
      await grant(client, row, effect.holds, effect.succeeds)
      await note('granted', words)
      return
    case 'hand_over':
      await endAwaiting(client, row, effect.waited)
      // Its mail leaves when the account of the holder is closed (accounts/send-confirmation.ts).
      await grant(client, row, true, effect.holderId)
      await client.query(
        `INSERT INTO ellipro.account_closing (activation_id) VALUES ($1)
         ON CONFLICT (activation_id) DO UPDATE SET requested_at = now(), ended_at = NULL, outcome = NULL
           WHERE account_closing.outcome IS NOT NULL`,
        [effect.holderId],
      )
      await client.query(`INSERT INTO ellipro.outbox (kind, activation_id) VALUES ('close-account', $1)`, [
        effect.holderId,
      ])
      await note('handed_over', words)
      return
    case 'close':
      await client.query(
        `UPDATE ellipro.login_case SET state = 'closed', closed_reason = 'not_shared', closed_at = now()
          WHERE id = $1 AND state = 'open'`,
        [row.caseId],
      )
      await note('closed', { ...words, why: 'not_shared' })
  }
}

/**
 * A `granted` activation of the request. Without verifier: the decision is the legacy proof, and the password is chosen
 * on the confirmation page. What stands on it about login and contract is the case's; jobs read Cofacering.
 */
async function grant(
  client: pg.PoolClient,
  { requestId }: DecisionRow,
  holds: boolean,
  succeeds: string | undefined,
): Promise<void> {
  const { rows } = await client.query<{ id: string }>(
    `INSERT INTO ellipro.activation
       (kind, account, login, company, contract, address, locale, shared, request_id, holds, succeeds, expires_at)
     SELECT 'granted', c.account, c.login, c.company, c.contract, r.address, r.locale, false, r.request_id, $2, $3,
            now() + make_interval(hours => ellipro.setting_value('granted_hours'))
       FROM ellipro.access_request r JOIN ellipro.login_case c ON c.id = r.case_id WHERE r.id = $1
     RETURNING id`,
    [requestId, holds, succeeds ?? null],
  )
  const id = rows[0]?.id
  if (id === undefined) throw new Error('A request that was just read is not there')
  await client.query('INSERT INTO ellipro.activation_secret (activation_id) VALUES ($1)', [id])
  await client.query(`INSERT INTO ellipro.outbox (kind, activation_id) VALUES ('send-confirmation', $1)`, [
    id,
  ])
  await client.query(`UPDATE ellipro.access_request SET state = 'granting', granted_id = $2 WHERE id = $1`, [
    requestId,
    id,
  ])
}

async function endDecision(
  client: pg.PoolClient,
  id: string,
  agent: Agent,
  state: 'applied' | 'rejected',
  code: string | null,
): Promise<void> {
  await client.query(
    `UPDATE ellipro.decision SET state = $2, outcome = $3, id_token = NULL, user_id = $4, name = ellipro.one_line($5, 200),
            ended_at = now() WHERE id = $1`,
    [id, state, code, agent.userId, agent.name],
  )
}

/** Those that wait on the same request: the one that was waited for is applied with this one, others are out of date. */
async function endAwaiting(
  client: pg.PoolClient,
  row: DecisionRow,
  waited: string | undefined,
): Promise<void> {
  await client.query(
    `UPDATE ellipro.decision SET state = CASE WHEN id = $3 THEN 'applied' ELSE 'rejected' END,
            outcome = CASE WHEN id = $3 THEN NULL ELSE 'already_decided' END, ended_at = now()
      WHERE request_id = $1 AND id <> $2 AND state = 'awaiting_second'`,
    [row.requestId, row.id, waited ?? null],
  )
}

/** What other agents see is out of date. */
async function renew(client: pg.PoolClient, caseId: string): Promise<void> {
  await client.query('UPDATE ellipro.login_case SET generation = generation + 1 WHERE id = $1', [caseId])
  await touch(client, caseId)
}

const touch = async (client: pg.PoolClient, caseId: string): Promise<void> => {
  await client.query('SELECT ellipro.touch_case($1)', [caseId])
}

const noteCase = (
  client: pg.PoolClient,
  { caseId, requestId }: Pick<DecisionRow, 'caseId' | 'requestId'>,
  kind: string,
  actor: string,
  detail: object,
) =>
  client.query('SELECT ellipro.note_case($1, $2, $3, ellipro.one_line($4, 200), $5)', [
    caseId,
    requestId,
    kind,
    actor,
    JSON.stringify(detail),
  ])
