/** What came of an import, from the tables: the same for the command, for --json, and for whoever looks later. */
import { kinds, type Kind } from '../model.ts'
import type { Counts } from './counts.ts'
import type { ImportProblem, ProblemCode, Severity } from './problems.ts'
import type { Session } from './session.ts'

export type ImportReport = {
  /** `null` for a rehearsal: nothing of it is kept. */
  run: string | null
  dryRun: boolean
  /** It went on with an import that had been cut off. */
  resumed: boolean
  source: 'sql' | 'files'
  /** Everything, or some contracts. */
  isWhole: boolean
  counts: Record<Kind, Required<Counts>>
  /** Lines by what is wrong with them: all, however many. */
  totals: { kind: Kind; code: ProblemCode; severity: Severity; lines: number }[]
  errors: number
  warnings: number
  /** By file and line, errors first; of one code and kind at most 10,000. */
  problems: ImportProblem[]
  seconds: number
}

const none: Required<Counts> = {
  read: 0,
  stored: 0,
  unchanged: 0,
  set_aside: 0,
  repeated: 0,
  frozen: 0,
  newer: 0,
}

type RunRow = Pick<ImportReport, 'run' | 'source' | 'isWhole' | 'totals' | 'seconds'> & {
  counts: Partial<Record<Kind, Counts>>
}

/** @throws Error when there is no such import */
export async function readReport({ run }: Pick<Session, 'run'>, runId: string): Promise<ImportReport> {
  const { rows } = await run<RunRow>(
    `SELECT id AS run, source, is_whole AS "isWhole", counts, problems AS totals,
            extract(epoch FROM clock_timestamp() - started_at)::float8 AS seconds
       FROM ellipro.import_run WHERE id = $1`,
    [runId],
  )
  const [found] = rows
  if (!found) throw new Error(`There is no import ${runId}.`)
  const { rows: problems } = await run<ImportProblem>(
    `SELECT severity, code, kind, place, line::float8 AS line, contract, value FROM ellipro.import_problem
      WHERE run_id = $1 ORDER BY severity, place, line, code, value`,
    [runId],
  )
  const count = (severity: Severity) =>
    found.totals.filter((t) => t.severity === severity).reduce((sum, { lines }) => sum + lines, 0)
  return {
    ...found,
    dryRun: false,
    resumed: false,
    counts: Object.fromEntries(kinds.map((kind) => [kind, { ...none, ...found.counts[kind] }])) as Record<
      Kind,
      Required<Counts>
    >,
    errors: count('error'),
    warnings: count('warning'),
    problems,
  }
}
