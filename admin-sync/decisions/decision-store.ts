/**
 * The SQL statements of decisions. Everything that a decision changes happens in one transaction that holds the login's
 * lock, as every function of the database that changes a case does (0007-shared-logins.sql), and first looks at what is
 * there: of two agents at once one comes second, and finds a case that has changed.
 */
import type pg from 'pg'
import type { DecisionContent, DecisionKind } from '../../core/nonce.ts'
import type { Agent } from '../staff/agent.ts'
import { inTransaction } from '../transaction.ts'
import { carryOut } from './effects.ts'
import { judgeDecision, type DecisionFacts, type Verdict } from './rules.ts'
import { isDueSql } from './hand-overs.ts'

export type Submitted = {
  state: 'submitted' | 'awaiting_second'
  account: string
  content: DecisionContent
  idToken: string | null
  receivedAt: Date
  /** Of a decision that was verified. */
  userId: string | null
}

/** @returns `undefined` when there is no such decision, or it is settled */
export async function readSubmitted(pool: pg.Pool, id: string): Promise<Submitted | undefined> {
  const { rows } = await pool.query<
    Omit<Submitted, 'content'> & {
      caseId: string
      requestId: string | null
      kind: DecisionKind
      reason: string
      called: string | null
      generation: number
    }
  >(
    `SELECT d.state, c.account, d.case_id AS "caseId", d.request_id AS "requestId", d.kind, d.reason, d.called,
            d.generation, d.id_token AS "idToken", d.created_at AS "receivedAt", d.user_id AS "userId"
       FROM ellipro.decision d JOIN ellipro.login_case c ON c.id = d.case_id
      WHERE d.id = $1 AND d.state IN ('submitted', 'awaiting_second')`,
    [id],
  )
  const row = rows[0]
  if (!row) return undefined
  const { state, account, idToken, receivedAt, userId, caseId, kind, reason, generation } = row
  const content: DecisionContent = {
    id,
    caseId,
    requestId: row.requestId ?? undefined,
    kind,
    reason,
    called: row.called ?? undefined,
    generation,
  }
  return { state, account, content, idToken, receivedAt, userId }
}

/** A decision of nobody who may take one. It stands in no history: whoever holds provider could fill it with them. */
export async function rejectUnverified(
  pool: pg.Pool,
  id: string,
  from: Submitted['state'],
  code: string,
): Promise<boolean> {
  const { rowCount } = await pool.query(
    `UPDATE ellipro.decision SET state = 'rejected', outcome = $3, id_token = NULL, ended_at = now()
      WHERE id = $1 AND state = $2`,
    [id, from, code],
  )
  return rowCount === 1
}

/** @returns `undefined` when another run has settled it */
export function settle(
  pool: pg.Pool,
  id: string,
  agent: Agent,
  knownDomains: readonly string[] | undefined,
): Promise<{ verdict: Verdict } | undefined> {
  return inTransaction(pool, async (client) => {
    await client.query(
      `SELECT pg_advisory_xact_lock(hashtextextended('account:' || c.account, 0))
         FROM ellipro.decision d JOIN ellipro.login_case c ON c.id = d.case_id WHERE d.id = $1`,
      [id],
    )
    const row = await readRow(client, id, agent)
    if (!row) return undefined
    const verdict = judgeDecision(describe(row, agent, knownDomains))
    await carryOut(client, row, agent, verdict)
    return { verdict }
  })
}

/** Of a decision that is not settled, and of all that speaks for or against it. */
export type DecisionRow = {
  id: string
  caseId: string
  requestId: string | null
  kind: DecisionKind
  state: 'submitted' | 'awaiting_second'
  reason: string
  called: string | null
  generation: number
  sessionUserId: string | null
  awaitedHolderId: string | null
  isDue: boolean
  caseState: 'open' | 'closed'
  caseGeneration: number
  requestState: string | null
  requestAddress: string | null
  requestIsAgents: boolean | null
  holderId: string | null
  holderState: string | null
  holderIsAgents: boolean | null
  isReplaced: boolean
  awaitingId: string | null
  awaitingUserId: string | null
  awaitingHolderId: string | null
  openRequests: number
}

async function readRow(client: pg.PoolClient, id: string, agent: Agent): Promise<DecisionRow | undefined> {
  const { rows } = await client.query<DecisionRow>(
    `SELECT d.id, d.case_id AS "caseId", d.request_id AS "requestId", d.kind, d.state, d.reason, d.called, d.generation,
            s.user_id AS "sessionUserId", d.holder_id AS "awaitedHolderId", ${isDueSql} AS "isDue",
            c.state AS "caseState", c.generation AS "caseGeneration",
            r.state AS "requestState", r.address AS "requestAddress",
            r.address_key = ellipro.address_key($3) OR EXISTS (SELECT FROM ellipro.keycloak_user k
              WHERE k.user_id = $2 AND k.address_key = r.address_key) AS "requestIsAgents",
            h.id AS "holderId", h.state AS "holderState",
            h.address_key = ellipro.address_key($3) OR EXISTS (SELECT FROM ellipro.account_holding o
              WHERE o.activation_id = h.id AND o.user_id = $2) AS "holderIsAgents",
            EXISTS (SELECT FROM ellipro.activation n WHERE n.succeeds = h.id AND n.state IN ('requested', 'mailed', 'confirmed')
              AND (n.state = 'confirmed' OR n.expires_at > now())) AS "isReplaced",
            w.id AS "awaitingId", w.user_id AS "awaitingUserId", w.holder_id AS "awaitingHolderId",
            (SELECT count(*)::integer FROM ellipro.access_request q
              WHERE q.case_id = c.id AND q.state IN ('proved', 'granting')) AS "openRequests"
       FROM ellipro.decision d
       JOIN ellipro.login_case c ON c.id = d.case_id
       LEFT JOIN ellipro.access_request r ON r.id = d.request_id
       LEFT JOIN ellipro.staff_session s ON s.id = d.session_id
       LEFT JOIN LATERAL (SELECT * FROM ellipro.login_holder(c.account)) h ON true
       LEFT JOIN LATERAL (SELECT * FROM ellipro.decision o WHERE o.request_id = d.request_id AND o.id <> d.id
                            AND o.kind = 'holder_left' AND o.state = 'awaiting_second'
                          ORDER BY o.created_at LIMIT 1) w ON true
      WHERE d.id = $1 AND d.state IN ('submitted', 'awaiting_second')
        FOR UPDATE OF d, c`,
    [id, agent.userId, agent.address ?? null],
  )
  return rows[0]
}

function describe(
  row: DecisionRow,
  { userId }: Agent,
  knownDomains: readonly string[] | undefined,
): DecisionFacts {
  const { kind, state, called, generation, sessionUserId, awaitedHolderId, isDue, isReplaced, openRequests } =
    row
  return {
    kind,
    state,
    called,
    generation,
    sessionUserId,
    awaitedHolderId,
    isDue,
    isReplaced,
    openRequests,
    knownDomains,
    agent: { userId },
    case: { state: row.caseState, generation: row.caseGeneration },
    request:
      row.requestState === null || row.requestAddress === null
        ? null
        : {
            state: row.requestState,
            address: row.requestAddress,
            isAgents: row.requestIsAgents === true,
          },
    holder:
      row.holderId === null || row.holderState === null
        ? null
        : { id: row.holderId, state: row.holderState, isAgents: row.holderIsAgents === true },
    awaiting:
      row.awaitingId === null || row.awaitingUserId === null || row.awaitingHolderId === null
        ? null
        : { id: row.awaitingId, userId: row.awaitingUserId, holderId: row.awaitingHolderId },
  }
}
