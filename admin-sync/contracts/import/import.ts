/**
 * Brings what a source holds into our copy (ellipro.legacy_contract and the tables below it). It owns these tables' content;
 * what the workspace gets of them is the transfer's.
 *
 *   read    each kind by COPY into the stage, as it stands (stage.ts)
 *   check   set aside what is wrong, and plan what to do with each contract (checks.ts, rules.ts)
 *   write   some contracts a transaction (apply.ts), then logins and messages (tables.ts), and what frozen contracts give
 *           (rights.ts)
 *
 * A whole import holds a lock, keeps its stage when it is cut off, and goes on from there when the same material is given
 * again: kinds that were read are not read again, contracts that were written are not written again. An import of some
 * contracts, and a rehearsal, are one transaction with temporary tables: they need no lock, and leave nothing half done.
 * Nothing is ever deleted because a source does not have it any more: it gets missing_since.
 */
import type pg from 'pg'
import { UpstreamError } from '../../../core/errors.ts'
import { kinds, type Kind } from '../model.ts'
import { SourceError, type Snapshot } from '../source/port.ts'
import { applyBatch, nextBatch } from './apply.ts'
import { checkStage } from './checks.ts'
import { mergeCounts, type KindCounts } from './counts.ts'
import { readReport, type ImportReport } from './report.ts'
import { writeRights } from './rights.ts'
import * as runs from './run-store.ts'
import { withSession, type Session } from './session.ts'
import { createStage, keptStage, stageKind, temporaryStage, type Stage } from './stage.ts'
import { writeLogins, writeMessages } from './tables.ts'

export type { ImportReport } from './report.ts'

/** `done` of `expected` records of a kind, or of contracts; `expected` is undefined when nobody knows. */
export type ImportProgress = {
  phase: 'read' | 'check' | 'write'
  kind?: Kind
  done: number
  expected?: number | undefined
}

export type ImportOptions = {
  /** Reads and checks, and writes nothing. */
  dryRun?: boolean
  onProgress?: (progress: ImportProgress) => void
  signal?: AbortSignal
}

/**
 * @param pool one connection of it is used
 * @param snapshot stays open: the caller closes it
 * @throws SourceError when the material is not what it says it is: nothing was written. UpstreamError('database', code
 *   `import_running`, `retry`) when another whole import is at work. UpstreamError of the source, the errors of `pg`, and
 *   what `signal` says, after which the same call goes on
 */
export async function importSnapshot(
  pool: pg.Pool,
  snapshot: Snapshot,
  options: ImportOptions = {},
): Promise<ImportReport> {
  return withSession(pool, (session) => {
    if (options.dryRun) return rehearse(session, snapshot, options)
    return snapshot.isWhole ? importWhole(session, snapshot, options) : importSome(session, snapshot, options)
  })
}

/** Everything in one transaction, which is then undone. */
async function rehearse(session: Session, snapshot: Snapshot, options: ImportOptions): Promise<ImportReport> {
  await session.run('BEGIN')
  try {
    const runId = await runs.begin(session, snapshot)
    await createStage(session, temporaryStage)
    const counts = await readAndCheck(session, temporaryStage, snapshot, runId, options)
    runs.supposeWritten(counts)
    await runs.end(session, runId, counts)
    return { ...(await readReport(session, runId)), run: null, dryRun: true }
  } finally {
    await session.run('ROLLBACK')
  }
}

function importSome(session: Session, snapshot: Snapshot, options: ImportOptions): Promise<ImportReport> {
  return session.transact(async () => {
    const runId = await runs.begin(session, snapshot)
    await createStage(session, temporaryStage)
    const counts = await readAndCheck(session, temporaryStage, snapshot, runId, options)
    await writeAll(session, temporaryStage, runId, counts, (work) => work(), options)
    await finish(session, temporaryStage, snapshot, runId, counts)
    return readReport(session, runId)
  })
}

async function importWhole(
  session: Session,
  snapshot: Snapshot,
  options: ImportOptions,
): Promise<ImportReport> {
  if (!(await runs.lock(session))) throw new UpstreamError('database', 0, 'retry', 'import_running')
  const { transact } = session
  const found = await runs.findCutOff(session, keptStage, snapshot)
  const runId =
    found?.id ??
    (await transact(async () => {
      await runs.endCutOff(session)
      const id = await runs.begin(session, snapshot)
      await createStage(session, keptStage)
      await runs.claimStage(session, keptStage, id)
      return id
    }))
  try {
    const counts =
      found?.state === 'staged'
        ? found.counts
        : await readAndCheck(session, keptStage, snapshot, runId, options, transact)
    await writeAll(session, keptStage, runId, counts, transact, options)
    await transact(() => finish(session, keptStage, snapshot, runId, counts))
  } catch (error) {
    // What can be read again as it was is kept, and gone on with.
    if (error instanceof SourceError || snapshot.fingerprint === undefined)
      await runs.fail(session, runId, error).catch(() => undefined)
    throw error
  }
  const report = await readReport(session, runId)
  await runs.unlock(session)
  return { ...report, resumed: found !== undefined }
}

type Transact = <T>(work: () => Promise<T>) => Promise<T>

/** @returns what became of the lines that will not be written */
async function readAndCheck(
  session: Session,
  stage: Stage,
  snapshot: Snapshot,
  runId: string,
  { onProgress, signal }: ImportOptions,
  transact: Transact = (work) => work(),
): Promise<KindCounts> {
  const read = await runs.listRead(session, stage)
  for (const kind of kinds) {
    if (read.has(kind)) continue
    const expected = snapshot.expected(kind)
    await transact(() =>
      stageKind(session, stage, snapshot, kind, {
        signal,
        onRecords: (done) => onProgress?.({ phase: 'read', kind, done, expected }),
      }),
    )
  }
  onProgress?.({ phase: 'check', done: 0 })
  return transact(async () => {
    await runs.refuseEmpty(session, stage, snapshot)
    signal?.throwIfAborted()
    await checkStage(session, stage, snapshot.isWhole)
    signal?.throwIfAborted()
    return runs.noteStaged(session, stage, snapshot, runId)
  })
}

/** @param counts are added to, as they are kept with each transaction */
async function writeAll(
  session: Session,
  stage: Stage,
  runId: string,
  counts: KindCounts,
  transact: Transact,
  { onProgress, signal }: ImportOptions,
): Promise<void> {
  const expected = await runs.countPlanned(session, stage)
  for (let done = 0; ;) {
    onProgress?.({ phase: 'write', done, expected })
    signal?.throwIfAborted()
    const batch = await nextBatch(session, stage)
    if (batch.length === 0) break
    await transact(async () => {
      mergeCounts(counts, await applyBatch(session, stage, runId, batch))
      await runs.keepCounts(session, runId, counts)
    })
    done += batch.length
  }
}

/** What is not written contract by contract. */
async function finish(
  session: Session,
  stage: Stage,
  snapshot: Snapshot,
  runId: string,
  counts: KindCounts,
): Promise<void> {
  await writeLogins(session, stage, counts)
  await writeMessages(session, stage, counts)
  await writeRights(session, stage, runId)
  await runs.markMissing(session, stage, snapshot, runId)
  await runs.end(session, runId, counts)
  if (!stage.isTemporary) await session.run('DROP SCHEMA ellipro_stage CASCADE')
}
