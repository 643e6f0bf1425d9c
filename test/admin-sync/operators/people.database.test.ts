/** A person's data: all of it comes out when asked for, none of it stays when erased, and what is in use is spared. */
import { randomBytes, randomUUID } from 'node:crypto'
import { readFileSync } from 'node:fs'
import pg from 'pg'
import { afterAll, expect, test } from 'vitest'
import { listActions } from '../../../admin-sync/operators/audit.ts'
import { erasePerson } from '../../../admin-sync/operators/people-erase.ts'
import { exportPerson, isKnown } from '../../../admin-sync/operators/people-export.ts'
import { printErasure } from '../../../admin-sync/operators/people-print.ts'
import { loadTexts } from '../../../core/text.ts'
import { fillMailbox } from '../../provider/messages/mailbox.ts'
import { createDatabase } from '../../support/postgres.ts'

const database = await createDatabase()
const pool = new pg.Pool({ connectionString: database.sync, max: 4 })
pool.on('connect', (client) => client.on('error', () => undefined))
afterAll(() => pool.end())
const operator = { name: 'dpo.martin', reason: 'letter of 3 March' }
const nobodyAtKeycloak = async () => []

const id = async (sql: string, values: unknown[]): Promise<string> => {
  const { rows } = await pool.query<{ id: string }>(sql, values)
  if (!rows[0]) throw new Error(`no row: ${sql}`)
  return rows[0].id
}
const activate = (address: string, state: string, hoursLeft = -1, account: string = randomUUID()) =>
  id(
    `WITH a AS (INSERT INTO ellipro.activation (account, login, company, contract, address, locale, state, expires_at)
       VALUES ($4, 'negoce.atlantique', 'Négoce', 'CF-1', $1, 'fr', $2, now() + make_interval(hours => $3)) RETURNING id)
     INSERT INTO ellipro.activation_secret (activation_id, browser_hash, withdraw_hash, salt)
       SELECT id, '\\xb0b0b0', '\\xb1b1b1', '\\xb2b2b2' FROM a RETURNING activation_id AS id`,
    [address, state, hoursLeft, account],
  )

/** Somebody of whom every table has something. */
async function makePerson(address: string, name: string, account: string = randomUUID()) {
  const waiting = await activate(address, 'waiting', -1, account)
  const caseId = await id(
    `SELECT ellipro.ensure_case($1, 'login', 'Company', 'CF-1', 'said_shared', 'person') AS id`,
    [account],
  )
  const request = await id(
    `INSERT INTO ellipro.access_request (case_id, state, name, phone, address, locale, network, reason, waiting_id,
        signals, proof_hash, withdraw_hash, state_hash, expires_at, proved_at, ended_at)
     VALUES ($1, 'refused', $2, '01 99 00 12 34', $3, 'fr', '192.0.2.0/24', 'Not of the company', $4,
        '{"codes": ["free_mail"]}', '\\xc0c0c0', '\\xc1c1c1', '\\xc2c2c2', now(), now(), now()) RETURNING id`,
    [caseId, name, address, waiting],
  )
  await pool.query(
    `SELECT ellipro.note_case($1, $2, 'proved', 'person', '{}'),
            ellipro.note_case($1, $2, 'refused', 'Claire Agent', $3),
            ellipro.note_case($1, NULL, 'ticket_reply', 'help-desk', $4),
            ellipro.note_case($1, NULL, 'ticket_reply', 'help-desk', '{"text": "of somebody else", "internal": true}')`,
    [
      caseId,
      request,
      JSON.stringify({ decision: randomUUID(), reason: `${name} is unknown there`, called: 'M. Contact' }),
      JSON.stringify({ text: `I called ${address.toUpperCase()}`, internal: false }),
    ],
  )
  await pool.query(
    `INSERT INTO ellipro.decision (id, case_id, request_id, kind, reason, generation, state, user_id, name)
     VALUES (gen_random_uuid(), $1, $2, 'refuse', 'unknown there', 1, 'applied', 'agent-1', 'Claire Agent')`,
    [caseId, request],
  )
  await pool.query(
    `INSERT INTO ellipro.ticket (case_id, connector, external_id, url)
     VALUES ($1, 'rt', '4711' || left($2, 8), 'https://rt.example/Ticket/Display.html?id=4711')`,
    [caseId, request],
  )
  await pool.query(
    `INSERT INTO ellipro.ticket_note (case_id, subject, text, posted_at) VALUES
       ($1, 'posted', $2, now()), ($1, 'waits', $2, NULL), ($1, 'other', 'Somebody else asked', NULL)`,
    [caseId, `${name} <${address}> asked`],
  )
  await pool.query(
    `INSERT INTO ellipro.mail (activation_id, kind, account, address_key, sent_at) VALUES
       ($1, 'confirmation', $2, ellipro.address_key($3), now() - interval '3 days'),
       (NULL, 'access-refused', NULL, ellipro.address_key($3), now())`,
    [waiting, account, address],
  )
  await pool.query(
    `INSERT INTO ellipro.keycloak_user (address_key, user_id, state) VALUES (ellipro.address_key($1), $2, 'deleted')`,
    [address, randomUUID()],
  )
  await pool.query(
    `INSERT INTO ellipro.blocked_pair (account, address_key, until)
     VALUES ($1, ellipro.address_key($2), now() + interval '9 days')`,
    [account, address],
  )
  await pool.query(
    `INSERT INTO ellipro.staff_session (cookie_hash, state, id_token, user_id, name, address_key, expires_at)
     VALUES ($1, 'ended', 'eyJ-a-token', $2, $3, ellipro.address_key($4), now())`,
    [randomBytes(32), `user of ${address}`, name, address],
  )
  return { waiting, caseId, request, account }
}

