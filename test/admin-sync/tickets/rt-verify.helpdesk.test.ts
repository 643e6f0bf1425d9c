/** `verify` on a real Request Tracker that is not set up as it should be; and what `ensure` does there: nothing. */
import { expect, test } from 'vitest'
import { connectRt, type RtOptions } from '../../../admin-sync/tickets/rt.ts'
import { createQueue } from '../../support/request-tracker.ts'
import { draftOf, newKey, ticketOf } from './contract.ts'

const desk = await createQueue()
const unapplied = `${desk.keyField}-elsewhere`
await desk.call('root', 'POST', '/customfield', {
  Name: unapplied,
  Type: 'FreeformSingle',
  LookupType: 'RT::Queue-RT::Ticket',
})
const token = (name: string) => desk.tokens[name] ?? ''
const verify = async (wrong: Partial<RtOptions>) =>
  (await connectRt({ ...desk.options, ...wrong }).verify()).map(({ code, text }) => [code, text.en] as const)

const count = async () => {
  const query = encodeURIComponent(`Queue = '${desk.queue}'`)
  return Number((await desk.call('root', 'GET', `/tickets?query=${query}`)).data['total'])
}

test.each<[string, Partial<RtOptions>, string[]]>([
  ['a token that RT does not know', { token: `1-27-${'0'.repeat(32)}` }, ['token']],
  ['what is no token', { token: 'password of the account' }, ['token']],
  ['a queue that is not there', { queue: 'Nope' }, ['queue']],
  ['a queue that the account does not see', { token: token('newcomer') }, ['queue']],
  ['a key field that is not there', { keyField: 'nope' }, ['key_field']],
  ['a key field that is not on the queue', { keyField: unapplied }, ['key_field_not_applied']],
  ['a key field that the account does not see', { token: token('half-blind') }, ['key_field']],
  ['an account with a language', { token: token('adapter-fr') }, ['language']],
  ['an address where no RT is', { url: 'http://127.0.0.1:1' }, ['unreachable']],
  ['another path of RT', { url: `${desk.url}/rt` }, ['unreachable']],
])('verify names %s', async (_name, wrong, codes) => {
  expect((await verify(wrong)).map(([code]) => code)).toEqual(codes)
})

test('verify names every right that is missing, as soon as a ticket shows it', async () => {
  expect(await verify({ token: token('reader') })).toEqual([
    ['right', expect.stringContaining('CreateTicket')],
  ])
  const { externalId } = ticketOf(await connectRt(desk.options).ensure(draftOf(newKey())))
  expect(externalId).toMatch(/^\d+$/)
  expect((await verify({ token: token('reader') })).map(([, text]) => /right (\w+)/.exec(text)?.[1])).toEqual(
    ['CreateTicket', 'CommentOnTicket', 'ModifyTicket'],
  )
  expect(await verify({})).toEqual([])
})

test.each<[string, Partial<RtOptions>, string]>([
  ['no key field is there', { keyField: 'nope' }, 'key_field'],
  ['the key field is not on the queue', { keyField: unapplied }, 'key_field'],
  ['the account does not see the key field', { token: token('half-blind') }, 'key_field'],
  ['the account may not make one', { token: token('reader') }, 'forbidden'],
  ['the queue is not there', { queue: 'Nope' }, 'queue'],
  ['the account does not see the queue', { token: token('newcomer') }, 'queue'],
  ['the token is wrong', { token: `1-27-${'0'.repeat(32)}` }, 'unauthorized'],
])('no ticket is made while %s, and it waits until an operator mends that', async (_name, wrong, code) => {
  const before = await count()
  await expect(connectRt({ ...desk.options, ...wrong }).ensure(draftOf(newKey()))).rejects.toMatchObject({
    disposition: 'retry',
    code,
  })
  expect(await count()).toBe(before)
})

test.each([
  ['does not see what it makes', 'sightless', 'forbidden'],
  ['may not write the key', 'markless', 'key_not_taken'],
])(
  'an account that %s makes one ticket, and no other before it is given that right',
  async (_name, user, code) => {
    const before = await count()
    const wrong = connectRt({ ...desk.options, token: token(user) })
    for (let tries = 0; tries < 2; tries++)
      for (const key of [newKey(), newKey()])
        await expect(wrong.ensure(draftOf(key))).rejects.toMatchObject({ disposition: 'retry', code })
    expect(await count()).toBe(before + 1)
  },
)
