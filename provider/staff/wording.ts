/** Times and ages as agents read them: in Paris, where the Service Relation Client is. Pure: the caller has the clock. */
import { html } from 'hono/html'
import type { Language } from '../../core/text.ts'
import type { Html } from '../screens/layout.ts'

const locale = (language: Language) => (language === 'fr' ? 'fr-FR' : 'en-GB')

/** "24 nov. 2026, 13:45". @param at ISO 8601 */
export function describeTime(language: Language, at: string | Date): string {
  return new Intl.DateTimeFormat(locale(language), {
    day: 'numeric',
    month: 'short',
    year: 'numeric',
    hour: '2-digit',
    minute: '2-digit',
    timeZone: 'Europe/Paris',
  }).format(new Date(at))
}

export const time = (language: Language, at: string | Date): Html =>
  html`<time datetime="${new Date(at).toISOString()}">${describeTime(language, at)}</time>`

const units = [
  ['day', 86_400_000],
  ['hour', 3_600_000],
  ['minute', 60_000],
] as const

/** "il y a 3 jours". @param now milliseconds since 1970 */
export function describeAge(language: Language, since: Date, now: number): string {
  const ms = Math.max(0, now - since.getTime())
  const [unit, length] = units.find(([, one]) => ms >= one) ?? ['minute', 60_000]
  return new Intl.RelativeTimeFormat(locale(language)).format(-Math.floor(ms / length), unit)
}
