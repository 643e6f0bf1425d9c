/** The codes of countries and currencies, derived from the platform. */
import { expect, it } from 'vitest'
import { problems } from '../../../../admin-sync/contracts/import/problems.ts'
import { keys, listCurrencies, rules } from '../../../../admin-sync/contracts/import/rules.ts'
import { columns, kinds } from '../../../../admin-sync/contracts/model.ts'
import { listCountries } from '../../../../core/offer.ts'

it('the countries are the 249 of ISO 3166-1, without groups, parts, and countries that are no more', () => {
  const countries = listCountries()
  expect(countries).toHaveLength(249)
  expect(countries).toEqual(
    expect.arrayContaining(['FR', 'DE', 'GB', 'GF', 'AX', 'BQ', 'SS', 'TL', 'PS', 'TW']),
  )
  for (const code of [
    'EU',
    'UN',
    'EZ',
    'XK',
    'ZZ',
    'UK',
    'YU',
    'DD',
    'SU',
    'AN',
    'AC',
    'IC',
    'XA',
    'FX',
    'TP',
    'QO',
  ])
    expect(countries).not.toContain(code)
})

it('the currencies are those of today', () => {
  expect(listCurrencies()).toEqual(expect.arrayContaining(['EUR', 'USD', 'GBP', 'CHF', 'XPF', 'XOF']))
  for (const code of ['EURO', 'eur', 'ABC']) expect(listCurrencies()).not.toContain(code)
})

it('every rule is about a column of its kind, and every problem has its sentence in both languages', () => {
  for (const kind of kinds) {
    const names: readonly string[] = columns[kind]
    for (const { column, code } of rules[kind]) {
      expect(names).toContain(column)
      expect(problems[code].severity).toBe('error')
    }
    for (const name of keys[kind]) expect(names).toContain(name)
  }
  for (const { fr, en } of Object.values(problems)) {
    expect(fr).toMatch(/\p{L}/u)
    expect(en).toMatch(/\p{L}/u)
    expect(fr).not.toContain("'")
  }
})
