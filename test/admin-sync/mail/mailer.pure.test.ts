/** Our own mails and a mail server that is slow, says no, says "later", or says nothing. */
import { createServer, type AddressInfo, type Socket } from 'node:net'
import { afterAll, beforeEach, expect, test } from 'vitest'
import { createMailer } from '../../../admin-sync/mail/mailer.ts'
import { UpstreamError } from '../../../core/errors.ts'

type Script = Partial<
  Record<'hello' | 'RCPT' | 'end of DATA', string | (() => Promise<string> | 'hang' | 'cut')>
>
let script: Script = {}
let taken = 0
const sockets = new Set<Socket>()

async function say(socket: Socket, step: keyof Script, usual: string): Promise<void> {
  const scripted = script[step] ?? usual
  const answer = typeof scripted === 'string' ? scripted : await scripted()
  if (answer === 'cut') return void socket.destroy()
  if (answer !== 'hang') socket.write(`${answer}\r\n`)
  if (step === 'end of DATA' && answer.startsWith('250')) taken++
}

/** Enough of a mail server: one line, one answer. */
const server = createServer((socket) => {
  sockets.add(socket)
  socket.on('error', () => {})
  let inData = false
  void say(socket, 'hello', '220 test')
  socket.on('data', (bytes) => {
    const text = String(bytes)
    if (inData) {
      if (!text.endsWith('\r\n.\r\n')) return
      inData = false
      void say(socket, 'end of DATA', '250 taken')
    } else if (text.startsWith('RCPT')) void say(socket, 'RCPT', '250 ok')
    else if (text.startsWith('DATA')) {
      inData = true
      socket.write('354 go on\r\n')
    } else socket.write('250 ok\r\n')
  })
})
await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
afterAll(() => {
  sockets.forEach((socket) => socket.destroy())
  server.close()
})
beforeEach(() => {
  script = {}
  taken = 0
})

const mailer = createMailer({
  host: '127.0.0.1',
  port: (server.address() as AddressInfo).port,
  security: 'none',
  user: undefined,
  password: undefined,
  from: 'ne-pas-repondre@ellipro.example',
  fromName: 'Ellipro',
  portalUrl: 'http://127.0.0.1:3000',
  desk: {
    telephone: '0825 123 456',
    price: '0,15 €/min',
    email: 'desk@ellipro.example',
    hours: { fr: 'de 8 h à 18 h', en: '8 am to 6 pm' },
    helpUrl: 'https://cofacering.example/help',
  },
  patience: { helloMs: 150, answerMs: 600 },
})
afterAll(() => mailer.close())
const send = () =>
  mailer.sendAddressChanged({
    to: 'personne@societe.example',
    reference: 'one',
    language: 'fr',
    newAddress: 'n•••@s•••',
    at: new Date(0),
  })

test('a server that takes its time before it takes the mail is waited for', async () => {
  script = { 'end of DATA': () => new Promise((done) => setTimeout(() => done('250 taken'), 400)) }
  await send()
  expect(taken).toBe(1)
})

test.each<[string, Script, Partial<UpstreamError>]>([
  ['"later" at the hello', { hello: '421 too busy' }, { status: 421, disposition: 'retry' }],
  ['"later" for the address', { RCPT: '450 greylisted' }, { status: 450, disposition: 'retry' }],
  ['"later" for the mail', { 'end of DATA': '451 try again' }, { status: 451, disposition: 'retry' }],
  ['"no" for the address', { RCPT: '550 no such mailbox' }, { status: 550, disposition: 'fail' }],
  ['"no" for the mail', { 'end of DATA': '554 refused' }, { status: 554, disposition: 'fail' }],
  ['silence at the hello', { hello: () => 'hang' }, { status: 0, disposition: 'retry' }],
  ['silence after the mail', { 'end of DATA': () => 'hang' }, { status: 0, disposition: 'retry' }],
  ['a connection cut after the mail', { 'end of DATA': () => 'cut' }, { status: 0, disposition: 'retry' }],
  ['something that is no mail server', { hello: 'HTTP/1.1 400 Bad Request' }, { disposition: 'retry' }],
])('%s', async (_what, wanted, failure) => {
  script = wanted
  const error: unknown = await send().catch((thrown: unknown) => thrown)
  expect(error).toBeInstanceOf(UpstreamError)
  expect(error).toMatchObject({ service: 'smtp', ...failure })
  expect(String(error)).not.toContain('personne')
  script = {}
  await send()
  expect(taken).toBe(1)
})
