/**
 * The report of a comparison: its shape, which --json gives and which is stable (docs/contracts.md), its totals, and its
 * own digest, which stands on the page that is signed. Pure.
 */
import { createHash } from 'node:crypto'
import type { Difference } from './compare.ts'

export type Verdict = 'identical' | 'differing' | 'missing' | 'additional'
/** `contracts` of the comparison, or the companies, or the alerts, of all of them. */
export type Totals = Record<Verdict, number> & { ours: number }

export type ComparisonReport = {
  format: 'ellipro-contract-comparison-1'
  /** Number of the comparison. */
  comparison: string
  startedAt: string
  endedAt: string
  /** The one that was asked for; null: all. */
  contract: string | null
  /** Every contract was read as a whole, whatever digest the workspace gave. */
  inFull: boolean
  /** The import that our copy was brought up to date with just before; null: as it was imported. */
  refreshedBy: string | null
  /** Nothing differs, is missing, additional, refused or not imported. */
  isIdentical: boolean
  totals: { contracts: Totals; companies: Totals; alerts: Totals }
  /** Contracts that are not identical, in order. `count`: their differences. */
  contracts: { contract: string; company: string | null; verdict: Verdict; count: number }[]
  /** In order of contracts; at most `differencesListed` of `differences`. */
  differences: ({ contract: string } & Difference)[]
  differenceCount: number
  /** Cannot be carried over, and why. */
  refused: { contract: string; reason: string }[]
  /** Contracts of people who have moved, that no import has brought. */
  notImported: string[]
  /** Identical when it was received for the last time; its people have changed something since. */
  changedSince: { contract: string; changedAt: string }[]
  /** Lines that the last whole import set aside, and that are in no contract therefore. */
  setAside: {
    lines: number
    reasons: { kind: string; code: string; lines: number }[]
    /** The first ones. */
    listed: {
      place: string
      line: number | null
      kind: string
      code: string
      contract: string | null
      value: string | null
    }[]
  }
}

/** `digest`: SHA-256 of `report` as JSON without spaces, in the order of its members. */
export type SealedReport = { report: ComparisonReport; digest: string }

export const sealReport = (report: ComparisonReport): SealedReport => ({
  report,
  digest: createHash('sha256').update(JSON.stringify(report)).digest('hex'),
})

export const noTotals = (): Totals => ({ ours: 0, identical: 0, differing: 0, missing: 0, additional: 0 })

/** What a contract adds to the totals. `companies` and `alerts`: how many there are on either side. */
export type Counted = {
  verdict: Verdict
  ours: { companies: number; alerts: number } | undefined
  theirs: { companies: number; alerts: number } | undefined
  differences: readonly Difference[]
}

export function addTotals(totals: ComparisonReport['totals'], counted: Counted): void {
  const { verdict, ours, theirs, differences } = counted
  totals.contracts[verdict]++
  if (ours) totals.contracts.ours++
  const parts = [
    ['companies', 'portfolio'],
    ['alerts', 'monitoring'],
  ] as const
  for (const [part, section] of parts) {
    const total = totals[part]
    const count = ours?.[part] ?? 0
    total.ours += count
    if (verdict === 'missing') total.missing += count
    else if (verdict === 'additional') total.additional += theirs?.[part] ?? 0
    else {
      const own = differences.filter((difference) => difference.section === section)
      const missing = own.filter(({ field, theirs: there }) => field === null && there === null).length
      const additional = own.filter(({ field, ours: here }) => field === null && here === null).length
      const differing = new Set(own.filter(({ field }) => field !== null).map(({ record }) => record)).size
      total.missing += missing
      total.additional += additional
      total.differing += differing
      total.identical += count - missing - differing
    }
  }
}

export const isIdentical = ({
  totals: { contracts },
  refused,
  notImported,
}: Pick<ComparisonReport, 'totals' | 'refused' | 'notImported'>): boolean =>
  contracts.identical === contracts.ours &&
  contracts.additional === 0 &&
  refused.length === 0 &&
  notImported.length === 0
