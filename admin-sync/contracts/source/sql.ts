/**
 * The database of Cofacering as a source: all kinds are read in one transaction, REPEATABLE READ and READ ONLY, so that
 * they are of one moment, however long it takes and whatever Cofacering writes meanwhile. Rows come by COPY, as fast as
 * they are taken and no faster, so memory does not grow with the size.
 *
 * The queries (queries.ts) are looked at before the first row is read: what is wrong with them is said at once, all of it.
 */
import { UpstreamError } from '../../../core/errors.ts'
import { columns, kinds, type Kind } from '../model.ts'
import { planChanges, readCursor, startFollowing, writeCursor, type Change } from './changes.ts'
import { connectLegacy, type LegacyConnection } from './legacy-connection.ts'
import { SourceError, type LiveSource, type RawBatch, type RawRecord, type Snapshot } from './port.ts'
import { fillContracts, fillSince, type LegacyQueries } from './queries.ts'

/** What a part is asked for is waited for by a job, and by a person behind it. */
const partSilenceSeconds = 20
const batch = { records: 2000, characters: 1_000_000 }
const what = (kind: string) => `The query of ${kind}`

/** @param url a role that can only read. @param portion contracts that one findChanged() names at most */
export function createSqlSource(
  url: string,
  queries: LegacyQueries,
  { portion = 200 }: { portion?: number } = {},
): LiveSource {
  const { queries: texts, changes, overlapSeconds, resolutionSeconds, silenceSeconds } = queries
  const connect = (isWhole: boolean) =>
    connectLegacy(url, 1000 * (isWhole ? silenceSeconds : Math.min(silenceSeconds, partSilenceSeconds)))
  return {
    async open(contracts) {
      const connection = await connect(contracts === undefined)
      try {
        await beginSnapshot(connection)
        const selects = await prepareAll(connection, texts, contracts)
        return createSnapshot(connection, selects, contracts === undefined)
      } catch (error) {
        await connection.close()
        throw error
      }
    },
    async findChanged(cursor) {
      const known = cursor === undefined ? undefined : readCursor(cursor)
      const connection = await connect(false)
      try {
        await beginSnapshot(connection)
        const now = await readMoment(connection)
        if (changes === null) return { contracts: [], cursor: cursor ?? now, hasMore: false }
        const limit = known && known.seen.length + portion
        const since = fillSince(changes, known?.through ?? now, overlapSeconds)
        const found = await readChanges(connection, since, limit)
        const limits = { now, overlapSeconds, resolutionSeconds }
        const { cursor: reached, ...plan } = known
          ? planChanges(known, found, { ...limits, portion, isCut: found.length === limit })
          : startFollowing(found, limits)
        return { ...plan, cursor: writeCursor(reached) }
      } finally {
        await connection.close()
      }
    },
  }
}

/** The snapshot is that of the first statement after it. Texts of dates and moments do not depend on the server's ways. */
async function beginSnapshot(connection: LegacyConnection): Promise<void> {
  // A server that knows how looks whether we are still there while it works; before version 14 it does not.
  await connection.ask(
    `SELECT set_config(name, '10s', false) FROM pg_settings WHERE name = 'client_connection_check_interval'`,
  )
  await connection.ask(`BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY;
    SET LOCAL statement_timeout = 0; SET LOCAL lock_timeout = '10s'; SET LOCAL idle_in_transaction_session_timeout = '1h';
    SET LOCAL DateStyle = 'ISO, YMD'; SET LOCAL TimeZone = 'UTC'; SET LOCAL bytea_output = 'hex'`)
}

const microseconds = `'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'`
const momentText = (value: string) => `to_char(${value} AT TIME ZONE 'UTC', ${microseconds})`

async function readMoment(connection: LegacyConnection): Promise<string> {
  const { rows } = await connection.ask<{ now: string }>(`SELECT ${momentText('clock_timestamp()')} AS now`)
  return rows[0]!.now
}

