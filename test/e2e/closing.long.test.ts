/**
 * The closing day in the browser: a request made before is finished after, when the realm hides the button; whoever comes
 * later finds the explanation behind every door, the portal's own button included.
 */
import { AxeBuilder } from '@axe-core/playwright'
import type { Page } from 'playwright-core'
import { expect, test } from 'vitest'
import { applyRealm } from '../../admin-sync/realm/apply.ts'
import { readRealmConfig } from '../../admin-sync/realm/config.ts'
import { createLog } from '../../core/log.ts'
import { processEnvironments } from '../../dev/environment.ts'
import { startBrowser, takeScreenshot } from '../support/browser.ts'
import { connectAdministrator } from '../admin-sync/realm/realm-config.ts'
import { startProduct } from '../support/product.ts'
import {
  chosenPassword,
  confirmPassword,
  expectPage,
  expectSignedIn,
  finishActivation,
  openConfirmationLink,
  signInAtKeycloak,
  startActivation,
} from './journey.ts'

const settings = { COFACERING_CLOSES_AT: new Date(Date.now() + 86_400_000).toISOString() }
const environment = { provider: { ...settings } }
const product = await startProduct({ SIGN_IN_DEADLINE_MS: '50' }, { environment })
const { urls, installation, inbox } = product
const browser = await startBrowser()
const realmConfig = () => readRealmConfig(processEnvironments(installation, settings).realmApply)

/** WCAG 2.2 AA, and a picture for whoever looks. */
async function look(page: Page, name: string): Promise<void> {
  const tags = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22a', 'wcag22aa']
  const { violations } = await new AxeBuilder({ page }).withTags(tags).analyze()
  expect(violations.map(({ id, nodes }) => [id, nodes[0]?.html])).toEqual([])
  await takeScreenshot(page, name)
}

test('before: the pages say when; after: what is under way ends signed in, and every door explains', async () => {
  const [here, elsewhere] = ['anne@client.example', 'jean@client.example']
  const first = await browser.open('fr-FR')
  await first.page.goto(`${urls.provider}/`)
  expect(await first.page.innerText('#closing')).toMatch(/Cofacering ferme le .* \(heure de Paris\)/)
  await look(first.page, 'closing-soon')
  await startActivation(first.page, product, { door: 'brokered', login: 'transports.lefevre', address: here })
  const second = await browser.open('en-GB')
  await startActivation(second.page, product, { door: 'own', login: 'cabinet.moreau', address: elsewhere })
  await applyRealm(realmConfig(), createLog('test', 'silent'))
  const reader = await browser.open('fr-FR')
  await reader.page.goto(urls.portal)
  await reader.page.click('#sign-in')
  expect(await reader.page.innerText('#ell-closing')).toContain('Cofacering ferme le')
  await look(reader.page, 'closing-soon-keycloak')

  settings.COFACERING_CLOSES_AT = new Date(Date.now() - 1000).toISOString()
  environment.provider.COFACERING_CLOSES_AT = settings.COFACERING_CLOSES_AT
  await product.stop('provider')
  await product.start('provider')
  await applyRealm(realmConfig(), createLog('test', 'silent'))

  await finishActivation(first.page, product, here)

  const late = await browser.open('fr-FR')
  for (const open of [
    () => late.page.goto(`${urls.provider}/`),
    () => late.page.goto(urls.portal).then(() => late.page.click('#from-cofacering')),
  ]) {
    await open()
    await expectPage(late.page, 'closed')
    expect(await late.page.innerText('main')).toContain('0825 123 456')
  }
  await look(late.page, 'closed')
  // From there on to Keycloak's own form, which has no such button any more.
  await late.page.click('main a[href$="/sign-in"]')
  await late.page.waitForSelector('#kc-form-login')
  expect(await late.page.locator('#social-cofacering').count()).toBe(0)
  expect(await late.page.innerText('#ell-closing')).toContain('Cofacering est fermé depuis')
  await look(late.page, 'closed-keycloak')
  await signInAtKeycloak(late.page, here, chosenPassword)
  await expectSignedIn(late.page, urls.portal, here)

  // Switched off in the console instead of hidden, the broker cannot end an activation: the account is open, and its
  // person signs in by hand.
  const admin = connectAdministrator(realmConfig())
  const broker = await admin.realm.findIdentityProvider('cofacering')
  if (!broker) throw new Error('no broker')
  await admin.realm.updateIdentityProvider({ ...broker, enabled: false })
  await openConfirmationLink(second.page, await inbox.waitForMail(elsewhere))
  await confirmPassword(second.page)
  await second.page.waitForSelector('#kc-form-login')
  await signInAtKeycloak(second.page, elsewhere, chosenPassword)
  await second.page.waitForURL((url) => url.origin === urls.portal)
  for (const { context } of [first, second, reader, late]) await context.close()
})
