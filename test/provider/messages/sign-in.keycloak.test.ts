/** The sign-in of who saves messages after the move: real Keycloak, provider's round trip, and admin-sync's job on it. */
import { randomBytes, randomUUID } from 'node:crypto'
import { expect, it } from 'vitest'
import type { CaseDependencies } from '../../../admin-sync/cases/job.ts'
import { createIdTokenVerifier } from '../../../admin-sync/identity/verify-id-token.ts'
import { checkReader } from '../../../admin-sync/messages/check-reader.ts'
import { createLog } from '../../../core/log.ts'
import { readerNonce, sessionNonce } from '../../../core/nonce.ts'
import { createMessageStore } from '../../../provider/messages/store.ts'
import { sha256 } from '../activation/stand-in.ts'
import { createDatabase } from '../../support/postgres.ts'
import { signInAt } from '../../admin-sync/identity/sign-in.ts'
import { Web } from '../../admin-sync/realm/web.ts'
import { Browser, pageName } from '../support/browser.ts'
import { createOpener, type Opened } from '../support/opened.ts'
import { startStage } from '../support/realm.ts'
import { fillMailbox } from './mailbox.ts'

const database = await createDatabase()
const opener = createOpener(database.sync)
const stage = await startStage(database.provider)
const store = createMessageStore(stage.dependencies.pool)
const { origin } = stage
const realm = stage.issuer.split('/').at(-1)!
const lines: string[] = []
const job = {
  pool: opener.pool,
  log: createLog('admin-sync', 'info', { write: (line) => void lines.push(line) }),
  verifyIdToken: createIdTokenVerifier(stage.issuer.slice(0, -`/realms/${realm}`.length), realm),
} as CaseDependencies
const run = (id: string) => checkReader(job, id, () => Promise.resolve())

/** Somebody who has moved, has messages, and is signed in to Ellipro in this browser. */
async function person(): Promise<{ browser: Browser; opened: Opened }> {
  const browser = new Browser()
  const opened = await opener.open(browser, origin)
  await stage.createPerson(opener, opened)
  await stage.signIn(browser, opened)
  const { rows } = await opener.pool.query<{ account: string }>(
    'SELECT account FROM ellipro.activation WHERE id = $1',
    [opened.id],
  )
  await fillMailbox(opener.pool, rows[0]!.account, { messages: 2 })
  return { browser, opened }
}
const newest = async () =>
  (
    await opener.pool.query<{
      id: string
      state: string
      reason: string | null
      hasToken: boolean
      userId: string
    }>(
      `SELECT id, state, reason, id_token IS NOT NULL AS "hasToken", user_id AS "userId"
         FROM ellipro.reader_session ORDER BY created_at DESC LIMIT 1`,
    )
  ).rows[0]!

it('comes from the portal without typing anything, and is the person’s for twenty minutes in this browser alone', async () => {
  const { browser, opened } = await person()
  const answered = await browser.visit(`${origin}/messages`, `${origin}/messages/callback`)
  expect((await browser.open(answered.location!)).location).toBe(`${origin}/messages`)
  const session = await newest()
  expect(session).toMatchObject({ state: 'checking', hasToken: true })
  const { rows } = await opener.pool.query(
    `SELECT FROM ellipro.case_outbox WHERE kind = 'check-reader' AND subject_id = $1`,
    [session.id],
  )
  expect(rows.length).toBe(1)
  expect(await run(session.id)).toBe('granted')
  expect(await newest()).toMatchObject({ state: 'granted', hasToken: false, userId: opened.userId })
  expect(await run(session.id)).toBe('nothing')
  const page = await browser.open(`${origin}/messages`)
  expect(pageName(page)).toBe('messages')
  expect(page.body).toContain(`value="${opened.id}"`)
  expect(pageName(await new Browser().open(`${origin}/messages`))).toBeUndefined()
  expect(JSON.stringify(stage.logged) + lines.join('')).not.toContain(opened.address)
  // Signed out here: our page does not sign the person in again by itself.
  const left = await browser.submit({
    ...page,
    body: page.body.slice(page.body.indexOf('action="/messages/sign-out"') - 60),
  })
  expect(pageName(await browser.visit(left.location!))).toBe('messages-sign-in')
})

it('takes a callback once, from the browser that began, and nothing that another site brings', async () => {
  const { browser } = await person()
  // As far as Keycloak's answer, which is not opened yet.
  const answered = await browser.visit(`${origin}/messages`, `${origin}/messages/callback`)
  const callback = answered.location!
  expect(callback).toContain('code=')
  const thief = new Browser()
  const planted = await thief.open(callback)
  expect([planted.status, pageName(planted)]).toEqual([400, 'messages-unknown'])
  const head = await fetch(callback, { method: 'HEAD', redirect: 'manual' })
  expect(head.status).toBe(400)
  expect((await browser.open(callback)).location).toBe(`${origin}/messages`)
  // Reloaded: the session stands, and no second one is made.
  const before = await newest()
  expect((await browser.open(callback)).location).toBe(`${origin}/messages`)
  expect((await newest()).id).toBe(before.id)
})

it('is not granted by a token for something else, for another session, or of nobody', async () => {
  const { opened } = await person()
  const begin = async (nonceOf: (hash: Buffer) => string) => {
    const hash = sha256(randomBytes(32))
    const { idToken } = await signInAt({
      issuer: stage.issuer,
      origin,
      nonce: nonceOf(hash),
      address: opened.address,
      password: stage.password,
      web: new Web(),
    })
    await store.beginSession(hash, idToken, randomUUID())
    return run((await newest()).id)
  }
  expect(await begin(sessionNonce)).toBe('refused:nonce')
  expect(await begin(() => readerNonce(sha256('another session')))).toBe('refused:nonce')
  await store.beginSession(sha256(randomBytes(32)), 'a.b.c', randomUUID())
  const { id } = await newest()
  expect(await run(id)).toBe('refused:malformed')
  expect(await newest()).toMatchObject({
    state: 'refused',
    reason: 'malformed',
    hasToken: false,
    userId: null,
  })
  expect(lines.join('')).toContain('"event":"messages.refused"')
  expect(await begin(readerNonce)).toBe('granted')
})
