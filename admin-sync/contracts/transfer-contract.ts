/**
 * The job `transfer-contract`: the workspace gets what it lacks of a contract. `contracts transfer` runs it too.
 *
 * While nobody of the contract has moved, our copy follows Cofacering, and the workspace our copy. When somebody has:
 *
 *   1  our copy is brought to what Cofacering says now (a source of files: it stays as imported)
 *   2  it is frozen, in the transaction that reads it: from here on imports leave it alone, whoever runs them
 *   3  it goes to the workspace as the last one, until that has it; the workspace refuses any other afterwards
 *   4  what the workspace has stored is asked for: an answer that nothing stands behind does not end the transfer
 *
 * Alone for its contract, over all processes. Killed anywhere and run again it ends the same: what is frozen does not
 * change, and taking the same contract twice changes nothing at the workspace.
 */
import { UpstreamError } from '../../core/errors.ts'
import type { CaseCheckpoint } from '../cases/job.ts'
import type { ContractDependencies, ContractJob } from './job.ts'
import { refreshContract } from './refresh.ts'
import type { Workspace } from './target/port.ts'
import {
  freezeContract,
  noteTrouble,
  readCopy,
  readTransfer,
  recordAccepted,
  type Copy,
  type Transfer,
} from './transfer-store.ts'

/** How often our copy may be written by somebody else between reading the source and freezing, before it is put off. */
const freezingTries = 3

export const transferContract: ContractJob = async (dependencies, id) => {
  const { pool, hold } = dependencies
  const known = await readTransfer(pool, id)
  if (!known) return 'gone'
  if (known.isFinished) return 'finished_before'
  return hold(`contract:${known.contract}`, async (checkpoint) => {
    try {
      return await transfer(dependencies, id, checkpoint)
    } catch (error) {
      if (error instanceof UpstreamError) await noteTrouble(pool, id, describeTrouble(error))
      throw error
    }
  })
}

/** Pure. Codes of ours, and of the workspace where it said no, stand for themselves; all others name who failed. */
export function describeTrouble(error: UpstreamError): { lastError: string; refused: string | null } {
  const { service, code, disposition } = error
  return {
    lastError: service === 'import' ? code : `${service}:${code}`,
    refused: disposition === 'fail' && (service === 'workspace' || service === 'import') ? code : null,
  }
}

async function transfer(
  dependencies: ContractDependencies,
  id: string,
  checkpoint: CaseCheckpoint,
): Promise<string> {
  const { pool, workspace } = dependencies
  // Again: another job may have had it while this one waited.
  const now = await readTransfer(pool, id)
  if (!now) return 'gone'
  if (now.isFinished) return 'finished_before'
  if (now.hasMoved && !now.isFrozen)
    return finish(dependencies, now, await freeze(dependencies, now, checkpoint), checkpoint)
  const copy = await readCopy(pool, now.contract)
  if (!copy) throw new UpstreamError('import', 0, 'retry', 'contract_not_imported')
  if (now.isFrozen) return finish(dependencies, now, copy, checkpoint)
  if (copy.digest === now.acceptedDigest) {
    await noteTrouble(pool, id, { lastError: null, refused: null })
    return 'unchanged'
  }
  await checkpoint('send')
  try {
    await put(workspace, copy, { final: false })
  } catch (error) {
    // Frozen and taken while this one was on its way, by a process that had got our lock: that is how it must end.
    if (isFrozenThere(error) && (await readTransfer(pool, id))?.isFrozen) return 'superseded'
    throw error
  }
  await checkpoint('record')
  return (await recordAccepted(pool, id, copy.digest, { final: false })) ? 'stored' : 'superseded'
}

/** @returns what goes to the workspace as the last one */
async function freeze(
  dependencies: ContractDependencies,
  first: Transfer,
  checkpoint: CaseCheckpoint,
): Promise<Copy> {
  const { pool, source } = dependencies
  let before: Transfer | undefined = first
  for (let tries = 0; tries < freezingTries; tries++) {
    let runs: (string | null)[] | undefined
    if (source) {
      await checkpoint('refresh')
      runs = [before.runId, await refreshContract(pool, source, before.contract)]
    }
    await checkpoint('freeze')
    const copy = await freezeContract(pool, first.id, runs)
    if (copy) return copy
    // An older reading of Cofacering was written meanwhile, or there is no copy at all.
    before = await readTransfer(pool, first.id)
    if (!before?.isImported) throw new UpstreamError('import', 0, 'retry', 'contract_not_imported')
  }
  throw new UpstreamError('import', 0, 'retry', 'copy_in_motion')
}

async function finish(
  { pool, workspace }: ContractDependencies,
  { id, contract }: Transfer,
  copy: Copy,
  checkpoint: CaseCheckpoint,
): Promise<string> {
  await checkpoint('send-final')
  await put(workspace, copy, { final: true })
  await checkpoint('confirm')
  const there = await workspace.readDigest(contract)
  // Its people may have changed it since: what counts is what was received.
  if (!there?.received.final || there.received.digest !== copy.digest)
    throw new UpstreamError('workspace', 200, 'retry', 'not_stored')
  await checkpoint('record-final')
  return (await recordAccepted(pool, id, copy.digest, { final: true })) ? 'finished' : 'superseded'
}

/** The run that wrote our copy tells an equal content of another time apart. */
const put = (workspace: Workspace, { document, digest, runId }: Copy, { final }: { final: boolean }) =>
  workspace.put(document, digest, { final, version: runId ?? '' })

const isFrozenThere = (error: unknown): boolean =>
  error instanceof UpstreamError && error.service === 'workspace' && error.code === 'contract_frozen'
