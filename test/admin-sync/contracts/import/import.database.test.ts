/** What the import writes, and what it sets aside, in a real PostgreSQL. */
import pg from 'pg'
import { afterAll, beforeEach, expect, it } from 'vitest'
import { importSnapshot, type ImportReport } from '../../../../admin-sync/contracts/import/import.ts'
import { kinds } from '../../../../admin-sync/contracts/model.ts'
import { SourceError } from '../../../../admin-sync/contracts/source/port.ts'
import { sirenOf } from '../../../../dev/cofacering/siren.ts'
import { createDatabase } from '../../../support/postgres.ts'
import { alert, contract, line, makeSnapshot, type Material } from './material.ts'

const database = await createDatabase()
// One connection alone: an import may not need a second.
const pool = new pg.Pool({ connectionString: database.sync, max: 1, statement_timeout: 15_000 })
afterAll(() => pool.end())
beforeEach(async () => {
  await ask(`TRUNCATE ellipro.legacy_contract, ellipro.portfolio_line, ellipro.monitoring, ellipro.legacy_login,
    ellipro.legacy_message, ellipro.contract_transfer, ellipro.case_outbox, ellipro.import_run CASCADE`)
})

async function ask(sql: string, values?: unknown[]): Promise<Record<string, unknown>[]> {
  const owner = new pg.Client({ connectionString: database.superuser })
  await owner.connect()
  try {
    const result = await owner.query<Record<string, unknown>>(sql, values)
    return result.rows
  } finally {
    await owner.end()
  }
}
const load = (material: Material, o = {}, options = {}) =>
  importSnapshot(pool, makeSnapshot(material, o), options)
const found = (report: ImportReport) =>
  report.problems.map(({ kind, line: at, code }) => `${kind} ${at} ${code}`)
const jobs = async () =>
  (
    await ask(`SELECT t.contract, o.kind FROM ellipro.case_outbox o JOIN ellipro.contract_transfer t ON t.id = o.subject_id
      ORDER BY o.id`)
  ).map((row) => `${String(row['kind'])} ${String(row['contract'])}`)
const contracts = async () =>
  (await ask('SELECT contract FROM ellipro.legacy_contract ORDER BY 1')).map((c) => c['contract'])

/** Every record is in exactly one of the counts. */
function expectSums({ counts }: ImportReport): void {
  for (const kind of kinds) {
    const { read, ...rest } = counts[kind]
    expect([kind, Object.values(rest).reduce((sum, n) => sum + n, 0)]).toEqual([kind, read])
  }
}

const full: Material = {
  contracts: [contract('CF-1', { contact_email: 'a@example.fr' }), contract('CF-2', { reports: null })],
  prices: [{ contract: 'CF-1', item: 'report', amount_cents: '500', currency: 'EUR' }],
  countries: [
    { contract: 'CF-1', country: 'DE' },
    { contract: 'CF-1', country: 'ES' },
  ],
  portfolio: [
    line('CF-1', 1),
    line('CF-1', 2, { reference: null }),
    line('CF-2', 1, { country: 'DE', number: 'HRB 1' }),
  ],
  monitoring: [alert('CF-1', 1), alert('CF-1', 2, { kind: 'score' })],
  logins: [
    {
      account: 'A1',
      login: 'Dupont',
      contract: 'CF-1',
      shared: 'true',
      disabled: 'false',
      created_on: '2016-02-29',
    },
    {
      account: 'A2',
      login: 'x',
      contract: 'CF-2',
      shared: 'false',
      disabled: 'true',
      last_sign_in_at: '2026-01-01T10:00:00+02:00',
    },
  ],
  messages: [
    {
      account: 'A1',
      message: 'M1',
      sent_at: '2020-01-01T00:00:00Z',
      sender: 'Desk',
      subject: null,
      body: 'a\tb\r\n\\N',
    },
  ],
  attachments: [
    { account: 'A1', message: 'M1', place: '1', name: 'a.txt', media_type: 'text/plain', content: 'AAEC' },
  ],
}

