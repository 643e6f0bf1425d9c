/** The SQL statements of a comparison with the workspace. */
import type pg from 'pg'
import { inTransaction } from '../../transaction.ts'
import { sections, type ContractDigest, type Section, type SectionDigest } from '../digest.ts'
import type { Difference } from './compare.ts'
import type { ComparisonReport, Verdict } from './report.ts'

/** A contract of our copy, digested from its rows now, and how far its way is. */
export type StoredDigest = ContractDigest & {
  contract: string
  /** The workspace has taken it at least once. */
  isAccepted: boolean
  /** The workspace has taken it for the last time. */
  isFinished: boolean
}

/**
 * @param after the contract before the first one; an empty text: from the start
 * @returns in order of the contracts' bytes; an empty list is the end
 */
export async function readStoredDigests(
  db: pg.Pool | pg.ClientBase,
  after: string,
  limit: number,
  only?: string,
): Promise<StoredDigest[]> {
  const { rows } = await db.query<Record<string, string> & { isAccepted: boolean; isFinished: boolean }>(
    `SELECT d.contract, encode(d.digest, 'hex') AS digest, encode(contract_digest, 'hex') AS contract_digest,
        ${countedSections.map((name) => `${name}_count, encode(${name}_digest, 'hex') AS ${name}_digest`).join(', ')},
        t.accepted_at IS NOT NULL AS "isAccepted",
        t.finished_at IS NOT NULL AS "isFinished"
       FROM ellipro.digest_contracts(ARRAY(SELECT contract FROM ellipro.legacy_contract
              WHERE contract > $1 AND ($3::text IS NULL OR contract = $3) ORDER BY contract LIMIT $2)) d
       LEFT JOIN ellipro.contract_transfer t ON t.contract = d.contract COLLATE "C"
      ORDER BY d.contract COLLATE "C"`,
    [after, limit, only],
  )
  return rows.map((row) => ({
    contract: row['contract'] ?? '',
    digest: row['digest'] ?? '',
    sections: Object.fromEntries(
      sections.map((name): [Section, SectionDigest] => [
        name,
        { count: Number(row[`${name}_count`] ?? 1), digest: row[`${name}_digest`] ?? '' },
      ]),
    ) as Record<Section, SectionDigest>,
    isAccepted: row.isAccepted,
    isFinished: row.isFinished,
  }))
}

/** There is always one record of `contract`. */
const countedSections = sections.filter((name) => name !== 'contract')

export async function beginVerification(pool: pg.Pool): Promise<string> {
  const { rows } = await pool.query<{ id: string }>(
    'INSERT INTO ellipro.verification DEFAULT VALUES RETURNING id',
  )
  return rows[0]!.id
}

/** Differences of one contract that are kept one by one; all are counted. */
export const keptAtMost = 10_000

/** Verdicts of contracts, and what differs. */
export async function writeFindings(
  pool: pg.Pool,
  id: string,
  findings: readonly { contract: string; verdict: Verdict; differences: readonly Difference[] }[],
): Promise<void> {
  const differences = findings.flatMap(({ contract, differences: each }) =>
    each.slice(0, keptAtMost).map((difference) => ({ contract, ...difference })),
  )
  await inTransaction(pool, async (client) => {
    await client.query(
      `UPDATE ellipro.contract_transfer t SET verdict = f.verdict, verified_at = now()
         FROM unnest($1::text[], $2::text[]) AS f (contract, verdict)
        WHERE t.contract = f.contract COLLATE "C"`,
      [
        findings.map(({ contract }) => contract),
        // One that we do not have is no verdict of ours.
        findings.map(({ verdict }) => (verdict === 'additional' ? null : verdict)),
      ],
    )
    for (let start = 0; start < differences.length; start += keptAtMost)
      await client.query(
        `INSERT INTO ellipro.verification_difference (verification_id, contract, section, record, field, ours, theirs)
         SELECT $1, d.* FROM json_to_recordset($2)
             AS d (contract text, section text, record text, field text, ours text, theirs text)`,
        [id, JSON.stringify(differences.slice(start, start + keptAtMost))],
      )
  })
}

