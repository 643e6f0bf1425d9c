/** What follows from the flag on a user: a row fails when a case is opened for nothing, or a removal goes unseen. */
import { expect, it } from 'vitest'
import { planConsole, type ConcernedUser } from '../../../admin-sync/cases/console-plan.ts'
import { noon } from './case-facts.ts'

type Case = NonNullable<ConcernedUser['logins'][number]['case']>
const caseOf = (change: Partial<Case> = {}): Case => ({
  id: 'c1',
  reference: 'ELP-2222-3333',
  state: 'open',
  createdAt: noon,
  ticket: null,
  contract: 'CF-1',
  isUnmarked: false,
  isSaidHere: false,
  ...change,
})
const user = (...cases: (Case | null)[]): ConcernedUser => ({
  userId: 'u1',
  logins: cases.map((one, i) => ({ account: `a${i + 1}`, isPrimary: i === 0, case: one })),
})
const marked = { shared_login: ['true'], contract: ['CF-1'] }
const touch = [{ kind: 'touch', caseId: 'c1' }]
const ensure = [{ kind: 'ensure', account: 'a1' }]

it.each<[string, Record<string, string[]>, ConcernedUser, unknown[]]>([
  ['marked without a case', marked, user(null), ensure],
  ['not marked, without a case', {}, user(null), []],
  ['“false”, without a case', { shared_login: ['false'] }, user(null), []],
  ['marked by the pass of an open case', marked, user(caseOf()), []],
  ['marked for another of its logins', marked, user(null, caseOf()), []],
  ['marked, of a case closed a moment ago', marked, user(caseOf({ state: 'closed' })), []],
  ['marked since its case was closed', marked, user(caseOf({ state: 'closed', isUnmarked: true })), ensure],
  [
    'not marked any more where it was said',
    { contract: ['CF-1'] },
    user(caseOf({ isSaidHere: true })),
    touch,
  ],
  [
    '“false” where it was said',
    { ...marked, shared_login: ['false'] },
    user(caseOf({ isSaidHere: true })),
    touch,
  ],
  ['“false”, of a case of other sources', { ...marked, shared_login: ['false'] }, user(caseOf()), []],
  ['without the mark that its case gives', { contract: ['CF-1'] }, user(caseOf()), touch],
  ['without its contract', { shared_login: ['true'] }, user(caseOf()), touch],
  [
    'with an old state of its ticket',
    { ...marked, ticket: ['7'], ticket_status: ['open'] },
    user(caseOf({ ticket: { externalId: '7', status: 'resolved', deletedAt: null } })),
    touch,
  ],
])('a user %s', (_what, attributes, concerned, expected) => {
  expect(planConsole(attributes, concerned)).toEqual(expected)
})
