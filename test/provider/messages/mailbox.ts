/** Mailboxes, people and sessions as rows, for tests of the old messages: what the import and admin-sync leave behind. */
import { randomBytes, randomUUID } from 'node:crypto'
import type pg from 'pg'
import type { MessageStore } from '../../../provider/messages/store.ts'
import { sha256 } from '../activation/stand-in.ts'

/**
 * Messages `m000000`, `m000001`, … of a login, made in the database: 20 of each second, as fine as microseconds.
 * @param o.attachments of the first message, each of `pieceBytes` that do not compress
 */
export async function fillMailbox(
  pool: pg.Pool,
  account: string,
  o: {
    messages: number
    from?: number
    bodyBytes?: number
    attachments?: number
    pieceBytes?: number
    importedDaysAgo?: number
  },
): Promise<void> {
  const { from = 0, bodyBytes = 20, attachments = 0, pieceBytes = 10, importedDaysAgo = 0 } = o
  await pool.query(
    `INSERT INTO ellipro.legacy_message (account, message, sent_at, sender, subject, body, imported_at)
     SELECT $1, 'm' || lpad(n::text, 6, '0'), timestamptz '2024-03-05 17:05Z' + n * interval '0.000001 s' + n / 20 * interval '1 s',
            'Service Relation Client', 'Message ' || n, rpad('Bonjour,', $4, ' mot'), now() - make_interval(days => $5)
       FROM generate_series($2::int, $2::int + $3::int - 1) n`,
    [account, from, o.messages, bodyBytes, importedDaysAgo],
  )
  for (let place = 1; place <= attachments; place++)
    await pool.query(
      `INSERT INTO ellipro.legacy_attachment (account, message, place, name, media_type, content)
       VALUES ($1, 'm' || lpad($2::int::text, 6, '0'), $3, 'facture.pdf', 'application/pdf', $4)`,
      [account, from, place, randomBytes(pieceBytes)],
    )
}

export type OpenedPerson = { id: string; account: string; userId: string }

/** Somebody whose activation of a login is opened. `isAdded`: to an account that existed before. */
export async function openPerson(
  pool: pg.Pool,
  o: {
    account: string
    userId?: string
    login?: string
    kind?: 'legacy' | 'granted'
    holds?: boolean
    isAdded?: boolean
    state?: 'opened' | 'closed'
  },
): Promise<OpenedPerson> {
  const { account, userId = randomUUID(), kind = 'legacy', holds = true, state = 'opened' } = o
  const address = `${randomUUID()}@example.test`
  const { rows } = await pool.query<{ id: string }>(
    `INSERT INTO ellipro.activation
       (kind, holds, state, account, login, company, contract, address, locale, expires_at, opened_at)
     VALUES ($1, $2, $3, $4, $5, 'Société A', 'C1', $6, 'fr', now() + interval '1 day', now()) RETURNING id`,
    [kind, holds, state, account, o.login ?? `login ${account}`, address],
  )
  const { id } = rows[0]!
  await pool.query(
    o.isAdded
      ? `INSERT INTO ellipro.added_contract (activation_id, user_id, contract, added_at) VALUES ($1, $2, 'C1', now())`
      : `INSERT INTO ellipro.keycloak_user (address_key, user_id, state, opened_by) VALUES ($3, $2, 'opened', $1)`,
    o.isAdded ? [id, userId] : [id, userId, address],
  )
  return { id, account, userId }
}

/** A session as admin-sync grants it; the hash of its cookie. */
export async function grantReader(
  store: MessageStore,
  pool: pg.Pool,
  userId: string,
  secret = randomBytes(32),
): Promise<Buffer> {
  const hash = sha256(secret)
  await store.beginSession(hash, 'a.b.c', randomUUID())
  await pool.query(
    `UPDATE ellipro.reader_session SET state = 'granted', id_token = NULL, user_id = $2 WHERE cookie_hash = $1`,
    [hash, userId],
  )
  return hash
}
