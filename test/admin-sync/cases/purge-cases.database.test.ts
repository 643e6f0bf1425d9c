/** The retention that docs/privacy.md promises, on the database: what goes, when, and what stays. */
import { randomBytes, randomUUID } from 'node:crypto'
import pg from 'pg'
import { afterAll, expect, test } from 'vitest'
import { purgeCases } from '../../../admin-sync/cases/purge-cases.ts'
import { createDatabase } from '../../support/postgres.ts'

const database = await createDatabase()
const pool = new pg.Pool({ connectionString: database.sync, max: 4 })
pool.on('connect', (client) => client.on('error', () => undefined))
afterAll(() => pool.end())

const one = async <T extends pg.QueryResultRow>(sql: string, values: unknown[] = []): Promise<T> => {
  const { rows } = await pool.query<T>(sql, values)
  if (!rows[0]) throw new Error(`no row: ${sql}`)
  return rows[0]
}
const makeCase = async (closedDaysAgo?: number): Promise<string> => {
  const { id } = await one<{ id: string }>(
    `SELECT ellipro.ensure_case($1, 'login', 'Company', 'C-1', 'import', 'agent') AS id`,
    [randomUUID()],
  )
  if (closedDaysAgo !== undefined)
    await pool.query(
      `UPDATE ellipro.login_case SET state = 'closed', closed_at = now() - make_interval(days => $2) WHERE id = $1`,
      [id, closedDaysAgo],
    )
  await pool.query(`INSERT INTO ellipro.ticket (case_id, connector) VALUES ($1, 'email')`, [id])
  return id
}
/** @param ago since it ended, or since its hours were over */
const makeRequest = async (caseId: string, state: string, ago = '0 days'): Promise<string> => {
  const { id } = await one<{ id: string }>(
    `INSERT INTO ellipro.access_request (case_id, state, name, address, locale, expires_at, ended_at)
     VALUES ($1, $2, 'Anne Typée', $3, 'fr', now() - $4::interval, CASE WHEN $2 <> 'asked' THEN now() - $4::interval END)
     RETURNING id`,
    [caseId, state, `${randomUUID()}@client.example`, ago],
  )
  await pool.query(`SELECT ellipro.note_case($1, $2, 'named', 'person', '{"name": "Anne Typée"}')`, [
    caseId,
    id,
  ])
  return id
}
const stateOf = async (id: string) =>
  (await pool.query<{ state: string }>('SELECT state FROM ellipro.access_request WHERE id = $1', [id]))
    .rows[0]?.state
const nameOf = (id: string) => one('SELECT name FROM ellipro.access_request WHERE id = $1', [id])
const eventsOf = async (id: string) =>
  Number(
    (await one<{ n: string }>('SELECT count(*) AS n FROM ellipro.case_event WHERE request_id = $1', [id])).n,
  )
const exists = async (table: string, column: string, id: string) =>
  ((await pool.query(`SELECT FROM ellipro.${table} WHERE ${column} = $1`, [id])).rowCount ?? 0) > 0

test('a request that nobody proved ends, and goes with its history after its days; others stay', async () => {
  const open = await makeCase()
  const kept = {
    asked: await makeRequest(open, 'asked', '-1 hours'),
    proved: await makeRequest(open, 'proved', '400 days'),
    granting: await makeRequest(open, 'granting', '400 days'),
    opened: await makeRequest(open, 'opened', '400 days'),
    refused: await makeRequest(open, 'refused', '364 days'),
    expired: await makeRequest(open, 'expired', '29 days'),
    withdrawn: await makeRequest(open, 'withdrawn', '29 days'),
  }
  const unproved = await makeRequest(open, 'asked', '1 minute')
  const gone = [
    await makeRequest(open, 'expired', '31 days'),
    await makeRequest(open, 'withdrawn', '31 days'),
    await makeRequest(open, 'refused', '366 days'),
  ]
  const recent = await makeRequest(open, 'opened', '364 days')
  expect(await purgeCases(pool)).toMatchObject({
    expired_requests: 1,
    deleted_requests: 3,
    trimmed_requests: 1,
    deleted_cases: 0,
  })
  expect(await nameOf(kept.opened)).toEqual({ name: null })
  for (const id of [recent, kept.granting]) expect(await nameOf(id)).toEqual({ name: 'Anne Typée' })
  for (const [state, id] of Object.entries(kept)) expect([state, await stateOf(id)]).toEqual([state, state])
  for (const id of Object.values(kept)) expect(await eventsOf(id)).toBe(1)
  expect(await stateOf(unproved)).toBe('expired')
  for (const id of gone) expect([await stateOf(id), await eventsOf(id)]).toEqual([undefined, 0])
  // Once more, and twice at once: nothing is left to do.
  const again = await Promise.all([purgeCases(pool), purgeCases(pool)])
  for (const counts of again) expect(Object.values(counts).filter((n) => n > 0)).toEqual([])

  await pool.query(`UPDATE ellipro.setting SET value = 5 WHERE name = 'ended_request_days'`)
  expect(await purgeCases(pool)).toMatchObject({ deleted_requests: 2 })
})

