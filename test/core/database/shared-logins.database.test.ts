/**
 * The functions of 0007, called as provider calls them, and what a release with people who wait finds afterwards.
 * Concurrency is real: many connections. What admin-sync does to the tables is written here as its role.
 */
import { createHash, randomBytes, randomUUID } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import pg from 'pg'
import { afterAll, expect, test } from 'vitest'
import { createAccountStore } from '../../../admin-sync/accounts/store.ts'
import { createActivationStore } from '../../../provider/activation/store.ts'
import { createStandIn } from '../../provider/activation/stand-in.ts'
import { createDatabase } from '../../support/postgres.ts'

const database = await createDatabase()
const pool = new pg.Pool({ connectionString: database.provider, max: 24 })
afterAll(() => pool.end())
const store = createActivationStore(pool)
const sync = createStandIn(database.sync)
await sync.set('activations_per_login_per_day', 200)
await sync.set('mails_per_login_per_day', 1000)
const defaults = { requests_per_case: 20, requests_per_login_per_day: 40, requests_per_hour: 300 }

const sha256 = (bytes: Buffer | string) => createHash('sha256').update(bytes).digest()
const credential = { credentialData: '{}', secretData: '{}' }
let count = 0
const unique = (name: string) => `${name}${++count}`

const sorted = (list: (string | undefined)[]) => list.map(String).toSorted()
const rows = async <T extends object>(sql: string, values: unknown[] = []) =>
  (await sync.pool.query<T>(sql, values)).rows
/** The first column of the first row of a function, called as provider. */
async function ask<T = string>(call: string, values: unknown[]): Promise<T | undefined> {
  const { rows: answer } = await pool.query<Record<string, T>>(`SELECT * FROM ellipro.${call}`, values)
  return Object.values(answer[0] ?? {})[0]
}

async function startAndMail(
  change: { account?: string; address?: string; shared?: boolean; browser?: Buffer } = {},
) {
  const account = change.account ?? unique('account')
  const browser = change.browser ?? randomBytes(32)
  const verifier = randomBytes(32)
  const address = change.address ?? `${unique('person')}@example.fr`
  const result = await store.startActivation({
    account,
    login: `${account}.login`,
    company: 'Société A',
    contract: 'CF-1',
    address,
    locale: 'fr',
    shared: change.shared ?? false,
    browserHash: sha256(browser),
    salt: randomBytes(16),
    verifier,
    correlationId: randomUUID(),
  })
  if (result.outcome !== 'started') throw new Error(result.outcome)
  return { account, address, verifier, browser, id: result.id, ...(await sync.sendMail(result.id)) }
}
const confirm = async (a: { id: string; k: Buffer; verifier: Buffer | null }, finisher = randomBytes(32)) =>
  ask('confirm_activation($1, $2, $3, $4, $5)', [a.id, a.k, a.verifier, credential, sha256(finisher)])

/** A login that somebody holds. */
async function hold(account = unique('account')) {
  const holder = await startAndMail({ account })
  expect(await confirm(holder)).toBe('confirmed')
  await sync.open(holder.id)
  return holder
}

const request = (account: string, address = `${unique('asker')}@example.fr`, name = 'Anne Martin') =>
  ask('request_access($1, $2, $3, $4, $5, $6, NULL, $7, $8, NULL)', [
    account,
    `${account}.login`,
    'Société A',
    'CF-1',
    name,
    address,
    'fr',
    '192.0.2.0/24',
  ])
const caseOf = async (account: string) =>
  (
    await rows<{ id: string; state: string; generation: number; reference: string }>(
      'SELECT id, state, generation, reference FROM ellipro.login_case WHERE account = $1',
      [account],
    )
  )[0]
const requestsOf = (account: string) =>
  rows<{ id: string; state: string; address: string; name: string | null; waiting_id: string | null }>(
    `SELECT r.id, r.state, r.address, r.name, r.waiting_id FROM ellipro.access_request r
       JOIN ellipro.login_case c ON c.id = r.case_id WHERE c.account = $1 ORDER BY r.created_at`,
    [account],
  )
