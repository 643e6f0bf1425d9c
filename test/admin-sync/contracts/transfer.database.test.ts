/** What the database says of contracts on their way: our copy as it is read, what waits, and a pass over many. */
import pg from 'pg'
import { afterAll, beforeEach, describe, expect, test } from 'vitest'
import { digestContract } from '../../../admin-sync/contracts/digest.ts'
import { transferAll } from '../../../admin-sync/contracts/transfer-all.ts'
import {
  freezeContract,
  giveJobsAgain,
  listTransfers,
  readCopy,
  recordAccepted,
} from '../../../admin-sync/contracts/transfer-store.ts'
import {
  createBoss,
  createEnqueueCase,
  deadLetterQueue,
  ensureQueues,
  schema,
} from '../../../admin-sync/jobs/queues.ts'
import { inTransaction } from '../../../admin-sync/transaction.ts'
import { UpstreamError } from '../../../core/errors.ts'
import { createLog } from '../../../core/log.ts'
import { createDatabase } from '../../support/postgres.ts'
import { makeDocument } from '../../support/workspace.ts'
import { storeCopy } from './copy.ts'

const database = await createDatabase()
const pool = new pg.Pool({ connectionString: database.sync, max: 4 })
afterAll(() => pool.end())
beforeEach(async () => {
  await pool.query('DELETE FROM ellipro.case_outbox')
  await pool.query('DELETE FROM ellipro.contract_transfer')
  await pool.query('DELETE FROM ellipro.legacy_contract')
})

const import3 = async () => {
  for (const contract of ['A', 'B', 'é']) await storeCopy(pool, makeDocument(contract))
}
const update = (contract: string, change: string) =>
  pool.query(`UPDATE ellipro.contract_transfer t SET ${change} WHERE contract = $1`, [contract])
const accept = (contract: string) =>
  update(
    contract,
    'accepted_digest = (SELECT digest FROM ellipro.legacy_contract c WHERE c.contract = t.contract)',
  )

test('our copy is read as the document that was imported, and its digest is kept where there was none', async () => {
  const document = makeDocument('C-1', {
    company: { country: 'DE', number: 'HRB 1/2', name: '🧵 <b>“Ärzte” & Söhne</b> \\u0000' },
    contact: { name: null, email: null, phone: null },
    reports: [],
    analyses: [],
    countries: [],
    portfolio: [],
    monitoring: [],
    tariff: { name: '=cmd()', fee: { cents: 9_007_199_254_740_991, currency: 'EUR' }, prices: [] },
  })
  for (const wanted of [document, makeDocument('C-2')]) {
    await storeCopy(pool, wanted)
    const client = await pool.connect()
    await client.query('SET datestyle = "German"')
    const copy = await readCopy(client, wanted.contract)
    client.release(true)
    expect(digestContract(copy!.document)).toEqual(digestContract(wanted))
    expect(copy!.digest).toBe(digestContract(wanted).digest)
    await pool.query('UPDATE ellipro.legacy_contract SET digest = NULL WHERE contract = $1', [
      wanted.contract,
    ])
    expect((await readCopy(pool, wanted.contract))!.digest).toBe(digestContract(wanted).digest)
    const { rows } = await pool.query<{ digest: Buffer }>(
      'SELECT digest FROM ellipro.legacy_contract WHERE contract = $1',
      [wanted.contract],
    )
    expect(rows[0]!.digest.toString('hex')).toBe(digestContract(wanted).digest)
  }
  expect(await readCopy(pool, 'nobody’s')).toBeUndefined()
})

const again = () => giveJobsAgain(pool, { schema, deadLetterQueue })

test('what the workspace takes is kept only where it is what the contract waits for', async () => {
  await import3()
  const id = new Map((await listTransfers(pool)).map((transfer) => [transfer.contract, transfer.id])).get(
    'A',
  )!
  const [first, last] = ['1'.repeat(64), '2'.repeat(64)]
  expect(await recordAccepted(pool, id, first, { final: true })).toBe(false)
  expect(await recordAccepted(pool, id, first, { final: false })).toBe(true)
  await update('A', 'frozen_at = now()')
  expect(await recordAccepted(pool, id, last, { final: false })).toBe(false)
  expect(await recordAccepted(pool, id, last, { final: true })).toBe(true)
  expect(await recordAccepted(pool, id, first, { final: true })).toBe(false)
  const { rows } = await pool.query<{ accepted: string }>(
    `SELECT encode(accepted_digest, 'hex') AS accepted FROM ellipro.contract_transfer WHERE id = $1`,
    [id],
  )
  expect(rows).toEqual([{ accepted: last }])
})

test('nothing is frozen of which nobody has moved', async () => {
  await import3()
  const [transfer] = await listTransfers(pool, ['A'])
  expect(await freezeContract(pool, transfer!.id)).toBeUndefined()
  expect(await listTransfers(pool, ['A'])).toMatchObject([{ isFrozen: false }])
})

