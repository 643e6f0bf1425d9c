/** What only a browser shows: the page that goes on by itself, two tabs of one link. */
import type { Page } from 'playwright-core'
import { createServer } from 'node:http'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { startBrowser } from '../support/browser.ts'
import { startInbox } from '../support/inbox.ts'
import { createRealm } from '../support/keycloak.ts'
import { confirmUrl, makeThemeRealm, pendingEmail, providerUrl, type ThemeRealm } from './theme-realm.ts'

const server = await createRealm()
const inbox = await startInbox()
const browser = await startBrowser()
const provider = createServer((_request, response) => response.end('provider'))
let realm: ThemeRealm
beforeAll(async () => {
  const { hostname, port } = new URL(providerUrl)
  await new Promise<void>((done) => provider.listen(Number(port), hostname, done))
  realm = await makeThemeRealm(server, server.realmName, inbox.port)
})
afterAll(() => void provider.close())

async function sendLink(): Promise<string> {
  await realm.updateUser(realm.pendingId, { emailVerified: false, requiredActions: ['VERIFY_EMAIL'] })
  inbox.clear()
  await realm.sendLink(realm.pendingId, 'send-verify-email')
  const mail = await inbox.waitForMail(pendingEmail)
  return mail.links.find((link) => link.includes('/action-token')) ?? ''
}
function countLoads(page: Page): () => number {
  let loads = 0
  page.on('load', () => loads++)
  return () => loads
}

test('after the click the page goes on by itself, and Back does not meet a page that can be used only once', async () => {
  const { page } = await browser.open('fr-FR')
  await page.goto(await sendLink())
  await page.click('#ell-confirm')
  await page.waitForURL(confirmUrl)
  await page.goBack()
  expect(await page.locator('h1').textContent()).not.toContain('Nous ne pouvons pas continuer')
})

test('two tabs of one link leave one another alone, and the first one works with one click when it is seen again', async () => {
  const link = await sendLink()
  const { page: first, context } = await browser.open('fr-FR')
  await first.goto(link)
  const second = await context.newPage()
  await second.goto(link)
  const loads = [countLoads(first), countLoads(second)]
  await first.waitForTimeout(3500)
  expect(loads.map((count) => count())).toEqual([0, 0])

  // headless Chromium hides no tab: say what a real one says when the person comes back to it
  await Promise.all([
    first.waitForEvent('load'),
    first.evaluate("document.dispatchEvent(new Event('visibilitychange'))"),
  ])
  await first.click('#ell-confirm')
  await first.waitForURL(confirmUrl)
})

test('a password can be shown and hidden, by a button that is there only with JavaScript', async () => {
  const signInUrl = realm.signInUrl()
  const { page } = await browser.open('fr-FR')
  await page.goto(signInUrl)
  await page.fill('#password', 'quelque chose')
  await page.getByRole('button', { name: 'Afficher le mot de passe' }).click()
  expect(await page.getAttribute('#password', 'type')).toBe('text')
  await page.getByRole('button', { name: 'Masquer le mot de passe' }).click()
  expect(await page.getAttribute('#password', 'type')).toBe('password')

  const { page: plain } = await browser.open('fr-FR', { javaScriptEnabled: false })
  await plain.goto(signInUrl)
  expect(await plain.locator('#password-show-password').isVisible()).toBe(false)
})
