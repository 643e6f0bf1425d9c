/** `contracts verify`: whatever differs between our copy and the real workspace is found and named, and nothing else is. */
import { beforeEach, describe, expect, it } from 'vitest'
import type { Workspace, WorkspaceDigest } from '../../../admin-sync/contracts/target/port.ts'
import type { Difference } from '../../../admin-sync/contracts/verify/compare.ts'
import { createVerifyScene } from './verify-scene.ts'

const scene = await createVerifyScene()
const { pool, workspace } = scene
beforeEach(() => scene.clear())

type Named = { contract: string } & Difference
const named = (section: Difference['section'], rest: Partial<Named> = {}): Named => ({
  contract: 'V-2',
  section,
  record: null,
  field: null,
  ours: null,
  theirs: null,
  ...rest,
})

const tables = {
  ours: {
    contract: 'ellipro.legacy_contract',
    prices: 'ellipro.tariff_price',
    countries: 'ellipro.contract_country',
    portfolio: 'ellipro.portfolio_line',
    monitoring: 'ellipro.monitoring',
  },
  theirs: {
    contract: 'workspace.contract',
    prices: 'workspace.price',
    countries: 'workspace.country',
    portfolio: 'workspace.portfolio',
    monitoring: 'workspace.monitoring',
  },
}
type Section = keyof typeof tables.ours

/** Every field that a record has beside its key: its column, what is planted, and how the report shows before and after. */
const fields: [
  section: Section,
  record: string | null,
  column: string,
  field: string,
  planted: string | null,
  before: string | null,
  after: string | null,
][] = [
  ['contract', null, 'company', 'company.name', 'L’Atelier', 'L’Atelier d’Émile & Fils <V-2>', 'L’Atelier'],
  ['contract', null, 'country', 'company.country', 'BE', 'FR', 'BE'],
  ['contract', null, 'number', 'company.number', '000123458', '000123457', '000123458'],
  ['contract', null, 'tariff', 'tariff.name', 'Essentiel 2024 ', 'Essentiel 2024', 'Essentiel 2024 '],
  ['contract', null, 'fee_cents', 'tariff.fee.cents', '129901', '129900', '129901'],
  ['contract', null, 'currency', 'tariff.fee.currency', 'CHF', 'EUR', 'CHF'],
  ['contract', null, 'signed_on', 'signedOn', '2019-03-01', '2019-02-28', '2019-03-01'],
  [
    'contract',
    null,
    'contact_name',
    'contact.name',
    'E\u0301milie Durand',
    'Émilie Durand',
    'E\u0301milie Durand',
  ],
  ['contract', null, 'contact_email', 'contact.email', null, 'emilie.durand@atelier.example', null],
  ['contract', null, 'contact_phone', 'contact.phone', '01', null, '01'],
  [
    'contract',
    null,
    'reports',
    'reports',
    '{efficient,essentiel,expert}',
    'efficient essentiel',
    'efficient essentiel expert',
  ],
  ['contract', null, 'analyses', 'analyses', '{}', 'classic', ''],
  ['contract', null, 'score', 'score', 'false', 'true', 'false'],
  ['prices', 'analyse-classic', 'cents', 'cents', '12001', '12000', '12001'],
  ['prices', 'analyse-classic', 'currency', 'currency', 'USD', 'EUR', 'USD'],
  ['portfolio', 'FR 000000117', 'name', 'name', '🧶 Couture', '🧵 Couture', '🧶 Couture'],
  ['portfolio', 'FR 000000117', 'reference', 'reference', null, 'C-0001', null],
  ['portfolio', 'FR 000000117', 'added_on', 'addedOn', '2023-12-30', '2023-12-31', '2023-12-30'],
  [
    'monitoring',
    'FR 000000109 score alertes@atelier.example',
    'since',
    'since',
    '2020-02-02',
    '2020-02-01',
    '2020-02-02',
  ],
]

