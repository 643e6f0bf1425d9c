/**
 * Part `import`: 100,000 logins and 20,000 contracts with 10 million companies, streamed as CSV through the readers of an
 * export and `importSnapshot`, against PostgreSQL's own COPY of the same bytes into the same tables with the same indexes,
 * empty like ours. COPY checks no SIREN, finds no contradiction, computes no digest and takes no contract as a whole.
 *
 * What a file of 2 GB needs of memory is measured by reading one, which is streamed like the others.
 */
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import pg from 'pg'
import copyStreams from 'pg-copy-streams'
import { importSnapshot, type ImportProgress } from '../admin-sync/contracts/import/import.ts'
import { columns } from '../admin-sync/contracts/model.ts'
import { readAdminSyncConfig } from '../admin-sync/config.ts'
import { createPool } from '../core/database/pool.ts'
import { createLog } from '../core/log.ts'
import { streamExport, streamFile, type ExportSize } from './contract-stream.ts'
import type { PartResult } from './parts.ts'
import { scaled } from './scale.ts'
import type { Stage } from './stage.ts'
import { compare, round, type Cell } from './statistics.ts'

export const size: ExportSize = {
  contracts: scaled(20_000),
  logins: scaled(100_000),
  companies: 500,
  alerts: 10,
}
/** Some 67 bytes each. */
const linesOfLargeFile = scaled(30_000_000)

/** Contracts themselves are not among the peer's: a fifth of a percent of the lines. */
const tables = {
  prices: 'tariff_price',
  countries: 'contract_country',
  portfolio: 'portfolio_line',
  monitoring: 'monitoring',
  logins: 'legacy_login',
} as const

export async function benchImport(stage: Stage): Promise<PartResult> {
  const lines = size.contracts * (1 + 3 + 4 + size.companies + size.alerts) + size.logins
  const peer = await measure(() => copyBarely(stage))
  await clearContracts(stage)
  const ours = await measure(() => importAll(stage))
  const large = { ...size, contracts: Math.ceil(linesOfLargeFile / size.companies) }
  let bytes = 0
  const reading = await measure(async () => {
    for (const chunk of streamFile('portfolio', large)) bytes += chunk.length
    let records = 0
    for await (const batch of streamExport(large).read('portfolio')) records += batch.records.length
    if (records !== large.contracts * large.companies) throw new Error(`Read ${records} records`)
  })
  const rate = ({ seconds }: Measured) => lines / 1000 / seconds
  return {
    results: [
      compare(`import of ${lines} lines against COPY of the same`, [rate(ours)], [rate(peer)], {
        unit: 'thousand lines a second',
        goal: 0.3,
        better: 'higher',
      }),
    ],
    tables: {
      import: {
        columns: ['', 'lines', 'seconds', 'peak MB of the process', 'more than before'],
        rows: [
          row('import, from the first byte to the report', ours, lines),
          row('COPY of the same bytes into the same tables', peer, lines),
          row(
            `reading a file of ${round(bytes / 1e9)} GB, made while it is read`,
            reading,
            large.contracts * large.companies,
          ),
        ],
      },
    },
  }
}

/** Our copy, whole; other parts that need one call it too. */
export async function importAll(stage: Stage): Promise<void> {
  const log = createLog('bench', 'silent')
  const pool = createPool(
    readAdminSyncConfig(stage.adminSyncEnvironment).ADMIN_SYNC_DATABASE_URL,
    'ellipro-bench',
    log,
  )
  try {
    const report = await importSnapshot(pool, streamExport(size), { onProgress: printProgress() })
    if (report.errors > 0 || report.counts.portfolio.stored !== size.contracts * size.companies)
      throw new Error(`The import stored ${JSON.stringify(report.counts)}`)
  } finally {
    await pool.end()
  }
}

export async function clearContracts({ database }: Stage): Promise<void> {
  await database.query('DROP SCHEMA IF EXISTS bench_peer CASCADE')
  await database.query(
    `TRUNCATE ellipro.legacy_contract, ellipro.tariff_price, ellipro.contract_country, ellipro.portfolio_line,
       ellipro.monitoring, ellipro.legacy_login, ellipro.contract_transfer, ellipro.case_outbox CASCADE`,
  )
}

async function copyBarely(stage: Stage): Promise<void> {
  const client = new pg.Client({ connectionString: stage.superuserUrl('ellipro') })
  await client.connect()
  try {
    await client.query('DROP SCHEMA IF EXISTS bench_peer CASCADE; CREATE SCHEMA bench_peer')
    for (const [kind, table] of Object.entries(tables) as [keyof typeof tables, string][]) {
      await client.query(`CREATE TABLE bench_peer.${table} (LIKE ellipro.${table} INCLUDING ALL)`)
      const copy = client.query(
        copyStreams.from(
          `COPY bench_peer.${table} (${columns[kind].join(', ')}) FROM STDIN (FORMAT csv, HEADER)`,
        ),
      )
      await pipeline(Readable.from(streamFile(kind, size), { objectMode: true, highWaterMark: 2 }), copy)
    }
  } finally {
    await client.end()
  }
}

type Measured = { seconds: number; peakMb: number; before: number }
const row = (name: string, { seconds, peakMb, before }: Measured, of: number | string): Cell[] => [
  name,
  of,
  round(seconds),
  Math.round(peakMb),
  Math.round(peakMb - before),
]

const resident = () => process.memoryUsage.rss() / 1e6

/** Memory is looked at ten times a second: resident, of this whole process. */
async function measure(work: () => Promise<void>): Promise<Measured> {
  const before = resident()
  let peakMb = before
  const timer = setInterval(() => (peakMb = Math.max(peakMb, resident())), 100)
  const startedAt = performance.now()
  try {
    await work()
  } finally {
    clearInterval(timer)
  }
  return { seconds: (performance.now() - startedAt) / 1000, peakMb, before }
}

/** A line every ten seconds. */
function printProgress(): (progress: ImportProgress) => void {
  let shownAt = performance.now()
  return ({ phase, kind, done, expected }) => {
    if (performance.now() - shownAt < 10_000) return
    shownAt = performance.now()
    console.log(`  ${phase} ${kind ?? ''} ${done}${expected === undefined ? '' : ` of ${expected}`}`)
  }
}
