/** The help desk that is chosen by configuration, and every problem of it at once. */
import { expect, test } from 'vitest'
import { readAdminSyncConfig } from '../../../admin-sync/config.ts'
import { readHelpDeskConfig } from '../../../admin-sync/tickets/config.ts'
import { connectHelpDesk } from '../../../admin-sync/tickets/connect.ts'
import { ConfigError } from '../../../core/errors.ts'

const mail = { SMTP_HOST: 'mail.example', SMTP_FROM: 'us@ellipro.example' }
const rt = { TICKETS: 'rt', RT_URL: 'https://rt.example/', RT_TOKEN: '1-27-0123456789abcdef0123456789abcdef' }

function problemsOf(read: () => unknown): readonly string[] {
  try {
    read()
  } catch (error) {
    if (error instanceof ConfigError) return error.problems
    throw error
  }
  return []
}
const startOf = (problem: string) => problem.split(/[: ]/)[0]

test('a mailbox is what it is without a word, and needs an address', () => {
  expect(readHelpDeskConfig({ ...mail, TICKETS_EMAIL_TO: 'tickets@desk.example' })).toMatchObject({
    kind: 'email',
    to: 'tickets@desk.example',
  })
  expect(problemsOf(() => readHelpDeskConfig(mail)).map(startOf)).toEqual(['TICKETS_EMAIL_TO'])
})

test('Request Tracker needs an address and a token, and the rest has defaults', () => {
  const helpDesk = readHelpDeskConfig({ ...mail, ...rt })
  expect(helpDesk).toMatchObject({
    kind: 'rt',
    url: 'https://rt.example',
    queue: 'Service Relation Client',
    keyField: 'ellipro-key',
    statuses: { waiting: ['stalled'] },
    timeoutMs: 30_000,
  })
  expect(connectHelpDesk(helpDesk).connector).toBe('rt')
  expect(problemsOf(() => readHelpDeskConfig({ ...mail, TICKETS: 'rt' })).map(startOf)).toEqual([
    'RT_URL',
    'RT_TOKEN',
  ])
})

test.each([
  ['http://rt.example', 'RT_URL'],
  ['https://user:secret@rt.example', 'RT_URL'],
  ['rt.example', 'RT_URL'],
])('an address %j that would show the token is refused', (RT_URL, name) => {
  expect(problemsOf(() => readHelpDeskConfig({ ...mail, ...rt, RT_URL })).map(startOf)).toEqual([name])
})

test('a name that would end its quotes in TicketSQL is none', () => {
  for (const RT_KEY_FIELD of ["a'b", 'a}b', String.raw`a\b`])
    expect(problemsOf(() => readHelpDeskConfig({ ...mail, ...rt, RT_KEY_FIELD })).map(startOf)).toEqual([
      'RT_KEY_FIELD',
    ])
})

test('admin-sync tells all that is wrong at once, without the token', () => {
  const problems = problemsOf(() =>
    readAdminSyncConfig({
      TICKETS: 'rt',
      RT_TOKEN: 'short',
      RT_STATUS_MAP: 'solved=x',
      TICKETS_POLL_SECONDS: '0',
    }),
  )
  expect(problems.map(startOf)).toEqual(
    expect.arrayContaining(['SMTP_HOST', 'RT_TOKEN', 'RT_URL', 'RT_STATUS_MAP', 'TICKETS_POLL_SECONDS']),
  )
  expect(problems.join()).not.toContain('short')
})