it('writes everything as it stands, with its digest and a transfer for each contract', async () => {
  const report = await load(full)
  expect(found(report)).toEqual([])
  expectSums(report)
  expect(
    await ask(`SELECT contract, reports, analyses, score, fee_cents, signed_on::text, contact_name, set_aside,
      digest = ellipro.contract_digest(contract) AS digested FROM ellipro.legacy_contract ORDER BY 1`),
  ).toEqual([
    {
      contract: 'CF-1',
      reports: ['essentiel', 'expert'],
      analyses: ['classic'],
      score: true,
      fee_cents: '120000',
      signed_on: '2015-02-28',
      contact_name: null,
      set_aside: 0,
      digested: true,
    },
    {
      contract: 'CF-2',
      reports: [],
      analyses: ['classic'],
      score: true,
      fee_cents: '120000',
      signed_on: '2015-02-28',
      contact_name: null,
      set_aside: 0,
      digested: true,
    },
  ])
  expect(
    await ask(
      'SELECT number, reference, added_on::text FROM ellipro.portfolio_line ORDER BY contract, number',
    ),
  ).toEqual([
    { number: sirenOf(1), reference: 'R1', added_on: '2020-01-31' },
    { number: sirenOf(2), reference: null, added_on: '2020-01-31' },
    { number: 'HRB 1', reference: 'R1', added_on: '2020-01-31' },
  ])
  expect(
    await ask(
      'SELECT body, content FROM ellipro.legacy_message JOIN ellipro.legacy_attachment USING (account, message)',
    ),
  ).toEqual([{ body: 'a\tb\r\n\\N', content: Buffer.from([0, 1, 2]) }])
  expect(
    await ask(
      `SELECT last_sign_in_at = '2026-01-01 08:00Z' AS there FROM ellipro.legacy_login WHERE account = 'A2'`,
    ),
  ).toEqual([{ there: true }])
  expect(await jobs()).toEqual(['transfer-contract CF-1', 'transfer-contract CF-2'])
  expect(await ask(`SELECT to_regnamespace('ellipro_stage') AS stage`)).toEqual([{ stage: null }])
})

it('the same material again writes nothing; of a contract that changed, only the lines that did', async () => {
  await load(full)
  const before = await ask(
    'SELECT xmin::text, ctid::text FROM ellipro.portfolio_line ORDER BY contract, number',
  )
  await ask('TRUNCATE ellipro.case_outbox')
  const again = await load(full)
  expectSums(again)
  for (const kind of kinds)
    expect(again.counts[kind]).toMatchObject({ stored: 0, unchanged: full[kind]?.length })
  expect(await jobs()).toEqual([])

  const changed = await load({
    ...full,
    portfolio: [line('CF-1', 1), line('CF-1', 3), ...full.portfolio!.slice(2)],
    monitoring: [alert('CF-1', 1)],
  })
  expectSums(changed)
  expect(changed.counts.portfolio).toMatchObject({ stored: 1, unchanged: 2 })
  expect(changed.counts.monitoring).toMatchObject({ stored: 0, unchanged: 1 })
  expect(await jobs()).toEqual(['transfer-contract CF-1'])
  const after = await ask(
    'SELECT xmin::text, ctid::text FROM ellipro.portfolio_line ORDER BY contract, number',
  )
  expect(after[0]).toEqual(before[0])
  expect(after).toHaveLength(3)
  expect(await ask('SELECT number FROM ellipro.monitoring')).toHaveLength(1)
})