describe('a contract for which there is no job', () => {
  test('gets one again when the workspace lacks something of it, and none when a job or a dead letter is there', async () => {
    const boss = createBoss(database.sync, createLog('test', 'silent'), { worker: false })
    await import3()
    await storeCopy(pool, makeDocument('D'))
    await storeCopy(pool, makeDocument('E'))
    const migrating = createBoss(database.sync, createLog('test', 'silent'), { worker: true })
    await migrating.start()
    await ensureQueues(migrating)
    await migrating.stop({ graceful: false })
    await boss.start()
    const ids = new Map((await listTransfers(pool)).map(({ contract, id }) => [contract, id]))
    await pool.query('DELETE FROM ellipro.case_outbox')
    await accept('A')
    // B has a job, and é a dead letter.
    await inTransaction(pool, (client) => createEnqueueCase(boss)(client, 'transfer-contract', ids.get('B')!))
    await inTransaction(pool, (client) => createEnqueueCase(boss)(client, 'transfer-contract', ids.get('é')!))
    await pool.query(`UPDATE pgboss.job SET retry_limit = 0 WHERE data ->> 'id' = $1`, [ids.get('é')])
    const jobs = await boss.fetch<{ id: string }>('transfer-contract', { batchSize: 10 })
    for (const job of jobs) if (job.data.id === ids.get('é')) await boss.fail('transfer-contract', job.id)
    // E has moved, and is accepted as it is; the last transfer is missing.
    await accept('E')
    await update('E', 'frozen_at = now()')

    expect(await again()).toBe(2)
    const { rows } = await pool.query<{ contract: string }>(
      `SELECT t.contract FROM ellipro.case_outbox o JOIN ellipro.contract_transfer t ON t.id = o.subject_id
        WHERE o.kind = 'transfer-contract' ORDER BY t.contract`,
    )
    expect(rows.map(({ contract }) => contract)).toEqual(['D', 'E'])
    // A row of the outbox is a job that comes.
    expect(await again()).toBe(0)
    await pool.query('DELETE FROM ellipro.case_outbox')
    await accept('D')
    await update('E', 'finished_at = now()')
    expect(await again()).toBe(0)
    await boss.stop({ graceful: false })
  })
})

const signal = () => new AbortController().signal
const bad = (service: string, disposition: 'retry' | 'fail', code: string) =>
  new UpstreamError(service, 0, disposition, code)
const breakDown = () => Promise.reject(new TypeError('no such thing'))

describe('a pass over many', () => {
  const options = { atOnce: 2, waitsMs: [1, 1] }

  test('takes those of which the workspace lacks something, so many at a time, and counts what became of each', async () => {
    await import3()
    await accept('B')
    const contracts = new Map((await listTransfers(pool)).map(({ contract, id }) => [id, contract]))
    let running = 0
    let most = 0
    const seen: (string | undefined)[] = []
    const progress: number[] = []
    const report = await transferAll(
      pool,
      async (id) => {
        most = Math.max(most, ++running)
        seen.push(contracts.get(id))
        await new Promise((done) => setTimeout(done, 5))
        running--
        return 'stored'
      },
      {
        ...options,
        atOnce: 1,
        signal: signal(),
        onProgress: ({ done, total }) => progress.push(done / total),
      },
    )
    expect([seen, most, progress]).toEqual([['A', 'é'], 1, [0.5, 1]])
    expect(report).toEqual({
      contracts: 3,
      wanted: 2,
      outcomes: { stored: 2 },
      failed: [],
      unknown: [],
      left: 0,
      stopped: null,
      isRehearsal: false,
    })
  })

  test('those that are named, whether they need anything or not; unknown ones are told', async () => {
    await import3()
    await accept('B')
    const named = { ...options, contracts: ['B', 'Z', 'Z'], signal: signal() }
    expect(await transferAll(pool, async () => 'unchanged', named)).toMatchObject({
      wanted: 1,
      outcomes: { unchanged: 1 },
      unknown: ['Z'],
    })
    // A rehearsal runs nothing.
    expect(await transferAll(pool, breakDown, { ...named, dryRun: true })).toMatchObject({
      outcomes: { nothing: 1 },
      unknown: ['Z'],
      isRehearsal: true,
    })
  })

  test('what could not be asked is tried again, what was refused is not; both are named with their code', async () => {
    await import3()
    let tries = 0
    const report = await transferAll(
      pool,
      async () => {
        tries++
        if (tries === 1) throw bad('workspace', 'retry', 'timeout')
        if (tries === 2) return 'stored'
        if (tries === 3) throw bad('workspace', 'fail', 'digest_mismatch')
        throw bad('keycloak', 'retry', 'connect')
      },
      { ...options, atOnce: 1, signal: signal() },
    )
    expect(tries).toBe(6)
    expect(report).toMatchObject({
      outcomes: { stored: 1 },
      failed: [
        { contract: 'B', code: 'workspace:digest_mismatch' },
        { contract: 'é', code: 'keycloak:connect' },
      ],
      stopped: null,
    })
  })

  test('a bug ends it', async () => {
    await import3()
    await expect(transferAll(pool, breakDown, { ...options, signal: signal() })).rejects.toThrow(
      'no such thing',
    )
  })

  test('stopped by the operator it ends what is under way, and says what is left; nobody answering it gives up', async () => {
    for (let i = 0; i < 20; i++) await storeCopy(pool, makeDocument(`C-${i}`))
    const ending = new AbortController()
    let begun = 0
    const stopped = await transferAll(
      pool,
      async () => {
        if (++begun === 3) ending.abort()
        return 'stored'
      },
      { ...options, signal: ending.signal },
    )
    expect(stopped).toMatchObject({ outcomes: { stored: begun }, left: 20 - begun, stopped: 'interrupted' })
    expect(begun).toBeLessThanOrEqual(4)

    let asked = 0
    const away = await transferAll(
      pool,
      async () => {
        asked++
        throw bad('workspace', 'retry', 'connect')
      },
      { ...options, waitsMs: [], signal: signal() },
    )
    expect(away.stopped).toBe('unanswered')
    expect(asked).toBeLessThanOrEqual(13)
    expect(away.left).toBe(20 - away.failed.length)
  })
})
