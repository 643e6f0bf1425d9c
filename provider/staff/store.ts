/**
 * What the agents' pages may ask of the database: the functions of core/database/migrations/0007-shared-logins.sql that
 * take the hash of a session's cookie. Without a session that admin-sync has granted they give nothing, so nothing here
 * decides who may see a case.
 */
import type pg from 'pg'
import type { DecisionContent, DecisionKind } from '../../core/nonce.ts'

export type StaffSession =
  | { state: 'checking' }
  | { state: 'granted'; name: string; isAgent: boolean; isLead: boolean }
  /** `reason`: a short code of admin-sync's. */
  | { state: 'refused'; reason: string | undefined }

export const caseFilters = ['deciding', 'open', 'closed', 'all'] as const
export type CaseFilter = (typeof caseFilters)[number]

type TicketStatus = 'new' | 'open' | 'waiting' | 'resolved' | 'rejected' | 'closed'

export type CaseLine = {
  id: string
  reference: string
  login: string
  company: string
  contract: string
  state: 'open' | 'closed'
  createdAt: Date
  /** Requests that wait for a decision. */
  openRequests: number
  oldestRequest: Date | undefined
  ticket: { status: TicketStatus; owner?: string; url?: string; isWaiting: boolean } | undefined
}

export type StaffRequest = {
  id: string
  state: 'proved' | 'granting' | 'opened' | 'refused' | 'expired' | 'withdrawn'
  reason: string | null
  name: string | null
  phone: string | null
  address: string
  /** /24 or /64. */
  network: string | null
  /** `codes` by admin-sync, which may write others later. */
  signals: { codes?: unknown; resembles?: unknown }
  /** Came from an activation that found the login held. */
  fromActivation: boolean
  holderAskedAt: string | null
  holderKnows: boolean | null
  holderAnsweredAt: string | null
  createdAt: string
  provedAt: string | null
  endedAt: string | null
  /** The address is that of the agent who looks. */
  isOwn: boolean
  grantedState: string | null
  grantedUntil: string | null
}

export type StaffDecision = {
  id: string
  requestId: string | null
  kind: DecisionKind
  reason: string
  called: string | null
  state: 'submitted' | 'awaiting_second' | 'applied' | 'rejected'
  outcome: string | null
  /** The agent who took it. */
  name: string | null
  dueAt: string | null
  createdAt: string
  isMine: boolean | null
}

export type CaseEvent = {
  at: string
  kind: string
  actor: string
  requestId: string | null
  detail: Record<string, unknown>
}

/** Everything that an agent sees of one case, as the database writes it: times are ISO 8601 texts. */
export type StaffCase = {
  id: string
  reference: string
  login: string
  company: string
  contract: string
  knownDomains: string[]
  contactName: string | null
  contactPhone: string | null
  state: 'open' | 'closed'
  closedReason: string | null
  closedAt: string | null
  generation: number
  createdAt: string
  overflowedAt: string | null
  sources: { source: string; at: string; removedAt: string | null }[]
  holder: { state: string; address: string; openedAt: string | null; isOwn: boolean } | null
  accounts: { address: string; login: string; kind: string; openedAt: string | null }[]
  /** Activations of the login under way. */
  pending: number
  ticket: {
    externalId: string | null
    url: string | null
    status: TicketStatus
    rawStatus: string | null
    owner: string | null
    waitingSince: string | null
    deletedAt: string | null
  } | null
  requests: StaffRequest[]
  /** Requests whose address is not proved yet. */
  unproved: number
  decisions: StaffDecision[]
  events: CaseEvent[]
}

export type DecisionView = {
  state: StaffDecision['state']
  outcome: string | undefined
  kind: DecisionKind
  caseId: string
  dueAt: Date | undefined
}

export type StaffStore = {
  begin(cookieHash: Buffer, idToken: string, correlationId: string): Promise<void>
  /** `undefined`: no session, or one that is over. */
  session(cookieHash: Buffer): Promise<StaffSession | undefined>
  end(cookieHash: Buffer): Promise<void>
  /** Oldest open request first. `total` counts those beyond this page; 0 on a page beyond the last. */
  cases(
    cookieHash: Buffer,
    o: { filter: CaseFilter; search: string; limit: number; offset: number },
  ): Promise<{ lines: CaseLine[]; total: number }>
  case(cookieHash: Buffer, id: string): Promise<StaffCase | undefined>
  /** The same id twice is one decision. */
  submit(
    cookieHash: Buffer,
    decision: DecisionContent,
    idToken: string,
  ): Promise<'submitted' | 'no_session' | 'stale' | 'unknown'>
  /** Only for the session that took it. */
  decision(cookieHash: Buffer, id: string): Promise<DecisionView | undefined>
}