/** Every field of a key: the record is another one then. What both are is in `ours` and `theirs`. */
const keys: [section: Section, column: string, from: string, to: string, record: string, other: string][] = [
  ['prices', 'item', 'analyse-classic', 'analyse-classiC', 'analyse-classic', 'analyse-classiC'],
  ['countries', 'country', 'DE', 'IT', 'DE', 'IT'],
  ['portfolio', 'country', 'DE', 'AT', 'DE HRB 12345', 'AT HRB 12345'],
  ['portfolio', 'number', 'HRB 12345', 'HRB 12346', 'DE HRB 12345', 'DE HRB 12346'],
  ['monitoring', 'country', 'FR', 'BE', 'FR 000000109 score a@b.example', 'BE 000000109 score a@b.example'],
  [
    'monitoring',
    'number',
    '000000109',
    '000000117',
    'FR 000000109 score a@b.example',
    'FR 000000117 score a@b.example',
  ],
  [
    'monitoring',
    'kind',
    'score',
    'officers',
    'FR 000000109 score a@b.example',
    'FR 000000109 officers a@b.example',
  ],
  [
    'monitoring',
    'recipient',
    'a@b.example',
    'A@b.example',
    'FR 000000109 score a@b.example',
    'FR 000000109 score A@b.example',
  ],
]
const oneAlert = {
  monitoring: [
    {
      country: 'FR',
      number: '000000109',
      kind: 'score' as const,
      recipient: 'a@b.example',
      since: '2020-02-01',
    },
  ],
}

const sides = ['theirs', 'ours'] as const
const ask = (side: (typeof sides)[number], sql: string, values: unknown[]) =>
  (side === 'ours' ? pool : workspace.pool).query<{ type: string; old: string | null }>(sql, values)
const keyOf: Record<Section, string> = {
  contract: `NULL`,
  prices: 'item',
  countries: 'country',
  portfolio: "country || ' ' || number",
  monitoring: "country || ' ' || number || ' ' || kind || ' ' || recipient",
}

describe.each(sides)('a change planted in any single field (%s) is found and named', (side) => {
  const other = side === 'ours' ? 'theirs' : 'ours'

  it('of a record', async () => {
    for (const contract of ['V-1', 'V-2', 'V-3']) await scene.carry(contract)
    expect((await scene.verify()).isIdentical).toBe(true)
    for (const [section, record, column, field, planted, before, after] of fields) {
      const name = side === 'ours' && column === 'cents' ? 'amount_cents' : column
      const where = `contract = 'V-2' AND ${keyOf[section]} IS NOT DISTINCT FROM $2::text`
      const { rows } = await ask(
        side,
        `UPDATE ${tables[side][section]} SET ${name} = $1 WHERE ${where} RETURNING old.${name}::text AS old`,
        [planted, record],
      )
      expect(rows).toHaveLength(1)
      const { differences, contracts, isIdentical } = await scene.verify()
      expect(differences).toEqual([named(section, { record, field, [side]: after, [other]: before })])
      expect(contracts).toMatchObject([{ contract: 'V-2', verdict: 'differing', count: 1 }])
      expect(isIdentical).toBe(false)
      await ask(side, `UPDATE ${tables[side][section]} SET ${name} = $1 WHERE ${where}`, [
        rows[0]?.old,
        record,
      ])
    }
    expect((await scene.verify()).isIdentical).toBe(true)
  })

  it('of a key: one record is missing, and there is another one', async () => {
    for (const contract of ['V-1', 'V-2', 'V-3']) await scene.carry(contract, oneAlert)
    for (const [section, column, from, to, record, planted] of keys) {
      const change = `UPDATE ${tables[side][section]} SET ${column} = $2 WHERE contract = 'V-2' AND ${column} = $1`
      await ask(side, change, [from, to])
      const { differences } = await scene.verify()
      expect(
        differences.map((d) => ({ ...d, ours: d.ours?.split('\t')[0], theirs: d.theirs?.split('\t')[0] })),
      ).toEqual(
        [
          { ...named(section, { record, [other]: record }), [side]: undefined },
          { ...named(section, { record: planted, [side]: planted }), [other]: undefined },
        ].toSorted((a, b) => (a.record! < b.record! ? -1 : 1)),
      )
      await ask(side, change, [to, from])
    }
    expect((await scene.verify()).isIdentical).toBe(true)
  })
})

