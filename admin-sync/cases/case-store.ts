/** The SQL of a pass over a case: one statement that reads it all as of one moment, one transaction that writes. */
import type pg from 'pg'
import { returnRequests } from '../decisions/returned.ts'
import { inTransaction } from '../transaction.ts'
import type { CaseFacts } from './facts.ts'
import type { Plan, RequestChange } from './plan.ts'

/** `undefined`: no such case. */
export async function readCase(pool: pg.Pool | pg.ClientBase, id: string): Promise<CaseFacts | undefined> {
  const { rows } = await pool.query<{ facts: object }>(factsQuery, [id])
  return rows[0] && (reviveDates(rows[0].facts) as CaseFacts)
}

/** Whether there is such a case, by id, reference or login. Several logins may be written alike. */
export async function findCases(pool: pg.Pool, wanted: string): Promise<string[]> {
  const { rows } = await pool.query<{ id: string }>(
    `SELECT id FROM ellipro.login_case
      WHERE id::text = lower($1) OR reference = upper($1)
         OR lower(login COLLATE "und-x-icu") = lower($1 COLLATE "und-x-icu") ORDER BY created_at`,
    [wanted.trim()],
  )
  return rows.map(({ id }) => id)
}

/**
 * Writes what a plan changes in the database; nothing of it is done when anything fails.
 * @returns whether the help desk has to be told
 */
export function applyPlan(pool: pg.Pool, facts: CaseFacts, plan: Plan, connector: string): Promise<boolean> {
  return inTransaction(pool, async (client) => {
    // As every function that changes a case does first.
    await client.query(`SELECT pg_advisory_xact_lock(hashtextextended('account:' || $1, 0))`, [facts.account])
    const note = (kind: string, detail: object, request: string | null = null, actor = 'admin-sync') =>
      client.query('SELECT ellipro.note_case($1, $2, $3, $4, $5)', [
        facts.id,
        request,
        kind,
        actor,
        JSON.stringify(detail),
      ])
    for (const { id, signals } of plan.signals)
      await client.query('UPDATE ellipro.access_request SET signals = $2 WHERE id = $1', [
        id,
        JSON.stringify(signals),
      ])
    for (const change of plan.requests) {
      if (!(await changeRequest(client, change))) continue
      const detail = change.reason === null ? {} : { reason: change.reason }
      // One that nobody proved was never shown to anybody.
      if (change.from !== 'asked' && change.to !== 'proved')
        await note(requestEvents[change.to] ?? 'changed', detail, change.id)
      if (change.to === 'opened') await addToOutbox(client, 'tell-case-contact', facts.id)
    }
    if (plan.ticket === 'create')
      await client.query(
        `INSERT INTO ellipro.ticket (case_id, connector, waiting_since) VALUES ($1, $2, now()) ON CONFLICT DO NOTHING`,
        [facts.id, connector],
      )
    if (plan.ticket === 'renew') {
      await client.query(
        `UPDATE ellipro.ticket SET deleted_at = NULL, status = 'new', raw_status = NULL, owner = NULL, url = NULL,
                wanted_status = NULL, waiting_since = now() WHERE case_id = $1 AND external_id IS NULL`,
        [facts.id],
      )
      // The new ticket's own text says all of it.
      await client.query(
        'UPDATE ellipro.ticket_note SET posted_at = now() WHERE case_id = $1 AND posted_at IS NULL',
        [facts.id],
      )
      await note('ticket_renewed', {})
    }
    for (const { subject, text, isTold } of plan.notes)
      await client.query(
        `INSERT INTO ellipro.ticket_note (case_id, subject, text, posted_at)
         VALUES ($1, $2, $3, CASE WHEN $4 THEN now() END) ON CONFLICT DO NOTHING`,
        [facts.id, subject, text.slice(0, 20_000).toWellFormed().replaceAll('\0', ''), isTold],
      )
    if (plan.wantedStatus) {
      await client.query('UPDATE ellipro.ticket SET wanted_status = $2 WHERE case_id = $1', [
        facts.id,
        plan.wantedStatus,
      ])
      if (plan.isReopening) await note('ticket_reopened', {})
    }
    if (plan.removeConsoleSource) {
      const { rowCount } = await client.query(
        `UPDATE ellipro.case_source SET removed_at = now()
          WHERE case_id = $1 AND source = 'console' AND removed_at IS NULL`,
        [facts.id],
      )
      if (rowCount === 1) await note('source_removed', { source: 'console' }, null, 'console')
    }
    await updateCase(client, facts, plan)
    if (plan.close) await note('closed', { reason: 'not_shared' }, null, 'console')
    const push =
      plan.ticket !== undefined || plan.wantedStatus !== undefined || plan.notes.some((n) => !n.isTold)
    if (push) {
      await client.query(
        'UPDATE ellipro.ticket SET waiting_since = coalesce(waiting_since, now()) WHERE case_id = $1',
        [facts.id],
      )
      await addToOutbox(client, 'push-ticket', facts.id)
    }
    return push
  })
}

