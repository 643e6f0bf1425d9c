/** What a pass changes. Each plan is carried out and made again: a plan that does not come to rest fails everywhere. */
import { describe, expect, it } from 'vitest'
import type { CaseFacts, LegacyFacts, UserFacts } from '../../../admin-sync/cases/facts.ts'
import { isEmpty, planCase, type Plan } from '../../../admin-sync/cases/plan.ts'
import {
  carryOut,
  caseFacts,
  decision,
  granted,
  legacy,
  noon,
  providerUrl,
  request,
  ticket,
  userOf,
} from './case-facts.ts'

/** The plan, and what is there when it and those that follow from it were carried out. */
function settle(start: CaseFacts, startUsers: UserFacts = new Map(), said: LegacyFacts = legacy) {
  const first = planCase(start, said, startUsers, { providerUrl })
  let [facts, users, plan]: [CaseFacts, UserFacts, Plan] = [start, startUsers, first]
  // The second one knows the ticket that the first one asked for.
  for (let i = 0; i < 3; i++) {
    ;({ facts, users } = carryOut(facts, plan, users))
    plan = planCase(facts, said, users, { providerUrl })
  }
  expect(isEmpty(plan, facts) ? 'at rest' : plan).toBe('at rest')
  return { plan: first, facts, users }
}
const subjects = (plan: Plan) => plan.notes.filter(({ isTold }) => !isTold).map(({ subject }) => subject)
const withTicket = (change: Partial<CaseFacts>, status: Parameters<typeof ticket>[0] = {}) => {
  const { facts } = settle(caseFacts({ requests: [request()] }))
  return { ...facts, ticket: ticket(status), ...change }
}
const second = request({
  id: 'r2',
  address: 'paul@dupont.example',
  createdAt: new Date('2026-11-25T11:00:00Z'),
})

const ending = (change: Parameters<typeof request>[0]) =>
  settle(withTicket({ requests: [request(change)] })).plan.requests.map(({ to, reason }) => [to, reason])

describe('the ticket of a case', () => {
  it('is due once a request is proved or an account is open, and not before', () => {
    expect(settle(caseFacts({ requests: [request({ state: 'asked', provedAt: null })] })).plan.ticket).toBe(
      undefined,
    )
    expect(settle(caseFacts({ requests: [request()] })).plan.ticket).toBe('create')
    const facts = caseFacts()
    expect(settle({ ...facts, users: [userOf(facts)] }, new Map([['u1', {}]])).plan.ticket).toBe('create')
    expect(settle(caseFacts({ state: 'closed', closedAt: noon, requests: [request()] })).plan.ticket).toBe(
      undefined,
    )
  })

  it('is told of a request that comes later, and not of those that stand in its text', () => {
    const start = withTicket({ requests: [request(), second] })
    expect(subjects(settle(start).plan)).toEqual(['request:r2'])
  })

  it('is resolved, once, when nothing is left to decide', () => {
    const start = withTicket({
      requests: [request({ state: 'refused' })],
      decisions: [decision({ kind: 'refuse' })],
    })
    const { plan, facts } = settle(start)
    expect(plan.wantedStatus).toBe('resolved')
    expect(subjects(plan)).toEqual(['decision:d1', 'resolved:1:1'])
    // An agent who opens it again by hand has a reason.
    expect(settle({ ...facts, ticket: ticket({ status: 'open' }) }).plan.wantedStatus).toBe(undefined)
  })

  it('is not resolved while a second agent is waited for', () => {
    const start = withTicket({
      requests: [request({ state: 'granting', granted: granted() })],
      decisions: [decision({ kind: 'holder_left', state: 'awaiting_second', dueAt: noon })],
    })
    const { plan } = settle(start)
    expect(plan.wantedStatus).toBe(undefined)
    expect(subjects(plan)).toEqual(['handover:d1'])
  })

  it('is opened again, once and with a note, when it was resolved by hand while a request waits', () => {
    const { plan, facts } = settle(withTicket({}, { status: 'resolved' }))
    expect(plan).toMatchObject({ wantedStatus: 'open', isReopening: true })
    expect(subjects(plan)).toEqual(['reopened:1:0'])
    const again = settle({ ...facts, ticket: ticket({ status: 'rejected' }) }).plan
    expect(again.wantedStatus).toBe(undefined)
  })

  it('is opened by a new request whatever was resolved before', () => {
    const done = settle(
      withTicket({ requests: [request({ state: 'refused' })], decisions: [decision({ kind: 'refuse' })] }),
    ).facts
    const { plan } = settle({ ...done, requests: [...done.requests, second] })
    expect(plan).toMatchObject({ wantedStatus: 'open', isReopening: false })
    expect(subjects(plan)).toEqual(['request:r2'])
  })

  it('is made again when it was deleted while something is open, once for each set of requests', () => {
    const gone = { externalId: null, status: 'closed' as const, deletedAt: noon }
    const { plan, facts } = settle(withTicket({}, gone))
    expect(plan.ticket).toBe('renew')
    expect(subjects(plan)).toEqual([])
    expect(planCase({ ...facts, ticket: ticket(gone) }, legacy, new Map(), { providerUrl }).ticket).toBe(
      undefined,
    )
    const more = { ...facts, ticket: ticket(gone), requests: [...facts.requests, second] }
    expect(planCase(more, legacy, new Map(), { providerUrl }).ticket).toBe('renew')
    const nothingOpen = withTicket({ requests: [request({ state: 'refused' })] }, gone)
    expect(planCase(nothingOpen, legacy, new Map(), { providerUrl }).ticket).toBe(undefined)
  })

  it('is told of an overflow, of a holder’s answer and of a name once each', () => {
    const at = new Date('2026-11-24T12:00:00Z')
    const start = withTicket({
      overflowedAt: at,
      requests: [request({ holderKnows: true, holderAnsweredAt: at, fromActivation: true })],
    })
    expect(subjects(settle(start).plan)).toEqual([
      'named:r1',
      `holder:${at.toISOString()}:r1`,
      `overflow:${at.toISOString()}`,
    ])
  })
})

