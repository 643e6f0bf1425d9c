/** Facts of a case for pure tests, and what a plan makes of them: as case-store.ts and Keycloak would. */
import type {
  CaseFacts,
  DecisionFacts,
  LegacyFacts,
  RequestFacts,
  TicketFacts,
  UserFacts,
} from '../../../admin-sync/cases/facts.ts'
import type { Plan } from '../../../admin-sync/cases/plan.ts'

export const noon = new Date('2026-11-24T11:00:00Z')
export const providerUrl = 'https://cofacering.example'

export const legacy: LegacyFacts = {
  login: { login: 'dupont.compta', company: 'Dupont SA', contract: 'CF-1', shared: false, disabled: false },
  contract: {
    company: 'Dupont SA',
    contactName: 'Anne Dupont',
    contactEmail: 'anne@dupont.example',
    contactPhone: '01 40 00 00 00',
    knownDomains: ['dupont.example'],
  },
}

export const request = (change: Partial<RequestFacts> = {}): RequestFacts => ({
  id: 'r1',
  state: 'proved',
  reason: null,
  name: 'Claire Martin',
  phone: null,
  address: 'claire@dupont.example',
  network: '192.0.2.0/24',
  holderKnows: null,
  holderAnsweredAt: null,
  fromActivation: false,
  createdAt: noon,
  networkElsewhere: 0,
  signals: { codes: [] },
  provedAt: noon,
  isOver: false,
  granted: null,
  ...change,
})

export const granted = (
  change: Partial<NonNullable<RequestFacts['granted']>> = {},
): NonNullable<RequestFacts['granted']> => ({
  id: 'g1',
  state: 'mailed',
  reason: null,
  isAdded: false,
  ...change,
})

export const ticket = (change: Partial<TicketFacts> = {}): TicketFacts => ({
  connector: 'rt',
  externalId: '7',
  status: 'open',
  wantedStatus: null,
  waitingSince: null,
  deletedAt: null,
  ...change,
})

export const decision = (change: Partial<DecisionFacts> = {}): DecisionFacts => ({
  id: 'd1',
  requestId: 'r1',
  kind: 'open',
  reason: 'connue',
  called: null,
  state: 'applied',
  name: 'Agent Un',
  dueAt: null,
  ...change,
})

export const caseFacts = (change: Partial<CaseFacts> = {}): CaseFacts => ({
  id: 'c1',
  reference: 'ELP-2222-3333',
  account: 'a1',
  login: 'dupont.compta',
  company: 'Dupont SA',
  contract: 'CF-1',
  knownDomains: ['dupont.example'],
  contactName: 'Anne Dupont',
  contactPhone: '01 40 00 00 00',
  state: 'open',
  closedReason: null,
  closedAt: null,
  unmarkedAt: null,
  overflowedAt: null,
  lastError: null,
  sources: [{ source: 'second_activation', at: noon, removedAt: null, userId: null }],
  requests: [],
  decisions: [],
  holder: null,
  pending: 0,
  users: [],
  ticket: null,
  notes: [],
  ...change,
})

/** A user of the case, in this case only. */
export const userOf = (facts: CaseFacts, userId = 'u1', address = 'holder@dupont.example') => ({
  userId,
  address,
  cases: [
    { id: facts.id, reference: facts.reference, state: facts.state, createdAt: noon, ticket: facts.ticket },
  ],
})

/** What is there after the plan was carried out, and the help desk has taken what it was given. */
export function carryOut(
  facts: CaseFacts,
  plan: Plan,
  users: UserFacts,
): { facts: CaseFacts; users: UserFacts } {
  const created = plan.ticket === 'create' || plan.ticket === 'renew'
  const before = created ? ticket({ connector: 'rt', status: 'new', externalId: '8' }) : facts.ticket
  const after: CaseFacts = {
    ...facts,
    ...plan.columns,
    state: plan.close ? 'closed' : facts.state,
    closedReason: plan.close ? 'not_shared' : facts.closedReason,
    closedAt: plan.close ? noon : facts.closedAt,
    unmarkedAt: plan.unmark ? new Date(noon.getTime() + 1000) : facts.unmarkedAt,
    lastError: plan.lastError,
    sources: facts.sources.map((one) =>
      plan.removeConsoleSource && one.source === 'console' ? { ...one, removedAt: noon } : one,
    ),
    requests: facts.requests.map((one) => {
      const change = plan.requests.find(({ id }) => id === one.id)
      const signals = plan.signals.find(({ id }) => id === one.id)?.signals ?? one.signals
      if (!change) return { ...one, signals }
      return { ...one, signals, state: change.to }
    }),
    ticket: before && { ...before, status: plan.wantedStatus ?? before.status, wantedStatus: null },
    notes: [...facts.notes, ...plan.notes.map(({ subject }) => ({ subject, isPosted: true }))],
  }
  const rewritten: UserFacts = new Map(users)
  for (const { userId, attributes } of plan.users) {
    const current = users.get(userId)
    if (typeof current !== 'object') continue
    const merged = Object.entries({ ...current, ...attributes }).filter(([, values]) => values !== undefined)
    rewritten.set(userId, Object.fromEntries(merged) as Record<string, string[]>)
  }
  after.users = facts.users.map((user) => ({
    ...user,
    cases: user.cases.map((one) =>
      one.id === after.id ? { ...one, state: after.state, ticket: after.ticket } : one,
    ),
  }))
  return { facts: after, users: rewritten }
}
