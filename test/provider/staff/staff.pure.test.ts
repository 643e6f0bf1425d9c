/** What the agents' pages decide without asking anybody: where a sign-in leads back to, and what is a decision. */
import { describe, expect, it } from 'vitest'
import { checkDecision, offersFor, type TypedDecision } from '../../../provider/staff/decision-form.ts'
import { webLink } from '../../../provider/staff/layout.ts'
import { returnPath } from '../../../provider/staff/return-path.ts'
import type { StaffCase, StaffRequest } from '../../../provider/staff/store.ts'
import { describeAge, describeTime } from '../../../provider/staff/wording.ts'

const id = '0b5c1f0e-8f43-4c57-9d0a-6a1f7f7d2f10'

describe('the way back from a sign-in', () => {
  it.each([
    ['/staff', '/staff'],
    [`/staff/cases/${id}`, `/staff/cases/${id}`],
    [`/staff/decisions/${id}?n=4`, `/staff/decisions/${id}`],
    ['/staff?filter=all&q=Lef%C3%A8vre&page=2&n=3', '/staff?filter=all&q=Lef%C3%A8vre&page=2'],
  ])('is a page of ours: %s', (wanted, path) => {
    expect(returnPath(wanted)).toBe(path)
  })

  it.each([
    'https://evil.example/staff',
    '//evil.example/staff',
    '/\\evil.example',
    '\\\\evil.example',
    '/staff//evil.example',
    '/staff/../..//evil.example',
    '/staff/cases/../../x',
    `/staff/cases/${id}/decide`,
    `/staff/cases/${id}\r\nSet-Cookie: a=b`,
    '/staff@evil.example',
    '/staff.evil.example',
    '/staff/sign-in?to=/staff',
    '/staff/callback?code=x',
    'javascript:alert(1)',
    `/staff?q=${'x'.repeat(700)}`,
    '',
    undefined,
    ['/staff', '//evil.example'],
  ])('is the list for whatever is none: %j', (wanted) => {
    expect(returnPath(wanted)).toBe('/staff')
  })

  it.each(['javascript:alert(1)', 'data:text/html,x', 'not an address', '', null])(
    'is no link to a ticket: %j',
    (url) => {
      expect(webLink(url)).toBeUndefined()
    },
  )
})

const request = (o: Partial<StaffRequest> = {}): StaffRequest => ({
  id: '1b5c1f0e-8f43-4c57-9d0a-6a1f7f7d2f10',
  state: 'proved',
  reason: null,
  name: 'Jean',
  phone: null,
  address: 'jean@lefevre.example',
  network: null,
  signals: {},
  fromActivation: false,
  holderAskedAt: null,
  holderKnows: null,
  holderAnsweredAt: null,
  createdAt: '2026-01-01T00:00:00Z',
  provedAt: null,
  endedAt: null,
  isOwn: false,
  grantedState: null,
  grantedUntil: null,
  ...o,
})
const view = (o: Partial<StaffCase> = {}): StaffCase => ({
  id,
  reference: 'ELP-2345-6789',
  login: 'lefevre',
  company: 'Lefèvre',
  contract: 'CF-1',
  knownDomains: ['Lefevre.example'],
  contactName: null,
  contactPhone: null,
  state: 'open',
  closedReason: null,
  closedAt: null,
  generation: 3,
  createdAt: '2026-01-01T00:00:00Z',
  overflowedAt: null,
  sources: [],
  holder: { state: 'opened', address: 'claire@lefevre.example', openedAt: null, isOwn: false },
  accounts: [],
  pending: 0,
  ticket: null,
  requests: [request()],
  unproved: 0,
  decisions: [],
  events: [],
  ...o,
})
const typed = (o: Partial<TypedDecision> = {}): TypedDecision => ({
  id,
  kind: 'open',
  requestId: request().id,
  generation: '3',
  reason: 'Connue',
  called: '',
  ...o,
})
const awaiting = (isMine: boolean): StaffCase['decisions'][number] => ({
  id,
  requestId: request().id,
  kind: 'holder_left',
  reason: 'x',
  called: null,
  state: 'awaiting_second',
  outcome: null,
  name: 'Marie',
  dueAt: null,
  createdAt: '2026-01-01T00:00:00Z',
  isMine,
})
const check = (form: Partial<TypedDecision>, seen: Partial<StaffCase> = {}) =>
  checkDecision(typed(form), view(seen), () => true)