/** @returns when it began and ended, ISO 8601 */
export async function endVerification(
  pool: pg.Pool,
  id: string,
  totals: ComparisonReport['totals'],
): Promise<{ startedAt: string; endedAt: string }> {
  const { rows } = await pool.query<{ started_at: Date; ended_at: Date }>(
    'UPDATE ellipro.verification SET ended_at = now(), totals = $2 WHERE id = $1 RETURNING started_at, ended_at',
    [id, JSON.stringify(totals)],
  )
  return { startedAt: rows[0]!.started_at.toISOString(), endedAt: rows[0]!.ended_at.toISOString() }
}

/** Names of the companies whose contracts these are; a contract that we do not have has none. */
export async function readCompanies(
  pool: pg.Pool,
  contracts: readonly string[],
): Promise<Map<string, string>> {
  const { rows } = await pool.query<{ contract: string; company: string }>(
    'SELECT contract, company FROM ellipro.legacy_contract WHERE contract = ANY ($1)',
    [contracts],
  )
  return new Map(rows.map(({ contract, company }) => [contract, company]))
}

/** Lines of a report that has no end otherwise. */
const listedAtMost = { differences: 100_000, setAside: 1000 }

type Rest = Pick<ComparisonReport, 'differences' | 'refused' | 'notImported' | 'setAside'>

/** What a report has beside the verdicts. */
export async function readRest(pool: pg.Pool, id: string, only: string | undefined): Promise<Rest> {
  const { rows: differences } = await pool.query<Rest['differences'][number]>(
    `SELECT contract, section, record, field, ours, theirs FROM ellipro.verification_difference
      WHERE verification_id = $1 ORDER BY contract, section, record, field LIMIT $2`,
    [id, listedAtMost.differences],
  )
  const { rows: refused } = await pool.query<Rest['refused'][number]>(
    `SELECT contract, refused AS reason FROM ellipro.contract_transfer
      WHERE refused IS NOT NULL AND ($1::text IS NULL OR contract = $1) ORDER BY contract`,
    [only],
  )
  const { rows: unknown } = await pool.query<{ contract: string }>(
    `SELECT contract FROM ellipro.contract_transfer t WHERE ($1::text IS NULL OR contract = $1)
        AND NOT EXISTS (SELECT FROM ellipro.legacy_contract c WHERE c.contract = t.contract) ORDER BY contract`,
    [only],
  )
  const notImported = unknown.map(({ contract }) => contract)
  return { differences, refused, notImported, setAside: await readSetAside(pool, only) }
}

/** Of the last whole import that came to its end: it names every line, of contracts that came unchanged too. */
async function readSetAside(pool: pg.Pool, only: string | undefined): Promise<Rest['setAside']> {
  const { rows: runs } = await pool.query<{
    id: string
    reasons: (Rest['setAside']['reasons'][number] & { severity: string })[]
  }>(
    `SELECT id, problems AS reasons FROM ellipro.import_run WHERE is_whole AND state = 'done'
      ORDER BY id DESC LIMIT 1`,
  )
  const [run] = runs
  if (!run) return { lines: 0, reasons: [], listed: [] }
  const { rows: listed } = await pool.query<Rest['setAside']['listed'][number]>(
    `SELECT place, line::float8 AS line, kind, code, contract, value FROM ellipro.import_problem
      WHERE run_id = $1 AND severity = 'error' AND ($2::text IS NULL OR contract = $2)
      ORDER BY place, line, code LIMIT $3`,
    [run.id, only, listedAtMost.setAside],
  )
  const reasons =
    only === undefined
      ? run.reasons
          .filter(({ severity }) => severity === 'error')
          .map(({ kind, code, lines }) => ({ kind, code, lines }))
      : countReasons(listed)
  return { lines: reasons.reduce((sum, { lines }) => sum + lines, 0), reasons, listed }
}

function countReasons(listed: Rest['setAside']['listed']): Rest['setAside']['reasons'] {
  const reasons = new Map<string, Rest['setAside']['reasons'][number]>()
  for (const { kind, code } of listed) {
    const reason = reasons.get(`${kind} ${code}`)
    if (reason) reason.lines++
    else reasons.set(`${kind} ${code}`, { kind, code, lines: 1 })
  }
  return [...reasons.values()]
}
