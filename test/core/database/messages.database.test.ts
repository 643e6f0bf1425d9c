/**
 * Whose messages provider can read, as the database decides it: by a Cofacering password proved a moment ago while
 * nobody holds the login, or by a session of the person whose own activation it was; one mailbox at a time, counted.
 */
import { randomBytes, randomUUID } from 'node:crypto'
import pg from 'pg'
import { afterAll, describe, expect, it } from 'vitest'
import { createSignIns } from '../../../provider/activation/sign-ins.ts'
import { createMessageStore } from '../../../provider/messages/store.ts'
import { createStandIn, sha256 } from '../../provider/activation/stand-in.ts'
import { fillMailbox, grantReader, openPerson } from '../../provider/messages/mailbox.ts'
import { createDatabase } from '../../support/postgres.ts'

const database = await createDatabase()
const provider = new pg.Pool({ connectionString: database.provider, max: 4 })
const superuser = new pg.Pool({ connectionString: database.superuser, max: 2 })
afterAll(() => Promise.all([provider.end(), superuser.end()]))
const sync = createStandIn(database.sync)
const store = createMessageStore(provider)
const signIns = createSignIns(provider)

/** The cookie of a browser in which this login was just proved. */
async function prove(account: string): Promise<Buffer> {
  const hash = sha256(randomBytes(32))
  const about = { account, login: `login of ${account}`, company: 'Company', contract: 'C1', shared: false }
  await signIns.record(hash, { ...about, knownDomains: [] })
  return hash
}
async function opened(hash: Buffer): Promise<string> {
  const result = await store.openLoginMailbox(hash)
  if (result.outcome !== 'opened') throw new Error(result.outcome)
  return result.saving
}
const granted = async (userId: string) => grantReader(store, sync.pool, userId)
const mailbox = async (messages = 3) => {
  const account = randomUUID()
  await fillMailbox(sync.pool, account, { messages })
  return account
}
/** Lets a saving be as old as that, and as long without a read. */
const age = (saving: string, { createdMinutes = 0, idleMinutes = 0 }) =>
  superuser.query(
    `UPDATE ellipro.mailbox_saving SET created_at = created_at - make_interval(mins => $2),
       read_at = read_at - make_interval(mins => $3) WHERE id = $1`,
    [saving, createdMinutes, idleMinutes],
  )

describe('whoever has just proved the Cofacering password', () => {
  it('is told how much there is, and reads that mailbox in order and in pieces', async () => {
    const account = randomUUID()
    await fillMailbox(sync.pool, account, { messages: 450, bodyBytes: 1000, attachments: 2, pieceBytes: 700 })
    await fillMailbox(sync.pool, randomUUID(), { messages: 5 })
    const hash = await prove(account)
    expect(await store.loginMailbox(hash)).toMatchObject({
      login: `login of ${account}`,
      messages: 450,
      bytes: 450 * 1000 + 2 * 700,
    })
    const saving = await opened(hash)
    const seen: string[] = []
    const sizes: number[] = []
    for (let after: string | undefined; ;) {
      const batch = await store.messages(saving, after, 50_000)
      if (batch.length === 0) break
      seen.push(...batch.map(({ message }) => message))
      sizes.push(batch.length)
      after = batch.at(-1)?.message
    }
    expect(seen).toEqual(Array.from({ length: 450 }, (_, n) => `m${String(n).padStart(6, '0')}`))
    expect(Math.max(...sizes)).toBe(50)
    const first = await store.attachment(saving, 'm000000', 1, 0)
    expect(first?.length).toBe(700)
    expect((await store.attachment(saving, 'm000000', 1, 500))?.equals(first!.subarray(500))).toBe(true)
    expect((await store.attachment(saving, 'm000000', 1, 700))?.length).toBe(0)
    expect(await store.attachment(saving, 'm000000', 9, 0)).toBeUndefined()
  })

  it('gets nothing of a login that is held, nor when half an hour is over', async () => {
    const person = await openPerson(sync.pool, { account: await mailbox() })
    const hash = await prove(person.account)
    expect(await store.loginMailbox(hash)).toBeUndefined()
    expect(await store.openLoginMailbox(hash)).toEqual({ outcome: 'gone' })
    const late = await prove(await mailbox())
    await provider.query(
      'UPDATE provider.legacy_sign_in SET expires_at = now() - interval $$1 second$$ WHERE cookie_hash = $1',
      [late],
    )
    expect(await store.loginMailbox(late)).toBeUndefined()
    expect(await store.openLoginMailbox(late)).toEqual({ outcome: 'gone' })
  })

  it('is told of no mailbox that is empty, or whose time is over, whether it is purged or not', async () => {
    const empty = await prove(randomUUID())
    expect(await store.loginMailbox(empty)).toBeUndefined()
    expect(await store.openLoginMailbox(empty)).toEqual({ outcome: 'empty' })
    const old = randomUUID()
    await fillMailbox(sync.pool, old, { messages: 2, importedDaysAgo: 366 })
    expect(await store.loginMailbox(await prove(old))).toBeUndefined()
    await fillMailbox(sync.pool, old, { messages: 1, from: 5, importedDaysAgo: 300 })
    const mixed = await store.loginMailbox(await prove(old))
    expect(mixed?.messages).toBe(1)
    expect(mixed!.keptUntil.getTime()).toBeLessThan(Date.now() + 66 * 86_400_000)
  })
})

