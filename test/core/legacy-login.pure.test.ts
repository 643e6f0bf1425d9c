import { describe, expect, it } from 'vitest'
import { loginKey, maximumLoginLength, trimLogin } from '../../core/legacy-login.ts'

describe('a login as typed', () => {
  it.each([
    ['DUPONT75', 'dupont75'],
    [' dupont ', 'dupont'],
    ['\u202adupont\u202c', 'dupont'],
    ['\ufeffdupont\u200b', 'dupont'],
    ['Élodie.GUÉRIN', 'élodie.guérin'],
    ['e\u0301lodie', 'élodie'],
    ['ＤＵＰＯＮＴ', 'dupont'],
    ['du pont', 'du pont'],
    ['du\u200bpont', 'du\u200bpont'],
  ])('%j is looked up as %j', (typed, key) => {
    expect(loginKey(typed)).toBe(key)
  })

  it.each([
    '',
    '   ',
    '\u200b',
    'du\0pont',
    'du\npont',
    'du\u007fpont',
    'a\ud800',
    'a'.repeat(maximumLoginLength + 1),
  ])('%j is no login', (typed) => {
    expect(loginKey(typed)).toBeUndefined()
  })

  it('keeps its capitals where one login must be told from another', () => {
    expect(trimLogin(' DuPont ')).toBe('DuPont')
  })
})
