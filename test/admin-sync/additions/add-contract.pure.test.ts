/** What speaks against adding a contract to an account, and what is written when nothing does. */
import { expect, test } from 'vitest'
import { describeChange, findProblem } from '../../../admin-sync/additions/add-contract.ts'
import type { User } from '../../../admin-sync/keycloak/representations.ts'

const owner = { id: 'u1', email: 'Claire@societe.fr', enabled: true, emailVerified: true }

test.each([
  ['the owner of the address', owner, 'u1', undefined],
  ['nobody has the address', undefined, 'u1', 'wrong_person'],
  ['somebody else has the address', owner, 'u2', 'wrong_person'],
  ['the account has another address by now', { ...owner, email: 'c@societe.fr' }, 'u1', 'wrong_person'],
  ['an address like it', { ...owner, email: 'claire@societe.fr.example' }, 'u1', 'wrong_person'],
  ['disabled', { ...owner, enabled: false }, 'u1', 'account_unusable'],
  ['nobody says that it is enabled', { ...owner, enabled: undefined }, 'u1', 'account_unusable'],
  ['its address is not confirmed', { ...owner, emailVerified: false }, 'u1', 'account_unusable'],
  [
    'an activation of ours, pending',
    { ...owner, attributes: { activation: ['pending'] } },
    'u1',
    'account_unusable',
  ],
])('%s', (_what, found, signedIn, problem) => {
  expect(findProblem('claire@SOCIETE.fr', found as User | undefined, signedIn)).toBe(problem)
})

const user = (attributes: Record<string, string[]>): User => ({ id: 'u1', username: 'u1', attributes })
const login = { login: 'second', company: 'Seconde société' }

test.each([
  [
    'beside those that are there',
    { contract: ['A'], company: ['P'], cofacering_login: ['p'] },
    { contract: ['A', 'B'] },
  ],
  ['once', { contract: ['B', 'A'], company: ['P'], cofacering_login: ['p'] }, undefined],
  [
    'with company and login where there is none',
    {},
    { contract: ['B'], company: ['Seconde société'], cofacering_login: ['second'] },
  ],
])('the contract is written %s', (_how, attributes, change) => {
  expect(describeChange(user(attributes), 'B', login)).toEqual(change && { attributes: change })
})

test('without the login, which Cofacering has no more, the contract is written all the same', () => {
  expect(describeChange(user({}), 'B', undefined)).toEqual({ attributes: { contract: ['B'] } })
})
