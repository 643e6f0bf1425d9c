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
const queue = connectEmail({ smtp, to })
const hasty = connectEmail({ smtp, to, patience: { helloMs: 5000, answerMs: 500 } })
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

describe('a ticket by mail', () => {
  test('carries the reference where a mailbox, a rule or a person looks for it, and threads what is added', async () => {
    const key = newKey()
    const noteId = 'c0ffee00-0000-4000-8000-000000000001'
    const { externalId } = ticketOf(await queue.ensure(draftOf(key, { requester: 'anne@nordtext.example' })))
    await queue.apply(externalId, { status: 'resolved', note: { id: noteId, text: 'Fait.' } })
    const messageId = `<ticket.${key.toLowerCase()}@ellipro.example>`
    const [ticket, note] = mailsOf(key)
    expect(ticket).toMatchObject({ to: [to], from: smtp.from })
    expect(ticket?.headers).toMatchObject({
      'message-id': messageId,
      'x-ellipro-case': key,
      'reply-to': 'anne@nordtext.example',
    })
    // Several help desks put automatic mail aside.
    expect(ticket?.headers).not.toHaveProperty('auto-submitted')
    expect(note?.headers).toMatchObject({
      'message-id': `<ticket.${key.toLowerCase()}.note.${noteId}@ellipro.example>`,
      'in-reply-to': messageId,
      references: messageId,
      'x-ellipro-case': key,
      'x-ellipro-status': 'resolved',
    })
  })

  test('has one Message-ID however often it is sent', async () => {
    const key = newKey()
    await queue.ensure(draftOf(key))
    await queue.ensure(draftOf(key, { subject: 'autrement' }))
    const [first, second] = mailsOf(key).map(({ headers }) => headers['message-id'])
    expect(first).toBeDefined()
    expect(second).toBe(first)
  })

  test('gets no header, and no further recipient, from what somebody typed', async () => {
    const key = newKey()
    const evil =
      'x\r\nBcc: victim@elsewhere.example\r\nX-Ellipro-Case: ELP-0000-0000\r\n\r\nfrom here on a body'
    const draft = draftOf(key, { subject: evil, text: evil, requester: `anne@nordtext.example\r\n${evil}` })
    const { externalId } = ticketOf(await queue.ensure(draft))
    await queue.apply(externalId, { note: { id: 'n', text: evil } })
    for (const { to: recipients, headers } of mailsOf(key)) {
      expect(recipients).toEqual([to])
      expect(headers).toMatchObject({ 'x-ellipro-case': key })
      expect(headers).not.toHaveProperty('bcc')
      expect(headers).not.toHaveProperty('reply-to')
    }
    expect(mailsOf(key)).toHaveLength(2)
    // a key that would be headers of its own is none
    for (const wrong of [`${key}\r\nBcc: a@b.example`, 'ELP 1', '<x>', 'é'])
      await expect(queue.apply(wrong, { status: 'open' })).rejects.toMatchObject({ code: 'invalid' })
  })

  test.each([
    'anne@a.example, eve@b.example',
    'Anne <anne@a.example>',
    'anne@a.example>\r\nBcc: <eve@b.example',
    'anne',
  ])('does not take %j for the address of a person', async (requester) => {
    const key = newKey()
    await queue.ensure(draftOf(key, { requester }))
    expect(mailsOf(key)[0]?.headers).not.toHaveProperty('reply-to')
  })

  test('is asked for again while the mail server is away or says later', async () => {
    inbox.refuse(true)
    await expect(queue.ensure(draftOf(newKey()))).rejects.toMatchObject({
      disposition: 'retry',
      code: 'smtp_451',
    })
    inbox.refuse(false)
    await inbox.stop()
    await expect(queue.ensure(draftOf(newKey()))).rejects.toMatchObject({
      disposition: 'retry',
      code: 'unreachable',
    })
    await inbox.start()
  })

  test('is uncertain when the mail server took it and did not say so in time', async () => {
    const key = newKey()
    inbox.delay(1500)
    expect(await hasty.ensure(draftOf(key))).toEqual({ outcome: 'uncertain', code: 'timeout' })
    await inbox.waitForMail(to, ({ subject }) => subject.includes(key))
    inbox.delay(0)
  })

  test('is not sent for a process that is being stopped', async () => {
    const key = newKey()
    await expect(queue.ensure(draftOf(key), AbortSignal.abort())).rejects.toMatchObject({ code: 'aborted' })
    expect(mailsOf(key)).toEqual([])
  })

  test('does not tell that its subject was changed', async () => {
    const key = newKey()
    expect(await queue.apply(key, { subject: 'autre' })).toMatchObject({ notTaken: ['subject'] })
    expect(mailsOf(key)).toEqual([])
  })

  test('finds a mail server that is away or refuses the account', async () => {
    const elsewhere = connectEmail({ smtp: { ...smtp, port: 1 }, to })
    expect(await elsewhere.verify()).toMatchObject([{ code: 'unreachable' }])
    const stranger = connectEmail({ smtp: { ...smtp, host: 'nowhere.invalid' }, to })
    expect(await stranger.verify()).toMatchObject([{ code: 'unreachable' }])
  })
})
