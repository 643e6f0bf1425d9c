/** Whether the desk answers: by its hours, the public holidays of France, and the clock of Paris. */
import { describe, expect, test } from 'vitest'
import { openingHours, type OpeningHours } from '../../../../core/opening-hours.ts'
import { isFrenchHoliday, readDeskState } from '../../../../provider/screens/help/desk-state.ts'

const weekdays = openingHours.parse('mon-fri 08:00-18:00')
const at = (instant: string, hours: OpeningHours = weekdays) => readDeskState(hours, Date.parse(instant))

const until = (date: string) => ({ isOpen: true, until: { date, minutes: 18 * 60 } })
const closed = (date: string, isHoliday = false) => ({
  isOpen: false,
  isHoliday,
  opensAt: { date, minutes: 8 * 60 },
})

describe('the desk', () => {
  test('is open from the first minute to the last, by the clock of Paris in winter and in summer', () => {
    expect(at('2026-11-24T07:00:00Z')).toEqual(until('2026-11-24'))
    expect(at('2026-11-24T16:59:59Z')).toEqual(until('2026-11-24'))
    expect(at('2026-07-15T06:00:00Z')).toEqual(until('2026-07-15'))
    expect(at('2026-07-15T15:59:59Z')).toEqual(until('2026-07-15'))
  })

  test('is closed around that, and says when it opens', () => {
    expect(at('2026-11-24T06:59:59Z')).toEqual(closed('2026-11-24'))
    expect(at('2026-11-24T17:00:00Z')).toEqual(closed('2026-11-25'))
    // Almost midnight in London is Saturday in Paris.
    expect(at('2026-11-27T23:30:00Z')).toEqual(closed('2026-11-30'))
    expect(at('2026-12-24T17:00:00Z')).toEqual(closed('2026-12-28'))
    expect(at('2026-12-25T10:00:00Z')).toEqual(closed('2026-12-28', true))
    expect(at('2026-05-01T10:00:00Z')).toEqual(closed('2026-05-04', true))
  })

  test('is closed at noon when it says so', () => {
    const split = openingHours.parse('mon-thu 09:00-12:30 14:00-18:00, fri 09:00-12:30')
    expect(at('2026-11-24T12:00:00Z', split)).toEqual({
      isOpen: false,
      isHoliday: false,
      opensAt: { date: '2026-11-24', minutes: 14 * 60 },
    })
    expect(at('2026-11-27T12:00:00Z', split)).toMatchObject({ opensAt: { date: '2026-11-30' } })
  })

  test('that opens on a day that is always a holiday never opens', () => {
    // 1 January 2028 is a Saturday; whoever opens on holidays alone opens on none.
    const never = openingHours.parse('sun 08:00-09:00').map((run) => ({ ...run, spans: [] }))
    expect(at('2026-11-24T12:00:00Z', never)).toEqual({
      isOpen: false,
      isHoliday: false,
      opensAt: undefined,
    })
  })
})

/** Easter Monday, Ascension and Whit Monday as the calendar of each year has them. */
const movable: Record<number, [string, string, string]> = {
  2024: ['04-01', '05-09', '05-20'],
  2025: ['04-21', '05-29', '06-09'],
  2026: ['04-06', '05-14', '05-25'],
  2027: ['03-29', '05-06', '05-17'],
  2028: ['04-17', '05-25', '06-05'],
  2029: ['04-02', '05-10', '05-21'],
  2030: ['04-22', '05-30', '06-10'],
  2031: ['04-14', '05-22', '06-02'],
  2032: ['03-29', '05-06', '05-17'],
  2033: ['04-18', '05-26', '06-06'],
  2034: ['04-10', '05-18', '05-29'],
  2035: ['03-26', '05-03', '05-14'],
}
const fixed = ['01-01', '05-01', '05-08', '07-14', '08-15', '11-01', '11-11', '12-25']

test.each(Object.entries(movable))('the public holidays of %s are these and no others', (year, days) => {
  const wanted = new Set([...fixed, ...days])
  const found = new Set<string>()
  for (let day = Date.UTC(Number(year), 0, 1); day < Date.UTC(Number(year) + 1, 0, 1); day += 86_400_000) {
    const date = new Date(day).toISOString().slice(0, 10)
    if (isFrenchHoliday(date)) found.add(date.slice(5))
  }
  expect(found).toEqual(wanted)
})