/** Every row of every table that holds the text, as `table: row`. */
async function findEverywhere(text: string): Promise<string[]> {
  const { rows } = await pool.query<{ name: string }>(
    `SELECT c.relname AS name FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
      WHERE n.nspname = 'ellipro' AND c.relkind = 'r' ORDER BY 1`,
  )
  const found: string[] = []
  for (const { name } of rows) {
    const hits = await pool.query<{ row: string }>(
      `SELECT t::text AS row FROM ellipro.${name} t WHERE strpos(lower(t::text COLLATE "und-x-icu"), lower($1)) > 0`,
      [text],
    )
    found.push(...hits.rows.map(() => name))
  }
  return found
}

test('everything stored about an address comes out, in no capitals or others, and no secret with it', async () => {
  await makePerson('Anne.Durand@client.example', 'Anne Durand')
  await makePerson('somebody.else@client.example', 'Somebody Else')
  const person = await exportPerson(pool, ' anne.DURAND@client.example ')
  expect(person).toMatchObject({
    activations: [{ state: 'waiting', address: 'Anne.Durand@client.example', history: [{ to: 'waiting' }] }],
    requests: [
      {
        state: 'refused',
        name: 'Anne Durand',
        phone: '01 99 00 12 34',
        network: '192.0.2.0/24',
        reason: 'Not of the company',
        signals: { codes: ['free_mail'] },
        ticket: { connector: 'rt', url: 'https://rt.example/Ticket/Display.html?id=4711' },
        decisions: [{ kind: 'refuse', reason: 'unknown there' }],
        history: [{ kind: 'proved' }, { kind: 'refused', detail: { called: 'M. Contact' } }],
      },
    ],
    mails: [{ kind: 'confirmation' }, { kind: 'access-refused' }],
    accounts: [{ state: 'deleted' }],
    blocked: [{ login: 'negoce.atlantique' }],
    sessions: [{ name: 'Anne Durand', state: 'ended' }],
  })
  const text = JSON.stringify(person)
  for (const other of ['Somebody', 'somebody', 'Claire Agent', 'eyJ', 'b0b0', 'b1b1', 'c0c0', 'c1c1', 'c2c2'])
    expect(text).not.toContain(other)
  const subs = await pool.query<{ sub: string }>('SELECT sub FROM ellipro.activation')
  for (const { sub } of subs.rows) expect(text).not.toContain(sub)
  expect(isKnown(person)).toBe(true)
  for (const nobody of ['nobody@client.example', '', '%', `' OR true --`])
    expect(isKnown(await exportPerson(pool, nobody))).toBe(false)
})