describe('contracts that one side does not have', () => {
  it('are named as missing or additional, with all their companies and alerts counted', async () => {
    for (const contract of ['V-1', 'V-2', 'V-3']) await scene.carry(contract)
    for (const table of Object.values(tables.theirs).toReversed())
      await workspace.pool.query(`DELETE FROM ${table} WHERE contract = 'V-2'`)
    await pool.query(`DELETE FROM ellipro.legacy_contract WHERE contract = 'V-3'`)
    for (const table of ['portfolio_line', 'monitoring', 'contract_transfer'])
      await pool.query(`DELETE FROM ellipro.${table} WHERE contract = 'V-3'`)
    const report = await scene.verify()
    expect(report.differences).toEqual([
      named('contract', { ours: 'V-2' }),
      named('contract', { contract: 'V-3', theirs: 'V-3' }),
    ])
    expect(report.totals).toEqual({
      contracts: { ours: 2, identical: 1, differing: 0, missing: 1, additional: 1 },
      companies: { ours: 6, identical: 3, differing: 0, missing: 3, additional: 3 },
      alerts: { ours: 4, identical: 2, differing: 0, missing: 2, additional: 2 },
    })
    expect(await scene.verdicts()).toEqual({ 'V-1': 'identical', 'V-2': 'missing' })
  })

  it('are found one by one when only one is asked for', async () => {
    await scene.carry('V-1')
    await scene.carry('V-2')
    expect((await scene.verify({ contract: 'V-1' })).totals.contracts).toMatchObject({
      ours: 1,
      identical: 1,
    })
    expect((await scene.verify({ contract: 'nobody’s' })).totals.contracts.ours).toBe(0)
    expect(await scene.verdicts()).toEqual({ 'V-1': 'identical', 'V-2': null })
  })
})

describe('a contract whose people have moved', () => {
  it('is identical by what was received, whatever they changed since; the report says that they did', async () => {
    await scene.carry('V-2', {}, { final: true })
    await workspace.pool.query(
      `UPDATE workspace.monitoring SET stopped_at = now() WHERE contract = 'V-2' AND kind = 'score'`,
    )
    // Nobody is on record to have changed it: then it is a difference.
    expect((await scene.verify()).differences).toMatchObject([{ section: 'monitoring', theirs: null }])
    await workspace.pool.query(`UPDATE workspace.contract SET changed_at = '2026-11-24T10:00:00Z'`)
    const report = await scene.verify()
    expect(report.isIdentical).toBe(true)
    expect(report.changedSince).toEqual([{ contract: 'V-2', changedAt: '2026-11-24T10:00:00.000Z' }])
  })

  it('differs when something else was received, even after they changed it', async () => {
    await scene.carry('V-2', {}, { final: true })
    await workspace.pool.query(`UPDATE workspace.contract SET changed_at = now()`)
    await pool.query(`UPDATE ellipro.portfolio_line SET name = 'X' WHERE number = '000000109'`)
    expect((await scene.verify()).differences).toMatchObject([{ section: 'digest', field: 'received' }])
  })

  it('differs when the workspace would take another transfer', async () => {
    await scene.carry('V-2', {}, { final: true })
    await workspace.pool.query(`UPDATE workspace.contract SET is_final = false`)
    expect((await scene.verify()).differences).toMatchObject([
      { section: 'digest', field: 'final', ours: 'true', theirs: 'false' },
    ])
  })
})

const lying = (changes: Partial<Workspace>): Workspace => ({ ...scene.direct, ...changes })