const workOn = async (subject: string) =>
  (
    await rows<{ kind: string }>('SELECT kind FROM ellipro.case_outbox WHERE subject_id = $1 ORDER BY id', [
      subject,
    ])
  ).map(({ kind }) => kind)
const eventsOf = async (account: string) =>
  (
    await rows<{ kind: string }>(
      `SELECT e.kind FROM ellipro.case_event e JOIN ellipro.login_case c ON c.id = e.case_id WHERE c.account = $1 ORDER BY e.id`,
      [account],
    )
  ).map(({ kind }) => kind)

/** `send-proof` and `acknowledge`: the codes of the mails of a request. */
async function sendCodes(id: string) {
  const [k, w, s] = [randomBytes(32), randomBytes(32), randomBytes(32)]
  await rows(
    'UPDATE ellipro.access_request SET proof_hash = $2, withdraw_hash = $3, state_hash = $4 WHERE id = $1',
    [id, sha256(k), sha256(w), sha256(s)],
  )
  return { id, k, w, s }
}
async function requestAndMail(account: string, address?: string) {
  expect(await request(account, address)).toBe('asked')
  const [last] = (await requestsOf(account)).toReversed()
  return sendCodes(last!.id)
}
const prove = (r: { id: string; k: Buffer }) => ask('prove_address($1, $2)', [r.id, r.k])
const viewWaiting = async (activation: string, proof: Buffer | null) =>
  (await pool.query('SELECT state, name FROM ellipro.waiting_view($1, $2)', [activation, proof])).rows
const withdraw = (r: { id: string; w: Buffer }) => ask('withdraw_request($1, $2)', [r.id, r.w])

/** What admin-sync makes of a decision to open: a granted activation with its mail. */
async function grant(
  account: string,
  address: string,
  o: { holds?: boolean; succeeds?: string; requestId?: string } = {},
) {
  const [made] = await rows<{ id: string }>(
    `INSERT INTO ellipro.activation (kind, account, login, company, contract, address, locale, holds, succeeds, expires_at)
     VALUES ('granted', $1, $1, 'Société A', 'CF-1', $2, 'fr', $3, $4, now() + interval '7 days') RETURNING id`,
    [account, address, o.holds ?? false, o.succeeds ?? null],
  )
  await rows('INSERT INTO ellipro.activation_secret (activation_id) VALUES ($1)', [made!.id])
  return { id: made!.id, account, address, verifier: null, ...(await sync.sendMail(made!.id)) }
}

/** An agent's session as admin-sync leaves it. */
async function signInAgent(userId = randomUUID()) {
  const cookie = sha256(randomBytes(32))
  await pool.query('SELECT ellipro.begin_staff_session($1, $2, NULL)', [cookie, 'token'])
  await rows(
    `UPDATE ellipro.staff_session SET state = 'granted', id_token = NULL, user_id = $2, name = 'Agent', is_agent = true WHERE cookie_hash = $1`,
    [cookie, userId],
  )
  return cookie
}
const decide = (
  cookie: Buffer | null,
  caseId: string,
  requestId: string | null,
  generation: number | null,
  id = randomUUID(),
) =>
  ask('submit_decision($1, $2, $3, $4, $5, $6, NULL, $7, $8)', [
    cookie,
    id,
    caseId,
    requestId,
    requestId ? 'open' : 'not_shared',
    'reason',
    generation,
    'token',
  ])

// ── cases ──

test('five sources at once, from eight connections, make one case with five sources', async () => {
  const account = unique('account')
  const sources = ['legacy_flag', 'said_shared', 'second_activation', 'console', 'import']
  const clients = new pg.Pool({ connectionString: database.sync, max: 8 })
  const ids = await Promise.all(
    Array.from({ length: 40 }, async (_, n) => {
      const { rows: made } = await clients.query<{ id: string }>(
        `SELECT ellipro.ensure_case($1, 'login', 'Société A', 'CF-1', $2, 'admin-sync') AS id`,
        [account, sources[n % 5]],
      )
      return made[0]!.id
    }),
  )
  await clients.end()
  expect(new Set(ids).size).toBe(1)
  expect(await rows('SELECT source FROM ellipro.case_source WHERE case_id = $1', [ids[0]])).toHaveLength(5)
  expect((await eventsOf(account)).toSorted()).toEqual(['opened', 'source', 'source', 'source', 'source'])
  expect(await workOn(ids[0]!)).toEqual(Array(5).fill('sync-case'))
})

