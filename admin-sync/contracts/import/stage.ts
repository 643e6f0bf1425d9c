/**
 * The stage: tables that take a source as it stands, each value a text, each record with its line. COPY fills them; what
 * is right in them is found by SQL (checks.ts) and written from them (apply.ts).
 *
 *   schema ellipro_stage   for a whole import: UNLOGGED, kept when the import is cut off, dropped when it is done
 *   temporary              for a few contracts, or a rehearsal: gone with the transaction, seen by nobody else
 *
 * Only admin-sync's role has the schema: it makes it, and its tables anew for every import.
 */
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import copyStreams from 'pg-copy-streams'
import { columns, kinds, type Kind } from '../model.ts'
import type { RawBatch, RawProblem, RawRecord, Snapshot } from '../source/port.ts'
import type { ProblemCode } from './problems.ts'
import { queryMilliseconds, type Session } from './session.ts'

/** Beside those of the kinds; what each is for stands where it is made. */
const otherTables = ['owner', 'read', 'problem', 'plan', 'missing'] as const
export type Stage = {
  isTemporary: boolean
  /** Qualified name of a table. */
  table: (name: Kind | (typeof otherTables)[number]) => string
}

export const temporaryStage: Stage = { isTemporary: true, table: (name) => `pg_temp.stage_${name}` }
export const keptStage: Stage = { isTemporary: false, table: (name) => `ellipro_stage.${name}` }

/** Makes the tables, empty; what a former import left in them goes. In a transaction when it is temporary. */
export async function createStage({ run }: Session, stage: Stage): Promise<void> {
  const create = (name: Parameters<Stage['table']>[0], definition: string) =>
    stage.isTemporary
      ? `CREATE TEMPORARY TABLE stage_${name} (${definition}) ON COMMIT DROP;`
      : `DROP TABLE IF EXISTS ${stage.table(name)}; CREATE UNLOGGED TABLE ${stage.table(name)} (${definition});`
  await run(
    [
      stage.isTemporary ? '' : 'CREATE SCHEMA IF NOT EXISTS ellipro_stage;',
      ...kinds.map((kind) =>
        create(
          kind,
          `line bigint NOT NULL, control boolean NOT NULL, ${columns[kind].map((name) => `${name} text COLLATE "C"`).join(', ')}`,
        ),
      ),
      create(
        'problem',
        'kind text NOT NULL, line bigint, contract text COLLATE "C", severity text NOT NULL, code text NOT NULL, value text',
      ),
      // Kinds that were read to their end, and how many records they had.
      create('read', 'kind text PRIMARY KEY, records bigint NOT NULL'),
      // What is to be done with each contract; `content` tells whether it is as it was at its last import.
      create(
        'plan',
        `contract text COLLATE "C" PRIMARY KEY, content text NOT NULL, prices bigint NOT NULL, countries bigint NOT NULL,
         portfolio bigint NOT NULL, monitoring bigint NOT NULL, action text NOT NULL DEFAULT 'write', outcome text`,
      ),
      // Logins that we know and that the source does not have.
      create('missing', 'account text COLLATE "C" PRIMARY KEY'),
      // Whose stage it is, and by which rules.
      create('owner', 'run_id bigint NOT NULL, rules integer NOT NULL'),
    ].join('\n'),
  )
}

/**
 * Reads a kind to its end, in one transaction, or in the one that is open.
 * @throws SourceError, UpstreamError of the source; what `signal` says
 */
export async function stageKind(
  session: Session,
  stage: Stage,
  snapshot: Snapshot,
  kind: Kind,
  o: { signal: AbortSignal | undefined; onRecords: (records: number) => void },
): Promise<void> {
  const { run, client } = session
  await run(`TRUNCATE ${stage.table(kind)}`)
  await run(`DELETE FROM ${stage.table('problem')} WHERE kind = $1`, [kind])
  const broken: RawProblem[] = []
  const contractAt = columns[kind].findIndex((name) => name === 'contract')
  let records = 0
  async function* encodeAll() {
    for await (const batch of snapshot.read(kind)) {
      o.signal?.throwIfAborted()
      records += batch.records.length + batch.problems.length
      o.onRecords(records)
      const { text, refused } = encodeBatch(batch, contractAt)
      broken.push(...refused)
      if (text !== '') yield Buffer.from(text)
    }
  }
  const copy = client.query(
    Object.assign(
      copyStreams.from(`COPY ${stage.table(kind)} (line, control, ${columns[kind].join(', ')}) FROM STDIN`),
      {
        query_timeout: queryMilliseconds,
      },
    ),
  )
  await pipeline(Readable.from(encodeAll(), { objectMode: true, highWaterMark: 2 }), copy)
  for (let i = 0; i < broken.length; i += 1000)
    await run(
      `INSERT INTO ${stage.table('problem')} (kind, line, contract, severity, code, value)
       SELECT $1, line, contract, 'error', code, value
         FROM jsonb_to_recordset($2) AS r(line bigint, contract text, code text, value text)`,
      [kind, JSON.stringify(broken.slice(i, i + 1000).map(shorten))],
    )
  await run(`INSERT INTO ${stage.table('read')} VALUES ($1, $2)`, [kind, records])
}

type Refused = RawProblem & { contract?: string }

/** As PostgreSQL takes it. */
const shorten = ({ value, ...rest }: Refused): Refused =>
  value === undefined
    ? rest
    : { ...rest, value: value.slice(0, 200).replaceAll('\0', '\ufffd').toWellFormed() }

/** Rows as COPY takes them in its text format, and what no PostgreSQL text can hold. */
function encodeBatch(
  { records, problems }: RawBatch,
  contractAt: number,
): { text: string; refused: Refused[] } {
  const text = records.map(encodeRecord).join('')
  if (!text.includes('\0') && text.isWellFormed()) return { text, refused: [...problems] }
  const refused: Refused[] = [...problems]
  const kept = records.filter(({ line, values }) => {
    const isWhole = values.every((value) => value === null || (!value.includes('\0') && value.isWellFormed()))
    if (isWhole) return true
    const contract = values[contractAt]
    const isKey = typeof contract === 'string' && !contract.includes('\0') && contract.isWellFormed()
    const code: ProblemCode = 'not_text'
    refused.push(isKey ? { line, code, contract } : { line, code })
    return false
  })
  return { text: kept.map(encodeRecord).join(''), refused }
}

/** In a row: TAB and line breaks are escaped there. */
// oxlint-disable-next-line no-control-regex
const control = /[\0-\x08\x0b-\x1f\x7f-\x9f]|\\[tnr]/
const special = /[\\\t\n\r]/
const escapes: Record<string, string> = { '\\': '\\\\', '\t': '\\t', '\n': '\\n', '\r': '\\r' }

function encodeRecord({ line, values }: RawRecord): string {
  let row = ''
  for (const value of values)
    row +=
      value === null || value === ''
        ? '\t\\N'
        : special.test(value)
          ? `\t${value.replace(/[\\\t\n\r]/g, (found) => escapes[found] ?? found)}`
          : `\t${value}`
  return `${line}\t${control.test(row) ? 't' : 'f'}${row}\n`
}