it('sets each wrong line aside with its reason, and keeps the others', async () => {
  const nul = 'a\0b'
  const material: Material = {
    contracts: [contract('CF-1')],
    prices: [
      { contract: 'CF-1', item: 'a', amount_cents: '-1', currency: 'EUR' },
      { contract: 'CF-1', item: 'b', amount_cents: '1.5', currency: 'EUR' },
      { contract: 'CF-1', item: 'c', amount_cents: '1', currency: 'FRANC' },
      { contract: 'CF-1', item: null, amount_cents: '1', currency: 'EUR' },
    ],
    countries: [
      { contract: 'CF-1', country: 'UK' },
      { contract: 'CF-1', country: 'fr' },
      { contract: 'CF-7', country: 'DE' },
    ],
    portfolio: [
      line('CF-1', 1),
      line('CF-1', 1, { number: '123456789' }),
      line('CF-1', 1, { number: '12345678' }),
      line('CF-1', 1, { country: 'XX' }),
      line('CF-1', 2, { added_on: '2021-02-29' }),
      line('CF-1', 3, { added_on: '28/02/2021' }),
      line('CF-1', 4, { name: 'tab\there' }),
      line('CF-1', 5, { name: nul }),
      line('CF-1', 6, { name: 'x'.repeat(256) }),
      line('CF-1', 7, { name: '\ud800' }),
      line('CF-1', 8, { name: '\u0085' }),
      line('CF-1', 9, { name: '=cmd()<script>🦊' }),
      line('CF-7', 9),
    ],
    monitoring: [
      alert('CF-1', 1),
      alert('CF-1', 4),
      alert('CF-1', 1, { kind: 'weather' }),
      alert('CF-1', 1, { recipient: 'nobody' }),
    ],
    logins: [
      { account: 'A1', login: 'x', contract: 'CF-7', shared: 'false', disabled: 'false' },
      { account: 'A2', login: 'x', contract: 'CF-1', shared: 'no', disabled: 'false' },
      {
        account: 'A3',
        login: 'x',
        contract: 'CF-1',
        shared: 'false',
        disabled: 'false',
        last_sign_in_at: '2026-01-01 10:00:00',
      },
    ],
    messages: [{ account: 'A1', message: 'M', sent_at: '2020-01-01T00:00:00Z', sender: 'x' }],
    attachments: [
      { account: 'A1', message: 'M', place: '1', name: 'x', media_type: 'text/plain', content: 'AAEC' },
      { account: 'A1', message: 'M', place: '0', name: 'x', media_type: 'text', content: 'AAE' },
    ],
  }
  const report = await load(material)
  expect(found(report).toSorted()).toEqual(
    [
      'prices 2 amount',
      'prices 3 amount',
      'prices 4 currency',
      'prices 5 value_missing',
      'countries 2 country',
      'countries 3 country',
      'countries 4 contract_unknown',
      'portfolio 3 siren',
      'portfolio 4 siren',
      'portfolio 5 country',
      'portfolio 6 date',
      'portfolio 7 date',
      'portfolio 8 control_character',
      'portfolio 9 not_text',
      'portfolio 10 too_long',
      'portfolio 11 not_text',
      'portfolio 12 control_character',
      'portfolio 14 contract_unknown',
      'monitoring 3 company_unknown',
      'monitoring 4 alert_kind',
      'monitoring 5 email',
      'logins 2 contract_unknown',
      'logins 3 boolean',
      'logins 4 moment',
      'messages 2 account_unknown',
      'attachments 2 message_unknown',
      'attachments 3 base64',
      'attachments 3 media_type',
      'attachments 3 place',
    ].toSorted(),
  )
  expectSums(report)
  expect(await ask('SELECT set_aside FROM ellipro.legacy_contract')).toEqual([{ set_aside: 19 }])
  expect(
    (await ask('SELECT name FROM ellipro.portfolio_line ORDER BY number')).map((l) => l['name']),
  ).toEqual(['Cliente 1', '=cmd()<script>🦊'])
  expect(report.problems.find(({ code }) => code === 'date')).toEqual({
    severity: 'error',
    code: 'date',
    kind: 'portfolio',
    place: 'portfolio.csv',
    line: 6,
    contract: 'CF-1',
    value: '2021-02-29',
  })
  // The same again: still said.
  expect((await load(material)).errors).toBe(report.errors)
})

it('a line that was set aside is taken once it is right, though nothing at the source has changed', async () => {
  await load(full)
  // As a platform whose list of countries was an older one would have left it.
  await ask(`DELETE FROM ellipro.contract_country WHERE contract = 'CF-1' AND country = 'ES';
    UPDATE ellipro.legacy_contract SET set_aside = 1 WHERE contract = 'CF-1'`)
  const report = await load(full)
  expectSums(report)
  expect(report.counts.contracts).toMatchObject({ stored: 1, unchanged: 1 })
  expect(report.counts.countries).toMatchObject({ stored: 1, unchanged: 1 })
  expect(await ask(`SELECT set_aside FROM ellipro.legacy_contract WHERE contract = 'CF-1'`)).toEqual([
    { set_aside: 0 },
  ])
})

it('keeps one of identical lines, none of those that contradict each other, and no contract that stands twice', async () => {
  const report = await load({
    contracts: [
      contract('CF-1'),
      contract('CF-2'),
      contract('CF-2'),
      contract('CF-3', { signed_on: '2020-13-01' }),
    ],
    countries: [
      { contract: 'CF-1', country: 'DE' },
      { contract: 'CF-1', country: 'DE' },
    ],
    portfolio: [
      line('CF-1', 1),
      line('CF-1', 1),
      line('CF-1', 2),
      line('CF-1', 2, { name: 'Other' }),
      line('CF-2', 1),
      line('CF-3', 1),
    ],
    logins: [{ account: 'A2', login: 'x', contract: 'CF-2', shared: 'false', disabled: 'false' }],
  })
  expect(found(report)).toEqual([
    'contracts 3 contract_twice',
    'contracts 4 contract_twice',
    'contracts 5 date',
    'portfolio 4 line_contradicts',
    'portfolio 5 line_contradicts',
    'countries 3 line_repeated',
    'portfolio 3 line_repeated',
  ])
  expectSums(report)
  expect(await contracts()).toEqual(['CF-1'])
  expect(await ask('SELECT number FROM ellipro.portfolio_line')).toEqual([{ number: sirenOf(1) }])
  expect(await ask('SELECT account FROM ellipro.legacy_login')).toHaveLength(1)
})