test('a "yes" on the redirection screen and a second person’s activation make a case; a corrected address makes none', async () => {
  const shared = await startAndMail({ shared: true })
  expect(
    await rows(
      'SELECT source FROM ellipro.case_source s JOIN ellipro.login_case c ON c.id = s.case_id WHERE account = $1',
      [shared.account],
    ),
  ).toEqual([{ source: 'said_shared' }])

  const alone = await startAndMail()
  // From another browser, by the password; and once more from the login page of the same browser.
  const corrected = await store.correctAddress(
    alone.id,
    { verifier: alone.verifier },
    `${unique('right')}@example.fr`,
    sha256('elsewhere'),
    randomUUID(),
  )
  expect(corrected.outcome).toBe('started')
  const again = await startAndMail()
  await startAndMail({ account: again.account, browser: again.browser })
  expect([await caseOf(alone.account), await caseOf(again.account)]).toEqual([undefined, undefined])

  await startAndMail({ account: again.account })
  expect(await eventsOf(again.account)).toEqual(['opened'])
})

test('whoever confirms on a login that is held has a request, and can name itself once', async () => {
  const { account } = await hold()
  const [address, finisher] = [`${unique('second')}@example.fr`, randomBytes(32)]
  // Started before the login was held, as its limits are not the point here.
  const [second] = await rows<{ id: string }>(
    `INSERT INTO ellipro.activation (account, login, company, contract, address, locale, expires_at)
     VALUES ($1, $1, 'Société A', 'CF-1', $2, 'fr', now() + interval '1 hour') RETURNING id`,
    [account, address],
  )
  const [third] = await rows<{ id: string }>(
    `INSERT INTO ellipro.activation (account, login, company, contract, address, locale, expires_at)
     VALUES ($1, $1, 'Société A', 'CF-1', $2, 'fr', now() + interval '1 hour') RETURNING id`,
    [account, address],
  )
  const verifier = randomBytes(32)
  const mails = []
  for (const { id } of [second!, third!]) {
    await rows(
      'INSERT INTO ellipro.activation_secret (activation_id, browser_hash, salt, verifier) VALUES ($1, $2, $3, $4)',
      [id, sha256(id), randomBytes(16), verifier],
    )
    mails.push({ id, verifier, ...(await sync.sendMail(id)) })
  }
  expect(await confirm(mails[0]!, finisher)).toBe('waiting')
  expect(await confirm(mails[1]!, finisher)).toBe('waiting')
  const asked = await requestsOf(account)
  expect(asked).toMatchObject([{ state: 'proved', address, waiting_id: second!.id }])
  const { id: requestId } = asked[0]!
  const { id: caseId } = (await caseOf(account))!
  expect(await workOn(requestId)).toEqual(['acknowledge'])
  expect(await workOn(caseId)).toEqual(
    expect.arrayContaining(['ask-holder', 'tell-case-contact', 'sync-case']),
  )
  // The second activation of the same person shows the one request.
  for (const { id } of mails)
    expect(await viewWaiting(id, sha256(finisher))).toEqual([{ state: 'proved', name: null }])
  expect([await viewWaiting(second!.id, null), await viewWaiting(second!.id, sha256('x'))]).toEqual([[], []])
  const name = (finish: Buffer | null, text: string | null) =>
    ask<boolean>('name_waiting($1, $2, $3, NULL)', [second!.id, finish, text])
  expect([await name(null, 'Eve'), await name(sha256('x'), 'Eve')]).toEqual([false, false])
  await expect(name(sha256(finisher), null)).rejects.toThrow('no name')
  // The hourly purge takes from that browser nothing for a month.
  const accounts = createAccountStore(sync.pool, async () => {})
  await accounts.eraseEndedSecrets()
  expect(await viewWaiting(second!.id, sha256(finisher))).toHaveLength(1)
  await rows(`UPDATE ellipro.activation SET ended_at = now() - interval '31 days' WHERE id = $1`, [third!.id])
  await accounts.eraseEndedSecrets()
  expect(await viewWaiting(third!.id, sha256(finisher))).toEqual([])
  const named = await Promise.all(Array.from({ length: 8 }, () => name(sha256(finisher), 'Anne\r\nBcc: x')))
  expect(named.filter(Boolean)).toHaveLength(1)
  expect(await requestsOf(account)).toMatchObject([{ name: 'Anne Bcc: x' }])
})

