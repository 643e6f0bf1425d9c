/**
 * When the Service Relation Client can be called, as one setting: from it come the sentence on pages and in mails, and
 * whether it is open now (provider/screens/help/). Times are those of Paris. Pure.
 *
 *   mon-fri 08:00-18:00
 *   mon-thu 09:00-12:30 14:00-18:00, fri 09:00-12:30
 */
import { z } from 'zod'
import type { Language } from './text.ts'

/** Minutes since midnight; `to` is not in it. */
export type Span = { from: number; to: number }
/** A run of days of the week (1 Monday to 7 Sunday, `last` in it) that have the same hours. */
export type OpeningDays = { first: number; last: number; spans: readonly Span[] }
/** In order, without overlap. */
export type OpeningHours = readonly OpeningDays[]

const days = ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun']
const minutesADay = 24 * 60

/** Reads the text of the setting. */
export const openingHours = z.string().transform((text, ctx): OpeningHours => {
  const hours = text.split(',').map((part) => readDays(part.trim().toLowerCase()))
  const isInOrder = hours.every((run, i) => run && (i === 0 || run.first > (hours[i - 1]?.last ?? 7)))
  if (isInOrder) return hours as OpeningHours
  ctx.addIssue({
    code: 'custom',
    message: 'must be days and hours in order, as `mon-thu 09:00-12:30 14:00-18:00, fri 09:00-12:30`',
  })
  return z.NEVER
})

function readDays(part: string): OpeningDays | undefined {
  const [names = '', ...spanTexts] = part.split(/\s+/)
  const [first = -1, last = first, ...more] = names.split('-').map((name) => days.indexOf(name))
  const spans = spanTexts.map(readSpan)
  if (first === -1 || last < first || more.length > 0 || spans.length === 0) return undefined
  if (!spans.every((span, i) => span && span.from >= (spans[i - 1]?.to ?? 0))) return undefined
  return { first: first + 1, last: last + 1, spans: spans as Span[] }
}

function readSpan(text: string): Span | undefined {
  const [, ...digits] = /^(\d\d):(\d\d)-(\d\d):(\d\d)$/.exec(text) ?? []
  const [fromHour = 99, fromMinute = 99, toHour = 99, toMinute = 99] = digits.map(Number)
  const [from, to] = [fromHour * 60 + fromMinute, toHour * 60 + toMinute]
  return fromMinute < 60 && toMinute < 60 && from < to && to <= minutesADay ? { from, to } : undefined
}

/** "du lundi au vendredi, de 8 h à 18 h", "Monday to Friday, 8 am to 6 pm (Paris time)". */
export function describeOpeningHours(hours: OpeningHours, language: Language): string {
  const runs = hours.map(({ first, last, spans }) =>
    language === 'fr'
      ? `${nameDaysFrench(first, last)}, ${joinWords(
          spans.map(({ from, to }) => `de ${describeTime(from, 'fr')} à ${describeTime(to, 'fr')}`),
          'et',
        )}`
      : `${first === last ? nameDay(first, 'en') : `${nameDay(first, 'en')} to ${nameDay(last, 'en')}`}, ${joinWords(
          spans.map(({ from, to }) => `${describeTime(from, 'en')} to ${describeTime(to, 'en')}`),
          'and',
        )}`,
  )
  return language === 'fr' ? runs.join(' ; ') : `${runs.join('; ')} (Paris time)`
}

const nameDaysFrench = (first: number, last: number) =>
  first === last ? `le ${nameDay(first, 'fr')}` : `du ${nameDay(first, 'fr')} au ${nameDay(last, 'fr')}`

const joinWords = (parts: readonly string[], word: string) =>
  parts.length < 2 ? parts.join() : `${parts.slice(0, -1).join(', ')} ${word} ${parts.at(-1)}`

/** @param day 1 Monday to 7 Sunday */
function nameDay(day: number, language: Language): string {
  // 1 January 2024 was a Monday.
  return new Intl.DateTimeFormat(language, { weekday: 'long', timeZone: 'UTC' }).format(
    Date.UTC(2024, 0, day),
  )
}

/** "8 h", "8 h 30"; "8 am", "8:30 am". @param minutes since midnight */
export function describeTime(minutes: number, language: Language): string {
  const [hour, minute] = [Math.floor(minutes / 60), minutes % 60]
  const padded = String(minute).padStart(2, '0')
  if (language === 'fr') return `${hour}\u00a0h${minute === 0 ? '' : `\u00a0${padded}`}`
  const half = hour % 24 < 12 ? 'am' : 'pm'
  return `${hour % 12 === 0 ? 12 : hour % 12}${minute === 0 ? '' : `:${padded}`}\u00a0${half}`
}
