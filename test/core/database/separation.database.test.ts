/**
 * Invariant 16: with provider's database role and every secret of provider in hand, nothing can open, change, delete
 * or read an account, forge a job or a decision, or read a verifier. The secrets are those with which provider was
 * started: they key verifiers, cookies and the OP's keys, so whoever has them may derive what provider derives.
 */
import { randomBytes, randomUUID } from 'node:crypto'
import pg from 'pg'
import { afterAll, describe, expect, it } from 'vitest'
import { createBoss, ensureQueues } from '../../../admin-sync/jobs/queues.ts'
import { createLog } from '../../../core/log.ts'
import { createActivationStore, type KeycloakCredential } from '../../../provider/activation/store.ts'
import { createVerifiers } from '../../../provider/activation/verifier.ts'
import { createStandIn, sha256 } from '../../provider/activation/stand-in.ts'
import { createDatabase } from '../../support/postgres.ts'

const database = await createDatabase()
const thief = new pg.Pool({ connectionString: database.provider, max: 4 })
const superuser = new pg.Pool({ connectionString: database.superuser, max: 2 })
afterAll(() => Promise.all([thief.end(), superuser.end()]))
// The jobs' own schema, as admin-sync makes it at its start.
const boss = createBoss(database.sync, createLog('test', 'silent'), { worker: true })
await boss.start()
await ensureQueues(boss)
afterAll(() => boss.stop())
const store = createActivationStore(thief)
const sync = createStandIn(database.sync)
const verifiers = createVerifiers(randomBytes(32))
const credential: KeycloakCredential = { credentialData: '{"mine":true}', secretData: '{}' }

/** An activation of a victim, whose mail was sent, and whose password the thief happens to know or not. */
async function victim() {
  const browser = randomBytes(32)
  const salt = verifiers.saltFor('')
  const password = 'the password of the victim'
  const account = randomUUID()
  const started = await store.startActivation({
    account,
    login: 'victim.login',
    company: 'Victim',
    contract: 'V-1',
    address: `${randomUUID()}@victim.example.fr`,
    locale: 'fr',
    shared: false,
    browserHash: sha256(browser),
    salt,
    verifier: await verifiers.derive(password, salt),
    correlationId: randomUUID(),
  })
  if (started.outcome !== 'started') throw new Error(started.outcome)
  return { id: started.id, account, salt, password, browser, ...(await sync.sendMail(started.id)) }
}

async function openedVictim() {
  const person = await victim()
  const finisher = randomBytes(32)
  const verifier = await verifiers.derive(person.password, person.salt)
  await store.confirmActivation(person.id, person.k, verifier, credential, sha256(finisher))
  return { ...person, finisher, userId: await sync.open(person.id) }
}

/** SQLSTATE of the refusal; `undefined` when the statement was carried out. */
async function refusal(sql: string, values: unknown[] = []): Promise<string | undefined> {
  try {
    await thief.query(sql, values)
    return undefined
  } catch (error) {
    return (error as { code?: string }).code
  }
}
const insufficientPrivilege = '42501'

/** What a thief starts: an activation of its own, with something wrong in it. */
const draft = (change: object) => ({
  account: randomUUID(),
  login: 'login',
  company: 'Company',
  contract: 'C-1',
  address: `${randomUUID()}@thief.example.fr`,
  locale: 'fr' as const,
  shared: false,
  browserHash: sha256('mine'),
  salt: randomBytes(16),
  verifier: randomBytes(32),
  correlationId: randomUUID(),
  ...change,
})

