/**
 * The cron job `follow-contracts`: our copy follows what changes at Cofacering, as long as it is in use. It costs what
 * changed, not what there is: the changes since the cursor are asked for, and those contracts are imported, which gives
 * them their jobs of transfer and entitlements.
 *
 * Many changes are taken in portions. The cursor moves when the import of a portion is committed: killed before that, the
 * same contracts are named again, and importing them twice changes nothing. Of contracts of people who have moved an
 * import takes what they give, and nothing else (import/rights.ts).
 */
import type pg from 'pg'
import { UpstreamError } from '../../core/errors.ts'
import type { Log } from '../../core/log.ts'
import { moveCursor, readCursor, startCursor } from './follow-store.ts'
import { importLive } from './live-import.ts'
import type { LiveSource } from './source/port.ts'

/** `named`: contracts that changed. */
export type Followed = { named: number }

/**
 * @param checkpoint called before each step; throws when the job is not this process's any more
 * @returns also when Cofacering could not be asked, which is logged: the next minute asks again
 */
export async function followContracts(
  {
    pool,
    source,
    log,
    signal,
  }: { pool: pg.Pool; source: LiveSource | undefined; log: Log; signal: AbortSignal },
  checkpoint: (step: string) => Promise<void>,
): Promise<Followed> {
  const followed: Followed = { named: 0 }
  if (!source) return followed
  try {
    await startCursor(pool, source)
    for (let cursor = await readCursor(pool); cursor !== undefined;) {
      const found = await source.findChanged(cursor)
      const { contracts } = found
      await checkpoint('import')
      if (contracts.length > 0) await importLive(pool, source, { contracts, signal })
      await checkpoint('cursor')
      const isOurs = await moveCursor(pool, cursor, found.cursor)
      followed.named += contracts.length
      cursor = isOurs && found.hasMore ? found.cursor : undefined
    }
  } catch (err) {
    if (!(err instanceof UpstreamError) || err.service !== 'legacy') throw err
    // `fail`: an operator has to mend the queries or the role; `admin-sync import --dry-run` says what is wrong.
    log[err.disposition === 'fail' ? 'error' : 'warn']({
      event: 'contracts.not_followed',
      code: err.code,
      err,
    })
  }
  return followed
}
