/**
 * Contracts on their way to the real workspace: what is sent and when it is frozen, what becomes of it when the workspace
 * is in trouble, when the process dies at any step, and when several try at once.
 */
import { beforeEach, describe, expect, test } from 'vitest'
import { UpstreamError } from '../../../core/errors.ts'
import type { HttpTrouble } from '../../support/fault-proxy.ts'
import { importLive } from '../../../admin-sync/contracts/live-import.ts'
import { readCopy } from '../../../admin-sync/contracts/transfer-store.ts'
import { storeCopy } from './copy.ts'
import { createDocumentSource } from './live-source.ts'
import { createTransferScene } from './transfer-scene.ts'

const scene = await createTransferScene()
const { proxy, pool } = scene
const process1 = scene.createProcess()
const process2 = scene.createProcess()
const { tell } = process1

beforeEach(() => {
  proxy.trouble = () => undefined
})
const puts = () => proxy.asked.filter((asked) => asked.startsWith('PUT ')).length
/** In trouble for the first so many requests that are of this method. */
function trouble(method: 'PUT' | 'GET', what: HttpTrouble, times = 1): void {
  let left = times
  proxy.trouble = (asked) => (asked.startsWith(method) && left-- > 0 ? what : undefined)
}
const problem = (status: number, code: string): HttpTrouble => ({
  status,
  headers: { 'content-type': 'application/problem+json' },
  body: JSON.stringify({ title: 'As it is', status, code }),
})
class Killed extends Error {}
/** Dies before this step: nothing of the job runs any more. */
const killAt = (wanted: string) => (step: string) => {
  if (step === wanted) throw new UpstreamError('test', 0, 'retry', 'killed', { cause: new Killed() })
}

describe('while nobody has moved', () => {
  test('a contract is stored once, and again when our copy has changed', async () => {
    const document = await scene.imported()
    const { contract } = document
    expect(await tell(contract)).toBe('stored')
    expect(await scene.there(contract)).toEqual({ digest: scene.digestOf(document), final: false })
    expect(await scene.row(contract)).toEqual({
      accepted: scene.digestOf(document),
      frozen: false,
      finished: false,
      refused: null,
      last_error: null,
    })
    const before = puts()
    expect(await tell(contract)).toBe('unchanged')
    expect(puts()).toBe(before)

    const changed = { ...document, portfolio: document.portfolio.slice(1) }
    await storeCopy(pool, changed)
    expect(await tell(contract)).toBe('stored')
    await storeCopy(pool, document)
    expect(await tell(contract)).toBe('stored')
    expect(await scene.there(contract)).toEqual({ digest: scene.digestOf(document), final: false })
  })

  test('a contract that was not imported waits for the import', async () => {
    const document = await scene.imported()
    await pool.query('DELETE FROM ellipro.legacy_contract WHERE contract = $1', [document.contract])
    expect(await tell(document.contract)).toBe('failed import:contract_not_imported')
    expect(await scene.row(document.contract)).toMatchObject({
      last_error: 'contract_not_imported',
      refused: null,
    })
    // Nor is it frozen when somebody moves: there is nothing yet that could be kept.
    await scene.move(document.contract)
    expect(await tell(document.contract)).toBe('failed import:contract_not_imported')
    await storeCopy(pool, document)
    expect(await tell(document.contract)).toBe('finished')
    expect(await scene.row(document.contract)).toMatchObject({ finished: true, last_error: null })
  })

  test('a portfolio of 3,000 companies goes in one piece', async () => {
    const portfolio = Array.from({ length: 3000 }, (_, i) => ({
      country: 'FR',
      number: String(900_000_000 + i),
      name: `Société ${i} « ${'é'.repeat(20)} »`,
      reference: i % 2 ? null : `R-${i}`,
      addedOn: '2020-02-29',
    }))
    const document = await scene.imported({ portfolio, monitoring: [] })
    expect(await tell(document.contract)).toBe('stored')
    expect((await scene.read(document.contract))?.portfolio).toHaveLength(3000)
  })
})

