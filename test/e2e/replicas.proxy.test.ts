/**
 * Two of each process on one database, behind the proxy of docs/nginx.conf, which sends one request here and the next
 * there. Nothing about a person is in one process: whole activations end signed in while requests alternate, while one
 * replica is drained and while one is killed; the work of both admin-syncs is done once.
 */
import pg from 'pg'
import { afterAll, expect, test } from 'vitest'
import { placeUrl } from '../../dev/environment.ts'
import { findFreePort } from '../../dev/ports.ts'
import { startBrowser } from '../support/browser.ts'
import { startNginx } from '../support/nginx.ts'
import { startProduct, type Part } from '../support/product.ts'
import {
  confirmPassword,
  expectPage,
  expectSignedIn,
  finishActivation,
  openConfirmationLink,
  startActivation,
} from './journey.ts'

const host = process.platform === 'linux' ? '127.0.0.5' : '127.0.0.1'
const listen = { host, port: await findFreePort(host) }
const product = await startProduct(
  { TRUST_PROXY: 'loopback', SIGN_IN_DEADLINE_MS: '50' },
  { replicas: 2, publicUrl: placeUrl(listen) },
)
const { places, inbox, urls } = product
if (!places.provider || !places.provider2) throw new Error('no second provider')
const proxy = await startNginx(listen, [places.provider, places.provider2])
const browser = await startBrowser()
const pool = new pg.Pool({ connectionString: product.database.superuser, max: 2 })
pool.on('connect', (client) => client.on('error', () => undefined))
afterAll(() => pool.end())

const mailsTo = (address: string) => inbox.mails.filter(({ to }) => to.includes(address))
const countOf = async (address: string, state: string) => {
  const { rows } = await pool.query<{ count: string }>(
    'SELECT count(*) FROM ellipro.activation WHERE address_key = $1 AND state = $2',
    [address, state],
  )
  return Number(rows[0]?.count)
}

test('an activation through both doors ends signed in while every other request goes to the other replica', async () => {
  const before = proxy.answeredBy().length
  for (const [door, login, address] of [
    ['own', 'transports.lefevre', 'claire@transports.example'],
    ['brokered', 'cabinet.moreau', 'anne@cabinet.example'],
  ] as const) {
    const { page, context } = await browser.open('fr-FR')
    await startActivation(page, product, { door, login, address })
    await finishActivation(page, product, address)
    expect([await countOf(address, 'opened'), mailsTo(address).length]).toEqual([1, 1])
    await context.close()
  }
  const answered = proxy.answeredBy().slice(before)
  const share = ([first, second]: [string, string]) =>
    [first, second].map((name) => answered.filter((one) => one === name).length)
  const [first = 0, second = 0] = share([
    `${places.provider?.host}:${places.provider?.port}`,
    `${places.provider2?.host}:${places.provider2?.port}`,
  ])
  // Round robin, to the request: neither is preferred, and no request needed both.
  expect(first + second).toBe(answered.filter((one) => one !== '-').length)
  expect(Math.abs(first - second)).toBeLessThanOrEqual(2)
})

test('limits count the address that the proxy saw, whatever a client claims to come from', async () => {
  const claims = ['203.0.113.7', '198.51.100.9, 203.0.113.8']
  for (const claim of claims)
    await fetch(`${urls.provider}/`, { headers: { 'X-Forwarded-For': claim, Forwarded: `for=${claim}` } })
  const page = await fetch(`${urls.provider}/`, { headers: { 'X-Forwarded-For': claims[0] ?? '' } })
  const body = await page.text()
  const csrf = /name="csrf" value="([^"]*)"/.exec(body)?.[1] ?? ''
  const cookie = page.headers
    .getSetCookie()
    .map((line) => line.split(';')[0])
    .join('; ')
  const answer = await fetch(`${urls.provider}/login`, {
    method: 'POST',
    redirect: 'manual',
    headers: { cookie, 'X-Forwarded-For': claims[0] ?? '' },
    body: new URLSearchParams({ csrf, login: 'nobody', password: 'wrong' }),
  })
  expect(answer.status).toBe(303)
  const { rows } = await pool.query<{ key: string }>('SELECT key FROM provider.rate_limit')
  const keys = rows.map(({ key }) => key).join('\n')
  expect(keys).toContain('127.0.0.0/24')
  for (const network of ['203.0.113', '198.51.100']) expect(keys).not.toContain(network)
})

test('a replica that is drained in the middle of an activation is not missed, nor is one that is killed', async () => {
  const address = 'jean@scierie.example'
  const { page, context } = await browser.open('fr-FR')
  await startActivation(page, product, { door: 'brokered', login: 'scierie.haut-jura', address })
  await product.stop('provider')
  await product.stop('adminSync')
  const mail = await inbox.waitForMail(address)
  await page.reload()
  await expectPage(page, 'sent')
  await openConfirmationLink(page, mail)
  await product.start('provider')
  await product.start('adminSync')
  // While the form is filled in, the other ones die.
  await Promise.all((['provider2', 'adminSync2'] satisfies Part[]).map((part) => product.kill(part)))
  await confirmPassword(page)
  await expectSignedIn(page, urls.portal, address)
  expect([await countOf(address, 'opened'), mailsTo(address).length]).toEqual([1, 1])
  await context.close()
  await Promise.all((['provider2', 'adminSync2'] satisfies Part[]).map((part) => product.start(part)))
})

test('two admin-syncs share the work, and nothing is done twice', async () => {
  const { rows } = await pool.query<{ mails: string; users: string; opened: string }>(
    `SELECT (SELECT count(*) FROM ellipro.mail WHERE kind = 'confirmation') AS mails,
            (SELECT count(*) FROM ellipro.keycloak_user) AS users,
            (SELECT count(*) FROM ellipro.activation WHERE state = 'opened') AS opened`,
  )
  expect(rows).toEqual([{ mails: '3', users: '3', opened: '3' }])
  const done = (['adminSync', 'adminSync2'] satisfies Part[]).flatMap((part) =>
    product
      .readLog(part)
      .split('\n')
      .filter((line) => line.includes('"job.done"')),
  )
  const jobs = done.map((line) => (JSON.parse(line) as { job_id: string }).job_id)
  expect(new Set(jobs).size).toBe(jobs.length)
})
