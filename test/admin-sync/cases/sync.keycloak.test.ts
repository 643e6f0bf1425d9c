/**
 * Passes over cases on a real Keycloak and PostgreSQL, with tickets as mails into a real inbox. What people and agents do
 * is done by provider's functions; the jobs run when the test says so.
 */
import { execFile } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { join } from 'node:path'
import { beforeEach, describe, expect, it } from 'vitest'
import { passCase, rehearseCase } from '../../../admin-sync/cases/sync-case.ts'
import { protectedGroup } from '../../../admin-sync/realm/roles.ts'
import { runJob } from '../../../admin-sync/jobs/work.ts'
import { createBench, readK } from '../accounts/bench.ts'
import { createCaseDesk, kill } from './case-desk.ts'
import { createDesk } from '../decisions/desk.ts'

const bench = await createBench()
const desk = createDesk(bench)
const { pool, admin, inbox, cases } = bench
const { attributesOf, ticketOf, settle, grant, openGranted } = createCaseDesk(bench)

const caseOf = async (account: string) => {
  const { rows } = await pool.query<{
    id: string
    reference: string
    state: string
    closed_reason: string | null
  }>('SELECT * FROM ellipro.login_case WHERE account = $1', [account])
  return rows[0]
}
const requestRow = async (id: string) => {
  const { rows } = await pool.query<{
    state: string
    signals: { codes?: string[] }
    granted_id: string | null
  }>('SELECT * FROM ellipro.access_request WHERE id = $1', [id])
  return rows[0]
}
const ticketMails = () =>
  inbox.mails.filter(({ to }) => to.includes('service-relation-client@ellipro.example'))

beforeEach(() => inbox.clear())

describe('an account of a shared login', () => {
  it('has a case from its opening on, one ticket, and both on the user', async () => {
    const holder = await desk.createHolder({ login: { ...bench.nextLogin(), shared: true } })
    const found = await caseOf(holder.login.account)
    if (!found) throw new Error('no case')
    await settle(found.id)
    expect(await attributesOf(holder.address)).toMatchObject({
      shared_login: ['true'],
      ticket: [found.reference],
      ticket_status: ['open'],
      contract: [holder.login.contract],
    })
    const mails = ticketMails()
    expect(mails).toHaveLength(1)
    expect(mails[0]?.text).toContain(`${bench.config.PROVIDER_URL}/staff/cases/${found.id}`)
    expect(mails[0]?.text).toContain(holder.address)
    expect(await ticketOf(found.id)).toMatchObject({ external_id: found.reference, waiting_since: null })
    // Nothing changed, nothing written: the user's events would tell.
    const pass = await passCase(cases, found.id)
    expect(pass?.written).toEqual([])
    expect(await bench.runCaseWell('sync-case', found.id)).toBe('nothing')
  })

  it.each([
    ['elsewhere', 'agent', 'waiting'],
    ['elsewhere', 'open', 'confirmed'],
    ['of the company', 'agent', 'confirmed'],
  ] as const)(
    'whose first address is %s, with SHARED_FIRST_ADDRESS=%s, is %s',
    async (whose, setting, outcome) => {
      const login = bench.nextLogin()
      await bench.cofacering.query('UPDATE login SET shared = true WHERE id = $1', [login.account])
      await bench.cofacering.query('UPDATE contract SET known_domains = $2 WHERE id = $1', [
        login.contract,
        whose === 'elsewhere' ? ['company.example'] : ['client.example'],
      ])
      const started = await bench.start({ login })
      await runJob(
        'send-confirmation',
        {
          id: randomUUID(),
          data: { activationId: started.id },
          retryCount: 0,
          signal: new AbortController().signal,
        },
        { ...bench.dependencies, sharedFirstAddress: setting },
      )
      const mail = inbox.mails.find(({ to }) => to.includes(started.address))
      if (!mail) throw new Error('no mail')
      await bench.followMail(mail)
      expect(await bench.confirm(started.id, readK(mail))).toBe(outcome)
      const found = await caseOf(login.account)
      if (outcome !== 'waiting') return
      await settle(found?.id ?? '')
      expect(ticketMails()[0]?.text).toContain(`<${started.address}> (nom inconnu)`)
    },
  )

  it('has none when nobody calls it shared', async () => {
    const holder = await desk.createHolder()
    expect(await caseOf(holder.login.account)).toBe(undefined)
  })
})