test('a closed case goes on time with all that hangs on it, but never one with something to decide', async () => {
  const [old, recent, open, undecided] = [
    await makeCase(366),
    await makeCase(364),
    await makeCase(),
    await makeCase(366),
  ]
  const request = await makeRequest(old, 'opened', '400 days')
  await makeRequest(undecided, 'proved', '400 days')
  const decision = randomUUID()
  await pool.query(
    `INSERT INTO ellipro.decision (id, case_id, request_id, kind, reason, generation, state, user_id, name)
     VALUES ($1, $2, $3, 'open', 'because', 1, 'applied', 'u', 'Agent')`,
    [decision, old, request],
  )
  await pool.query(
    `INSERT INTO ellipro.ticket_note (case_id, subject, text) VALUES ($1, 's', 'Anne Typée')`,
    [old],
  )
  expect(await purgeCases(pool)).toMatchObject({ deleted_cases: 1 })
  for (const id of [recent, open, undecided]) expect(await exists('login_case', 'id', id)).toBe(true)
  for (const table of ['case_source', 'access_request', 'case_event', 'ticket', 'ticket_note', 'decision'])
    expect([table, await exists(table, 'case_id', old)]).toEqual([table, false])
  expect(await exists('login_case', 'id', old)).toBe(false)
})

test('a note’s text goes once the help desk has had it for long enough, and its row stays', async () => {
  const open = await makeCase()
  await pool.query(
    `INSERT INTO ellipro.ticket_note (case_id, subject, text, posted_at) VALUES
     ($1, 'old', 'Anne', now() - interval '40 days'), ($1, 'new', 'Anne', now()), ($1, 'waits', 'Anne', NULL)`,
    [open],
  )
  expect(await purgeCases(pool)).toMatchObject({ erased_notes: 1 })
  const { rows } = await pool.query(
    'SELECT subject, text FROM ellipro.ticket_note WHERE case_id = $1 ORDER BY seq',
    [open],
  )
  expect(rows).toEqual([
    { subject: 'old', text: '' },
    { subject: 'new', text: 'Anne' },
    { subject: 'waits', text: 'Anne' },
  ])
})

const read = (table: string, id: string, columns: string) =>
  one(`SELECT ${columns} FROM ellipro.${table} WHERE id = $1`, [id])
const session = async (state: string, createdAgo: string, expiresIn: string): Promise<string> =>
  (
    await one<{ id: string }>(
      `INSERT INTO ellipro.staff_session (cookie_hash, state, id_token, user_id, name, is_agent, created_at, expires_at)
       VALUES ($1, $2, 'token', 'u', 'Agent', true, now() - $3::interval, now() + $4::interval) RETURNING id`,
      [randomBytes(32), state, createdAgo, expiresIn],
    )
  ).id