describe('when somebody has moved', () => {
  test('it is frozen, carried over for the last time, and confirmed; nothing changes it any more', async () => {
    const document = await scene.imported()
    const { contract } = document
    await tell(contract)
    await scene.move(contract)
    expect(await tell(contract)).toBe('finished')
    const finished = {
      accepted: scene.digestOf(document),
      frozen: true,
      finished: true,
      refused: null,
      last_error: null,
    }
    expect(await scene.row(contract)).toEqual(finished)
    expect(await scene.there(contract)).toEqual({ digest: scene.digestOf(document), final: true })

    // Cofacering says something else afterwards.
    expect(await storeCopy(pool, { ...document, score: false })).toBeUndefined()
    const before = puts()
    expect(await tell(contract)).toBe('finished_before')
    expect(puts()).toBe(before)
    expect(await scene.row(contract)).toEqual(finished)
    // A program that asks nobody whether it is frozen.
    await expect(
      pool.query('UPDATE ellipro.legacy_contract SET score = false WHERE contract = $1', [contract]),
    ).rejects.toMatchObject({ code: '23001' })
    await expect(
      pool.query('DELETE FROM ellipro.legacy_contract WHERE contract = $1', [contract]),
    ).rejects.toMatchObject({ code: '23001' })
  })

  test.each(['granted', 'legacy'])('an account of kind %s counts', async (kind) => {
    const { contract } = await scene.imported()
    const id = await scene.move(contract)
    await pool.query('UPDATE ellipro.activation SET kind = $2 WHERE id = $1', [id, kind])
    expect(await tell(contract)).toBe('finished')
  })

  test('a contract that joined an account counts, and so does one that Cofacering has renamed since', async () => {
    const { contract } = await scene.imported()
    const activation = await scene.move('ANOTHER')
    await pool.query(
      `INSERT INTO ellipro.added_contract (activation_id, user_id, contract) VALUES ($1, 'user', $2)`,
      [activation, contract],
    )
    expect(await tell(contract)).toBe('finished')
  })

  test('an activation that is not opened, or closed again before, freezes nothing', async () => {
    const { contract } = await scene.imported()
    const id = await scene.move(contract)
    for (const state of ['mailed', 'confirmed', 'closed', 'withdrawn', 'refused']) {
      await pool.query('UPDATE ellipro.activation SET state = $2 WHERE id = $1', [id, state])
      expect(await tell(contract)).toMatch(/^(stored|unchanged)$/)
    }
    expect(await scene.row(contract)).toMatchObject({ frozen: false, finished: false })
  })

  test('an account that is closed after the freezing does not thaw it', async () => {
    const document = await scene.imported()
    const { contract } = document
    const id = await scene.move(contract)
    expect(await tell(contract, killAt('send-final'))).toBe('failed test:killed')
    await pool.query(`UPDATE ellipro.activation SET state = 'closed' WHERE id = $1`, [id])
    expect(await tell(contract)).toBe('finished')
  })

  test('the person finds what they changed on Ellipro, whatever is sent again', async () => {
    const document = await scene.imported()
    const { contract } = document
    await scene.move(contract)
    // The answer to the last one is lost, and its person is faster than the next try.
    trouble('PUT', 'lost')
    expect(await tell(contract)).toBe('failed workspace:cut')
    await scene.workspace.pool.query('DELETE FROM workspace.monitoring WHERE contract = $1', [contract])
    await scene.workspace.pool.query('UPDATE workspace.contract SET changed_at = now() WHERE contract = $1', [
      contract,
    ])
    expect(await tell(contract)).toBe('finished')
    expect((await scene.read(contract))?.monitoring).toEqual([])
  })
})

