/**
 * `people erase`: takes a person's address, name and words out of what is stored here. A rehearsal unless an operator
 * confirms it; then in one transaction with its line in the audit list, which does not name the address.
 *
 *   requests           go, with the decisions about them; an open one ends for everybody
 *   histories          keep what happened, when and by whom, without a word that anybody typed
 *   notes for tickets  lose their text
 *   activations        that are over keep their row, which other rows and the counts need, with an address of nobody
 *   mails              the ledger loses the address, a day after the mail: until then budgets count it
 *   sessions           of an agent go, and those of the page of the old messages
 *   old messages       of a login that was this person's alone go; of a shared one they stay until their days are over
 *
 * What is in use is not touched, and nothing else of the person either: an account that is open is deleted at Keycloak
 * first, an activation under way is withdrawn first. "It was not me" stays until its days are over: it protects the
 * address. The ticket at the help desk is named, to be erased there by hand.
 */
import type pg from 'pg'
import { inTransaction } from '../transaction.ts'
import { recordAction, type Operator } from './audit.ts'

/** Why nothing was erased. */
export type Obstacle =
  /** A user of Keycloak has the address, or was opened for it. */
  | { code: 'account'; user: string }
  /** Opened here, and its user not seen to be gone yet. */
  | { code: 'opened'; activation: string; login: string }
  | { code: 'under_way'; activation: string; login: string }
  | { code: 'reason_names_address' }
export type ErasureTicket = {
  reference: string
  connector: string
  externalId: string | null
  url: string | null
}
export type Erasure = {
  /** `kept`: what is left cannot go yet. */
  outcome: 'unknown' | 'refused' | 'kept' | 'rehearsed' | 'erased'
  obstacles: Obstacle[]
  requests: number
  activations: number
  events: number
  notes: number
  mails: number
  /** Of the last day: they stay until tomorrow. */
  mailsKept: number
  sessions: number
  blocksKept: number
  /** Old messages. */
  messages: number
  /** Of logins that others have used. */
  messagesKept: number
  tickets: ErasureTicket[]
}

/** Asks Keycloak. Throws UpstreamError when it could not be asked: then nothing is erased. */
export type FindUsers = (address: string, knownUserIds: readonly string[]) => Promise<string[]>

/** What may stay of an event: nothing in it was typed by anybody. */
const keptDetails = ['source', 'knows', 'code', 'decision', 'status', 'internal', 'why', 'kind']

export async function erasePerson(
  pool: pg.Pool,
  address: string,
  findUsers: FindUsers,
  operator?: Operator,
): Promise<Erasure> {
  const typed = address.trim().normalize('NFC')
  const users = await findUsers(typed, await readUserIds(pool, typed))
  return inTransaction(pool, async (client) => {
    const person = await collect(client, typed)
    const obstacles: Obstacle[] = [
      ...(operator?.reason.toLowerCase().includes(typed.toLowerCase())
        ? [{ code: 'reason_names_address' as const }]
        : []),
      ...users.map((user) => ({ code: 'account' as const, user })),
      ...person.obstacles,
    ]
    const { requests, activations, events, notes } = person
    const counts = {
      obstacles,
      requests: requests.length,
      activations: activations.length,
      events: events.length,
      notes: notes.length,
      mails: person.mails,
      mailsKept: person.mailsKept,
      sessions: person.sessions,
      blocksKept: person.blocks,
      messages: person.messages,
      messagesKept: person.messagesKept,
      tickets: person.tickets,
    }
    if (obstacles.length > 0) return { ...counts, outcome: 'refused' }
    const isAnything = [
      counts.requests,
      counts.activations,
      counts.events,
      counts.notes,
      counts.mails,
      counts.sessions,
      counts.messages,
    ]
    if (isAnything.every((count) => count === 0))
      return { ...counts, outcome: person.mailsKept + person.blocks > 0 ? 'kept' : 'unknown' }
    if (!operator) return { ...counts, outcome: 'rehearsed' }
    await erase(client, person)
    await recordAction(
      client,
      operator,
      'people erase',
      `requests ${requests.length}, activations ${activations.length}`,
    )
    return { ...counts, outcome: 'erased' }
  })
}

async function readUserIds(pool: pg.Pool, address: string): Promise<string[]> {
  const { rows } = await pool.query<{ id: string }>(
    `SELECT user_id AS id FROM ellipro.keycloak_user
      WHERE address_key = ellipro.address_key($1) AND user_id IS NOT NULL AND state <> 'deleted'`,
    [address],
  )
  return rows.map(({ id }) => id)
}

