/**
 * Every Keycloak page that our flows show, in both languages, against test/support/accessible.ts: sign-in and its
 * refusals, forgotten and new password, the link of a mail in every state, the address to verify and to change,
 * sign-out, errors.
 */
import type { Page } from 'playwright-core'
import { beforeAll, expect, test } from 'vitest'
import { createInspector, type Inspector, type Language } from '../support/accessible.ts'
import { startBrowser } from '../support/browser.ts'
import { startInbox } from '../support/inbox.ts'
import { createRealm } from '../support/keycloak.ts'
import {
  makeThemeRealm,
  openEmail,
  openPassword,
  pendingEmail,
  providerUrl,
  type ThemeRealm,
} from './theme-realm.ts'

const server = await createRealm()
const inbox = await startInbox()
const browser = await startBrowser()
const inspectors: Record<Language, Inspector> = { fr: createInspector('fr'), en: createInspector('en') }
let realm: ThemeRealm
beforeAll(async () => {
  realm = await makeThemeRealm(server, server.realmName, inbox.port)
})

async function sendLink(what: 'send-verify-email' | 'execute-actions-email', lifespanSeconds = 3600) {
  inbox.clear()
  await realm.sendLink(realm.pendingId, what, { lifespanSeconds })
  return actionLink((await inbox.waitForMail(pendingEmail)).links)
}
const actionLink = (links: string[]) => links.find((link) => link.includes('/action-token')) ?? ''
const makePending = (language: Language) =>
  realm.updateUser(realm.pendingId, {
    emailVerified: false,
    requiredActions: ['VERIFY_EMAIL'],
    attributes: { locale: [language] },
  })

async function open(language: Language): Promise<Page> {
  const { page, context } = await browser.open(language === 'fr' ? 'fr-FR' : 'en-GB')
  // The page after the click on a link goes on to provider by itself: held here, to be looked at.
  await context.addInitScript(`navigation.addEventListener('navigate', (event) => {
    if (event.destination.url.startsWith('${providerUrl}')) event.preventDefault()
  })`)
  return page
}

async function signIn(page: Page, username: string, password: string): Promise<void> {
  await page.fill('#username', username)
  await page.fill('#password', password)
  await page.click('#kc-login')
}

type Look = (page: Page, name: string) => Promise<void>

async function visitSignIn(language: Language, look: Look): Promise<void> {
  const page = await open(language)
  await page.goto(realm.signInUrl())
  await look(page, 'sign-in')
  await signIn(page, 'martin12', 'x')
  await look(page, 'sign-in, an identifier')
  await signIn(page, openEmail, 'wrong')
  await look(page, 'sign-in, refused')
  const older = new URL((await page.getAttribute('#kc-form-login', 'action')) ?? '')
  older.searchParams.delete('session_code')
  older.searchParams.set('execution', 'of-an-older-page')
  await page.goto(older.href)
  await look(page, 'page expired')

  await page.goto(realm.signInUrl())
  await page.click('.ell-kc-aside a')
  await look(page, 'forgotten password')
  await page.fill('#username', '')
  await page.click('#kc-form-buttons')
  await look(page, 'forgotten password, refused')
  inbox.clear()
  await page.fill('#username', openEmail)
  await page.click('#kc-form-buttons')
  await look(page, 'forgotten password, sent')
  await page.goto(actionLink((await inbox.waitForMail(openEmail)).links))
  await look(page, 'new password')
  for (const [first, second] of [
    ['court', 'court'],
    ['quatre mots de plus', 'autre'],
  ] as const) {
    await page.fill('#password-new', first)
    await page.fill('#password-confirm', second)
    await page.click('#kc-submit')
    await look(page, `new password, refused: ${first}`)
  }
  await page.goto(realm.signInUrl({ redirect_uri: 'https://elsewhere.example/' }))
  await look(page, 'error')
  await page.context().close()
}

async function visitMailLink(language: Language, look: Look): Promise<void> {
  const page = await open(language)
  await makePending(language)
  const expiring = await sendLink('send-verify-email', 6)
  const late = await open(language)
  await late.goto(expiring)
  const openedAt = Date.now()
  for (const what of ['send-verify-email', 'execute-actions-email'] as const) {
    await page.context().clearCookies()
    await makePending(language)
    const link = await sendLink(what)
    await page.goto(link)
    await look(page, `link of ${what}`)
    await page.click('#ell-confirm')
    await look(page, `link of ${what}, confirmed`)
    await page.context().clearCookies()
    await page.goto(link)
    await look(page, `link of ${what}, used`)
  }
  await late.waitForTimeout(Math.max(0, openedAt + 6500 - Date.now()))
  await late.click('#ell-confirm')
  await look(late, 'link expired while its page was open')
  await late.context().clearCookies()
  await late.goto(expiring)
  await look(late, 'link expired')
  await page.context().close()
  await late.context().close()
}

async function visitAccount(language: Language, look: Look): Promise<void> {
  const page = await open(language)
  await realm.updateUser(realm.openId, { emailVerified: false })
  await page.goto(realm.signInUrl())
  await signIn(page, openEmail, openPassword)
  await look(page, 'address to verify')
  await realm.updateUser(realm.openId, { emailVerified: true })
  await page.context().clearCookies()
  await page.goto(realm.signInUrl({ kc_action: 'UPDATE_EMAIL' }))
  await signIn(page, openEmail, openPassword)
  await look(page, 'new address')
  await page.fill('#email', 'no address')
  await page.click('#kc-submit')
  await look(page, 'new address, refused')
  await page.fill('#email', `paul.${language}@menuiseries.example`)
  await page.click('#kc-submit')
  await look(page, 'new address, mail sent')
  await page.goto(`${realm.url}/protocol/openid-connect/logout`)
  await look(page, 'sign-out')
  await page.click('#kc-logout')
  await look(page, 'signed out')
  await page.context().close()
}

test.each(['fr', 'en'] as const)(
  'every page of Keycloak can be used by everybody: %s',
  async (language) => {
    await realm.updateUser(realm.openId, { attributes: { locale: [language] } })
    const problems: string[] = []
    const headings = new Set<string>()
    const look: Look = async (page, name) => {
      await page.waitForLoadState()
      headings.add(await page.locator('h1').innerText())
      problems.push(...(await inspectors[language].inspect(page, name)))
    }
    await visitSignIn(language, look)
    await visitMailLink(language, look)
    await visitAccount(language, look)
    expect(problems).toEqual([])
    expect(headings.size).toBeGreaterThan(12)
  },
  600_000,
)

test('no known violation of Keycloak’s markup is listed that no page has any more', () => {
  const stale = inspectors.fr.stale().filter((known) => inspectors.en.stale().includes(known))
  expect(stale).toEqual([])
})
