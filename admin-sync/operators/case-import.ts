/**
 * `cases import`: logins that the desk knows to be shared get their cases, from a file. A rehearsal unless it is
 * applied; then all of the file in one transaction, or nothing of it.
 *
 * Every case is made by `ellipro.ensure_case`, as those of the other sources. The logins are locked in one order
 * first: two imports at once, or an import and the people who sign in meanwhile, wait for one another and make one case
 * each. The same file again changes nothing but the audit list.
 */
import type pg from 'pg'
import type { LegacyData } from '../accounts/legacy-data.ts'
import { inTransaction } from '../transaction.ts'
import { recordAction, type Operator } from './audit.ts'
import {
  planImport,
  readImportFile,
  type Encoding,
  type ImportLine,
  type ImportPlan,
  type KnownCase,
} from './case-import-plan.ts'

/** What became, or would become, of the lines; `unchanged` are cases that this file told nothing new. */
export type ImportCounts = { made: number; reopened: number; added: number; unchanged: number }
export type CaseImport = ImportPlan & {
  /** `errors` and `warnings`: refused because of them. */
  outcome: 'rehearsed' | 'applied' | 'errors' | 'warnings'
  counts: ImportCounts
}

/**
 * @param apply absent: a rehearsal
 * @throws UpstreamError('legacy') when Cofacering could not be asked: nothing is applied then
 */
export async function importCases(
  pool: pg.Pool,
  legacy: Pick<LegacyData, 'findLogins'>,
  file: { bytes: Uint8Array; encoding: Encoding | undefined },
  apply?: { operator: Operator; acknowledged: boolean },
): Promise<CaseImport> {
  const content = readImportFile(file.bytes, file.encoding)
  // A file that cannot be read right is not worth many questions.
  const isTooLong = content.errors.some(({ code }) => code === 'too_many_lines')
  const keys = isTooLong ? [] : [...new Set(content.lines.map(({ key }) => key))]
  const found = keys.length > 0 ? await legacy.findLogins(keys) : []
  const accounts = found.map(({ account }) => account)
  const plan = isTooLong
    ? { ...content, lines: [] }
    : planImport(content, found, await findCases(pool, accounts))
  const outcome = chooseOutcome(plan, apply)
  if (apply && outcome === 'applied')
    return { ...plan, outcome, counts: await applyLines(pool, plan.lines, apply.operator) }
  return { ...plan, outcome, counts: countStates(plan.lines, await readStates(pool, plan.lines)) }
}

/** Pure. */
function chooseOutcome(
  { errors, warnings }: ImportPlan,
  apply: { acknowledged: boolean } | undefined,
): CaseImport['outcome'] {
  if (!apply) return 'rehearsed'
  if (errors.length > 0) return 'errors'
  return warnings.length > 0 && !apply.acknowledged ? 'warnings' : 'applied'
}

async function findCases(pool: pg.Pool, accounts: readonly string[]): Promise<KnownCase[]> {
  const { rows } = await pool.query<KnownCase>(
    'SELECT account, reference, state FROM ellipro.login_case WHERE account = ANY ($1)',
    [accounts],
  )
  return rows
}

function applyLines(pool: pg.Pool, lines: readonly ImportLine[], operator: Operator): Promise<ImportCounts> {
  const column = (pick: (line: ImportLine) => string | null) => lines.map(pick)
  return inTransaction(pool, async (client) => {
    await client.query(
      `SELECT pg_advisory_xact_lock(hashtextextended('account:' || account, 0))
         FROM (SELECT account FROM unnest($1::text[]) account ORDER BY account COLLATE "C") sorted`,
      [column(({ account }) => account)],
    )
    const counts = countStates(lines, await readStates(client, lines))
    const { rows } = await client.query<{ id: string; account: string }>(
      `SELECT account, ellipro.ensure_case(account, login, company, contract, 'import', $5) AS id
         FROM unnest($1::text[], $2::text[], $3::text[], $4::text[]) AS row (account, login, company, contract)`,
      [
        column(({ account }) => account),
        column(({ login }) => login),
        column(({ company }) => company),
        column(({ contract }) => contract),
        operator.name,
      ],
    )
    const idOf = new Map(rows.map(({ account, id }) => [account, id]))
    const noted = lines.filter(({ note }) => note !== undefined)
    await client.query(
      `SELECT ellipro.note_case(id, NULL, 'noted', $3, jsonb_build_object('note', note))
         FROM unnest($1::uuid[], $2::text[]) AS row (id, note)
        WHERE NOT EXISTS (SELECT FROM ellipro.case_event e
                           WHERE e.case_id = row.id AND e.kind = 'noted' AND e.detail->>'note' = row.note)`,
      [noted.map(({ account }) => idOf.get(account)), noted.map(({ note }) => note), operator.name],
    )
    await recordAction(client, operator, 'cases import', `made ${counts.made} of ${lines.length}`)
    return counts
  })
}

type State = { account: string; state: 'open' | 'closed'; imported: boolean }

async function readStates(
  client: Pick<pg.ClientBase, 'query'>,
  lines: readonly ImportLine[],
): Promise<State[]> {
  const { rows } = await client.query<State>(
    `SELECT c.account, c.state, EXISTS (SELECT FROM ellipro.case_source s
              WHERE s.case_id = c.id AND s.source = 'import' AND s.removed_at IS NULL) AS imported
       FROM ellipro.login_case c WHERE c.account = ANY ($1)`,
    [lines.map(({ account }) => account)],
  )
  return rows
}

/** Pure: what ensure_case does with each line. */
function countStates(lines: readonly ImportLine[], states: readonly State[]): ImportCounts {
  const byAccount = new Map(states.map((state) => [state.account, state]))
  const counts: ImportCounts = { made: 0, reopened: 0, added: 0, unchanged: 0 }
  for (const { account } of lines) {
    const known = byAccount.get(account)
    if (!known) counts.made++
    else if (known.state === 'closed') counts.reopened++
    else if (known.imported) counts.unchanged++
    else counts.added++
  }
  return counts
}
