/** Chromium for a test file: one browser, a context for each person, and the screenshots of the README. */
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { chromium, type Browser, type BrowserContext, type Page } from 'playwright-core'
import { afterAll } from 'vitest'
import { findBrowser } from '../../dev/browser.ts'

const quiet = [
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
]

export type Person = { context: BrowserContext; page: Page }

/**
 * Call it at the top of the test file; the browser is closed with it.
 * @param flags more of Chromium's own, such as names of hosts
 */
export async function startBrowser(flags: string[] = []): Promise<{
  /** A person with a browser of their own. `locale` as `fr-FR` or `en-GB`. */
  open: (locale: string, options?: Parameters<Browser['newContext']>[0]) => Promise<Person>
}> {
  const found = findBrowser()
  if (!found) throw new Error('No Chromium on this machine: test/run.ts should have skipped this suite')
  const browser = await chromium.launch({
    executablePath: found.executablePath,
    args: [...found.args, ...quiet, ...flags],
    env: { ...(process.env as Record<string, string>), ...found.env },
  })
  afterAll(() => browser.close())
  return {
    open: async (locale, options) => {
      const context = await browser.newContext({ locale, viewport: { width: 1120, height: 860 }, ...options })
      context.setDefaultTimeout(20_000)
      return { context, page: await context.newPage() }
    },
  }
}

/**
 * A picture of the page for the documentation, in `docs/images/` when ELLIPRO_SCREENSHOTS is set (how README's
 * pictures are made anew), else in `var/screenshots/`.
 */
export async function takeScreenshot(page: Page, name: string): Promise<void> {
  const root = join(import.meta.dirname, '..', '..')
  const folder = join(root, process.env['ELLIPRO_SCREENSHOTS'] ? 'docs/images' : 'var/screenshots')
  mkdirSync(folder, { recursive: true })
  await page.screenshot({ path: join(folder, `${name}.png`), animations: 'disabled' })
}
