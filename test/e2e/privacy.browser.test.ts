/**
 * Invariant 11, and the correlation id: whole paths at the most talkative log level, with mistakes on the way, on two
 * devices and by the desk; then a search for every personal value and secret that was used, in the lines and metrics of
 * provider and admin-sync, in the job tables, and, for what is ours alone, in Keycloak's log and events.
 */
import { execFile } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import pg from 'pg'
import type { BrowserContext, Page } from 'playwright-core'
import { beforeAll, expect, inject, it } from 'vitest'
import { connect } from '../../admin-sync/keycloak/connect.ts'
import type { UserEvent } from '../../admin-sync/keycloak/representations.ts'
import { baseEnvironment } from '../../dev/environment.ts'
import { findFreePort } from '../../dev/ports.ts'
import { readableReference } from '../../provider/web/correlation.ts'
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

const metricsPort = await findFreePort()
const product = await startProduct(
  { LOG_LEVEL: 'debug' },
  { environment: { provider: { METRICS_HOST: '127.0.0.1', METRICS_PORT: String(metricsPort) } } },
)
const browser = await startBrowser()
const superuser = new pg.Client({ connectionString: product.database.superuser })
// The database goes with the file, perhaps before this connection does.
superuser.on('error', () => undefined)
await superuser.connect()

const who = sample('transports.lefevre')
const address = 'Claire.Lefevre@transports-lefevre.example'
const mistyped = 'Claire.Lefebvre@transports-lefevre.example'
const colleague = sample('cabinet.moreau')
const withdrawing = sample('negoce.atlantique')
const stranger = 'Inconnu.Proprietaire@ailleurs.example'
/** Asks for an access of their own on the login that has its holder. */
const requester = {
  name: 'Zoé Zimmermann',
  address: 'Zoe.Zimmermann@ailleurs.example',
  phone: '01 99 88 77 66',
}
/** Cookies of all browsers, and the parameters of links, as they were at some moment. */
const secrets = new Set<string>([who.password, colleague.password, withdrawing.password, chosenPassword])
let path = { correlationId: '', first: '', corrected: '' }
let others: string[] = []
let shownOnError = ''

const correlationOf = async (context: BrowserContext) =>
  (await context.cookies(product.urls.provider)).find(({ name }) => name === 'correlation')?.value ?? ''
async function noteCookies(context: BrowserContext): Promise<void> {
  for (const { name, value } of await context.cookies())
    // `link` holds an activation's id, which log lines are about; KC_RESTART and the like are too short to be secrets.
    if (name !== 'link' && name !== 'language' && value.length > 20) secrets.add(value)
}
function noteLinks(links: readonly string[]): void {
  for (const link of links)
    for (const [name, value] of new URL(link).searchParams)
      if (/^(k|w|s|h|key)$/.test(name)) secrets.add(value)
}
const activationIn = (page: Page) => /activation\/([0-9a-f-]{36})/.exec(page.url())?.[1] ?? ''

