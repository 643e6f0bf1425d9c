/** The holder left: their account is shut on a real Keycloak, they are told, and the login is free for the next person. */
import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { findActivations } from '../../../admin-sync/accounts/report.ts'
import { releaseLogin } from '../../../admin-sync/operators/login-release.ts'
import { protectedGroup } from '../../../admin-sync/realm/roles.ts'
import { createBench, password, type Started } from './bench.ts'

const bench = await createBench()
const { admin, pool, inbox } = bench
const operator = { name: 'agent', reason: 'has left the company' }

type Opened = Started & { user: string }
async function opened(options?: Parameters<typeof bench.start>[0]): Promise<Opened> {
  const started = await bench.confirmed(options)
  await bench.runWell('open-account', started.id)
  return { ...started, user: (await bench.user(started.address))?.id ?? '' }
}
const ask = async ({ login }: Started) => (await releaseLogin(pool, login.login, operator)).outcome
const close = ({ id }: Started) => bench.runWell('close-account', id)
const closedMails = (address: string) =>
  inbox.mails.filter(({ to, subject }) => to.includes(address) && /fermé|closed/.test(subject))
const findProtectedGroup = async () => {
  const group = (await admin.realm.listTopGroups()).find(({ name }) => name === protectedGroup.name)
  return group?.id ?? ''
}

test('the access is shut, its sessions are over, the person is told, and somebody else may have the login', async () => {
  const holder = await opened()
  expect(await bench.signsIn(holder.address, password)).toBe(true)
  expect(await admin.countSessions(holder.user)).toBeGreaterThan(0)
  // Nothing happens without an operator, whatever asks for the job.
  expect(await close(holder)).toBe('nothing')
  expect(await ask(holder)).toBe('closing')
  expect(await close(holder)).toBe('released')
  expect(await admin.getUser(holder.user)).toMatchObject({ enabled: false, email: holder.address })
  expect(await admin.countSessions(holder.user)).toBe(0)
  expect(await admin.listFederatedIdentities(holder.user)).toEqual([])
  expect(await bench.signsIn(holder.address, password)).toBe(false)
  expect(await bench.row(holder.id)).toMatchObject({ state: 'withdrawn', reason: 'released' })
  expect(await bench.outbox(holder.id)).toContain('notify-closed')
  expect(await bench.runWell('notify-closed', holder.id)).toBe('sent')
  expect(await bench.runWell('notify-closed', holder.id)).toBe('nothing')
  expect(closedMails(holder.address)).toHaveLength(1)
  expect(await bench.mails(holder.id)).toContain('access-closed')

  const [found] = await findActivations(pool, holder.address)
  expect(found?.history.map(({ to, reason }) => [to, reason]).slice(-2)).toEqual([
    ['closed', 'holder_left'],
    ['withdrawn', 'released'],
  ])
  expect(found?.actions.map(({ operator: by, outcome }) => [by, outcome])).toEqual([
    ['agent', 'closing'],
    ['admin-sync', 'released'],
  ])

  // Twice is nothing more, and late jobs of the old account do nothing.
  expect(await ask(holder)).toBe('free')
  for (const kind of ['close-account', 'open-account', 'unlink', 'send-confirmation'] as const)
    expect([kind, await bench.runWell(kind, holder.id)]).toEqual([kind, 'nothing'])

  const next = await opened({ login: holder.login })
  expect((await bench.row(next.id)).sub).not.toBe((await bench.row(holder.id)).sub)
  expect(next.user).not.toBe(holder.user)
  expect((await admin.getUser(holder.user))?.enabled).toBe(false)
  // With the old address the login would get nothing: it has its account, which nobody but an administrator opens.
  expect(await ask(next)).toBe('closing')
  await close(next)
  const back = await bench.start({ login: holder.login, address: holder.address })
  expect(await bench.runWell('send-confirmation', back.id)).toBe('refused:address_taken')
  expect((await admin.getUser(holder.user))?.enabled).toBe(false)
})

test.each(['disable-user', 'end-sessions', 'delete-link', 'mark-released'])(
  'killed before %s and run again, it ends the same',
  async (step) => {
    const holder = await opened()
    await ask(holder)
    const killed = await bench.run('close-account', holder.id, {
      onStep: (next) => {
        if (next === step) throw new Error('killed')
      },
    })
    expect(killed.status).not.toBe('completed')
    expect((await bench.row(holder.id)).state).toBe('opened')
    expect(await ask(holder)).toBe('closing_already')
    expect(await close(holder)).toBe('released')
    expect((await admin.getUser(holder.user))?.enabled).toBe(false)
    expect(await bench.row(holder.id)).toMatchObject({ state: 'withdrawn', reason: 'released' })
    await bench.runWell('notify-closed', holder.id)
    expect(closedMails(holder.address)).toHaveLength(1)
  },
)

