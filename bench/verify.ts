/**
 * Part `verify`: the comparison of all contracts of the part `import` with a workspace that has them all, over HTTP, against
 * the plain sequential read of the same tables: COPY TO STDOUT of each, both sides at once as the comparison reads them,
 * every byte taken and thrown away.
 */
import { pipeline } from 'node:stream/promises'
import { Writable } from 'node:stream'
import pg from 'pg'
import copyStreams from 'pg-copy-streams'
import { verifyContracts } from '../admin-sync/contracts/verify/verify.ts'
import { readAdminSyncConfig } from '../admin-sync/config.ts'
import { createPool } from '../core/database/pool.ts'
import { createLog } from '../core/log.ts'
import { clearContracts, importAll, size } from './import.ts'
import type { PartResult } from './parts.ts'
import type { Stage } from './stage.ts'
import { compare, median, round } from './statistics.ts'
import { openWorkspace } from './workspace.ts'

/** Each way; the figures are seconds and more. */
const turns = 3

/** What the workspace has, from our copy: columns there are those of the query. */
const copies = [
  [
    'contract',
    `SELECT contract, company, country, number, tariff, fee_cents, currency, signed_on, contact_name, contact_email,
       contact_phone, reports, analyses, score, digest FROM ellipro.legacy_contract`,
    `contract, company, country, number, tariff, fee_cents, currency, signed_on, contact_name, contact_email,
       contact_phone, reports, analyses, score, received_digest`,
  ],
  [
    'price',
    'SELECT contract, item, amount_cents, currency FROM ellipro.tariff_price',
    'contract, item, cents, currency',
  ],
  ['country', 'SELECT contract, country FROM ellipro.contract_country', 'contract, country'],
  [
    'portfolio',
    'SELECT contract, country, number, name, reference, added_on FROM ellipro.portfolio_line',
    'contract, country, number, name, reference, added_on',
  ],
  [
    'monitoring',
    'SELECT contract, country, number, kind, recipient, since FROM ellipro.monitoring',
    'contract, country, number, kind, recipient, since',
  ],
] as const

export async function benchVerify(stage: Stage): Promise<PartResult> {
  const { rows } = await stage.database.query<{ count: number }>(
    'SELECT count(*)::integer AS count FROM ellipro.legacy_contract',
  )
  // `import` ran before, in this run; alone, this part makes the same copy.
  if (rows[0]?.count !== size.contracts) {
    await clearContracts(stage)
    await importAll(stage)
  }
  const { workspace, databaseUrl: workspaceUrl, close } = await openWorkspace(stage, 'bench_workspace')
  const pool = createPool(
    readAdminSyncConfig(stage.adminSyncEnvironment).ADMIN_SYNC_DATABASE_URL,
    'ellipro-bench',
    createLog('bench', 'silent'),
  )
  try {
    // The workspace makes its tables when it is first asked.
    await workspace.listDigests('', 1)
    await fillWorkspace(stage, workspaceUrl)
    const [ours, peer]: [number[], number[]] = [[], []]
    for (let turn = 0; turn < turns; turn++) {
      peer.push(
        await time(async () => {
          await Promise.all([
            readPlainly(
              stage.superuserUrl('ellipro'),
              copies.map(([, query]) => query),
            ),
            readPlainly(
              workspaceUrl,
              copies.map(([table]) => `TABLE workspace.${table}`),
            ),
          ])
        }),
      )
      ours.push(
        await time(async () => {
          const { totals } = await verifyContracts(pool, workspace)
          if (totals.contracts.identical !== size.contracts)
            throw new Error(`Of ${size.contracts} contracts ${totals.contracts.identical} are identical`)
        }),
      )
      console.log(`  read ${round(peer.at(-1)!)} s, compared ${round(ours.at(-1)!)} s`)
    }
    const companies = size.contracts * size.companies
    return {
      results: [
        compare(`verification of ${size.contracts} contracts against reading both sides`, ours, peer, {
          unit: 's',
          goal: 2,
          better: 'lower',
        }),
      ],
      tables: {
        verify: {
          columns: ['', 'contracts', 'companies on each side', 'seconds'],
          rows: [
            [
              'comparison: digests from the rows of both sides, over HTTP',
              size.contracts,
              companies,
              round(median(ours)),
            ],
            ['plain sequential read of both sides', size.contracts, companies, round(median(peer))],
          ],
        },
      },
    }
  } finally {
    await Promise.all([pool.end(), close()])
    await clearContracts(stage)
  }
}

/** By COPY from one database into the other, as the transfer of 20,000 contracts would leave it. */
async function fillWorkspace(stage: Stage, workspaceUrl: string): Promise<void> {
  const [from, to] = [stage.superuserUrl('ellipro'), workspaceUrl].map(
    (connectionString) => new pg.Client({ connectionString }),
  )
  await Promise.all([from!.connect(), to!.connect()])
  try {
    for (const [table, query, names] of copies) {
      const [out, into] = [
        from!.query(copyStreams.to(`COPY (${query}) TO STDOUT`)),
        to!.query(copyStreams.from(`COPY workspace.${table} (${names}) FROM STDIN`)),
      ]
      await pipeline(out, into)
    }
    // As the server does by itself some minutes later.
    await Promise.all([from!.query('VACUUM ANALYZE'), to!.query('VACUUM ANALYZE')])
    await from!.query(
      `UPDATE ellipro.contract_transfer t SET accepted_at = now(), accepted_digest = c.digest
         FROM ellipro.legacy_contract c WHERE c.contract = t.contract`,
    )
  } finally {
    await Promise.all([from!.end(), to!.end()])
  }
}

async function readPlainly(connectionString: string, queries: readonly string[]): Promise<void> {
  const client = new pg.Client({ connectionString })
  await client.connect()
  try {
    for (const query of queries) {
      const nowhere = new Writable({ write: (_chunk, _encoding, done) => done() })
      await pipeline(client.query(copyStreams.to(`COPY (${query}) TO STDOUT`)), nowhere)
    }
  } finally {
    await client.end()
  }
}

/** @returns seconds */
async function time(work: () => Promise<void>): Promise<number> {
  const startedAt = performance.now()
  await work()
  return (performance.now() - startedAt) / 1000
}
