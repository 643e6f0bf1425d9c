/**
 * Plays admin-sync towards the agents' pages, as role ellipro_sync: makes cases with their requests, grants sessions and
 * applies decisions. It does what the jobs do to these rows, and checks that each ID token carries the very nonce that
 * the row asks for; the real jobs have their own tests.
 */
import { randomBytes, randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import { afterAll } from 'vitest'
import { decisionNonce, sessionNonce, type DecisionKind } from '../../../core/nonce.ts'

export type NewRequest = {
  name?: string | null
  address?: string
  phone?: string | null
  state?: string
  reason?: string
  signals?: { codes: string[]; resembles?: string }
  network?: string
  holderKnows?: boolean
  provedAt?: Date
}
export type NewCase = {
  company?: string
  login?: string
  contract?: string
  domains?: string[]
  phone?: string | null
  holder?: string | null
  state?: 'open' | 'closed'
  requests?: NewRequest[]
}
export type MadeCase = { id: string; reference: string; account: string; requests: string[] }

type Submitted = {
  id: string
  case_id: string
  request_id: string | null
  kind: DecisionKind
  reason: string
  called: string | null
  generation: number
  id_token: string
}

export type StaffStandIn = {
  pool: pg.Pool
  make(o?: NewCase): Promise<MadeCase>
  note(caseId: string, kind: string, actor: string, detail: object, requestId?: string): Promise<void>
  /** While true, nobody grants anything and no decision is applied: admin-sync is down. */
  isAway: boolean
  /** Why the next decisions are rejected; they are applied when absent. */
  rejects: string | undefined
  decisions(
    caseId: string,
  ): Promise<
    { id: string; kind: string; reason: string; called: string | null; state: string; name: string | null }[]
  >
  /** Tokens whose nonce was that of something else. */
  foreign: string[]
}

const claimsOf = (idToken: string) =>
  JSON.parse(Buffer.from(idToken.split('.')[1]!, 'base64url').toString()) as {
    sub: string
    nonce: string
    email?: string
    name?: string
  }

/**
 * Works until the test file ends.
 * @param url connection as ellipro_sync
 * @param agents user ids at Keycloak of those who have the role relation-client, and their names
 * @param leads the same of those who have the role migration-lead
 */
export function createStaffStandIn(
  url: string,
  agents: Map<string, string>,
  leads: Map<string, string> = new Map(),
): StaffStandIn {
  const pool = new pg.Pool({ connectionString: url, max: 3 })
  const standIn: StaffStandIn = {
    pool,
    isAway: false,
    rejects: undefined,
    foreign: [],
    make: (o = {}) => make(pool, o),
    async note(caseId, kind, actor, detail, requestId) {
      await pool.query('SELECT ellipro.note_case($1, $2, $3, $4, $5)', [
        caseId,
        requestId ?? null,
        kind,
        actor,
        JSON.stringify(detail),
      ])
    },
    async decisions(caseId) {
      const { rows } = await pool.query<{
        id: string
        kind: string
        reason: string
        called: string | null
        state: string
        name: string | null
      }>(
        'SELECT id, kind, reason, called, state, name FROM ellipro.decision WHERE case_id = $1 ORDER BY created_at',
        [caseId],
      )
      return rows
    },
  }
  const ending = new AbortController()
  const working = (async () => {
    while (!ending.signal.aborted) {
      if (!standIn.isAway) {
        await grant(standIn, agents, leads)
        await apply(standIn, agents)
      }
      await sleep(60)
    }
  })()
  afterAll(async () => {
    ending.abort()
    await working
    await pool.end()
  })
  return standIn
}

async function grant(
  { pool, foreign }: StaffStandIn,
  agents: Map<string, string>,
  leads: Map<string, string>,
): Promise<void> {
  const { rows } = await pool.query<{ id: string; cookie_hash: Buffer; id_token: string }>(
    `SELECT id, cookie_hash, id_token FROM ellipro.staff_session WHERE state = 'checking' AND id_token IS NOT NULL`,
  )
  for (const { id, cookie_hash, id_token } of rows) {
    const { sub, nonce, email } = claimsOf(id_token)
    const name = agents.get(sub) ?? leads.get(sub)
    if (nonce !== sessionNonce(cookie_hash)) foreign.push(`session ${id}`)
    await pool.query(
      `UPDATE ellipro.staff_session SET state = $2, reason = $3, user_id = $4, name = $5, id_token = NULL,
         address_key = ellipro.address_key($6), is_agent = $7, is_lead = $8 WHERE id = $1 AND state = 'checking'`,
      [
        id,
        name ? 'granted' : 'refused',
        name ? null : 'not_agent',
        name ? sub : null,
        name ?? null,
        email ?? null,
        agents.has(sub),
        leads.has(sub),
      ],
    )
  }
}

async function apply(standIn: StaffStandIn, agents: Map<string, string>): Promise<void> {
  const { pool, foreign } = standIn
  const { rows } = await pool.query<Submitted>(
    `SELECT * FROM ellipro.decision WHERE state = 'submitted' AND id_token IS NOT NULL`,
  )
  for (const row of rows) {
    const { sub, nonce } = claimsOf(row.id_token)
    const expected = decisionNonce({
      id: row.id,
      caseId: row.case_id,
      requestId: row.request_id ?? undefined,
      kind: row.kind,
      reason: row.reason,
      called: row.called ?? undefined,
      generation: row.generation,
    })
    if (nonce !== expected) foreign.push(`decision ${row.id}`)
    const { rows: earlier } = await pool.query(
      `SELECT FROM ellipro.decision WHERE request_id = $1 AND kind = 'holder_left' AND state = 'awaiting_second'`,
      [row.request_id],
    )
    const isFirst = row.kind === 'holder_left' && earlier.length === 0
    const state = standIn.rejects ? 'rejected' : isFirst ? 'awaiting_second' : 'applied'
    await pool.query(
      `UPDATE ellipro.decision SET state = $2, outcome = $3, user_id = $4, name = $5, id_token = NULL, ended_at = now(),
         due_at = CASE WHEN $2 = 'awaiting_second' THEN now() + interval '48 hours' END WHERE id = $1`,
      [row.id, state, standIn.rejects ?? null, sub, agents.get(sub) ?? 'Somebody'],
    )
    if (state !== 'applied') continue
    if (row.request_id)
      await pool.query(
        'UPDATE ellipro.access_request SET state = $2, reason = $3, ended_at = now() WHERE id = $1',
        [
          row.request_id,
          row.kind === 'refuse' ? 'refused' : 'granting',
          row.kind === 'refuse' ? row.reason : null,
        ],
      )
    await pool.query(
      `UPDATE ellipro.login_case SET generation = generation + 1, state = CASE WHEN $2 THEN 'closed' ELSE state END,
         closed_at = CASE WHEN $2 THEN now() END WHERE id = $1`,
      [row.case_id, row.kind === 'not_shared'],
    )
  }
}

async function make(pool: pg.Pool, o: NewCase): Promise<MadeCase> {
  const account = `account-${randomBytes(6).toString('hex')}`
  const login = o.login ?? 'lefevre12'
  const company = o.company ?? 'Établissements Lefèvre & Fils'
  const contract = o.contract ?? `CF-${randomBytes(4).toString('hex')}`
  const { rows } = await pool.query<{ id: string }>(
    `SELECT ellipro.ensure_case($1, $2, $3, $4, 'second_activation', 'person') AS id`,
    [account, login, company, contract],
  )
  const { id } = rows[0]!
  const { rows: found } = await pool.query<{ reference: string }>(
    `UPDATE ellipro.login_case SET known_domains = $2, contact_phone = $3, contact_name = $4, state = $5,
       closed_at = CASE WHEN $5 = 'closed' THEN now() END WHERE id = $1 RETURNING reference`,
    [
      id,
      o.domains ?? ['lefevre.example.fr'],
      o.phone === undefined ? '01 23 45 67 89' : o.phone,
      o.phone === null ? null : 'Mme Lefèvre, comptabilité',
      o.state ?? 'open',
    ],
  )
  if (o.holder !== null)
    await pool.query(
      `INSERT INTO ellipro.activation (state, account, login, company, contract, address, locale, expires_at, opened_at)
       VALUES ('opened', $1, $2, $3, $4, $5, 'fr', now() + interval '1 day', now() - interval '9 days')`,
      [account, login, company, contract, o.holder ?? 'claire.lefevre@lefevre.example.fr'],
    )
  const requests = []
  for (const request of o.requests ?? []) requests.push(await makeRequest(pool, id, request))
  return { id, reference: found[0]!.reference, account, requests }
}

async function makeRequest(pool: pg.Pool, caseId: string, o: NewRequest): Promise<string> {
  const state = o.state ?? 'proved'
  const provedAt = o.provedAt ?? new Date(Date.now() - 3 * 86_400_000)
  const { rows } = await pool.query<{ id: string }>(
    `INSERT INTO ellipro.access_request (case_id, state, name, phone, address, locale, network, signals, holder_asked_at,
       holder_knows, holder_answered_at, reason, expires_at, created_at, proved_at, ended_at)
     VALUES ($1, $2, $3, $4, $5, 'fr', $6, $7, $8::timestamptz, $9::boolean, CASE WHEN $9::boolean IS NOT NULL THEN now() END, $10,
       now() + interval '1 day', $8::timestamptz, $8::timestamptz, CASE WHEN $2 IN ('refused', 'expired', 'withdrawn') THEN now() END) RETURNING id`,
    [
      caseId,
      state,
      o.name === undefined ? 'Jean Dupont' : o.name,
      o.phone === undefined ? '06 12 34 56 78' : o.phone,
      o.address ?? `jean.${randomUUID().slice(0, 8)}@lefevre.example.fr`,
      o.network ?? '192.0.2.0/24',
      JSON.stringify(o.signals ?? { codes: [] }),
      provedAt,
      o.holderKnows ?? null,
      o.reason ?? null,
    ],
  )
  return rows[0]!.id
}
