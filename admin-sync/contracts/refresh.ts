/** Brings our copy of one contract to what Cofacering says of it now. */
import type pg from 'pg'
import { UpstreamError } from '../../core/errors.ts'
import { importLive } from './live-import.ts'
import { SourceError, type LiveSource } from './source/port.ts'

/**
 * What Cofacering does not have any more stays as it was imported.
 * @returns the import that has written our copy, unless there was nothing to write
 * @throws UpstreamError `retry`: `legacy` when Cofacering could not be asked; `import` `contract_set_aside` when its record
 *   is wrong (its report says why), `source_unusable` when the queries are
 */
export async function refreshContract(
  pool: pg.Pool,
  source: LiveSource,
  contract: string,
): Promise<string | null> {
  try {
    const { run, counts } = await importLive(pool, source, { contracts: [contract] })
    // Taking the older copy for the last time would be a guess.
    if (counts.contracts.set_aside > 0) throw new UpstreamError('import', 0, 'retry', 'contract_set_aside')
    return run
  } catch (error) {
    // Queries that are wrong are mended by an operator, and no contract is given up meanwhile.
    const isUnusable =
      error instanceof SourceError || (error instanceof Error && error.cause instanceof SourceError)
    if (isUnusable) throw new UpstreamError('import', 0, 'retry', 'source_unusable', { cause: error })
    throw error
  }
}
