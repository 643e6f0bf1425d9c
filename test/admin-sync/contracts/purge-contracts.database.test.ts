import pg from 'pg'
import { afterAll, expect, it } from 'vitest'
import { purgeContracts } from '../../../admin-sync/contracts/purge-contracts.ts'
import { makeDocument } from '../../support/workspace.ts'
import { createDatabase } from '../../support/postgres.ts'
import { storeCopy } from './copy.ts'

const database = await createDatabase()
const pool = new pg.Pool({ connectionString: database.sync, max: 2 })
afterAll(() => pool.end())

it('reports of imports and comparisons go when their days are over, by the hour, and contracts stay', async () => {
  await storeCopy(pool, makeDocument('P-1'))
  await pool.query(`UPDATE ellipro.import_run SET started_at = now() - interval '731 days'`)
  for (const days of [729, 731]) {
    await pool.query(
      `WITH v AS (INSERT INTO ellipro.verification (started_at) VALUES (now() - make_interval(days => $1)) RETURNING id)
       INSERT INTO ellipro.verification_difference (verification_id, contract, section)
       SELECT id, 'P-1', 'portfolio' FROM v, generate_series(1, 6000)`,
      [days],
    )
    await pool.query(
      `WITH r AS (INSERT INTO ellipro.import_run (source, is_whole, state, started_at)
         VALUES ('files', true, 'done', now() - make_interval(days => $1)) RETURNING id)
       INSERT INTO ellipro.import_problem (run_id, place, kind, severity, code)
       SELECT id, 'portfolio.csv', 'portfolio', 'error', 'siren' FROM r`,
      [days],
    )
  }
  const taken = { differences: 6000, comparisons: 1, problems: 1, imports: 1 }
  expect(await purgeContracts(pool)).toEqual(taken)
  expect(await purgeContracts(pool)).toEqual({ differences: 0, comparisons: 0, problems: 0, imports: 0 })
  const { rows } = await pool.query(
    `SELECT (SELECT count(*)::int FROM ellipro.verification_difference) AS differences,
            (SELECT count(*)::int FROM ellipro.import_problem) AS problems,
            (SELECT count(*)::int FROM ellipro.legacy_contract) AS contracts,
            (SELECT count(*)::int FROM ellipro.import_run) AS imports`,
  )
  // The import that wrote P-1 stays as long as the contract is as it wrote it.
  expect(rows).toEqual([{ differences: 6000, problems: 1, contracts: 1, imports: 2 }])
})