test('people who were waiting before the release have requests after it, twenty a login', async () => {
  // The functions of the release, without its tables: the last statement of the migration, on rows of before.
  const account = unique('account')
  await rows(
    `INSERT INTO ellipro.activation (account, login, company, contract, address, locale, state, expires_at, confirmed_at)
     SELECT $1, $1, 'Société A', 'CF-1', 'w' || n || '@example.fr', 'fr', 'waiting', now(), now() - make_interval(mins => n)
       FROM generate_series(1, 23) n`,
    [account],
  )
  const migration = readFileSync(
    join(import.meta.dirname, '../../../core/database/migrations/0007-shared-logins.sql'),
    'utf8',
  )
  await rows(migration.slice(migration.lastIndexOf('DO $$')))
  const asked = await requestsOf(account)
  expect(asked).toHaveLength(20)
  // Whoever has waited longest comes first.
  expect(asked.map(({ address }) => address)).not.toContain('w1@example.fr')
  expect(asked.every(({ state }) => state === 'proved')).toBe(true)
  expect((await eventsOf(account)).filter((kind) => kind === 'overflow')).toHaveLength(1)
})

// ── requests ──

test('an access is asked for on a login that is held, by nobody who was withdrawn', async () => {
  expect(await request(unique('account'))).toBe('not_held')
  expect(await ask('request_access(NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL)', [])).toBe(
    'not_held',
  )
  const { account } = await hold()
  await rows(`INSERT INTO ellipro.blocked_pair VALUES ($1, 'said.no@example.fr', now() + interval '1 day')`, [
    account,
  ])
  expect(await request(account, 'Said.No@example.fr')).toBe('blocked')
  expect(await caseOf(account)).toBeUndefined()
})

test('asking twice, or from eight sides at once, is one request and one mail a minute', async () => {
  const { account } = await hold()
  const address = `${unique('asker')}@example.fr`
  const answers = await Promise.all(
    Array.from({ length: 8 }, (_, n) => request(account, n % 2 ? address : address.toUpperCase())),
  )
  expect(answers).toEqual(Array(8).fill('asked'))
  const [only, ...more] = await requestsOf(account)
  expect(more).toEqual([])
  expect(await workOn(only!.id)).toEqual(['send-proof'])
  const later = () =>
    rows(`UPDATE ellipro.access_request SET mail_requested_at = now() - interval '2 minutes' WHERE id = $1`, [
      only!.id,
    ])
  await later()
  expect(await request(account, address)).toBe('asked')
  expect(await workOn(only!.id)).toEqual(['send-proof', 'send-proof'])
  await later()
  expect(await request(account, address)).toBe('asked')
  await later()
  expect(await request(account, address)).toBe('address_budget')
  expect(await workOn(only!.id)).toHaveLength(3)
})

