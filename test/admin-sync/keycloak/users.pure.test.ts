import { expect, test } from 'vitest'
import { mergeUser } from '../../../admin-sync/keycloak/users.ts'

const user = {
  id: 'u',
  username: 'a@example.fr',
  email: 'a@example.fr',
  firstName: 'Anne',
  requiredActions: ['VERIFY_EMAIL'],
  attributes: { locale: ['fr'], nickname: ['Zoé'] },
}

test('attributes and keys that others set survive a change', () => {
  expect(mergeUser(user, { attributes: { ticket: ['T-1'] } })).toEqual({
    ...user,
    attributes: { locale: ['fr'], nickname: ['Zoé'], ticket: ['T-1'] },
  })
  expect(mergeUser(user, { emailVerified: true })).toEqual({ ...user, emailVerified: true })
})

test.each([[undefined], [[]]])('an attribute set to %j goes away, and only that one', (gone) => {
  expect(mergeUser(user, { attributes: { nickname: gone } }).attributes).toEqual({ locale: ['fr'] })
})

test('a list of required actions replaces the one before', () => {
  expect(mergeUser(user, { requiredActions: [] }).requiredActions).toEqual([])
})

test('the user that was read is not changed', () => {
  const before = structuredClone(user)
  mergeUser(user, { attributes: { nickname: undefined } })
  expect(user).toEqual(before)
})
