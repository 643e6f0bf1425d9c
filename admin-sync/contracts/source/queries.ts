/**
 * The queries that read contracts from the database of Cofacering: the whole mapping of its schema to ours. Without a
 * file they ask the views of dev/cofacering/schema.sql; with one (LEGACY_QUERIES_FILE) any schema fits without code.
 *
 *   queries    one for each kind of record; its columns are those of model.ts, in any order, more do no harm. `null`:
 *              Cofacering has nothing of the kind. `:contracts` stands for the list of contracts that are asked for, a
 *              text[], NULL for all.
 *   changes    columns `contract` and `changed_at`, a row for each change after `:since`, a removal too. `null`: changes
 *              cannot be followed, and an operator imports again.
 *
 * docs/contracts.md is the description for operators. A text may be a list of lines.
 */
import { readFileSync } from 'node:fs'
import { z } from 'zod'
import { ConfigError } from '../../../core/errors.ts'
import { columns, kinds, type Kind } from '../model.ts'

const variable = 'LEGACY_QUERIES_FILE'
const contractsPlace = /(?<![:\w]):contracts\b/g
const sincePlace = /(?<![:\w]):since\b/g

const statement = z
  .union([z.string(), z.array(z.string()).transform((lines) => lines.join('\n'))])
  // A subquery ends without a semicolon.
  .transform((text) => text.trim().replace(/;$/, ''))
const holding = (place: RegExp, name: string) =>
  statement.refine((text) => text.search(place) >= 0, `holds no ${name}`)
const query = holding(contractsPlace, ':contracts')

const queriesFile = z.strictObject({
  queries: z.strictObject({
    contracts: query,
    prices: query.nullable(),
    countries: query.nullable(),
    portfolio: query.nullable(),
    monitoring: query.nullable(),
    logins: query.nullable(),
    messages: query.nullable(),
    attachments: query.nullable(),
  }),
  changes: holding(sincePlace, ':since').nullable(),
  /** A transaction at Cofacering may take this long from its change to its commit, and is not missed. */
  overlapSeconds: z.int().min(10).max(86_400).default(600),
  /** The step in which `changed_at` counts: two changes within it may have one moment. */
  resolutionSeconds: z.int().min(1).max(60).default(1),
  /** Without a byte from Cofacering for so long, reading ends with an error. */
  silenceSeconds: z.int().min(1).max(3600).default(120),
})
export type LegacyQueries = z.infer<typeof queriesFile>

const ofView = (kind: Kind) =>
  `SELECT ${columns[kind].join(', ')} FROM transfer_${kind} WHERE :contracts IS NULL OR contract = ANY (:contracts)`

/** Of the views in dev/cofacering/schema.sql. */
export const viewQueries: LegacyQueries = queriesFile.parse({
  queries: Object.fromEntries(kinds.map((kind) => [kind, ofView(kind)])),
  changes: 'SELECT contract, changed_at FROM transfer_changes WHERE changed_at > :since',
})

/**
 * @param file `undefined`: the views
 * @throws ConfigError with a sentence for each thing that is wrong
 */
export function readLegacyQueries(file: string | undefined): LegacyQueries {
  if (file === undefined) return viewQueries
  let content: unknown
  try {
    content = JSON.parse(readFileSync(file, 'utf8'))
  } catch (error) {
    throw new ConfigError([
      `${variable} cannot be read: ${error instanceof Error ? error.message : 'no JSON'}`,
    ])
  }
  const parsed = queriesFile.safeParse(content)
  if (parsed.success) return parsed.data
  throw new ConfigError(
    parsed.error.issues.map(({ path, message }) => `${variable}: ${[...path, message].join(': ')}`),
  )
}

/**
 * @param contracts `undefined`: all
 * @returns the query with its list, as a table expression
 */
export function fillContracts(text: string, contracts: readonly string[] | undefined): string {
  const list =
    contracts === undefined
      ? 'NULL::text[]'
      : // No text of PostgreSQL holds a NUL, so no contract is called so.
        `ARRAY[${contracts
          .filter((id) => !id.includes('\0'))
          .map(quote)
          .join()}]::text[]`
  // A function: in a plain replacement `$` would mean something.
  return `(\n${text.replace(contractsPlace, () => list)}\n)`
}

/** @param moment of PostgreSQL's timestamptz, and how many seconds before it */
export function fillSince(text: string, moment: string, seconds: number): string {
  const since = `(${quote(moment)}::timestamptz - ${seconds} * interval '1 second')`
  return `(\n${text.replace(sincePlace, () => since)}\n)`
}

/** A text that PostgreSQL reads as it is, whatever `standard_conforming_strings` says. */
const quote = (text: string) => `E'${text.replaceAll('\\', '\\\\').replaceAll("'", "''")}'`