test('requests end at the limits of a case, of a login, of an hour, and of the budgets', async () => {
  const { account } = await hold()
  await sync.set('requests_per_case', 2)
  try {
    const asked = await Promise.all(
      Array.from({ length: 3 }, () => requestAndMail(account).catch(() => undefined)),
    )
    expect(asked.filter(Boolean)).not.toHaveLength(0)
    const open = []
    for (const { id } of await requestsOf(account)) open.push(await sendCodes(id))
    // Three have asked, two are taken: it is told to the third one, and to the ticket once.
    const proofs = await Promise.all(open.map(prove))
    expect(sorted(proofs)).toEqual(['case_full', 'proved', 'proved'])
    expect(await request(account)).toBe('case_full')
    expect((await eventsOf(account)).filter((kind) => kind === 'overflow')).toHaveLength(1)
    await sync.set('requests_per_case', 20)
    await sync.set('requests_per_login_per_day', 3)
    expect(await request(account)).toBe('login_limit')
    await sync.set('requests_per_login_per_day', 40)
    await sync.set('requests_per_hour', 1)
    expect(await request(account)).toBe('cap')
    await sync.set('requests_per_hour', 300)
    await sync.set('mails_per_login_per_day', 4)
    expect(await request(account)).toBe('login_budget')
    await sync.set('mails_per_login_per_day', 1000)
    // Four at once when one more is allowed: exact, whatever the number of replicas.
    await sync.set('requests_per_login_per_day', 4)
    const last = await Promise.all(Array.from({ length: 4 }, () => request(account)))
    expect(sorted(last)).toEqual(['asked', 'login_limit', 'login_limit', 'login_limit'])
  } finally {
    await sync.set('mails_per_login_per_day', 1000)
    for (const [name, value] of Object.entries(defaults)) await sync.set(name, value)
  }
})

test('a mailbox is proved once, by the newest code, in time; then everybody who has to know is told', async () => {
  const { account } = await hold()
  const r = await requestAndMail(account)
  const older = { ...r }
  const newer = await sendCodes(r.id)
  expect([
    await prove(older),
    await prove({ id: r.id, k: randomBytes(32) }),
    await prove({ id: randomUUID(), k: r.k }),
  ]).toEqual(['bad_link', 'bad_link', 'bad_link'])
  await rows(`UPDATE ellipro.login_case SET state = 'closed', closed_at = now() WHERE account = $1`, [
    account,
  ])
  const answers = await Promise.all(Array.from({ length: 8 }, () => prove(newer)))
  expect(sorted(answers)).toEqual([...Array<string>(7).fill('done'), 'proved'])
  expect(await workOn(r.id)).toEqual(['send-proof', 'acknowledge'])
  expect((await eventsOf(account)).filter((kind) => ['proved', 'reopened'].includes(kind))).toEqual([
    'reopened',
    'proved',
  ])
  expect(await caseOf(account)).toMatchObject({ state: 'open' })

  const late = await requestAndMail(account)
  await rows(`UPDATE ellipro.access_request SET expires_at = now() WHERE id = $1`, [late.id])
  expect(await prove(late)).toBe('expired')
  // Asking again is a new request.
  const { address } = (await requestsOf(account)).find(({ id }) => id === late.id)!
  expect(await request(account, address)).toBe('asked')
  expect(
    (await requestsOf(account)).filter((one) => one.address === address).map(({ state }) => state),
  ).toEqual(['expired', 'asked'])
})

test('a code that was replaced while its proof waited for the login proves nothing', async () => {
  const { account } = await hold()
  const r = await requestAndMail(account)
  const blocker = new pg.Client({ connectionString: database.sync })
  await blocker.connect()
  await blocker.query('BEGIN')
  await blocker.query(`SELECT pg_advisory_xact_lock(hashtextextended('account:' || $1, 0))`, [account])
  const proving = prove(r)
  const isWaiting = async () =>
    (
      await rows(
        `SELECT FROM pg_locks WHERE locktype = 'advisory' AND NOT granted AND database = (SELECT oid FROM pg_database WHERE datname = $1)`,
        [database.name],
      )
    ).length > 0
  while (!(await isWaiting())) await new Promise((done) => setTimeout(done, 5))
  await blocker.query(
    `UPDATE ellipro.access_request SET state = 'withdrawn', ended_at = now(), proof_hash = NULL WHERE id = $1`,
    [r.id],
  )
  await blocker.query('COMMIT')
  await blocker.end()
  expect(await proving).toBe('bad_link')
  expect(await requestsOf(account)).toMatchObject([{ state: 'withdrawn' }])
})

