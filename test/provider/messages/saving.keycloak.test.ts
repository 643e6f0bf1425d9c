/** Saving old messages over HTTP: whose ZIP comes out of which door, how many at once, and what a broken one looks like. */
import { randomBytes, randomUUID } from 'node:crypto'
import { request, type IncomingMessage } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, describe, expect, it } from 'vitest'
import { createSignIns } from '../../../provider/activation/sign-ins.ts'
import { createMessageStore } from '../../../provider/messages/store.ts'
import { createStandIn, sha256 } from '../activation/stand-in.ts'
import { startTcpProxy } from '../../support/fault-proxy.ts'
import { createDatabase } from '../../support/postgres.ts'
import { Browser, pageName } from '../support/browser.ts'
import { startInstance } from '../support/instance.ts'
import { fillMailbox, grantReader, openPerson } from './mailbox.ts'
import { readMbox, readZip } from './zip.ts'

const database = await createDatabase()
const sync = createStandIn(database.sync)
const direct = new URL(database.provider)
const proxy = await startTcpProxy({ host: direct.hostname, port: Number(direct.port) })
const proxied = new URL(database.provider)
Object.assign(proxied, { hostname: proxy.host, port: String(proxy.port) })
const instance = await startInstance(proxied.href, { MAILBOX_DOWNLOADS: '3' })
const { origin, logged } = instance
const { pool } = instance.dependencies
const store = createMessageStore(pool)
const signIns = createSignIns(pool)
const { host } = new URL(origin)

/** A browser in which this login was just proved. */
async function prover(account: string): Promise<Browser> {
  const browser = new Browser()
  const secret = randomBytes(32)
  browser.cookies.push({ host, name: 'sign_in', value: secret.toString('base64url'), path: '/' })
  const about = { account, login: `login.${account}`, company: 'Société A', contract: 'C1', shared: false }
  await signIns.record(sha256(secret), { ...about, knownDomains: [] })
  return browser
}

/** A browser with a session that admin-sync granted. */
async function reader(userId: string): Promise<Browser> {
  const browser = new Browser()
  const secret = randomBytes(32)
  await grantReader(store, sync.pool, userId, secret)
  browser.cookies.push({ host, name: 'reader', value: secret.toString('base64url'), path: '/' })
  return browser
}

async function mailbox(o: Partial<Parameters<typeof fillMailbox>[2]> = {}): Promise<string> {
  const account = randomUUID()
  await fillMailbox(sync.pool, account, { messages: 3, attachments: 1, ...o })
  return account
}

type Download = {
  answer: IncomingMessage
  /** Reads to the end. Rejects when it breaks off. */
  body(): Promise<Buffer>
}
const open: IncomingMessage[] = []
afterAll(() => open.forEach((answer) => answer.destroy()))

/** Sends a form with the browser's cookies; the answer is not read before `body`. */
function post(browser: Browser, path: string, fields: Record<string, string>): Promise<Download> {
  const cookie = browser.cookies.map(({ name, value }) => `${name}=${value}`).join('; ')
  return new Promise((done, fail) => {
    const sent = request(origin + path, {
      method: 'POST',
      headers: { cookie, 'content-type': 'application/x-www-form-urlencoded', 'accept-language': 'fr' },
      agent: false,
    })
    sent.on('error', fail)
    sent.on('response', (answer) => {
      open.push(answer)
      // A download that breaks off before anybody reads it.
      answer.on('error', () => {})
      done({
        answer,
        body: async () => {
          const chunks: Buffer[] = []
          for await (const chunk of answer) chunks.push(chunk as Buffer)
          return Buffer.concat(chunks)
        },
      })
    })
    sent.end(new URLSearchParams(fields).toString())
  })
}

/** Opens a page and sends its (only) mailbox's form. */
async function save(browser: Browser, page: string, mailboxId?: string): Promise<Download> {
  const shown = await browser.open(origin + page)
  const csrf = /name="csrf" value="([^"]+)"/.exec(shown.body)?.[1] ?? ''
  return post(browser, `${page}/save`, { csrf, ...(mailboxId && { mailbox: mailboxId }) })
}
const door = '/redirection/messages'

