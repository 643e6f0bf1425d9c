/**
 * A person with a Cofacering login, in a real browser, to the Ellipro portal. Fails when any part of the path is
 * missing: both doors, both languages, the mail in the same browser and in another one, three clicks and one password.
 */
import type { Page } from 'playwright-core'
import { describe, expect, it } from 'vitest'
import { startBrowser, takeScreenshot } from '../support/browser.ts'
import { startProduct } from '../support/product.ts'
import {
  chosenPassword,
  confirmationLink,
  confirmationUrl,
  confirmPassword,
  expectPage,
  expectSignedIn,
  fillRedirection,
  finishActivation,
  openDoor,
  sample,
  signInAtKeycloak,
  signInToCofacering,
  startActivation,
} from './journey.ts'

const product = await startProduct()
const browser = await startBrowser()
const { inbox, urls } = product

/** Counts what the person does in a page from now on: real clicks, and passwords that are sent. */
async function countDeeds(page: Page): Promise<{ clicks: number; passwords: number }> {
  const deeds = { clicks: 0, passwords: 0 }
  await page.exposeFunction('countClick', () => {
    deeds.clicks += 1
  })
  await page.exposeFunction('countPasswords', (sent: number) => {
    deeds.passwords += sent
  })
  await page.addInitScript({
    content: `document.addEventListener('click', (event) => { if (event.isTrusted) countClick() }, true)
      document.addEventListener('submit', (event) =>
        countPasswords(event.target.querySelectorAll('input[type=password]').length), true)`,
  })
  return deeds
}

