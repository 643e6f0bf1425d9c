/** The SQL statements of a comparison with the workspace. */
import type pg from 'pg'
import { sections, type ContractDigest, type Section, type SectionDigest } from '../digest.ts'

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
        coalesce(t.accepted_at IS NOT NULL, false) AS "isAccepted",
        coalesce(t.finished_at IS NOT NULL, false) AS "isFinished"
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
