/** The command `import` as a process: answers, exit codes, killed in the middle, and several at once. */
import { spawn, type ChildProcess } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'
import { afterAll, beforeEach, expect, it, vi } from 'vitest'
import { importSnapshot } from '../../../../admin-sync/contracts/import/import.ts'
import { columns, contractKinds, type Kind } from '../../../../admin-sync/contracts/model.ts'
import { UpstreamError } from '../../../../core/errors.ts'
import { createDatabase } from '../../../support/postgres.ts'
import { alert, contract, line, makeSnapshot, type Material } from './material.ts'

const database = await createDatabase()
const owner = new pg.Pool({ connectionString: database.superuser })
const folder = mkdtempSync(join(tmpdir(), 'ellipro-import-'))
afterAll(async () => {
  await owner.end()
  rmSync(folder, { recursive: true })
})
beforeEach(async () => {
  await owner.query(`TRUNCATE ellipro.legacy_contract, ellipro.portfolio_line, ellipro.monitoring, ellipro.contract_transfer,
    ellipro.case_outbox, ellipro.import_run CASCADE; DROP SCHEMA IF EXISTS ellipro_stage CASCADE`)
})

const contracts = 40
const linesEach = 2500
const id = (n: number) => `CF-${100 + n}`
const material: Material = {
  contracts: Array.from({ length: contracts }, (_, n) => contract(id(n))),
  portfolio: Array.from({ length: contracts * linesEach }, (_, n) => line(id(Math.floor(n / linesEach)), n)),
  monitoring: Array.from({ length: contracts }, (_, n) => alert(id(n), n * linesEach)),
}

function writeExport(change: Partial<Record<Kind, string>> = {}): void {
  const files = contractKinds.map((kind) => {
    const lines = (material[kind] ?? []).map((values) =>
      columns[kind].map((name) => values[name] ?? '').join(';'),
    )
    const content = change[kind] ?? [columns[kind].join(';'), ...lines, ''].join('\n')
    writeFileSync(join(folder, `${kind}.csv`), content)
    return {
      name: `${kind}.csv`,
      kind,
      rows: content.trimEnd().split('\n').length - 1,
      sha256: createHash('sha256').update(content).digest('hex'),
    }
  })
  writeFileSync(
    join(folder, 'manifest.json'),
    JSON.stringify({ format: 'ellipro-export-1', delimiter: ';', files }),
  )
}