type Person = Awaited<ReturnType<typeof collect>>

/** @param text an SQL expression; the words are `$2` */
const mentions = (text: string) =>
  `EXISTS (SELECT FROM unnest($2::text[]) word
            WHERE strpos(lower(${text} COLLATE "und-x-icu"), lower(word COLLATE "und-x-icu")) > 0)`

/** Everything that names the person, with the logins locked that it is about. */
async function collect(client: pg.PoolClient, address: string) {
  const ask = async <T extends pg.QueryResultRow>(sql: string, values: unknown[]) =>
    (await client.query<T>(sql, values)).rows
  const [{ key } = { key: '' }] = await ask<{ key: string }>('SELECT ellipro.address_key($1) AS key', [
    address,
  ])
  await client.query(
    `SELECT pg_advisory_xact_lock(hashtextextended('account:' || account, 0)) FROM (
       SELECT account FROM ellipro.activation WHERE address_key = $1
       UNION SELECT c.account FROM ellipro.access_request r JOIN ellipro.login_case c ON c.id = r.case_id
              WHERE r.address_key = $1 ORDER BY 1) accounts`,
    [key],
  )
  const activations = await ask<{ id: string; login: string; state: string; live: boolean }>(
    `SELECT id, login, state, ellipro.outward_state(state, reason, expires_at) IN ('mailed', 'confirmed') AS live
       FROM ellipro.activation WHERE address_key = $1 ORDER BY created_at FOR UPDATE`,
    [key],
  )
  const requests = await ask<{ id: string; caseId: string; name: string | null; open: boolean }>(
    `SELECT id, case_id AS "caseId", name, state IN ('asked', 'proved', 'granting') AS open
       FROM ellipro.access_request WHERE address_key = $1 ORDER BY created_at FOR UPDATE`,
    [key],
  )
  const ids = requests.map(({ id }) => id)
  const cases = [...new Set(requests.map(({ caseId }) => caseId))]
  // What somebody typed elsewhere: a reply at the help desk, the reason of another decision.
  // A shorter name stands in half of all words.
  const words = [address, key, ...requests.flatMap(({ name }) => (name && name.length >= 4 ? name : []))]
  const events = await ask<{ id: string }>(
    `SELECT id FROM ellipro.case_event
      WHERE (request_id = ANY ($1) AND detail <> '{}' AND NOT detail ? 'erased')
         OR (case_id = ANY ($3) AND EXISTS (SELECT FROM jsonb_each_text(detail) typed
               WHERE typed.key <> ALL ($4) AND ${mentions('typed.value')}))`,
    [ids, words, cases, keptDetails],
  )
  const notes = await ask<{ id: string; posted: boolean }>(
    `SELECT id, posted_at IS NOT NULL AS posted FROM ellipro.ticket_note
      WHERE case_id = ANY ($1) AND text <> '' AND ${mentions('text')}`,
    [cases, words],
  )
  const [count = { mails: 0, kept: 0, sessions: 0, blocks: 0 }] = await ask<{
    mails: number
    kept: number
    sessions: number
    blocks: number
  }>(
    `SELECT (SELECT count(*) FROM ellipro.mail WHERE address_key = $1 AND sent_at <= now() - interval '24 hours')::int AS mails,
            (SELECT count(*) FROM ellipro.mail WHERE address_key = $1 AND sent_at > now() - interval '24 hours')::int AS kept,
            (SELECT count(*) FROM ellipro.staff_session WHERE address_key = $1)::int AS sessions,
            (SELECT count(*) FROM ellipro.blocked_pair WHERE address_key = $1)::int AS blocks`,
    [key],
  )
  const tickets = await ask<ErasureTicket>(
    `SELECT c.reference, t.connector, t.external_id AS "externalId", t.url
       FROM ellipro.ticket t JOIN ellipro.login_case c ON c.id = t.case_id
      WHERE t.case_id = ANY ($1) ORDER BY c.reference`,
    [cases],
  )
  const mailboxes = await ask<{ account: string; shared: boolean; messages: number }>(
    `SELECT l.account, z.messages,
            EXISTS (SELECT FROM ellipro.login_case c WHERE c.account = l.account)
            OR EXISTS (SELECT FROM ellipro.activation o WHERE o.account = l.account AND o.address_key <> $1
                        AND (o.opened_at IS NOT NULL OR o.state IN ('requested', 'mailed', 'confirmed'))) AS shared
       FROM (SELECT DISTINCT account FROM ellipro.activation
              WHERE address_key = $1 AND kind = 'legacy' AND opened_at IS NOT NULL) l,
            ellipro.mailbox_size(l.account) z ORDER BY l.account`,
    [key],
  )
  const own = mailboxes.filter(({ shared }) => !shared)
  const sum = (some: typeof mailboxes) => some.reduce((all, { messages }) => all + messages, 0)
  return {
    mailboxes: own.map(({ account }) => account),
    messages: sum(own),
    messagesKept: sum(mailboxes) - sum(own),
    key,
    requests,
    cases,
    events,
    notes,
    tickets,
    activations: activations.filter(({ state, live }) => state !== 'opened' && !live),
    obstacles: activations.flatMap(({ id, login, state, live }): Obstacle[] => {
      if (state === 'opened') return [{ code: 'opened', activation: id, login }]
      return live ? [{ code: 'under_way', activation: id, login }] : []
    }),
    mails: count.mails,
    mailsKept: count.kept,
    sessions: count.sessions,
    blocks: count.blocks,
  }
}

