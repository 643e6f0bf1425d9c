/**
 * Compares every contract of our copy with what the workspace has. It owns ellipro.verification, its differences, and the
 * verdicts of contract_transfer; it changes nothing on either side.
 *
 *   list      digests of both sides, computed from the rows as they are, page by page in the same order, and merged
 *   look      a contract whose digests differ, or that one side seems to lack, is asked for by itself, so that what
 *             changed meanwhile, or a list with a hole, is not taken for a difference; both documents are compared
 *   write     verdicts and differences, a page at a time
 *
 * A contract that was received for the last time is compared by what was received; while nobody changed it on Ellipro, by
 * what is there now too. Whatever could not be read ends the comparison: no report, and no verdict beyond that point.
 */
import type pg from 'pg'
import { digestContract } from '../digest.ts'
import type { Workspace, WorkspaceDigest } from '../target/port.ts'
import { readCopy } from '../transfer-store.ts'
import { compareDocuments, type Difference } from './compare.ts'
import { mergeSides, readPages, type Pair } from './pages.ts'
import { addTotals, isIdentical, noTotals, type ComparisonReport, type Verdict } from './report.ts'
import * as store from './store.ts'

export type VerifyOptions = {
  /** This one alone. */
  contract?: string
  /** Reads every contract as a whole: does not rely on the workspace's digests. */
  inFull?: boolean
  /** The import that has brought our copy up to date just before; for the report. */
  refreshedBy?: string
  onProgress?: (done: number) => void
  /** Digests that are asked for at a time; the workspace gives 1,000 at most. */
  pageSize?: number
}

/** Documents that are held in memory at once, two of each. */
const atOnce = 4

type Finding = {
  contract: string
  verdict: Verdict
  differences: Difference[]
  changedAt: string | null
  ours: store.StoredDigest | undefined
  theirs: WorkspaceDigest | undefined
}

/**
 * @param pool one connection of it is used at a time
 * @throws UpstreamError('workspace') when the workspace could not be read to the end; errors of `pg`
 */
export async function verifyContracts(
  pool: pg.Pool,
  workspace: Workspace,
  options: VerifyOptions = {},
): Promise<ComparisonReport> {
  const { contract, pageSize = 1000 } = options
  const id = await store.beginVerification(pool)
  const totals = { contracts: noTotals(), companies: noTotals(), alerts: noTotals() }
  const changedSince: ComparisonReport['changedSince'] = []
  const listed: ComparisonReport['contracts'] = []
  let done = 0
  const sides = mergeSides(
    readPages((after) => store.readStoredDigests(pool, after, pageSize, contract)),
    readPages((after) => listTheirs(workspace, after, pageSize, contract)),
    pageSize,
  )
  for await (const pairs of sides) {
    const findings = await inTurns(pairs, (pair) => judge(pool, workspace, pair, options))
    await store.writeFindings(pool, id, findings)
    for (const finding of findings) {
      addTotals(totals, {
        ...finding,
        ours: countParts(finding.ours),
        theirs: countParts(finding.theirs),
      })
      const { contract: name, verdict, differences, changedAt } = finding
      if (changedAt !== null) changedSince.push({ contract: name, changedAt })
      if (verdict !== 'identical')
        listed.push({ contract: name, company: null, verdict, count: differences.length })
    }
    done += pairs.length
    options.onProgress?.(done)
  }
  const rest = await store.readRest(pool, id, contract)
  const companies = await store.readCompanies(
    pool,
    listed.map(({ contract: name }) => name),
  )
  const times = await store.endVerification(pool, id, totals)
  return {
    format: 'ellipro-contract-comparison-1',
    comparison: id,
    ...times,
    contract: contract ?? null,
    inFull: options.inFull === true,
    refreshedBy: options.refreshedBy ?? null,
    isIdentical: isIdentical({ totals, ...rest }),
    totals,
    contracts: listed.map((line) => ({ ...line, company: companies.get(line.contract) ?? null })),
    differenceCount: listed.reduce((sum, { count }) => sum + count, 0),
    changedSince,
    ...rest,
  }
}

const countParts = (side: { sections: WorkspaceDigest['sections'] } | undefined) =>
  side && { companies: side.sections.portfolio.count, alerts: side.sections.monitoring.count }

