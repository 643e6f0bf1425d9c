/** What the desk does on the telephone, on the database: what it may, how often, and that it is written down. */
import { randomBytes, randomUUID } from 'node:crypto'
import pg from 'pg'
import { afterAll, expect, test } from 'vitest'
import { findActivations } from '../../../admin-sync/accounts/report.ts'
import { createAccountStore } from '../../../admin-sync/accounts/store.ts'
import { resendMail, withdrawActivation } from '../../../admin-sync/operators/activations.ts'
import { listActions, readOperator } from '../../../admin-sync/operators/audit.ts'
import { releaseLogin } from '../../../admin-sync/operators/login-release.ts'
import { createActivationStore } from '../../../provider/activation/store.ts'
import { createStandIn, sha256 } from '../../provider/activation/stand-in.ts'
import { createDatabase } from '../../support/postgres.ts'

const database = await createDatabase()
const pool = new pg.Pool({ connectionString: database.sync, max: 8 })
const providerPool = new pg.Pool({ connectionString: database.provider, max: 2 })
const superuser = new pg.Pool({ connectionString: database.superuser, max: 1 })
for (const each of [pool, providerPool, superuser])
  each.on('connect', (client) => client.on('error', () => undefined))
afterAll(() => Promise.all([pool.end(), providerPool.end(), superuser.end()]))
const provider = createActivationStore(providerPool)
const sync = createStandIn(database.sync)
const operator = { name: 'agent.dupont', reason: 'telephone, no mail came' }

type Draft = Parameters<typeof provider.startActivation>[0]
async function begin(given: Partial<Draft> = {}) {
  const browser = sha256(randomBytes(32))
  const draft = {
    account: randomUUID(),
    login: `login-${randomUUID()}`,
    company: 'Société',
    contract: 'C-1',
    address: `${randomUUID()}@client.example`,
    locale: 'fr' as const,
    shared: false,
    browserHash: browser,
    salt: randomBytes(16),
    verifier: randomBytes(32),
    correlationId: randomUUID(),
    ...given,
  } satisfies Draft
  const started = await provider.startActivation(draft)
  if (started.outcome !== 'started') throw new Error(started.outcome)
  return { id: started.id, browser, login: draft.login, address: draft.address, account: draft.account }
}
/** The pause between two mails is over. */
const wait = (id: string) =>
  pool.query(
    `UPDATE ellipro.activation SET mail_requested_at = mail_requested_at - interval '2 minutes' WHERE id = $1`,
    [id],
  )
const actionsOf = async (id: string) =>
  (await listActions(pool, 1000)).filter(({ activation }) => activation === id)

test.each(['id', 'login', 'address'] as const)(
  'a fresh mail is asked for by %s, counted like the person’s own, and written down',
  async (by) => {
    const started = await begin()
    await sync.sendMail(started.id)
    expect(await resendMail(pool, started[by], operator)).toEqual({
      outcome: 'too_soon',
      activation: started.id,
    })
    await wait(started.id)
    const outcomes = await Promise.all([1, 2, 3].map(() => resendMail(pool, started[by], operator)))
    expect(outcomes.map(({ outcome }) => outcome).toSorted()).toEqual(['requested', 'too_soon', 'too_soon'])
    expect(await sync.stateOf(started.id)).toMatchObject({ state: 'mailed', mail_generation: 2 })
    expect(await sync.outbox(started.id)).toEqual(['send-confirmation', 'send-confirmation'])
    expect(await provider.requestMail(started.id, { browserHash: started.browser })).toBe('too_soon')
    await wait(started.id)
    expect((await resendMail(pool, started[by], operator)).outcome).toBe('requested')
    await wait(started.id)
    // The third mail of the day was the last one, whoever asked.
    expect((await resendMail(pool, started[by], operator)).outcome).toBe('address_budget')
    expect(await provider.requestMail(started.id, { browserHash: started.browser })).toBe('address_budget')
    const actions = await actionsOf(started.id)
    expect(actions.map(({ outcome }) => outcome).toSorted()).toEqual(
      ['address_budget', 'requested', 'requested', 'too_soon', 'too_soon', 'too_soon'].toSorted(),
    )
    expect(actions[0]).toMatchObject({
      operator: 'agent.dupont',
      command: 'activations resend',
      reason: operator.reason,
    })
    const [found] = await findActivations(pool, started.address)
    expect(found?.actions).toHaveLength(6)
  },
)

test('one that was refused for its address answers, counts and mails as any other', async () => {
  const refused = await begin()
  await sync.refuse(refused.id)
  await wait(refused.id)
  expect(await resendMail(pool, refused.login, operator)).toEqual({
    outcome: 'requested',
    activation: refused.id,
  })
  expect(await sync.stateOf(refused.id)).toMatchObject({ state: 'refused', mail_generation: 2 })
  expect(await sync.outbox(refused.id)).toEqual(['send-confirmation', 'send-confirmation'])
  expect(await withdrawActivation(pool, refused.id, { block: false }, operator)).toMatchObject({
    outcome: 'withdrawn',
  })
})

test('of several under way none is chosen, and none is touched', async () => {
  const account = randomUUID()
  const login = `shared-${randomUUID()}`
  const both = [await begin({ account, login }), await begin({ account, login })]
  for (const answer of [
    await resendMail(pool, login, operator),
    await withdrawActivation(pool, login, { block: true }, operator),
  ]) {
    expect(answer.outcome).toBe('ambiguous')
    const named = 'activations' in answer ? answer.activations : []
    expect(named.toSorted()).toEqual(both.map(({ id }) => id).toSorted())
  }
  for (const { id } of both) expect((await sync.stateOf(id)).state).toBe('requested')
  expect((await withdrawActivation(pool, both[0]?.id ?? '', { block: false }, operator)).outcome).toBe(
    'withdrawn',
  )
  expect((await sync.stateOf(both[1]?.id ?? '')).state).toBe('requested')
})