describe('the role ellipro_provider', () => {
  it('reads no table of the activations: no verifier, link hash, credential, address, user id, setting or event', async () => {
    const { rows } = await superuser.query<{ name: string }>(
      `SELECT format('%I.%I', n.nspname, c.relname) AS name FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
       WHERE n.nspname = 'ellipro' AND c.relkind IN ('r', 'v', 'm', 'p', 'S')`,
    )
    expect(rows.length).toBeGreaterThan(7)
    for (const { name } of rows)
      expect([name, await refusal(`SELECT * FROM ${name}`)]).toEqual([name, insufficientPrivilege])
    const { rows: columns } = await superuser.query(
      `SELECT table_name, column_name FROM information_schema.column_privileges
       WHERE grantee IN ('ellipro_provider', 'PUBLIC') AND table_schema = 'ellipro'`,
    )
    expect(columns).toEqual([])
  })

  it('writes none of them either', async () => {
    const { id } = await victim()
    for (const sql of [
      `UPDATE ellipro.activation SET state = 'confirmed' WHERE id = '${id}'`,
      `UPDATE ellipro.activation SET address = 'thief@example.fr'`,
      `UPDATE ellipro.activation_secret SET link_hash = sha256('x')`,
      `UPDATE ellipro.activation_secret SET credential = '{}'`,
      `UPDATE ellipro.setting SET value = 1000000`,
      `DELETE FROM ellipro.blocked_pair`,
      `DELETE FROM ellipro.activation`,
      `INSERT INTO ellipro.outbox (kind, activation_id) VALUES ('open-account', '${id}')`,
      `INSERT INTO ellipro.keycloak_user (address_key, user_id, state) VALUES ('a@b.fr', 'u', 'pending')`,
      `INSERT INTO ellipro.mail (kind, address_key) VALUES ('x', 'a@b.fr')`,
      `INSERT INTO ellipro.activation_event (activation_id, to_state, actor) VALUES ('${id}', 'opened', 'ellipro_sync')`,
      `INSERT INTO ellipro.operator_action (operator, command, reason, outcome) VALUES ('root', 'x', 'x', 'x')`,
      `INSERT INTO ellipro.account_closing (activation_id) VALUES ('${id}')`,
      `DELETE FROM ellipro.operator_action`,
      `UPDATE ellipro.access_request SET state = 'granting'`,
      `UPDATE ellipro.staff_session SET state = 'granted'`,
      `INSERT INTO ellipro.staff_session (cookie_hash, state, user_id, name, is_agent, is_lead, expires_at)
         VALUES (sha256('x'), 'granted', 'u', 'n', true, true, now() + interval '1 day')`,
      `INSERT INTO ellipro.left_download (id, session_id, states) VALUES ('${id}', '${id}', '{untouched}')`,
      `UPDATE ellipro.reader_session SET state = 'granted', user_id = 'u'`,
      `INSERT INTO ellipro.mailbox_saving (account, proof, reader, messages, bytes) VALUES ('a', 'password', sha256('x'), 1, 1)`,
      `DELETE FROM ellipro.mailbox_saving`,
      `UPDATE ellipro.mailbox_saving SET ended_at = NULL`,
      `DELETE FROM ellipro.legacy_message`,
      `UPDATE ellipro.decision SET state = 'applied', user_id = 'u'`,
      `UPDATE ellipro.login_case SET generation = 1, known_domains = '{thief.example}'`,
      `INSERT INTO ellipro.case_event (case_id, kind, actor) VALUES ('${id}', 'granted', 'An agent')`,
      `INSERT INTO ellipro.activation (kind, account, login, company, contract, address, locale, expires_at)
         VALUES ('granted', 'a', 'a', 'a', 'a', 'thief@example.fr', 'fr', now() + interval '1 day')`,
      `INSERT INTO ellipro.added_contract (activation_id, user_id, contract) VALUES ('${id}', 'u', 'c')`,
      `UPDATE ellipro.ticket SET external_id = '1'`,
      `INSERT INTO ellipro.case_outbox (kind, subject_id) VALUES ('apply-decision', '${id}')`,
      `INSERT INTO ellipro.decision (id, case_id, kind, reason, generation) VALUES ('${id}', '${id}', 'not_shared', 'x', 1)`,
      `TRUNCATE ellipro.activation CASCADE`,
      `ALTER TABLE ellipro.activation OWNER TO ellipro_provider`,
      `DO $$ BEGIN LOCK TABLE ellipro.activation; END $$`,
      `COPY ellipro.activation_secret TO STDOUT`,
    ])
      expect([sql, await refusal(sql)]).toEqual([sql, insufficientPrivilege])
  })

  it('has no right on the jobs: it neither reads, forges nor deletes one', async () => {
    const { rows: schemas } = await superuser.query<{ name: string }>(
      `SELECT nspname AS name FROM pg_namespace WHERE has_schema_privilege('ellipro_provider', oid, 'CREATE')
         AND nspname !~ '^pg_temp'`,
    )
    expect(schemas).toEqual([])
    expect(await refusal('SELECT * FROM pgboss.job')).toBe(insufficientPrivilege)
    expect(await refusal(`INSERT INTO pgboss.job (name, data) VALUES ('open-account', '{}')`)).toBe(
      insufficientPrivilege,
    )
    expect(await refusal('DELETE FROM pgboss.job')).toBe(insufficientPrivilege)
    expect(await refusal(`SELECT pgboss.create_queue('q', '{}')`)).toBe(insufficientPrivilege)
  })

  it('may call exactly these functions', async () => {
    const { rows } = await superuser.query<{ name: string }>(
      `SELECT p.oid::regprocedure::text AS name FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
       WHERE n.nspname NOT IN ('pg_catalog', 'information_schema') AND has_function_privilege('ellipro_provider', p.oid, 'EXECUTE')
         AND has_schema_privilege('ellipro_provider', n.oid, 'USAGE') ORDER BY 1`,
    )
    expect(rows.map(({ name }) => name)).toEqual([
      'ellipro.activation_salt(uuid)',
      'ellipro.activation_view(uuid,bytea)',
      'ellipro.addition_state(uuid,bytea)',
      'ellipro.addition_view(uuid,bytea)',
      'ellipro.answer_holder(uuid,bytea,uuid,boolean)',
      'ellipro.begin_addition(uuid,bytea,bytea,bytea)',
      'ellipro.begin_left_download(bytea,uuid,text[],integer,integer)',
      'ellipro.begin_reader_session(bytea,text,text)',
      'ellipro.begin_staff_session(bytea,text,text)',
      'ellipro.browser_activation(bytea)',
      'ellipro.confirm_activation(uuid,bytea,bytea,jsonb,bytea)',
      'ellipro.correct_address(uuid,bytea,bytea,text,bytea,text)',
      'ellipro.decision_view(bytea,uuid)',
      'ellipro.end_reader_session(bytea)',
      'ellipro.end_saving(uuid,boolean)',
      'ellipro.end_staff_session(bytea)',
      'ellipro.finish_view(uuid,bytea)',
      'ellipro.hint_tickets()',
      'ellipro.holder_questions(uuid,bytea)',
      'ellipro.is_person(uuid,text)',
      'ellipro.left_page(bytea,uuid,text,integer)',
      'ellipro.link_view(uuid,bytea)',
      'ellipro.login_facts(text,bytea,text[])',
      'ellipro.login_mailbox(bytea)',
      'ellipro.mint_proof(uuid,bytea,text,bytea)',
      'ellipro.name_waiting(uuid,bytea,text,text)',
      'ellipro.open_login_mailbox(bytea)',
      'ellipro.open_reader_mailbox(bytea,uuid)',
      'ellipro.proof_view(uuid,bytea)',
      'ellipro.prove_address(uuid,bytea)',
      'ellipro.reader_mailboxes(bytea)',
      'ellipro.reader_session_view(bytea)',
      'ellipro.record_sign_in(uuid,bytea)',
      'ellipro.request_access(text,text,text,text,text,text,text,text,text,text)',
      'ellipro.request_granted_mail(uuid,bytea)',
      'ellipro.request_mail(uuid,bytea,bytea)',
      'ellipro.request_view(uuid,bytea)',
      'ellipro.request_withdraw_view(uuid,bytea)',
      'ellipro.saving_attachment(uuid,text,integer,integer,integer)',
      'ellipro.saving_messages(uuid,text,integer)',
      'ellipro.staff_case(bytea,uuid)',
      'ellipro.staff_cases(bytea,text,text,integer,integer)',
      'ellipro.staff_migration(bytea)',
      'ellipro.staff_session_view(bytea)',
      'ellipro.start_activation(text,text,text,text,text,text,boolean,bytea,bytea,bytea,text)',
      'ellipro.subject_correlation(text)',
      'ellipro.submit_addition(uuid,bytea,bytea,text)',
      'ellipro.submit_decision(bytea,uuid,uuid,uuid,text,text,text,integer,text)',
      'ellipro.take_proof(text,bytea)',
      'ellipro.waiting_granted_mail(uuid,bytea)',
      'ellipro.waiting_view(uuid,bytea)',
      'ellipro.withdraw_activation(uuid,bytea)',
      'ellipro.withdraw_request(uuid,bytea)',
      'ellipro.withdraw_view(uuid,bytea)',
    ])
  })

  it('calls each of them with a search path that nobody can bend, as an owner who cannot log in', async () => {
    const { rows } = await superuser.query<{ name: string; owner: string; path: string; definer: boolean }>(
      `SELECT p.proname AS name, r.rolname AS owner, array_to_string(p.proconfig, ';') AS path, p.prosecdef AS definer
       FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace JOIN pg_roles r ON r.oid = p.proowner
       WHERE n.nspname = 'ellipro' AND has_function_privilege('ellipro_provider', p.oid, 'EXECUTE')`,
    )
    for (const row of rows)
      expect(row).toEqual({
        name: row.name,
        owner: 'ellipro_owner',
        path: 'search_path=ellipro, pg_temp',
        definer: true,
      })
    const { rows: definers } = await superuser.query<{ name: string }>(
      `SELECT p.oid::regprocedure::text AS name FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
       WHERE p.prosecdef AND n.nspname <> 'pg_catalog'
         AND coalesce(array_to_string(p.proconfig, ';'), '') !~ '^search_path=ellipro, pg_temp$'`,
    )
    expect(definers).toEqual([])
  })

  it('calls none of the owner’s own functions', async () => {
    const { id } = await victim()
    for (const call of [
      `erase_secrets('${id}')`,
      `check_steering('${id}', NULL, NULL)`,
      `mail_budget('a', 'b')`,
      `request_budget('a', 'b')`,
      `one_line('a', 1)`,
      `setting_value('password_tries')`,
      `outward_state('mailed', NULL, now())`,
      `login_holder('a')`,
      `ensure_case('a', 'b', 'c', 'd', 'console', 'e')`,
      `ask_from_waiting('${id}')`,
      `announce_request('${id}')`,
      `granted_session('\\x00')`,
      `lead_session('\\x00')`,
      `migration_numbers()`,
      `migration_left('', 10, '{untouched}', NULL, NULL)`,
      `login_progress('', NULL)`,
      `mailbox_size('a')`,
      `proved_login('\\x00')`,
      `own_logins('a')`,
      `granted_reader('\\x00')`,
      `open_mailbox('a', NULL, '\\x00')`,
      `saving_account('${id}')`,
      `note_case('${id}', NULL, 'opened', 'e', '{}')`,
    ])
      expect([call, await refusal(`SELECT ellipro.${call}`)]).toEqual([call, insufficientPrivilege])
  })

  it('becomes nobody else, and makes nothing that others would run', async () => {
    const { rows } = await superuser.query(
      `SELECT roleid::regrole FROM pg_auth_members WHERE member = 'ellipro_provider'::regrole`,
    )
    expect(rows).toEqual([])
    for (const sql of [
      'SET ROLE ellipro_owner',
      'SET ROLE ellipro_sync',
      'SET ROLE postgres',
      'SET SESSION AUTHORIZATION ellipro_sync',
      'CREATE SCHEMA mine',
      'CREATE TABLE public.mine (a integer)',
      'CREATE TEMPORARY TABLE activation (a integer)',
      `CREATE FUNCTION public.mine() RETURNS integer LANGUAGE sql AS 'SELECT 1'`,
      `CREATE FUNCTION ellipro.setting_value(text, text) RETURNS integer LANGUAGE sql AS 'SELECT 1'`,
      `CREATE FUNCTION provider.mine() RETURNS integer LANGUAGE sql AS 'SELECT 1'`,
      `CREATE OR REPLACE FUNCTION ellipro.setting_value(p_name text) RETURNS integer LANGUAGE sql AS 'SELECT 1'`,
      'CREATE EXTENSION dblink',
      'CREATE ROLE mine',
      'ALTER ROLE ellipro_provider SUPERUSER',
      'ALTER ROLE ellipro_sync PASSWORD NULL',
      'GRANT ellipro_owner TO ellipro_provider',
      'DROP TABLE provider.legacy_sign_in',
      'CREATE TRIGGER mine AFTER INSERT ON provider.legacy_sign_in EXECUTE FUNCTION ellipro.record_transition()',
      `COPY provider.legacy_sign_in TO PROGRAM 'true'`,
      `SELECT pg_read_file('pg_hba.conf')`,
      'SELECT * FROM pg_authid',
      'DELETE FROM public.schema_migration',
    ])
      expect([sql, await refusal(sql)]).toEqual([sql, insufficientPrivilege])
  })
})

