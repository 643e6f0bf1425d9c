/**
 * Part `follow`: 100 contracts change at Cofacering; our copy follows (`followContracts`) and their jobs carry them to the
 * workspace over HTTP (`transfer-contract`). Among 2,000 contracts and among 20,000: it must cost what changed, and nothing
 * of what there is.
 */
import { followContracts } from '../admin-sync/contracts/follow-contracts.ts'
import { importLive } from '../admin-sync/contracts/live-import.ts'
import { readAdminSyncConfig } from '../admin-sync/config.ts'
import { createDependencies } from '../admin-sync/dependencies.ts'
import { runContractJob } from '../admin-sync/jobs/contract-work.ts'
import { createPool } from '../core/database/pool.ts'
import { createLog } from '../core/log.ts'
import { sirenOf } from '../dev/cofacering/siren.ts'
import { clearContracts } from './import.ts'
import type { PartResult } from './parts.ts'
import { scaled } from './scale.ts'
import type { Stage } from './stage.ts'
import { compare, median, round } from './statistics.ts'
import { inParallel } from './web.ts'
import { openWorkspace } from './workspace.ts'

const sizes = [scaled(2000), scaled(20_000)] as const
const changed = scaled(100)
const companies = 20
/** As admin-sync does transfers. */
const transfersAtOnce = 3
const silent = createLog('bench', 'silent')

export async function benchFollow(stage: Stage, repetitions: number): Promise<PartResult> {
  await clearContracts(stage)
  const { workspace, close: closeWorkspace } = await openWorkspace(stage, 'bench_follow')
  const config = readAdminSyncConfig(stage.adminSyncEnvironment)
  const pool = createPool(config.ADMIN_SYNC_DATABASE_URL, 'ellipro-bench', silent)
  const { contracts, close } = createDependencies(config, silent, pool, async () => {})
  const { signal } = new AbortController()
  const dependencies = { ...contracts, workspace }

  async function follow(): Promise<void> {
    const { named } = await followContracts(
      { pool, source: contracts.source, log: silent, signal },
      async () => {},
    )
    const { rows } = await pool.query<{ id: string }>(
      `DELETE FROM ellipro.case_outbox WHERE kind = 'transfer-contract' RETURNING subject_id AS id`,
    )
    if (named !== changed || rows.length !== changed)
      throw new Error(`Of ${changed} changed contracts ${named} were seen, and ${rows.length} have a job`)
    await inParallel(rows.length, transfersAtOnce, async (i) => {
      const job = { id: rows[i]!.id, data: { id: rows[i]!.id }, retryCount: 0, signal }
      const { status } = await runContractJob('transfer-contract', job, dependencies)
      if (status !== 'completed') throw new Error(`A transfer ended as ${status}`)
    })
  }

  try {
    const seconds: number[][] = []
    for (const [i, size] of sizes.entries()) {
      await fill(stage, i === 0 ? 0 : sizes[0], size)
      if (!contracts.source) throw new Error('The bench has no source')
      await importLive(pool, contracts.source)
      // What was imported was carried over long ago: only what changes has a job.
      await stage.database.query('TRUNCATE ellipro.case_outbox')
      await stage.database.query('VACUUM ANALYZE')
      const turns: number[] = []
      // The first one warms what is used.
      for (let turn = 0; turn <= repetitions; turn++) {
        // A change of this moment is named again at the next look, and turns follow each other within seconds.
        await ageChanges(stage)
        await stage.cofacering.query(`UPDATE portfolio SET name = name || '.' WHERE contract_id = ANY ($1)`, [
          Array.from({ length: changed }, (_, n) => nameContract((turn * changed + n) % sizes[0])),
        ])
        const startedAt = performance.now()
        await follow()
        if (turn > 0) turns.push((performance.now() - startedAt) / 1000)
      }
      seconds.push(turns)
    }
    return {
      results: [
        compare(
          `${changed} changed contracts carried over among ${sizes[1]}, against among ${sizes[0]}`,
          seconds[1]!,
          seconds[0]!,
          { unit: 's', goal: 1.3, better: 'lower' },
        ),
      ],
      tables: {
        follow: {
          columns: ['contracts', 'changed', 'seconds'],
          rows: sizes.map((size, i) => [size, changed, round(median(seconds[i]!))]),
        },
      },
    }
  } finally {
    await Promise.all([close(), pool.end(), closeWorkspace()])
    await stage.cofacering.query(`DELETE FROM contract WHERE id LIKE 'BF-%'`)
    await clearContracts(stage)
  }
}

const nameContract = (n: number) => `BF-${String(n).padStart(6, '0')}`

/** Contracts of Cofacering, each with some companies, last changed a day ago. */
async function fill({ cofacering }: Stage, from: number, to: number): Promise<void> {
  const numbers = Array.from({ length: to - from }, (_, n) => from + n)
  await cofacering.query(
    `INSERT INTO contract SELECT id, 'Banc ' || id, siren, 'x', '44000', 'Nantes', 'Premium', 1000, '2015-01-01', 'Zoé', 'z@bench.example', '01', '{}'
       FROM unnest($1::text[], $2::text[]) AS c (id, siren)`,
    [numbers.map(nameContract), numbers.map((n) => sirenOf(50_000_000 + n))],
  )
  await cofacering.query(
    `INSERT INTO portfolio (contract_id, country, number, name, added_on)
     SELECT id, 'FR', siren, 'Exemple ' || siren, '2020-01-01' FROM unnest($1::text[]) id, unnest($2::text[]) siren`,
    [numbers.map(nameContract), Array.from({ length: companies }, (_, n) => sirenOf(60_000_000 + n))],
  )
  await ageChanges({ cofacering })
  await cofacering.query('ANALYZE')
}

const ageChanges = ({ cofacering }: Pick<Stage, 'cofacering'>) =>
  cofacering.query(
    `UPDATE contract_change SET changed_at = changed_at - interval '1 day' WHERE changed_at > now() - interval '1 day'`,
  )