describe('a decision', () => {
  it.each([
    [{}, {}, 'ok'],
    [{ kind: 'not_shared', requestId: '' }, { requests: [] }, 'ok'],
    [{ kind: 'not_shared', requestId: '' }, {}, 'requests_open'],
    [{ kind: 'not_shared', requestId: '' }, { requests: [request({ state: 'granting' })] }, 'requests_open'],
    [{ generation: '2' }, {}, 'stale'],
    [{}, { state: 'closed' as const }, 'already_decided'],
    [{}, { requests: [request({ state: 'refused' })] }, 'already_decided'],
    [{}, { requests: [request({ isOwn: true })] }, 'own_request'],
    [{ kind: 'refuse' }, { requests: [request({ isOwn: true })] }, 'own_request'],
    [{}, { holder: { state: 'opened', address: 'me', openedAt: null, isOwn: true } }, 'own_request'],
    [{ kind: 'holder_left' }, { holder: null }, 'no_holder'],
    [{ kind: 'holder_left' }, { decisions: [awaiting(true)] }, 'second_is_first'],
    [{ kind: 'holder_left' }, { decisions: [awaiting(false)] }, 'ok'],
    [{ kind: 'delete' }, {}, 'malformed'],
    [{ requestId: '' }, {}, 'malformed'],
    [{ kind: 'not_shared' }, {}, 'malformed'],
    [{ requestId: id }, {}, 'malformed'],
    [{ generation: '3.5' }, {}, 'malformed'],
  ] satisfies [Partial<TypedDecision>, Partial<StaffCase>, string][])(
    '%j on %j: %s',
    (form, seen, outcome) => {
      const checked = check(form, seen)
      expect(checked.outcome === 'refused' ? checked.why : checked.outcome).toBe(outcome)
    },
  )

  it.each([
    ['jean@lefevre.example', false],
    ['jean@LEFEVRE.EXAMPLE', false],
    ['jean@paris.lefevre.example', false],
    ['jean@notlefevre.example', true],
    ['jean@lefevre.example.evil.example', true],
    ['"jean@lefevre.example"@evil.example', true],
  ])('for %s needs a call: %s', (address, needsCall) => {
    const seen = { requests: [request({ address })] }
    expect(offersFor(view(seen), seen.requests[0]!).needsCall).toBe(needsCall)
    expect(check({}, seen).outcome).toBe(needsCall ? 'incomplete' : 'ok')
    expect(check({ called: 'Mme Lefèvre' }, seen).outcome).toBe('ok')
    expect(check({ kind: 'refuse' }, seen).outcome).toBe('ok')
  })

  it('is made of the words as they are stored: no other line ends, no control characters', () => {
    const checked = check({ reason: ' a\r\nb\0c\u001bd ', called: ' Mme\nX ' })
    expect(checked).toMatchObject({ decision: { reason: 'a\nb c d', called: 'Mme X', generation: 3 } })
  })

  it('that no cookie can hold is too long, whatever its letters', () => {
    expect(checkDecision(typed(), view(), () => false)).toEqual({
      outcome: 'incomplete',
      errors: { reason: 'too_long' },
    })
    expect(check({ reason: 'x'.repeat(1001) })).toMatchObject({ errors: { reason: 'too_long' } })
    expect(check({ called: 'x'.repeat(201) })).toMatchObject({ errors: { called: 'too_long' } })
  })
})

describe('times', () => {
  it('are those of Paris, and ages are in the largest unit', () => {
    expect(describeTime('fr', '2026-11-24T12:45:00Z')).toContain('13:45')
    const now = Date.parse('2026-11-24T12:00:00Z')
    expect(describeAge('fr', new Date('2026-11-21T11:00:00Z'), now)).toBe('il y a 3 jours')
    expect(describeAge('en', new Date('2026-11-24T10:59:00Z'), now)).toBe('1 hour ago')
    expect(describeAge('fr', new Date('2026-11-24T12:00:20Z'), now)).toBe('il y a 0 minute')
  })
})