describe('a person with a Cofacering login', () => {
  it('comes through the portal in French and ends signed in there, with three clicks and one password', async () => {
    const address = 'Claire.Lefevre@transports-lefevre.example'
    const who = sample('transports.lefevre')
    const { page, context } = await browser.open('fr-FR')
    await page.goto(urls.portal)
    await page.waitForSelector('#from-cofacering')
    await takeScreenshot(page, 'portal-signed-out')
    await page.click('#sign-in')
    await page.waitForSelector('#social-cofacering')
    await takeScreenshot(page, 'keycloak-sign-in')
    await page.click('#social-cofacering')
    await expectPage(page, 'login')
    expect(await page.getAttribute('html', 'lang')).toBe('fr')
    await takeScreenshot(page, 'cofacering-sign-in')
    await signInToCofacering(page, who)
    await expectPage(page, 'redirection')
    const screen = await page.innerText('main')
    expect(screen).toContain(who.login)
    expect(screen).toContain(who.company)
    await takeScreenshot(page, 'redirection')
    await fillRedirection(page, address)
    await expectPage(page, 'sent')
    expect(await page.innerText('main')).toContain(address)
    await takeScreenshot(page, 'mail-sent')

    const mail = await inbox.waitForMail(address)
    for (const part of [mail.text, mail.html]) {
      expect(part).toContain('t•••••e') // the masked login: why it came
      expect(part).not.toContain(who.login)
      expect(part).toMatch(/\/activation\/[0-9a-f-]{36}\/withdraw\?w=/) // how to say "it was not me"
      expect(part).toContain('0825')
    }
    const reader = await browser.open('fr-FR', { viewport: { width: 760, height: 900 } })
    await reader.page.setContent(mail.html)
    await takeScreenshot(reader.page, 'confirmation-mail')
    await reader.context.close()

    // The mail is opened in the same browser. Its link is the first click; it is counted by hand.
    const deeds = await countDeeds(page)
    await page.goto(confirmationLink(mail))
    await page.waitForSelector('#ell-confirm')
    await takeScreenshot(page, 'keycloak-confirm-address')
    await page.click('#ell-confirm')
    await expectPage(page, 'confirm')
    expect(page.url()).not.toContain('k=')
    expect(await page.innerText('main')).toContain(who.company)
    await takeScreenshot(page, 'confirmation')
    await confirmPassword(page)
    await expectSignedIn(page, urls.portal, address.toLowerCase())
    await takeScreenshot(page, 'portal-signed-in')
    expect({ ...deeds, clicks: 1 + deeds.clicks }).toEqual({ clicks: 3, passwords: 1 })

    // Single sign-on, then sign-out everywhere.
    await page.goto(urls.secondApplication)
    await expectSignedIn(page, urls.secondApplication, address.toLowerCase())
    await page.click('#sign-out')
    await page.waitForURL(/state=signed-out/)
    await page.goto(urls.portal)
    await page.waitForSelector('#sign-in')

    // From now on: e-mail and password.
    await page.click('#sign-in')
    await signInAtKeycloak(page, address, chosenPassword)
    await expectSignedIn(page, urls.portal, address.toLowerCase())
    await context.close()

    // The contract's contact was told.
    const contact = await inbox.waitForMail(await contactOf(who.login))
    expect(contact.text).toContain(who.company)
  })

  it('meets the "moved" page with the desk’s contacts when the login is opened already', async () => {
    const { page, context } = await browser.open('fr-FR')
    await openDoor(page, product, 'brokered')
    await signInToCofacering(page, sample('transports.lefevre'))
    await expectPage(page, 'moved')
    const text = await page.innerText('main')
    for (const contact of ['0825 123 456', '0,15 €/min', 'relations-clients@cofaceservices.fr', '18\u00a0h'])
      expect(text).toContain(contact)
    expect(text).not.toContain('laire.lefevre')
    await takeScreenshot(page, 'moved')
    await context.close()
  })

  it('comes through our own page in English, opens the mail on another device, and the first tab says so', async () => {
    const address = 'anne.moreau@cabinet-moreau.example'
    const desk = await browser.open('en-GB')
    await startActivation(desk.page, product, { door: 'own', login: 'cabinet.moreau', address })
    expect(await desk.page.getAttribute('html', 'lang')).toBe('en')
    const mail = await inbox.waitForMail(address)
    const telephone = await browser.open('en-GB', { viewport: { width: 360, height: 740 }, isMobile: true })
    const deeds = await countDeeds(telephone.page)
    await telephone.page.goto(confirmationLink(mail))
    await telephone.page.waitForSelector('#ell-confirm')
    expect(await telephone.page.getAttribute('html', 'lang')).toBe('en')
    await telephone.page.click('#ell-confirm')
    await expectPage(telephone.page, 'confirm')
    await takeScreenshot(telephone.page, 'confirmation-telephone')
    expect(await telephone.page.evaluate<number>('document.documentElement.scrollWidth')).toBeLessThanOrEqual(
      360,
    )
    await confirmPassword(telephone.page)
    await expectSignedIn(telephone.page, urls.portal, address)
    expect({ ...deeds, clicks: 1 + deeds.clicks }).toEqual({ clicks: 3, passwords: 1 })
    await desk.page.reload()
    await expectPage(desk.page, 'sent-opened')
    expect(await desk.page.innerText('main')).toMatch(/your account is open/i)
    await desk.context.close()
    await telephone.context.close()
  })

  it('is told what to do when the wrong thing is typed into the wrong form', async () => {
    const { page, context } = await browser.open('fr-FR')
    // A Cofacering login in Keycloak's form.
    await page.goto(urls.portal)
    await page.click('#sign-in')
    await signInAtKeycloak(page, 'negoce.atlantique', sample('negoce.atlantique').password)
    await page.waitForSelector('#ell-not-an-email')
    await page.click('#ell-not-an-email #social-cofacering')
    await expectPage(page, 'login')
    // An e-mail address in ours.
    await page.fill('input[name=login]', 'anne@negoce.example')
    await page.fill('input[name=password]', 'whatever')
    await page.click('main form button >> nth=0')
    await expectPage(page, 'login')
    expect(await page.innerText('main')).toMatch(/adresse e-mail/i)
    // And the way back to Keycloak's form.
    await page.click('form[action$="/cancel"] button')
    await page.waitForSelector('#kc-form-login')
    await context.close()
  })

  it('whose colleague is signed in to Keycloak in this browser ends signed in as themselves, after one click', async () => {
    const colleague = 'claire.lefevre@transports-lefevre.example'
    const address = 'jean.haut@scierie-haut-jura.example'
    const { page, context } = await browser.open('fr-FR')
    await page.goto(urls.portal)
    await page.click('#sign-in')
    await signInAtKeycloak(page, colleague, chosenPassword)
    await expectSignedIn(page, urls.portal, colleague)
    await startActivation(page, product, { door: 'own', login: 'scierie.haut-jura', address })
    const mail = await inbox.waitForMail(address)
    // Keycloak refuses the link in a browser that is signed in as somebody else, and leads back to us.
    const other = await browser.open('fr-FR')
    await other.page.goto(confirmationLink(mail))
    await other.page.click('#ell-confirm')
    await expectPage(other.page, 'confirm')
    // The confirmation page is then opened in the colleague's browser.
    const link = confirmationUrl(mail)
    await page.goto(link)
    await expectPage(page, 'confirm')
    await confirmPassword(page)
    await expectPage(page, 'sign-in-switch')
    expect(await page.innerText('main')).toContain(colleague)
    await takeScreenshot(page, 'someone-else')
    await page.click('main form button >> nth=0')
    await expectSignedIn(page, urls.portal, address)
    await other.context.close()
    await context.close()
  })

  it('says "it was not me": the activation ends, and the login cannot be used with that address again', async () => {
    const address = 'stranger@elsewhere.example'
    const { page, context } = await browser.open('fr-FR')
    await startActivation(page, product, { door: 'own', login: 'negoce.atlantique', address })
    const mail = await inbox.waitForMail(address)
    const stranger = await browser.open('fr-FR')
    const withdraw = mail.links.find((one) => one.includes('/withdraw?w='))
    await stranger.page.goto(withdraw ?? '')
    await expectPage(stranger.page, 'withdraw-valid')
    await takeScreenshot(stranger.page, 'not-me')
    await stranger.page.click('main form button >> nth=0')
    await expectPage(stranger.page, 'withdraw-done')
    await openConfirmationFails(stranger.page, mail)
    await openDoor(page, product, 'own')
    await signInToCofacering(page, sample('negoce.atlantique'))
    await fillRedirection(page, address)
    expect(await page.getAttribute('body', 'data-page')).not.toBe('sent')
    await stranger.context.close()
    await context.close()
  })

  it('comes through the portal in English, in one browser, and every page on the way is English', async () => {
    const address = 'jane.smith@negoce-atlantique.example'
    const { page, context } = await browser.open('en-GB')
    const languages = new Set<string | null>()
    page.on('domcontentloaded', () => {
      void page.getAttribute('html', 'lang', { timeout: 2_000 }).then(
        (language) => languages.add(language),
        () => undefined, // the page went on meanwhile
      )
    })
    await startActivation(page, product, { door: 'brokered', login: 'negoce.atlantique', address })
    const mail = await finishActivation(page, product, address)
    expect(mail.subject).toMatch(/confirm your e-mail address/i)
    expect([...languages]).toEqual(['en'])
    await context.close()
  })
})

/** The contact of the contract behind a login, from the sample itself. */
async function contactOf(login: string): Promise<string> {
  const { default: pg } = await import('pg')
  const client = new pg.Client({ connectionString: product.cofacering.superuser })
  await client.connect()
  const { rows } = await client.query<{ contact_email: string }>(
    'SELECT c.contact_email FROM login l JOIN contract c ON c.id = l.contract_id WHERE l.login = $1',
    [login],
  )
  await client.end()
  return rows[0]?.contact_email ?? ''
}

async function openConfirmationFails(
  page: Page,
  mail: Parameters<typeof confirmationLink>[0],
): Promise<void> {
  await page.goto(confirmationUrl(mail))
  await page.waitForSelector('body[data-page]')
  expect(await page.getAttribute('body', 'data-page')).not.toBe('confirm')
  expect(await page.locator('input[name=password]').count()).toBe(0)
}
