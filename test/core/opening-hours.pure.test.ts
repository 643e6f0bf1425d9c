/** One setting for the opening hours: read strictly, said in both languages. */
import { describe, expect, test } from 'vitest'
import { describeOpeningHours, openingHours } from '../../core/opening-hours.ts'

const plain = (text: string) => text.replaceAll('\u00a0', ' ')
const say = (text: string) => {
  const hours = openingHours.parse(text)
  return [plain(describeOpeningHours(hours, 'fr')), plain(describeOpeningHours(hours, 'en'))]
}

describe('opening hours', () => {
  test.each([
    [
      'mon-fri 08:00-18:00',
      'du lundi au vendredi, de 8 h à 18 h',
      'Monday to Friday, 8 am to 6 pm (Paris time)',
    ],
    [
      'Mon-Thu 09:00-12:30 14:00-18:00,  fri 09:00-12:00',
      'du lundi au jeudi, de 9 h à 12 h 30 et de 14 h à 18 h ; le vendredi, de 9 h à 12 h',
      'Monday to Thursday, 9 am to 12:30 pm and 2 pm to 6 pm; Friday, 9 am to 12 pm (Paris time)',
    ],
    [
      'mon-sun 00:00-24:00',
      'du lundi au dimanche, de 0 h à 24 h',
      'Monday to Sunday, 12 am to 12 am (Paris time)',
    ],
  ])('%s is said in words', (text, french, english) => {
    expect(say(text)).toEqual([french, english])
  })

  test.each([
    '',
    'mon-fri',
    'lun-ven 08:00-18:00',
    'fri-mon 08:00-18:00',
    'mon-fri 8:00-18:00',
    'mon-fri 18:00-08:00',
    'mon-fri 08:00-08:00',
    'mon-fri 08:00-24:01',
    'mon-fri 08:60-18:00',
    'mon-fri 08:00-12:00 11:00-18:00',
    'mon-fri 08:00-18:00,',
    'mon-fri 08:00-18:00, fri 09:00-10:00',
    'mon-wed-fri 08:00-18:00',
    'mon-fri 08:00-18:00; sat 08:00-12:00',
  ])('%o is refused', (text) => {
    expect(openingHours.safeParse(text).success).toBe(false)
  })
})