describe('while Cofacering can be asked', () => {
  const source = createDocumentSource()
  const following = scene.createProcess({ source })
  beforeEach(() => {
    source.beforeOpen = () => {}
  })
  /** Our copy is of yesterday; Cofacering has changed since. */
  async function changedSince() {
    const document = await scene.imported()
    const changed = { ...document, score: false, portfolio: document.portfolio.slice(1), monitoring: [] }
    source.documents.set(document.contract, changed)
    await scene.move(document.contract)
    return { contract: document.contract, document, changed }
  }

  test('what is frozen is what Cofacering says when somebody has moved', async () => {
    const { contract, changed } = await changedSince()
    expect(await following.tell(contract)).toBe('finished')
    expect(await scene.there(contract)).toEqual({ digest: scene.digestOf(changed), final: true })
  })

  test('legacy that changes afterwards reaches neither our copy nor the workspace, by any import', async () => {
    const { contract, document, changed } = await changedSince()
    await following.tell(contract)
    source.documents.set(contract, { ...document, company: { ...document.company, name: 'Too late' } })
    const report = await importLive(following.dependencies.pool, source, { contracts: [contract] })
    expect(report.counts.contracts).toMatchObject({ read: 1, frozen: 1, stored: 0 })
    await importLive(following.dependencies.pool, source)
    expect(await following.tell(contract)).toBe('finished_before')
    expect(await scene.there(contract)).toEqual({ digest: scene.digestOf(changed), final: true })
    const copy = await readCopy(pool, contract)
    expect(scene.digestOf(copy!.document)).toBe(scene.digestOf(changed))
  })

  test('Cofacering away: nothing is frozen, and the next try takes what it says then', async () => {
    const { contract, changed } = await changedSince()
    source.beforeOpen = () => {
      throw new UpstreamError('legacy', 0, 'retry', 'connect')
    }
    expect(await following.tell(contract)).toBe('failed legacy:connect')
    expect(await scene.row(contract)).toMatchObject({
      frozen: false,
      last_error: 'legacy:connect',
      refused: null,
    })
    source.beforeOpen = () => {}
    expect(await following.tell(contract)).toBe('finished')
    expect(await scene.there(contract)).toEqual({ digest: scene.digestOf(changed), final: true })
  })

  test('a record that is wrong there is not replaced by an older one: it waits for whoever mends it', async () => {
    const { contract, changed } = await changedSince()
    source.documents.set(contract, { ...changed, signedOn: '31/12/2019' })
    expect(await following.tell(contract)).toBe('failed import:contract_set_aside')
    expect(await scene.row(contract)).toMatchObject({ frozen: false, last_error: 'contract_set_aside' })
    source.documents.set(contract, changed)
    expect(await following.tell(contract)).toBe('finished')
    expect(await scene.there(contract)).toEqual({ digest: scene.digestOf(changed), final: true })
  })

  test('what Cofacering does not have any more goes as it was imported', async () => {
    const { contract, document } = await changedSince()
    source.documents.delete(contract)
    expect(await following.tell(contract)).toBe('finished')
    expect(await scene.there(contract)).toEqual({ digest: scene.digestOf(document), final: true })
  })

  test.each([
    ['that is committed before the freezing', 0],
    ['that commits while the freezing waits for it', 100],
  ])('another import %s is not what is frozen: Cofacering is asked again', async (_name, waitMs) => {
    const { contract, document, changed } = await changedSince()
    const older = { ...document, company: { ...document.company, name: 'Of an older reading' } }
    let opened = 0
    source.beforeOpen = () => void opened++
    let writing: Promise<unknown> | undefined
    const told = await following.tell(contract, async (step) => {
      if (step !== 'freeze' || writing) return
      const { promise: hasWritten, resolve: sayWritten } = Promise.withResolvers<void>()
      writing = storeCopy(pool, older, async () => {
        sayWritten()
        await new Promise((done) => setTimeout(done, waitMs))
      })
      await (waitMs > 0 ? hasWritten : writing)
    })
    await writing
    expect([told, opened]).toEqual(['finished', 2])
    expect(await scene.there(contract)).toEqual({ digest: scene.digestOf(changed), final: true })
  })

  test.each(['refresh', 'freeze', 'send-final', 'confirm', 'record-final'])(
    'killed before %s: the next process ends it, with one content on both sides',
    async (step) => {
      const { contract, document } = await changedSince()
      expect(await following.tell(contract, killAt(step))).toBe('failed test:killed')
      const wasFrozen = (await scene.row(contract)).frozen
      source.documents.set(contract, document)
      expect(await scene.createProcess({ source }).tell(contract)).toBe('finished')
      const kept = (await readCopy(pool, contract))!
      expect(kept.digest === scene.digestOf(document)).toBe(!wasFrozen)
      expect(await scene.there(contract)).toEqual({ digest: kept.digest, final: true })
    },
  )
})

