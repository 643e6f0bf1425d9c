/**
 * Writes what is right in the stage into our copy, some contracts a transaction, each as a whole. A contract is passed
 * over when a person of it has moved (frozen), and when an import that began later has written it (newer). What changed
 * of it becomes jobs: the transfer to the workspace, and the entitlements of its people.
 */
import { addCounts, type KindCounts } from './counts.ts'
import { childTables, upsertContracts, writeChildren } from './tables.ts'
import type { Session } from './session.ts'
import type { Stage } from './stage.ts'

/** Lines of a transaction, unless one contract alone has more. */
const batchLines = 50_000
const batchContracts = 1000

/** The contracts that come next; an empty list is the end. */
export async function nextBatch({ run }: Session, stage: Stage): Promise<string[]> {
  const { rows } = await run<{ contract: string }>(
    `SELECT contract FROM (
       SELECT contract, row_number() OVER w AS place, sum(lines) OVER w AS total
         FROM (SELECT contract, 1 + ${childTables.join(' + ')} AS lines FROM ${stage.table('plan')}
                WHERE action = 'write' AND outcome IS NULL ORDER BY contract LIMIT ${batchContracts}) p
       WINDOW w AS (ORDER BY contract)) p
      WHERE place = 1 OR total <= ${batchLines} ORDER BY contract`,
  )
  return rows.map(({ contract }) => contract)
}

type Before = { contract: string; digest: string | null; entitlements: string }

/**
 * In the transaction that is open.
 * @param contracts sorted by bytes, so that two imports at once do not wait for each other in a circle
 * @returns how many lines of each kind were stored, or were the same, or were passed over
 */
export async function applyBatch(
  session: Session,
  stage: Stage,
  runId: string,
  contracts: readonly string[],
): Promise<KindCounts> {
  const { run } = session
  const counts: KindCounts = {}
  await run(
    `INSERT INTO ellipro.contract_transfer (contract) SELECT unnest($1::text[]) ON CONFLICT DO NOTHING`,
    [contracts],
  )
  // Whoever freezes a contract, or writes it too, waits; and who was first is seen here.
  const { rows: locked } = await run<{ contract: string; frozen: boolean }>(
    `SELECT contract, frozen_at IS NOT NULL AS frozen FROM ellipro.contract_transfer
      WHERE contract = ANY($1) ORDER BY contract FOR UPDATE`,
    [contracts],
  )
  const { rows: newer } = await run<{ contract: string }>(
    'SELECT contract FROM ellipro.legacy_contract WHERE contract = ANY($1) AND run_id > $2',
    [contracts, runId],
  )
  const frozen = locked.filter((row) => row.frozen).map(({ contract }) => contract)
  const passed = { frozen, newer: newer.map(({ contract }) => contract).filter((c) => !frozen.includes(c)) }
  const left = new Set([...passed.frozen, ...passed.newer])
  const written = contracts.filter((contract) => !left.has(contract))

  const before = await readStanding(session, written)
  addCounts(counts, 'contracts', { stored: written.length })
  if (written.length > 0) {
    await run(upsertContracts(stage), [written, runId])
    for (const kind of childTables) await writeChildren(session, stage, kind, written, before, counts)
    await finishBatch(session, written, before)
  }
  for (const [reason, list] of Object.entries(passed) as ['frozen' | 'newer', string[]][])
    if (list.length > 0) await countPassed(session, stage, reason, list, counts)
  await run(
    `UPDATE ${stage.table('plan')} SET outcome = CASE WHEN contract = ANY($2) THEN 'frozen' WHEN contract = ANY($3) THEN 'newer' ELSE 'written' END
      WHERE contract = ANY($1)`,
    [contracts, passed.frozen, passed.newer],
  )
  return counts
}

/** As our copy has them now: those that it has. */
async function readStanding({ run }: Session, contracts: readonly string[]): Promise<Before[]> {
  const { rows } = await run<Before>(
    `SELECT c.contract, encode(c.digest, 'hex') AS digest,
            concat_ws('|', c.reports, c.analyses, c.score,
              (SELECT string_agg(n.country, ' ' ORDER BY n.country) FROM ellipro.contract_country n WHERE n.contract = c.contract)
            ) AS entitlements
       FROM ellipro.legacy_contract c WHERE c.contract = ANY($1)`,
    [contracts],
  )
  return rows
}

/** The digest of what is stored now; of what differs, the jobs. */
async function finishBatch(session: Session, written: readonly string[], before: Before[]): Promise<void> {
  const { run } = session
  await run(
    `UPDATE ellipro.legacy_contract c SET digest = d.digest FROM ellipro.digest_contracts($1) d
      WHERE c.contract = d.contract AND c.digest IS DISTINCT FROM d.digest`,
    [written],
  )
  const known = new Map(before.map((row) => [row.contract, row]))
  const after = await readStanding(session, written)
  const differ = (field: 'digest' | 'entitlements') =>
    after.filter((row) => known.get(row.contract)?.[field] !== row[field]).map(({ contract }) => contract)
  await run(
    `INSERT INTO ellipro.case_outbox (kind, subject_id)
     SELECT 'transfer-contract', id FROM ellipro.contract_transfer WHERE contract = ANY($1)`,
    [differ('digest')],
  )
  const entitled = differ('entitlements')
  if (entitled.length === 0) return
  await run(
    `INSERT INTO ellipro.case_outbox (kind, subject_id)
     SELECT 'sync-entitlements', t.id FROM ellipro.contract_transfer t
      WHERE t.contract IN (
        SELECT a.contract FROM ellipro.activation a
         WHERE a.contract = ANY($1)
           AND (a.state = 'opened' OR EXISTS (SELECT FROM ellipro.added_contract d WHERE d.activation_id = a.id)))`,
    [entitled],
  )
}

async function countPassed(
  { run }: Session,
  stage: Stage,
  reason: 'frozen' | 'newer',
  contracts: readonly string[],
  counts: KindCounts,
): Promise<void> {
  addCounts(counts, 'contracts', { [reason]: contracts.length })
  for (const kind of childTables) {
    const { rows } = await run<{ lines: number }>(
      `SELECT count(*)::integer AS lines FROM ${stage.table(kind)} WHERE contract = ANY($1)`,
      [contracts],
    )
    addCounts(counts, kind, { [reason]: rows[0]?.lines ?? 0 })
  }
}
