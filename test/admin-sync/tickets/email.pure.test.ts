/** The contract on mails, into a real mail server; and what only mails do. */
import { describe, expect, test } from 'vitest'
import { connectEmail } from '../../../admin-sync/tickets/email.ts'
import { toSubject } from '../../../admin-sync/tickets/typed-text.ts'
import { startInbox } from '../../support/inbox.ts'
import { describeContract, draftOf, newKey, ticketOf } from './contract.ts'

const to = 'tickets@desk.example'
const inbox = await startInbox()
const smtp = {
  host: inbox.host,
  port: inbox.port,
  from: 'ne-pas-repondre@ellipro.example',
  fromName: 'Ellipro',
  user: undefined,
  password: undefined,
  security: 'none' as const,
}
const queue = connectEmail({ smtp, to, patience: { helloMs: 500, answerMs: 700 } })
const mailsOf = (key: string) => inbox.mails.filter(({ subject }) => subject.includes(key))

describeContract('A mailbox', () => ({
  queue,
  // Help desks make one ticket of one Message-ID, and add replies to it.
  read: (key) => {
    const mails = mailsOf(key)
    const first = mails.find(({ subject }) => subject.startsWith('['))
    return Promise.resolve(first ? [{ subject: first.subject, messages: mails.map(({ text }) => text) }] : [])
  },
  shownSubject: (typed, key) => toSubject(`[${key}] ${typed}`, 200),
}))
