/**
 * The mailbox of a login as a ZIP, written while it is read. It owns what is in the archive and that it is whole:
 *
 *   LISEZMOI.txt    what is what (README.txt in English)
 *   messages.mbox   all messages with their attachments, for mail programs
 *   messages.csv    all messages as a table, for spreadsheets
 *   attachments/    the attachments as files, a folder a message
 *
 * What is in memory is one batch of messages and some pieces of an attachment, whatever the mailbox holds, and the names
 * of the files, which the end of a ZIP repeats. Nothing is read that the other side does not take. An archive comes to
 * its end only when everything that was there at its beginning is in it; anything else breaks it off without the
 * directory that every ZIP ends with, so no program takes it for whole.
 */
import { addAbortSignal, Readable, type Writable } from 'node:stream'
import { finished, pipeline } from 'node:stream/promises'
import { ZipFile } from 'yazl'
import { byteOrderMark, tableLine } from '../../core/table.ts'
import type { Language, Translate } from '../../core/text.ts'
import { createNames, safeFileName } from './file-names.ts'
import { writeMessage } from './mbox.ts'
import type { Attachment, MessageStore, OldMessage, OpenedMailbox } from './store.ts'

/** Bodies that one statement reads, together; the last of them may be longer. */
const batchBytes = 1024 * 1024
/** A ZIP knows no other years. */
const [firstDate, lastDate] = [new Date('1980-01-02T00:00:00Z'), new Date('2037-12-31T00:00:00Z')]

export type Archive = {
  mailbox: OpenedMailbox
  store: Pick<MessageStore, 'messages' | 'attachment'>
  t: Translate
  language: Language
  /** Of the archive's own files. */
  now: Date
}

/** The mailbox was changed while it was read: by an import, or because its time is over. */
export class MailboxChanged extends Error {}

/**
 * Writes the archive and ends `output`. Rejects, with `output` destroyed, when anything failed or the other side is
 * gone; reading has stopped then.
 */
export async function sendArchive(archive: Archive, output: Writable): Promise<void> {
  const zip = new ZipFile()
  const out = zip.outputStream as Readable
  const ending = new AbortController()
  zip.on('error', (error: Error) => out.destroy(error))
  const sent = pipeline(out, output).catch((error: unknown) => {
    ending.abort(error)
    throw error
  })
  const filled = fill(zip, archive, ending.signal).catch((error: unknown) => {
    out.destroy(error instanceof Error ? error : new Error('not an error'))
    throw error
  })
  // Both: nothing of ours goes on reading afterwards.
  const [filling, sending] = await Promise.allSettled([filled, sent])
  if (filling.status === 'rejected' && !ending.signal.aborted) throw filling.reason
  if (sending.status === 'rejected') throw sending.reason
  if (filling.status === 'rejected') throw filling.reason
}

/** One file after the other: the next one is asked for when the last one was read to its end. */
async function fill(zip: ZipFile, archive: Archive, signal: AbortSignal): Promise<void> {
  const { language, now, mailbox } = archive
  const add = async (path: string, content: AsyncIterable<Buffer>, level: number, at = now) => {
    const stream = addAbortSignal(signal, Readable.from(content, { objectMode: false }))
    const mtime = at < firstDate ? firstDate : at > lastDate ? lastDate : at
    zip.addReadStream(stream, path, { mtime, compressionLevel: level, mode: 0o100644 })
    await finished(stream, { writable: false })
  }
  zip.addBuffer(readMe(archive), language === 'fr' ? 'LISEZMOI.txt' : 'README.txt', { mtime: now })
  const seen = { messages: 0, attachments: 0, bytes: 0 }
  // Level 1: attachments are most of it, and they are compressed already.
  await add('messages.mbox', mbox(archive, seen), 1)
  assertWhole(mailbox, seen)
  const files: AttachmentFile[] = []
  await add('messages.csv', table(archive, files), 6)
  if (files.length !== mailbox.attachments) throw new MailboxChanged()
  for (const file of files)
    await add(`attachments/${file.path}`, pieces(archive, file.message, file.attachment), 0, file.sentAt)
  signal.throwIfAborted()
  zip.end()
}

