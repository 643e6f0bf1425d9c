/** What an agent opened, to the end: the mail, the password that is chosen, the account; and a login that changes hands. */
import { randomBytes } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import type { Mail } from '../../../dev/smtp-sink.ts'
import { hashForKeycloak } from '../../../provider/activation/credential.ts'
import { findHandOvers } from '../../../admin-sync/decisions/hand-overs.ts'
import { resendMail } from '../../../admin-sync/operators/activations.ts'
import { releaseLogin } from '../../../admin-sync/operators/login-release.ts'
import { createBench, readK, sha256, type Started } from '../accounts/bench.ts'
import { createDesk, type Asked } from './desk.ts'

const bench = await createBench()
const desk = createDesk(bench)
const agent = await desk.createAgent({ name: ['Agnès', 'Roy'] })
const colleague = await desk.createAgent({ name: ['Benoît', 'Lay'] })
const chosen = 'Un tout autre mot de passe'

async function grant(asked: Asked) {
  await desk.decide({ agent, ...asked, kind: 'open' })
  return desk.granted(asked.requestId)
}
async function mailOf(id: string, address: string): Promise<Mail> {
  const before = bench.inbox.mails.length
  expect(await bench.runWell('send-confirmation', id)).toBe('sent')
  const mail = bench.inbox.mails.slice(before).find(({ to }) => to.includes(address))
  if (!mail) throw new Error('no mail came')
  return mail
}
/** What provider's page does when the person has chosen a password: there is no verifier. */
async function choose(id: string, k: Buffer, finisher = sha256(randomBytes(32))): Promise<string> {
  const { rows } = await bench.providerPool.query<{ outcome: string }>(
    'SELECT outcome FROM ellipro.confirm_activation($1, $2, NULL, $3, $4)',
    [id, k, JSON.stringify(await hashForKeycloak(chosen)), finisher],
  )
  return rows[0]?.outcome ?? ''
}
const kinds = async (holderId: string) =>
  (
    await bench.pool.query<{ kind: string }>(
      'SELECT kind FROM ellipro.mail WHERE activation_id = $1 ORDER BY id',
      [holderId],
    )
  ).rows.map(({ kind }) => kind)