describe('a workspace in trouble', () => {
  it('that goes down in the middle stops the comparison: nothing counts as missing, and there is no report', async () => {
    for (const contract of ['V-1', 'V-2', 'V-3']) await scene.carry(contract)
    let pages = 0
    const by = lying({
      listDigests: async (after, limit) => {
        if (++pages === 3) await workspace.stop()
        return scene.direct.listDigests(after, limit)
      },
    })
    try {
      await expect(scene.verify({ by, pageSize: 1 })).rejects.toMatchObject({
        name: 'UpstreamError',
        service: 'workspace',
        disposition: 'retry',
      })
    } finally {
      await workspace.start()
    }
    expect(Object.values(await scene.verdicts())).not.toContain('missing')
    expect((await scene.verdicts())['V-3']).toBeNull()
    const { rows } = await pool.query('SELECT ended_at FROM ellipro.verification ORDER BY id DESC LIMIT 1')
    expect(rows).toEqual([{ ended_at: null }])
  })

  it('that is slow, or is cut off, stops it too', async () => {
    await scene.carry('V-2')
    for (const fault of ['hang', 'half', 'drip'] as const) {
      scene.proxy.trouble = () => fault
      await expect(scene.verify({ by: scene.behindProxy })).rejects.toMatchObject({
        service: 'workspace',
        disposition: 'retry',
      })
    }
    expect(await scene.verdicts()).toEqual({ 'V-2': null })
  })

  it('whose list has a hole, ends early, or is old, makes no difference: the contract is asked for by itself', async () => {
    for (const contract of ['V-1', 'V-2', 'V-3']) await scene.carry(contract)
    const hole = lying({
      listDigests: async (after, limit) =>
        (await scene.direct.listDigests(after, limit)).filter(({ contract }) => contract !== 'V-2'),
    })
    const early = lying({
      listDigests: async (after, limit) =>
        after === '' ? scene.direct.listDigests(after, Math.min(limit, 1)) : [],
    })
    const old = lying({
      listDigests: async (after, limit) =>
        (await scene.direct.listDigests(after, limit)).map((one): WorkspaceDigest => ({
          ...one,
          digest: 'ab'.repeat(32),
        })),
    })
    for (const by of [hole, early, old]) expect((await scene.verify({ by })).isIdentical).toBe(true)
  })

  it('whose pages are not full is read to its end', async () => {
    for (const contract of ['V-1', 'V-2', 'V-3']) await scene.carry(contract)
    const by = lying({
      listDigests: (after) => scene.direct.listDigests(after, 1),
      readDigest: () => Promise.reject(new Error('nothing needs to be asked for by itself')),
    })
    expect((await scene.verify({ by })).isIdentical).toBe(true)
  })

  it('that gives the right digest and has something else is found out when all is read in full', async () => {
    const document = await scene.carry('V-2')
    const right = await scene.direct.readDigest('V-2')
    await workspace.pool.query(`UPDATE workspace.portfolio SET name = 'X' WHERE number = '000000109'`)
    const by = lying({
      listDigests: async (after) => (after === '' && right ? [right] : []),
      readDigest: async () => right,
    })
    expect((await scene.verify({ by })).isIdentical).toBe(true)
    const { differences } = await scene.verify({ by, inFull: true })
    expect(differences).toMatchObject([
      { section: 'digest', field: 'now' },
      {
        section: 'portfolio',
        record: 'FR 000000109',
        field: 'name',
        ours: document.portfolio[0]?.name,
        theirs: 'X',
      },
    ])
  })

  it('that gives a digest and knows no such contract when it is read lacks it', async () => {
    await scene.carry('V-2')
    const by = lying({ read: async () => undefined })
    const report = await scene.verify({ by, inFull: true })
    expect(report.isIdentical).toBe(false)
    expect(report.differences).toEqual([named('contract', { ours: 'V-2' })])
    expect(await scene.verdicts()).toEqual({ 'V-2': 'missing' })
  })
})

it('what was refused, not imported, or set aside is in the report with its reason', async () => {
  await scene.carry('V-1')
  await pool.query(`
    UPDATE ellipro.contract_transfer SET refused = 'digest_mismatch';
    INSERT INTO ellipro.contract_transfer (contract) VALUES ('V-9');
    WITH run AS (INSERT INTO ellipro.import_run (source, is_whole, state, problems) VALUES ('files', true, 'done',
      '[{"kind": "portfolio", "code": "siren", "severity": "error", "lines": 2}, {"kind": "portfolio", "code": "line_repeated", "severity": "warning", "lines": 7}]') RETURNING id)
    INSERT INTO ellipro.import_problem (run_id, place, line, kind, contract, severity, code, value)
    SELECT id, 'portfolio.csv', 12, 'portfolio', 'V-1', 'error', 'siren', '123' FROM run`)
  const report = await scene.verify()
  expect(report.isIdentical).toBe(false)
  expect(report.refused).toEqual([{ contract: 'V-1', reason: 'digest_mismatch' }])
  expect(report.notImported).toEqual(['V-9'])
  expect(report.setAside).toEqual({
    lines: 2,
    reasons: [{ kind: 'portfolio', code: 'siren', lines: 2 }],
    listed: [
      { place: 'portfolio.csv', line: 12, kind: 'portfolio', code: 'siren', contract: 'V-1', value: '123' },
    ],
  })
})
