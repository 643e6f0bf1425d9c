/**
 * Invariants 2 and 3 in full: fifty people on one login confirm at the same moment, from two provider processes, with two
 * admin-syncs behind them and a real Request Tracker on PostgreSQL. One of them holds the login; the others have a request
 * each, in one case with one ticket, and nobody is told anything twice. One more than a case holds is told to call.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { decodeJwt } from 'jose'
import pg from 'pg'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { sampleLogins } from '../../dev/cofacering/sample-logins.ts'
import { placeUrl } from '../../dev/environment.ts'
import { HttpPerson } from '../support/http-person.ts'
import { startProduct } from '../support/product.ts'
import { createQueue } from '../support/request-tracker.ts'

const many = 50
const login = 'negoce.atlantique'
const password = 'Un-bon-mot-de-passe-2026'

const desk = await createQueue()
const product = await startProduct({ TRUST_PROXY: '1', ...desk.environment }, { replicas: 2 })
const { places, inbox, database } = product
const origins = [product.urls.provider, placeUrl(places.provider2!)] as const
const client = new pg.Client({ connectionString: database.superuser })

beforeAll(async () => {
  await client.connect()
  // As many as may wait, and not one more.
  for (const [name, value] of [
    ['activations_per_login_per_day', 1000],
    ['mails_per_login_per_day', 1000],
    ['mails_per_address_per_day', 1000],
    ['requests_per_login_per_day', 1000],
    ['requests_per_case', many - 1],
  ] as const)
    await client.query('UPDATE ellipro.setting SET value = $2 WHERE name = $1', [name, value])
})
afterAll(() => client.end())

/** Both processes take only so much at once; whoever is told to come again does so. */
async function untilServed(person: HttpPerson): Promise<void> {
  for (let tries = 0; person.page.status === 503 && tries < 100; tries++) {
    await sleep(250)
    await person.again()
  }
}

const addressOf = (n: number) => `person-${n}@colleagues.example`

/** From the door to the page after the login, at one of the two processes. */
async function signIn(n: number): Promise<HttpPerson> {
  const person = new HttpPerson({ network: `10.50.${n}.1` })
  await person.open(`${origins[n % 2]}/`)
  await person.submit(
    { login, password: sampleLogins.find((one) => one.login === login)!.password },
    '/login',
  )
  return person
}

/** To the confirmation page, through the mail. @returns what sends it */
async function comeToConfirmation(n: number): Promise<() => Promise<HttpPerson>> {
  const person = await signIn(n)
  await person.submit({ email: addressOf(n), password, shared: 'no' }, '/redirection')
  expect(person.name).toBe('sent')
  const mail = await inbox.waitForMail(addressOf(n), undefined, 60_000)
  const link = mail.links.find((one) => one.includes('/login-actions/action-token'))!
  await person.open(link)
  await person.click(/id="ell-confirm"/)
  const url = String(decodeJwt(new URL(link).searchParams.get('key')!)['reduri'])
  // k is in the browser then; the form is opened at the process that it will be sent to.
  await person.open(url)
  await person.open(`${origins[n % 2]}/activation/${/\/activation\/([0-9a-f-]{36})/.exec(url)![1]}/confirm`)
  await untilServed(person)
  return async () => {
    await person.submit({ password }, '/confirm')
    await untilServed(person)
    return person
  }
}

const count = async (sql: string): Promise<Record<string, number>> =>
  Object.fromEntries(
    (await client.query<{ key: string; count: number }>(sql)).rows.map((row) => [row.key, row.count]),
  )
const countStates = (table: string) =>
  count(`SELECT state AS key, count(*)::integer AS count FROM ellipro.${table} GROUP BY state`)

test('of fifty people one holds the login; the others have a request each, in one case with one ticket', async () => {
  const sends: (() => Promise<HttpPerson>)[] = []
  // Ten at a time: attempts on one login are counted before they are looked at, and thirty are its limit.
  for (let from = 0; from < many; from += 10)
    sends.push(
      ...(await Promise.all(
        Array.from({ length: Math.min(10, many - from) }, (_, n) => comeToConfirmation(from + n)),
      )),
    )
  const people = await Promise.all(sends.map((send) => send()))
  const names = people.map(({ name }) => name ?? '')
  expect(names.filter((name) => name.startsWith('waiting'))).toHaveLength(many - 1)

  await expect
    .poll(() => countStates('activation'), { timeout: 60_000, interval: 300 })
    .toEqual({ opened: 1, waiting: many - 1 })
  expect(await countStates('access_request')).toEqual({ proved: many - 1 })
  const { rows: cases } = await client.query<{ reference: string }>(
    'SELECT reference FROM ellipro.login_case',
  )
  expect(cases).toHaveLength(1)

  // Everybody is told what they have to know.
  const untold = `SELECT 'untold' AS key, count(*)::integer AS count FROM ellipro.access_request
    WHERE acknowledged_at IS NULL OR holder_asked_at IS NULL OR contact_told_of_request_at IS NULL`
  await expect.poll(() => count(untold), { timeout: 90_000, interval: 500 }).toEqual({ untold: 0 })
  const due = `SELECT 'due' AS key, ((SELECT count(*) FROM ellipro.ticket_note WHERE posted_at IS NULL)
    + (SELECT count(*) FROM ellipro.ticket WHERE external_id IS NULL))::integer AS count`
  await expect.poll(() => count(due), { timeout: 90_000, interval: 500 }).toEqual({ due: 0 })
  expect(await desk.findTickets(cases[0]!.reference)).toHaveLength(1)

  // One mail each, and none twice.
  const holder = (
    await client.query<{ address: string }>(`SELECT address FROM ellipro.activation WHERE state = 'opened'`)
  ).rows[0]!.address
  for (let n = 0; n < many; n++) {
    const mails = inbox.mails.filter(({ to }) => to.includes(addressOf(n)))
    const told = mails.filter(({ text }) => text.includes(cases[0]!.reference))
    if (addressOf(n) === holder) continue
    expect(mails).toHaveLength(2)
    expect(told).toHaveLength(1)
  }
  expect(await countDeadLetters()).toBe(0)
}, 600_000)

const countDeadLetters = async () =>
  (await client.query(`SELECT FROM pgboss.job WHERE name = 'dead-letter' AND state < 'completed'`)).rowCount

test('whoever comes when a case is full is told to call, and the ticket says so once', async () => {
  for (const n of [many, many + 1]) {
    const person = await signIn(n)
    expect(person.name).toBe('moved')
    await person.click(/href="\/access\/new"/)
    await person.submit({ name: 'Anne Martin', email: addressOf(n), phone: '' }, '/access/new')
    expect(person.name).toBe('access-full')
  }
  expect(await countStates('access_request')).toEqual({ proved: many - 1 })
  const overflow = `SELECT 'overflow' AS key, count(posted_at)::integer AS count FROM ellipro.ticket_note
    WHERE subject LIKE 'overflow:%'`
  await expect.poll(() => count(overflow), { timeout: 60_000, interval: 300 }).toEqual({ overflow: 1 })
  expect(inbox.mails.filter(({ to }) => to.includes(addressOf(many)))).toEqual([])
})
