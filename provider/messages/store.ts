/**
 * What provider can do about the old messages of a login: one method for each database function that its role may call
 * (core/database/migrations/0009-messages.sql, where every right is decided and every limit counted).
 *
 * The role reads no message by itself. A mailbox is opened by a proof, the cookie of a fresh sign-in at Cofacering or of
 * a session that admin-sync granted; that gives an id with which this one mailbox is read, until it ends.
 */
import type pg from 'pg'
import { isActivationId } from '../activation/store.ts'

export type MailboxSize = { login: string; company: string; messages: number; bytes: number; keptUntil: Date }
/** `id`: what the person's own page calls it. */
export type Mailbox = MailboxSize & { id: string }

/** What has to come out of the mailbox for it to be whole. */
export type OpenedMailbox = {
  /** Reads it. A secret: never in a page, a URL or a log line. */
  saving: string
  login: string
  messages: number
  attachments: number
  bytes: number
}
/** `gone`: not this browser's to open, or not any more. The others are limits. */
export type OpenRefusal = 'gone' | 'empty' | 'at_once' | 'mailbox_day' | 'hour'
export type OpenResult = ({ outcome: 'opened' } & OpenedMailbox) | { outcome: OpenRefusal }

export type Attachment = { place: number; name: string; type: string; bytes: number }
export type OldMessage = {
  message: string
  sentAt: Date
  sender: string
  /** `null`: none. */
  subject: string | null
  body: string
  attachments: Attachment[]
}

export type MessageStore = {
  /** Of the login that this browser has just proved; `undefined` when there is nothing to save. */
  loginMailbox(signInHash: Buffer): Promise<MailboxSize | undefined>
  openLoginMailbox(signInHash: Buffer): Promise<OpenResult>

  beginSession(cookieHash: Buffer, idToken: string, correlationId: string): Promise<void>
  /** `undefined`: none, or it is over. */
  session(cookieHash: Buffer): Promise<'checking' | 'granted' | 'refused' | undefined>
  endSession(cookieHash: Buffer): Promise<void>
  /** Of the session's person; empty for a session that is not granted. */
  mailboxes(cookieHash: Buffer): Promise<Mailbox[]>
  openMailbox(cookieHash: Buffer, id: string): Promise<OpenResult>

  /** Those after a message, oldest first; empty at the end. @throws the errors of `pg` when the saving is over */
  messages(saving: string, after: string | undefined, bytes: number): Promise<OldMessage[]>
  /** From a byte on; `undefined`: it is not there any more. @throws as above */
  attachment(saving: string, message: string, place: number, from: number): Promise<Buffer | undefined>
  endSaving(saving: string, isWhole: boolean): Promise<void>
}

/** Bytes of an attachment that one statement reads. */
const pieceBytes = 256 * 1024

/** @param pool connections of the role `ellipro_provider` */
export function createMessageStore(pool: pg.Pool): MessageStore {
  const ask = async <T extends pg.QueryResultRow>(sql: string, values: unknown[]) =>
    (await pool.query<T>(sql, values)).rows
  return {
    async loginMailbox(signInHash) {
      const [row] = await ask<SizeRow>(
        `SELECT login, company, messages, bytes, kept_until AS "keptUntil" FROM ellipro.login_mailbox($1)`,
        [signInHash],
      )
      return row && readSize(row)
    },
    async openLoginMailbox(signInHash) {
      return readOpened(await ask<OpenRow>('SELECT * FROM ellipro.open_login_mailbox($1)', [signInHash]))
    },
    async beginSession(cookieHash, idToken, correlationId) {
      await pool.query('SELECT ellipro.begin_reader_session($1, $2, $3)', [
        cookieHash,
        idToken,
        correlationId,
      ])
    },
    async session(cookieHash) {
      const [row] = await ask<{ state: 'checking' | 'granted' | 'refused' }>(
        'SELECT state FROM ellipro.reader_session_view($1)',
        [cookieHash],
      )
      return row?.state
    },
    async endSession(cookieHash) {
      await pool.query('SELECT ellipro.end_reader_session($1)', [cookieHash])
    },
    async mailboxes(cookieHash) {
      const rows = await ask<SizeRow & { id: string }>(
        `SELECT id, login, company, messages, bytes, kept_until AS "keptUntil" FROM ellipro.reader_mailboxes($1)`,
        [cookieHash],
      )
      return rows.map((row) => ({ ...readSize(row), id: row.id }))
    },
    async openMailbox(cookieHash, id) {
      if (!isActivationId(id)) return { outcome: 'gone' }
      return readOpened(
        await ask<OpenRow>('SELECT * FROM ellipro.open_reader_mailbox($1, $2)', [cookieHash, id]),
      )
    },
    async messages(saving, after, bytes) {
      return ask<OldMessage>(
        `SELECT message, sent_at AS "sentAt", sender, subject, body, attachments
           FROM ellipro.saving_messages($1, $2, $3)`,
        [saving, after ?? null, bytes],
      )
    },
    async attachment(saving, message, place, from) {
      const [row] = await ask<{ piece: Buffer | null }>(
        'SELECT ellipro.saving_attachment($1, $2, $3, $4, $5) AS piece',
        [saving, message, place, from, pieceBytes],
      )
      return row?.piece ?? undefined
    },
    async endSaving(saving, isWhole) {
      await pool.query('SELECT ellipro.end_saving($1, $2)', [saving, isWhole])
    },
  }
}

/** bigint comes as text. */
type SizeRow = Omit<MailboxSize, 'bytes'> & { bytes: string }
const readSize = ({ login, company, messages, bytes, keptUntil }: SizeRow): MailboxSize => ({
  login,
  company,
  messages,
  bytes: Number(bytes),
  keptUntil,
})

type OpenRow = {
  outcome: 'opened' | OpenRefusal
  id: string
  login: string
  messages: number
  attachments: number
  bytes: string
}
function readOpened([row]: OpenRow[]): OpenResult {
  if (!row) throw new Error('open_mailbox gave no row')
  const { outcome, id, login, messages, attachments, bytes } = row
  return outcome === 'opened'
    ? { outcome, saving: id, login, messages, attachments, bytes: Number(bytes) }
    : { outcome }
}
