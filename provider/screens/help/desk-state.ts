/**
 * Whether the Service Relation Client answers at a moment, and when that changes: by its opening hours, in Paris, and
 * the public holidays of France (Code du travail, article L3133-1). Pure.
 */
import type { OpeningHours } from '../../../core/opening-hours.ts'

/** A day of the calendar, `YYYY-MM-DD`, and minutes since its midnight, in Paris. */
export type ParisTime = { date: string; minutes: number }

export type DeskState =
  | { isOpen: true; until: ParisTime }
  /** `opensAt` is `undefined` when it does not open within a year. */
  | { isOpen: false; opensAt: ParisTime | undefined; isHoliday: boolean }

const dayMs = 86_400_000

/** @param now milliseconds since 1970 */
export function readDeskState(hours: OpeningHours, now: number): DeskState {
  const { date, minutes } = inParis(now)
  const today = openSpans(hours, date)
  const current = today.find(({ from, to }) => from <= minutes && minutes < to)
  if (current) return { isOpen: true, until: { date, minutes: current.to } }
  const later = today.find(({ from }) => from > minutes)
  return {
    isOpen: false,
    isHoliday: isFrenchHoliday(date),
    opensAt: later ? { date, minutes: later.from } : nextOpening(hours, date),
  }
}

function nextOpening(hours: OpeningHours, date: string): ParisTime | undefined {
  for (let days = 1; days <= 366; days++) {
    const next = new Date(Date.parse(date) + days * dayMs).toISOString().slice(0, 10)
    const [first] = openSpans(hours, next)
    if (first) return { date: next, minutes: first.from }
  }
  return undefined
}

function openSpans(hours: OpeningHours, date: string) {
  if (isFrenchHoliday(date)) return []
  const day = weekdayOf(date)
  return hours.find(({ first, last }) => first <= day && day <= last)?.spans ?? []
}

/** 1 Monday to 7 Sunday. */
const weekdayOf = (date: string): number => new Date(date).getUTCDay() || 7

const paris = new Intl.DateTimeFormat('en-CA', {
  timeZone: 'Europe/Paris',
  year: 'numeric',
  month: '2-digit',
  day: '2-digit',
  hour: '2-digit',
  minute: '2-digit',
  hourCycle: 'h23',
})

export function inParis(now: number): ParisTime {
  const part = Object.fromEntries(paris.formatToParts(now).map(({ type, value }) => [type, value]))
  return {
    date: `${part['year']}-${part['month']}-${part['day']}`,
    minutes: Number(part['hour']) * 60 + Number(part['minute']),
  }
}

const fixedHolidays = new Set(['01-01', '05-01', '05-08', '07-14', '08-15', '11-01', '11-11', '12-25'])
/** Days after Easter Sunday: Easter Monday, Ascension, Whit Monday. */
const movableHolidays = [1, 39, 50]

/** @param date `YYYY-MM-DD`, from 1583 on */
export function isFrenchHoliday(date: string): boolean {
  if (fixedHolidays.has(date.slice(5))) return true
  const afterEaster = (Date.parse(date) - easterSunday(Number(date.slice(0, 4)))) / dayMs
  return movableHolidays.includes(afterEaster)
}

/** The Gregorian rule in the form of Meeus, Jones and Butcher. @returns its midnight in UTC, as milliseconds since 1970 */
function easterSunday(year: number): number {
  const century = Math.floor(year / 100)
  const golden = year % 19
  const epact =
    (19 * golden + century - Math.floor(century / 4) - Math.floor((8 * century + 13) / 25) + 15) % 30
  const weekday = (32 + 2 * (century % 4) + 2 * Math.floor((year % 100) / 4) - epact - (year % 4)) % 7
  const correction = Math.floor((golden + 11 * epact + 22 * weekday) / 451)
  const days = epact + weekday - 7 * correction + 114
  return Date.UTC(year, Math.floor(days / 31) - 1, (days % 31) + 1)
}
