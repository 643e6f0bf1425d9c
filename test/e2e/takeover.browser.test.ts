/**
 * What an attacker gets with one of the proofs, with a stranger's mailbox, or with the OP's own key. Each test has
 * its counterpart that succeeds, so that none passes because the path was broken anyhow.
 */
import pg from 'pg'
import type { JWK } from 'jose'
import { afterAll, describe, expect, it } from 'vitest'
import { createSeal } from '../../provider/seal.ts'
import { startBrowser } from '../support/browser.ts'
import { startProduct } from '../support/product.ts'
import {
  chosenPassword,
  confirmPassword,
  confirmationLink,
  expectPage,
  expectSignedIn,
  finishActivation,
  openConfirmationLink,
  signInAtKeycloak,
  startActivation,
} from './journey.ts'
import { startRogueOp } from './rogue-op.ts'

const product = await startProduct()
const browser = await startBrowser()
const { urls, inbox, installation } = product
const database = new pg.Pool({ connectionString: product.database.superuser, max: 2 })
afterAll(() => database.end())

async function waitForRow<T extends pg.QueryResultRow>(sql: string, values: unknown[]): Promise<T> {
  for (const end = Date.now() + 20_000; ;) {
    const { rows } = await database.query<T>(sql, values)
    if (rows[0]) return rows[0]
    if (Date.now() > end) throw new Error(`No row: ${sql}`)
    await new Promise((done) => setTimeout(done, 100))
  }
}

/** The OP's private key, as somebody has it who took over provider: its database role and its sealing key. */
async function stealKey(): Promise<JWK> {
  const asProvider = new pg.Client({ connectionString: product.database.provider })
  await asProvider.connect()
  const { rows } = await asProvider.query<{ kid: string; sealed_private_jwk: Buffer }>(
    'SELECT kid, sealed_private_jwk FROM provider.oidc_key WHERE signs_from <= now()',
  )
  await asProvider.end()
  const [row] = rows
  if (!row) throw new Error('The OP has no key')
  const opened = createSeal(
    Buffer.from(installation.secrets.providerSealingKey, 'base64url'),
    'op signing keys',
  ).open(row.sealed_private_jwk, row.kid)
  return JSON.parse(String(opened)) as JWK
}

