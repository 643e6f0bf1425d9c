/** What `cases list` and `cases show` look at. Personal data, for operators and the desk. */
import type pg from 'pg'
import { readCase } from './case-store.ts'
import type { CaseFacts } from './facts.ts'

export type CaseLine = {
  id: string
  reference: string
  state: 'open' | 'closed'
  login: string
  company: string
  /** Requests that wait for an agent. */
  deciding: number
  oldestRequestAt: Date | null
  ticket: string | null
  ticketStatus: string | null
  /** Since when the help desk has not taken everything. */
  waitingSince: Date | null
  lastError: string | null
}
export type CaseHistory = { at: Date; kind: string; actor: string; detail: Record<string, unknown> }
export type FoundCase = CaseFacts & {
  help: {
    url: string | null
    owner: string | null
    rawStatus: string | null
    lastError: string | null
  } | null
  history: CaseHistory[]
}

/** Those with the oldest request first, then the newest. @param o.all closed ones too */
export async function listCases(pool: pg.Pool, { all }: { all: boolean }): Promise<CaseLine[]> {
  const { rows } = await pool.query<CaseLine>(
    `SELECT c.id, c.reference, c.state, c.login, c.company, r.deciding, r.oldest AS "oldestRequestAt",
            t.external_id AS ticket, t.status AS "ticketStatus", t.waiting_since AS "waitingSince",
            coalesce(t.last_error, c.last_error) AS "lastError"
       FROM ellipro.login_case c LEFT JOIN ellipro.ticket t ON t.case_id = c.id
       CROSS JOIN LATERAL (SELECT count(*)::integer AS deciding, min(proved_at) AS oldest
                             FROM ellipro.access_request WHERE case_id = c.id AND state = 'proved') r
      WHERE $1 OR c.state = 'open' ORDER BY r.oldest NULLS LAST, c.created_at DESC`,
    [all],
  )
  return rows
}

/** By reference, login or id; several logins may be written alike. */
export async function showCases(pool: pg.Pool, ids: readonly string[]): Promise<FoundCase[]> {
  const found: FoundCase[] = []
  for (const id of ids) {
    const facts = await readCase(pool, id)
    if (!facts) continue
    const [{ rows: tickets }, { rows: history }] = [
      await pool.query<NonNullable<FoundCase['help']>>(
        `SELECT url, owner, raw_status AS "rawStatus", last_error AS "lastError" FROM ellipro.ticket WHERE case_id = $1`,
        [id],
      ),
      await pool.query<CaseHistory>(
        'SELECT at, kind, actor, detail FROM ellipro.case_event WHERE case_id = $1 ORDER BY id',
        [id],
      ),
    ]
    found.push({ ...facts, help: tickets[0] ?? null, history })
  }
  return found
}

/** Open ones, and closed ones whose users still have the flag. */
export async function listForPass(pool: pg.Pool): Promise<string[]> {
  const { rows } = await pool.query<{ id: string }>(
    `SELECT id FROM ellipro.login_case
      WHERE state = 'open' OR unmarked_at IS NULL OR unmarked_at < closed_at ORDER BY created_at`,
  )
  return rows.map(({ id }) => id)
}