test('rehearsed, nothing changes; erased, no table has the address or the name, and others keep theirs', async () => {
  const account = randomUUID()
  const address = 'Élise.Müller@client.example'
  const one = await makePerson(address, 'Élise Müller', account)
  const other = await makePerson('other@client.example', 'Jean Autre')
  const before = await findEverywhere('lise.m')
  expect(before.length).toBeGreaterThan(6)

  const rehearsal = await erasePerson(pool, address, nobodyAtKeycloak)
  expect(rehearsal).toMatchObject({
    outcome: 'rehearsed',
    requests: 1,
    activations: 1,
    events: 2,
    notes: 2,
    mails: 1,
    mailsKept: 1,
    sessions: 1,
    blocksKept: 1,
    tickets: [{ connector: 'rt', url: 'https://rt.example/Ticket/Display.html?id=4711' }],
  })
  expect(await findEverywhere('lise.m')).toEqual(before)
  expect(await listActions(pool, 10)).toEqual([])

  const both = await Promise.all(
    [1, 2].map(() => erasePerson(pool, address.toUpperCase(), nobodyAtKeycloak, operator)),
  )
  expect(both.map(({ outcome }) => outcome).toSorted()).toEqual(['erased', 'kept'])
  // Today's mail counts until tomorrow, and “it was not me” protects the address.
  expect(await findEverywhere('lise.m')).toEqual(['blocked_pair', 'mail'])
  expect(await findEverywhere('lise Müller')).toEqual([])

  const { rows: events } = await pool.query(
    'SELECT kind, actor, detail FROM ellipro.case_event WHERE case_id = $1 ORDER BY id',
    [one.caseId],
  )
  expect(events).toMatchObject([
    { kind: 'opened', detail: { source: 'said_shared' } },
    { kind: 'proved', detail: {} },
    { kind: 'refused', actor: 'Claire Agent', detail: { erased: true } },
    { kind: 'ticket_reply', detail: { erased: true, internal: false } },
    { kind: 'ticket_reply', detail: { text: 'of somebody else' } },
    { kind: 'request_erased', actor: 'admin-sync', detail: { open: false } },
  ])
  expect(events[2]).not.toHaveProperty('detail.reason')
  expect(await listActions(pool, 10)).toMatchObject([
    { operator: 'dpo.martin', command: 'people erase', reason: operator.reason, activation: null },
  ])
  const { rows: notes } = await pool.query(
    'SELECT subject, text FROM ellipro.ticket_note WHERE case_id = $1 ORDER BY seq',
    [one.caseId],
  )
  expect(notes).toEqual([
    { subject: 'posted', text: '' },
    { subject: 'other', text: 'Somebody else asked' },
  ])
  expect(
    (await pool.query('SELECT FROM ellipro.activation_secret WHERE activation_id = $1', [one.waiting]))
      .rowCount,
  ).toBe(0)
  expect(await exportPerson(pool, 'other@client.example')).toMatchObject({
    requests: [
      {
        id: other.request,
        name: 'Jean Autre',
        history: [{}, { detail: { reason: 'Jean Autre is unknown there' } }],
      },
    ],
  })

  await pool.query(`UPDATE ellipro.mail SET sent_at = sent_at - interval '2 days'`)
  expect(await erasePerson(pool, address, nobodyAtKeycloak, operator)).toMatchObject({
    outcome: 'erased',
    mails: 1,
  })
  expect(await findEverywhere('lise.m')).toEqual(['blocked_pair'])
})

test('an open request that is erased ends for the agents as well', async () => {
  const { caseId, request } = await makePerson('open@client.example', 'Ouverte Encore')
  await pool.query(
    `UPDATE ellipro.access_request SET state = 'proved', ended_at = NULL, reason = NULL WHERE id = $1`,
    [request],
  )
  const generation = () => id('SELECT generation::text AS id FROM ellipro.login_case WHERE id = $1', [caseId])
  const seen = await generation()
  await pool.query('DELETE FROM ellipro.case_outbox')
  await erasePerson(pool, 'open@client.example', nobodyAtKeycloak, operator)
  expect(await generation()).toBe(String(Number(seen) + 1))
  const { rows } = await pool.query('SELECT kind, subject_id FROM ellipro.case_outbox')
  expect(rows).toEqual([{ kind: 'sync-case', subject_id: caseId }])
})

