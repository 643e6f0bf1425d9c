/** A moment for people in France: `mardi 24 novembre à 18:05`. */
import type { Language } from '../../core/text.ts'

export function showMoment(moment: Date, language: Language): string {
  const format = new Intl.DateTimeFormat(language === 'fr' ? 'fr-FR' : 'en-GB', {
    weekday: 'long',
    day: 'numeric',
    month: 'long',
    hour: '2-digit',
    minute: '2-digit',
    timeZone: 'Europe/Paris',
  })
  return format.format(moment)
}

/** A day there: `24 novembre 2026`. */
export function showDay(moment: Date, language: Language): string {
  const format = new Intl.DateTimeFormat(language === 'fr' ? 'fr-FR' : 'en-GB', {
    dateStyle: 'long',
    timeZone: 'Europe/Paris',
  })
  return format.format(moment)
}