describe('an attacker', () => {
  it('with the OP’s key cannot sign in to an opened account, because its link is gone', async () => {
    const address = 'claire.lefevre@transports-lefevre.example'
    const person = await browser.open('fr-FR')
    await startActivation(person.page, product, { door: 'own', login: 'transports.lefevre', address })
    await finishActivation(person.page, product, address)
    await person.context.close()
    const { sub } = await waitForRow<{ sub: string }>(
      'SELECT sub FROM ellipro.activation WHERE address = $1 AND unlinked_at IS NOT NULL',
      [address],
    )
    const { user_id } = await waitForRow<{ user_id: string }>(
      `SELECT user_id FROM ellipro.keycloak_user WHERE address_key = $1 AND state = 'opened'`,
      [address],
    )
    const key = await stealKey()
    await product.stop('provider')
    const rogue = await startRogueOp(installation.provider, key, sub)
    try {
      const attacker = await browser.open('fr-FR')
      await attacker.page.goto(`${urls.portal}/sign-in?door=cofacering`)
      await attacker.page.waitForURL(/first-broker-login/)
      expect(await attacker.page.innerText('body')).toContain('Cet identifiant n’ouvre pas d’accès')
      await attacker.page.goto(urls.portal)
      await attacker.page.waitForSelector('#sign-in')

      // The control: with the link back in place the same token signs in. It is the missing link that protects.
      await withAdmin((admin) =>
        admin(`/users/${user_id}/federated-identity/cofacering`, {
          method: 'POST',
          body: JSON.stringify({ identityProvider: 'cofacering', userId: sub, userName: sub }),
        }),
      )
      await attacker.page.goto(`${urls.portal}/sign-in?door=cofacering`)
      await expectSignedIn(attacker.page, urls.portal, address)
      await withAdmin((admin) =>
        admin(`/users/${user_id}/federated-identity/cofacering`, { method: 'DELETE' }),
      )
      await attacker.context.close()
    } finally {
      rogue.closeAllConnections()
      await new Promise((done) => rogue.close(done))
      await product.start('provider')
    }
  })

  it('who owns a mistyped mailbox and asks for a new password at Keycloak reaches no application', async () => {
    const address = 'stranger@elsewhere.example'
    const person = await browser.open('fr-FR')
    await startActivation(person.page, product, { door: 'own', login: 'cabinet.moreau', address })
    const mail = await inbox.waitForMail(address)
    const stranger = await browser.open('fr-FR')
    const askForPassword = async () => {
      await stranger.page.goto(`${urls.portal}/sign-in`)
      await stranger.page.click('a[href*="reset-credentials"]')
      const seen = inbox.mails.length
      await stranger.page.fill('input[name=username]', address)
      await stranger.page.click('main form [type=submit], main form button:not([type=button])')
      for (const end = Date.now() + 15_000; inbox.mails.length === seen && Date.now() < end;)
        await stranger.page.waitForTimeout(100)
      const reset = inbox.mails.at(-1)
      expect(reset?.to).toEqual([address])
      await stranger.page.goto(confirmationLink(reset!))
      await stranger.page.waitForSelector('#kc-error-message, .ell-notice--error, #ell-continue')
      expect(await stranger.page.locator('input[type=password]').count()).toBe(0)
      await stranger.page.goto(urls.portal)
      await stranger.page.waitForSelector('#sign-in')
    }
    await askForPassword()
    // Also after the mailbox is confirmed, which the stranger can do.
    await openConfirmationLink(stranger.page, mail)
    await askForPassword()
    await stranger.context.close()
    await person.context.close()
    const { rows } = await database.query(
      'SELECT FROM ellipro.activation WHERE address = $1 AND state = $2',
      [address, 'opened'],
    )
    expect(rows).toHaveLength(0)
  })

  it('who owned the first, mistyped mailbox and used it at Keycloak has nothing once the address is corrected', async () => {
    const [wrong, right] = ['mistyped@elsewhere.example', 'paul.durand@negoce-atlantique.example']
    const person = await browser.open('fr-FR')
    await startActivation(person.page, product, {
      door: 'own',
      login: 'negoce.atlantique',
      address: wrong,
    })
    const strayed = await inbox.waitForMail(wrong)
    const stranger = await browser.open('fr-FR')
    await openConfirmationLink(stranger.page, strayed)
    await stranger.page.goto(`${urls.portal}/sign-in`)
    await stranger.page.click('a[href*="reset-credentials"]')
    await stranger.page.fill('input[name=username]', wrong)
    await stranger.page.click('main form [type=submit], main form button:not([type=button])')
    const reset = await inbox.waitForMail(wrong, (mail) => mail !== strayed)

    await person.page.click('a[href$="/address"]')
    await expectPage(person.page, 'address')
    await person.page.fill('input[name=email]', right)
    await person.page.click('main form button >> nth=0')
    await expectPage(person.page, 'sent')
    await finishActivation(person.page, product, right)

    // The mistyped address has no user left, and none of its links leads anywhere.
    await waitForRow(`SELECT FROM ellipro.keycloak_user WHERE address_key = $1 AND state = 'deleted'`, [
      wrong,
    ])
    await stranger.page.goto(confirmationLink(reset))
    expect(await stranger.page.locator('input[type=password]').count()).toBe(0)
    await stranger.page.goto(strayed.links.find((one) => one.includes('/login-actions/')) ?? '')
    expect(await stranger.page.locator('input[type=password]').count()).toBe(0)
    await stranger.page.goto(urls.portal)
    await stranger.page.waitForSelector('#sign-in')
    await stranger.context.close()
    await person.context.close()
  })

  it('with a stolen link has no password, and the person whose link it is can still finish', async () => {
    const address = 'jean.haut@scierie-haut-jura.example'
    const person = await browser.open('fr-FR')
    await startActivation(person.page, product, { door: 'own', login: 'scierie.haut-jura', address })
    const mail = await inbox.waitForMail(address)
    const thief = await browser.open('fr-FR')
    await openConfirmationLink(thief.page, mail)
    const confirmPage = thief.page.url()
    await confirmPassword(thief.page, 'sapin39-the-legacy-password')
    await thief.page.waitForSelector('[data-page=confirm] :is(.ell-error, .ell-notice--error)')
    // The person's own browser never opened the link: its page has no k, and the password alone does nothing.
    await person.page.goto(confirmPage)
    await person.page.waitForSelector('body[data-page]')
    expect(await person.page.getAttribute('body', 'data-page')).not.toBe('confirm')
    // With the mail, the person finishes: Keycloak says "confirmed already" and leads back to us.
    await confirmPassword(thief.page, chosenPassword)
    await expectSignedIn(thief.page, urls.portal, address)
    await thief.context.close()
    await person.context.close()
  })

  it('signs in with e-mail and password only when both are right, once the account is open', async () => {
    const { page, context } = await browser.open('fr-FR')
    await page.goto(`${urls.portal}/sign-in`)
    await signInAtKeycloak(page, 'jean.haut@scierie-haut-jura.example', 'not-the-password-at-all')
    await page.waitForSelector('.ell-error')
    await signInAtKeycloak(page, 'jean.haut@scierie-haut-jura.example', chosenPassword)
    await expectSignedIn(page, urls.portal, 'jean.haut@scierie-haut-jura.example')
    expect(await page.innerText('[data-claim=email_verified]')).toBe('true')
    await context.close()
  })
})

type Admin = (path: string, init: RequestInit) => Promise<Response>

/** The realm's administrator, as an operator would undo things in the console. */
async function withAdmin(work: (admin: Admin) => Promise<Response>): Promise<void> {
  const { username, password } = installation.keycloak.administrator
  const token = await fetch(`${urls.keycloak}/realms/master/protocol/openid-connect/token`, {
    method: 'POST',
    body: new URLSearchParams({ grant_type: 'password', client_id: 'admin-cli', username, password }),
  })
  const { access_token } = (await token.json()) as { access_token: string }
  const answer = await work((path, init) =>
    fetch(`${urls.keycloak}/admin/realms/${installation.keycloak.realm}${path}`, {
      ...init,
      headers: { authorization: `Bearer ${access_token}`, 'content-type': 'application/json' },
    }),
  )
  if (!answer.ok) throw new Error(`Keycloak answered ${answer.status}`)
}
