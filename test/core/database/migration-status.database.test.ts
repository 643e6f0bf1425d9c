/**
 * Where each login stands, and the numbers and the list made of that: people in every state, each login counted once,
 * whatever happened to it; and who may ask. Each row of the table is a login with all that the database knows of it.
 */
import { randomUUID } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, it, test } from 'vitest'
import { readLeft, readMigration } from '../../../admin-sync/accounts/migration.ts'
import { readStatus } from '../../../admin-sync/accounts/report.ts'
import { listActions } from '../../../admin-sync/operators/audit.ts'
import { writeLeftFile } from '../../../admin-sync/operators/left-file.ts'
import type { LeftFilter, LeftLogin } from '../../../core/left-list.ts'
import { leftStates, totalLogins, type LoginState } from '../../../core/migration.ts'
import { createMigrationStore } from '../../../provider/staff/migration/store.ts'
import { grantSession } from '../../provider/staff/migration-data.ts'
import { createDatabase } from '../../support/postgres.ts'

const database = await createDatabase()
const pool = new pg.Pool({ connectionString: database.sync, max: 2 })
const providerPool = new pg.Pool({ connectionString: database.provider, max: 2 })
afterAll(() => Promise.all([pool.end(), providerPool.end()]))

type Activation = {
  state: string
  kind?: string
  holds?: boolean
  expired?: boolean
  reason?: string
  /** Days ago, in Paris at noon. */
  opened?: number
}
type Login = {
  what: string
  expected: LoginState
  imported?: { disabled?: boolean; missing?: boolean; shared?: boolean; seen?: string | null } | false
  activations?: Activation[]
  /** State of its case, and of requests in it. */
  case?: { state: 'open' | 'closed'; requests: string[] }
}

const logins: Login[] = [
  { what: 'nobody has come', expected: 'untouched' },
  { what: 'a mail is out', expected: 'under_way', activations: [{ state: 'mailed' }] },
  { what: 'a mail is about to leave', expected: 'under_way', activations: [{ state: 'requested' }] },
  { what: 'confirmed, being opened', expected: 'under_way', activations: [{ state: 'confirmed' }] },
  {
    what: 'a mail whose time is over, not swept yet',
    expected: 'lapsed',
    activations: [{ state: 'mailed', expired: true }],
  },
  { what: 'expired', expected: 'lapsed', activations: [{ state: 'expired' }] },
  { what: 'withdrawn', expected: 'lapsed', activations: [{ state: 'withdrawn' }] },
  { what: 'refused', expected: 'lapsed', activations: [{ state: 'refused' }] },
  {
    what: 'a second try after one that expired',
    expected: 'under_way',
    activations: [{ state: 'expired' }, { state: 'mailed' }],
  },
  { what: 'opened', expected: 'activated', activations: [{ state: 'opened', opened: 3 }] },
  {
    what: 'opened at the third try',
    expected: 'activated',
    activations: [{ state: 'expired' }, { state: 'withdrawn' }, { state: 'opened', opened: 3 }],
  },
  {
    what: 'shared: three people, each with an account, is one login',
    expected: 'activated',
    imported: { shared: true },
    activations: [
      { state: 'opened', opened: 5 },
      { state: 'opened', kind: 'granted', holds: false, opened: 2 },
      { state: 'opened', kind: 'granted', holds: false, opened: 1 },
    ],
    case: { state: 'open', requests: ['opened', 'opened', 'proved'] },
  },
  {
    what: 'a granted one is under way where nobody holds the login',
    expected: 'under_way',
    activations: [{ state: 'mailed', kind: 'granted', holds: false }],
    case: { state: 'open', requests: ['granting'] },
  },
  {
    what: 'its first address waits for an agent',
    expected: 'agent',
    activations: [{ state: 'waiting' }],
    case: { state: 'open', requests: ['proved'] },
  },
  { what: 'asked and not proved', expected: 'untouched', case: { state: 'open', requests: ['asked'] } },
  {
    what: 'asked and refused',
    expected: 'lapsed',
    activations: [{ state: 'waiting' }],
    case: { state: 'open', requests: ['refused'] },
  },
  { what: 'its account was closed', expected: 'closed', activations: [{ state: 'closed', opened: 9 }] },
  {
    what: 'its holder left and another took its place',
    expected: 'activated',
    activations: [
      { state: 'closed', reason: 'replaced', holds: true, opened: 20 },
      { state: 'opened', kind: 'granted', holds: false, opened: 1 },
    ],
  },
  {
    what: 'released by the desk after it was closed',
    expected: 'lapsed',
    activations: [{ state: 'withdrawn', reason: 'released', opened: 9 }],
  },
  { what: 'disabled at Cofacering', expected: 'disabled', imported: { disabled: true } },
  {
    what: 'disabled after it came over',
    expected: 'activated',
    imported: { disabled: true },
    activations: [{ state: 'opened', opened: 3 }],
  },
  { what: 'not found by the last import', expected: 'gone', imported: { missing: true } },
  {
    what: 'not found by the last import, and under way',
    expected: 'under_way',
    imported: { missing: true },
    activations: [{ state: 'mailed' }],
  },
  {
    what: 'unknown to the import, and opened',
    expected: 'activated',
    imported: false,
    activations: [{ state: 'opened', opened: 3 }],
  },
  {
    what: 'unknown to the import, and lapsed',
    expected: 'lapsed',
    imported: false,
    activations: [{ state: 'expired' }],
  },
  {
    what: 'unknown to the import, with a case',
    expected: 'untouched',
    imported: false,
    case: { state: 'closed', requests: [] },
  },
  { what: 'last seen long ago', expected: 'untouched', imported: { seen: '3 years' } },
  { what: 'never seen', expected: 'untouched', imported: { seen: null } },
]
/** Bytes decide the order: an accent, a capital and an emoji are among the keys. */
const accountOf = (n: number) => `${['a', 'É', 'Z', '😀', '_'][n % 5]}-${String(n).padStart(3, '0')}`

