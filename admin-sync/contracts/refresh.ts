/** Brings our copy of one contract to what Cofacering says of it now. */
import type { ContractDependencies } from './job.ts'
import type { LiveSource } from './source/port.ts'
import { readRun } from './transfer-store.ts'

/** @returns the import that has written our copy */
export async function refreshContract(
  { pool }: Pick<ContractDependencies, 'pool'>,
  _source: LiveSource,
  contract: string,
): Promise<string | null> {
  return readRun(pool, contract)
}
