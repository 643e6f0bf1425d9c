/**
 * Contracts as the whole process and the operator's command carry them: from the sample Cofacering to the real workspace,
 * with Keycloak's own tokens.
 */
import { execFile, spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { readAdminSyncConfig } from '../../../admin-sync/config.ts'
import { digestContract } from '../../../admin-sync/contracts/digest.ts'
import { importLive } from '../../../admin-sync/contracts/live-import.ts'
import { readLegacyQueries } from '../../../admin-sync/contracts/source/queries.ts'
import { createSqlSource } from '../../../admin-sync/contracts/source/sql.ts'
import { createWorkspace } from '../../../admin-sync/contracts/target/http.ts'
import type { BulkReport } from '../../../admin-sync/contracts/transfer-all.ts'
import { readCopy } from '../../../admin-sync/contracts/transfer-store.ts'
import type { SealedReport } from '../../../admin-sync/contracts/verify/report.ts'
import { createTokens } from '../../../admin-sync/keycloak/transport.ts'
import { startAdminSync } from '../../../admin-sync/main.ts'
import { createLog } from '../../../core/log.ts'
import { startHttpProxy } from '../../support/fault-proxy.ts'
import { startWorkspace } from '../../support/workspace.ts'
import { createBench } from '../accounts/bench.ts'

const root = join(import.meta.dirname, '..', '..', '..')
const bench = await createBench()
const { pool } = bench
const workspace = await startWorkspace({ issuer: bench.issuer })
const proxy = await startHttpProxy(new URL(workspace.url).origin)
const environment = {
  ...bench.environment,
  // Tokens name the address that they were asked at: not that of the bench's gate.
  KEYCLOAK_URL: bench.issuer.replace(/\/realms\/.*/, ''),
  WORKSPACE_URL: `${proxy.url}/workspace`,
}
const config = readAdminSyncConfig(environment)
const looking = createWorkspace({
  url: workspace.url,
  tokens: createTokens(config.KEYCLOAK_URL, config.KEYCLOAK_REALM, {
    kind: 'client',
    clientId: 'admin-sync-workspace',
    clientSecret: config.WORKSPACE_CLIENT_SECRET,
  }),
})
const lines: string[] = []
const log = createLog('admin-sync', 'debug', { write: (line) => void lines.push(line) })

const env = { PATH: process.env['PATH'], LANG: 'en_GB.UTF-8', ...environment }
type Ran = { code: number | null; out: string; err: string }
const cli = (...words: string[]): Promise<Ran> =>
  new Promise((done) => {
    execFile(process.execPath, [join(root, 'admin-sync/cli.ts'), ...words], { env }, (error, out, err) =>
      done({ code: error ? Number(error.code) : 0, out, err }),
    )
  })
const transfer = async (...words: string[]) => {
  const { code, out } = await cli('contracts', 'transfer', '--json', ...words)
  return { code, report: JSON.parse(out) as BulkReport }
}
const verify = async () => {
  const { code, out } = await cli('contracts', 'verify', '--json')
  return { code, ...(JSON.parse(out) as SealedReport) }
}
const ask = async <T extends object>(sql: string, values: unknown[] = []) =>
  (await pool.query<T>(sql, values)).rows
const count = async (condition: string) =>
  Number(
    (await ask<{ n: string }>(`SELECT count(*) AS n FROM ellipro.contract_transfer WHERE ${condition}`))[0]
      ?.n,
  )

async function until(what: () => Promise<boolean>, timeoutMs = 30_000): Promise<void> {
  for (const end = Date.now() + timeoutMs; !(await what());) {
    if (Date.now() > end) throw new Error(`it did not come about; last lines:\n${lines.slice(-5).join('')}`)
    await sleep(50)
  }
}
/** An account of the contract is opened. */
async function move(contract: string): Promise<void> {
  const [row] = await ask<{ id: string }>(
    `INSERT INTO ellipro.activation (state, account, login, company, contract, address, locale, expires_at, confirmed_at)
     VALUES ('confirmed', $1, $1, 'Société', $2, $3, 'fr', now(), now()) RETURNING id`,
    [randomUUID(), contract, bench.nextAddress()],
  )
  await pool.query(`UPDATE ellipro.activation SET state = 'opened', opened_at = now() WHERE id = $1`, [
    row!.id,
  ])
}
const isFinished = async (contract: string) =>
  (
    await ask('SELECT FROM ellipro.contract_transfer WHERE contract = $1 AND finished_at IS NOT NULL', [
      contract,
    ])
  ).length === 1

let all: string[] = []
beforeAll(async () => {
  const source = createSqlSource(config.LEGACY_DATABASE_URL, readLegacyQueries(undefined))
  await importLive(pool, source)
  // What the command does is seen without the jobs that the import asks for.
  await pool.query('DELETE FROM ellipro.case_outbox')
  all = (
    await ask<{ contract: string }>('SELECT contract FROM ellipro.legacy_contract ORDER BY contract')
  ).map(({ contract }) => contract)
}, 60_000)
beforeEach(() => {
  proxy.trouble = () => undefined
})

test('the command says what it would do, carries over what is named, and all the rest after it was stopped', async () => {
  expect(all.length).toBeGreaterThan(50)
  const rehearsal = await transfer('--all', '--dry-run')
  expect(rehearsal).toMatchObject({ code: 0, report: { outcomes: { send: all.length }, isRehearsal: true } })
  expect(await count('accepted_digest IS NOT NULL')).toBe(0)

  const named = await transfer(all[0]!, all[1]!, 'no such contract')
  expect(named.code).toBe(1)
  expect(named.report).toMatchObject({ wanted: 2, outcomes: { stored: 2 }, unknown: ['no such contract'] })
  expect(digestContract((await looking.read(all[0]!))!)).toEqual(
    digestContract((await readCopy(pool, all[0]!))!.document),
  )

  // Each answer takes its time, so that Ctrl-C comes in the middle.
  proxy.trouble = () => ({ hold: sleep(60) })
  const child = spawn(process.execPath, [join(root, 'admin-sync/cli.ts'), 'contracts', 'transfer', '--all'], {
    env,
  })
  let out = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    out += text
  })
  await until(async () => (await count('accepted_digest IS NOT NULL')) > 5)
  child.kill('SIGINT')
  const [code] = (await once(child, 'close')) as [number | null]
  expect(code).toBe(1)
  expect(out).toMatch(/stored at the workspace\s+\d+/)
  expect(out).toMatch(/left\s+\d+/)
  const accepted = await count('accepted_digest IS NOT NULL')
  expect(accepted).toBeLessThan(all.length)

  proxy.trouble = () => undefined
  const rest = await transfer('--all')
  expect(rest).toMatchObject({ code: 0, report: { outcomes: { stored: all.length - accepted }, left: 0 } })
  expect(await transfer('--all')).toMatchObject({ code: 0, report: { wanted: 0, outcomes: {} } })
  expect((await looking.listDigests('', 1000)).map(({ contract }) => contract)).toEqual(all)
}, 120_000)