async function updateCase(client: pg.ClientBase, { id }: CaseFacts, plan: Plan): Promise<void> {
  const { columns } = plan
  if (columns)
    await client.query(
      `UPDATE ellipro.login_case SET login = $2, company = $3, contract = $4, known_domains = $5, contact_name = $6,
              contact_phone = $7 WHERE id = $1`,
      [
        id,
        columns.login,
        columns.company,
        columns.contract,
        columns.knownDomains,
        columns.contactName,
        columns.contactPhone,
      ],
    )
  await client.query(
    `UPDATE ellipro.login_case SET
       state = CASE WHEN $2 THEN 'closed' ELSE state END,
       closed_reason = CASE WHEN $2 THEN 'not_shared' ELSE closed_reason END,
       closed_at = CASE WHEN $2 THEN now() ELSE closed_at END,
       reopened_at = CASE WHEN $3 THEN now() ELSE reopened_at END,
       last_error = $4
     WHERE id = $1 AND (state = 'open' OR NOT $2)`,
    [id, plan.close, plan.isReopening, plan.lastError],
  )
}

/** After the users were written: a flag that is there from now on was set by somebody else. */
export async function markUnmarked(pool: pg.Pool, id: string): Promise<void> {
  await pool.query(`UPDATE ellipro.login_case SET unmarked_at = now() WHERE id = $1 AND state = 'closed'`, [
    id,
  ])
}

async function changeRequest(client: pg.ClientBase, change: RequestChange): Promise<boolean> {
  const { id, from, to, grantedId, reason } = change
  // The agents' pages count on what else belongs to it.
  if (to === 'proved') return (await returnRequests(client, [grantedId ?? ''], reason ?? 'unknown')) > 0
  const { rowCount } = await client.query(
    `UPDATE ellipro.access_request
        SET state = $3, ended_at = now(),
            proof_hash = CASE WHEN $2 = 'asked' THEN NULL ELSE proof_hash END
      WHERE id = $1 AND state = $2 AND granted_id IS NOT DISTINCT FROM $4
        AND ($2 <> 'asked' OR expires_at <= now())`,
    [id, from, to, grantedId],
  )
  return rowCount === 1
}

export const addToOutbox = (client: pg.Pool | pg.ClientBase, kind: string, subject: string) =>
  client.query('INSERT INTO ellipro.case_outbox (kind, subject_id) VALUES ($1, $2)', [kind, subject])

const requestEvents: Partial<Record<RequestChange['to'], string>> = {
  opened: 'access_opened',
  expired: 'expired',
  withdrawn: 'withdrawn',
}