async function make(login: Login, n: number): Promise<void> {
  const account = accountOf(n)
  const name = login.what
  if (login.imported !== false) {
    const { disabled = false, missing = false, shared = false, seen = '1 month' } = login.imported ?? {}
    await pool.query(
      `INSERT INTO ellipro.legacy_login (account, login, contract, shared, disabled, last_sign_in_at, missing_since)
       VALUES ($1, $2, 'CF-1', $3, $4, now() - $5::interval, CASE WHEN $6 THEN now() END)`,
      [account, name, shared, disabled, seen, missing],
    )
  }
  for (const [index, a] of (login.activations ?? []).entries())
    await pool.query(
      `INSERT INTO ellipro.activation (kind, state, reason, account, login, company, contract, address, locale, holds, expires_at,
         opened_at, created_at, mailed_generation)
       VALUES ($1, $2, $3, $4, $5, 'Société typée', 'CF-typed', $6, 'fr', $7, now() + $8::interval,
         (date_trunc('day', now() AT TIME ZONE 'Europe/Paris') + interval '12 hours' - make_interval(days => $9::integer))
           AT TIME ZONE 'Europe/Paris', now() + make_interval(secs => $10), 1)`,
      [
        a.kind ?? 'legacy',
        a.state,
        a.reason ?? null,
        account,
        name,
        `p${n}-${index}@societe.example`,
        a.holds ?? true,
        a.expired ? '-1 hour' : '1 hour',
        a.opened ?? null,
        index,
      ],
    )
  if (!login.case) return
  const { rows } = await pool.query<{ id: string }>(
    `SELECT ellipro.ensure_case($1, $2, 'Société du dossier', 'CF-case', 'import', 'x') AS id`,
    [account, name],
  )
  const id = rows[0]!.id
  for (const [index, state] of login.case.requests.entries())
    await pool.query(
      `INSERT INTO ellipro.access_request (case_id, state, address, locale, expires_at, proved_at)
       VALUES ($1, $2, $3, 'fr', now() + interval '1 hour', CASE WHEN $2 <> 'asked' THEN now() END)`,
      [id, state, `r${n}-${index}@societe.example`],
    )
  if (login.case.state === 'closed')
    await pool.query(`UPDATE ellipro.login_case SET state = 'closed', closed_at = now() WHERE id = $1`, [id])
}

