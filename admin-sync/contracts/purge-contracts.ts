/**
 * The cron job `purge-contracts`: what docs/privacy.md says of the reports of imports and comparisons, done.
 *
 *   what a comparison found to differ, and its totals     go import_report_days after it began
 *   lines that an import told of                          go import_report_days after it began
 *   the import itself                                     goes then too, once no contract is as it wrote it
 *
 * Contracts stay. Bounded by rows, and repeatable at any point.
 */
import type pg from 'pg'

export type PurgeContractsResult = Record<(typeof steps)[number]['name'], number>

/** Rows that one statement takes; it is repeated until it takes fewer. */
const batch = 5000

const isOver = `started_at < now() - make_interval(days => ellipro.setting_value('import_report_days'))`

/** In this order: a row that others hang on goes after them. `$1`: how many rows at most. */
const steps = [
  {
    name: 'differences',
    sql: `DELETE FROM ellipro.verification_difference WHERE ctid IN (
            SELECT d.ctid FROM ellipro.verification v JOIN ellipro.verification_difference d ON d.verification_id = v.id
             WHERE v.${isOver} LIMIT $1)`,
  },
  {
    name: 'comparisons',
    sql: `DELETE FROM ellipro.verification WHERE id IN (SELECT id FROM ellipro.verification WHERE ${isOver} LIMIT $1)`,
  },
  {
    name: 'problems',
    sql: `DELETE FROM ellipro.import_problem WHERE ctid IN (
            SELECT p.ctid FROM ellipro.import_run r JOIN ellipro.import_problem p ON p.run_id = r.id
             WHERE r.${isOver} LIMIT $1)`,
  },
  {
    name: 'imports',
    sql: `DELETE FROM ellipro.import_run WHERE id IN (
            SELECT id FROM ellipro.import_run WHERE ${isOver}
               AND id NOT IN (SELECT run_id FROM ellipro.legacy_contract WHERE run_id IS NOT NULL) LIMIT $1)`,
  },
] as const

/** @returns how many rows each step took */
export async function purgeContracts(
  pool: pg.Pool,
  checkpoint: () => Promise<void> = async () => {},
): Promise<PurgeContractsResult> {
  const counts: [string, number][] = []
  for (const { name, sql } of steps) {
    let total = 0
    for (let taken: number = batch; taken === batch; total += taken) {
      await checkpoint()
      taken = (await pool.query(sql, [batch])).rowCount ?? 0
    }
    counts.push([name, total])
  }
  return Object.fromEntries(counts) as PurgeContractsResult
}
