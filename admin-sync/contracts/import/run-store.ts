/** The row of an import (ellipro.import_run), its report, and what ties a stage that was kept to it. */
import { contractKinds, kinds, type Kind } from '../model.ts'
import { SourceError, type Snapshot } from '../source/port.ts'
import { addCounts, type KindCounts } from './counts.ts'
import { childTables } from './tables.ts'
import { rulesVersion } from './rules.ts'
import type { Session } from './session.ts'
import type { Stage } from './stage.ts'

/** Problems of one code and kind that a report keeps line by line; the others are counted. */
const keptAtMost = 10_000

const lockKey = `hashtextextended('contract import', 0)`

/** Of the session: it ends with the connection. @returns whether it was free */
export async function lock({ run }: Session): Promise<boolean> {
  const { rows } = await run<{ held: boolean }>(`SELECT pg_try_advisory_lock(${lockKey}) AS held`)
  return rows[0]?.held === true
}

export async function unlock({ run }: Session): Promise<void> {
  await run(`SELECT pg_advisory_unlock(${lockKey})`)
}

export async function begin({ run }: Session, snapshot: Snapshot): Promise<string> {
  const { rows } = await run<{ id: string }>(
    'INSERT INTO ellipro.import_run (source, fingerprint, is_whole) VALUES ($1, $2, $3) RETURNING id',
    [snapshot.source, snapshot.fingerprint, snapshot.isWhole],
  )
  return rows[0]!.id
}

type CutOff = { id: string; state: 'reading' | 'staged'; counts: KindCounts }

/** The import of the same material that was cut off, when its stage is whole: the caller holds the lock. */
export async function findCutOff(
  { run }: Session,
  stage: Stage,
  snapshot: Snapshot,
): Promise<CutOff | undefined> {
  if (snapshot.fingerprint === undefined) return undefined
  const { rows: there } = await run<{ there: boolean }>('SELECT to_regclass($1) IS NOT NULL AS there', [
    stage.table('owner'),
  ])
  if (!there[0]?.there) return undefined
  // A server that crashed has emptied the unlogged tables, this one too.
  const { rows } = await run<CutOff>(
    `SELECT r.id, r.state, r.counts FROM ${stage.table('owner')} o JOIN ellipro.import_run r ON r.id = o.run_id
      WHERE r.fingerprint = $1 AND r.is_whole AND r.state IN ('reading', 'staged') AND o.rules = $2`,
    [snapshot.fingerprint, rulesVersion],
  )
  return rows[0]
}

/** Imports that nobody will go on with: their stage is about to be made anew. */
export async function endCutOff({ run }: Session): Promise<void> {
  await run(
    `UPDATE ellipro.import_run SET state = 'failed', error = 'cut off', ended_at = now()
      WHERE is_whole AND state IN ('reading', 'staged')`,
  )
}

export async function claimStage({ run }: Session, stage: Stage, runId: string): Promise<void> {
  await run(`INSERT INTO ${stage.table('owner')} VALUES ($1, $2)`, [runId, rulesVersion])
}

export async function listRead({ run }: Session, stage: Stage): Promise<Set<Kind>> {
  const { rows } = await run<{ kind: Kind }>(`SELECT kind FROM ${stage.table('read')}`)
  return new Set(rows.map(({ kind }) => kind))
}

/**
 * An export of everything without a single contract is not the end of all contracts.
 * @throws SourceError
 */
export async function refuseEmpty({ run }: Session, stage: Stage, snapshot: Snapshot): Promise<void> {
  if (!snapshot.isWhole) return
  const { rows } = await run<{ records: string }>(
    `SELECT records FROM ${stage.table('read')} WHERE kind = 'contracts'`,
  )
  if (rows[0]?.records === '0')
    throw new SourceError([`${snapshot.place('contracts')}: it has no contract at all; nothing was changed.`])
}

/** Keeps the report of the check. @returns what became of the lines that will not be written */
export async function noteStaged(
  session: Session,
  stage: Stage,
  snapshot: Snapshot,
  runId: string,
): Promise<KindCounts> {
  const { run } = session
  const places = Object.fromEntries(kinds.map((kind) => [kind, snapshot.place(kind)]))
  await run(
    `INSERT INTO ellipro.import_problem (run_id, place, line, kind, contract, severity, code, value)
     SELECT $1, $2::jsonb ->> kind, line, kind, contract, severity, code, value
       FROM (SELECT *, row_number() OVER (PARTITION BY kind, code ORDER BY line) AS place FROM ${stage.table('problem')}) p
      WHERE place <= ${keptAtMost}`,
    [runId, JSON.stringify(places)],
  )
  const counts = await countChecked(session, stage)
  await run(
    `UPDATE ellipro.import_run SET state = 'staged', counts = $2,
            problems = (SELECT coalesce(jsonb_agg(jsonb_build_object('kind', kind, 'code', code, 'severity', severity, 'lines', lines) ORDER BY severity, lines DESC, kind, code), '[]')
                          FROM (SELECT kind, code, severity, count(*) AS lines FROM ${stage.table('problem')} GROUP BY 1, 2, 3) p)
      WHERE id = $1`,
    [runId, JSON.stringify(counts)],
  )
  return counts
}