describe('a person who has moved', () => {
  it('has the mailboxes of the logins whose password was given, contracts that were added among them', async () => {
    const userId = randomUUID()
    const own = await openPerson(sync.pool, { account: await mailbox(), userId })
    const added = await openPerson(sync.pool, { account: await mailbox(), userId, isAdded: true })
    // Opened by an agent, alone or added: nobody proved a password of these logins.
    const byAgent = await openPerson(sync.pool, {
      account: await mailbox(),
      userId,
      kind: 'granted',
      isAdded: true,
    })
    const colleague = await openPerson(sync.pool, { account: await mailbox(), kind: 'granted' })
    const stranger = await openPerson(sync.pool, { account: await mailbox() })
    const left = await openPerson(sync.pool, {
      account: await mailbox(),
      userId,
      isAdded: true,
      state: 'closed',
    })
    const session = await granted(userId)
    expect((await store.mailboxes(session)).map(({ id }) => id).toSorted()).toEqual(
      [own.id, added.id].toSorted(),
    )
    for (const { id } of [byAgent, colleague, stranger, left])
      expect(await store.openMailbox(session, id)).toEqual({ outcome: 'gone' })
    expect(await store.openMailbox(session, own.account)).toEqual({ outcome: 'gone' })
    expect(await store.openMailbox(session, randomUUID())).toEqual({ outcome: 'gone' })
    expect((await store.openMailbox(session, added.id)).outcome).toBe('opened')
    expect(await store.mailboxes(await granted(colleague.userId))).toEqual([])
    // Two people of one login: the mailbox is its holder's.
    const shared = await openPerson(sync.pool, { account: own.account, kind: 'granted', holds: false })
    expect(await store.mailboxes(await granted(shared.userId))).toEqual([])
  })

  it('sees nothing before admin-sync has granted the session, nor after its end', async () => {
    const person = await openPerson(sync.pool, { account: await mailbox() })
    const hash = sha256(randomBytes(32))
    await store.beginSession(hash, 'a.b.c', randomUUID())
    const nothing = async () => {
      expect(await store.mailboxes(hash)).toEqual([])
      expect(await store.openMailbox(hash, person.id)).toEqual({ outcome: 'gone' })
    }
    expect(await store.session(hash)).toBe('checking')
    await nothing()
    await sync.pool.query(
      `UPDATE ellipro.reader_session SET state = 'refused', user_id = $2 WHERE cookie_hash = $1`,
      [hash, person.userId],
    )
    await nothing()
    await sync.pool.query(
      `UPDATE ellipro.reader_session SET state = 'granted', user_id = $2, expires_at = now() WHERE cookie_hash = $1`,
      [hash, person.userId],
    )
    expect(await store.session(hash)).toBeUndefined()
    await nothing()
    const session = await granted(person.userId)
    await store.endSession(session)
    expect(await store.mailboxes(session)).toEqual([])
    expect(await store.openMailbox(session, person.id)).toEqual({ outcome: 'gone' })
  })
})

describe('an opened mailbox', () => {
  const over = { code: 'P0002' }

  it('is read until it is ended, idle or too old, and leaves a line that stays', async () => {
    const account = await mailbox()
    const hash = await prove(account)
    const ended = await opened(hash)
    await store.endSaving(ended, true)
    const idle = await opened(hash)
    await age(idle, { idleMinutes: 11 })
    const old = await opened(hash)
    await age(old, { createdMinutes: 361 })
    for (const saving of [ended, idle, old, randomUUID()]) {
      await expect(store.messages(saving, undefined, 1000)).rejects.toMatchObject(over)
      await expect(store.attachment(saving, 'm000000', 1, 0)).rejects.toMatchObject(over)
    }
    await store.endSaving(ended, false)
    const { rows } = await sync.pool.query<{ proof: string; outcome: string | null; messages: number }>(
      'SELECT proof, outcome, messages FROM ellipro.mailbox_saving WHERE account = $1 ORDER BY created_at',
      [account],
    )
    expect(rows).toContainEqual({ proof: 'password', outcome: 'saved', messages: 3 })
    expect(rows.length).toBe(3)
  })

  it('says that it cannot go on when the message before is gone, instead of beginning again', async () => {
    const account = await mailbox()
    const saving = await opened(await prove(account))
    await sync.pool.query(`DELETE FROM ellipro.legacy_message WHERE account = $1 AND message = 'm000001'`, [
      account,
    ])
    await expect(store.messages(saving, 'm000001', 1000)).rejects.toMatchObject(over)
  })

  it('is one of two that a person may have at once, of twenty a day, and of so many an hour over all logins', async () => {
    const [one, other] = [await mailbox(), await mailbox()]
    const hash = await prove(one)
    const results = await Promise.all(Array.from({ length: 8 }, () => store.openLoginMailbox(hash)))
    expect(results.filter(({ outcome }) => outcome === 'opened').length).toBe(2)
    expect(results.filter(({ outcome }) => outcome === 'at_once').length).toBe(6)
    // Somebody else is not kept waiting by that, nor this person when one is done.
    expect((await store.openLoginMailbox(await prove(other))).outcome).toBe('opened')
    const first = results.find((result) => result.outcome === 'opened')
    await store.endSaving(first?.outcome === 'opened' ? first.saving : '', true)
    expect((await store.openLoginMailbox(hash)).outcome).toBe('opened')
    await sync.set('savings_per_mailbox_per_day', 3)
    expect(await store.openLoginMailbox(await prove(one))).toEqual({ outcome: 'mailbox_day' })
    await sync.set('savings_per_mailbox_per_day', 20)
    await sync.set('mailboxes_per_hour', 1)
    expect(await store.openLoginMailbox(await prove(await mailbox()))).toEqual({ outcome: 'hour' })
    await sync.set('mailboxes_per_hour', 600)
  })
})