describe('an access that an agent opened', () => {
  test('is mailed, opens with the link and a password that is chosen, and has its contract', async () => {
    const asked = await desk.createCase()
    const { id } = await grant(asked)
    const mail = await mailOf(id, asked.address)
    expect(mail.text).toContain('Choisissez votre mot de passe.')
    expect(mail.text).not.toContain('le mot de passe que vous avez choisi')
    expect((await bench.user(asked.address))?.attributes?.['activation_kind']).toEqual(['granted'])
    expect(await bench.followMail(mail)).toContain(`/activation/${id}/confirm?k=`)
    expect(await choose(id, readK(mail))).toBe('confirmed')
    expect(await bench.runWell('open-account', id)).toBe('opened')
    expect(await bench.signsIn(asked.address, chosen)).toBe(true)
    const user = await bench.user(asked.address)
    expect(user?.attributes?.['contract']).toEqual([asked.login.contract])
    expect(user?.attributes).not.toHaveProperty('activation_kind')
    // The contact hears of it with the case.
    expect(bench.added.filter(({ id: of }) => of === id).map(({ kind }) => kind)).toEqual(['unlink'])
    expect((await desk.caseOutbox(asked.caseId)).at(-1)).toBe('sync-case')
    await bench.runCaseWell('sync-case', asked.caseId)
    expect(await desk.request(asked.requestId)).toMatchObject({ state: 'opened' })
    // The holder keeps the login and the account.
    expect(await bench.row(asked.holder.id)).toMatchObject({ state: 'opened' })
  })

  test('opens for nobody without the link of its newest mail, nor before its mailbox is confirmed', async () => {
    const asked = await desk.createCase()
    const { id } = await grant(asked)
    expect(await choose(id, randomBytes(32))).toBe('bad_link')
    const mail = await mailOf(id, asked.address)
    expect(await choose(id, randomBytes(32))).toBe('bad_link')
    expect(await choose(id, readK(mail))).toBe('confirmed')
    expect(await bench.runWell('open-account', id)).toBe('address_not_verified')
    expect(await bench.row(id)).toMatchObject({ state: 'mailed' })
    await bench.followMail(mail)
    expect(await choose(id, readK(mail))).toBe('confirmed')
    expect(await bench.runWell('open-account', id)).toBe('opened')
  })

  test('has one password: that of the browser that came first', async () => {
    const asked = await desk.createCase()
    const { id } = await grant(asked)
    const mail = await mailOf(id, asked.address)
    await bench.followMail(mail)
    const first = sha256(randomBytes(32))
    const outcomes = await Promise.all([
      choose(id, readK(mail), first),
      choose(id, readK(mail)),
      choose(id, readK(mail)),
    ])
    expect(outcomes.filter((one) => one === 'confirmed')).toHaveLength(1)
    expect(outcomes.filter((one) => one === 'bad_link')).toHaveLength(2)
  })

  test('is mailed although the budget of its address is used up, and the mail is counted', async () => {
    const asked = await desk.createCase()
    await bench.pool.query(
      `INSERT INTO ellipro.mail (kind, address_key) SELECT 'test', $1 FROM generate_series(1, 5)`,
      [asked.address],
    )
    const { id } = await grant(asked)
    await mailOf(id, asked.address)
    expect(await bench.mails(id)).toEqual(['confirmation'])
  })

  test('is sent again by the desk whatever the budgets, and freed as the login of whoever holds it', async () => {
    const holder = await desk.createHolder({ login: await desk.nextLogin() })
    const asked = await desk.ask(holder.login)
    await bench.pool.query(
      `UPDATE ellipro.activation SET state = 'withdrawn', reason = 'released' WHERE id = $1`,
      [holder.id],
    )
    const { id } = await grant(asked)
    await mailOf(id, asked.address)
    await bench.pool.query(
      `INSERT INTO ellipro.mail (kind, address_key) SELECT 'test', $1 FROM generate_series(1, 5)`,
      [asked.address],
    )
    await bench.pool.query(
      `UPDATE ellipro.activation SET mail_requested_at = now() - interval '2 minutes' WHERE id = $1`,
      [id],
    )
    const operator = { name: 'test', reason: 'test' }
    expect(await resendMail(bench.pool, id, operator)).toMatchObject({ outcome: 'requested' })
    const mail = await mailOf(id, asked.address)
    await bench.followMail(mail)
    await choose(id, readK(mail))
    await bench.runWell('open-account', id)
    expect(await releaseLogin(bench.pool, holder.login.login, operator)).toMatchObject({
      outcome: 'closing',
      activation: id,
    })
    expect(await bench.runWell('close-account', id)).toBe('released')
  })

  test('of an address that has an account touches nothing: its owner is told', async () => {
    const other = await desk.createHolder({ login: await desk.nextLogin() })
    const holder = await desk.createHolder({ login: await desk.nextLogin() })
    const asked = await desk.ask(holder.login, { address: other.address })
    await desk.decide({ agent, ...asked, kind: 'open', called: 'M. Martin' })
    const { id } = await desk.granted(asked.requestId)
    expect(await bench.runWell('send-confirmation', id)).toBe('refused:address_taken')
    expect(await bench.mails(id)).toEqual(['already-account'])
    expect(await desk.request(asked.requestId)).toMatchObject({ state: 'granting' })
  })

  test('ends when the owner of the mailbox says that it was not them, and so does the request', async () => {
    const asked = await desk.createCase()
    const { id } = await grant(asked)
    const mail = await mailOf(id, asked.address)
    const link = mail.links.find((one) => one.includes('/withdraw?w=')) ?? ''
    const w = Buffer.from(new URL(link).searchParams.get('w') ?? '', 'base64url')
    const { rows } = await bench.providerPool.query<{ outcome: string }>(
      'SELECT ellipro.withdraw_activation($1, $2) AS outcome',
      [id, w],
    )
    expect(rows[0]?.outcome).toBe('withdrawn')
    expect(await choose(id, readK(mail))).toBe('bad_link')
    expect((await desk.caseOutbox(asked.caseId)).at(-1)).toBe('sync-case')
    await bench.runCaseWell('sync-case', asked.caseId)
    expect(await desk.request(asked.requestId)).toMatchObject({ state: 'withdrawn' })
    expect(await desk.decide({ agent, ...asked, kind: 'open' })).toMatchObject({ outcome: 'already_decided' })
  })

  test('that nobody takes up goes back to the agents', async () => {
    const asked = await desk.createCase()
    const { id } = await grant(asked)
    await mailOf(id, asked.address)
    const { generation } = await desk.case(asked.caseId)
    await bench.pool.query('UPDATE ellipro.activation SET expires_at = now() WHERE id = $1', [id])
    await bench.purge()
    expect(await bench.row(id)).toMatchObject({ state: 'expired' })
    expect(await desk.request(asked.requestId)).toMatchObject({ state: 'proved' })
    expect((await desk.events(asked.caseId)).at(-1)).toBe('access_failed')
    expect((await desk.case(asked.caseId)).generation).toBe(generation + 1)
    await bench.runCaseWell('sync-case', asked.caseId)
    expect(await desk.request(asked.requestId)).toMatchObject({ state: 'proved' })
    const again = await grant(asked)
    expect(again.id).not.toBe(id)
    await mailOf(again.id, asked.address)
  })
})

