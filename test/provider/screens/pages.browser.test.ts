/**
 * What only a browser shows of the screens: WCAG 2.2 AA by axe, nothing wider than a telephone, no refusal by the
 * content security policy, and the whole way without JavaScript. In both languages and both colour schemes.
 */
import { AxeBuilder } from '@axe-core/playwright'
import type { Page } from 'playwright-core'
import { expect, test } from 'vitest'
import { loadTexts } from '../../../core/text.ts'
import { UpstreamError } from '../../../core/errors.ts'
import type { LegacyDirectory } from '../../../provider/legacy/directory.ts'
import { startBrowser } from '../../support/browser.ts'
import { createDatabase } from '../../support/postgres.ts'
import { createStandIn } from '../activation/stand-in.ts'
import { startInstance } from '../support/instance.ts'

const database = await createDatabase()
const sync = createStandIn(database.sync)
const browser = await startBrowser()
/** Any login is known, but for one that is down and one that is wrong. */
const directory: LegacyDirectory = {
  verify: (login) => {
    if (login === 'down') return Promise.reject(new UpstreamError('legacy', 0, 'retry', 'timeout'))
    if (login === 'wrong') return Promise.resolve({ status: 'refused' })
    return Promise.resolve({
      status: 'ok',
      account: {
        account: login,
        login,
        company: 'Établissements Lefèvre & Fils',
        contract: 'CF-1',
        shared: false,
      },
    })
  },
}
const { origin } = await startInstance(
  database.provider,
  { SIGN_IN_DEADLINE_MS: '50', DESK_EMAIL: 'relations-clients@cofaceservices.example.fr' },
  directory,
  loadTexts(new URL('../../../provider/text/', import.meta.url)),
)
const password = 'agrafe cheval batterie'
let count = 0

async function signIn(page: Page, login: string): Promise<void> {
  await page.goto(`${origin}/`)
  await page.fill('#login', login)
  await page.fill('#password', 'as usual')
  await page.click('button[type=submit]')
}

/** Fills the redirection screen; the id of the activation. */
async function ask(page: Page, login: string): Promise<string> {
  await signIn(page, login)
  await page.fill('#email', `${login}@etablissements-lefevre.example.fr`)
  await page.fill('#password', password)
  await page.check('#shared-no')
  await page.click('button[type=submit]')
  await page.waitForURL(/\/activation\//)
  return page.url().split('/').at(-1)!
}

test.each([
  { locale: 'fr-FR', width: 320, colorScheme: 'dark' },
  { locale: 'en-GB', width: 1280, colorScheme: 'light' },
] as const)(
  'every screen is accessible and fits: $locale, $width px, $colorScheme',
  async ({ locale, width, colorScheme }) => {
    const { page } = await browser.open(locale, { viewport: { width, height: 800 }, colorScheme })
    const problems: string[] = []
    const seen = new Set<string>()
    page.on('console', (message) => {
      if (message.text().includes('Content Security Policy')) problems.push(message.text())
    })
    const look = async (path?: string) => {
      if (path !== undefined) await page.goto(origin + path)
      const name = (await page.locator('body').getAttribute('data-page')) ?? '?'
      seen.add(name)
      const { violations } = await new AxeBuilder({ page })
        .withTags(['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'])
        // The waiting page has nothing to lose by being loaded again, and no other way without a script.
        .disableRules(['meta-refresh'])
        .analyze()
      for (const { id, nodes } of violations)
        problems.push(`${name}: ${id} at ${nodes.map((n) => String(n.target)).join(', ')}`)
      const [content, screen] = await page.evaluate<[number, number]>(
        '[document.documentElement.scrollWidth, document.documentElement.clientWidth]',
      )
      if (content > screen) problems.push(`${name}: ${content} px wide`)
    }

    await look('/')
    await signIn(page, 'wrong')
    await look()
    await signIn(page, 'jean@societe.fr')
    await look()
    await signIn(page, 'down')
    await look()
    const login = `lefevre${++count}`
    await signIn(page, login)
    await page.fill('#email', login)
    await page.fill('#password', 'court')
    await page.click('button[type=submit]')
    await look()
    const id = await ask(page, login)
    await look()
    await look(`/activation/${id}/address`)
    const { k, w } = await sync.sendMail(id)
    const other = await browser.open(locale)
    await other.page.goto(`${origin}/activation/${id}/confirm?k=${k.toString('base64url')}`)
    await look(`/activation/${id}/confirm?k=${'A'.repeat(43)}`)
    await look(`/activation/${id}/confirm?k=${k.toString('base64url')}`)
    await page.fill('#password', 'wrong')
    await page.click('button[type=submit]')
    await look()
    await look(`/activation/${id}/withdraw?w=${w.toString('base64url')}`)
    await page.goto(`${origin}/activation/${id}/confirm`)
    await page.fill('#password', password)
    // Held, so that axe has time for a page that loads itself again.
    await page.route('**/opening?n=*', (route) => route.abort())
    await page.click('button[type=submit]')
    await look()
    await look(`/activation/${id}/withdraw`)
    await sync.open(id)
    await look(`/activation/${id}`)
    await signIn(page, login)
    await look()
    for (const path of [
      '/desk',
      '/nowhere',
      '/interaction/unknown',
      '/activation/00000000-0000-4000-8000-000000000000',
    ])
      await look(path)
    await page.context().clearCookies()
    await look('/activation/continue')
    expect(problems).toEqual([])
    expect(seen.size).toBeGreaterThanOrEqual(16)
  },
)

test('the way to the opening page needs no JavaScript', async () => {
  const { page } = await browser.open('fr-FR', { javaScriptEnabled: false })
  const id = await ask(page, `lefevre${++count}`)
  const { k } = await sync.sendMail(id)
  await page.goto(`${origin}/activation/${id}/confirm?k=${k.toString('base64url')}`)
  expect(await page.locator('.ell-password__toggle').isVisible()).toBe(false)
  await page.fill('#password', password)
  await page.click('button[type=submit]')
  await page.waitForURL(/\/opening/)
  expect(await sync.stateOf(id)).toMatchObject({ state: 'confirmed' })
  // It loads itself again.
  await page.waitForURL(/\/opening\?n=2/)
})

test('the password is shown and hidden by its button where scripts run', async () => {
  const { page } = await browser.open('fr-FR')
  await page.goto(`${origin}/`)
  await page.click('.ell-password__toggle')
  expect(await page.locator('#password').getAttribute('type')).toBe('text')
  expect(await page.locator('.ell-password__toggle').getAttribute('aria-label')).toBe(
    'Masquer le mot de passe',
  )
  await page.click('.ell-password__toggle')
  expect(await page.locator('#password').getAttribute('type')).toBe('password')
})