function assertWhole(
  mailbox: OpenedMailbox,
  seen: { messages: number; attachments: number; bytes: number },
): void {
  if (
    seen.messages !== mailbox.messages ||
    seen.attachments !== mailbox.attachments ||
    seen.bytes !== mailbox.bytes
  )
    throw new MailboxChanged()
}

async function* batches({ store, mailbox }: Archive): AsyncGenerator<OldMessage> {
  let after: string | undefined
  for (;;) {
    const batch = await store.messages(mailbox.saving, after, batchBytes)
    if (batch.length === 0) return
    yield* batch
    after = batch.at(-1)?.message
  }
}

/** An attachment piece by piece; as long as it was said to be, or an error. */
async function* pieces(
  { store, mailbox }: Archive,
  message: string,
  { place, bytes }: Attachment,
): AsyncGenerator<Buffer> {
  let from = 0
  while (from < bytes) {
    const piece = await store.attachment(mailbox.saving, message, place, from)
    if (!piece || piece.length === 0) throw new MailboxChanged()
    from += piece.length
    yield piece
  }
  if (from !== bytes) throw new MailboxChanged()
}

async function* mbox(
  archive: Archive,
  seen: { messages: number; attachments: number; bytes: number },
): AsyncGenerator<Buffer> {
  for await (const message of batches(archive)) {
    yield* writeMessage(message, archive.mailbox.login, (attachment) =>
      pieces(archive, message.message, attachment),
    )
    seen.messages++
    seen.attachments += message.attachments.length
    seen.bytes +=
      Buffer.byteLength(message.body) + message.attachments.reduce((sum, { bytes }) => sum + bytes, 0)
  }
}

type AttachmentFile = { path: string; message: string; sentAt: Date; attachment: Attachment }

/** @param files gets the attachments with their places in the archive, as the table names them */
async function* table(archive: Archive, files: AttachmentFile[]): AsyncGenerator<Buffer> {
  const { t, mailbox } = archive
  const columns = ['number', 'date', 'time', 'sender', 'subject', 'text', 'attachments']
  const cut = ` […] ${t('saved.cut')}`
  yield Buffer.from(
    byteOrderMark +
      tableLine(
        columns.map((column) => t(`saved.column.${column}`)),
        cut,
      ),
  )
  const width = String(mailbox.messages).length
  let count = 0
  for await (const { message, sentAt, sender, subject, body, attachments } of batches(archive)) {
    const number = String(++count).padStart(width, '0')
    const give = createNames()
    const mine = attachments.map((attachment) => ({
      path: `${number}/${give(safeFileName(attachment.name, `${t('saved.file')}-${attachment.place}`))}`,
      message,
      sentAt,
      attachment,
    }))
    files.push(...mine)
    const [day, time] = parisTime(sentAt)
    const paths = mine.map(({ path }) => `attachments/${path}`).join('\n')
    yield Buffer.from(tableLine([String(count), day, time, sender, subject ?? '', body, paths], cut))
  }
}

const paris = new Intl.DateTimeFormat('sv-SE', {
  dateStyle: 'short',
  timeStyle: 'medium',
  timeZone: 'Europe/Paris',
})
/** `2024-03-05`, `18:05:00`: what sorts, and what every spreadsheet knows for a date. */
const parisTime = (at: Date) => paris.format(at).split(' ') as [day: string, time: string]

/** With a byte order mark and CR LF: it is opened by a double click on whatever computer. */
function readMe({ t, mailbox, now }: Archive): Buffer {
  const text = t('saved.read_me', {
    login: mailbox.login,
    messages: mailbox.messages,
    attachments: mailbox.attachments,
    date: parisTime(now)[0],
  })
  return Buffer.from(byteOrderMark + text.replaceAll('\n', '\r\n'))
}