async function refusalOf(download: Download): Promise<[number | undefined, string | undefined]> {
  const text = (await download.body()).toString()
  return [download.answer.statusCode, /data-page="([^"]+)"/.exec(text)?.[1]]
}
const savings = async (account: string) =>
  (
    await sync.pool.query<{ outcome: string | null; ended: boolean }>(
      `SELECT outcome, ended_at IS NOT NULL AS ended FROM ellipro.mailbox_saving WHERE account = $1 ORDER BY created_at`,
      [account],
    )
  ).rows
/** Until the database says so: what ends a saving comes after the answer. */
async function until(what: () => Promise<boolean>): Promise<void> {
  for (let tries = 0; tries < 200 && !(await what()); tries++) await sleep(25)
  expect(await what()).toBe(true)
}

describe('whoever has just proved the Cofacering password', () => {
  it('is offered the messages on the redirection screen, finds the way back, and gets the ZIP', async () => {
    const account = await mailbox()
    const browser = await prover(account)
    const screen = await browser.open(`${origin}/redirection`)
    expect(pageName(screen)).toBe('redirection')
    expect(screen.body).toContain('mailbox.offer 3 1\u202fko')
    expect(screen.body).toContain(`href="${door}"`)
    const page = await browser.open(origin + door)
    expect(pageName(page)).toBe('messages-login')
    expect(page.body).toContain('href="/redirection"')
    expect(page.body).toContain(`login.${account}`)
    const download = await save(browser, door)
    const { headers } = download.answer
    expect(download.answer.statusCode).toBe(200)
    expect(headers['content-type']).toBe('application/zip')
    expect(headers['content-disposition']).toBe(
      `attachment; filename="cofacering-messages-login.${account.slice(0, 34)}.zip"`,
    )
    expect(headers['x-content-type-options']).toBe('nosniff')
    expect(headers['cache-control']).toBe('no-store')
    expect(headers['content-security-policy']).toContain("default-src 'none'")
    const files = await readZip(await download.body())
    expect([...files.keys()].slice(0, 3)).toEqual(['LISEZMOI.txt', 'messages.mbox', 'messages.csv'])
    const mails = await readMbox(files.get('messages.mbox')!)
    expect(mails.map(({ subject }) => subject)).toEqual(['Message 0', 'Message 1', 'Message 2'])
    await until(async () => (await savings(account))[0]?.outcome === 'saved')
    expect(logged).toContainEqual(
      expect.objectContaining({ event: 'http.answered', route: `${door}/save`, status: 200 }),
    )
    expect(logged).toContainEqual(expect.objectContaining({ event: 'messages.saved', messages: 3 }))
    // The activation goes on as if nothing had been saved.
    expect(pageName(await browser.open(`${origin}/redirection`))).toBe('redirection')
    const lines = JSON.stringify(logged)
    for (const secret of [account, 'Message 0', 'facture.pdf', 'Service Relation Client'])
      expect(lines).not.toContain(secret)
  })

  it('sees no link where there is nothing, and is led back from an address typed by hand', async () => {
    const browser = await prover(randomUUID())
    expect((await browser.open(`${origin}/redirection`)).body).not.toContain('mailbox.offer')
    expect((await browser.open(origin + door)).location).toBe(`${origin}/redirection`)
  })

  it('gets nothing once somebody holds the login, nor without a fresh sign-in', async () => {
    const account = await mailbox()
    const browser = await prover(account)
    await browser.open(origin + door)
    await openPerson(sync.pool, { account })
    const csrf = await csrfOf(browser)
    expect(await refusalOf(await post(browser, `${door}/save`, { csrf }))).toEqual([404, 'messages-gone'])
    expect((await browser.open(origin + door)).location).toBe(`${origin}/redirection`)
    const nobody = new Browser()
    const token = await csrfOf(nobody)
    const { answer } = await post(nobody, `${door}/save`, { csrf: token })
    expect([answer.statusCode, answer.headers.location]).toEqual([303, '/'])
    expect(await savings(account)).toEqual([])
  })

  it('opens nothing by a form of another site, by following links, or by HEAD', async () => {
    const account = await mailbox()
    const browser = await prover(account)
    await browser.open(origin + door)
    expect((await post(browser, `${door}/save`, {})).answer.statusCode).toBe(403)
    expect((await browser.open(`${origin}${door}/save`)).status).toBe(404)
    for (const path of [door, '/messages', '/messages/sign-in?begin=1', '/messages/callback?state=x'])
      await fetch(origin + path, { method: 'HEAD', redirect: 'manual' })
    expect(await savings(account)).toEqual([])
  })
})

