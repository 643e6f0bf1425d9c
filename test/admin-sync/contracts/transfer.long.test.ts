/**
 * The process that carries contracts is killed at each of its steps, with kill -9, while Cofacering goes on changing; and a
 * contract as large as they come. Whatever happens there is one contract at the workspace, whole, and the same as our copy.
 *
 * KILL_TRANSFER='put,frozen' runs the cells whose checkpoint has one of these in its name.
 */
import { spawn, type ChildProcess } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { readAdminSyncConfig } from '../../../admin-sync/config.ts'
import { importLive } from '../../../admin-sync/contracts/live-import.ts'
import { readLegacyQueries } from '../../../admin-sync/contracts/source/queries.ts'
import { createSqlSource } from '../../../admin-sync/contracts/source/sql.ts'
import { createWorkspace } from '../../../admin-sync/contracts/target/http.ts'
import { readCopy } from '../../../admin-sync/contracts/transfer-store.ts'
import { runContractJob } from '../../../admin-sync/jobs/contract-work.ts'
import { createBoss } from '../../../admin-sync/jobs/queues.ts'
import { createTokens } from '../../../admin-sync/keycloak/transport.ts'
import { createLog } from '../../../core/log.ts'
import { createCheckpoints, until } from '../../support/checkpoints.ts'
import { makeDocument, startWorkspace } from '../../support/workspace.ts'
import { createBench } from '../accounts/bench.ts'
import { storeCopy } from './copy.ts'
import { createTransferScene } from './transfer-scene.ts'

const preview = [
  'before:commit.case-outbox',
  'after:commit.case-outbox',
  'transfer-contract.send',
  'before:workspace.put',
  'after:workspace.put',
  'before:accepted',
  'after:accepted',
  'before:done.transfer-contract',
  'after:done.transfer-contract',
]
const last = [
  ...preview.filter((name) => name !== 'transfer-contract.send'),
  'transfer-contract.refresh',
  'transfer-contract.freeze',
  'before:commit.frozen',
  'after:commit.frozen',
  'transfer-contract.send-final',
  'transfer-contract.confirm',
  'transfer-contract.record-final',
]
const words = process.env['KILL_TRANSFER']?.split(',')
const cells = [
  ...preview.map((checkpoint) => ({ checkpoint, moves: false })),
  ...last.map((checkpoint) => ({ checkpoint, moves: true })),
].filter(({ checkpoint }) => words?.some((word) => checkpoint.includes(word)) ?? true)

const root = join(import.meta.dirname, '..', '..', '..')
const checkpoints = createCheckpoints()
const bench = await createBench()
const { pool } = bench
const workspace = await startWorkspace({ issuer: bench.issuer })
const environment = {
  ...bench.environment,
  // Tokens name the address that they were asked at: not that of the bench's gate.
  KEYCLOAK_URL: bench.issuer.replace(/\/realms\/.*/, ''),
  WORKSPACE_URL: workspace.url,
  CHECKPOINTS: checkpoints.folder,
}
const config = readAdminSyncConfig(environment)
const source = createSqlSource(config.LEGACY_DATABASE_URL, readLegacyQueries(undefined))
const looking = createWorkspace({
  url: workspace.url,
  tokens: createTokens(config.KEYCLOAK_URL, config.KEYCLOAK_REALM, {
    kind: 'client',
    clientId: 'admin-sync-workspace',
    clientSecret: config.WORKSPACE_CLIENT_SECRET,
  }),
})
const rows = async <T extends object>(sql: string, values: unknown[] = []) =>
  (await pool.query<T>(sql, values)).rows

let child: ChildProcess | undefined
function launch(): void {
  child = spawn(process.execPath, [join(root, 'test/support/entries/admin-sync.ts')], {
    env: { PATH: process.env['PATH'], ...environment },
    stdio: 'ignore',
  })
}
afterAll(() => child?.kill('SIGKILL'))

/** What the supervisor of the jobs does 15 seconds after a process died happens now, and a retry does not wait. */
async function passTime(): Promise<void> {
  await rows(`UPDATE pgboss.job SET heartbeat_on = now() - interval '1 hour' WHERE state = 'active'`)
  await rows('UPDATE pgboss.queue SET monitor_on = NULL, monitor_claim_on = NULL')
  const boss = createBoss(config.ADMIN_SYNC_DATABASE_URL, createLog('test', 'silent'), { worker: false })
  await boss.start()
  await boss.supervise()
  await boss.stop({ graceful: false })
  await rows(`UPDATE pgboss.job SET start_after = now() WHERE state = 'retry'`)
}
const changeAtCofacering = (contract: string, phone: string) =>
  bench.cofacering.query('UPDATE contract SET contact_phone = $2 WHERE id = $1', [contract, phone])
