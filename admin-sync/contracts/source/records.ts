/**
 * From the text of a record to its values, in the order of model.ts: CSV by csv-parse (what has no quote is split as it
 * stands), JSON Lines by JSON.parse. What is not well formed is a problem with its line. Pure.
 */
import { parse } from 'csv-parse/sync'
import { columns, type Kind } from '../model.ts'
import type { ProblemCode } from '../import/problems.ts'
import type { TextRecord } from './lines.ts'
import type { RawBatch, RawProblem, RawRecord } from './port.ts'

export type RecordReader = (records: readonly TextRecord[]) => RawBatch

/**
 * @param header names of the columns, in the order of the file
 * @returns what is wrong with them, or the reader
 */
export function createCsvReader(
  kind: Kind,
  header: readonly string[],
  delimiter: string,
): { reader: RecordReader } | { problems: string[] } {
  const wanted: readonly string[] = columns[kind]
  const problems = [
    ...wanted.filter((name) => !header.includes(name)).map((name) => `column ${name} is missing`),
    ...header
      .filter((name) => !wanted.includes(name))
      .map((name) => `column ${JSON.stringify(name.slice(0, 100))} is not one of ${kind}`),
    ...header
      .filter((name, i) => wanted.includes(name) && header.indexOf(name) !== i)
      .map((name) => `column ${name} stands twice`),
  ]
  if (problems.length > 0) return { problems }
  const order = wanted.map((name) => header.indexOf(name))
  const isInOrder = order.every((at, i) => at === i)

  const take = (line: number, fields: string[], batch: RawBatch) => {
    if (fields.length === header.length)
      batch.records.push({ line, values: isInOrder ? fields : order.map((at) => fields[at] ?? null) })
    else batch.problems.push(problem(line, 'column_count', String(fields.length)))
  }
  return {
    reader: (records) => {
      const batch: RawBatch = { records: [], problems: [] }
      const quoted = splitQuoted(records, delimiter)
      for (const { line, text, isQuoted } of records) {
        const fields = isQuoted ? quoted.get(line) : text.split(delimiter)
        if (fields) take(line, fields, batch)
        else batch.problems.push(problem(line, 'quote', text))
      }
      return batch
    },
  }
}

/** The fields of the records with quotes, by line; of one whose quotes are broken, none. */
function splitQuoted(records: readonly TextRecord[], delimiter: string): Map<number, string[]> {
  const quoted = records.filter(({ isQuoted }) => isQuoted)
  const all = splitFields(quoted.map(({ text }) => text).join('\n'), delimiter)
  // One that is broken breaks the order of the others: then each is read by itself.
  if (all?.length === quoted.length) return new Map(quoted.map(({ line }, i) => [line, all[i]!]))
  const found = new Map<number, string[]>()
  for (const { line, text } of quoted) {
    const [fields, ...more] = splitFields(text, delimiter) ?? []
    if (fields && more.length === 0) found.set(line, fields)
  }
  return found
}

/** @returns `undefined` when csv-parse refuses it */
export function splitFields(text: string, delimiter: string): string[][] | undefined {
  try {
    return parse(text, { delimiter, relax_column_count: true, record_delimiter: '\n' })
  } catch {
    return undefined
  }
}

/** Members that are not there are absent; names that are no columns are refused, as they may be misspelt. */
export function createJsonReader(kind: Kind): RecordReader {
  const wanted: readonly string[] = columns[kind]
  return (records) => {
    const batch: RawBatch = { records: [], problems: [] }
    for (const { line, text } of records) {
      const read = readObject(line, text, wanted)
      if ('code' in read) batch.problems.push(read)
      else batch.records.push(read)
    }
    return batch
  }
}

function readObject(line: number, text: string, wanted: readonly string[]): RawRecord | RawProblem {
  let json: unknown
  try {
    json = JSON.parse(text)
  } catch {
    return problem(line, 'json', text)
  }
  if (typeof json !== 'object' || json === null || Array.isArray(json)) return problem(line, 'json', text)
  const object = json as Record<string, unknown>
  for (const name of Object.keys(object))
    if (!wanted.includes(name)) return problem(line, 'json_member', name)
  const values: (string | null)[] = []
  for (const name of wanted) {
    const value = object[name] ?? null
    if (value === null || typeof value === 'string') values.push(value)
    else if (typeof value === 'boolean' || (typeof value === 'number' && Number.isSafeInteger(value)))
      values.push(String(value))
    else return problem(line, 'json_value', name)
  }
  return { line, values }
}

const problem = (line: number, code: ProblemCode, value: string): RawProblem => ({
  line,
  code,
  value: value.slice(0, 200),
})