beforeAll(async () => {
  await superuser.query(`UPDATE ellipro.setting SET value = 0 WHERE name = 'resend_seconds'`)
  await superuser.query(`UPDATE ellipro.setting SET value = 50 WHERE name = 'mails_per_address_per_day'`)

  // First device: mistakes, a wrong address, its correction, one mail more.
  const { page, context } = await browser.open('fr-FR')
  await openDoor(page, product, 'brokered')
  await signInToCofacering(page, { ...who, password: 'Mauvais-mot-de-passe-1' })
  await page.waitForSelector('[data-page=login] .ell-error')
  await page.fill('input[name=login]', 'quelquun@ailleurs.example')
  await page.fill('input[name=password]', 'Mauvais-mot-de-passe-2')
  await page.click('main form button >> nth=0')
  await page.waitForSelector('[data-page=login] .ell-error')
  await startActivation(page, product, { door: 'own', login: who.login, address: mistyped })
  const first = activationIn(page)
  noteLinks((await product.inbox.waitForMail(mistyped)).links)
  await page.goto(`${product.urls.provider}/activation/${first}/address`)
  await page.fill('input[name=email]', address)
  await page.click('main form button[type=submit] >> nth=0')
  await expectPage(page, 'sent')
  const corrected = activationIn(page)
  const mail = await product.inbox.waitForMail(address)
  await page.click('form[action$="/resend"] button')
  await expectPage(page, 'sent')
  const mails = () =>
    product.inbox.mails.filter(({ to }) => to.join().toLowerCase() === address.toLowerCase())
  while (mails().length < 2) await sleep(50)
  const correlation = await correlationOf(context)
  path = { correlationId: correlation.split('.')[0] ?? '', first, corrected }
  await noteCookies(context)

  // The desk sends one more.
  await promisify(execFile)(
    process.execPath,
    [
      'admin-sync/cli.ts',
      'activations',
      'resend',
      corrected,
      '--operator',
      'desk',
      '--reason',
      'Claire Lefevre called',
    ],
    {
      cwd: join(import.meta.dirname, '..', '..'),
      env: { ...baseEnvironment(process.env), ADMIN_SYNC_DATABASE_URL: product.installation.databases.sync },
    },
  )
  while (mails().length < 3) await sleep(50)
  for (const { links } of mails()) noteLinks(links)

  // Second device: an old mail, error pages, the newest one, a wrong password, the account.
  const phone = await browser.open('fr-FR')
  await phone.page.goto(
    `${product.urls.provider}/activation/nonsense@person.example/confirm?k=${'z'.repeat(43)}`,
  )
  await phone.page.goto(`${product.urls.provider}/claire.lefevre/${'y'.repeat(43)}`)
  await expectPage(phone.page, 'error')
  await openConfirmationLink(phone.page, mails().at(-1) ?? mail)
  await confirmPassword(phone.page, 'Mauvais-mot-de-passe-3')
  await phone.page.waitForSelector('[data-page=confirm] .ell-error')
  await noteCookies(phone.context)
  await phone.page.goto(`${product.urls.provider}/activation/${corrected}/nowhere`)
  await expectPage(phone.page, 'error')
  shownOnError = await phone.page.innerText('main')
  await phone.page.goBack()
  await confirmPassword(phone.page)
  await expectSignedIn(phone.page, product.urls.portal, address.toLowerCase())
  await noteCookies(phone.context)

  // Others: the same address with another login, "it was not me", and the login that has its holder now.
  const other = await browser.open('en-GB')
  await startActivation(other.page, product, { door: 'own', login: colleague.login, address })
  await product.inbox.waitForMail(address, ({ links }) =>
    links.every((link) => !link.includes('action-token')),
  )
  const third = await browser.open('fr-FR')
  await startActivation(third.page, product, { door: 'own', login: withdrawing.login, address: stranger })
  const unwanted = await product.inbox.waitForMail(stranger)
  noteLinks(unwanted.links)
  const owner = await browser.open('fr-FR')
  // The first mail of an address, whose link Keycloak makes in another way than that of the others.
  await openConfirmationLink(owner.page, unwanted)
  await owner.page.goto(unwanted.links.find((one) => one.includes('withdraw?w=')) ?? '')
  await owner.page.click('main form button[type=submit] >> nth=0')
  await owner.page.waitForLoadState()
  others = await Promise.all(
    [other, third].map(async ({ context: one }) => (await correlationOf(one)).split('.')[0] ?? ''),
  )
  const late = await browser.open('fr-FR')
  await openDoor(late.page, product, 'own')
  await signInToCofacering(late.page, who)
  await expectPage(late.page, 'moved')
  await askForAccess(late.page)
  for (const one of [other, third, owner, late]) await noteCookies(one.context)

  // The link is deleted, and the contact told.
  for (const end = Date.now() + 20_000; Date.now() < end; await sleep(100)) {
    const log = product.readLog('adminSync')
    if (/"job":"unlink".*"outcome"/.test(log) && /"job":"notify-contact".*"outcome"/.test(log)) break
  }
}, 150_000)

/** The newest mail to somebody that has a link of this kind, and that link. */
async function followLink(page: Page, to: string, part: string): Promise<void> {
  const isIt = (link: string) => link.includes(part)
  const { links } = await product.inbox.waitForMail(to, (mail) => mail.links.some(isIt))
  noteLinks(links)
  await page.goto(links.find(isIt) ?? '')
}

/** From the moved page to the state of the request; the holder answers. */
async function askForAccess(page: Page): Promise<void> {
  const send = () => page.click('main form button[type=submit] >> nth=0')
  await page.click('main a[href="/access/new"]')
  await page.fill('#name', requester.name)
  await page.fill('#email', requester.address)
  await page.fill('#phone', requester.phone)
  await send()
  await expectPage(page, 'access-sent')
  await followLink(page, requester.address, '/prove?k=')
  await expectPage(page, 'access-prove-valid')
  await send()
  await expectPage(page, 'access-prove-done')
  await followLink(page, requester.address, '?s=')
  await expectPage(page, 'access-state-proved')
  await followLink(page, address, '?h=')
  await send()
  await expectPage(page, 'holder')
}