beforeAll(async () => {
  await pool.query(
    `INSERT INTO ellipro.legacy_contract (contract, company, country, number, tariff, fee_cents, currency, signed_on,
       contact_name, contact_email, contact_phone, reports, analyses, score)
     VALUES ('CF-1', 'Société A', 'FR', '000000000', 'Standard', 1, 'EUR', '2020-01-01', 'Mme A', 'a@a.example', '0102030405', '{}', '{}', true)`,
  )
  for (const [n, login] of logins.entries()) await make(login, n)
})

const everything: LeftFilter = { states: leftStates }
const takeLeft = async (filter: LeftFilter): Promise<LeftLogin[]> => {
  const all: LeftLogin[] = []
  for await (const piece of readLeft(pool, filter)) all.push(...piece)
  return all
}
const names = async (filter: LeftFilter) => (await takeLeft(filter)).map(({ login }) => login).toSorted()
const whats = (filter: (login: Login) => boolean) =>
  logins
    .filter(filter)
    .map(({ what }) => what)
    .toSorted()

describe('a login', () => {
  it.each(logins.map(({ what, expected }, n) => [what, expected, accountOf(n)] as const))(
    'of which is said "%s" is %s, and counted once',
    async (_what, expected, account) => {
      const { rows } = await pool.query<{ state: string }>(
        `SELECT state FROM ellipro.login_progress('', NULL) WHERE account = $1`,
        [account],
      )
      expect(rows).toEqual([{ state: expected }])
    },
  )

  it('is in the same state however small the piece is in which it is read', async () => {
    for (const limit of [1, 2, 7, logins.length]) {
      const seen: string[] = []
      for (let after: string | null = '', pieces = 0; after !== null && pieces < 100; pieces++) {
        const { rows }: { rows: { next: string | null; logins: LeftLogin[] }[] } = await pool.query(
          `SELECT next, logins FROM ellipro.migration_left($1, $2, $3, NULL, NULL)`,
          [after, limit, leftStates],
        )
        seen.push(...rows[0]!.logins.map(({ login, state }) => `${login}: ${state}`))
        after = rows[0]!.next
      }
      const left = logins.filter(({ expected }) => leftStates.some((state) => state === expected))
      expect([limit, seen.toSorted()]).toEqual([
        limit,
        left.map(({ what, expected }) => `${what}: ${expected}`).toSorted(),
      ])
    }
  })
})