describe('a request', () => {
  it.each([
    ['asked in time', { state: 'asked', provedAt: null }, []],
    ['never proved', { state: 'asked', provedAt: null, isOver: true }, [['expired', null]]],
    ['granted, not used yet', { state: 'granting', granted: granted() }, []],
    ['granted and opened', { state: 'granting', granted: granted({ state: 'opened' }) }, [['opened', null]]],
    [
      'opened and gone since',
      { state: 'granting', granted: granted({ state: 'closed' }) },
      [['opened', null]],
    ],
    [
      'granted and never used',
      { state: 'granting', granted: granted({ state: 'expired' }) },
      [['proved', 'expired']],
    ],
    ['not theirs', { state: 'granting', granted: granted({ state: 'withdrawn' }) }, [['withdrawn', null]]],
    [
      'granted to who has an account, who may still add it',
      { state: 'granting', granted: granted({ state: 'refused', reason: 'address_taken' }) },
      [],
    ],
    [
      'granted to who has an account, and added',
      { state: 'granting', granted: granted({ state: 'refused', reason: 'address_taken', isAdded: true }) },
      [['opened', null]],
    ],
    [
      'granted, but the account is disabled',
      { state: 'granting', granted: granted({ state: 'refused', reason: 'user_disabled' }) },
      [['proved', 'user_disabled']],
    ],
    [
      'granted, but the login was taken',
      { state: 'granting', granted: granted({ state: 'waiting', reason: 'login_held' }) },
      [['proved', 'login_held']],
    ],
  ] as const)('%s', (_what, change, expected) => {
    expect(ending(change)).toEqual(expected)
  })

  it('that could not be opened opens its ticket again', () => {
    const start = withTicket(
      {
        requests: [
          request({ state: 'granting', granted: granted({ state: 'refused', reason: 'user_gone' }) }),
        ],
      },
      { status: 'resolved' },
    )
    const { plan } = settle(start)
    expect(plan.wantedStatus).toBe('open')
    expect(subjects(plan)).toEqual(['returned:g1:r1'])
  })

  it('gets its signals, and new ones when something changes', () => {
    const strange = request({ address: 'a@gmail.com', signals: {} })
    expect(settle(caseFacts({ requests: [strange] })).plan.signals).toEqual([
      { id: 'r1', signals: { codes: ['free_mail'] } },
    ])
  })
})

describe('what Cofacering says', () => {
  it('replaces what was first seen', () => {
    const { plan } = settle(caseFacts({ company: '<script>', contactPhone: null }))
    expect(plan.columns).toMatchObject({ company: 'Dupont SA', contactPhone: '01 40 00 00 00' })
  })
  it('is kept when it does not know the login any more', () => {
    const { plan } = settle(caseFacts(), new Map(), { login: undefined, contract: undefined })
    expect(plan.columns).toBe(undefined)
    expect(plan.lastError).toBe('legacy_login_unknown')
  })
})