test('an administrator’s account is not touched and keeps its login, however often it is asked for', async () => {
  const holder = await opened()
  await admin.realm.addMember(await findProtectedGroup(), holder.user)
  await ask(holder)
  expect(await close(holder)).toBe('protected')
  expect((await admin.getUser(holder.user))?.enabled).toBe(true)
  expect((await bench.row(holder.id)).state).toBe('opened')
  expect((await findActivations(pool, holder.address))[0]?.actions.at(-1)?.outcome).toBe('protected')
  expect(await ask(holder)).toBe('closing')
  expect(await close(holder)).toBe('protected')
  expect((await admin.getUser(holder.user))?.enabled).toBe(true)
})

test('a user that is gone, or that an administrator disabled, is left as it is; one let in again is told nothing', async () => {
  const gone = await opened()
  await ask(gone)
  await admin.deleteUser(gone.user)
  expect(await close(gone)).toBe('released')
  expect(await bench.runWell('notify-closed', gone.id)).toBe('no_address')

  // Closed by the sweep and released before the job came: it has nothing to do, and is not looked for again.
  const swept = await opened()
  await ask(swept)
  await pool.query(`UPDATE ellipro.activation SET state = 'closed', reason = 'user_gone' WHERE id = $1`, [
    swept.id,
  ])
  expect(await ask(swept)).toBe('released')
  expect(await close(swept)).toBe('superseded')
  expect(await close(swept)).toBe('nothing')
  expect((await admin.getUser(swept.user))?.enabled).toBe(true)

  const disabled = await opened()
  await admin.updateUserMerged(disabled.user, { enabled: false, attributes: { note: ['kept'] } })
  await ask(disabled)
  expect(await close(disabled)).toBe('released')
  expect((await admin.getUser(disabled.user))?.enabled).toBe(false)
  await admin.updateUserMerged(disabled.user, { enabled: true })
  expect(await bench.runWell('notify-closed', disabled.id)).toBe('enabled_again')
})

test('the notice waits for the budget of the address, and the login does not wait for the notice', async () => {
  const holder = await opened()
  await pool.query(
    `INSERT INTO ellipro.mail (kind, address_key) SELECT 'address-changed', $1 FROM generate_series(1, 3)`,
    [holder.address],
  )
  await ask(holder)
  expect(await close(holder)).toBe('released')
  expect((await bench.run('notify-closed', holder.id)).status).toBe('failed')
  expect(closedMails(holder.address)).toEqual([])
  await pool.query(`UPDATE ellipro.mail SET sent_at = sent_at - interval '25 hours' WHERE address_key = $1`, [
    holder.address,
  ])
  expect(await bench.runWell('notify-closed', holder.id)).toBe('sent')
})

test('at the terminal: a rehearsal first, a reason then, JSON, exit codes, and the list of what was done', async () => {
  const holder = await opened()
  const command = (...words: string[]) =>
    new Promise<{ code: number; out: string; err: string }>((done) => {
      execFile(
        process.execPath,
        [join(import.meta.dirname, '../../../admin-sync/cli.ts'), ...words],
        { env: { PATH: process.env['PATH'], LANG: 'en_GB.UTF-8', ...bench.environment } },
        (error, out, err) => done({ code: error ? Number(error.code) : 0, out, err }),
      )
    })
  const { login } = holder.login
  const rehearsed = await command('logins', 'release', login)
  expect(rehearsed).toMatchObject({ code: 0, out: expect.stringContaining('Nothing was changed') as string })
  const unexplained = await command('logins', 'release', login, '--confirm')
  expect(unexplained).toMatchObject({ code: 1, err: expect.stringContaining('--reason') as string })
  expect((await bench.row(holder.id)).state).toBe('opened')
  const why = ['--reason', 'left in June', '--operator', 'agent.martin']
  const done = await command('logins', 'release', login, '--confirm', '--json', ...why)
  expect([done.code, JSON.parse(done.out)]).toEqual([0, { outcome: 'closing', activation: holder.id }])
  const [resent, stopped, list] = await Promise.all([
    command('activations', 'resend', holder.id, ...why),
    command('activations', 'withdraw', 'nobody', '--json', ...why),
    command('audit', 'list', '--json'),
  ])
  expect(resent).toMatchObject({ code: 1, out: expect.stringContaining('No request is under way') as string })
  expect([stopped.code, JSON.parse(stopped.out)]).toEqual([1, { outcome: 'unknown' }])
  const [newest] = JSON.parse(list.out) as unknown[]
  expect(newest).toMatchObject({
    operator: 'agent.martin',
    command: 'logins release',
    activation: holder.id,
    reason: 'left in June',
    outcome: 'closing',
  })
  for (const { out } of [rehearsed, done, resent, stopped, list])
    for (const personal of [holder.address, holder.login.company, login]) expect(out).not.toContain(personal)
})