describe('with every function and every secret of provider', () => {
  it('an activation cannot be confirmed without k, even by whoever knows its password', async () => {
    const { id, salt, password } = await victim()
    expect(await store.activationSalt(id)).toEqual(salt)
    const verifier = await verifiers.derive(password, salt)
    for (const link of [randomBytes(32), sha256('x'), Buffer.alloc(0), Buffer.alloc(32)])
      expect(await store.confirmActivation(id, link, verifier, credential, sha256('mine'))).toEqual({
        outcome: 'bad_link',
      })
    expect(await sync.stateOf(id)).toMatchObject({ state: 'mailed' })
  })

  it('an activation of one’s own for a victim’s address cannot be confirmed without that mailbox either', async () => {
    const { id } = await victim()
    expect(await store.linkView(id, randomBytes(32))).toEqual({ outcome: 'bad_link' })
    const own = await victim()
    expect(
      (await store.confirmActivation(id, own.k, randomBytes(32), credential, sha256('mine'))).outcome,
    ).toBe('bad_link')
  })

  it('an opened account is neither read nor changed: no address, no user id, no proof, no mail, no withdrawal', async () => {
    const { id, account, browser, userId, w, k, password, salt } = await openedVictim()
    expect(await store.finishView(id, sha256('mine'))).toBeUndefined()
    expect(await store.activationView(id, sha256('mine'))).toBeUndefined()
    expect(await store.mintProof(id, sha256('mine'), 'handle', randomBytes(32))).toBe(false)
    expect(await store.recordSignIn(id, sha256('mine'))).toBe(false)
    expect(await store.isPerson(id, randomUUID())).toBe(false)
    expect(await store.isPerson(id, userId)).toBe(true)
    expect(await store.withdrawActivation(id, w)).toBe('too_late')
    expect(await store.requestMail(id, { browserHash: sha256(browser) })).toBe('gone')
    expect(
      (
        await store.correctAddress(
          id,
          { browserHash: sha256(browser) },
          'thief@example.fr',
          undefined,
          randomUUID(),
        )
      ).outcome,
    ).toBe('gone')
    // The same two proofs again give nothing new to open: the first credential stands, and it is erased.
    const verifier = await verifiers.derive(password, salt)
    const other = { credentialData: '{"thief":true}', secretData: '{}' }
    expect((await store.confirmActivation(id, k, verifier, other, sha256('mine'))).outcome).toBe('already')
    const { rows } = await superuser.query(
      'SELECT credential FROM ellipro.activation_secret WHERE activation_id = $1',
      [id],
    )
    expect(rows).toEqual([{ credential: null }])
    const facts = await store.loginFacts(account, undefined, [])
    expect(JSON.stringify(facts)).not.toContain('victim.example')
  })

  it('a login that is held starts nothing more, and a made-up legacy sign-in changes nothing of its holder', async () => {
    const { id, account } = await openedVictim()
    const started = await store.startActivation({
      account,
      login: 'victim.login',
      company: 'Victim',
      contract: 'V-1',
      address: 'thief@example.fr',
      locale: 'fr',
      shared: true,
      browserHash: sha256('mine'),
      salt: randomBytes(16),
      verifier: randomBytes(32),
      correlationId: randomUUID(),
    })
    expect(started).toEqual({ outcome: 'moved' })
    expect(await sync.stateOf(id)).toMatchObject({ state: 'opened' })
  })

  it('what it writes beside the key and the address is a short line of text, and its ids are ids', async () => {
    const started = await store.startActivation(
      draft({
        login: 'log\u001b]0;obey\u0007in',
        company: `Soci\u00e9t\u00e9 A\r\n\u001b[2J\u202eB${'x'.repeat(1_000_000)}`,
        contract: `C-1\u009b31m${'\n'.repeat(100_000)}`,
      }),
    )
    if (started.outcome !== 'started') throw new Error(started.outcome)
    const { rows } = await superuser.query<Record<'login' | 'company' | 'contract', string>>(
      'SELECT login, company, contract FROM ellipro.activation WHERE id = $1',
      [started.id],
    )
    expect(rows[0]).toMatchObject({ login: 'log ]0;obey in' })
    expect(rows[0]?.company).toMatch(/^Soci\u00e9t\u00e9 A \[2J Bx{200,}$/)
    expect(rows[0]?.contract).toMatch(/^C-1 31m $/)
    for (const value of Object.values(rows[0] ?? {})) expect(value.length).toBeLessThan(257)

    for (const hostile of [
      { correlationId: 'victim@example.fr' },
      { correlationId: 'x'.repeat(1_000_000) },
      { correlationId: `${randomUUID()}\n` },
      { account: 'a'.repeat(256) },
      { account: '' },
      { locale: 'de' },
      { address: 'thief@example.fr\r\nBcc: victim@example.fr' },
      { address: 'thief\u001b[2J@example.fr' },
      { address: 'one@example.fr@two.example.fr' },
      { address: ' thief@example.fr' },
      { address: 'thief' },
      { address: `${'a'.repeat(300)}@example.fr` },
    ])
      await expect(store.startActivation(draft(hostile))).rejects.toMatchObject({ code: '23514' })

    const { id, salt, password, k } = await victim()
    const verifier = await verifiers.derive(password, salt)
    const huge = { credentialData: 'x'.repeat(1_000_000), secretData: '{}' }
    await expect(store.confirmActivation(id, k, verifier, huge, sha256('mine'))).rejects.toThrow('malformed')
  })
})