describe('a request', () => {
  it('makes the ticket, is added to it by a note, and keeps what others wrote on the user', async () => {
    const { holder, caseId, login } = await desk.createCase()
    const user = await bench.user(holder.address)
    await admin.updateUserMerged(user?.id ?? '', {
      attributes: { reports: ['expert'], contract: ['AUTRE-1'] },
    })
    await settle(caseId)
    await desk.ask(login, { address: 'quelquun@gmail.com' })
    await settle(caseId)
    const [ticket, note, ...more] = ticketMails()
    expect(more).toEqual([])
    expect(ticket?.text).toContain('1. Claire Petit')
    expect(note?.text).toContain('Claire Petit <quelquun@gmail.com>')
    expect(note?.text).toContain('boîte aux lettres gratuite')
    expect(await attributesOf(holder.address)).toMatchObject({
      reports: ['expert'],
      contract: ['AUTRE-1', login.contract],
      shared_login: ['true'],
    })
  })

  it('is opened with its account, and resolves the ticket', async () => {
    const { caseId, requestId, address, holder } = await desk.createCase()
    await settle(caseId)
    await grant(requestId)
    await settle(caseId)
    await openGranted(requestId, address)
    await settle(caseId)
    expect((await requestRow(requestId))?.state).toBe('opened')
    expect(await desk.caseOutbox(caseId)).toContain('tell-case-contact')
    expect(await desk.events(caseId)).toContain('access_opened')
    expect(await ticketOf(caseId)).toMatchObject({ status: 'resolved', wanted_status: null })
    for (const one of [address, holder.address])
      expect(await attributesOf(one)).toMatchObject({ shared_login: ['true'], ticket_status: ['solved'] })
  })

  it('waits for an agent again when its account could not be opened', async () => {
    const { caseId, requestId } = await desk.createCase()
    await grant(requestId)
    await settle(caseId)
    expect(await ticketOf(caseId)).toMatchObject({ status: 'resolved' })
    const granted = (await requestRow(requestId))?.granted_id
    await pool.query(
      `UPDATE ellipro.activation SET state = 'refused', reason = 'user_disabled', ended_at = now() WHERE id = $1`,
      [granted],
    )
    await bench.runCaseWell('sync-case', caseId)
    await settle(caseId)
    expect(await requestRow(requestId)).toMatchObject({ state: 'proved' })
    expect(await ticketOf(caseId)).toMatchObject({ status: 'open' })
    expect(
      ticketMails()
        .map(({ text }) => text)
        .join('\n'),
    ).toContain('le compte est désactivé')
  })

  it('that nobody proved in time ends', async () => {
    const { holder, caseId } = await desk.createCase()
    await pool.query(
      `INSERT INTO ellipro.access_request (case_id, address, locale, expires_at)
       VALUES ($1, 'late@client.example', 'fr', now() - interval '1 second')`,
      [caseId],
    )
    await settle(caseId)
    const { rows } = await pool.query<{ state: string }>(
      `SELECT state FROM ellipro.access_request WHERE address = 'late@client.example'`,
    )
    expect(rows).toEqual([{ state: 'expired' }])
    expect(holder.address).not.toBe('')
  })
})

describe('a pass', () => {
  it('takes login, company, contract and the number to call from Cofacering, not from provider', async () => {
    const { caseId, login } = await desk.createCase()
    await pool.query(
      `UPDATE ellipro.login_case SET login = 'x', company = 'Fausse', contract = 'F-1', contact_phone = '0900' WHERE id = $1`,
      [caseId],
    )
    await bench.runCaseWell('sync-case', caseId)
    const { rows } = await pool.query(
      'SELECT login, company, contract FROM ellipro.login_case WHERE id = $1',
      [caseId],
    )
    expect(rows).toEqual([{ login: login.login, company: login.company, contract: login.contract }])
    const pass = await rehearseCase(cases, caseId)
    expect(pass?.facts.contactPhone).toMatch(/\d/)
    expect(pass?.facts.knownDomains.length).toBeGreaterThan(0)
  })

  it('changes nothing when Keycloak or Cofacering cannot be asked', async () => {
    const { caseId } = await desk.createCase()
    const before = await pool.query('SELECT * FROM ellipro.login_case WHERE id = $1', [caseId])
    bench.gate.set('unavailable')
    const result = await bench.runCase('sync-case', caseId)
    bench.gate.set('open')
    expect(result.status).toBe('failed')
    const after = await pool.query('SELECT * FROM ellipro.login_case WHERE id = $1', [caseId])
    expect(after.rows).toEqual(before.rows)
    expect(await ticketOf(caseId)).toBe(undefined)
    await bench.cofacering.query('ALTER VIEW directory_login RENAME TO directory_login_away')
    try {
      expect((await bench.runCase('sync-case', caseId)).status).not.toBe('completed')
    } finally {
      await bench.cofacering.query('ALTER VIEW directory_login_away RENAME TO directory_login')
    }
    expect(await ticketOf(caseId)).toBe(undefined)
  })

  it('leaves a protected account, and says so', async () => {
    const { caseId, holder } = await desk.createCase()
    const group = (await admin.realm.listTopGroups()).find(({ name }) => name === protectedGroup.name)
    await admin.realm.addMember(group?.id ?? '', (await bench.user(holder.address))?.id ?? '')
    bench.lines.length = 0
    await settle(caseId)
    const attributes = await attributesOf(holder.address)
    expect(attributes).not.toHaveProperty('ticket')
    expect(bench.lines.join('')).toContain('case.user_protected')
    expect(await desk.case(caseId)).toMatchObject({ last_error: 'user_protected' })
    expect(await ticketOf(caseId)).toMatchObject({ waiting_since: null })
  })

  it.each(['store', 'write-user'])('killed before “%s” and run again ends at the same', async (step) => {
    const { caseId, holder } = await desk.createCase()
    expect((await bench.runCase('sync-case', caseId, kill(step))).status).toBe('failed')
    await settle(caseId)
    expect(await attributesOf(holder.address)).toMatchObject({
      shared_login: ['true'],
      ticket_status: ['open'],
    })
    expect(ticketMails()).toHaveLength(1)
    expect(await ticketOf(caseId)).toMatchObject({ waiting_since: null })
  })

  it('of eight at once makes one ticket', async () => {
    const { caseId } = await desk.createCase()
    await Promise.all(Array.from({ length: 8 }, () => bench.runCaseWell('sync-case', caseId)))
    await settle(caseId)
    expect(ticketMails()).toHaveLength(1)
  })
})

