/** What became of the records of a source, by kind: read is the sum of all the others. Pure. */
import type { Kind } from '../model.ts'

/** Names as in import_run.counts. Absent: 0. */
export type Counts = {
  read?: number
  /** Written. */
  stored?: number
  /** The same as before. */
  unchanged?: number
  /** Not taken because of an error: its own, or that of its contract's record. */
  set_aside?: number
  /** Identical to a line that was taken. */
  repeated?: number
  /** Of a contract whose first person has moved: left alone. */
  frozen?: number
  /** Of a contract that a later import had written meanwhile. */
  newer?: number
}
export type KindCounts = Partial<Record<Kind, Counts>>

/** Adds to `counts`, in place. */
export function addCounts(counts: KindCounts, kind: Kind, more: Counts): void {
  const sum = (counts[kind] ??= {})
  for (const [name, value] of Object.entries(more) as [keyof Counts, number][])
    sum[name] = (sum[name] ?? 0) + value
}

export function mergeCounts(counts: KindCounts, more: KindCounts): void {
  for (const [kind, each] of Object.entries(more) as [Kind, Counts][]) addCounts(counts, kind, each)
}