describe('the users of a case', () => {
  const facts = caseFacts({ requests: [request()] })
  const start = { ...facts, users: [userOf(facts)] }
  const written = (attributes: Record<string, string[]>, change: Partial<CaseFacts> = {}) => {
    const changed = { ...start, ...change }
    return settle({ ...changed, users: [userOf(changed)] }, new Map([['u1', attributes]]))
  }
  const final = (...given: Parameters<typeof written>) => written(...given).users.get('u1')

  it('show the case, beside what others wrote', () => {
    expect(final({ other: ['x'], contract: ['CF-0'] })).toEqual({
      other: ['x'],
      contract: ['CF-0', 'CF-1'],
      shared_login: ['true'],
      ticket: ['8'],
      ticket_status: ['open'],
    })
  })
  it('keep a “false” that somebody set', () => {
    expect(final({ shared_login: ['false'] })).toMatchObject({ shared_login: ['false'], ticket: ['8'] })
  })
  it('show the reference until the help desk has given a number', () => {
    expect(written({}).plan.users[0]?.attributes).toMatchObject({ ticket: ['ELP-2222-3333'] })
  })
  it.each([
    ['new', 'open'],
    ['open', 'open'],
    ['waiting', 'waiting'],
    ['rejected', 'closed'],
    ['closed', 'closed'],
  ] as const)('show a ticket that is %s as %s', (status, shown) => {
    const notes = [
      { subject: 'reopened:1:0', isPosted: true },
      { subject: 'request:r1', isPosted: true },
    ]
    expect(final({}, { ticket: ticket({ status }), notes })).toMatchObject({ ticket_status: [shown] })
  })
  it('are left when they are protected or gone', () => {
    const { plan } = settle(start, new Map([['u1', 'protected']]))
    expect(plan).toMatchObject({ users: [], protectedUsers: ['u1'], lastError: 'user_protected' })
    expect(settle(start, new Map([['u1', 'gone']])).plan.users).toEqual([])
  })
  it('of two cases show the open one, whichever pass comes last', () => {
    const other = { id: 'c2', reference: 'ELP-9999-9999', createdAt: new Date(noon.getTime() + 1e9) }
    const closed = {
      ...other,
      state: 'closed' as const,
      ticket: { externalId: '99', status: 'open' as const, deletedAt: null },
    }
    const mine = userOf(start)
    const users = [{ ...mine, cases: [closed, ...mine.cases] }]
    expect(settle({ ...start, users }, new Map([['u1', {}]])).users.get('u1')).toMatchObject({
      ticket: ['8'],
    })
    const open = { ...closed, state: 'open' as const }
    const both = [{ ...mine, cases: [...mine.cases, open] }]
    expect(settle({ ...start, users: both }, new Map([['u1', {}]])).users.get('u1')).toMatchObject({
      ticket: ['99'],
    })
  })
})

describe('the console', () => {
  const said = { source: 'console', at: noon, removedAt: null, userId: 'u1' }
  const facts = caseFacts({ sources: [said] })
  const take = (change: Partial<CaseFacts>, attributes: Record<string, string[]>) => {
    const changed = { ...facts, ...change }
    return settle({ ...changed, users: [userOf(changed)] }, new Map([['u1', attributes]]))
  }

  it('closes what it alone had said, when it takes it back and nothing is open', () => {
    const { plan, facts: after } = take({}, {})
    expect(plan).toMatchObject({ removeConsoleSource: true, close: true, unmark: true })
    expect(after.state).toBe('closed')
    expect(take({}, { shared_login: ['false'] }).plan.close).toBe(true)
    expect(take({}, { shared_login: ['true'] }).plan).toMatchObject({
      removeConsoleSource: false,
      close: false,
    })
  })
  it('closes nothing that something else stands for, or that is open', () => {
    const flag = { source: 'legacy_flag', at: noon, removedAt: null, userId: null }
    expect(take({ sources: [said, flag] }, {}).plan).toMatchObject({
      removeConsoleSource: true,
      close: false,
    })
    expect(take({ requests: [request()] }, {}).plan).toMatchObject({
      removeConsoleSource: true,
      close: false,
    })
    const asked = request({ state: 'asked', provedAt: null })
    expect(take({ requests: [asked] }, {}).plan.close).toBe(false)
  })
  it('is not thought to have taken back what could not be read', () => {
    for (const unread of ['protected', 'gone'] as const) {
      const changed = { ...facts, users: [userOf(facts)] }
      expect(settle(changed, new Map([['u1', unread]])).plan.removeConsoleSource).toBe(false)
    }
    expect(settle(facts).plan.removeConsoleSource).toBe(false)
  })
  it('resolves the ticket and takes the mark from the users, once', () => {
    const other = caseFacts({ state: 'closed', closedReason: 'not_shared', closedAt: noon, ticket: ticket() })
    const users = new Map([['u1', { shared_login: ['true'] }]])
    const { plan, facts: after } = settle({ ...other, users: [userOf(other)] }, users)
    expect(plan).toMatchObject({ wantedStatus: 'resolved', unmark: true })
    expect(plan.users[0]?.attributes).toMatchObject({ shared_login: undefined })
    // Set again in the console since: somebody's word, which the sweep follows.
    const later = planCase(
      after,
      legacy,
      new Map([['u1', { ...users.get('u1') } as Record<string, string[]>]]),
      {
        providerUrl,
      },
    )
    expect(later.users[0]?.attributes ?? {}).not.toHaveProperty('shared_login')
  })
})