describe('the workspace in trouble', () => {
  const later: [name: string, what: HttpTrouble, code: string][] = [
    ['down', { status: 502 }, 'http_502'],
    ['failing', problem(500, 'failed'), 'failed'],
    ['slow', 'hang', 'timeout'],
    ['cut in the middle of its answer', 'half', 'cut'],
    ['cut after it has stored', 'lost', 'cut'],
    ['saying nothing that it means', { status: 200, body: 'OK' }, 'unreadable'],
  ]
  test.each(later)(
    '%s: it waits, frozen, and then ends as if nothing had been',
    async (_name, what, code) => {
      const document = await scene.imported()
      const { contract } = document
      await scene.move(contract)
      trouble('PUT', what)
      expect(await tell(contract)).toBe(`failed workspace:${code}`)
      expect(await scene.row(contract)).toMatchObject({
        frozen: true,
        finished: false,
        refused: null,
        last_error: `workspace:${code}`,
      })
      // What Cofacering says meanwhile does not count.
      expect(await storeCopy(pool, { ...document, score: false })).toBeUndefined()
      expect(await tell(contract)).toBe('finished')
      expect(await scene.there(contract)).toEqual({ digest: scene.digestOf(document), final: true })
      expect(await scene.row(contract)).toMatchObject({ finished: true, last_error: null })
    },
  )

  test.each([
    ['409', problem(409, 'contract_frozen'), 'contract_frozen'],
    ['a wrong digest', problem(422, 'digest_mismatch'), 'digest_mismatch'],
    ['400', problem(400, 'invalid_request'), 'invalid_request'],
  ])('%s is a dead letter at once, and an operator finds why', async (_name, what, code) => {
    const { contract } = await scene.imported()
    trouble('PUT', what)
    expect(await tell(contract)).toBe(`deadletter workspace:${code}`)
    expect(await scene.row(contract)).toMatchObject({ refused: code, last_error: `workspace:${code}` })
    expect(await scene.there(contract)).toBeUndefined()
    // Sent back by the operator.
    expect(await tell(contract)).toBe('stored')
    expect(await scene.row(contract)).toMatchObject({ refused: null, last_error: null })
  })

  test('200 to what it did not do does not end the transfer', async () => {
    const document = await scene.imported()
    const { contract } = document
    await scene.move(contract)
    const digest = scene.digestOf(document)
    trouble('PUT', {
      status: 200,
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ contract, digest, stored: true }),
    })
    expect(await tell(contract)).toBe('failed workspace:not_stored')
    expect(await scene.row(contract)).toMatchObject({ frozen: true, finished: false })
    expect(await tell(contract)).toBe('finished')
    expect(await scene.there(contract)).toEqual({ digest, final: true })
  })

  test('a token that expires in the middle is renewed', async () => {
    const { contract } = await scene.imported()
    trouble('PUT', problem(401, 'unauthorized'))
    expect(await tell(contract)).toBe('stored')
  })

  test('Keycloak away: it waits', async () => {
    const { contract } = await scene.imported()
    const fresh = scene.createProcess()
    scene.workspace.issuer.answers.status = 503
    expect(await fresh.tell(contract)).toBe('failed keycloak:http_503')
    scene.workspace.issuer.answers.status = 200
    expect(await fresh.tell(contract)).toBe('stored')
  })
})

describe('killed, and done again by another process', () => {
  test.each(['send', 'record'])('before %s: stored once', async (step) => {
    const document = await scene.imported()
    const { contract } = document
    expect(await tell(contract, killAt(step))).toBe('failed test:killed')
    expect(await process2.tell(contract)).toBe('stored')
    expect(await scene.there(contract)).toEqual({ digest: scene.digestOf(document), final: false })
  })

  test.each(['freeze', 'send-final', 'confirm', 'record-final'])(
    'before %s: frozen once, finished once, whatever Cofacering says meanwhile',
    async (step) => {
      const document = await scene.imported()
      const { contract } = document
      await scene.move(contract)
      expect(await tell(contract, killAt(step))).toBe('failed test:killed')
      const changed = { ...document, score: false }
      const isFrozen = (await scene.row(contract)).frozen
      expect(isFrozen).toBe(step !== 'freeze')
      expect((await storeCopy(pool, changed)) === undefined).toBe(isFrozen)
      expect(await process2.tell(contract)).toBe('finished')
      const kept = isFrozen ? document : changed
      expect(await scene.there(contract)).toEqual({ digest: scene.digestOf(kept), final: true })
      expect(await scene.row(contract)).toMatchObject({ accepted: scene.digestOf(kept), finished: true })
    },
  )
})

