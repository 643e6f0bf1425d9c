/**
 * The SQL statements of the way of a contract to the workspace. What an import writes of a contract is written in one
 * transaction that holds its row of contract_transfer; so does whoever freezes it, and a statement reads one moment.
 */
import type pg from 'pg'
import { inTransaction } from '../transaction.ts'
import { digestContract } from './digest.ts'
import type { ContractDocument } from './model.ts'

export type Transfer = {
  id: string
  contract: string
  /** Lower-case hexadecimal; `null`: the workspace has taken nothing yet. */
  acceptedDigest: string | null
  /** Somebody of it has an account at Ellipro, or it is frozen already. */
  hasMoved: boolean
  isFrozen: boolean
  isFinished: boolean
  /** Whether our copy has it. */
  isImported: boolean
  /** Of our copy; `null`: to be computed. */
  digest: string | null
  /** The import that wrote our copy; `null` when its report is not kept any more. */
  runId: string | null
}

/** A contract as our copy has it at one moment. */
export type Copy = {
  document: ContractDocument
  digest: string
  runId: string | null
}

/** Somebody of the contract of `t` has moved: an account was opened for one of its logins, or got the contract added. */
const moved = `(EXISTS (SELECT FROM ellipro.activation a WHERE a.contract = t.contract AND a.state = 'opened')
   OR EXISTS (SELECT FROM ellipro.added_contract d JOIN ellipro.activation a ON a.id = d.activation_id
               WHERE d.contract = t.contract AND a.state = 'opened'))`

const transfers = `SELECT t.id, t.contract, encode(t.accepted_digest, 'hex') AS "acceptedDigest",
    (t.frozen_at IS NOT NULL OR ${moved}) AS "hasMoved", t.frozen_at IS NOT NULL AS "isFrozen",
    t.finished_at IS NOT NULL AS "isFinished", c.contract IS NOT NULL AS "isImported",
    encode(c.digest, 'hex') AS digest, c.run_id AS "runId"
  FROM ellipro.contract_transfer t LEFT JOIN ellipro.legacy_contract c ON c.contract = t.contract`

/** @param id of contract_transfer. @returns `undefined`: there is no such contract any more */
export async function readTransfer(db: pg.Pool | pg.ClientBase, id: string): Promise<Transfer | undefined> {
  const { rows } = await db.query<Transfer>(`${transfers} WHERE t.id = $1`, [id])
  return rows[0]
}

/**
 * Those that a pass over contracts looks at, in order of the contracts' bytes: of all, those of which the workspace lacks
 * something.
 * @param contracts these alone, whether they need anything or not
 */
export async function listTransfers(pool: pg.Pool, contracts?: readonly string[]): Promise<Transfer[]> {
  const { rows } = await pool.query<Transfer>(
    contracts
      ? `${transfers} WHERE t.contract = ANY ($1) ORDER BY t.contract`
      : `${transfers} WHERE ${lacking} ORDER BY t.contract`,
    contracts ? [contracts] : [],
  )
  return rows
}

const lacking = `t.finished_at IS NULL
  AND (t.frozen_at IS NOT NULL OR ${moved} OR c.digest IS DISTINCT FROM t.accepted_digest)`

/** How many contracts our copy has. */
export async function countContracts(pool: pg.Pool): Promise<number> {
  const { rows } = await pool.query<{ count: string }>('SELECT count(*) FROM ellipro.legacy_contract')
  return Number(rows[0]?.count)
}

/**
 * From here on nothing that Cofacering says of the contract counts.
 * @param runs our copy must have been written by one of these; absent: whoever wrote it
 * @returns what the last transfer carries; `undefined`: somebody else wrote our copy meanwhile, or nobody has moved
 */
export function freezeContract(
  pool: pg.Pool,
  id: string,
  runs?: readonly (string | null)[],
): Promise<Copy | undefined> {
  return inTransaction(pool, async (client) => {
    // An import that writes it at this moment ends first; only a statement that begins after that sees what it wrote.
    await client.query('SELECT FROM ellipro.contract_transfer WHERE id = $1 FOR UPDATE', [id])
    const { rows } = await client.query<{ contract: string }>(
      `UPDATE ellipro.contract_transfer t SET frozen_at = now() FROM ellipro.legacy_contract c
        WHERE t.id = $1 AND t.frozen_at IS NULL AND c.contract = t.contract AND ${moved}
          AND ($2::bigint[] IS NULL OR c.run_id IS NULL OR c.run_id = ANY ($2::bigint[])) RETURNING t.contract`,
      [id, runs?.filter((run) => run !== null)],
    )
    return rows[0] && readCopy(client, rows[0].contract)
  })
}

/**
 * Our copy of a contract, read by one statement and so of one moment: a contract with 100,000 companies is some 15 MB.
 * Its digest is that of the import, or computed here and kept.
 * @returns `undefined`: it was not imported
 */
