/** What a part of the bench gives: the figures with a goal, and the tables of the report, by their place in it. */
import type { Result, Table } from './statistics.ts'

export type PartResult = { results: Result[]; tables: Record<string, Table>; facts?: Record<string, unknown> }