/** Of a page with a form. */
async function csrfOf(browser: Browser): Promise<string> {
  const page = await browser.open(`${origin}/`)
  return /name="csrf" value="([^"]+)"/.exec(page.body)?.[1] ?? ''
}

describe('a person who has moved', () => {
  it('has one form for each login, and each gives the messages of that login', async () => {
    const userId = randomUUID()
    const first = await openPerson(sync.pool, { account: await mailbox(), userId, login: 'premier' })
    const second = await openPerson(sync.pool, {
      account: await mailbox({ messages: 1 }),
      userId,
      login: 'second',
      isAdded: true,
    })
    const browser = await reader(userId)
    const page = await browser.open(`${origin}/messages`)
    expect(pageName(page)).toBe('messages')
    for (const text of ['premier', 'second', 'mailbox.count', 'mailbox.kept'])
      expect(page.body).toContain(text)
    for (const [{ id }, count] of [
      [first, 3],
      [second, 1],
    ] as const) {
      const files = await readZip(await (await save(browser, '/messages', id)).body())
      expect((await readMbox(files.get('messages.mbox')!)).length).toBe(count)
    }
  })

  it('never gets another’s: not by an id, not by a session that is over, refused or being checked', async () => {
    const victim = await openPerson(sync.pool, { account: await mailbox() })
    const thief = await openPerson(sync.pool, { account: await mailbox() })
    const agentOpened = await openPerson(sync.pool, {
      account: victim.account,
      kind: 'granted',
      holds: false,
    })
    for (const userId of [thief.userId, agentOpened.userId]) {
      const browser = await reader(userId)
      for (const id of [victim.id, agentOpened.id, victim.account, randomUUID(), '', "' OR 1=1"])
        expect(
          await refusalOf(
            await post(browser, '/messages/save', { csrf: await csrfOf(browser), mailbox: id }),
          ),
        ).toEqual([404, 'messages-gone'])
    }
    expect(pageName(await (await reader(agentOpened.userId)).open(`${origin}/messages`))).toBe(
      'messages-none',
    )
    const browser = await reader(victim.userId)
    const csrf = await csrfOf(browser)
    for (const change of [
      `state = 'checking'`,
      `state = 'refused'`,
      `state = 'granted', expires_at = now()`,
    ]) {
      await sync.pool.query(`UPDATE ellipro.reader_session SET ${change} WHERE user_id = $1`, [victim.userId])
      const { answer } = await post(browser, '/messages/save', { csrf, mailbox: victim.id })
      expect([answer.statusCode, answer.headers.location]).toEqual([303, '/messages'])
    }
    expect(await savings(victim.account)).toEqual([])
  })

  it('is led to Keycloak without a session, told when it is refused, and signed out for good', async () => {
    expect((await new Browser().open(`${origin}/messages`)).location).toBe(
      `${origin}/messages/sign-in?begin=1`,
    )
    const person = await openPerson(sync.pool, { account: await mailbox() })
    const browser = await reader(person.userId)
    await sync.pool.query(`UPDATE ellipro.reader_session SET state = 'refused' WHERE user_id = $1`, [
      person.userId,
    ])
    const refused = await browser.open(`${origin}/messages`)
    expect([refused.status, pageName(refused)]).toEqual([403, 'messages-refused'])
    await sync.pool.query(`UPDATE ellipro.reader_session SET state = 'granted' WHERE user_id = $1`, [
      person.userId,
    ])
    const copy = browser.copy()
    const left = await post(browser, '/messages/sign-out', { csrf: await csrfOf(browser) })
    expect(left.answer.headers.location).toBe('/messages/sign-in')
    expect((await copy.open(`${origin}/messages`)).location).toBe(`${origin}/messages/sign-in?begin=1`)
    const offered = await browser.open(`${origin}/messages/sign-in`)
    expect(pageName(offered)).toBe('messages-sign-in')
    // Keycloak is not there: nothing is lost.
    const tried = await browser.open(`${origin}/messages/sign-in?begin=1`)
    expect([tried.status, pageName(tried)]).toEqual([503, 'messages-unavailable'])
    const planted = await browser.open(`${origin}/messages/callback?state=${'a'.repeat(43)}&code=b`)
    expect([planted.status, pageName(planted)]).toEqual([400, 'messages-unknown'])
  })

  it('waits on a page of its own while admin-sync has not answered', async () => {
    const browser = new Browser()
    const secret = randomBytes(32)
    await store.beginSession(sha256(secret), 'a.b.c', randomUUID())
    browser.cookies.push({ host, name: 'reader', value: secret.toString('base64url'), path: '/' })
    const page = await browser.open(`${origin}/messages`)
    expect([page.status, pageName(page), page.headers.get('retry-after')]).toEqual([
      200,
      'messages-checking',
      '2',
    ])
  })
})