describe('the numbers', () => {
  it('add up to every login, and the days to those that are activated', async () => {
    const numbers = await readMigration(pool)
    for (const state of [
      'activated',
      'under_way',
      'agent',
      'closed',
      'lapsed',
      'untouched',
      'disabled',
      'gone',
    ] as const)
      expect([state, numbers.logins[state]]).toEqual([
        state,
        whats(({ expected }) => expected === state).length,
      ])
    expect(totalLogins(numbers).total).toBe(logins.length - 1)
    const activated = whats(({ expected }) => expected === 'activated')
    expect(numbers.days.reduce((sum, day) => sum + day.activated, 0)).toBe(activated.length)
    // The shared login on the day of its first account, the one whose holder left on that of the present one.
    expect(numbers.days.map((day) => day.activated)).toEqual([1, 4, 1])
    expect(numbers.cases).toMatchObject({ open: 5, requests: 2 })
    expect(numbers.importedAt).toBeNull()
  })

  it('are those of `status`, which asks nobody else', async () => {
    const [status, numbers] = [await readStatus(pool), await readMigration(pool)]
    expect({ ...status.migration, asOf: '' }).toEqual({ ...numbers, asOf: '' })
    expect([status.activated, status.pending]).toEqual([numbers.logins.activated, numbers.logins.under_way])
  })

  it('name nobody', async () => {
    const text = JSON.stringify(await readMigration(pool))
    for (const personal of ['Société', 'CF-', '@', 'Mme', accountOf(1), logins[0]!.what])
      expect(text).not.toContain(personal)
  })

  it('say of contracts what became of them, and of mails and work what waits', async () => {
    const client = await pool.connect()
    try {
      await client.query('BEGIN')
      await client.query('DELETE FROM ellipro.outbox')
      await client.query('DELETE FROM ellipro.case_outbox')
      await client.query('DELETE FROM ellipro.contract_transfer')
      await client.query(`INSERT INTO ellipro.contract_transfer (contract, accepted_at, frozen_at, finished_at, refused, last_error, verdict, verified_at)
        VALUES ('c1', now(), now(), now(), NULL, NULL, 'identical', now()), ('c2', now(), now() - interval '2 hours', NULL, NULL, 'x', 'differing', now()),
               ('c3', NULL, NULL, NULL, 'contract_frozen', 'x', 'missing', now()), ('c4', NULL, NULL, NULL, NULL, NULL, NULL, NULL)`)
      await client.query(`INSERT INTO ellipro.mail (kind, address_key, sent_at) VALUES ('confirmation', 'x', now()), ('confirmation', 'x', now()),
        ('notice', 'x', now()), ('notice', 'x', now() - interval '25 hours')`)
      await client.query(
        `UPDATE ellipro.activation SET last_error = 'smtp:450', mail_generation = 2 WHERE login = 'a mail is out'`,
      )
      await client.query(`INSERT INTO ellipro.import_run (source, state, is_whole, ended_at) VALUES ('sql', 'done', true, '2026-11-01T10:00:00Z'),
        ('sql', 'done', false, '2026-11-09T10:00:00Z'), ('sql', 'failed', true, '2026-11-09T10:00:00Z')`)
      const { rows } = await client.query<{ numbers: Awaited<ReturnType<typeof readMigration>> }>(
        'SELECT ellipro.migration_numbers() AS numbers',
      )
      expect(rows[0]?.numbers).toMatchObject({
        contracts: {
          imported: 1,
          transferred: 2,
          finished: 1,
          frozen: 1,
          identical: 1,
          differing: 1,
          missing: 1,
          refused: 1,
          failing: 1,
        },
        mails: { lastDay: { confirmation: 2, notice: 1 }, failing: { 'smtp:450': 1 } },
        work: { kind: 'transfer-contract' },
      })
      expect(new Date(rows[0]!.numbers.importedAt!).toISOString()).toBe('2026-11-01T10:00:00.000Z')
    } finally {
      await client.query('ROLLBACK')
      client.release()
    }
  })
})

describe('the list', () => {
  it('has the contact of the contract, and of a login that the import does not know what its people typed', async () => {
    const all = await takeLeft(everything)
    expect(all.find(({ login }) => login === 'nobody has come')).toMatchObject({
      company: 'Société A',
      contract: 'CF-1',
      contactName: 'Mme A',
      contactPhone: '0102030405',
      contactEmail: 'a@a.example',
      shared: false,
      state: 'untouched',
    })
    expect(all.find(({ login }) => login === 'unknown to the import, and lapsed')).toMatchObject({
      company: 'Société typée',
      contract: 'CF-typed',
      contactPhone: null,
      lastSignInAt: null,
    })
    expect(all.find(({ login }) => login === 'unknown to the import, with a case')).toMatchObject({
      company: 'Société du dossier',
      shared: false,
    })
    expect(all.find(({ login }) => login === 'its first address waits for an agent')?.shared).toBe(true)
  })

  it('is of the states that were asked for, and of who was seen when', async () => {
    expect(await names({ states: ['closed', 'agent'] })).toEqual(
      whats(({ expected }) => expected === 'closed' || expected === 'agent'),
    )
    expect(await names({ states: ['untouched'], quietYears: 2 })).toEqual([
      'last seen long ago',
      'never seen',
      'unknown to the import, with a case',
    ])
    expect(await names({ states: ['untouched'], quietYears: 4 })).not.toContain('last seen long ago')
    expect(await names({ states: ['untouched'], activeYears: 2 })).toEqual([
      'asked and not proved',
      'nobody has come',
    ])
  })
})