async function countChecked({ run }: Session, stage: Stage): Promise<KindCounts> {
  const counts: KindCounts = {}
  const { rows: read } = await run<{ kind: Kind; records: number; wrong: number; repeated: number }>(
    `SELECT kind, records::float8 AS records,
            (SELECT count(DISTINCT line)::float8 FROM ${stage.table('problem')} p
              WHERE p.kind = r.kind AND p.severity = 'error') AS wrong,
            (SELECT count(DISTINCT line)::float8 FROM ${stage.table('problem')} p
              WHERE p.kind = r.kind AND p.code = 'line_repeated') AS repeated
       FROM ${stage.table('read')} r`,
  )
  for (const { kind, records, wrong, repeated } of read)
    addCounts(counts, kind, { read: records, set_aside: wrong, repeated })
  const { rows: plan } = await run<{ action: string } & Record<string, number>>(
    `SELECT action, count(*)::float8 AS contracts, ${childTables.map((kind) => `sum(${kind})::float8 AS ${kind}`).join(', ')}
       FROM ${stage.table('plan')} WHERE action <> 'write' GROUP BY action`,
  )
  for (const row of plan)
    if (row.action === 'unchanged')
      for (const kind of contractKinds) addCounts(counts, kind, { unchanged: row[kind] ?? 0 })
  // Right by themselves, but of a contract that is not taken.
  for (const kind of childTables) {
    const { rows } = await run<{ lines: number }>(
      `SELECT count(*)::float8 AS lines FROM ${stage.table(kind)}
        WHERE contract IN (SELECT contract FROM ${stage.table('plan')} WHERE action = 'refuse')`,
    )
    addCounts(counts, kind, { set_aside: rows[0]?.lines ?? 0 })
  }
  return counts
}

/**
 * What a rehearsal says of the contracts that would be written: as if none of them were frozen, or new meanwhile.
 * @param counts are added to
 */
export function supposeWritten(counts: KindCounts): void {
  for (const kind of kinds) {
    const { read = 0, unchanged = 0, set_aside: aside = 0, repeated = 0 } = counts[kind] ?? {}
    addCounts(counts, kind, { stored: read - unchanged - aside - repeated })
  }
}

export async function countPlanned({ run }: Session, stage: Stage): Promise<number> {
  const { rows } = await run<{ contracts: number }>(
    `SELECT count(*)::integer AS contracts FROM ${stage.table('plan')} WHERE action = 'write' AND outcome IS NULL`,
  )
  return rows[0]?.contracts ?? 0
}

export async function keepCounts({ run }: Session, runId: string, counts: KindCounts): Promise<void> {
  await run('UPDATE ellipro.import_run SET counts = $2 WHERE id = $1', [runId, JSON.stringify(counts)])
}

/** Of what a whole source does not have any more, and of what is there again. A later import knows better. */
export async function markMissing(
  { run }: Session,
  stage: Stage,
  snapshot: Snapshot,
  runId: string,
): Promise<void> {
  const planned = `EXISTS (SELECT FROM ${stage.table('plan')} p WHERE p.contract = c.contract)`
  await run(
    `UPDATE ellipro.legacy_contract c SET missing_since = NULL WHERE missing_since IS NOT NULL AND ${planned}`,
  )
  if (snapshot.isWhole)
    await run(
      `UPDATE ellipro.legacy_contract c SET missing_since = now()
        WHERE missing_since IS NULL AND NOT ${planned} AND coalesce(run_id, 0) <= $1`,
      [runId],
    )
}

export async function end({ run }: Session, runId: string, counts: KindCounts): Promise<void> {
  await run(`UPDATE ellipro.import_run SET state = 'done', counts = $2, ended_at = now() WHERE id = $1`, [
    runId,
    JSON.stringify(counts),
  ])
}

/** Its stage is of no more use. */
export async function fail({ run }: Session, runId: string, error: unknown): Promise<void> {
  const text = error instanceof SourceError ? error.message : error instanceof Error ? error.name : 'unknown'
  await run(
    `UPDATE ellipro.import_run SET state = 'failed', error = left($2, 2000), ended_at = now() WHERE id = $1`,
    [runId, text],
  )
  await run('DROP SCHEMA IF EXISTS ellipro_stage CASCADE')
}
