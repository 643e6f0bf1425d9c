/**
 * One message as it stands in an mbox file: the separator line, then MIME with the body and the attachments, with the
 * quoting of mboxrd (a line that begins with `From `, behind any number of `>`, gets one more `>`), which every reader
 * can undo. Line breaks are LF, as in every mbox.
 *
 * What a sender wrote goes into headers through nodemailer alone, which encodes it, and as one line: no header comes out
 * of a subject, a name or a media type.
 */
import { createHash } from 'node:crypto'
import { Readable, Transform } from 'node:stream'
import MailComposer from 'nodemailer/lib/mail-composer'
import { oneLine } from '../../core/text.ts'
import type { Attachment, OldMessage } from './store.ts'

/** What the headers say of the mailbox. `.invalid` is nobody's: an answer to such a message leaves for nowhere. */
const nowhere = 'cofacering.invalid'

/**
 * @param login whose mailbox it is
 * @param open reads an attachment; called when the message has come as far as that, and one at a time
 */
export async function* writeMessage(
  message: OldMessage,
  login: string,
  open: (attachment: Attachment) => AsyncIterable<Buffer>,
): AsyncGenerator<Buffer> {
  yield Buffer.from(`From MAILER-DAEMON ${separatorDate(message.sentAt)}\n`)
  // nodemailer tells the reader of a message nothing when one of its streams broke.
  let failure: unknown
  let lastByte: number | undefined
  const streamOf = (attachment: Attachment) =>
    Readable.from(
      (async function* () {
        try {
          yield* open(attachment)
        } catch (error) {
          failure = error
          source.destroy(asError(error))
        }
      })(),
    )
  const source = compose(message, login, streamOf)
  const quoted = source.pipe(quoteSeparators())
  source.once('error', (error) => quoted.destroy(error))
  try {
    for await (const chunk of quoted as AsyncIterable<Buffer>) {
      lastByte = chunk.at(-1) ?? lastByte
      yield chunk
    }
  } finally {
    source.destroy()
  }
  if (failure !== undefined) throw asError(failure)
  // An empty line ends a message.
  yield Buffer.from(lastByte === 0x0a ? '\n' : '\n\n')
}

function compose(
  { message, sentAt, sender, subject, body, attachments }: OldMessage,
  login: string,
  streamOf: (attachment: Attachment) => Readable,
): Readable {
  return new MailComposer({
    from: readSender(sender),
    to: { name: oneLine(login), address: `login@${nowhere}` },
    subject: oneLine(subject ?? ''),
    date: sentAt,
    messageId: `<${createHash('sha256').update(message).digest('hex').slice(0, 32)}@${nowhere}>`,
    // As it was written, whatever a mailer likes to fold.
    text: body,
    textEncoding: 'quoted-printable',
    newline: 'unix',
    // Content comes from the database: no text of a message may name a file or an address to be read.
    disableFileAccess: true,
    disableUrlAccess: true,
    attachments: attachments.map((attachment) => ({
      filename: oneLine(attachment.name),
      contentType: readMediaType(attachment.type),
      contentDisposition: 'attachment' as const,
      contentTransferEncoding: 'base64' as const,
      content: streamOf(attachment),
    })),
  })
    .compile()
    .createReadStream()
}

const plainAddress = /^[\w.+%&'*/=?^`{|}~-]+@[\w-]+(\.[\w-]+)+$/

/** `name@host`, `Name <name@host>`, or a name alone, as senders are written at Cofacering. */
function readSender(sender: string): { name: string; address: string } {
  const line = oneLine(sender).trim()
  const [, name = '', address = ''] = /^(.*?)\s*<([^<>]*)>$/.exec(line) ?? ['', '', line]
  return plainAddress.test(address) && address.length <= 254
    ? { name: name.replaceAll(/^"|"$/g, ''), address }
    : { name: line, address: `messages@${nowhere}` }
}

/** A whole message or several parts would stand in the file as they are, separators and all. */
function readMediaType(type: string): string {
  const isPlain = /^[a-z]+\/[\w.+-]+$/i.test(type) && !/^(message|multipart)\//i.test(type)
  return isPlain ? type : 'application/octet-stream'
}

/** As asctime writes it, in UTC: `Thu Jan  1 00:00:00 1970`. */
function separatorDate(date: Date): string {
  const [, day, number, month, year, time] =
    /^(\w+), (\d+) (\w+) (\d+) ([\d:]+) GMT$/.exec(date.toUTCString()) ?? []
  return `${day} ${month} ${String(Number(number)).padStart(2)} ${time} ${year}`
}

/** mboxrd, line by line; holds back no more than the line that is not over yet. */
export function quoteSeparators(): Transform {
  let rest = ''
  return new Transform({
    transform(chunk: Buffer, _encoding, done) {
      // latin1: bytes stay what they are.
      const text = rest + chunk.toString('latin1')
      const end = text.lastIndexOf('\n') + 1
      rest = text.slice(end)
      done(null, Buffer.from(text.slice(0, end).replaceAll(/^>*From /gm, '>$&'), 'latin1'))
    },
    flush(done) {
      done(null, Buffer.from(rest.replace(/^>*From /, '>$&'), 'latin1'))
    },
  })
}

const asError = (error: unknown): Error => (error instanceof Error ? error : new Error('not an error'))
