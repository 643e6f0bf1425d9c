/** The curve of the migration: logins activated on each day, and in all. Numbers and their places in a picture; pure. */
import type { MigrationNumbers } from '../../../core/migration.ts'

export type CurveDay = {
  /** YYYY-MM-DD, in Paris. */
  day: string
  activated: number
  /** Up to the end of the day. */
  total: number
}
export type Curve = {
  /** Every day from the first to the last, at least one. */
  days: CurveDay[]
  /** Activated before the first of them. */
  before: number
  most: number
}

const paris = new Intl.DateTimeFormat('sv-SE', { timeZone: 'Europe/Paris' })
const dayMs = 86_400_000
const noon = (day: string) => Date.parse(`${day}T12:00:00Z`)

/**
 * Fills the days on which nobody came, up to today.
 * @param length how many days at most, the last ones
 */
export function drawCurve({ days, asOf }: Pick<MigrationNumbers, 'days' | 'asOf'>, length: number): Curve {
  const today = paris.format(new Date(asOf))
  const first = days[0]?.day ?? today
  const count = Math.min(length, Math.max(1, Math.round((noon(today) - noon(first)) / dayMs) + 1))
  const shown = Array.from({ length: count }, (_, index) =>
    new Date(noon(today) - (count - 1 - index) * dayMs).toISOString().slice(0, 10),
  )
  const byDay = new Map(days.map(({ day, activated }) => [day, activated]))
  const before = days
    .filter(({ day }) => day < (shown[0] ?? today))
    .reduce((sum, { activated }) => sum + activated, 0)
  let total = before
  return {
    before,
    days: shown.map((day) => {
      const activated = byDay.get(day) ?? 0
      total += activated
      return { day, activated, total }
    }),
    most: Math.max(0, ...shown.map((day) => byDay.get(day) ?? 0)),
  }
}

/** The end of an axis that holds the number: 1, 2 or 5 with zeros; 1 at least. */
export function endOfAxis(number: number): number {
  const power = 10 ** Math.floor(Math.log10(Math.max(1, number)))
  return ([1, 2, 5, 10].find((step) => step * power >= number) ?? 10) * power
}

/** Hundredths of the height, from above, with at most two decimals. */
export const placeOf = (number: number, end: number): number =>
  Math.round((100 - (100 * number) / end) * 100) / 100
