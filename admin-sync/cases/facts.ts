/**
 * All that a pass over a case looks at, as it was read. Nothing here is asked for later: a pass reads all of it, or
 * changes nothing. Times that depend on a clock (`isOver`) are by the database's.
 */
import type { LegacyContract, LegacyLogin } from '../accounts/legacy-data.ts'
import type { TicketStatus } from '../tickets/port.ts'
import type { Asked, Signals } from './signals.ts'

export type RequestState = 'asked' | 'proved' | 'granting' | 'opened' | 'refused' | 'expired' | 'withdrawn'

export type RequestFacts = Asked & {
  state: RequestState
  /** Of a refusal: the agent's words. */
  reason: string | null
  signals: Partial<Signals>
  provedAt: Date | null
  holderAnsweredAt: Date | null
  /** Its time to prove the address is over. */
  isOver: boolean
  /** The activation that an agent's decision made, while the request is `granting` and afterwards. */
  granted: {
    id: string
    state: string
    reason: string | null
    /** The contract was added to an account that the person had. */
    isAdded: boolean
  } | null
}

export type DecisionFacts = {
  id: string
  requestId: string | null
  kind: 'open' | 'refuse' | 'holder_left' | 'not_shared'
  reason: string
  called: string | null
  state: 'submitted' | 'awaiting_second' | 'applied' | 'rejected'
  name: string | null
  dueAt: Date | null
}

export type TicketFacts = {
  connector: string
  externalId: string | null
  status: TicketStatus
  wantedStatus: 'open' | 'resolved' | null
  waitingSince: Date | null
  deletedAt: Date | null
}

/** A case as it concerns one user: a person with two logins may be in two. */
export type UserCase = {
  id: string
  reference: string
  state: 'open' | 'closed'
  createdAt: Date
  ticket: Pick<TicketFacts, 'externalId' | 'status' | 'deletedAt'> | null
}

export type CaseFacts = {
  id: string
  reference: string
  account: string
  login: string
  company: string
  contract: string
  knownDomains: string[]
  contactName: string | null
  contactPhone: string | null
  state: 'open' | 'closed'
  closedReason: string | null
  closedAt: Date | null
  unmarkedAt: Date | null
  overflowedAt: Date | null
  lastError: string | null
  sources: { source: string; at: Date; removedAt: Date | null; userId: string | null }[]
  /** In the order in which they were asked. */
  requests: RequestFacts[]
  /** Verified ones, oldest first. */
  decisions: DecisionFacts[]
  holder: { address: string; state: string } | null
  /** Activations of the login under way. */
  pending: number
  /** Opened accounts of the login: ids at Keycloak, and every case that each is in. */
  users: { userId: string; address: string; cases: UserCase[] }[]
  ticket: TicketFacts | null
  notes: { subject: string; isPosted: boolean }[]
}

/** What Cofacering says; `undefined` where it has no such login or contract. */
export type LegacyFacts = { login: LegacyLogin | undefined; contract: LegacyContract | undefined }

/** A user as Keycloak has it: `protected` is an administrator's, which is never touched. */
export type UserFacts = Map<string, Record<string, string[]> | 'protected' | 'gone'>

const ended: readonly TicketStatus[] = ['resolved', 'rejected', 'closed']
export const isEnded = (status: TicketStatus): boolean => ended.includes(status)
