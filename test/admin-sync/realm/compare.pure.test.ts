import { describe, expect, test } from 'vitest'
import { anyOrder, atLeast, compare, initial, merge, off } from '../../../admin-sync/realm/compare.ts'

describe('compare', () => {
  test('looks at our keys only, at any depth', () => {
    const current = { a: 1, theirs: 2, map: { ours: 'x', theirs: 'y' } }
    expect(compare(current, { a: 1, map: { ours: 'x' } })).toEqual([])
    expect(compare(current, { map: { ours: 'z' } })).toEqual([{ key: 'map.ours', from: 'x', to: 'z' }])
  })

  test('takes absent, empty and false as the same "not set"', () => {
    for (const value of [undefined, null, '', false, 'false'])
      expect(compare({ key: value }, { key: off })).toEqual([])
    for (const value of [true, 'true', 'x', { roles: ['user'] }])
      expect(compare({ key: value }, { key: off })).toHaveLength(1)
  })

  test('asks of a list what it must hold, and of another the same order', () => {
    expect(compare({ list: ['b', 'a', 'c'] }, { list: atLeast(['a', 'b']) })).toEqual([])
    expect(compare({ list: ['a'] }, { list: atLeast(['a', 'b']) })).toEqual([
      { key: 'list', from: '["a"]', to: 'also b' },
    ])
    expect(compare({ list: ['b', 'a'] }, { list: ['a', 'b'] })).toHaveLength(1)
  })

  test('takes a list without an order in any order, and with nothing else in it', () => {
    const wanted = { list: anyOrder(['b', 'a']) }
    expect(compare({ list: ['a', 'b'] }, wanted)).toEqual([])
    for (const list of [undefined, ['a'], ['a', 'b', 'c'], ['a', 'a']])
      expect(compare({ list }, wanted)).toHaveLength(1)
  })

  test('leaves alone what was only given at creation', () => {
    expect(compare({ enabled: false }, { enabled: initial(true) })).toEqual([])
  })

  test('never shows a secret', () => {
    const shown = JSON.stringify(compare({ secret: 'old-one' }, { secret: 'new-one' }))
    expect(shown).not.toContain('old-one')
    expect(shown).not.toContain('new-one')
  })
})

describe('merge', () => {
  test('keeps every key of others and writes ours', () => {
    expect(merge({ a: 1, theirs: 2, map: { ours: 'x', theirs: 'y' } }, { a: 3, map: { ours: 'z' } })).toEqual(
      { a: 3, theirs: 2, map: { ours: 'z', theirs: 'y' } },
    )
  })

  test('gives what a comparison then finds right', () => {
    const wanted = {
      on: true,
      gone: off,
      text: off,
      rule: off,
      list: atLeast(['a']),
      set: anyOrder(['y', 'x']),
      first: initial(true),
      map: { key: 'v' },
    }
    for (const current of [
      {},
      { on: false, gone: true, text: 'x', rule: { roles: ['user'] }, list: ['b'], first: false },
    ])
      expect(compare(merge(current, wanted), wanted)).toEqual([])
  })

  test('clears in the way that Keycloak takes as clearing', () => {
    expect(
      merge({ flag: true, text: 'x', rule: { roles: ['user'] } }, { flag: off, text: off, rule: off }),
    ).toEqual({ flag: false, text: '' })
  })

  test('uses what is given at creation only there', () => {
    expect(merge(undefined, { enabled: initial(true) })).toEqual({ enabled: true })
    expect(merge({ enabled: false }, { enabled: initial(true) })).toEqual({ enabled: false })
  })
})