describe('what the console says', () => {
  it('closes the case when it takes back what it alone had said', async () => {
    const holder = await desk.createHolder()
    const user = await bench.user(holder.address)
    await admin.updateUserMerged(user?.id ?? '', { attributes: { shared_login: ['true'] } })
    const { rows } = await pool.query<{ id: string }>(
      `SELECT ellipro.ensure_case($1, $2, $3, $4, 'console', 'console') AS id`,
      [holder.login.account, holder.login.login, holder.login.company, holder.login.contract],
    )
    const id = rows[0]?.id ?? ''
    await pool.query(`UPDATE ellipro.case_source SET user_id = $2 WHERE case_id = $1`, [id, user?.id])
    await settle(id)
    expect(await attributesOf(holder.address)).toMatchObject({ ticket_status: ['open'] })
    await admin.updateUserMerged(user?.id ?? '', { attributes: { shared_login: ['false'] } })
    await bench.runCaseWell('sync-case', id)
    await settle(id)
    expect(await caseOf(holder.login.account)).toMatchObject({ state: 'closed', closed_reason: 'not_shared' })
    expect(await attributesOf(holder.address)).toMatchObject({
      shared_login: ['false'],
      ticket_status: ['closed'],
    })
  })
})

describe('the command line', () => {
  it('lists and shows cases, rehearses a pass and does it', async () => {
    const { caseId, holder, address } = await desk.createCase()
    const reference = (await caseOf(holder.login.account))?.reference ?? ''
    const rehearsed = await cli('cases', 'sync', '--dry-run', reference)
    expect([rehearsed.code, rehearsed.err]).toEqual([0, ''])
    expect(rehearsed.out).toContain('ticket: create')
    expect(rehearsed.out).toContain('shared_login=true')
    expect(await ticketOf(caseId)).toBe(undefined)
    expect(await attributesOf(holder.address)).not.toHaveProperty('ticket')
    const done = await cli('cases', 'sync', '--json', caseId)
    expect(JSON.parse(done.out)).toMatchObject([{ case: caseId, reference, plan: { ticket: 'create' } }])
    expect(await attributesOf(holder.address)).toMatchObject({ ticket: [reference] })
    expect((await cli('cases', 'list')).out).toMatch(new RegExp(`^${reference}  open    1 to decide`, 'm'))
    await settle(caseId)
    const shown = await cli('cases', 'show', holder.login.login)
    for (const part of [reference, address, holder.address, 'ticket_created', 'proved'])
      expect(shown.out).toContain(part)
    expect((await cli('cases', 'sync', reference)).out).toContain('nothing to do')
    expect((await cli('cases', 'show', 'no-such-login')).code).toBe(1)
  })

  it('says what is wrong at the help desk', async () => {
    expect(await cli('tickets', 'verify')).toMatchObject({ code: 0, out: 'email: rien à corriger\n' })
    const wrong = await cli('tickets', 'verify', '--json', { SMTP_PORT: '1' })
    expect(wrong.code).toBe(1)
    expect(JSON.parse(wrong.out)).toMatchObject({
      connector: 'email',
      problems: [{ code: expect.any(String) as string }],
    })
  })
})

type Ran = { code: number | null; out: string; err: string }
function cli(...words: (string | Record<string, string>)[]): Promise<Ran> {
  const more = words.filter((word) => typeof word === 'object')
  return new Promise((done) => {
    execFile(
      process.execPath,
      [
        join(import.meta.dirname, '../../../admin-sync/cli.ts'),
        ...words.filter((word) => typeof word === 'string'),
      ],
      {
        env: Object.assign(
          { PATH: process.env['PATH'], LANG: 'fr_FR.UTF-8', ...bench.environment },
          ...more,
        ) as NodeJS.ProcessEnv,
      },
      (error, out, err) => done({ code: error ? Number(error.code) : 0, out, err }),
    )
  })
}
