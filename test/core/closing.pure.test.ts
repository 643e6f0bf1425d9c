/** The day on which Cofacering closes: how it is written, read and compared. */
import { describe, expect, test } from 'vitest'
import { closingConfig, describeClosing, isClosed } from '../../core/closing.ts'
import { readConfig } from '../../core/config.ts'
import { ConfigError } from '../../core/errors.ts'

const read = (text?: string) =>
  readConfig(closingConfig, text === undefined ? {} : { COFACERING_CLOSES_AT: text }).COFACERING_CLOSES_AT

const said = (text: string) => {
  const at = read(text)
  return at && (['fr', 'en'] as const).map((language) => describeClosing(at, language))
}

describe('COFACERING_CLOSES_AT', () => {
  test('is an instant with a zone, or absent', () => {
    expect(read()).toBeUndefined()
    expect(read('')).toBeUndefined()
    expect(read('2026-12-31T18:00:00+01:00')?.toISOString()).toBe('2026-12-31T17:00:00.000Z')
    expect(read('2026-12-31T17:00:00Z')?.toISOString()).toBe('2026-12-31T17:00:00.000Z')
  })

  test.each(['2026-12-31', '2026-12-31T18:00:00', '31/12/2026 18:00', 'tomorrow', '2026-02-30T10:00:00Z'])(
    'refuses %s, which says no moment or not which',
    (text) => expect(() => read(text)).toThrow(ConfigError),
  )

  test('is said in words, as the clock of Paris shows it, in summer and in winter', () => {
    expect(said('2026-12-31T17:00:00Z')).toEqual([
      'jeudi 31 décembre 2026 à 18 h (heure de Paris)',
      'Thursday 31 December 2026 at 18:00 (Paris time)',
    ])
    expect(said('2026-06-30T22:05:00Z')).toEqual([
      'mercredi 1er juillet 2026 à 0 h 05 (heure de Paris)',
      'Wednesday 1 July 2026 at 00:05 (Paris time)',
    ])
  })

  test('has come at the instant itself, and never comes when absent', () => {
    const at = new Date('2026-12-31T17:00:00Z')
    expect([-1, 0, 1].map((ms) => isClosed(at, at.getTime() + ms))).toEqual([false, true, true])
    expect(isClosed(undefined, Number.MAX_SAFE_INTEGER)).toBe(false)
  })
})
