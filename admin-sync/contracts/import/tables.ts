/** From the texts of the stage to the columns of our copy: statements, one place for each table. */
import type { Kind } from '../model.ts'
import { addCounts, type KindCounts } from './counts.ts'
import { keys } from './rules.ts'
import type { Session } from './session.ts'
import type { Stage } from './stage.ts'

/** Kinds whose lines are of a contract, below it. */
export const childTables = ['prices', 'countries', 'portfolio', 'monitoring'] as const
type ChildKind = (typeof childTables)[number]

/** Table of our copy, and what of the stage's text a column is. */
const targets: Record<ChildKind, { table: string; columns: Record<string, string> }> = {
  prices: {
    table: 'ellipro.tariff_price',
    columns: {
      contract: 's.contract',
      item: 's.item',
      amount_cents: 's.amount_cents::bigint',
      currency: 's.currency',
    },
  },
  countries: {
    table: 'ellipro.contract_country',
    columns: { contract: 's.contract', country: 's.country' },
  },
  portfolio: {
    table: 'ellipro.portfolio_line',
    columns: {
      contract: 's.contract',
      country: 's.country',
      number: 's.number',
      name: 's.name',
      reference: 's.reference',
      added_on: 's.added_on::date',
    },
  },
  monitoring: {
    table: 'ellipro.monitoring',
    columns: {
      contract: 's.contract',
      country: 's.country',
      number: 's.number',
      kind: 's.kind',
      recipient: 's.recipient',
      since: 's.since::date',
    },
  },
}

/** A list of words: each once, sorted by bytes. */
export const words = (column: string) =>
  `ARRAY(SELECT DISTINCT w COLLATE "C" FROM unnest(string_to_array(coalesce(s.${column}, ''), ' ')) AS w ORDER BY 1)`

const contractColumns: Record<string, string> = {
  company: 's.company',
  country: 's.country',
  number: 's.number',
  tariff: 's.tariff',
  fee_cents: 's.fee_cents::bigint',
  currency: 's.currency',
  signed_on: 's.signed_on::date',
  contact_name: 's.contact_name',
  contact_email: 's.contact_email',
  contact_phone: 's.contact_phone',
  reports: words('reports'),
  analyses: words('analyses'),
  score: 's.score::boolean',
}

/** $1 contracts, $2 the run. */
export function upsertContracts(stage: Stage): string {
  const names = [...Object.keys(contractColumns), 'content', 'set_aside', 'run_id', 'imported_at']
  return `
    INSERT INTO ellipro.legacy_contract (contract, ${names.join(', ')})
    SELECT s.contract, ${Object.values(contractColumns).join(', ')}, p.content,
           (SELECT count(DISTINCT (x.kind, x.line)) FROM ${stage.table('problem')} x
             WHERE x.contract = s.contract AND x.severity = 'error' AND x.kind <> 'logins'), $2, now()
      FROM ${stage.table('contracts')} s JOIN ${stage.table('plan')} p ON p.contract = s.contract
     WHERE s.contract = ANY($1)
    ON CONFLICT (contract) DO UPDATE SET ${names.map((name) => `${name} = excluded.${name}`).join(', ')}`
}

/**
 * The lines of contracts that our copy did not have are written at once; of the others, those that differ.
 * @param written sorted by bytes
 */
export async function writeChildren(
  { run }: Session,
  stage: Stage,
  kind: ChildKind,
  written: readonly string[],
  before: readonly { contract: string }[],
  counts: KindCounts,
): Promise<void> {
  const { table, columns } = targets[kind]
  const known = new Set(before.map(({ contract }) => contract))
  const names = Object.keys(columns).join(', ')
  // In the order of the primary key, which makes the index grow at its end.
  const select = `SELECT ${Object.values(columns).join(', ')} FROM ${stage.table(kind)} s WHERE s.contract = ANY($1)`
  const order = `ORDER BY ${keys[kind].map((name) => `s.${name}`).join(', ')}`

  const fresh = written.filter((contract) => !known.has(contract))
  if (fresh.length > 0) {
    const { rowCount } = await run(`INSERT INTO ${table} (${names}) ${select} ${order}`, [fresh])
    addCounts(counts, kind, { stored: rowCount ?? 0 })
  }
  const old = written.filter((contract) => known.has(contract))
  if (old.length === 0) return
  const same = Object.entries(columns)
    .map(([name, value]) => `t.${name} IS NOT DISTINCT FROM ${value}`)
    .join(' AND ')
  const key = keys[kind].map((name) => `t.${name} = s.${name}`).join(' AND ')
  await run(
    `DELETE FROM ${table} t WHERE t.contract = ANY($1)
        AND NOT EXISTS (SELECT FROM ${stage.table(kind)} s WHERE ${key} AND ${same})`,
    [old],
  )
  const { rowCount } = await run(
    `INSERT INTO ${table} (${names}) ${select} ${order} ON CONFLICT DO NOTHING`,
    [old],
  )
  const { rows } = await run<{ lines: number }>(
    `SELECT count(*)::integer AS lines FROM ${stage.table(kind)} s WHERE s.contract = ANY($1)`,
    [old],
  )
  const stored = rowCount ?? 0
  addCounts(counts, kind, { stored, unchanged: (rows[0]?.lines ?? 0) - stored })
}

