/**
 * What a pass over one case is to change. Pure: facts in, plan out; the same facts after the plan was carried out give
 * an empty plan.
 *
 *   requests  one that nobody proved in time ends. One that was granted ends with its activation: opened, or withdrawn
 *             by its person. When the account could not be opened (its user is disabled, the login was taken meanwhile,
 *             nobody came) the request waits for an agent again, because that is whom it needs
 *   ticket    due once a request is proved or an account of the login is open. Made again, once for each set of
 *             requests, when it was deleted while something is open
 *   status    resolved when nothing is left to decide, once; opened again by a new request, and once when it was
 *             resolved by hand while requests wait
 *   case      closed as `not_shared` when the console takes back what it alone had said, and nothing is open
 *   users     attributes.ts
 *
 * What Cofacering or Keycloak do not know is left as it is: only what was read is followed.
 */
import { planAttributes, type Attributes } from './attributes.ts'
import {
  isEnded,
  type CaseFacts,
  type LegacyFacts,
  type RequestFacts,
  type RequestState,
  type UserFacts,
} from './facts.ts'
import { findSignals, type Signals } from './signals.ts'
import { caseUrl, noteRenewed, noteReopened, noteResolved, writeNotes, type NoteText } from './ticket-text.ts'

export type Columns = Pick<
  CaseFacts,
  'login' | 'company' | 'contract' | 'knownDomains' | 'contactName' | 'contactPhone'
>
export type RequestChange = {
  id: string
  from: RequestState
  to: RequestState
  /** Of the `granted` activation. */
  grantedId: string | null
  reason: string | null
}
export type Plan = {
  /** As Cofacering says; absent when nothing differs. */
  columns?: Columns
  signals: { id: string; signals: Signals }[]
  requests: RequestChange[]
  ticket?: 'create' | 'renew'
  wantedStatus?: 'open' | 'resolved'
  /** Resolved by hand while requests wait. */
  isReopening: boolean
  /** `isTold`: stands in the ticket's own text, which is written after this pass. */
  notes: (NoteText & { isTold: boolean })[]
  removeConsoleSource: boolean
  close: boolean
  /** After a closing: `shared_login` is taken away, once. */
  unmark: boolean
  users: { userId: string; attributes: Attributes }[]
  /** Accounts that are protected, and so were left as they are. */
  protectedUsers: string[]
  lastError: string | null
}

export function planCase(
  facts: CaseFacts,
  legacy: LegacyFacts,
  users: UserFacts,
  options: { providerUrl: string },
): Plan {
  const columns = readColumns(facts, legacy)
  const requests = facts.requests.flatMap(endRequest)
  const removeConsoleSource = isTakenBack(facts, users)
  const after = apply(facts, columns, requests, removeConsoleSource)
  const close = shouldClose(after, removeConsoleSource)
  if (close) Object.assign(after, { state: 'closed', closedReason: 'not_shared' })
  const signals = planSignals(after)
  after.requests = after.requests.map((request) => ({
    ...request,
    signals: signals.find(({ id }) => id === request.id)?.signals ?? request.signals,
  }))
  const ticket = planTicket(after, options.providerUrl)
  const unmark =
    after.state === 'closed' &&
    (close || facts.unmarkedAt === null || (facts.closedAt !== null && facts.unmarkedAt < facts.closedAt))
  const protectedUsers = facts.users.flatMap(({ userId }) =>
    users.get(userId) === 'protected' ? [userId] : [],
  )
  return {
    ...(columns && { columns }),
    signals,
    requests,
    ...ticket,
    removeConsoleSource,
    close,
    unmark,
    users: planUsers(after, users, { unmark, isTicketNew: ticket.ticket === 'create' }),
    protectedUsers,
    lastError: !legacy.login ? 'legacy_login_unknown' : protectedUsers.length > 0 ? 'user_protected' : null,
  }
}

/** Nothing to do. */
export const isEmpty = (plan: Plan, facts: Pick<CaseFacts, 'lastError'>): boolean =>
  !changesDatabase(plan, facts) && plan.users.length === 0