describe('at once', () => {
  test('eight of one contract: one freezes and sends it, the others find it done', async () => {
    const { contract } = await scene.imported()
    await scene.move(contract)
    const before = puts()
    const told = await Promise.all(
      Array.from({ length: 8 }, (_, i) => (i % 2 ? process1 : process2).tell(contract)),
    )
    expect(told.toSorted()).toEqual(['finished', ...Array.from({ length: 7 }, () => 'finished_before')])
    expect(puts() - before).toBe(1)
  })

  test('eight while somebody moves and Cofacering changes: what is there is what is frozen', async () => {
    const document = await scene.imported()
    const { contract } = document
    const changes = Array.from({ length: 6 }, (_, i) => ({
      ...document,
      tariff: { ...document.tariff, fee: { cents: i, currency: 'EUR' } },
    }))
    const [, , told] = await Promise.all([
      scene.move(contract),
      (async () => {
        for (const change of changes) await storeCopy(pool, change)
      })(),
      Promise.all(Array.from({ length: 8 }, (_, i) => (i % 2 ? process1 : process2).tell(contract))),
    ])
    expect(told.filter((outcome) => outcome.startsWith('failed'))).toEqual([])
    await tell(contract)
    const { rows } = await pool.query<{ digest: string }>(
      `SELECT encode(ellipro.contract_digest(contract), 'hex') AS digest FROM ellipro.legacy_contract WHERE contract = $1`,
      [contract],
    )
    expect(await scene.there(contract)).toEqual({ digest: rows[0]!.digest, final: true })
    expect(await scene.row(contract)).toMatchObject({ accepted: rows[0]!.digest, finished: true })
  })

  test('freezing waits for an import that is writing, and takes what it wrote', async () => {
    const document = await scene.imported()
    const { contract } = document
    await scene.move(contract)
    const changed = { ...document, score: false }
    let running: Promise<string> | undefined
    await storeCopy(pool, changed, async () => {
      const { promise: freezing, resolve: reached } = Promise.withResolvers<void>()
      running = tell(contract, (step) => {
        if (step === 'freeze') reached()
      })
      await freezing
      // It waits for this transaction now, or will in a moment.
      await new Promise((done) => setTimeout(done, 100))
    })
    expect(await running).toBe('finished')
    expect(await scene.there(contract)).toEqual({ digest: scene.digestOf(changed), final: true })
  })

  test('an old process that comes back after all is over changes nothing', async () => {
    const document = await scene.imported()
    const { contract } = document
    const { promise: hold, resolve: release } = Promise.withResolvers<void>()
    const { promise: isOnItsWay, resolve: leave } = Promise.withResolvers<void>()
    // Its request is on the way when its lock is lost.
    let held = 0
    proxy.trouble = (asked) => {
      if (!asked.startsWith('PUT') || held++ > 0) return undefined
      leave()
      return { hold }
    }
    const old = process1.tell(contract)
    await isOnItsWay
    await scene.loseLocks()
    const changed = { ...document, score: false }
    await storeCopy(pool, changed)
    await scene.move(contract)
    expect(await process2.tell(contract)).toBe('finished')
    release()
    expect(await old).toBe('superseded')
    expect(await scene.there(contract)).toEqual({ digest: scene.digestOf(changed), final: true })
    expect(await scene.row(contract)).toEqual({
      accepted: scene.digestOf(changed),
      frozen: true,
      finished: true,
      refused: null,
      last_error: null,
    })
  })
})

test('the log holds neither companies nor contracts nor texts of the workspace', () => {
  const written = scene.lines.join('\n')
  expect(written).toContain('"event":"job.done"')
  expect(written).toContain('"job":"transfer-contract"')
  for (const value of ['T-1', 'Émilie', 'Zébulon', 'As it is', 'atelier.example'])
    expect(written).not.toContain(value)
})
