/**
 * What only a browser shows of the migration's page: both languages against test/support/accessible.ts, the two pictures
 * on a small screen, on a large one and on paper, no refusal by the content security policy, and the list taken by
 * keyboard alone, without JavaScript.
 */
import { readFileSync } from 'node:fs'
import { afterAll, expect, test } from 'vitest'
import pg from 'pg'
import type { BrowserContext } from 'playwright-core'
import { loadTexts } from '../../../core/text.ts'
import { createInspector } from '../../support/accessible.ts'
import { startBrowser, takeScreenshot } from '../../support/browser.ts'
import { createDatabase } from '../../support/postgres.ts'
import { startInstance } from '../support/instance.ts'
import { grantSession, makeMove } from './migration-data.ts'

const database = await createDatabase()
const pool = new pg.Pool({ connectionString: database.sync, max: 2 })
afterAll(() => pool.end())
const texts = loadTexts(new URL('../../../provider/text/', import.meta.url))
const { origin } = await startInstance(database.provider, {}, undefined, texts)
const browser = await startBrowser()
await makeMove(pool)

async function signIn(context: BrowserContext, o: Parameters<typeof grantSession>[1]): Promise<void> {
  const { secret } = await grantSession(pool, o)
  await context.addCookies([{ name: 'staff', value: secret, url: origin }])
}

test.each([
  ['fr-FR', 'fr'],
  ['en-GB', 'en'],
] as const)('everybody can read the page, and nothing of it is refused: %s', async (locale, language) => {
  const { page, context } = await browser.open(locale)
  const refused: string[] = []
  page.on('console', (message) => {
    if (message.type() === 'error' && !message.text().includes('403')) refused.push(message.text())
  })
  await signIn(context, { isLead: true, isAgent: language === 'en' })
  const inspector = createInspector(language)
  await page.goto(`${origin}/staff/migration`)
  const problems = await inspector.inspect(page, 'staff-migration')
  await page.goto(`${origin}/staff/migration?range=366`)
  await page.setViewportSize({ width: 320, height: 800 })
  problems.push(...(await inspector.inspect(page, 'staff-migration 366')))
  if (language === 'fr') {
    await page.goto(`${origin}/staff/cases/00000000-0000-4000-8000-000000000000`)
    problems.push(...(await inspector.inspect(page, 'staff-refused')))
  }
  expect(problems).toEqual([])
  expect(refused).toEqual([])
  await context.close()
})

test('the pictures keep their size and their words on a small screen, a large one and on paper', async () => {
  const { page, context } = await browser.open('fr-FR')
  await signIn(context, { isLead: true })
  await page.goto(`${origin}/staff/migration`)
  for (const width of [360, 1200]) {
    await page.setViewportSize({ width, height: 1150 })
    const boxes = await page.locator('.ell-chart__picture').evaluateAll((all) =>
      (all as unknown as { getBoundingClientRect(): { width: number; height: number; right: number } }[]).map(
        (one) => {
          const { width: w, height, right } = one.getBoundingClientRect()
          return { isWide: w > 150, height: Math.round(height), isInside: right <= 1200 }
        },
      ),
    )
    expect(boxes).toEqual([1, 2].map(() => ({ isWide: true, height: 160, isInside: true })))
    expect(await page.evaluate('document.documentElement.scrollWidth <= innerWidth')).toBe(true)
  }
  await takeScreenshot(page, 'staff-migration')
  const bars = page.locator('.ell-chart__bar')
  expect(await bars.count()).toBeGreaterThan(5)
  const [picture] = await page.getByRole('img', { name: 'Activés ce jour' }).all()
  expect(await picture?.locator('desc').textContent()).toMatch(/150 identifiants activés/)
  await page.emulateMedia({ media: 'print' })
  expect(await bars.first().isVisible()).toBe(true)
  expect(await page.getByRole('button').count()).toBe(0)
  await context.close()
})

test('a lead takes the list by keyboard alone, without JavaScript', async () => {
  const { page, context } = await browser.open('fr-FR', { javaScriptEnabled: false })
  await signIn(context, { isLead: true })
  await page.goto(`${origin}/staff/migration`)
  await page.locator('#state-untouched').focus()
  await page.keyboard.press('Space')
  for (let stops = 0; stops < 10 && !(await page.locator('button:focus').count()); stops++)
    await page.keyboard.press('Tab')
  const [download] = await Promise.all([page.waitForEvent('download'), page.keyboard.press('Enter')])
  expect(download.suggestedFilename()).toMatch(/^identifiants-restants-\d{4}-\d\d-\d\d\.csv$/)
  const list = readFileSync(await download.path(), 'utf8')
  expect(list.split('\r\n')[0]).toBe(
    '\uFEFF"Identifiant";"Société";"Contrat";"Contact";"Téléphone";"E-mail";"Partagé";"Dernière connexion";"Situation"',
  )
  expect(list).toContain('"en cours"')
  expect(list).not.toContain('"jamais commencé"')
  // The page is still there, for the next list.
  expect(await page.getAttribute('body', 'data-page')).toBe('staff-migration')
  await context.close()
})
