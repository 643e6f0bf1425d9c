/**
 * Imports from a source that can be asked at any time: all contracts (`admin-sync import`), those that changed (the cron
 * job follow-contracts), or one before it is frozen (transfer-contract).
 *
 * These meet. An import passes over what an import that began later has written (import/apply.ts), so imports must begin
 * in the order in which their snapshots were taken: from taking one until its import has begun, nobody else takes one.
 */
import type pg from 'pg'
import { UpstreamError } from '../../core/errors.ts'
import { startCursor } from './follow-store.ts'
import { importSnapshot, type ImportOptions, type ImportReport } from './import/import.ts'
import type { LiveSource, Snapshot } from './source/port.ts'

/** Who holds it opens a snapshot, and that takes seconds at most. */
const waitSeconds = 30
const orderKey = `hashtextextended('contract source', 0)`

/**
 * @param pool two connections of it are used
 * @param options.contracts these alone; absent: all
 * @throws UpstreamError('legacy') when it could not be read, what importSnapshot throws, and UpstreamError('database',
 *   code `source_busy`, `retry`) when somebody else has been taking a snapshot for too long
 */
export async function importLive(
  pool: pg.Pool,
  source: LiveSource,
  { contracts, ...options }: ImportOptions & { contracts?: readonly string[] } = {},
): Promise<ImportReport> {
  // What changes while everything is read is followed afterwards.
  if (contracts === undefined && !options.dryRun) await startCursor(pool, source)
  const letNext = await waitForTurn(pool)
  let snapshot: Snapshot | undefined
  try {
    const opened = await source.open(contracts)
    snapshot = opened
    const ordered: Snapshot = {
      ...opened,
      async *read(kind) {
        // The import has begun: its number is given.
        await letNext()
        yield* opened.read(kind)
      },
    }
    return await importSnapshot(pool, ordered, options)
  } finally {
    await letNext()
    await snapshot?.close()
  }
}

/** @returns lets the next one take a snapshot; more than once does no harm */
async function waitForTurn(pool: pg.Pool): Promise<() => Promise<void>> {
  for (const deadline = Date.now() + waitSeconds * 1000; Date.now() < deadline;) {
    const letNext = await tryTurn(pool)
    if (letNext) return letNext
    // Without a connection: whoever has the turn may need it.
    await new Promise((done) => setTimeout(done, 100))
  }
  throw new UpstreamError('database', 0, 'retry', 'source_busy')
}

async function tryTurn(pool: pg.Pool): Promise<(() => Promise<void>) | undefined> {
  const client = await pool.connect()
  let broken: Error | undefined
  const lose = (error: unknown) => {
    broken = error instanceof Error ? error : new Error('lost')
  }
  client.on('error', lose)
  // A connection that could not give the lock back is closed: that gives it back.
  const release = () => {
    client.off('error', lose)
    client.release(broken)
  }
  try {
    const { rows } = await client.query<{ held: boolean }>(`SELECT pg_try_advisory_lock(${orderKey}) AS held`)
    if (!rows[0]?.held) {
      release()
      return undefined
    }
  } catch (error) {
    lose(error)
    release()
    throw error
  }
  let isHeld = true
  return async () => {
    if (!isHeld) return
    isHeld = false
    await client.query(`SELECT pg_advisory_unlock(${orderKey})`).catch(lose)
    release()
  }
}
