/**
 * The connector to a help desk that is only known by its address: a ticket is one mail, and what is added later are replies
 * to it. Every help desk makes a ticket of a mail; none answers with its number, so `externalId` is the case's reference.
 *
 * The reference stands in the subject, in the header X-Ellipro-Case and in the Message-ID, which is the same for the same
 * ticket or note each time: what an agent's mailbox, or a rule of the help desk, knows it by.
 *
 * A mail is sent at least once, not exactly once. Whoever kept `externalId` from an earlier answer passes it on and nothing
 * is sent; a mail whose answer was lost is sent again under the same Message-ID. Nothing ever comes back: no change, no
 * status, no bounce. The status that we wrote is what we know.
 */
import type { Smtp } from '../realm/config.ts'
import { UpstreamError } from '../../core/errors.ts'
import { describeFailure, domainOf, openTransport, type Patience } from '../mail/transport.ts'
import { explainMailServer } from './email-problems.ts'
import type { Applied, Draft, Ensured, Problem, Ticket, TicketQueue, TicketStatus } from './port.ts'
import { noteMarker, toBody, toSubject } from './typed-text.ts'

export type EmailOptions = {
  smtp: Smtp
  /** The help desk's address. */
  to: string
  patience?: Patience
}

type Letter = {
  key: string
  /** What makes the Message-ID of an addition; absent: the ticket itself. */
  addition?: string
  caseStatus?: TicketStatus
  replyTo?: string
  subject: string
  text: string
}

const keyLimit = 64
/** Longer ones are cut by some help desk or other. */
const subjectLimit = 200

export function connectEmail({ smtp, to, patience }: EmailOptions): TicketQueue {
  const transport = openTransport(smtp, patience)
  const domain = domainOf(smtp.from)
  /** Of the ticket, or of one addition to it. */
  const messageId = (key: string, addition?: string) =>
    `<ticket.${key.toLowerCase()}${addition === undefined ? '' : `.${addition}`}@${domain}>`

  /** @returns the code when the mail server may have taken it all the same @throws UpstreamError when it has not */
  async function send(mail: Letter, signal: AbortSignal | undefined): Promise<string | undefined> {
    if (signal?.aborted) throw new UpstreamError('helpdesk', 0, 'retry', 'aborted')
    const { key, addition, caseStatus, replyTo, subject, text } = mail
    try {
      await transport.sendMail({
        from: { name: smtp.fromName, address: smtp.from },
        // As an object it is one address, whatever it holds.
        to: { name: '', address: to },
        ...(replyTo !== undefined && { replyTo: { name: '', address: replyTo } }),
        messageId: messageId(key, addition),
        ...(addition !== undefined && { inReplyTo: messageId(key), references: messageId(key) }),
        // Not Auto-Submitted: several help desks put such mail aside instead of making a ticket of it.
        headers: {
          'X-Ellipro-Case': key,
          ...(caseStatus !== undefined && { 'X-Ellipro-Status': caseStatus }),
          'X-Auto-Response-Suppress': 'All',
        },
        subject,
        text,
      })
      return undefined
    } catch (error) {
      const { status: answered, disposition, code } = describeFailure(error, 'helpdesk')
      // Without an answer to it, a mail may be under way; before anything was said, it is not.
      if (answered === 0 && !isUnsent(error)) return code === 'ETIMEDOUT' ? 'timeout' : 'cut'
      throw new UpstreamError('helpdesk', answered, disposition, answered === 0 ? 'unreachable' : code, {
        cause: error,
      })
    }
  }

  return {
    connector: 'email',
    capabilities: { reportsChanges: false, searchable: false, keyLimit, subjectLimit },

    async ensure(draft: Draft, signal?: AbortSignal): Promise<Ensured> {
      requireKey(draft.key)
      const ticket = { externalId: draft.key, status: 'new', rawStatus: '' } satisfies Ticket
      if (draft.externalId !== undefined)
        return { outcome: 'existing', ticket: { ...ticket, externalId: draft.externalId } }
      const code = await send(
        {
          key: draft.key,
          subject: toSubject(`[${draft.key}] ${draft.subject.replace(`${draft.key} `, '')}`, subjectLimit),
          text: toBody(draft.text),
          ...(draft.requester !== undefined && isAddress(draft.requester) && { replyTo: draft.requester }),
        },
        signal,
      )
      return code === undefined ? { outcome: 'created', ticket } : { outcome: 'uncertain', code }
    },

    async apply(externalId, { status, note, subject }, signal): Promise<Applied> {
      requireKey(externalId)
      const ticket = {
        externalId,
        status: status ?? 'open',
        rawStatus: '',
      } satisfies Ticket
      if (status !== undefined || note) {
        const code = await send(
          {
            key: externalId,
            addition: note ? `note.${note.id}` : `status.${status}`,
            ...(status !== undefined && { caseStatus: status }),
            subject: `Re: [${externalId}]`,
            text: [
              ...(note ? [toBody(note.text)] : []),
              ...(status === undefined ? [] : [`Statut du dossier : ${statusWords[status]}`]),
              ...(note ? [noteMarker(note.id)] : []),
            ].join('\n\n'),
          },
          signal,
        )
        if (code !== undefined) throw new UpstreamError('helpdesk', 0, 'retry', code)
      }
      return { outcome: 'applied', ticket, notTaken: subject === undefined ? [] : ['subject'] }
    },

    /** There is nobody to ask: what was sent is there. */
    get: (externalId) => Promise.resolve({ externalId, status: 'open', rawStatus: '' }),
    changes: (cursor) => Promise.resolve({ changes: [], cursor: cursor ?? 'none', more: false }),

    async verify(): Promise<Problem[]> {
      try {
        await transport.verify()
        return []
      } catch (error) {
        return [explainMailServer(smtp, error)]
      }
    },
    close: () => transport.close(),
  }
}

/** Agents read it; they are French. */
const statusWords: Record<TicketStatus, string> = {
  new: 'nouveau',
  open: 'en cours',
  waiting: 'en attente',
  resolved: 'résolu',
  rejected: 'rejeté',
  closed: 'clos',
}

/** A key becomes part of headers. */
function requireKey(key: string): void {
  if (key.length > keyLimit || !/^[A-Za-z0-9]+(-[A-Za-z0-9]+)*$/.test(key))
    throw new UpstreamError('helpdesk', 0, 'fail', 'invalid')
}

const isAddress = (text: string) => /^[^\s,;<>"()@]+@[^\s,;<>"()@]+$/.test(text)

/** There was no connection, or the mail server did not get as far as a mail. */
function isUnsent(error: unknown): boolean {
  const { code, syscall, timeoutType } = Object(error) as Record<string, unknown>
  return (
    syscall === 'connect' ||
    ['EDNS', 'ETLS', 'EAUTH'].includes(String(code)) ||
    ['CONNECT_TIMEOUT', 'GREETING_TIMEOUT'].includes(String(timeoutType))
  )
}