type Run = { process: ChildProcess; ended: Promise<{ code: number | null; out: string; err: string }> }
function start(...args: string[]): Run {
  const child = spawn(process.execPath, ['admin-sync/cli.ts', 'import', folder, ...args], {
    env: { ...process.env, ADMIN_SYNC_DATABASE_URL: database.sync, LANG: 'en_GB.UTF-8', LC_ALL: '' },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let [out, err] = ['', '']
  child.stdout.on('data', (data) => void (out += String(data)))
  child.stderr.on('data', (data) => void (err += String(data)))
  const ended = new Promise<{ code: number | null; out: string; err: string }>((done) =>
    child.once('close', (code) => done({ code, out, err })),
  )
  return { process: child, ended }
}
const count = async (sql: string) =>
  (await owner.query<{ n: number }>(`SELECT count(*)::int AS n FROM ${sql}`)).rows[0]!.n
/** Of each contract everything or nothing, with the digest of what is there. */
async function expectWhole(): Promise<void> {
  const { rows } = await owner.query(
    `SELECT c.contract FROM ellipro.legacy_contract c
      WHERE digest IS DISTINCT FROM ellipro.contract_digest(contract)
         OR (SELECT count(*) FROM ellipro.portfolio_line p WHERE p.contract = c.contract) <> ${linesEach}`,
  )
  expect(rows).toEqual([])
  expect(
    await count(
      `ellipro.portfolio_line p WHERE NOT EXISTS (SELECT FROM ellipro.legacy_contract c WHERE c.contract = p.contract)`,
    ),
  ).toBe(0)
}

it('killed while it reads, while it checks and while it writes, it goes on, and nothing is there twice or half', async () => {
  writeExport()
  const gates: [name: string, reached: () => Promise<boolean>][] = [
    [
      'reading',
      async () =>
        (await count(
          `pg_class WHERE relname = 'read' AND relpages >= 0 AND relnamespace = to_regnamespace('ellipro_stage')`,
        )) > 0,
    ],
    [
      'checking',
      async () =>
        (await count(
          `pg_stat_activity WHERE datname = current_database() AND query LIKE '%count(*) > 0 AS some%' AND state = 'active' AND pid <> pg_backend_pid()`,
        )) > 0,
    ],
    [
      'writing',
      async () =>
        (await count(`ellipro.import_run WHERE state = 'staged'`)) > 0 &&
        (await count('ellipro.legacy_contract')) > 0,
    ],
  ]
  for (const [, reached] of gates) {
    const run = start()
    const ended = run.ended.then(() => true)
    while (
      !(await reached()) &&
      !(await Promise.race([ended, new Promise<false>((go) => setTimeout(() => go(false), 5))]))
    );
    run.process.kill('SIGKILL')
    await run.ended
    await expectWhole()
  }
  // What the killed ones were doing ends with their connections.
  await vi.waitFor(
    async () =>
      expect(
        await count(
          `pg_stat_activity WHERE application_name = 'ellipro-admin-sync-import' AND datname = current_database()`,
        ),
      ).toBe(0),
    10_000,
  )
  const { code, out } = await start('--json').ended
  expect(code).toBe(0)
  const report = JSON.parse(out) as {
    counts: Record<Kind, { read: number; stored: number; unchanged: number }>
  }
  expect(report.counts.contracts.stored + report.counts.contracts.unchanged).toBe(contracts)
  await expectWhole()
  expect(await count('ellipro.portfolio_line')).toBe(contracts * linesEach)
  // One transfer for each contract: none was written a second time.
  expect(await count(`ellipro.case_outbox WHERE kind = 'transfer-contract'`)).toBe(contracts)
  expect(await count(`pg_namespace WHERE nspname = 'ellipro_stage'`)).toBe(0)
})

it('a stage that was kept is gone on with: what was read is not read again', async () => {
  const pool = new pg.Pool({ connectionString: database.sync, max: 1 })
  const read: Kind[] = []
  const cut = makeSnapshot(material, {
    fingerprint: 'x',
    onBatch: (kind) => {
      if (kind === 'monitoring') throw new Error('cut off')
    },
  })
  await expect(importSnapshot(pool, cut)).rejects.toThrow('cut off')
  expect(await count('ellipro.legacy_contract')).toBe(0)
  const again = makeSnapshot(material, { fingerprint: 'x', onBatch: (kind) => void read.push(kind) })
  const report = await importSnapshot(pool, again)
  expect(report).toMatchObject({
    resumed: true,
    counts: { portfolio: { read: contracts * linesEach, stored: contracts * linesEach } },
  })
  expect(new Set(read)).toEqual(new Set(['monitoring']))
  await expectWhole()
  await pool.end()
})

it('stopped between two transactions, it goes on with the contracts that are left', async () => {
  const pool = new pg.Pool({ connectionString: database.sync, max: 1 })
  const stopping = new AbortController()
  const stopped = importSnapshot(pool, makeSnapshot(material, { fingerprint: 'y' }), {
    signal: stopping.signal,
    onProgress: ({ phase, done }) => {
      if (phase === 'write' && done > 0) stopping.abort(new Error('stopped'))
    },
  })
  await expect(stopped).rejects.toThrow('stopped')
  const first = await count('ellipro.legacy_contract')
  expect(first).toBeGreaterThan(0)
  expect(first).toBeLessThan(contracts)
  await expectWhole()
  const report = await importSnapshot(pool, makeSnapshot(material, { fingerprint: 'y' }))
  expect(report).toMatchObject({ resumed: true, counts: { contracts: { stored: contracts } } })
  expect(await count(`ellipro.case_outbox WHERE kind = 'transfer-contract'`)).toBe(contracts)
  await expectWhole()
  await pool.end()
})

it('of eight whole imports at once one works, and the others say that it does', async () => {
  const pool = new pg.Pool({ connectionString: database.sync, max: 8 })
  const small: Material = { contracts: material.contracts!, portfolio: material.portfolio!.slice(0, 5000) }
  const results = await Promise.allSettled(
    Array.from({ length: 8 }, () => importSnapshot(pool, makeSnapshot(small))),
  )
  const refused = results
    .filter((result) => result.status === 'rejected')
    .map(({ reason }) => reason as unknown)
  expect(refused.length).toBeGreaterThan(0)
  expect(refused.length).toBeLessThan(8)
  for (const error of refused) {
    expect(error).toBeInstanceOf(UpstreamError)
    expect(error).toMatchObject({ code: 'import_running', disposition: 'retry' })
  }
  expect(await count('ellipro.portfolio_line')).toBe(5000)
  await pool.end()
})

it('of eight imports of the same contracts at once none is half, and none waits for ever', async () => {
  const pool = new pg.Pool({ connectionString: database.sync, max: 8 })
  const some: Material = {
    contracts: material.contracts!.slice(0, 4),
    portfolio: material.portfolio!.slice(0, 4 * linesEach),
  }
  await Promise.all(
    Array.from({ length: 8 }, () => importSnapshot(pool, makeSnapshot(some, { isWhole: false }))),
  )
  expect(await count('ellipro.legacy_contract')).toBe(4)
  await expectWhole()
  await pool.end()
})

it('the command says what is wrong with a line, with an export, and with another import at work', async () => {
  writeExport({ countries: 'contract;country\nCF-100;DE\nCF-100;YU\n' })
  const first = await start().ended
  expect(first).toMatchObject({ code: 1, err: '' })
  expect(first.out).toContain(
    'countries.csv, line 3 · unknown country code (ISO 3166-1, two letters) · CF-100 · YU',
  )

  writeFileSync(
    join(folder, 'portfolio.csv'),
    readFileSync(join(folder, 'portfolio.csv'), 'utf8').replace('Cliente 7;', 'Cliente 8;'),
  )
  await owner.query(`TRUNCATE ellipro.legacy_contract CASCADE`)
  const changed = await start().ended
  expect(changed.code).toBe(1)
  expect(changed.err).toContain('portfolio.csv: not the file that manifest.json means')
  expect(await count('ellipro.legacy_contract')).toBe(0)
  expect(await count(`ellipro.import_run WHERE state = 'failed'`)).toBe(1)

  const client = await owner.connect()
  await client.query(`SELECT pg_advisory_lock(hashtextextended('contract import', 0))`)
  const busy = await start().ended
  await client.query('SELECT pg_advisory_unlock_all()')
  client.release()
  expect(busy.code).toBe(3)
  expect(busy.err).toContain('Another import is at work')
})