test('a short name takes nothing from the history of others, nor does one that is a word of ours', async () => {
  for (const [address, name] of [
    ['li@client.example', 'of'],
    ['reason@client.example', 'text'],
  ] as const) {
    const { caseId } = await makePerson(address, name)
    await erasePerson(pool, address, nobodyAtKeycloak, operator)
    const { rows } = await pool.query(
      `SELECT detail FROM ellipro.case_event WHERE case_id = $1 AND kind = 'ticket_reply' ORDER BY id`,
      [caseId],
    )
    expect(rows[1]).toEqual({ detail: { text: 'of somebody else', internal: true } })
  }
})

test('what an open account or an activation under way needs is refused, and nothing else goes either', async () => {
  const address = 'holder@client.example'
  const { request } = await makePerson(address, 'Titulaire Heureux')
  const refusal = async (findUsers: () => Promise<string[]> = nobodyAtKeycloak, reason = operator.reason) => {
    const erasure = await erasePerson(pool, address, findUsers, { ...operator, reason })
    expect(erasure.outcome).toBe('refused')
    expect((await pool.query('SELECT FROM ellipro.access_request WHERE id = $1', [request])).rowCount).toBe(1)
    return erasure.obstacles.map(({ code }) => code)
  }
  expect(await refusal(async () => ['user-1'])).toEqual(['account'])
  expect(await refusal(nobodyAtKeycloak, `asked by HOLDER@client.example`)).toEqual(['reason_names_address'])
  const opened = await activate(address, 'opened')
  expect(await refusal()).toEqual(['opened'])
  await pool.query(`UPDATE ellipro.activation SET state = 'closed' WHERE id = $1`, [opened])
  const mailed = await activate(address, 'mailed', 5)
  expect(await refusal()).toEqual(['under_way'])
  await pool.query(`UPDATE ellipro.activation SET state = 'confirmed' WHERE id = $1`, [mailed])
  expect(await refusal()).toEqual(['under_way'])
  await pool.query(
    `UPDATE ellipro.activation SET state = 'refused', reason = 'address_taken' WHERE id = $1`,
    [mailed],
  )
  // Outwardly it is under way.
  expect(await refusal()).toEqual(['under_way'])
  await pool.query(`UPDATE ellipro.activation SET expires_at = now() WHERE id = $1`, [mailed])
  await expect(
    erasePerson(pool, address, () => Promise.reject(new Error('no answer')), operator),
  ).rejects.toThrow('no answer')
  expect(await erasePerson(pool, address, nobodyAtKeycloak, operator)).toMatchObject({
    outcome: 'erased',
    activations: 3,
  })
  // The login stays held, by nobody's address.
  expect((await pool.query(`SELECT address FROM ellipro.activation WHERE id = $1`, [opened])).rows).toEqual([
    { address: `erased-${opened}@erased.invalid` },
  ])
})

test('users of Keycloak that were made for the address are asked for by their ids', async () => {
  const userId = randomUUID()
  await pool.query(
    `INSERT INTO ellipro.keycloak_user (address_key, user_id, state) VALUES ('asked@client.example', $1, 'pending')`,
    [userId],
  )
  const asked: unknown[] = []
  await erasePerson(pool, 'Asked@Client.Example', async (address, known) => {
    asked.push(address, known)
    return []
  })
  expect(asked).toEqual(['Asked@Client.Example', [userId]])
})