const scrape = async (url: string) => (await fetch(url)).text()
const ids = (some: Record<string, unknown>[]) => [...new Set(some.map((line) => line['correlation_id']))]
const lines = (part: 'provider' | 'adminSync') =>
  product
    .readLog(part)
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>)

it('logs, metrics, jobs and audit lists hold ids and codes, and nothing that a person typed or was given', async () => {
  const { contact } = await readRest(who.login)
  const personal = [
    ...[who, colleague, withdrawing].flatMap(({ login, company }) => [login, company]),
    ...[address, mistyped, stranger, requester.address].flatMap((one) => [one, one.split('@')[0] ?? '']),
    requester.name,
    requester.phone,
    'quelquun',
    'nonsense@',
    contact,
  ]
  expect([...secrets].filter((value) => value.length < 8)).toEqual([])
  expect(secrets.size).toBeGreaterThan(20)
  const wanted = [...secrets, ...personal, 'Mauvais-mot-de-passe', 'z'.repeat(43), 'y'.repeat(43)]
  const { rows: jobs } = await superuser.query<{ text: string }>(
    `SELECT j::text AS text FROM pgboss.job j UNION ALL SELECT o::text FROM ellipro.outbox o
     UNION ALL SELECT e::text FROM ellipro.activation_event e UNION ALL SELECT c::text FROM ellipro.case_outbox c`,
  )
  const adminSync = product.places.adminSync
  const written = {
    provider: product.readLog('provider'),
    'admin-sync': product.readLog('adminSync'),
    'metrics of provider': await scrape(`http://127.0.0.1:${metricsPort}/metrics`),
    'metrics of admin-sync': await scrape(`http://${adminSync?.host}:${adminSync?.port}/metrics`),
    jobs: jobs.map(({ text }) => text).join('\n'),
  }
  for (const [where, text] of Object.entries(written)) {
    expect(text.split('\n').length, `${where} has lines`).toBeGreaterThan(10)
    expect(found(text, wanted), `in ${where}`).toEqual([])
  }
  for (const part of ['provider', 'adminSync'] as const)
    for (const line of lines(part)) expect(line).toHaveProperty('event')
  const pub = await fetch(`${product.urls.provider}/metrics`)
  expect(pub.status, 'the public port gives no metrics').toBe(404)

  // The whole funnel was walked.
  const numbers = written['metrics of provider'] + written['metrics of admin-sync']
  const walked = [
    'step="door",outcome="own"',
    'step="door",outcome="brokered"',
    'step="login",outcome="accepted"',
    'step="login",outcome="refused"',
    'step="activation",outcome="started"',
    'step="correction",outcome="started"',
    'step="resend",outcome="requested"',
    'step="mail",outcome="sent"',
    'step="link",outcome="valid"',
    'step="confirmation",outcome="wrong_password"',
    'step="confirmation",outcome="confirmed"',
    'step="opening",outcome="opened"',
    'step="sign_in",outcome="finished"',
    'step="withdrawal",outcome="withdrawn"',
    'step="request",outcome="asked"',
    'step="request_proof",outcome="proved"',
  ]
  const unwalked = walked.filter(
    (step) => !new RegExp(`ellipro_funnel_total\\{${step}\\} [1-9]`).test(numbers),
  )
  expect(unwalked).toEqual([])
  expect(numbers).toMatch(/ellipro_activations\{state="opened"\} 1\n/)
  expect(numbers).toMatch(/ellipro_legacy_up 1\n/)
  expect(numbers).toMatch(/ellipro_database_readable 1\n/)
  expect(numbers).not.toMatch(/route="[^"]*[0-9a-f]{8}-/)
})

/** The address is the user's name at Keycloak, so these fields of its own events hold one, and no other does. */
const keycloakWrites = ['LOGIN username', 'VERIFY_EMAIL email', 'VERIFY_EMAIL username']

