/**
 * Questions and answers, as a person finds them: from the foot of a page, by the keyboard, without scripts and on paper;
 * and whether the desk answers now, on a clock of the test. What every page must hold is looked at in pages.browser.
 */
import { expect, test } from 'vitest'
import { loadTexts } from '../../../../core/text.ts'
import { startBrowser } from '../../../support/browser.ts'
import { createDatabase } from '../../../support/postgres.ts'
import { startInstance } from '../../support/instance.ts'

const database = await createDatabase()
const browser = await startBrowser()
const { origin, clock } = await startInstance(
  database.provider,
  { ONLINE_COUNTRIES: 'US,be,AT,FR,DE,ES,IT,CZ,EE,EG' },
  undefined,
  loadTexts(new URL('../../../../provider/text/', import.meta.url)),
)
const setClock = (instant: string) => {
  clock.offsetMs = Date.parse(instant) - Date.now()
}
const plain = (text: string | null) => text?.replaceAll(/\s+/g, ' ').trim()

test('every page leads to it, the keyboard reaches an answer, and nothing of it needs a script', async () => {
  const { page } = await browser.open('fr-FR', { javaScriptEnabled: false })
  await page.goto(`${origin}/`)
  await page.click('.ell-help a')
  expect(await page.locator('h1').textContent()).toBe('Questions et réponses')
  expect(await page.locator('.ell-help').count()).toBe(0)
  const questions = page.locator('.ell-contents a')
  expect(await questions.count()).toBe(9)
  for (const link of await questions.all()) {
    const anchor = (await link.getAttribute('href'))!
    expect(plain(await page.locator(`${anchor} h2`).textContent())).toBe(plain(await link.textContent()))
  }
  await questions.nth(5).focus()
  await page.keyboard.press('Enter')
  expect(new URL(page.url()).hash).toBe('#portfolio')
})

test.each([
  ['2026-11-24T10:00:00Z', 'true', 'Ouvert en ce moment, jusqu’à 18 h.', 'Open now, until 6 pm.'],
  [
    '2026-11-24T05:00:00Z',
    'false',
    'Fermé en ce moment. Ouvre aujourd’hui à 8 h.',
    'Closed at the moment. Opens today at 8 am.',
  ],
  [
    '2026-12-24T20:00:00Z',
    'false',
    'Fermé en ce moment. Ouvre lundi 28 décembre à 8 h.',
    'Closed at the moment. Opens on Monday 28 December at 8 am.',
  ],
  [
    '2026-12-25T10:00:00Z',
    'false',
    'Fermé aujourd’hui, jour férié. Ouvre lundi 28 décembre à 8 h.',
    'Closed today, a public holiday. Opens on Monday 28 December at 8 am.',
  ],
])('at %s the desk says whether it answers', async (instant, isOpen, french, english) => {
  setClock(instant)
  const { page, context } = await browser.open('fr-FR')
  await page.goto(`${origin}/help`)
  const state = page.locator('#desk-state')
  expect(await state.getAttribute('data-open')).toBe(isOpen)
  expect(plain(await state.textContent())).toBe(french)
  await page.click('nav.ell-language a[lang=en]')
  expect(plain(await state.textContent())).toMatch(english)
  await context.close()
})

test('the countries have the names of the language, in its order, and stand on paper with every answer', async () => {
  const { page } = await browser.open('fr-FR')
  await page.goto(`${origin}/help`)
  expect(await page.locator('#countries-list li').allTextContents()).toEqual([
    'Allemagne',
    'Autriche',
    'Belgique',
    'Égypte',
    'Espagne',
    'Estonie',
    'États-Unis',
    'France',
    'Italie',
    'Tchéquie',
  ])
  await page.emulateMedia({ media: 'print' })
  expect(await page.locator('.ell-contents').isVisible()).toBe(false)
  expect(await page.locator('nav.ell-language').isVisible()).toBe(false)
  const answers = await page.locator('.ell-answer').all()
  expect(answers).toHaveLength(9)
  for (const answer of answers) expect(await answer.isVisible()).toBe(true)
  expect(await page.locator('.ell-desk__contacts').isVisible()).toBe(true)
})