test('without a contract and without --all it says how it is called; a workspace that is away ends it', async () => {
  const bare = await cli('contracts', 'transfer')
  expect([bare.code, bare.err]).toEqual([1, expect.stringContaining('--all')])
  await pool.query('UPDATE ellipro.contract_transfer SET accepted_digest = NULL WHERE contract = $1', [
    all[0],
  ])
  proxy.trouble = () => ({ status: 503 })
  const away = await transfer('--all')
  expect(away).toMatchObject({
    code: 1,
    report: { failed: [{ contract: all[0], code: 'workspace:http_503' }] },
  })
})

test('the comparison names what was changed at Cofacering, and finds nothing once that is carried over', async () => {
  const whole = { ours: all.length, identical: all.length }
  expect(await verify()).toMatchObject({
    code: 0,
    report: { isIdentical: true, totals: { contracts: whole } },
  })

  const { rows } = await bench.cofacering.query<{ contract_id: string; country: string; number: string }>(
    `UPDATE portfolio SET name = 'Autrement SA'
      WHERE (contract_id, country, number) = (SELECT contract_id, country, number FROM portfolio ORDER BY 1, 2, 3 LIMIT 1)
     RETURNING contract_id, country, number`,
  )
  const { contract_id: contract, country, number } = rows[0]!
  const found = await verify()
  expect(found).toMatchObject({
    code: 1,
    report: {
      isIdentical: false,
      contracts: [{ contract, verdict: 'differing', count: 1 }],
      differences: [
        {
          contract,
          section: 'portfolio',
          record: `${country} ${number}`,
          field: 'name',
          ours: 'Autrement SA',
        },
      ],
    },
  })
  expect((await transfer(contract)).report.outcomes).toEqual({ stored: 1 })
  expect(await verify()).toMatchObject({
    code: 0,
    report: { isIdentical: true, totals: { contracts: whole } },
  })
  await pool.query('DELETE FROM ellipro.case_outbox')
}, 120_000)

test('while the process runs: moved, frozen and finished; refused, a dead letter, and done when it is sent back', async () => {
  const adminSync = await startAdminSync(config, log)
  afterAll(() => adminSync.stop())
  const [contract, other] = [all[2]!, all[3]!]
  // Cofacering changes in the last minute, before anybody has followed it.
  await bench.cofacering.query(`UPDATE contract SET contact_phone = '01 23 45 67 89' WHERE id = $1`, [
    contract,
  ])
  await move(contract)
  await until(() => isFinished(contract))
  const there = await looking.read(contract)
  expect(there?.contact.phone).toBe('01 23 45 67 89')
  expect(await looking.readDigest(contract)).toMatchObject({
    digest: (await readCopy(pool, contract))!.digest,
    received: { final: true },
  })
  // And after it: nothing that the process does reaches the workspace any more.
  await bench.cofacering.query(`UPDATE contract SET contact_phone = '09 99 99 99 99' WHERE id = $1`, [
    contract,
  ])
  expect((await transfer(contract)).report.outcomes).toEqual({ finished_before: 1 })

  proxy.trouble = (asked) =>
    asked.startsWith('PUT')
      ? {
          status: 409,
          headers: { 'content-type': 'application/problem+json' },
          body: JSON.stringify({ title: 'Frozen', status: 409, code: 'contract_frozen' }),
        }
      : undefined
  await move(other)
  await until(async () => (await cli('jobs', 'dead')).code === 1)
  const [row] = await ask<{ id: string }>('SELECT id FROM ellipro.contract_transfer WHERE contract = $1', [
    other,
  ])
  const dead = JSON.parse((await cli('jobs', 'dead', '--json')).out) as { id: string }[]
  expect(dead).toMatchObject([
    { job: 'transfer-contract', subject: row!.id, code: 'workspace:contract_frozen' },
  ])
  expect(await count(`refused = 'contract_frozen'`)).toBe(1)
  proxy.trouble = () => undefined
  expect((await cli('jobs', 'redrive', dead[0]!.id, '--reason', 'mended')).code).toBe(0)
  await until(() => isFinished(other))
  const metrics = await (await fetch(`${adminSync.url}/metrics`)).text()
  expect(metrics).toMatch(/ellipro_contract_transfers_total\{outcome="finished"\} [2-9]/)
  expect(metrics).toMatch(/ellipro_contracts\{state="finished"\} [2-9]/)
  expect(metrics).toMatch(/ellipro_contract_transfers_total\{outcome="workspace:contract_frozen"\} 1/)
}, 120_000)
