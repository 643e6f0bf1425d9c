/**
 * The whole way by those who have no mouse, or no scripts: each from the portal and back to it, with the longest password
 * there may be, spaces at both ends included. Every page by itself: test/provider/screens/pages.browser.test.ts and
 * test/themes/accessible-pages.browser.test.ts.
 */
import type { Page } from 'playwright-core'
import { expect, it } from 'vitest'
import { startBrowser } from '../support/browser.ts'
import { startProduct } from '../support/product.ts'
import {
  chosenPassword,
  confirmationLink,
  confirmPassword,
  expectPage,
  expectSignedIn,
  sample,
  signInAtKeycloak,
  startActivation,
} from './journey.ts'

const product = await startProduct()
const browser = await startBrowser()
const { inbox, urls } = product
const longPassword = ` ${'quatre mots et des espaces '.repeat(5).slice(0, 126)} `

/** Presses Tab until the focus is on what a person looks for; each stop on the way can be seen. */
async function tabTo(page: Page, selector: string): Promise<void> {
  for (let presses = 0; presses < 25; presses += 1) {
    await page.keyboard.press('Tab')
    const [isThere, outline] = await page.evaluate<[boolean, string]>(
      `[document.activeElement.matches('${selector}'), getComputedStyle(document.activeElement).outlineStyle]`,
    )
    expect(outline).toBe('solid')
    if (isThere) return
  }
  throw new Error(`Tab leads to no ${selector} on ${page.url()}`)
}
const focusOf = (page: Page) => page.evaluate<string>('document.activeElement.id')

it('a person with a keyboard and no mouse comes from the portal to the portal', async () => {
  const address = 'claire.lefevre@transports-lefevre.example'
  const { login, password } = sample('transports.lefevre')
  const { page, context } = await browser.open('fr-FR')
  const { keyboard } = page
  await page.goto(urls.portal)
  await tabTo(page, '#from-cofacering')
  await keyboard.press('Enter')

  await expectPage(page, 'login')
  expect(await focusOf(page)).toBe('login')
  await keyboard.type(login)
  await keyboard.press('Enter')
  await page.waitForSelector('#password-error')
  expect(await focusOf(page)).toBe('password')
  await keyboard.type(password)
  await tabTo(page, '[data-password-toggle]')
  await keyboard.press('Space')
  expect(await page.getAttribute('#password', 'type')).toBe('text')
  await tabTo(page, 'form button[type=submit]')
  await keyboard.press('Enter')

  await expectPage(page, 'redirection')
  await keyboard.press('Tab')
  await keyboard.press('Enter') // "skip to content"
  await tabTo(page, '#email')
  // The password is cut out of one field and pasted into another: nothing of it is lost on the way.
  await keyboard.insertText(longPassword)
  await keyboard.press('Control+A')
  await keyboard.press('Control+X')
  await tabTo(page, '#password')
  await keyboard.press('Control+V')
  expect(await page.inputValue('#password')).toBe(longPassword)
  await tabTo(page, '#shared-no')
  await keyboard.press('Space')
  await keyboard.press('Enter')
  await page.waitForSelector('#email-error')
  expect(await focusOf(page)).toBe('email')
  expect(await page.title()).toMatch(/^Erreur\s: .* \(étape 1 sur 4\) - Ellipro$/)
  await keyboard.type(address)
  await tabTo(page, '#password')
  await keyboard.insertText(longPassword)
  await keyboard.press('Enter')

  await expectPage(page, 'sent')
  await page.goto(confirmationLink(await inbox.waitForMail(address)))
  await tabTo(page, '#ell-confirm')
  await keyboard.press('Enter')
  await expectPage(page, 'confirm')
  expect(await focusOf(page)).toBe('password')
  await keyboard.insertText(longPassword)
  await keyboard.press('Enter')
  await expectSignedIn(page, urls.portal, address)

  await tabTo(page, '#sign-out')
  await keyboard.press('Enter')
  await page.waitForSelector('#sign-in')
  await page.click('#sign-in')
  await signInAtKeycloak(page, address, longPassword)
  await expectSignedIn(page, urls.portal, address)
  await context.close()
})

it('the same person adds the contract of a second login to that account, by keyboard', async () => {
  const address = 'claire.lefevre@transports-lefevre.example'
  const { page, context } = await browser.open('fr-FR')
  const { keyboard } = page
  await startActivation(page, product, { door: 'own', login: 'cabinet.moreau', address })
  const mail = await inbox.waitForMail(address, ({ links }) =>
    links.some((link) => link.includes('/contract?k=')),
  )
  await page.goto(mail.links.find((link) => link.includes('/contract?k='))!)
  await expectPage(page, 'contract')
  expect(await focusOf(page)).toBe('password')
  expect(await page.innerText('main')).toContain('Cabinet Moreau & Associés')
  await keyboard.type(chosenPassword)
  await keyboard.press('Enter')
  await page.waitForSelector('#kc-login')
  // The address is there already: this browser typed the password that came with it.
  expect(await page.inputValue('#username')).toBe(address)
  expect(await focusOf(page)).toBe('password')
  await keyboard.insertText(longPassword)
  await keyboard.press('Enter')
  await expectPage(page, 'contract-added')
  await tabTo(page, 'main .ell-actions a')
  await keyboard.press('Enter')
  await expectSignedIn(page, urls.portal, address)
  await context.close()
})

it('a person whose browser runs no scripts comes from the portal to the portal', async () => {
  const address = 'jane.smith@negoce-atlantique.example'
  const { page, context } = await browser.open('en-GB', { javaScriptEnabled: false })
  await startActivation(page, product, { door: 'brokered', login: 'negoce.atlantique', address })
  await page.goto(confirmationLink(await inbox.waitForMail(address)))
  await page.click('#ell-confirm')
  await page.click('#ell-continue')
  await expectPage(page, 'confirm')
  await confirmPassword(page)
  await expectSignedIn(page, urls.portal, address)
  await context.close()
})
