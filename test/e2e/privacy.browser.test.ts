/**
 * Invariant 11: the whole path at the most talkative log level, with mistakes on the way, and then a search for every
 * personal value and secret that was used: in the lines of provider and admin-sync, and, for what is ours alone, in
 * Keycloak's log and events.
 */
import { existsSync, readFileSync } from 'node:fs'
import pg from 'pg'
import { expect, inject, it } from 'vitest'
import { connect } from '../../admin-sync/keycloak/connect.ts'
import { startBrowser } from '../support/browser.ts'
import { startProduct } from '../support/product.ts'
import {
  chosenPassword,
  confirmPassword,
  expectPage,
  expectSignedIn,
  openConfirmationLink,
  openDoor,
  sample,
  signInToCofacering,
  startActivation,
} from './journey.ts'

const product = await startProduct()
const browser = await startBrowser()

it('the logs hold ids and codes, and nothing that a person typed or was given', async () => {
  const who = sample('transports.lefevre')
  const address = 'Claire.Lefevre@transports-lefevre.example'
  const { page, context } = await browser.open('fr-FR')
  await openDoor(page, product, 'brokered')
  await signInToCofacering(page, { ...who, password: 'Mauvais-mot-de-passe-1' })
  await page.waitForSelector('[data-page=login] .ell-error')
  await page.fill('input[name=login]', 'quelquun@ailleurs.example')
  await page.fill('input[name=password]', 'Mauvais-mot-de-passe-2')
  await page.click('main form button >> nth=0')
  await page.waitForSelector('[data-page=login] .ell-error')
  await startActivation(page, product, { door: 'own', login: who.login, address })
  const mail = await product.inbox.waitForMail(address)
  await openConfirmationLink(page, mail)
  await confirmPassword(page, 'Mauvais-mot-de-passe-3')
  await page.waitForSelector('[data-page=confirm] .ell-error')
  const cookies = await context.cookies(product.urls.provider)
  await confirmPassword(page)
  await expectSignedIn(page, product.urls.portal, address.toLowerCase())
  await page.goto(`${product.urls.provider}/activation/nonsense@person.example/confirm?k=${'z'.repeat(43)}`)
  await openDoor(page, product, 'own')
  await signInToCofacering(page, who)
  await expectPage(page, 'moved')

  const { contact, sub } = await readRest(who.login)
  const withdraw = mail.links.find((one) => one.includes('withdraw?w=')) ?? ''
  const secrets = [
    who.password,
    chosenPassword,
    'Mauvais-mot-de-passe',
    new URL(withdraw).searchParams.get('w') ?? '',
    'z'.repeat(43),
    // `link` holds the activation's id, which log lines are about.
    ...cookies.filter(({ name, value }) => name !== 'link' && value.length > 12).map(({ value }) => value),
  ]
  const personal = [who.login, who.company, 'claire.lefevre', 'quelquun', 'nonsense@', contact]
  expect(secrets.filter((value) => value.length < 8)).toEqual([])
  expect(cookies.length).toBeGreaterThan(2)

  for (const part of ['provider', 'adminSync'] as const) {
    const log = product.readLog(part)
    expect(log.split('\n').length, `${part} wrote lines`).toBeGreaterThan(5)
    expect(found(log, [...secrets, ...personal]), `in the log of ${part}`).toEqual([])
    for (const line of log.trim().split('\n')) expect(JSON.parse(line)).toHaveProperty('event')
  }

  // Keycloak knows the address, which is its user's name. It must never meet the rest.
  const ours = [...secrets, who.login, who.company, contact]
  const events = JSON.stringify(await readKeycloakEvents())
  expect(events).toContain('VERIFY_EMAIL')
  expect(events).toContain(sub)
  expect(found(events, ours), 'in the events of Keycloak').toEqual([])
  // Undefined for a server that was not started by this run.
  const { log } = inject('keycloak')
  const keycloakLog = log !== undefined && existsSync(log) ? readFileSync(log, 'utf8') : ''
  expect(found(keycloakLog, ours), 'in the log of Keycloak').toEqual([])
  await context.close()
})

function found(text: string, values: string[]): string[] {
  const lower = text.toLowerCase()
  return values.filter((value) => lower.includes(value.toLowerCase()))
}

async function readRest(login: string): Promise<{ contact: string; sub: string }> {
  const query = async (url: string, sql: string) => {
    const client = new pg.Client({ connectionString: url })
    await client.connect()
    const { rows } = await client.query<Record<string, string>>(sql, [login])
    await client.end()
    return rows[0] ?? {}
  }
  const { contact_email = '' } = await query(
    product.cofacering.superuser,
    'SELECT c.contact_email FROM login l JOIN contract c ON c.id = l.contract_id WHERE l.login = $1',
  )
  const { sub = '' } = await query(
    product.database.superuser,
    `SELECT sub FROM ellipro.activation WHERE login = $1 AND state = 'opened'`,
  )
  expect(contact_email).toContain('@')
  expect(sub.length).toBeGreaterThan(40)
  return { contact: contact_email, sub }
}

async function readKeycloakEvents(): Promise<unknown[]> {
  const { keycloak, secrets } = product.installation
  const reader = connect({
    url: keycloak.url,
    realm: keycloak.realm,
    credential: { kind: 'client', clientId: 'admin-sync-reader', clientSecret: secrets.readerClient },
  })
  const all = { fromMs: 0, first: 0, max: 1000 }
  return [...(await reader.listUserEvents(all)), ...(await reader.listAdminEvents(all))]
}
