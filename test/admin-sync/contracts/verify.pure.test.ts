/** What differs between two documents, and how the report says it. */
import { createHash } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { listRecords } from '../../../admin-sync/contracts/digest.ts'
import { compareDocuments } from '../../../admin-sync/contracts/verify/compare.ts'
import { renderComparison } from '../../../admin-sync/contracts/verify/page.ts'
import { printComparison } from '../../../admin-sync/contracts/verify/print.ts'
import { noTotals, sealReport, type ComparisonReport } from '../../../admin-sync/contracts/verify/report.ts'
import { loadTexts } from '../../../core/text.ts'
import { makeDocument } from '../../support/workspace.ts'
import { createRandom, randomDocument } from './sample-documents.ts'

const texts = loadTexts(new URL('../../../admin-sync/text/', import.meta.url))

describe('two documents', () => {
  it('differ exactly when their canonical records do, whatever their order', () => {
    const random = createRandom(7)
    for (let number = 0; number < 200; number++) {
      const [one, other] = [randomDocument('C', random, 6), randomDocument('C', random, 6)]
      const shuffled = {
        ...one,
        portfolio: one.portfolio.toReversed(),
        countries: one.countries.toReversed(),
      }
      expect(compareDocuments(one, structuredClone(shuffled))).toEqual([])
      expect(compareDocuments(one, other).length > 0).toBe(
        JSON.stringify(listRecords(one)) !== JSON.stringify(listRecords(other)),
      )
    }
  })

  it('differ when one of them has a record twice', () => {
    const document = makeDocument('C')
    const twice = { ...document, countries: [...document.countries, 'DE'] }
    expect(compareDocuments(document, twice)).toEqual([
      { section: 'countries', record: 'DE', field: null, ours: null, theirs: 'DE' },
    ])
    const changed = { ...document.portfolio[0]!, name: 'X' }
    expect(
      compareDocuments(document, { ...document, portfolio: [changed, ...document.portfolio] }),
    ).toMatchObject([{ section: 'portfolio', record: 'FR 000000109', field: null, ours: null }])
  })

  it('with 50,000 times the same record are compared in reasonable time', () => {
    const document = makeDocument('C', { countries: Array.from({ length: 50_000 }, () => 'DE') })
    expect(compareDocuments(document, { ...document, countries: [] })).toHaveLength(50_000)
  })
})

const hostile = '<script>alert(1)</script>\u202e"&'
const report: ComparisonReport = {
  format: 'ellipro-contract-comparison-1',
  comparison: '12',
  startedAt: '2026-11-24T10:00:00.000Z',
  endedAt: '2026-11-24T23:30:00.000Z',
  contract: null,
  inFull: false,
  refreshedBy: null,
  isIdentical: false,
  totals: {
    contracts: { ...noTotals(), ours: 20_000, identical: 19_999, differing: 1 },
    companies: noTotals(),
    alerts: noTotals(),
  },
  contracts: [{ contract: 'C-1', company: hostile, verdict: 'differing', count: 5000 }],
  differences: Array.from({ length: 3000 }, (_, i) => ({
    contract: 'C-1',
    section: 'portfolio',
    record: `FR ${i}`,
    field: 'name',
    ours: hostile,
    theirs: null,
  })),
  differenceCount: 5000,
  refused: [{ contract: hostile, reason: 'digest_mismatch' }],
  notImported: [hostile],
  changedSince: [{ contract: 'C-2', changedAt: '2026-11-24T10:00:00.000Z' }],
  setAside: {
    lines: 1,
    reasons: [{ kind: 'portfolio', code: 'siren', lines: 1 }],
    listed: [{ place: 'p.csv', line: 3, kind: 'portfolio', code: 'siren', contract: 'C-1', value: hostile }],
  },
}

describe.each(['fr', 'en'] as const)('the report in %s', (language) => {
  const sealed = sealReport(report)
  const t = texts[language]

  it('has its own digest, which whoever has the JSON can compute', () => {
    expect(sealed.digest).toBe(createHash('sha256').update(JSON.stringify(sealed.report)).digest('hex'))
    expect(sealReport({ ...report, differenceCount: 5001 }).digest).not.toBe(sealed.digest)
  })

  it('is a page that asks for nothing, runs nothing, escapes what contracts hold, and has lines to sign', async () => {
    const page = await renderComparison(t, language, sealed)
    expect(page).not.toMatch(/<script|src=|href=|url\(|@import|\u202e/)
    expect(page).toContain('&lt;script&gt;')
    expect(page).toContain(sealed.digest)
    expect(page).toContain(`<html lang="${language}">`)
    expect(page).toContain(t('verify.signName'))
    // Half past midnight in Paris.
    expect(page).toContain(language === 'fr' ? '25 novembre 2026' : '25 November 2026')
    expect(page).toContain(t('verify.more', { count: 3000 }))
    // A key without a text would show as itself.
    expect(page.replace(/<[^>]+>/g, '')).not.toMatch(/verify\.\w/)
  })

  it('is a text of bounded length without a character that turns or moves a terminal', () => {
    const text = printComparison(t, language, sealed)
    // oxlint-disable-next-line no-control-regex
    expect(text).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202a-\u202e]|verify\.\w/)
    expect(text.split('\n').length).toBeLessThan(250)
    expect(text).toContain(sealed.digest)
  })
})