test('what is said has a sentence for every outcome and obstacle, in both languages', async () => {
  const texts = loadTexts(new URL('../../../admin-sync/text/', import.meta.url))
  const erasure = await erasePerson(pool, 'nobody@client.example', nobodyAtKeycloak)
  expect(erasure.outcome).toBe('unknown')
  for (const t of [texts.fr, texts.en]) {
    expect(printErasure(t, erasure)).toBe(t('erase.unknown'))
    for (const outcome of ['refused', 'kept', 'rehearsed', 'erased'] as const) {
      const printed = printErasure(t, {
        ...erasure,
        outcome,
        mailsKept: 1,
        blocksKept: 2,
        obstacles: [
          { code: 'account', user: 'u' },
          { code: 'opened', activation: 'a', login: 'l' },
          { code: 'under_way', activation: 'a', login: 'l' },
          { code: 'reason_names_address' },
        ],
        tickets: [{ reference: 'ELP-2222-2222', connector: 'email', externalId: null, url: null }],
      })
      expect(printed).not.toMatch(/erase\.\w/)
      expect(printed).toContain('ELP-2222-2222')
    }
  }
})

test('docs/privacy.md names every column of the tables of cases', async () => {
  const page = readFileSync(new URL('../../../docs/privacy.md', import.meta.url), 'utf8')
  const sections = page.split(/^#+ /m)
  const tables = [
    'login_case',
    'case_source',
    'access_request',
    'case_event',
    'decision',
    'ticket',
    'ticket_note',
    'ticket_change',
    'staff_session',
    'legacy_message',
    'legacy_attachment',
    'reader_session',
    'mailbox_saving',
  ]
  const { rows } = await pool.query<{ table: string; column: string }>(
    `SELECT table_name AS "table", column_name AS "column" FROM information_schema.columns
      WHERE table_schema = 'ellipro' AND table_name = ANY ($1)`,
    [tables],
  )
  expect(new Set(rows.map(({ table }) => table)).size).toBe(tables.length)
  const unnamed = rows.filter(({ table, column }) => {
    const section = sections.find((text) => text.split('\n')[0]?.includes(`\`${table}\``))
    return section?.includes(`\`${column}\``) !== true
  })
  expect(unnamed).toEqual([])
  const settings = [...page.matchAll(/`(\w+_(?:days|hours))`/g)].map(([, name]) => name)
  const known = await pool.query<{ name: string }>('SELECT name FROM ellipro.setting')
  expect(settings.filter((name) => !known.rows.some((row) => row.name === name))).toEqual([])
})

test('old messages are counted in what comes out; erased, those of a login of one’s own go and those that others use stay', async () => {
  const address = 'messages@client.example'
  const makeMailbox = async (
    state: string,
    o: { address?: string; account?: string; kind?: string } = {},
  ) => {
    const account = o.account ?? randomUUID()
    const activation = await activate(o.address ?? address, state, -1, account)
    await pool.query('UPDATE ellipro.activation SET opened_at = now(), kind = $2 WHERE id = $1', [
      activation,
      o.kind ?? 'legacy',
    ])
    await fillMailbox(pool, account, { messages: 2, attachments: 1 })
    return account
  }
  const own = await makeMailbox('closed')
  const shared = await makeMailbox('closed')
  const other = await activate('colleague@client.example', 'expired', -1, shared)
  await pool.query('UPDATE ellipro.activation SET opened_at = now() WHERE id = $1', [other])
  const byAgent = await makeMailbox('closed', { kind: 'granted' })
  const elsewhere = await makeMailbox('closed', { address: 'somebody@client.example' })
  expect(await exportPerson(pool, address)).toMatchObject({
    mailboxes: [
      { login: 'negoce.atlantique', messages: 2, attachments: 1, saved: [] },
      { messages: 2, attachments: 1 },
    ],
  })
  const rehearsal = await erasePerson(pool, address, nobodyAtKeycloak)
  expect(rehearsal).toMatchObject({ outcome: 'rehearsed', messages: 2, messagesKept: 2 })
  const texts = loadTexts(new URL('../../../admin-sync/text/', import.meta.url))
  expect(printErasure(texts.en, rehearsal)).toContain('2 old messages')
  expect(await erasePerson(pool, address, nobodyAtKeycloak, operator)).toMatchObject({ outcome: 'erased' })
  const { rows } = await pool.query<{ account: string }>(
    'SELECT DISTINCT account FROM ellipro.legacy_message WHERE account = ANY ($1)',
    [[own, shared, byAgent, elsewhere]],
  )
  expect(rows.map(({ account }) => account).toSorted()).toEqual([shared, byAgent, elsewhere].toSorted())
})