export async function readCopy(db: pg.Pool | pg.ClientBase, contract: string): Promise<Copy | undefined> {
  const { rows } = await db.query<{
    document: ContractDocument
    digest: string | null
    runId: string | null
  }>(
    `SELECT json_build_object(
        'contract', c.contract,
        'company', json_build_object('country', c.country, 'number', c.number, 'name', c.company),
        'tariff', json_build_object('name', c.tariff, 'fee', json_build_object('cents', c.fee_cents, 'currency', c.currency),
          'prices', (SELECT coalesce(json_agg(json_build_object('item', p.item, 'cents', p.amount_cents, 'currency', p.currency)
            ORDER BY p.item), '[]') FROM ellipro.tariff_price p WHERE p.contract = c.contract)),
        'signedOn', c.signed_on,
        'contact', json_build_object('name', c.contact_name, 'email', c.contact_email, 'phone', c.contact_phone),
        'reports', c.reports, 'analyses', c.analyses, 'score', c.score,
        'countries', (SELECT coalesce(json_agg(o.country ORDER BY o.country), '[]')
          FROM ellipro.contract_country o WHERE o.contract = c.contract),
        'portfolio', (SELECT coalesce(json_agg(json_build_object('country', l.country, 'number', l.number, 'name', l.name,
            'reference', l.reference, 'addedOn', l.added_on) ORDER BY l.country, l.number), '[]')
          FROM ellipro.portfolio_line l WHERE l.contract = c.contract),
        'monitoring', (SELECT coalesce(json_agg(json_build_object('country', m.country, 'number', m.number, 'kind', m.kind,
            'recipient', m.recipient, 'since', m.since) ORDER BY m.country, m.number, m.kind, m.recipient), '[]')
          FROM ellipro.monitoring m WHERE m.contract = c.contract)) AS document,
      encode(c.digest, 'hex') AS digest, c.run_id AS "runId"
     FROM ellipro.legacy_contract c WHERE c.contract = $1`,
    [contract],
  )
  const [copy] = rows
  if (!copy) return undefined
  if (copy.digest !== null) return { ...copy, digest: copy.digest }
  const { digest } = digestContract(copy.document)
  await db.query(
    `UPDATE ellipro.legacy_contract SET digest = decode($2, 'hex')
      WHERE contract = $1 AND digest IS NULL AND run_id IS NOT DISTINCT FROM $3`,
    [contract, digest, copy.runId],
  )
  return { ...copy, digest }
}

/**
 * The workspace has taken it. Kept only where it is still what the contract waits for: the last transfer of a frozen one,
 * any other of one that is not.
 * @returns whether it was
 */
export async function recordAccepted(
  pool: pg.Pool,
  id: string,
  digest: string,
  { final }: { final: boolean },
): Promise<boolean> {
  const { rowCount } = await pool.query(
    `UPDATE ellipro.contract_transfer
        SET accepted_digest = decode($2, 'hex'), accepted_at = now(), refused = NULL, last_error = NULL,
            finished_at = CASE WHEN $3 THEN now() END
      WHERE id = $1 AND finished_at IS NULL AND (frozen_at IS NOT NULL) = $3`,
    [id, digest, final],
  )
  return rowCount === 1
}

/** @param refused the workspace, or the import, says no; `null`: it is tried again */
export async function noteTrouble(
  pool: pg.Pool,
  id: string,
  { lastError, refused }: { lastError: string | null; refused: string | null },
): Promise<void> {
  await pool.query(
    `UPDATE ellipro.contract_transfer SET last_error = $2, refused = $3
      WHERE id = $1 AND (last_error, refused) IS DISTINCT FROM ($2, $3)`,
    [id, lastError, refused],
  )
}

/**
 * Gives a job again to each contract of which the workspace lacks something and for which there is none. A dead letter
 * counts: it waits for an operator.
 * @param schema of pg-boss
 * @returns how many
 */
export async function giveJobsAgain(
  pool: pg.Pool,
  { schema, deadLetterQueue }: { schema: string; deadLetterQueue: string },
): Promise<number> {
  const { rowCount } = await pool.query(
    `WITH busy AS MATERIALIZED (
       SELECT data ->> 'id' AS id FROM ${schema}.job
        WHERE name = 'transfer-contract' AND state IN ('created', 'retry', 'active')
       UNION SELECT data ->> 'id' FROM ${schema}.job
        WHERE name = $1 AND state = 'created' AND source_name = 'transfer-contract'
       UNION SELECT subject_id::text FROM ellipro.case_outbox WHERE kind = 'transfer-contract')
     INSERT INTO ellipro.case_outbox (kind, subject_id)
     SELECT 'transfer-contract', t.id
       FROM ellipro.contract_transfer t LEFT JOIN ellipro.legacy_contract c ON c.contract = t.contract
      WHERE ${lacking} AND NOT EXISTS (SELECT FROM busy WHERE busy.id = t.id::text)`,
    [deadLetterQueue],
  )
  return rowCount ?? 0
}
