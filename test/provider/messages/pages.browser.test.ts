/**
 * What only a browser shows of the pages of the old messages: each of them in both languages against
 * test/support/accessible.ts, no refusal by the content security policy; and saving by keyboard alone, on a telephone's
 * width, without JavaScript, from the redirection screen and back to it.
 */
import { randomBytes, randomUUID } from 'node:crypto'
import { readFileSync } from 'node:fs'
import type { BrowserContext, Page } from 'playwright-core'
import { expect, test } from 'vitest'
import { loadTexts } from '../../../core/text.ts'
import type { LegacyDirectory } from '../../../provider/legacy/directory.ts'
import { createMessageStore } from '../../../provider/messages/store.ts'
import { createInspector, type Language } from '../../support/accessible.ts'
import { startBrowser, takeScreenshot } from '../../support/browser.ts'
import { createDatabase } from '../../support/postgres.ts'
import { createStandIn, sha256 } from '../activation/stand-in.ts'
import { startInstance } from '../support/instance.ts'
import { fillMailbox, grantReader, openPerson } from './mailbox.ts'
import { readZip } from './zip.ts'

const database = await createDatabase()
const sync = createStandIn(database.sync)
const browser = await startBrowser()
const directory: LegacyDirectory = {
  verify: (login) =>
    Promise.resolve({
      status: 'ok',
      account: {
        account: login,
        login,
        company: 'Établissements Lefèvre & Fils',
        contract: 'CF-1',
        shared: false,
      },
    }),
}
const { origin, dependencies } = await startInstance(
  database.provider,
  { SIGN_IN_DEADLINE_MS: '50', MAILBOX_DOWNLOADS: '1' },
  directory,
  loadTexts(new URL('../../../provider/text/', import.meta.url)),
)
const store = createMessageStore(dependencies.pool)

async function signIn(page: Page, login: string): Promise<void> {
  await page.goto(`${origin}/`)
  await page.fill('#login', login)
  await page.fill('#password', 'as usual')
  await page.click('button[type=submit]')
}
/** A session in this browser; without a user, admin-sync has not answered. */
async function giveSession(context: BrowserContext, userId?: string): Promise<void> {
  const secret = randomBytes(32)
  if (userId === undefined) await store.beginSession(sha256(secret), 'a.b.c', randomUUID())
  else await grantReader(store, sync.pool, userId, secret)
  await context.addCookies([{ name: 'reader', value: secret.toString('base64url'), url: origin }])
}
test.each<Language>(['fr', 'en'])(
  'every page holds what pages must hold (%s)',
  async (language) => {
    const { inspect } = createInspector(language)
    const { context, page } = await browser.open(language === 'fr' ? 'fr-FR' : 'en-GB')
    const problems: string[] = []
    page.on('console', (message) => {
      if (message.type() === 'error' && !message.text().includes('Failed to load resource'))
        problems.push(message.text())
    })
    const look = async (name: string) => {
      expect(await page.getAttribute('body', 'data-page')).toBe(name)
      await takeScreenshot(page, `${name}-${language}`)
      problems.push(...(await inspect(page, name)))
    }
    const login = `etablissements.lefevre.${language}`
    await fillMailbox(sync.pool, login, { messages: 312, attachments: 6, pieceBytes: 4_000_000 })
    await signIn(page, login)
    await look('redirection')
    await page.goto(`${origin}/redirection/messages`)
    await look('messages-login')

    const userId = randomUUID()
    const account = randomUUID()
    await fillMailbox(sync.pool, account, { messages: 1 })
    await openPerson(sync.pool, { account, userId, login: 'dupont.martin' })
    const long = randomUUID()
    await fillMailbox(sync.pool, long, { messages: 3 })
    const tooLong = 'adrien-maximilien.de-la-rochefoucauld-montmorency-bourbon-parme'
    await openPerson(sync.pool, { account: long, userId, login: tooLong, isAdded: true })
    await giveSession(context, userId)
    await page.goto(`${origin}/messages`)
    await look('messages')
    await giveSession(context, randomUUID())
    await page.goto(`${origin}/messages`)
    await look('messages-none')
    await giveSession(context)
    await page.goto(`${origin}/messages`)
    await look('messages-checking')
    await sync.pool.query(`UPDATE ellipro.reader_session SET state = 'refused' WHERE state = 'checking'`)
    await page.goto(`${origin}/messages`)
    await look('messages-refused')
    await page.goto(`${origin}/messages/sign-in`)
    await look('messages-sign-in')
    await context.clearCookies({ name: 'reader' })
    await page.goto(`${origin}/messages/callback?state=x`)
    await look('messages-unknown')
    await page.goto(`${origin}/redirection/messages`)
    await sync.set('savings_per_mailbox_per_day', 0)
    await page.click('button.ell-button')
    await look('messages-mailbox-day')
    await sync.set('savings_per_mailbox_per_day', 20)
    expect(problems).toEqual([])
    await context.close()
  },
  60_000,
)

test('messages are saved by keyboard, on 360 px, without JavaScript, and the way back is there', async () => {
  const { context, page } = await browser.open('fr-FR', {
    javaScriptEnabled: false,
    viewport: { width: 360, height: 740 },
    acceptDownloads: true,
  })
  const login = 'au.clavier'
  await fillMailbox(sync.pool, login, { messages: 5, attachments: 2 })
  await signIn(page, login)
  await page.fill('#email', 'somebody@client.example.fr')
  const reach = async (selector: string) => {
    await page.focus('a.ell-skip')
    for (let stops = 0; stops < 60; stops++) {
      await page.keyboard.press('Tab')
      if ((await page.locator(`${selector}:focus`).count()) > 0) return
    }
    throw new Error(`${selector} is not reached by Tab`)
  }
  await reach('a[href="/redirection/messages"]')
  await page.keyboard.press('Enter')
  await page.waitForURL(`${origin}/redirection/messages`)
  await takeScreenshot(page, 'messages-login-360')
  await reach('form[action="/redirection/messages/save"] button')
  const [download] = await Promise.all([page.waitForEvent('download'), page.keyboard.press('Enter')])
  expect(download.suggestedFilename()).toBe('cofacering-messages-au.clavier.zip')
  const files = await readZip(readFileSync(await download.path()))
  expect(files.size).toBe(5)
  // The page stands: a download takes nobody away.
  expect(page.url()).toBe(`${origin}/redirection/messages`)
  await reach('a[href="/redirection"]')
  await page.keyboard.press('Enter')
  await page.waitForURL(`${origin}/redirection`)
  expect(await page.getAttribute('body', 'data-page')).toBe('redirection')
  await context.close()
}, 30_000)
