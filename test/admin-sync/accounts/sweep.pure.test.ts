import { expect, test } from 'vitest'
import {
  findAbsent,
  findLeftLinks,
  findSharedSubjects,
  isComplete,
} from '../../../admin-sync/accounts/sweep-plan.ts'

test.each([
  ['a quiet realm', { before: 5000, read: 5000, after: 5000 }, true],
  ['users made meanwhile', { before: 5000, read: 5003, after: 5010 }, true],
  ['a few deleted meanwhile', { before: 5000, read: 4996, after: 4995 }, true],
  ['a list that ends early', { before: 5000, read: 3000, after: 5000 }, false],
  ['a list that ends early while users are made', { before: 5000, read: 4900, after: 6000 }, false],
  ['a total that shrinks oddly', { before: 5000, read: 5000, after: 2500 }, false],
  ['a list of nobody', { before: 5000, read: 0, after: 5000 }, false],
  ['an empty realm', { before: 0, read: 0, after: 0 }, true],
])('%s', (_, counts, complete) => {
  expect(isComplete(counts)).toBe(complete)
})

test('only accounts whose user is not in the list are absent', () => {
  const [a, b] = [
    { activation: '1', userId: 'a' },
    { activation: '2', userId: 'b' },
  ]
  expect(findAbsent([a, b], new Set(['a', 'c']))).toEqual([b])
})

const link = (userId: string, subject: string) => ({ userId, subject })

test('a subject that two users have is found, one that a user has twice is not', () => {
  expect(
    findSharedSubjects([link('b', 's'), link('c', 't'), link('a', 's'), link('c', 't'), link('d', 'u')]),
  ).toEqual([['a', 'b']])
})

test('a link is left over when its time is over, or when the user is none of ours', () => {
  const links = ['fresh', 'old', 'stuck', 'foreign'].map((userId) => ({ userId, subject: userId }))
  expect(
    findLeftLinks(links, [
      { userId: 'fresh', activation: '1', overdue: false },
      { userId: 'old', activation: '2', overdue: true },
      { userId: 'stuck', activation: null, overdue: true },
    ]),
  ).toEqual([
    { user: 'old', activation: '2' },
    { user: 'stuck', activation: undefined },
    { user: 'foreign', activation: undefined },
  ])
})
