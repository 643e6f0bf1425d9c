/** What of the old messages ends by time: what it takes away, what it leaves, and that it may be cut off anywhere. */
import { randomBytes, randomUUID } from 'node:crypto'
import pg from 'pg'
import { afterAll, expect, it } from 'vitest'
import { purgeMessages } from '../../../admin-sync/messages/purge-messages.ts'
import { fillMailbox } from '../../provider/messages/mailbox.ts'
import { createDatabase } from '../../support/postgres.ts'

const database = await createDatabase()
const pool = new pg.Pool({ connectionString: database.sync, max: 2 })
const owner = new pg.Pool({ connectionString: database.superuser, max: 1 })
afterAll(() => Promise.all([pool.end(), owner.end()]))

const count = async (table: string) =>
  Number((await pool.query<{ n: string }>(`SELECT count(*) AS n FROM ellipro.${table}`)).rows[0]?.n)

it('takes messages with their attachments when their days are over, in any number, and nothing before', async () => {
  const account = randomUUID()
  await fillMailbox(pool, account, { messages: 450, importedDaysAgo: 366, attachments: 2 })
  await fillMailbox(pool, account, { messages: 3, from: 1000, importedDaysAgo: 364, attachments: 1 })
  let steps = 0
  const stopped = purgeMessages(pool, () =>
    ++steps > 2 ? Promise.reject(new Error('stopped')) : Promise.resolve(),
  )
  await expect(stopped).rejects.toThrow('stopped')
  expect(await count('legacy_message')).toBe(53)
  expect(await purgeMessages(pool)).toMatchObject({ messages: 50 })
  expect([await count('legacy_message'), await count('legacy_attachment')]).toEqual([3, 1])
  await pool.query(`UPDATE ellipro.setting SET value = 363 WHERE name = 'old_message_days'`)
  expect(await purgeMessages(pool)).toMatchObject({ messages: 3 })
})

it('erases tokens of sessions that nobody checked in time, drops sessions a day later, and old lines of savings', async () => {
  const session = (state: string, hours: number) =>
    pool.query(
      `INSERT INTO ellipro.reader_session (cookie_hash, state, id_token, user_id, expires_at)
       VALUES ($1, $2, 'a.b.c', 'u', now() + make_interval(hours => $3))`,
      [randomBytes(32), state, hours],
    )
  for (const hours of [1, -1, -25]) await session('checking', hours)
  await session('granted', -2)
  await owner.query(
    `INSERT INTO ellipro.mailbox_saving (account, proof, reader, messages, bytes, created_at)
     SELECT 'a', 'password', $1, 1, 1, now() - make_interval(days => days) FROM unnest(ARRAY[1, 364, 366, 800]) days`,
    [randomBytes(32)],
  )
  expect(await purgeMessages(pool)).toEqual({ messages: 0, tokens: 3, sessions: 1, savings: 2 })
  const { rows } = await pool.query<{ state: string; reason: string | null; has: boolean }>(
    'SELECT state, reason, id_token IS NOT NULL AS has FROM ellipro.reader_session ORDER BY expires_at',
  )
  expect(rows).toEqual([
    { state: 'granted', reason: null, has: false },
    { state: 'refused', reason: 'too_late', has: false },
    { state: 'checking', reason: null, has: true },
  ])
  expect(await count('mailbox_saving')).toBe(2)
})