describe('a login whose holder left', () => {
  type Changing = Asked & { holder: Started }
  const say = (who: typeof agent, asked: Changing) =>
    desk.decide({ agent: who, ...asked, kind: 'holder_left' })
  const settle = async (asked: Changing) => {
    expect(await bench.runWell('close-account', asked.holder.id)).toBe('replaced')
    return desk.granted(asked.requestId)
  }

  test('waits for a second agent, and the holder is warned at once, in time and once', async () => {
    const asked = await desk.createCase()
    const first = await say(agent, asked)
    expect(first).toMatchObject({ state: 'awaiting_second', id_token: null, user_id: agent.userId })
    expect(await bench.row(asked.holder.id)).toMatchObject({ state: 'opened' })
    expect(await desk.request(asked.requestId)).toMatchObject({ state: 'proved', granted_id: null })
    expect(await desk.caseOutbox(first.id)).toEqual(['apply-decision', 'warn-holder'])
    expect(await bench.runCaseWell('warn-holder', first.id)).toBe('sent')
    expect(await bench.runCaseWell('warn-holder', first.id)).toBe('nothing')
    const mail = bench.inbox.mails.findLast(({ to }) => to.includes(asked.holder.address))
    expect(mail?.text).toContain(bench.environment['DESK_TELEPHONE'])
    expect(mail?.text).not.toContain(asked.address)
    expect(await say(agent, asked)).toMatchObject({ state: 'rejected', outcome: 'second_is_first' })
    expect(await bench.signsIn(asked.holder.address, 'Un mot de passe assez long')).toBe(true)
  })

  test('changes hands with a second agent: the old access is closed, told, and only then the new one is mailed', async () => {
    const asked = await desk.createCase()
    const first = await say(agent, asked)
    const second = await say(colleague, asked)
    expect([(await desk.decision(first.id)).state, second.state]).toEqual(['applied', 'applied'])
    const granted = await desk.granted(asked.requestId)
    expect(granted).toMatchObject({ holds: true, succeeds: asked.holder.id, state: 'requested' })
    expect(await bench.runWell('send-confirmation', granted.id)).toBe('predecessor_open')
    expect(await bench.mails(granted.id)).toEqual([])

    await settle(asked)
    expect(await bench.row(asked.holder.id)).toMatchObject({ state: 'closed', reason: 'replaced' })
    expect(await bench.signsIn(asked.holder.address, 'Un mot de passe assez long')).toBe(false)
    expect(await bench.outbox(granted.id)).toEqual(['send-confirmation', 'send-confirmation'])
    expect(await bench.runWell('notify-closed', asked.holder.id)).toBe('sent')
    expect(await kinds(asked.holder.id)).toContain('access-closed')

    const mail = await mailOf(granted.id, asked.address)
    await bench.followMail(mail)
    expect(await choose(granted.id, readK(mail))).toBe('confirmed')
    expect(await bench.runWell('open-account', granted.id)).toBe('opened')
    expect(await bench.row(asked.holder.id)).toMatchObject({ state: 'withdrawn', reason: 'replaced' })
    const { rows } = await bench.pool.query<{ id: string }>('SELECT id FROM ellipro.login_holder($1)', [
      asked.login.account,
    ])
    expect(rows).toEqual([{ id: granted.id }])
    expect(await bench.signsIn(asked.address, chosen)).toBe(true)
  })

  test('is free for nobody else meanwhile, nor given to a second person', async () => {
    const asked = await desk.createCase()
    const other = { ...(await desk.ask(asked.login)), holder: asked.holder }
    await say(agent, other)
    await say(agent, asked)
    await say(colleague, asked)
    expect(await say(colleague, other)).toMatchObject({ outcome: 'already_decided' })
    await settle(asked)
    const { rows } = await bench.providerPool.query<{ outcome: string }>(
      `SELECT outcome FROM ellipro.start_activation($1, $2, $3, $4, $5, 'fr', false, $6, $7, $8, NULL)`,
      [
        asked.login.account,
        asked.login.login,
        asked.login.company,
        asked.login.contract,
        bench.nextAddress(),
        randomBytes(32),
        randomBytes(16),
        randomBytes(32),
      ],
    )
    expect(rows[0]?.outcome).toBe('moved')
  })

  test('changes hands with one agent when two days are over', async () => {
    const asked = await desk.createCase()
    const first = await say(agent, asked)
    expect(await bench.runCaseWell('apply-decision', first.id)).toBe('waiting')
    const asksAgain = async () => {
      await findHandOvers(bench.pool)
      return (await desk.caseOutbox(first.id)).filter((kind) => kind === 'apply-decision').length
    }
    const before = await asksAgain()
    const letTimePass = () =>
      bench.pool.query('UPDATE ellipro.decision SET due_at = now() WHERE id = $1', [first.id])
    // The mail server was away for two days: the holder's time begins with the warning.
    await letTimePass()
    expect(await asksAgain()).toBe(before)
    expect(await bench.runCaseWell('apply-decision', first.id)).toBe('waiting')
    expect(await bench.runCaseWell('warn-holder', first.id)).toBe('sent')
    const { due_at: dueAt } = await desk.decision(first.id)
    expect((dueAt?.getTime() ?? 0) - Date.now()).toBeGreaterThan(46 * 3_600_000)
    expect(await asksAgain()).toBe(before)
    await letTimePass()
    expect(await asksAgain()).toBe(before + 1)
    expect(await bench.runCaseWell('apply-decision', first.id)).toBe('applied')
    expect(await asksAgain()).toBe(before + 1)
    expect(await desk.decision(first.id)).toMatchObject({ state: 'applied' })
    await settle(asked)
  })

  test('does not, when the one agent is none any more, or the request was refused meanwhile', async () => {
    const asked = await desk.createCase()
    const former = await desk.createAgent()
    const first = await say(former, asked)
    await bench.pool.query('UPDATE ellipro.decision SET due_at = now() WHERE id = $1', [first.id])
    await desk.takeRole(former.userId)
    expect(await bench.runCaseWell('apply-decision', first.id)).toBe('rejected:not_allowed')
    const second = await say(agent, asked)
    expect(second).toMatchObject({ state: 'awaiting_second' })
    expect(await desk.decide({ agent: colleague, ...asked, kind: 'refuse' })).toMatchObject({
      state: 'applied',
    })
    expect(await desk.decision(second.id)).toMatchObject({ state: 'rejected', outcome: 'already_decided' })
    expect(await bench.row(asked.holder.id)).toMatchObject({ state: 'opened' })
  })

  test('stays with an administrator: the request goes back to the agents', async () => {
    const asked = await desk.createCase()
    await say(agent, asked)
    await say(colleague, asked)
    const group = (await bench.admin.realm.listTopGroups()).find(({ name }) => name === 'protected-accounts')
    const user = await bench.user(asked.holder.address)
    await bench.admin.realm.addMember(group?.id ?? '', user?.id ?? '')
    expect(await bench.runWell('close-account', asked.holder.id)).toBe('protected')
    expect(await bench.row(asked.holder.id)).toMatchObject({ state: 'opened' })
    expect(await desk.granted(asked.requestId)).toMatchObject({
      state: 'withdrawn',
      reason: 'holder_protected',
    })
    expect(await desk.request(asked.requestId)).toMatchObject({ state: 'proved' })
  })

  test('killed at any step of the closing ends the same', async () => {
    const asked = await desk.createCase()
    await say(agent, asked)
    await say(colleague, asked)
    for (const at of ['disable-user', 'end-sessions', 'delete-link', 'mark-released']) {
      const killed = await bench.run('close-account', asked.holder.id, {
        onStep: (step) => {
          if (step === at) throw new DOMException('killed', 'AbortError')
        },
      })
      expect(killed.status).toBe('failed')
      expect(await bench.row(asked.holder.id)).toMatchObject({ state: 'opened' })
    }
    const { id } = await settle(asked)
    await mailOf(id, asked.address)
  })
})