/** Logins: those that are new or differ; then those that are not in the source any more, of which nothing is lost. */
export async function writeLogins({ run }: Session, stage: Stage, counts: KindCounts): Promise<void> {
  const { rowCount } = await run(
    `INSERT INTO ellipro.legacy_login AS l (account, login, contract, shared, disabled, created_on, last_sign_in_at)
     SELECT account, login, contract, shared::boolean, disabled::boolean, created_on::date, last_sign_in_at::timestamptz
       FROM ${stage.table('logins')} ORDER BY account
     ON CONFLICT (account) DO UPDATE SET login = excluded.login, contract = excluded.contract, shared = excluded.shared,
       disabled = excluded.disabled, created_on = excluded.created_on, last_sign_in_at = excluded.last_sign_in_at,
       imported_at = now(), missing_since = NULL
     WHERE (l.login, l.contract, l.shared, l.disabled, l.created_on, l.last_sign_in_at)
           IS DISTINCT FROM (excluded.login, excluded.contract, excluded.shared, excluded.disabled, excluded.created_on,
                             excluded.last_sign_in_at)
        OR l.missing_since IS NOT NULL`,
  )
  await countRest(run, stage, 'logins', rowCount ?? 0, counts)
  await run(
    `UPDATE ellipro.legacy_login l SET missing_since = now() FROM ${stage.table('missing')} m
      WHERE m.account = l.account AND l.missing_since IS NULL`,
  )
}

/**
 * Messages and their attachments. When they were imported first stays: from there on counts how long they are kept. What
 * is not here though it was sent and could be imported longer ago than that was here, and is over: it does not come back.
 */
export async function writeMessages({ run }: Session, stage: Stage, counts: KindCounts): Promise<void> {
  const over = `now() - make_interval(days => ellipro.setting_value('old_message_days'))`
  const messages = await run(
    `INSERT INTO ellipro.legacy_message AS m (account, message, sent_at, sender, subject, body)
     SELECT account, message, sent_at::timestamptz, sender, subject, coalesce(body, '') FROM ${stage.table('messages')} s
      WHERE sent_at::timestamptz > ${over} OR EXISTS (SELECT FROM ellipro.legacy_message o WHERE o.account = s.account AND o.message = s.message)
         OR NOT EXISTS (SELECT FROM ellipro.legacy_login l WHERE l.account = s.account AND l.first_imported_at <= ${over})
     ON CONFLICT (account, message) DO UPDATE
       SET sent_at = excluded.sent_at, sender = excluded.sender, subject = excluded.subject, body = excluded.body
     WHERE (m.sent_at, m.sender, m.subject, m.body)
           IS DISTINCT FROM (excluded.sent_at, excluded.sender, excluded.subject, excluded.body)`,
  )
  await countRest(run, stage, 'messages', messages.rowCount ?? 0, counts)
  const attachments = await run(
    `INSERT INTO ellipro.legacy_attachment AS a (account, message, place, name, media_type, content)
     SELECT account, message, place::integer, name, media_type, decode(coalesce(content, ''), 'base64')
       FROM ${stage.table('attachments')} s
      WHERE EXISTS (SELECT FROM ellipro.legacy_message o WHERE o.account = s.account AND o.message = s.message)
     ON CONFLICT (account, message, place) DO UPDATE
       SET name = excluded.name, media_type = excluded.media_type, content = excluded.content
     WHERE (a.name, a.media_type, a.content) IS DISTINCT FROM (excluded.name, excluded.media_type, excluded.content)`,
  )
  await countRest(run, stage, 'attachments', attachments.rowCount ?? 0, counts)
}

async function countRest(
  run: Session['run'],
  stage: Stage,
  kind: Kind,
  stored: number,
  counts: KindCounts,
): Promise<void> {
  const { rows } = await run<{ lines: number }>(`SELECT count(*)::integer AS lines FROM ${stage.table(kind)}`)
  addCounts(counts, kind, { stored, unchanged: (rows[0]?.lines ?? 0) - stored })
}
