/**
 * What contracts of people who have moved give now: reports, analyses, score and countries go on following the source,
 * while everything else of such a contract stays as it was frozen. Nobody changes these on Ellipro: no work is overwritten,
 * and a report that a customer subscribes to after the move is in their next token.
 */
import type { Session } from './session.ts'
import type { Stage } from './stage.ts'
import { words } from './tables.ts'

/** Those that differ, and a job for each. An import that began before the one that wrote the contract last knows less. */
export async function writeRights({ run }: Session, stage: Stage, runId: string): Promise<void> {
  await run(
    `WITH staged AS (
       SELECT s.contract, ${words('reports')} AS reports, ${words('analyses')} AS analyses, s.score::boolean AS score,
              ARRAY (SELECT k.country FROM ${stage.table('countries')} k WHERE k.contract = s.contract ORDER BY 1) AS countries
         FROM ${stage.table('contracts')} s
         JOIN ${stage.table('plan')} p ON p.contract = s.contract
         JOIN ellipro.contract_transfer t ON t.contract = s.contract AND t.frozen_at IS NOT NULL
         JOIN ellipro.legacy_contract c ON c.contract = s.contract AND (c.run_id IS NULL OR c.run_id < $1)
     ), changed AS (
       INSERT INTO ellipro.contract_rights AS r (contract, reports, analyses, score, countries, run)
       SELECT s.contract, s.reports, s.analyses, s.score, s.countries, $1
         FROM staged s JOIN ellipro.contract_entitlement e ON e.contract = s.contract
        WHERE e.reports <> s.reports COLLATE "C" OR e.analyses <> s.analyses COLLATE "C" OR e.score <> s.score
           OR e.countries <> s.countries COLLATE "C"
        ORDER BY s.contract
       ON CONFLICT (contract) DO UPDATE SET reports = excluded.reports, analyses = excluded.analyses,
          score = excluded.score, countries = excluded.countries, run = excluded.run, imported_at = now()
        WHERE r.run < excluded.run
       RETURNING contract)
     INSERT INTO ellipro.case_outbox (kind, subject_id)
     SELECT 'sync-entitlements', t.id FROM changed JOIN ellipro.contract_transfer t ON t.contract = changed.contract`,
    [runId],
  )
}