it('a contract of a person who has moved is left alone', async () => {
  await load(full)
  await ask(
    `UPDATE ellipro.contract_transfer SET frozen_at = now() WHERE contract = 'CF-1'; TRUNCATE ellipro.case_outbox`,
  )
  const report = await load({
    ...full,
    contracts: full.contracts!.map((c) => ({ ...c, tariff: 'New' })),
    portfolio: full.portfolio!.slice(1),
  })
  expectSums(report)
  expect(report.counts.contracts).toMatchObject({ stored: 1, frozen: 1 })
  expect(await ask('SELECT contract, tariff FROM ellipro.legacy_contract ORDER BY 1')).toEqual([
    { contract: 'CF-1', tariff: 'Premium 2019' },
    { contract: 'CF-2', tariff: 'New' },
  ])
  expect(await ask(`SELECT FROM ellipro.portfolio_line WHERE contract = 'CF-1'`)).toHaveLength(2)
  expect(await jobs()).toEqual(['transfer-contract CF-2'])
})

it('what a whole import does not have any more is marked and kept; some contracts say nothing of others', async () => {
  await load(full)
  const rest = {
    ...full,
    contracts: [contract('CF-2')],
    prices: [],
    countries: [],
    portfolio: [],
    monitoring: [],
    logins: full.logins!.slice(1),
    messages: [],
    attachments: [],
  }
  const missing = () =>
    ask(`SELECT contract, missing_since IS NOT NULL AS missing FROM ellipro.legacy_contract
    UNION ALL SELECT account, missing_since IS NOT NULL FROM ellipro.legacy_login ORDER BY 1`)
  await load(rest, { isWhole: false })
  expect((await missing()).filter((row) => row['missing'])).toEqual([])
  await load(rest)
  expect((await missing()).filter((row) => row['missing'])).toEqual([
    { contract: 'A1', missing: true },
    { contract: 'CF-1', missing: true },
  ])
  expect(await ask('SELECT FROM ellipro.legacy_message')).toHaveLength(1)
  await expect(load({ logins: rest.logins })).rejects.toBeInstanceOf(SourceError)
  expect((await missing()).filter((row) => row['missing'])).toHaveLength(2)
  await load(full)
  expect((await missing()).filter((row) => row['missing'])).toEqual([])
})

it('an import that began later is not overwritten by one that began before', async () => {
  let during: Promise<unknown> | undefined
  const second = new pg.Pool({ connectionString: database.sync, max: 1 })
  const old = makeSnapshot(full, {
    onBatch: async (kind) => {
      if (kind === 'contracts')
        await (during ??= importSnapshot(
          second,
          makeSnapshot({ ...full, contracts: [contract('CF-1', { tariff: 'Newer' })] }, { isWhole: false }),
        ))
    },
  })
  const report = await importSnapshot(pool, old)
  await second.end()
  expectSums(report)
  expect(report.counts.contracts).toMatchObject({ stored: 1, newer: 1 })
  expect(await ask(`SELECT tariff FROM ellipro.legacy_contract WHERE contract = 'CF-1'`)).toEqual([
    { tariff: 'Newer' },
  ])
})

it('a rehearsal says the same and leaves nothing', async () => {
  const material = { ...full, countries: [{ contract: 'CF-1', country: 'YU' }] }
  const rehearsal = await load(material, {}, { dryRun: true })
  expectSums(rehearsal)
  expect(await contracts()).toEqual([])
  expect(await ask('SELECT FROM ellipro.import_run')).toEqual([])
  const report = await load(material)
  expect(rehearsal).toMatchObject({
    run: null,
    dryRun: true,
    counts: report.counts,
    problems: report.problems,
    totals: report.totals,
  })
})

it('people of a contract get its entitlements when these change', async () => {
  await load(full)
  await ask(`TRUNCATE ellipro.case_outbox`)
  await ask(`INSERT INTO ellipro.activation (state, account, login, company, contract, address, locale, expires_at, opened_at)
    VALUES ('opened', 'A1', 'x', 'x', 'CF-1', 'a@example.fr', 'fr', now(), now())`)
  await ask(`TRUNCATE ellipro.case_outbox`)
  await load({ ...full, contracts: full.contracts!.map((c) => ({ ...c, tariff: 'T' })) })
  expect((await jobs()).filter((job) => job.startsWith('sync'))).toEqual([])
  await load({ ...full, contracts: full.contracts!.map((c) => ({ ...c, score: 'false' })) })
  expect((await jobs()).filter((job) => job.startsWith('sync'))).toEqual(['sync-entitlements CF-1'])
})

it('limits of the pool come back after an import', async () => {
  await load(full)
  expect((await pool.query('SHOW statement_timeout')).rows).toEqual([{ statement_timeout: '15s' }])
})
