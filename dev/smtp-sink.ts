/** An SMTP server that takes every mail and hands it over, parsed. Nothing leaves the machine. */
import type { AddressInfo } from 'node:net'
import { callbackify } from 'node:util'
import PostalMime from 'postal-mime'
import { SMTPServer, type SMTPServerDataStream, type SMTPServerSession } from 'smtp-server'

export type Mail = {
  id: string
  /** ISO time of arrival. */
  receivedAt: string
  from: string
  /** Addresses of the envelope: who really gets it. */
  to: string[]
  subject: string
  text: string
  html: string
  /** Every http(s) address in the mail, text part first, each once. */
  links: string[]
  /** Header lines by lower-case name; the last of several. */
  headers: Record<string, string>
}

// the last character is never the punctuation of the sentence around it
const linkPattern = /https?:\/\/[^\s"'<>)\]]*[^\s"'<>)\].,;:!?]/g

/** @param raw the mail as it came, headers included */
export async function readMail(
  raw: Uint8Array,
  envelope: { id: string; receivedAt: string; to?: string[] },
): Promise<Mail> {
  const parsed = await PostalMime.parse(raw)
  const text = parsed.text ?? ''
  const html = parsed.html ?? ''
  const inHtml = (html.match(linkPattern) ?? []).map((link) => link.replaceAll('&amp;', '&'))
  return {
    id: envelope.id,
    receivedAt: envelope.receivedAt,
    from: parsed.from?.address ?? '',
    to: envelope.to ?? (parsed.to ?? []).flatMap(({ address }) => (address ? [address] : [])),
    subject: parsed.subject ?? '',
    text,
    html,
    links: [...new Set([...(text.match(linkPattern) ?? []), ...inHtml])],
    headers: Object.fromEntries(parsed.headers.map(({ key, value }) => [key, value])),
  }
}

/**
 * @param port 0: any free one
 * @param onMail gets the raw mail and the addresses of the envelope; its rejection is answered with a temporary error, so
 *   that the sender tries again
 */
export async function startSmtpSink(options: {
  host?: string
  port: number
  onMail: (raw: Buffer, to: string[]) => Promise<void>
}): Promise<{ port: number; stop: () => Promise<void> }> {
  const server = new SMTPServer({
    authOptional: true,
    onAuth: (_auth, _session, done) => done(null, { user: 'anyone' }),
    allowInsecureAuth: true,
    disabledCommands: ['STARTTLS'],
    disableReverseLookup: true,
    closeTimeout: 500, // a stop does not wait for mails that hang
    size: 20 * 2 ** 20,
    onData: callbackify(async (stream: SMTPServerDataStream, session: SMTPServerSession) => {
      try {
        const chunks: Buffer[] = []
        for await (const chunk of stream) chunks.push(chunk as Buffer)
        const to = session.envelope.rcptTo.map(({ address }) => address)
        await options.onMail(Buffer.concat(chunks), to)
        return 'kept'
      } catch (error) {
        throw Object.assign(error as Error, { responseCode: 451 })
      }
    }),
  })
  server.on('error', () => {}) // a client that goes away in the middle is its own affair
  await new Promise<void>((done, fail) => {
    server.server.once('error', fail)
    server.listen(options.port, options.host ?? '127.0.0.1', done)
  })
  return {
    port: (server.server.address() as AddressInfo).port,
    stop: () => new Promise((done) => server.close(done)),
  }
}