/**
 * @param pool connections of the role `ellipro_provider`
 * @throws the errors of `pg`
 */
export function createStaffStore(pool: pg.Pool): StaffStore {
  return {
    async begin(cookieHash, idToken, correlationId) {
      await pool.query('SELECT ellipro.begin_staff_session($1, $2, $3)', [cookieHash, idToken, correlationId])
    },
    async session(cookieHash) {
      const { rows } = await pool.query<{
        state: string
        reason: string | null
        name: string | null
        is_agent: boolean
        is_lead: boolean
      }>('SELECT state, reason, name, is_agent, is_lead FROM ellipro.staff_session_view($1)', [cookieHash])
      const [found] = rows
      if (found?.state === 'granted')
        return {
          state: 'granted',
          name: found.name ?? '',
          isAgent: found.is_agent,
          isLead: found.is_lead,
        }
      if (found?.state === 'refused') return { state: 'refused', reason: found.reason ?? undefined }
      return found && { state: 'checking' }
    },
    async end(cookieHash) {
      await pool.query('SELECT ellipro.end_staff_session($1)', [cookieHash])
    },
    async cases(cookieHash, { filter, search, limit, offset }) {
      const { rows } = await pool.query<CaseRow>('SELECT * FROM ellipro.staff_cases($1, $2, $3, $4, $5)', [
        cookieHash,
        filter,
        search,
        limit,
        offset,
      ])
      return { lines: rows.map(readLine), total: Number(rows[0]?.total ?? 0) }
    },
    async case(cookieHash, id) {
      const { rows } = await pool.query<{ found: StaffCase | null }>(
        'SELECT ellipro.staff_case($1, $2) AS found',
        [cookieHash, id],
      )
      return rows[0]?.found ?? undefined
    },
    async submit(cookieHash, d, idToken) {
      const { rows } = await pool.query<{ outcome: 'submitted' | 'no_session' | 'stale' | 'unknown' }>(
        'SELECT ellipro.submit_decision($1, $2, $3, $4, $5, $6, $7, $8, $9) AS outcome',
        [
          cookieHash,
          d.id,
          d.caseId,
          d.requestId ?? null,
          d.kind,
          d.reason,
          d.called ?? null,
          d.generation,
          idToken,
        ],
      )
      if (!rows[0]) throw new Error('unreachable: a function answers with one row')
      return rows[0].outcome
    },
    async decision(cookieHash, id) {
      const { rows } = await pool.query<{
        state: DecisionView['state']
        outcome: string | null
        kind: DecisionKind
        case_id: string
        due_at: Date | null
      }>('SELECT * FROM ellipro.decision_view($1, $2)', [cookieHash, id])
      const [found] = rows
      return (
        found && {
          state: found.state,
          outcome: found.outcome ?? undefined,
          kind: found.kind,
          caseId: found.case_id,
          dueAt: found.due_at ?? undefined,
        }
      )
    },
  }
}

type CaseRow = {
  id: string
  reference: string
  login: string
  company: string
  contract: string
  state: 'open' | 'closed'
  created_at: Date
  open_requests: number
  oldest_request: Date | null
  ticket_status: TicketStatus | null
  ticket_owner: string | null
  ticket_url: string | null
  ticket_waiting_since: Date | null
  total: string
}

function readLine(row: CaseRow): CaseLine {
  const { id, reference, login, company, contract, state } = row
  return {
    id,
    reference,
    login,
    company,
    contract,
    state,
    createdAt: row.created_at,
    openRequests: row.open_requests,
    oldestRequest: row.oldest_request ?? undefined,
    ticket:
      row.ticket_status === null
        ? undefined
        : {
            status: row.ticket_status,
            ...(row.ticket_owner !== null && { owner: row.ticket_owner }),
            ...(row.ticket_url !== null && { url: row.ticket_url }),
            isWaiting: row.ticket_waiting_since !== null,
          },
  }
}