export function changesDatabase(plan: Plan, facts: Pick<CaseFacts, 'lastError'>): boolean {
  return (
    plan.columns !== undefined ||
    plan.signals.length > 0 ||
    plan.requests.length > 0 ||
    plan.notes.length > 0 ||
    plan.ticket !== undefined ||
    plan.wantedStatus !== undefined ||
    plan.removeConsoleSource ||
    plan.close ||
    plan.unmark ||
    plan.lastError !== facts.lastError
  )
}

function readColumns(facts: CaseFacts, { login, contract }: LegacyFacts): Columns | undefined {
  if (!login) return undefined
  const wanted: Columns = {
    login: login.login,
    company: login.company,
    contract: login.contract,
    knownDomains: contract?.knownDomains ?? facts.knownDomains,
    contactName: contract ? contract.contactName || null : facts.contactName,
    contactPhone: contract ? contract.contactPhone || null : facts.contactPhone,
  }
  const same = Object.entries(wanted).every(
    ([name, value]) => JSON.stringify(value) === JSON.stringify(facts[name as keyof Columns]),
  )
  return same ? undefined : wanted
}

// ── requests ────────────────────────────────────────────────────────────────────────────────────────────────────────

function endRequest(request: RequestFacts): RequestChange[] {
  const { id, state, granted } = request
  const change = (to: RequestState, reason: string | null = null) => [
    { id, from: state, to, grantedId: granted?.id ?? null, reason },
  ]
  if (state === 'asked') return request.isOver ? change('expired') : []
  if (state !== 'granting' || !granted) return []
  if (granted.isAdded || granted.state === 'opened' || granted.state === 'closed') return change('opened')
  if (granted.state === 'expired') return change('proved', 'expired')
  if (granted.state === 'withdrawn') return change('withdrawn')
  if (granted.state === 'waiting') return change('proved', granted.reason ?? 'login_held')
  if (granted.state !== 'refused') return []
  // Their address has an account: its owner may still add the contract to it, until it expires.
  if (granted.reason === 'address_taken') return []
  return change('proved', granted.reason)
}

function apply(
  facts: CaseFacts,
  columns: Columns | undefined,
  changes: readonly RequestChange[],
  removeConsoleSource: boolean,
): CaseFacts {
  return {
    ...facts,
    ...columns,
    requests: facts.requests.map((request) => ({
      ...request,
      state: changes.find(({ id }) => id === request.id)?.to ?? request.state,
    })),
    sources: facts.sources.filter(({ source }) => !(removeConsoleSource && source === 'console')),
  }
}

function planSignals({ requests, knownDomains }: CaseFacts): Plan['signals'] {
  return requests
    .filter(({ state }) => state === 'proved')
    .map((request) => ({
      id: request.id,
      was: request.signals,
      signals: findSignals(request, { knownDomains, others: requests }),
    }))
    .filter(({ was, signals }) => !isSame(was, signals))
    .map(({ id, signals }) => ({ id, signals }))
}

const isSame = (a: Partial<Signals>, b: Signals): boolean =>
  JSON.stringify(a.codes) === JSON.stringify(b.codes) && a.resembles === b.resembles

// ── ticket ──────────────────────────────────────────────────────────────────────────────────────────────────────────

type TicketPlan = Pick<Plan, 'ticket' | 'wantedStatus' | 'isReopening' | 'notes'>

