/** How our own mails, and tickets that are mails, reach the mail server. */
import { createTransport } from 'nodemailer'
import { UpstreamError } from '../../core/errors.ts'
import type { Smtp } from '../realm/config.ts'

/** How long a mail server may take to say hello, and for each answer after that. */
export type Patience = { helloMs: number; answerMs: number }

/** A server that looks into a mail before it takes it must not be left too early: it sends the mail all the same. */
const usualPatience: Patience = { helloMs: 15_000, answerMs: 45_000 }

export function openTransport(
  { host, port, security, user, password }: Smtp,
  patience: Patience = usualPatience,
) {
  return createTransport({
    host,
    port,
    secure: security === 'tls',
    requireTLS: security === 'starttls',
    ignoreTLS: security === 'none',
    ...(user !== undefined && password !== undefined && { auth: { user, pass: password } }),
    connectionTimeout: patience.helloMs,
    greetingTimeout: patience.helloMs,
    socketTimeout: patience.answerMs,
    // Our templates hold no file and no URL to fetch.
    disableFileAccess: true,
    disableUrlAccess: true,
  })
}

/** The right side of our Message-IDs. */
export const domainOf = (address: string): string => address.slice(address.lastIndexOf('@') + 1)

/**
 * A wrong user or password at the mail server is mended by an operator, and the mail waits for that.
 * @param service what the mail is for: `smtp`, or `helpdesk` for tickets
 */
export function describeFailure(error: unknown, service = 'smtp'): UpstreamError {
  const { code, responseCode } = Object(error) as { code?: unknown; responseCode?: unknown }
  const status = typeof responseCode === 'number' ? responseCode : 0
  const refused = status >= 500 && code !== 'EAUTH'
  return new UpstreamError(
    service,
    status,
    refused ? 'fail' : 'retry',
    status > 0 ? `smtp_${status}` : typeof code === 'string' ? code : 'connect',
    { cause: error },
  )
}