it('Keycloak writes an address in the fields where it names its user, and nothing of ours anywhere', async () => {
  const { contact, sub } = await readRest(who.login)
  const ours = [
    ...secrets,
    ...[who, colleague, withdrawing].flatMap(({ login, company }) => [login, company]),
    contact,
    requester.name,
    requester.address,
    'Mauvais-mot-de-passe',
  ]
  const { userEvents, adminEvents } = await readKeycloakEvents()
  const all = JSON.stringify([userEvents, adminEvents])
  expect(all).toContain('VERIFY_EMAIL')
  expect(all).toContain(sub)
  expect(found(JSON.stringify(adminEvents), ours), 'in the admin events').toEqual([])
  expect(fieldsHolding(userEvents, ours), 'in the user events').toEqual([])

  const names = [address, mistyped, stranger].map((one) => one.split('@')[0] ?? '')
  expect(found(JSON.stringify(adminEvents), names), 'in the admin events').toEqual([])
  expect(fieldsHolding(userEvents, names), 'in the user events').toEqual(keycloakWrites)

  // Undefined for a server that was not started by this run.
  const { log } = inject('keycloak')
  const keycloakLog = log !== undefined && existsSync(log) ? readFileSync(log, 'utf8') : ''
  expect(found(keycloakLog, [...ours, ...names]), 'in the log of Keycloak').toEqual([])
})

it('one correlation id is in every line of the path, of both processes and both devices, and in nobody else’s', () => {
  const { correlationId, first, corrected } = path
  expect(correlationId).toMatch(/^\d{8}-\d{4}-4/)
  expect(shownOnError).toContain(readableReference(correlationId))
  const activations = [first, corrected]
  const all = [...lines('provider'), ...lines('adminSync')]
  const concerns = (line: Record<string, unknown>) =>
    activations.includes((line['activation_id'] ?? line['activation'] ?? '') as string)
  expect(ids(all.filter(concerns))).toEqual([correlationId])

  const mine = all.filter((line) => line['correlation_id'] === correlationId)
  const events = mine.map(({ event, job }) => (job === undefined ? event : job))
  expect(events).toEqual(
    expect.arrayContaining([
      'http.answered',
      'door.shown',
      'login.refused',
      'login.accepted',
      'activation.start',
      'activation.correct',
      'activation.resend',
      'send-confirmation',
      'activation.link',
      'activation.confirm',
      'open-account',
      'sign_in.started',
      'op.proof_taken',
      'op.granted',
      'sign_in.finished',
      'unlink',
      'notify-contact',
    ]),
  )
  // Nobody else's: whatever names another activation has another id, and each of the others has one of their own.
  const foreign = mine.filter(
    (line) => (line['activation_id'] ?? line['activation']) !== undefined && !concerns(line),
  )
  expect(foreign).toEqual([])
  expect(new Set([correlationId, ...others]).size).toBe(3)
  for (const other of others)
    expect(all.filter((line) => line['correlation_id'] === other).length).toBeGreaterThan(5)
  // One request is of one path.
  const byRequest = Map.groupBy(lines('provider'), (line) => line['request_id'])
  byRequest.delete(undefined)
  for (const some of byRequest.values()) expect(ids(some)).toHaveLength(1)
})

/** `TYPE field` of each field of an event that holds one of the values. */
function fieldsHolding(events: readonly UserEvent[], values: string[]): string[] {
  const holding = events.flatMap(({ type, details = {}, ...rest }) =>
    Object.entries({ ...rest, ...details })
      .filter(([, value]) => found(JSON.stringify(value ?? ''), values).length > 0)
      .map(([field]) => `${type} ${field}`),
  )
  return [...new Set(holding)].toSorted()
}

function found(text: string, values: string[]): string[] {
  const lower = text.toLowerCase()
  return values.filter((value) => lower.includes(value.toLowerCase()))
}

async function readRest(login: string): Promise<{ contact: string; sub: string }> {
  const cofacering = new pg.Client({ connectionString: product.cofacering.superuser })
  await cofacering.connect()
  const { rows } = await cofacering.query<{ contact: string }>(
    'SELECT c.contact_email AS contact FROM login l JOIN contract c ON c.id = l.contract_id WHERE l.login = $1',
    [login],
  )
  await cofacering.end()
  const { rows: opened } = await superuser.query<{ sub: string }>(
    `SELECT sub FROM ellipro.activation WHERE login = $1 AND state = 'opened'`,
    [login],
  )
  const [contact, sub] = [rows[0]?.contact ?? '', opened[0]?.sub ?? '']
  expect(contact).toContain('@')
  expect(sub.length).toBeGreaterThan(40)
  return { contact, sub }
}

async function readKeycloakEvents() {
  const { keycloak, secrets: keys } = product.installation
  const reader = connect({
    url: keycloak.url,
    realm: keycloak.realm,
    credential: { kind: 'client', clientId: 'admin-sync-reader', clientSecret: keys.readerClient },
  })
  const all = { fromMs: 0, first: 0, max: 1000 }
  return { userEvents: await reader.listUserEvents(all), adminEvents: await reader.listAdminEvents(all) }
}