test('stopped, an activation ends once, its link is worth nothing, and the pair stays free unless it is blocked', async () => {
  const started = await begin()
  const { k, w } = await sync.sendMail(started.id)
  const many = await Promise.all(
    [1, 2, 3].map(() => withdrawActivation(pool, started.address, { block: false }, operator)),
  )
  expect(many.map(({ outcome }) => outcome).toSorted()).toEqual(['ended', 'ended', 'withdrawn'])
  expect(await sync.stateOf(started.id)).toMatchObject({ state: 'withdrawn', reason: 'desk' })
  expect((await sync.outbox(started.id)).filter((kind) => kind === 'release')).toHaveLength(1)
  expect((await provider.linkView(started.id, k)).outcome).toBe('bad_link')
  expect((await provider.withdrawView(started.id, w)).outcome).toBe('done')
  expect((await resendMail(pool, started.id, operator)).outcome).toBe('ended')
  expect((await findActivations(pool, started.login))[0]?.nextStep).toBe('desk')
  expect(await actionsOf(started.id)).toHaveLength(1)

  const { account, login, address } = started
  const again = await begin({ account, login, address })
  expect(await withdrawActivation(pool, again.id, { block: true }, operator)).toMatchObject({ blocked: true })
  expect(await sync.stateOf(again.id)).toMatchObject({ state: 'withdrawn', reason: 'not_me' })
  await expect(begin({ account, login, address })).rejects.toThrow('blocked')
})

test('what is confirmed, over or unknown is said to be so, and left alone', async () => {
  const over = await begin()
  await sync.age(over.id, 25 * 3600)
  expect((await resendMail(pool, over.login, operator)).outcome).toBe('ended')
  const confirmed = await begin()
  await pool.query(`UPDATE ellipro.activation SET state = 'confirmed' WHERE id = $1`, [confirmed.id])
  for (const act of [
    resendMail,
    (p: pg.Pool, id: string) => withdrawActivation(p, id, { block: true }, operator),
  ])
    expect((await act(pool, confirmed.id, operator)).outcome).toBe('confirmed')
  expect((await sync.stateOf(confirmed.id)).state).toBe('confirmed')
  expect(await releaseLogin(pool, confirmed.login, operator)).toMatchObject({ outcome: 'opening' })
  for (const nobody of ['nobody', `' OR true --`, randomUUID(), ''])
    expect((await resendMail(pool, nobody, operator)).outcome).toBe('unknown')
})

test('a holder who left: rehearsed without a trace, asked for once by two operators', async () => {
  const started = await begin()
  await pool.query(`UPDATE ellipro.activation SET state = 'opened' WHERE id = $1`, [started.id])
  expect(await releaseLogin(pool, started.login)).toEqual({ outcome: 'would_close', activation: started.id })
  expect(await sync.outbox(started.id)).toEqual(['send-confirmation'])
  expect(await actionsOf(started.id)).toEqual([])
  const both = await Promise.all([1, 2].map(() => releaseLogin(pool, started.login, operator)))
  expect(both.map(({ outcome }) => outcome).toSorted()).toEqual(['closing', 'closing_already'])
  expect(await sync.outbox(started.id)).toEqual(['send-confirmation', 'close-account'])
  expect((await sync.stateOf(started.id)).state).toBe('opened')
  expect(await actionsOf(started.id)).toMatchObject([{ command: 'logins release', outcome: 'closing' }])
  // Should its job be lost, it is found again.
  const store = createAccountStore(pool, async () => undefined)
  const overdue = async () => (await store.listOverdue()).filter(({ id }) => id === started.id)
  expect((await overdue()).map(({ kind }) => kind)).not.toContain('close-account')
  await pool.query(`UPDATE ellipro.account_closing SET requested_at = now() - interval '11 minutes'`)
  expect((await overdue()).map(({ kind }) => kind)).toContain('close-account')
})

test('a line of the audit list is never changed or taken away, by its writer or by the owner', async () => {
  const line = `INSERT INTO ellipro.operator_action (operator, command, reason, outcome) VALUES ('a', 'x', 'b', 'c')`
  await pool.query(line)
  for (const sql of [
    'UPDATE ellipro.operator_action SET reason = $$d$$',
    'DELETE FROM ellipro.operator_action',
  ])
    for (const writer of [pool, superuser])
      await expect(writer.query(sql)).rejects.toMatchObject({ code: '42501' })
  await expect(superuser.query('TRUNCATE ellipro.operator_action')).rejects.toMatchObject({ code: '42501' })
})

test('who and why are one printable line, and something', () => {
  expect(readOperator('a\u001b[31mb', ' it\nwas\u202e me ')).toEqual({
    name: 'a [31mb',
    reason: 'it was  me',
  })
  expect(readOperator(undefined, 'why').name).not.toBe('')
  for (const reason of [undefined, '', ' \n\t\u202e'])
    expect(() => readOperator('agent', reason)).toThrow(/--reason/)
  expect(readOperator('x'.repeat(500), 'y'.repeat(5000))).toEqual({
    name: 'x'.repeat(100),
    reason: 'y'.repeat(500),
  })
})