/** Rows in order of their moments, the earliest first. @param since the query of changes, filled */
async function readChanges(
  connection: LegacyConnection,
  since: string,
  limit: number | undefined,
): Promise<Change[]> {
  const select = `SELECT contract::text, ${momentText('changed_at::timestamptz')} FROM ${since} AS change
    WHERE contract IS NOT NULL AND changed_at IS NOT NULL ORDER BY changed_at, contract ${limit === undefined ? '' : `LIMIT ${limit}`}`
  const found: Change[] = []
  for await (const rows of connection.copy(select, 'The query of changes'))
    for (const [contract, moment] of rows) if (contract && moment) found.push({ contract, moment })
  return found
}

/** The SELECT of each kind, whose columns are texts in the order of model.ts. */
type Selects = Partial<Record<Kind, string>>

/** @throws UpstreamError `mapping`, with a SourceError that has a sentence for each query that cannot be used */
async function prepareAll(
  connection: LegacyConnection,
  texts: LegacyQueries['queries'],
  contracts: readonly string[] | undefined,
): Promise<Selects> {
  const selects: Selects = {}
  const problems: string[] = []
  for (const kind of kinds) {
    const text = texts[kind]
    if (text === null) continue
    const table = fillContracts(text, contracts)
    await connection.ask('SAVEPOINT look')
    try {
      const { fields } = await connection.ask(`SELECT * FROM ${table} AS record LIMIT 0`, what(kind))
      const wrong = findColumnProblems(kind, fields)
      problems.push(...wrong)
      if (wrong.length === 0) selects[kind] = selectTexts(kind, table, fields)
    } catch (error) {
      if (!(error instanceof UpstreamError) || !(error.cause instanceof SourceError)) throw error
      problems.push(...error.cause.problems)
    }
    await connection.ask('ROLLBACK TO look')
  }
  if (problems.length > 0)
    throw new UpstreamError('legacy', 0, 'fail', 'mapping', { cause: new SourceError(problems) })
  return selects
}

type Field = { name: string; dataTypeID: number }

function findColumnProblems(kind: Kind, fields: readonly Field[]): string[] {
  const names = fields.map(({ name }) => name)
  const twice = columns[kind].filter((name) => names.indexOf(name) !== names.lastIndexOf(name))
  const missing = columns[kind].filter((name) => !names.includes(name))
  return [
    ...missing.map((name) => `${what(kind)} gives no column ${name}; it gives ${names.join(', ') || 'none'}`),
    ...twice.map((name) => `${what(kind)} gives the column ${name} twice`),
  ]
}

/** Types of pg_type whose own text is not the one that a source gives. */
const textOf: Record<number, (value: string) => string> = {
  // bytea: PostgreSQL breaks base64 into lines.
  17: (value) => `translate(encode(${value}, 'base64'), E'\\n', '')`,
  // timestamptz; infinity has no such text, and is refused by the import.
  1184: (value) => `coalesce(${momentText(value)}, ${value}::text)`,
  // text[] and varchar[]
  1009: (value) => `array_to_string(${value}, ' ')`,
  1015: (value) => `array_to_string(${value}, ' ')`,
}

function selectTexts(kind: Kind, table: string, fields: readonly Field[]): string {
  const texts = columns[kind].map((name) => {
    const type = fields.find((field) => field.name === name)!.dataTypeID
    return (textOf[type] ?? ((value) => `${value}::text`))(`record.${name}`)
  })
  return `SELECT ${texts.join(', ')} FROM ${table} AS record`
}

function createSnapshot(connection: LegacyConnection, selects: Selects, isWhole: boolean): Snapshot {
  async function* read(kind: Kind): AsyncGenerator<RawBatch> {
    const select = selects[kind]
    if (select === undefined) return
    let line = 0
    let records: RawRecord[] = []
    let characters = 0
    for await (const rows of connection.copy(select, what(kind)))
      for (const values of rows) {
        records.push({ line: ++line, values })
        for (const value of values) characters += value?.length ?? 0
        if (records.length < batch.records && characters < batch.characters) continue
        yield { records, problems: [] }
        records = []
        characters = 0
      }
    if (records.length > 0) yield { records, problems: [] }
  }
  return {
    source: 'sql',
    fingerprint: undefined,
    isWhole,
    place: (kind) => `query ${kind}`,
    expected: () => undefined,
    read,
    close: () => connection.close(),
  }
}