async function listTheirs(
  workspace: Workspace,
  after: string,
  limit: number,
  only: string | undefined,
): Promise<WorkspaceDigest[]> {
  if (only === undefined) return workspace.listDigests(after, limit)
  const one = after === '' ? await workspace.readDigest(only) : undefined
  return one ? [one] : []
}

/** Those that must be looked at go some at once, the others cost nothing. */
async function inTurns(pairs: readonly Pair[], work: (pair: Pair) => Promise<Finding>): Promise<Finding[]> {
  const findings: Finding[] = []
  for (let start = 0; start < pairs.length; start += atOnce)
    // In order, and none is left alone when another one fails.
    for (const result of await Promise.allSettled(pairs.slice(start, start + atOnce).map(work))) {
      if (result.status === 'rejected') throw result.reason
      findings.push(result.value)
    }
  return findings
}

async function judge(
  pool: pg.Pool,
  workspace: Workspace,
  { contract, ours, theirs }: Pair,
  { inFull = false }: VerifyOptions,
): Promise<Finding> {
  if (ours && theirs && !inFull && agree(ours, theirs))
    return { contract, verdict: 'identical', differences: [], changedAt: theirs.changedAt, ours, theirs }
  // It was never carried over: there is nothing to ask for.
  if (ours && !theirs && !ours.isAccepted) return { ...absent(contract, ours, undefined), verdict: 'missing' }
  for (let attempt = 1; ; attempt++) {
    const finding = await look(pool, workspace, contract, { isLast: attempt === 3 })
    if (finding) return finding
  }
}

/** What was received for the last time is what counts; then what is there, unless its people changed it. */
const agree = (ours: store.StoredDigest, theirs: WorkspaceDigest): boolean =>
  isFinal(ours, theirs)
    ? theirs.received.final &&
      theirs.received.digest === ours.digest &&
      (theirs.changedAt !== null || theirs.digest === ours.digest)
    : theirs.digest === ours.digest
// A process that died after the workspace took it has not noted that yet.
const isFinal = (ours: store.StoredDigest, theirs: WorkspaceDigest): boolean =>
  ours.isFinished || theirs.received.final

/** Both sides anew. @returns `undefined`: something changed while they were read */
async function look(
  pool: pg.Pool,
  workspace: Workspace,
  contract: string,
  { isLast }: { isLast: boolean },
): Promise<Finding | undefined> {
  const copy = await readCopy(pool, contract)
  const [ours] = await store.readStoredDigests(pool, '', 1, contract)
  const theirs = await workspace.readDigest(contract)
  if (!ours && !theirs) return { ...absent(contract, ours, theirs), verdict: 'identical' }
  if (!ours || !theirs || !copy)
    return { ...absent(contract, ours, theirs), verdict: ours ? 'missing' : 'additional' }
  const document = await workspace.read(contract)
  const read = document && digestContract(document).digest
  const isSteady = digestContract(copy.document).digest === ours.digest && read === theirs.digest
  if (!isSteady && !isLast) return undefined
  // A digest that no document stands behind is no contract.
  if (document === undefined || read === undefined)
    return { ...absent(contract, ours, undefined), verdict: 'missing' }
  const differences: Difference[] = []
  // What its people changed since is theirs, and is no difference.
  if (!(isFinal(ours, theirs) && theirs.changedAt !== null))
    differences.push(...compareDocuments(copy.document, document))
  if (read !== theirs.digest) differences.push(ofDigest('now', read, theirs.digest))
  if (isFinal(ours, theirs) && theirs.received.digest !== ours.digest)
    differences.push(ofDigest('received', ours.digest, theirs.received.digest))
  if (ours.isFinished && !theirs.received.final) differences.push(ofDigest('final', 'true', 'false'))
  const verdict = differences.length > 0 ? 'differing' : 'identical'
  return { contract, verdict, differences, changedAt: theirs.changedAt, ours, theirs }
}

const ofDigest = (field: string, ours: string, theirs: string): Difference => ({
  section: 'digest',
  record: null,
  field,
  ours,
  theirs,
})

/** Of a contract that a side does not have. */
function absent(
  contract: string,
  ours: store.StoredDigest | undefined,
  theirs: WorkspaceDigest | undefined,
): Omit<Finding, 'verdict'> {
  const difference: Difference = {
    section: 'contract',
    record: null,
    field: null,
    ours: ours ? ours.contract : null,
    theirs: theirs ? theirs.contract : null,
  }
  return { contract, differences: ours || theirs ? [difference] : [], changedAt: null, ours, theirs }
}