function planTicket(facts: CaseFacts, providerUrl: string): TicketPlan {
  const nothing: TicketPlan = { isReopening: false, notes: [] }
  const notes = writeNotes(facts, providerUrl)
  const known = new Set(facts.notes.map(({ subject }) => subject))
  const proved = facts.requests.filter(({ provedAt }) => provedAt !== null)
  const open = proved.filter(({ state }) => state === 'proved')
  // What was decided up to here: what is said once is said once for it.
  const stage = `${proved.length}:${facts.decisions.filter(({ state }) => state === 'applied').length}`
  if (!facts.ticket) {
    const isDue = facts.state === 'open' && (proved.length > 0 || facts.users.length > 0)
    return isDue
      ? { ...nothing, ticket: 'create', notes: notes.map((note) => ({ ...note, isTold: true })) }
      : nothing
  }
  const fresh = notes.filter(({ subject }) => !known.has(subject)).map((note) => ({ ...note, isTold: false }))
  const { externalId, deletedAt, status, wantedStatus } = facts.ticket
  if (externalId === null && deletedAt !== null) {
    const renewed = { subject: `renewed:${proved.length}`, text: noteRenewed(), isTold: true }
    if (open.length === 0 || known.has(renewed.subject)) return nothing
    return {
      ...nothing,
      ticket: 'renew',
      notes: [...fresh.map((note) => ({ ...note, isTold: true })), renewed],
    }
  }
  if (open.length > 0) {
    const isNew = open.some(
      ({ id, granted }) =>
        !known.has(`request:${id}`) || (granted && !known.has(`returned:${granted.id}:${id}`)),
    )
    if (isNew && (isEnded(status) || wantedStatus === 'resolved'))
      return { ...nothing, wantedStatus: 'open', notes: fresh }
    const reopened = `reopened:${stage}`
    if (isEnded(status) && wantedStatus === null && !known.has(reopened)) {
      const text = noteReopened(open.length, caseUrl(providerUrl, facts.id))
      return {
        ...nothing,
        wantedStatus: 'open',
        isReopening: true,
        notes: [...fresh, { subject: reopened, text, isTold: false }],
      }
    }
    return { ...nothing, notes: fresh }
  }
  const isDeciding = facts.decisions.some(({ state }) => state === 'awaiting_second' || state === 'submitted')
  const nothingLeft = facts.state === 'closed' || (proved.length > 0 && !isDeciding)
  const resolved = `resolved:${facts.state === 'closed' ? 'closed:' : ''}${stage}`
  if (nothingLeft && !isEnded(status) && !known.has(resolved))
    return {
      ...nothing,
      wantedStatus: 'resolved',
      notes: [...fresh, { subject: resolved, text: noteResolved(facts), isTold: false }],
    }
  return { ...nothing, notes: fresh }
}

// ── the console, and users ──────────────────────────────────────────────────────────────────────────────────────────

/** An administrator said that the login is shared, on a user who does not say so any more. */
function isTakenBack(facts: CaseFacts, users: UserFacts): boolean {
  return facts.sources.some(({ source, removedAt, userId }) => {
    if (source !== 'console' || removedAt !== null || userId === null) return false
    const attributes = users.get(userId)
    return typeof attributes === 'object' && attributes['shared_login']?.[0] !== 'true'
  })
}

function shouldClose(after: CaseFacts, removeConsoleSource: boolean): boolean {
  const isAnythingOpen =
    after.requests.some(({ state }) => ['asked', 'proved', 'granting'].includes(state)) ||
    after.decisions.some(({ state }) => state === 'submitted' || state === 'awaiting_second')
  return (
    removeConsoleSource &&
    after.state === 'open' &&
    !isAnythingOpen &&
    after.sources.every(({ removedAt }) => removedAt !== null)
  )
}

function planUsers(
  after: CaseFacts,
  users: UserFacts,
  { unmark, isTicketNew }: { unmark: boolean; isTicketNew: boolean },
): Plan['users'] {
  const ticket =
    after.ticket ?? (isTicketNew ? { externalId: null, status: 'new' as const, deletedAt: null } : null)
  return after.users.flatMap(({ userId, cases }) => {
    const current = users.get(userId)
    if (typeof current !== 'object') return []
    const all = cases.map((one) => (one.id === after.id ? { ...one, state: after.state, ticket } : one))
    const contracts = after.contract === '' ? [] : [after.contract]
    const attributes = planAttributes(current, all, contracts, { unmark })
    return Object.keys(attributes).length > 0 ? [{ userId, attributes }] : []
  })
}
