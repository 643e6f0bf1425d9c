/**
 * Where contracts come from: Cofacering's own database (sql.ts) or an export of it in files (files.ts). A source gives
 * texts as they stand; whether they are right is found out by the import, the same way for both.
 */
import type { Kind } from '../model.ts'

/** One record as it came: a text or `null` for each of `columns[kind]`, in that order. */
export type RawRecord = {
  /** Line of its file, counted from 1 as an editor does; for SQL the number of the row. */
  line: number
  values: (string | null)[]
}
/** What cannot be a record at all: a broken quote, a column too many. `code` as in import/problems.ts. */
export type RawProblem = { line: number; code: string; value?: string }
export type RawBatch = { records: RawRecord[]; problems: RawProblem[] }

/** All that is read from it is of one moment. */
export type Snapshot = {
  source: 'sql' | 'files'
  /** SHA-256 of what identifies the material, when the same material can be read again; else `undefined`. */
  fingerprint: Buffer | undefined
  /** Whether it holds everything, or the contracts that were asked for. */
  isWhole: boolean
  /** Where records of the kind stand, for reports: the file's name, or the query's. */
  place(kind: Kind): string
  /** How many records there will be, as far as is known before. For progress only. */
  expected(kind: Kind): number | undefined
  /**
   * The records of a kind, in batches of some thousands; nothing for a kind that the source does not have.
   * @throws UpstreamError('legacy') when it could not be read to its end; SourceError when it is not what it says it is
   */
  read(kind: Kind): AsyncIterable<RawBatch>
  close(): Promise<void>
}

/** The whole material cannot be used: a manifest that is wrong, a file that is not there, an encoding that does not fit. */
export class SourceError extends Error {
  override readonly name = 'SourceError'
  /** One sentence each, for the operator, with file and line. */
  readonly problems: readonly string[]
  constructor(problems: readonly string[]) {
    super(problems.join('\n'))
    this.problems = problems
  }
}

/** A source that can be asked again while Cofacering is in use. */
export type LiveSource = {
  /** @param contracts these alone; absent: all */
  open(contracts?: readonly string[]): Promise<Snapshot>
  /**
   * Contracts of which anything has changed since the cursor, which may name some too many, never one too few.
   * @param cursor of the last call; `undefined` for all that change from now on
   * @returns a portion of them, and with `hasMore` the cursor that gives the next one
   * @throws UpstreamError('legacy')
   */
  findChanged(cursor: string | undefined): Promise<{ contracts: string[]; cursor: string; hasMore: boolean }>
}
