/**
 * The day on which Cofacering closes: from then on nobody starts an activation; those that are under way are finished.
 * One source for the pages, the realm and the operators. Pure: the caller has the clock.
 */
import { z } from 'zod'
import { defineConfig } from './config.ts'
import type { Language } from './text.ts'

const instant = z.iso
  .datetime({ offset: true, error: 'must be an ISO 8601 instant with a zone, as 2026-12-31T18:00:00+01:00' })
  .transform((text) => new Date(text))

export const closingConfig = defineConfig({
  COFACERING_CLOSES_AT: {
    schema: instant,
    optional: true,
    description:
      'When Cofacering closes, as an ISO 8601 instant with a zone (`2026-12-31T18:00:00+01:00`). Before it, pages announce it; after it, nobody starts an activation, and those under way are finished. Absent: it stays open.',
  },
})

/** @param now milliseconds since 1970; at the very instant it is closed */
export const isClosed = (closesAt: Date | undefined, now: number): boolean =>
  closesAt !== undefined && now >= closesAt.getTime()

/** Date and time in Paris, in words: "jeudi 31 décembre 2026 à 18 h (heure de Paris)". */
export function describeClosing(closesAt: Date, language: Language): string {
  const format = new Intl.DateTimeFormat(language === 'fr' ? 'fr-FR' : 'en-GB', {
    weekday: 'long',
    day: 'numeric',
    month: 'long',
    year: 'numeric',
    hour: '2-digit',
    minute: '2-digit',
    hourCycle: 'h23',
    timeZone: 'Europe/Paris',
  })
  const parts = Object.fromEntries(format.formatToParts(closesAt).map(({ type, value }) => [type, value]))
  const { weekday, day, month, year, hour, minute } = parts
  if (language === 'en') return `${weekday} ${day} ${month} ${year} at ${hour}:${minute} (Paris time)`
  const time = `${Number(hour)} h${minute === '00' ? '' : ` ${minute}`}`
  return `${weekday} ${day === '1' ? '1er' : day} ${month} ${year} à ${time} (heure de Paris)`
}
