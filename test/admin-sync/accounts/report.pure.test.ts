import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { makeCodes } from '../../../admin-sync/accounts/link.ts'
import { findProblem } from '../../../admin-sync/accounts/open-account.ts'
import { isOurs } from '../../../admin-sync/accounts/pending-user.ts'
import { chooseNextStep } from '../../../admin-sync/accounts/report.ts'

type Case = Parameters<typeof chooseNextStep>[0]
const live: Case = {
  kind: 'legacy',
  state: 'mailed',
  reason: null,
  timeLeft: true,
  lastError: null,
  mailGeneration: 1,
  mailedGeneration: 1,
}
const cases: [Partial<Case>, string][] = [
  [{}, 'open_mail'],
  [{ state: 'requested', mailedGeneration: 0 }, 'mail_leaves'],
  [{ state: 'requested', mailedGeneration: 0, lastError: 'keycloak:connect' }, 'mail_failing'],
  [{ mailGeneration: 2, lastError: 'address_budget' }, 'mail_budget'],
  [{ timeLeft: false }, 'expired'],
  [{ reason: 'address_not_verified' }, 'address_not_verified'],
  [{ state: 'confirmed' }, 'opening'],
  [{ state: 'confirmed', lastError: 'keycloak:connect' }, 'opening_failing'],
  [{ state: 'opened' }, 'opened'],
  [{ state: 'closed' }, 'closed'],
  [{ state: 'waiting' }, 'waiting'],
  [{ state: 'expired' }, 'expired'],
  [{ state: 'withdrawn', reason: 'corrected' }, 'corrected'],
  [{ state: 'withdrawn', reason: 'not_me' }, 'not_me'],
  [{ state: 'withdrawn', reason: 'released' }, 'released'],
  [{ state: 'withdrawn', reason: 'replaced' }, 'replaced'],
  [{ state: 'closed', reason: 'replaced' }, 'replaced'],
  [{ kind: 'granted' }, 'open_mail_granted'],
  [{ kind: 'granted', timeLeft: false }, 'expired_granted'],
  [{ kind: 'granted', state: 'expired' }, 'expired_granted'],
  [{ kind: 'granted', state: 'withdrawn', reason: 'holder_protected' }, 'holder_protected'],
  [{ state: 'refused', reason: 'address_taken' }, 'address_taken'],
  [{ state: 'refused', reason: 'address_invalid' }, 'address_invalid'],
  [{ state: 'refused', reason: 'account_unknown' }, 'account_unknown'],
  [{ state: 'refused', reason: 'user_gone' }, 'user_gone'],
  [{ state: 'refused', reason: 'user_disabled' }, 'user_disabled'],
  [{ state: 'refused', reason: 'address_changed' }, 'address_changed'],
  [{ state: 'refused', reason: null }, 'refused'],
  [{ state: 'opened', reason: 'contract_added' }, 'contract_added'],
]
const readTexts = (language: string) =>
  JSON.parse(
    readFileSync(new URL(`../../../admin-sync/text/${language}.json`, import.meta.url), 'utf8'),
  ) as Record<string, string>

test.each(cases)('%j tells the desk %s, in both languages', (change, key) => {
  expect(chooseNextStep({ ...live, ...change })).toBe(key)
  for (const language of ['fr', 'en']) expect(Object.keys(readTexts(language))).toContain(`nextStep.${key}`)
})

const names = (text = '') => (text.match(/\{\w+\}/g) ?? []).toSorted()

test('French and English have the same texts with the same values, and French its apostrophe and unbreakable spaces', () => {
  const [fr, en] = [readTexts('fr'), readTexts('en')]
  expect(Object.keys(fr).toSorted()).toEqual(Object.keys(en).toSorted())
  for (const key of Object.keys(fr)) expect([key, ...names(fr[key])]).toEqual([key, ...names(en[key])])
  expect(Object.values(fr).join('\n')).not.toMatch(/\p{L}'\p{L}|courriel| [?!:;»]|« /u)
})

test('the codes of a link can be made again, differ by activation, generation and key, and never stand for one another', () => {
  const key = Buffer.alloc(32, 1)
  const codes = makeCodes(key, 'a', 1)
  expect(makeCodes(key, 'a', 1)).toEqual(codes)
  const others = [makeCodes(key, 'b', 1), makeCodes(key, 'a', 2), makeCodes(Buffer.alloc(32, 2), 'a', 1)]
  expect(new Set([codes, ...others].map(({ k }) => k)).size).toBe(4)
  expect(others[1]?.w).toBe(codes.w)
  expect(codes.w).not.toBe(codes.k)
  expect(Buffer.from(codes.k, 'base64url')).toHaveLength(32)
})

test.each([
  [{ enabled: false, email: 'a@x.fr', emailVerified: true }, 'user_disabled'],
  [{ email: 'a@x.fr', emailVerified: true }, 'user_disabled'],
  [{ enabled: true, email: 'b@x.fr', emailVerified: true }, 'address_changed'],
  [{ enabled: true, emailVerified: true }, 'address_changed'],
  [{ enabled: true, email: 'a@x.fr', emailVerified: false }, 'address_not_verified'],
  [{ enabled: true, email: 'a@x.fr' }, 'address_not_verified'],
  [{ enabled: true, email: 'a@x.fr', emailVerified: true }, undefined],
])('a user %j of an activation for A@x.fr: %s', (user, problem) => {
  expect(findProblem({ address: 'A@x.fr' }, user)).toBe(problem)
})

const user = (id: string, key?: string) => ({
  id,
  username: 'a@x.fr',
  attributes: { activation: ['pending'], ...(key !== undefined && { activation_record: [key] }) },
})

test('a user is ours by the id that we wrote down, and before that by the key of the record, never by its looks', () => {
  const record = { record: 'r', addressKey: 'a@x.fr', userId: null, createdAt: new Date(), openedBy: null }
  expect(isOurs(record, user('u', 'r'))).toBe(true)
  expect(isOurs(record, user('u', 'another'))).toBe(false)
  expect(isOurs(record, user('u'))).toBe(false)
  expect(isOurs(undefined, user('u', 'r'))).toBe(false)
  expect(isOurs({ ...record, userId: 'u' }, user('u'))).toBe(true)
  expect(isOurs({ ...record, userId: 'u' }, user('v', 'r'))).toBe(false)
})