describe('downloads at once', () => {
  const big = { messages: 2, attachments: 3, pieceBytes: 4_000_000 }

  it('are two for a person and three for the process; the next one gets a page, and a place when one is left', async () => {
    const [one, other] = [await mailbox(big), await mailbox(big)]
    const browser = await prover(one)
    const first = await save(browser, door)
    const second = await save(browser, door)
    expect([first.answer.statusCode, second.answer.statusCode]).toEqual([200, 200])
    const third = await save(browser, door)
    expect(third.answer.headers['retry-after']).toBe('120')
    expect(await refusalOf(third)).toEqual([429, 'messages-at-once'])
    const somebody = await prover(other)
    const fourth = await save(somebody, door)
    expect(fourth.answer.statusCode).toBe(200)
    expect(await refusalOf(await save(await prover(await mailbox()), door))).toEqual([503, 'messages-busy'])
    expect(logged).toContainEqual(expect.objectContaining({ event: 'messages.busy', at_once: 3 }))
    // Both of one person come out whole, side by side.
    const zips = await Promise.all([first.body(), second.body()].map(async (body) => readZip(await body)))
    expect(zips.map((files) => files.size)).toEqual([6, 6])
    await until(async () => (await savings(one)).filter(({ ended }) => ended).length === 2)
    expect((await save(browser, door)).answer.statusCode).toBe(200)
    fourth.answer.destroy()
    open.forEach((answer) => answer.destroy())
    await until(async () => (await savings(one)).every(({ ended }) => ended))
  })

  it('end with the person who leaves: nothing is read for them any more', async () => {
    const account = await mailbox(big)
    const download = await save(await prover(account), door)
    expect(download.answer.statusCode).toBe(200)
    download.answer.destroy()
    await until(async () => (await savings(account))[0]?.outcome === 'broken')
    expect(logged.findLast(({ event }) => event === 'messages.broken')).toMatchObject({
      err: { code: 'ERR_STREAM_PREMATURE_CLOSE' },
    })
  })
})

it('breaks off, never ends, when the database is lost in the middle; the page afterwards works', async () => {
  const account = await mailbox({ messages: 2, attachments: 3, pieceBytes: 4_000_000 })
  const browser = await prover(account)
  const download = await save(browser, door)
  expect(download.answer.statusCode).toBe(200)
  await proxy.set('refuse')
  await expect(download.body()).rejects.toMatchObject({ code: 'ECONNRESET' })
  expect(download.answer.complete).toBe(false)
  const refused = await save(browser, door)
  expect([503, 403]).toContain(refused.answer.statusCode)
  await proxy.set('none')
  expect(pageName(await browser.open(origin + door))).toBe('messages-login')
  const files = await readZip(await (await save(browser, door)).body())
  expect(files.size).toBe(6)
}, 30_000)