test('"it was not me" ends a request before an agent has opened it, and blocks the pair', async () => {
  const { account } = await hold()
  const [asked, proved, opened] = [
    await requestAndMail(account),
    await requestAndMail(account),
    await requestAndMail(account),
  ]
  expect(await prove(proved)).toBe('proved')
  await rows(`UPDATE ellipro.access_request SET state = 'granting' WHERE id = $1`, [opened.id])
  expect(await withdraw({ ...asked, w: asked.k })).toBe('bad_code')
  expect([await withdraw(asked), await withdraw(proved), await withdraw(opened)]).toEqual([
    'withdrawn',
    'withdrawn',
    'too_late',
  ])
  expect([await withdraw(asked), await prove(asked), await prove(proved)]).toEqual(['done', 'ended', 'ended'])
  const { address } = (await requestsOf(account)).find(({ id }) => id === asked.id)!
  expect(await request(account, address)).toBe('blocked')
})

test('the holder answers about those it was asked about, as long as it holds the login', async () => {
  const holder = await hold()
  const { account } = holder
  const [r, other] = [await requestAndMail(account), await requestAndMail(account)]
  await prove(r)
  await prove(other)
  const code = randomBytes(32)
  const { id: caseId } = (await caseOf(account))!
  await rows('UPDATE ellipro.login_case SET holder_hash = $2, holder_id = $3 WHERE id = $1', [
    caseId,
    sha256(code),
    holder.id,
  ])
  await rows('UPDATE ellipro.access_request SET holder_asked_at = now() WHERE id = $1', [r.id])
  const answer = (k: Buffer | null, id: string, knows: boolean | null) =>
    ask<boolean>('answer_holder($1, $2, $3, $4)', [caseId, k, id, knows])
  expect([
    await answer(null, r.id, true),
    await answer(randomBytes(32), r.id, true),
    await answer(code, other.id, true),
  ]).toEqual([false, false, false])
  await expect(answer(code, r.id, null)).rejects.toThrow('no answer')
  expect(await Promise.all(Array.from({ length: 8 }, () => answer(code, r.id, true)))).toEqual(
    Array(8).fill(true),
  )
  expect((await eventsOf(account)).filter((kind) => kind === 'holder_answered')).toHaveLength(1)
  expect(await answer(code, r.id, false)).toBe(true)
  const { rows: questions } = await pool.query(
    'SELECT request_id, knows FROM ellipro.holder_questions($1, $2)',
    [caseId, code],
  )
  expect(questions).toEqual([{ request_id: r.id, knows: false }])
  await rows(`UPDATE ellipro.activation SET state = 'closed' WHERE id = $1`, [holder.id])
  expect(await answer(code, r.id, true)).toBe(false)
})

// ── granted activations ──

test('k alone confirms a granted activation, once; another browser gets nothing, a double click its own answer', async () => {
  const { account } = await hold()
  const granted = await grant(account, `${unique('granted')}@example.fr`)
  expect(await store.linkView(granted.id, granted.k)).toMatchObject({ outcome: 'valid', kind: 'granted' })
  expect(await confirm({ ...granted, k: randomBytes(32) })).toBe('bad_link')
  const mine = randomBytes(32)
  const answers = await Promise.all(
    Array.from({ length: 8 }, (_, n) => confirm(granted, n < 4 ? mine : randomBytes(32))),
  )
  expect(answers.filter((one) => one === 'confirmed')).toHaveLength(1)
  expect(answers.filter((one) => one === 'already').length).toBeLessThanOrEqual(3)
  expect(await sync.outbox(granted.id)).toEqual(['open-account'])
  // It opened beside the holder, who stays it.
  expect(await rows(`SELECT kind FROM ellipro.login_holder($1)`, [account])).toEqual([{ kind: 'legacy' }])
})