test('ID tokens of lost jobs are erased, and what they were to prove is refused; sessions go a day after they end', async () => {
  const fresh = await session('checking', '10 minutes', '8 hours')
  const lost = await session('checking', '37 hours', '8 hours')
  const forgotten = await session('granted', '1 minute', '8 hours')
  const over = await session('ended', '3 days', '-25 hours')
  const justOver = await session('ended', '1 day', '-23 hours')
  const open = await makeCase()
  const request = await makeRequest(open, 'proved')
  const decide = async (ago: string, state = 'submitted') =>
    (
      await one<{ id: string }>(
        `INSERT INTO ellipro.decision (id, case_id, request_id, kind, reason, generation, session_id, id_token, state, created_at)
         VALUES (gen_random_uuid(), $1, $2, 'open', 'why', 1, $3, 'token', $5, now() - $4::interval) RETURNING id`,
        [open, request, over, ago, state],
      )
    ).id
  const [lostDecision, freshDecision, second] = [
    await decide('37 hours'),
    await decide('1 hour'),
    await decide('1 minute', 'awaiting_second'),
  ]
  expect(await purgeCases(pool)).toMatchObject({
    erased_session_tokens: 4,
    erased_decision_tokens: 2,
    deleted_sessions: 1,
  })
  expect(await read('staff_session', fresh, 'state, id_token')).toEqual({
    state: 'checking',
    id_token: 'token',
  })
  expect(await read('staff_session', lost, 'state, reason, id_token')).toEqual({
    state: 'refused',
    reason: 'too_late',
    id_token: null,
  })
  expect(await read('staff_session', forgotten, 'state, id_token')).toEqual({
    state: 'granted',
    id_token: null,
  })
  expect(await exists('staff_session', 'id', over)).toBe(false)
  expect(await exists('staff_session', 'id', justOver)).toBe(true)
  expect(await read('decision', lostDecision, 'state, outcome, id_token')).toEqual({
    state: 'rejected',
    outcome: 'too_late',
    id_token: null,
  })
  expect(await read('decision', freshDecision, 'state, id_token')).toEqual({
    state: 'submitted',
    id_token: 'token',
  })
  expect(await read('decision', second, 'state, id_token')).toEqual({
    state: 'awaiting_second',
    id_token: null,
  })
})

const addition = async (outcome: string | null, ago: string): Promise<string> =>
  (
    await one<{ id: string }>(
      `WITH a AS (INSERT INTO ellipro.activation (account, login, company, contract, address, locale, expires_at)
         VALUES (gen_random_uuid()::text, 'l', 'c', 'C-1', 'a@client.example', 'fr', now()) RETURNING id)
       INSERT INTO ellipro.activation_secret (activation_id, addition_token, addition_outcome, addition_at)
         SELECT id, 'token', $1, now() - $2::interval FROM a RETURNING activation_id AS id`,
      [outcome, ago],
    )
  ).id
const readAddition = async (activation: string) =>
  one('SELECT addition_token, addition_outcome FROM ellipro.activation_secret WHERE activation_id = $1', [
    activation,
  ])

test('a sign-in that was to add a contract is forgotten when its job is lost, and its page asks for another', async () => {
  const [lost, fresh, done] = [
    await addition(null, '37 hours'),
    await addition(null, '1 hour'),
    await addition('added', '1 minute'),
  ]
  expect(await purgeCases(pool)).toMatchObject({ erased_addition_tokens: 2 })
  expect(await readAddition(lost)).toEqual({ addition_token: null, addition_outcome: 'sign_in_refused' })
  expect(await readAddition(fresh)).toEqual({ addition_token: 'token', addition_outcome: null })
  expect(await readAddition(done)).toEqual({ addition_token: null, addition_outcome: 'added' })
})

test('changes of the help desk and events of Keycloak that are never asked for again go', async () => {
  await pool.query(`INSERT INTO ellipro.ticket_change (connector, change_id, seen_at) VALUES
    ('rt', 'old', now() - interval '31 days'), ('rt', 'new', now() - interval '29 days')`)
  await pool.query(`INSERT INTO ellipro.handled_event (subject, event_id, event_at) VALUES
    ('address-changed', 'old', now() - interval '40 days'), ('address-changed', 'new', now())`)
  expect(await purgeCases(pool)).toMatchObject({ deleted_changes: 1, deleted_events: 1 })
})

test('more than one batch is taken, and a pass that is not to go on stops before the next statement', async () => {
  const open = await makeCase()
  await pool.query(
    `INSERT INTO ellipro.access_request (case_id, state, address, locale, expires_at, ended_at)
     SELECT $1, 'expired', n || '@client.example', 'fr', now(), now() - interval '40 days' FROM generate_series(1, 1001) n`,
    [open],
  )
  await expect(purgeCases(pool, () => Promise.reject(new Error('stopped')))).rejects.toThrow('stopped')
  expect(await purgeCases(pool)).toMatchObject({ deleted_requests: 1001 })
})
