/**
 * The steps of an activation as a person takes them in a browser, for the end-to-end tests. Each step waits for the
 * page it should lead to, by the page's name (`data-page`), and says which page came instead.
 */
import { decodeJwt } from 'jose'
import type { Page } from 'playwright-core'
import { expect } from 'vitest'
import { sampleLogins, type SampleLogin } from '../../dev/cofacering/sample-logins.ts'
import type { Mail } from '../../dev/smtp-sink.ts'
import type { Product } from '../support/product.ts'

/** A sample login by its name. */
export function sample(login: string): SampleLogin {
  const found = sampleLogins.find((one) => one.login === login)
  if (!found) throw new Error(`No sample login ${login}`)
  return found
}

export const chosenPassword = 'Un-bon-mot-de-passe-2026'

/** Waits for one of provider's pages. */
export async function expectPage(page: Page, name: string): Promise<void> {
  try {
    await page.waitForSelector(`body[data-page="${name}"]`, { timeout: 20_000 })
  } catch {
    const body = await page
      .locator('body')
      .innerText()
      .catch(() => 'nothing')
    throw new Error(`Expected page ${name}, found ${page.url()}:\n${body.slice(0, 600)}`)
  }
}

/** Opens the page that asks for the Cofacering login: through the portal and Keycloak, or provider's own. */
export async function openDoor(page: Page, product: Product, door: 'brokered' | 'own'): Promise<void> {
  if (door === 'own') await page.goto(`${product.urls.provider}/`)
  else {
    await page.goto(product.urls.portal)
    await page.click('#from-cofacering')
  }
  await expectPage(page, 'login')
}

export async function signInToCofacering(page: Page, who: SampleLogin): Promise<void> {
  await page.fill('input[name=login]', who.login)
  await page.fill('input[name=password]', who.password)
  await page.click('main form button[type=submit] >> nth=0')
}

export async function fillRedirection(page: Page, address: string, password = chosenPassword): Promise<void> {
  await expectPage(page, 'redirection')
  await page.fill('input[name=email]', address)
  await page.fill('input[name=password]', password)
  await page.check('input[name=shared][value=no]')
  await page.click('main form button[type=submit] >> nth=0')
}

/** From a door to "we sent a mail". */
export async function startActivation(
  page: Page,
  product: Product,
  { door, login, address }: { door: 'brokered' | 'own'; login: string; address: string },
): Promise<void> {
  await openDoor(page, product, door)
  await signInToCofacering(page, sample(login))
  await fillRedirection(page, address)
  await expectPage(page, 'sent')
}

/** The address of Keycloak's action link in a confirmation mail. */
export function confirmationLink(mail: Mail): string {
  const link = mail.links.find((one) => one.includes('/login-actions/action-token'))
  if (!link) throw new Error(`No confirmation link in "${mail.subject}": ${mail.links.join(' ')}`)
  return link
}

/** Where Keycloak leads after its click: our confirmation page, with k. It stands readable in the link's token. */
export const confirmationUrl = (mail: Mail): string =>
  String(decodeJwt(new URL(confirmationLink(mail)).searchParams.get('key') ?? '')['reduri'])

/** The first click of the mail and Keycloak's page: ends on provider's confirmation page. */
export async function openConfirmationLink(page: Page, mail: Mail): Promise<void> {
  await page.goto(confirmationLink(mail))
  await page.click('#ell-confirm')
  await expectPage(page, 'confirm')
}

export async function confirmPassword(page: Page, password = chosenPassword): Promise<void> {
  await page.fill('input[name=password]', password)
  await page.click('main form button[type=submit] >> nth=0')
}

/** The portal says who is signed in. */
export async function expectSignedIn(page: Page, origin: string, address: string): Promise<void> {
  try {
    await page.waitForURL((url) => url.origin === new URL(origin).origin && url.pathname === '/')
    await page.waitForSelector('#who')
  } catch {
    const body = await page
      .locator('body')
      .innerText()
      .catch(() => 'nothing')
    throw new Error(`Expected to be signed in at ${origin}, found ${page.url()}:\n${body.slice(0, 600)}`)
  }
  expect(await page.innerText('[data-fact=email]')).toBe(address)
}

/** From the mail to the portal. */
export async function finishActivation(page: Page, product: Product, address: string): Promise<Mail> {
  const mail = await product.inbox.waitForMail(address)
  await openConfirmationLink(page, mail)
  await confirmPassword(page)
  await expectSignedIn(page, product.urls.portal, address)
  return mail
}

/** Keycloak's own form, as it stands in the browser. */
export async function signInAtKeycloak(page: Page, username: string, password: string): Promise<void> {
  await page.fill('input[name=username]', username)
  await page.fill('input[name=password]', password)
  await page.click('#kc-login')
}