test('a granted one that succeeds a holder holds the login from its mail on, and confirms when the old account is closed', async () => {
  const old = await hold()
  const { account } = old
  const next = await grant(account, `${unique('next')}@example.fr`, { holds: true, succeeds: old.id })
  await expect(confirm(next)).rejects.toMatchObject({ code: '53400' })
  await rows(`UPDATE ellipro.activation SET state = 'withdrawn', reason = 'released' WHERE id = $1`, [old.id])
  // Nobody starts, and nobody confirms, what is being taken over.
  await expect(startAndMail({ account })).rejects.toThrow('moved')
  expect(await confirm(next)).toBe('confirmed')
  expect(await rows('SELECT id FROM ellipro.login_holder($1)', [account])).toEqual([{ id: next.id }])

  const deleted = await hold()
  await rows(`UPDATE ellipro.activation SET state = 'closed' WHERE id = $1`, [deleted.id])
  const heir = await grant(deleted.account, `${unique('heir')}@example.fr`, {
    holds: true,
    succeeds: deleted.id,
  })
  expect(await confirm(heir)).toBe('confirmed')
  expect(await sync.stateOf(deleted.id)).toMatchObject({ state: 'withdrawn', reason: 'replaced' })
})

// ── agents ──

test('cases are shown to an agent’s session, and to no NULL, no unchecked, ended or expired one', async () => {
  const { account } = await hold()
  await prove(await requestAndMail(account))
  const { id: caseId, reference, generation } = (await caseOf(account))!
  const agent = await signInAgent()
  const unchecked = sha256(randomBytes(32))
  await pool.query('SELECT ellipro.begin_staff_session($1, $2, NULL)', [unchecked, 'token'])
  const [ended, expired] = [await signInAgent(), await signInAgent()]
  await pool.query('SELECT ellipro.end_staff_session($1)', [ended])
  await rows('UPDATE ellipro.staff_session SET expires_at = now() WHERE cookie_hash = $1', [expired])
  const list = async (cookie: Buffer | null, filter: string | null = 'all', search: string | null = null) =>
    (
      await pool.query<{ reference: string }>(
        'SELECT reference FROM ellipro.staff_cases($1, $2, $3, NULL, NULL)',
        [cookie, filter, search],
      )
    ).rows
  const [{ id: requestId } = { id: '' }] = await requestsOf(account)
  for (const cookie of [null, unchecked, ended, expired, sha256('guess')]) {
    expect(await list(cookie)).toEqual([])
    expect(await ask('staff_case($1, $2)', [cookie, caseId])).toBeNull()
    expect(await decide(cookie, caseId, requestId, generation)).toBe('no_session')
    expect(await ask('decision_view($1, $2)', [cookie, randomUUID()])).toBeUndefined()
  }
  expect(await list(agent, 'deciding', reference.toLowerCase())).toEqual([{ reference }])
  // Nothing of what is searched for is a pattern.
  expect(await list(agent, 'all', `%${'_'.repeat(5000)}`)).toEqual([])
  expect(await ask('staff_case($1, $2)', [agent, caseId])).toMatchObject({
    reference,
    requests: [{ id: requestId }],
  })
})

test('a decision is stored once, by the agent who saw the case as it is', async () => {
  const { account } = await hold()
  await prove(await requestAndMail(account))
  const { id: caseId, generation } = (await caseOf(account))!
  const [{ id: requestId } = { id: '' }] = await requestsOf(account)
  const [agent, other] = [await signInAgent(), await signInAgent()]
  const id = randomUUID()
  const twice = await Promise.all(
    Array.from({ length: 8 }, () => decide(agent, caseId, requestId, generation, id)),
  )
  expect(twice).toEqual(Array(8).fill('submitted'))
  expect(await workOn(id)).toEqual(['apply-decision'])
  expect(await decide(other, caseId, requestId, generation, id)).toBe('unknown')
  expect(await decide(agent, caseId, randomUUID(), generation)).toBe('unknown')
  expect(await decide(agent, randomUUID(), null, generation)).toBe('unknown')
  expect([
    await decide(agent, caseId, requestId, generation + 1),
    await decide(agent, caseId, requestId, null),
  ]).toEqual(['stale', 'stale'])
  const view = async (cookie: Buffer) => ask('decision_view($1, $2)', [cookie, id])
  expect([await view(agent), await view(other)]).toEqual(['submitted', undefined])
})

