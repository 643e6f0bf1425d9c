/**
 * The portal's pages in a browser: each in both languages against axe in both colour schemes, nothing beside the
 * screen at 360 and 1200 px, nothing executed of what a contract holds, and a portfolio of 10,000 companies by keyboard alone, without a script.
 */
import type { Page } from 'playwright-core'
import { beforeAll, expect, test } from 'vitest'
import { runAxe } from '../../support/accessible.ts'
import { startBrowser, takeScreenshot } from '../../support/browser.ts'
import { makeDocument } from '../../support/workspace.ts'
import { makePortfolio, startPortal } from './portal.ts'

const portal = await startPortal(() => ({
  contracts: ['C-1', 'C-large', 'C-coming'],
  contracts_total: 3,
  reports: ['essentiel', 'efficient'],
  analyses: ['classic'],
}))
const browser = await startBrowser()
const hostile = '<script>document.title = "executed"</script>'
beforeAll(async () => {
  const document = makeDocument('C-1', { company: { country: 'FR', number: '000123457', name: hostile } })
  document.portfolio.push({
    country: 'GB',
    number: '0'.repeat(32),
    name: `${hostile} ${'Bergheim-'.repeat(18)}`,
    reference: hostile,
    addedOn: '2024-02-29',
  })
  await Promise.all([
    portal.carry(document),
    portal.carry(makeDocument('C-large', { portfolio: makePortfolio(10_000) }), false),
  ])
})

async function signIn(page: Page): Promise<void> {
  portal.issuer.answer.next = [{ login: { accountId: 'chloe' } }]
  await page.goto(`${portal.url}/sign-in`)
  await page.waitForSelector('#who')
}

const pages: [name: string, path: string][] = [
  ['home', '/'],
  ['contract', '/contracts/C-1'],
  ['portfolio', '/contracts/C-1/portfolio'],
  ['large-portfolio', '/contracts/C-large/portfolio?q=soc&page=3&sort=-added'],
  ['nothing-found', '/contracts/C-1/portfolio?q=nothing'],
  ['company', '/contracts/C-1/companies/FR/000000109'],
  ['monitoring', '/contracts/C-1/monitoring'],
  ['monitoring-before', '/contracts/C-large/monitoring'],
  ['reports', '/contracts/C-1/reports'],
  ['countries', '/contracts/C-1/countries'],
  ['analyses', '/contracts/C-1/analyses'],
  ['messages', '/contracts/C-1/messages'],
  ['carried', '/contracts/C-coming'],
]

/** What can be seen and stands outside of the screen's width, or of its own frame. */
const beside = `[...document.querySelectorAll('main *, header *')]
  .filter((one) => !one.closest('.ell-visually-hidden, .ell-table__words'))
  .filter((one) => { const { left, right, width } = one.getBoundingClientRect(); return width > 0 && (left < -1 || right > innerWidth + 1) })
  .map((one) => one.tagName + ' ' + one.textContent.trim().slice(0, 40))`

test.for(['fr', 'en'] as const)('every page is for everybody, in %s', async (language) => {
  const { page } = await browser.open(language === 'fr' ? 'fr-FR' : 'en-GB')
  const problems: string[] = []
  page.on('console', (message) => {
    if (message.type() === 'error' && !message.text().includes('404')) problems.push(message.text())
  })
  await signIn(page)
  for (const [name, path] of pages) {
    await page.goto(`${portal.url}${path}`)
    expect(await page.title()).not.toBe('executed')
    expect(await page.getAttribute('html', 'lang')).toBe(language)
    for (const [width, colorScheme] of [
      [360, 'dark'],
      [1200, 'light'],
    ] as const) {
      await page.setViewportSize({ width, height: 900 })
      await page.emulateMedia({ colorScheme })
      const wide = await page.evaluate<string[]>(beside)
      problems.push(...wide.map((text) => `${name}: at ${width} px beside the screen: ${text}`))
      const found = await runAxe(page)
      problems.push(...found.map(({ id, html }) => `${name}: axe ${id}: ${html.slice(0, 120)}`))
      if (language === 'fr') await takeScreenshot(page, `portal-${name}-${width}`)
    }
  }
  expect(problems).toEqual([])
})

test('by keyboard alone and without a script a company is found, and its alert stopped', async () => {
  const { page } = await browser.open('fr-FR', { javaScriptEnabled: false })
  await signIn(page)
  await page.goto(`${portal.url}/contracts/C-1/portfolio`)
  await page.focus('#q')
  await page.keyboard.type('zebulon')
  await page.keyboard.press('Enter')
  await page.waitForURL('**/portfolio?q=zebulon')
  await page.focus('#portfolio tbody a')
  await page.keyboard.press('Enter')
  await page.waitForURL('**/companies/FR/000000109')
  await page.focus('#alerts button')
  await page.keyboard.press('Enter')
  await page.waitForSelector('#alerts .ell-tag--warning')
  expect(await page.innerText('#alerts button >> nth=0')).toBe('Reprendre')
  expect((await portal.store.readDigest('C-1'))?.sections.monitoring.count).toBe(1)
})