describe('through provider', () => {
  const store = createMigrationStore(providerPool)

  it('a lead gets numbers and list, an agent and nobody get neither', async () => {
    const lead = await grantSession(pool, { isLead: true, name: 'Hélène\u202e\u001b[2J Garnier' })
    const agent = await grantSession(pool, { isAgent: true })
    const id = randomUUID()
    for (const hash of [agent.hash, Buffer.alloc(32)]) {
      expect(await store.numbers(hash)).toBeUndefined()
      expect(await store.beginDownload(hash, randomUUID(), everything)).toBe(false)
      expect(await store.leftPage(hash, id, '', 10)).toBeUndefined()
    }
    expect((await store.numbers(lead.hash))?.logins).toEqual((await readMigration(pool)).logins)
    expect(await store.leftPage(lead.hash, id, '', 10)).toBeUndefined()
    expect(await store.beginDownload(lead.hash, id, { states: ['agent'], quietYears: 2 })).toBe(true)
    expect(await store.leftPage(lead.hash, id, '', 5000)).toEqual({ next: undefined, logins: [] })
    // Of another session, not even with the id.
    const other = await grantSession(pool, { isLead: true })
    expect(await store.leftPage(other.hash, id, '', 10)).toBeUndefined()
    expect(await store.leftPage(agent.hash, id, '', 10)).toBeUndefined()
    const [line] = await listActions(pool, 1)
    expect(line).toMatchObject({
      operator: 'Hélène [2J Garnier',
      command: 'left',
      outcome: 'begun',
      reason: `download ${id}; agent; not seen for 2 years`,
    })
    await pool.query(`UPDATE ellipro.staff_session SET state = 'ended' WHERE cookie_hash = $1`, [lead.hash])
    expect(await store.leftPage(lead.hash, id, '', 10)).toBeUndefined()
    expect(await store.numbers(lead.hash)).toBeUndefined()
  })

  it('takes no filter that is none', async () => {
    const { hash } = await grantSession(pool, { isLead: true })
    for (const bad of [
      { states: [] },
      { states: leftStates, quietYears: -1 },
      { states: leftStates, activeYears: 10_000 },
    ])
      await expect(store.beginDownload(hash, randomUUID(), bad)).rejects.toMatchObject({ code: '23514' })
  })
})

test('the command writes a new file for its owner alone, after the audit list has it, and never over another one', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'left-'))
  try {
    const path = join(folder, 'left.csv')
    const o = {
      filter: everything,
      language: 'fr',
      operator: { name: 'op', reason: 'appels de décembre' },
    } as const
    const expected = (await takeLeft(everything)).length
    expect(await writeLeftFile(pool, path, o)).toBe(expected)
    const text = readFileSync(path, 'utf8')
    expect(text.split('\r\n').length).toBe(expected + 2)
    expect(statSync(path).mode & 0o777).toBe(0o600)
    expect((await listActions(pool, 1))[0]).toMatchObject({
      operator: 'op',
      command: 'left',
      reason: 'appels de décembre',
    })
    await expect(writeLeftFile(pool, path, o)).rejects.toMatchObject({ code: 'EEXIST' })
    expect(readFileSync(path, 'utf8')).toBe(text)
  } finally {
    rmSync(folder, { recursive: true })
  }
})