test('sessions and decisions that nobody has checked do not grow without end', async () => {
  const { account } = await hold()
  const r = await requestAndMail(account)
  const { id: caseId, generation } = (await caseOf(account))!
  const agent = await signInAgent()
  await rows(`DELETE FROM ellipro.staff_session WHERE state = 'checking'`)
  const begin = () =>
    pool.query('SELECT ellipro.begin_staff_session($1, $2, NULL)', [randomBytes(32), 'token'])
  await sync.set('unchecked_sessions', 3)
  const begun = await Promise.allSettled(Array.from({ length: 8 }, begin))
  expect(begun.filter(({ status }) => status === 'fulfilled')).toHaveLength(3)
  await sync.set('unchecked_sessions', 100)
  await expect(
    pool.query('SELECT ellipro.begin_staff_session($1, NULL, NULL)', [randomBytes(32)]),
  ).rejects.toThrow('malformed')
  await expect(pool.query('SELECT ellipro.begin_staff_session(NULL, $1, NULL)', ['token'])).rejects.toThrow(
    'malformed',
  )
  await sync.set('unchecked_decisions', 3)
  const decided = await Promise.allSettled(
    Array.from({ length: 8 }, () => decide(agent, caseId, r.id, generation)),
  )
  expect(decided.filter(({ status }) => status === 'fulfilled')).toHaveLength(3)
  await sync.set('unchecked_decisions', 20)
})

// ── all of it at once ──

test('confirmations, requests, proofs, answers and decisions on one login at once end without a deadlock', async () => {
  const account = unique('account')
  await sync.set('requests_per_case', 100)
  await sync.set('requests_per_login_per_day', 200)
  const people = await Promise.all(Array.from({ length: 50 }, () => startAndMail({ account })))
  expect(await confirm(people[0]!)).toBe('confirmed')
  await sync.open(people[0]!.id)
  const agent = await signInAgent()
  const code = randomBytes(32)
  // Half of those who will wait have asked as well: their confirmation meets their own request.
  const asked: { id: string; k: Buffer; w: Buffer; s: Buffer }[] = []
  for (const { address } of people.slice(1, 25)) asked.push(await requestAndMail(account, address))
  const { id: caseId, generation } = (await caseOf(account))!
  await rows('UPDATE ellipro.login_case SET holder_hash = $2, holder_id = $3 WHERE id = $1', [
    caseId,
    sha256(code),
    people[0]!.id,
  ])
  for (const one of asked.slice(0, 12)) await prove(one)
  await rows('UPDATE ellipro.access_request SET holder_asked_at = now() WHERE case_id = $1', [caseId])
  await sync.set('unchecked_decisions', 1000)
  const finishers = people.map(() => randomBytes(32))
  const answers = await Promise.all([
    ...people.slice(1).map((one, n) => confirm(one, finishers[n + 1])),
    ...asked.map(prove),
    ...asked.map(({ id }, n) => ask('answer_holder($1, $2, $3, $4)', [caseId, code, id, n % 2 === 0])),
    ...asked.map(({ id }) => decide(agent, caseId, id, generation)),
    ...Array.from({ length: 20 }, () => request(account)),
    ...people
      .slice(1, 25)
      .map((one, n) => ask('name_waiting($1, $2, $3, NULL)', [one.id, sha256(finishers[n + 1]!), 'Anne'])),
    ...asked.slice(20).map(withdraw),
  ])
  expect(answers.filter((one) => one === 'waiting')).toHaveLength(49)
  const open = (await requestsOf(account)).filter(({ state }) => ['asked', 'proved'].includes(state))
  expect(new Set(open.map(({ address }) => address)).size).toBe(open.length)
  for (const [name, value] of Object.entries(defaults)) await sync.set(name, value)
})