const factsQuery = `
  SELECT jsonb_build_object(
    'id', c.id, 'reference', c.reference, 'account', c.account, 'login', c.login, 'company', c.company,
    'contract', c.contract, 'knownDomains', to_jsonb(c.known_domains), 'contactName', c.contact_name,
    'contactPhone', c.contact_phone, 'state', c.state, 'closedReason', c.closed_reason, 'closedAt', c.closed_at,
    'unmarkedAt', c.unmarked_at, 'overflowedAt', c.overflowed_at, 'lastError', c.last_error,
    'sources', (SELECT coalesce(jsonb_agg(jsonb_build_object('source', s.source, 'at', s.at, 'removedAt', s.removed_at,
                  'userId', s.user_id) ORDER BY s.at, s.source), '[]')
                FROM ellipro.case_source s WHERE s.case_id = c.id),
    'requests', (SELECT coalesce(jsonb_agg(jsonb_build_object('id', r.id, 'state', r.state, 'reason', r.reason,
        'name', r.name, 'phone', r.phone, 'address', r.address, 'network', r.network, 'signals', r.signals,
        'holderKnows', r.holder_knows, 'holderAnsweredAt', r.holder_answered_at, 'fromActivation', r.waiting_id IS NOT NULL,
        'createdAt', r.created_at, 'provedAt', r.proved_at, 'isOver', r.expires_at <= now(),
        'networkElsewhere', CASE WHEN r.state = 'proved' THEN
          (SELECT count(*) FROM ellipro.access_request o WHERE o.network = r.network AND o.case_id <> c.id
             AND o.created_at BETWEEN r.created_at - interval '30 days' AND r.created_at) ELSE 0 END,
        'granted', (SELECT jsonb_build_object('id', g.id, 'state', g.state, 'reason', g.reason,
            'isAdded', EXISTS (SELECT FROM ellipro.added_contract d WHERE d.activation_id = g.id))
          FROM ellipro.activation g WHERE g.id = r.granted_id)) ORDER BY r.created_at, r.id), '[]')
      FROM ellipro.access_request r WHERE r.case_id = c.id),
    'decisions', (SELECT coalesce(jsonb_agg(jsonb_build_object('id', d.id, 'requestId', d.request_id, 'kind', d.kind,
        'reason', d.reason, 'called', d.called, 'state', d.state, 'name', d.name, 'dueAt', d.due_at)
        ORDER BY d.created_at, d.id), '[]')
      FROM ellipro.decision d WHERE d.case_id = c.id AND d.state <> 'rejected'),
    'holder', (SELECT jsonb_build_object('address', h.address, 'state', h.state) FROM ellipro.login_holder(c.account) h),
    'pending', (SELECT count(*) FROM ellipro.activation a WHERE a.account = c.account AND a.kind = 'legacy'
                 AND a.state IN ('requested', 'mailed') AND a.expires_at > now()),
    'users', (SELECT coalesce(jsonb_agg(jsonb_build_object('userId', u.user_id, 'address', u.address, 'cases',
        (SELECT jsonb_agg(jsonb_build_object('id', o.id, 'reference', o.reference, 'state', o.state,
            'createdAt', o.created_at, 'ticket', (SELECT jsonb_build_object('externalId', t.external_id, 'status', t.status,
              'deletedAt', t.deleted_at) FROM ellipro.ticket t WHERE t.case_id = o.id)))
          FROM ellipro.login_case o
         WHERE o.account IN (SELECT x.account FROM ellipro.login_user x WHERE x.user_id = u.user_id)))
        ORDER BY u.user_id), '[]')
      FROM ellipro.login_user u WHERE u.account = c.account),
    'ticket', (SELECT jsonb_build_object('connector', t.connector, 'externalId', t.external_id, 'status', t.status,
        'wantedStatus', t.wanted_status, 'waitingSince', t.waiting_since, 'deletedAt', t.deleted_at)
      FROM ellipro.ticket t WHERE t.case_id = c.id),
    'notes', (SELECT coalesce(jsonb_agg(jsonb_build_object('subject', n.subject, 'isPosted', n.posted_at IS NOT NULL)
        ORDER BY n.seq), '[]') FROM ellipro.ticket_note n WHERE n.case_id = c.id)
  ) AS facts
  FROM ellipro.login_case c WHERE c.id = $1`

/** Times of JSON (`…At`, `at`) become dates, wherever they stand. */
function reviveDates(value: unknown, key = ''): unknown {
  if (Array.isArray(value)) return value.map((one) => reviveDates(one))
  if (typeof value === 'object' && value !== null)
    return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, reviveDates(inner, name)]))
  return typeof value === 'string' && (key === 'at' || key.endsWith('At')) ? new Date(value) : value
}