async function move(contract: string): Promise<void> {
  const [row] = await rows<{ id: string }>(
    `INSERT INTO ellipro.activation (state, account, login, company, contract, address, locale, expires_at, confirmed_at)
     VALUES ('confirmed', $1, $1, 'Société', $2, $3, 'fr', now(), now()) RETURNING id`,
    [randomUUID(), contract, bench.nextAddress()],
  )
  await pool.query(`UPDATE ellipro.activation SET state = 'opened', opened_at = now() WHERE id = $1`, [
    row!.id,
  ])
}
type Row = {
  accepted: string | null
  digest: string
  frozen: boolean
  finished: boolean
  refused: string | null
}
const rowOf = async (contract: string) =>
  (
    await rows<Row>(
      `SELECT encode(t.accepted_digest, 'hex') AS accepted, encode(c.digest, 'hex') AS digest,
              t.frozen_at IS NOT NULL AS frozen, t.finished_at IS NOT NULL AS finished, t.refused
         FROM ellipro.contract_transfer t JOIN ellipro.legacy_contract c ON c.contract = t.contract WHERE t.contract = $1`,
      [contract],
    )
  )[0]!

describe('the process killed', () => {
  let contracts: string[] = []
  beforeAll(async () => {
    // Nothing is on its way: the matrix kills the transfer of one contract at a time.
    await importLive(pool, source)
    await pool.query('DELETE FROM ellipro.case_outbox')
    await pool.query(
      `UPDATE ellipro.contract_transfer t SET accepted_digest = c.digest FROM ellipro.legacy_contract c
        WHERE c.contract = t.contract`,
    )
    contracts = (
      await rows<{ contract: string }>('SELECT contract FROM ellipro.legacy_contract ORDER BY contract')
    ).map(({ contract }) => contract)
    launch()
  }, 120_000)

  it.for(cells)('at $checkpoint, moved: $moves', { timeout: 180_000 }, async ({ checkpoint, moves }) => {
    const contract = contracts.pop()!
    await changeAtCofacering(contract, '01 00 00 00 01')
    checkpoints.hold(checkpoint)
    if (moves) await move(contract)
    else await importLive(pool, source, { contracts: [contract] })
    await until(`${checkpoint} is reached`, () => checkpoints.isHeld(checkpoint))
    const before = await rowOf(contract)
    child?.kill('SIGKILL')
    await changeAtCofacering(contract, '02 00 00 00 02')
    checkpoints.release(checkpoint)
    launch()
    // The next process is there when it has taken whatever waits.
    await until('it ends', async () => {
      await passTime()
      if (!moves) await importLive(pool, source, { contracts: [contract] })
      const row = await rowOf(contract)
      return moves ? row.finished : row.accepted === row.digest
    })
    const row = await rowOf(contract)
    expect(row).toEqual({
      accepted: row.digest,
      digest: row.digest,
      frozen: moves,
      finished: moves,
      refused: null,
    })
    expect(await looking.readDigest(contract)).toMatchObject({
      digest: row.digest,
      received: { digest: row.digest, final: moves },
    })
    // What was frozen when the process died is what stays; else what Cofacering says later.
    const copy = await readCopy(pool, contract)
    expect(copy?.document.contact.phone).toBe(before.frozen ? '01 00 00 00 01' : '02 00 00 00 02')
    expect(!before.frozen || row.digest === before.digest).toBe(true)
    // Cofacering goes on, and is imported: that counts as long as nobody has moved.
    await changeAtCofacering(contract, '03 00 00 00 03')
    await importLive(pool, source, { contracts: [contract] })
    expect((await rowOf(contract)).digest === row.digest).toBe(moves)
    expect(await rows(`SELECT source_name FROM pgboss.job WHERE name = 'dead-letter'`)).toEqual([])
  })
})

describe('a contract of 100,000 companies and 20,000 alerts', () => {
  it(
    'goes in one piece, within the time limits, and memory stays bounded',
    { timeout: 300_000 },
    async () => {
      const scene = await createTransferScene()
      const portfolio = Array.from({ length: 100_000 }, (_, i) => ({
        country: 'DE',
        number: `HRB ${i}`,
        name: `Gesellschaft für Übergröße Nr. ${i} mbH & Co. KG`,
        reference: `Référence ${i}`,
        addedOn: '2020-02-29',
      }))
      const monitoring = Array.from({ length: 20_000 }, (_, i) => ({
        country: 'DE',
        number: `HRB ${i}`,
        kind: 'insolvency' as const,
        recipient: 'alertes@client.example',
        since: '2021-01-01',
      }))
      const document = makeDocument('LARGE', { portfolio, monitoring })
      await storeCopy(scene.pool, document)
      await scene.move('LARGE')
      const { dependencies } = scene.createProcess()
      const before = process.memoryUsage().rss
      const { status, output } = await runContractJob(
        'transfer-contract',
        {
          id: randomUUID(),
          data: { id: await scene.idOf('LARGE') },
          retryCount: 0,
          signal: new AbortController().signal,
        },
        {
          ...dependencies,
          workspace: createWorkspace({
            url: scene.workspace.url,
            tokens: createTokens(scene.workspace.issuer.keycloakUrl, 'ellipro', {
              kind: 'client',
              clientId: 'admin-sync-workspace',
              clientSecret: scene.workspace.issuer.clientSecret,
            }),
          }),
        },
      )
      expect([status, output]).toEqual(['completed', { outcome: 'finished' }])
      expect(await scene.there('LARGE')).toEqual({ digest: scene.digestOf(document), final: true })
      // The workspace of the test works in this process too.
      expect(process.memoryUsage().rss - before).toBeLessThan(700 * 1024 * 1024)
    },
  )
})
