/** What becomes of a decision: the table of the rules, each case a fact that is changed in one that is applied. */
import { describe, expect, test } from 'vitest'
import { judgeDecision, type DecisionFacts } from '../../../admin-sync/decisions/rules.ts'

const holder = { id: 'holder', state: 'opened', isAgents: false }
const open: DecisionFacts = {
  kind: 'open',
  state: 'submitted',
  called: null,
  generation: 3,
  agent: { userId: 'agent' },
  sessionUserId: 'agent',
  case: { state: 'open', generation: 3 },
  request: { state: 'proved', address: 'claire@client.example', isAgents: false },
  holder,
  isReplaced: false,
  awaitedHolderId: null,
  isDue: false,
  awaiting: null,
  openRequests: 1,
  knownDomains: ['client.example'],
}
const left: DecisionFacts = { ...open, kind: 'holder_left' }
const waited: DecisionFacts = { ...left, state: 'awaiting_second', awaitedHolderId: 'holder', isDue: true }
const closing: DecisionFacts = { ...open, kind: 'not_shared', request: null, openRequests: 0 }
const rejected = (code: string) => ({ outcome: 'rejected', code })

describe('whatever it is, a decision is rejected', () => {
  test.each<[string, Partial<DecisionFacts>]>([
    ['not_allowed', { sessionUserId: 'somebody else' }],
    ['not_allowed', { sessionUserId: null }],
    ['stale', { generation: 2 }],
    ['stale', { generation: 4 }],
    ['own_request', { holder: { ...holder, isAgents: true } }],
    ['already_decided', { case: { state: 'closed', generation: 3 } }],
  ])('%s', (code, change) => {
    for (const facts of [open, left, closing, { ...open, kind: 'refuse' } as const])
      expect(judgeDecision({ ...facts, ...change })).toEqual(rejected(code))
  })
})

describe('on a request, a decision is rejected', () => {
  test.each(['asked', 'granting', 'opened', 'refused', 'expired', 'withdrawn'])('that is %s', (state) => {
    for (const facts of [open, left, { ...open, kind: 'refuse' } as const])
      expect(judgeDecision({ ...facts, request: { ...open.request!, state } })).toEqual(
        rejected('already_decided'),
      )
  })
  test('of the agent’s own', () => {
    for (const facts of [open, left, waited, { ...open, kind: 'refuse' } as const])
      expect(judgeDecision({ ...facts, request: { ...open.request!, isAgents: true } })).toEqual(
        rejected('own_request'),
      )
  })
})

describe('open', () => {
  test('needs a call for a domain that is not the contract’s', () => {
    const unknown = { ...open, request: { ...open.request!, address: 'claire@gmail.com' } }
    expect(judgeDecision(unknown)).toEqual(rejected('needs_call'))
    expect(judgeDecision({ ...unknown, kind: 'holder_left' })).toEqual(rejected('needs_call'))
    expect(judgeDecision({ ...open, knownDomains: [] })).toEqual(rejected('needs_call'))
    expect(judgeDecision({ ...open, knownDomains: ['ient.example'] })).toEqual(rejected('needs_call'))
    expect(judgeDecision({ ...unknown, called: 'M. Martin' })).toMatchObject({ outcome: 'applied' })
    expect(judgeDecision({ ...unknown, kind: 'refuse' })).toMatchObject({ outcome: 'applied' })
  })
  test('is nothing on a login that Cofacering does not know', () => {
    expect(judgeDecision({ ...open, knownDomains: undefined })).toEqual(rejected('login_unknown'))
  })
  test.each<[string, DecisionFacts['holder'], object]>([
    ['held', holder, { holds: false, succeeds: undefined }],
    ['being opened', { ...holder, state: 'confirmed' }, { holds: false, succeeds: undefined }],
    ['about to be taken over', { ...holder, state: 'mailed' }, { holds: false, succeeds: undefined }],
    ['held by nobody', null, { holds: true, succeeds: undefined }],
    ['of an account that is gone', { ...holder, state: 'closed' }, { holds: true, succeeds: 'holder' }],
  ])('on a login that is %s', (_, who, effect) => {
    expect(judgeDecision({ ...open, holder: who })).toEqual({
      outcome: 'applied',
      effect: { kind: 'open', ...effect },
    })
  })
})

describe('holder_left', () => {
  test('waits for a second agent, then hands over with both', () => {
    expect(judgeDecision(left)).toEqual({ outcome: 'awaiting_second', holderId: 'holder' })
    const first = { id: 'first', userId: 'another agent', holderId: 'holder' }
    expect(judgeDecision({ ...left, awaiting: first })).toEqual({
      outcome: 'applied',
      effect: { kind: 'hand_over', holderId: 'holder', waited: 'first' },
    })
    expect(judgeDecision({ ...left, awaiting: { ...first, userId: 'agent' } })).toEqual(
      rejected('second_is_first'),
    )
    // Said of somebody who held the login before.
    expect(judgeDecision({ ...left, awaiting: { ...first, holderId: 'before' } })).toEqual({
      outcome: 'awaiting_second',
      holderId: 'holder',
    })
  })
  test('is nothing where no account is open', () => {
    for (const state of ['closed', 'confirmed', 'mailed'])
      expect(judgeDecision({ ...left, holder: { ...holder, state } })).toEqual(rejected('no_holder'))
    expect(judgeDecision({ ...left, holder: null })).toEqual(rejected('no_holder'))
    // Another person takes the place already.
    expect(judgeDecision({ ...left, isReplaced: true })).toEqual(rejected('already_decided'))
  })
  test('hands over alone when its time is over, and not before', () => {
    expect(judgeDecision(waited)).toEqual({
      outcome: 'applied',
      effect: { kind: 'hand_over', holderId: 'holder', waited: undefined },
    })
    expect(judgeDecision({ ...waited, isDue: false })).toEqual({ outcome: 'waiting' })
    // Its session is long over, and other decisions were taken since: neither matters.
    expect(judgeDecision({ ...waited, sessionUserId: null, generation: 1 })).toMatchObject({
      outcome: 'applied',
    })
  })
  test.each<[string, Partial<DecisionFacts>]>([
    ['already_decided', { request: { ...open.request!, state: 'opened' } }],
    ['already_decided', { request: { ...open.request!, state: 'refused' } }],
    ['already_decided', { isReplaced: true }],
    ['no_holder', { holder: { ...holder, id: 'another' } }],
    ['no_holder', { holder: { ...holder, state: 'closed' } }],
    ['own_request', { holder: { ...holder, isAgents: true } }],
    ['login_unknown', { knownDomains: undefined }],
  ])('does not hand over in the end: %s', (code, change) => {
    expect(judgeDecision({ ...waited, ...change })).toEqual(rejected(code))
  })
})

test('not_shared closes, unless something is left to decide', () => {
  expect(judgeDecision(closing)).toEqual({ outcome: 'applied', effect: { kind: 'close' } })
  expect(judgeDecision({ ...closing, openRequests: 1 })).toEqual(rejected('requests_open'))
})