async function erase(client: pg.PoolClient, person: Person): Promise<void> {
  const requests = person.requests.map(({ id }) => id)
  const activations = person.activations.map(({ id }) => id)
  // Events are only added to: each is taken out and put back under its number, without what was typed.
  await client.query(
    `WITH old AS (DELETE FROM ellipro.case_event WHERE id = ANY ($1) RETURNING *)
     INSERT INTO ellipro.case_event (id, case_id, request_id, at, kind, actor, detail) OVERRIDING SYSTEM VALUE
     SELECT id, case_id, request_id, at, kind, actor, '{"erased": true}'::jsonb ||
            coalesce((SELECT jsonb_object_agg(key, value) FROM jsonb_each(detail) WHERE key = ANY ($2)), '{}')
       FROM old`,
    [person.events.map(({ id }) => id), keptDetails],
  )
  await client.query(`UPDATE ellipro.ticket_note SET text = '' WHERE id = ANY ($1)`, [
    person.notes.flatMap(({ id, posted }) => (posted ? id : [])),
  ])
  await client.query('DELETE FROM ellipro.ticket_note WHERE id = ANY ($1)', [
    person.notes.flatMap(({ id, posted }) => (posted ? [] : id)),
  ])
  await client.query('DELETE FROM ellipro.legacy_message WHERE account = ANY ($1)', [person.mailboxes])
  for (const table of ['mailbox_saving', 'reader_session'])
    await client.query(
      `DELETE FROM ellipro.${table} WHERE user_id IN
         (SELECT user_id FROM ellipro.keycloak_user WHERE address_key = $1)`,
      [person.key],
    )
  await client.query('DELETE FROM ellipro.access_request WHERE id = ANY ($1)', [requests])
  for (const { id, caseId, open } of person.requests)
    await client.query(`SELECT ellipro.note_case($1, $2, 'request_erased', 'admin-sync', $3)`, [
      caseId,
      id,
      JSON.stringify({ open }),
    ])
  // Agents who look at the case see something that is out of date; the ticket is brought up to date.
  await client.query('UPDATE ellipro.login_case SET generation = generation + 1 WHERE id = ANY ($1)', [
    person.cases,
  ])
  await client.query('SELECT ellipro.touch_case(id) FROM unnest($1::uuid[]) id', [person.cases])
  await client.query('DELETE FROM ellipro.activation_secret WHERE activation_id = ANY ($1)', [activations])
  await client.query(
    `UPDATE ellipro.activation SET address = 'erased-' || id || '@erased.invalid' WHERE id = ANY ($1)`,
    [activations],
  )
  await client.query(
    `UPDATE ellipro.keycloak_user SET address_key = 'erased-' || record || '@erased.invalid' WHERE address_key = $1`,
    [person.key],
  )
  await client.query(
    `UPDATE ellipro.mail SET address_key = 'erased@erased.invalid'
      WHERE address_key = $1 AND sent_at <= now() - interval '24 hours'`,
    [person.key],
  )
  await client.query('DELETE FROM ellipro.staff_session WHERE address_key = $1', [person.key])
}
