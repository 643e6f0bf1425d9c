/**
 * People who ask for an access of their own, at the real pages of provider, and the jobs that answer them by real mails:
 * a database, a sample Cofacering, a realm and an inbox of the test file. Jobs run when the test says so.
 *
 * Texts are the real ones; pages are told apart by `data-page`.
 */
import { createHash, randomBytes, randomUUID } from 'node:crypto'
import pg from 'pg'
import type { JobResult } from 'pg-boss'
import { afterAll } from 'vitest'
import { createLog } from '../../../core/log.ts'
import { loadTexts } from '../../../core/text.ts'
import type { CaseJobKind } from '../../../admin-sync/cases/job.ts'
import { readAdminSyncConfig } from '../../../admin-sync/config.ts'
import { createDependencies } from '../../../admin-sync/dependencies.ts'
import { runCaseJob, type CaseWorkDependencies } from '../../../admin-sync/jobs/case-work.ts'
import { applyRealm } from '../../../admin-sync/realm/apply.ts'
import type { Mail } from '../../../dev/smtp-sink.ts'
import { sampleLogins } from '../../../dev/cofacering/sample-logins.ts'
import { createSqlDirectory } from '../../../provider/legacy/sql.ts'
import { HttpPerson } from '../../support/http-person.ts'
import { startInbox } from '../../support/inbox.ts'
import { createCofacering, createDatabase } from '../../support/postgres.ts'
import { startInstance } from '../../provider/support/instance.ts'
import { prepareRealm } from '../realm/realm-config.ts'

export type Login = { login: string; password: string; account: string; company: string; contract: string }
export type Holder = { login: Login; address: string; activationId: string; userId: string }
/** Columns of ellipro.access_request that tests look at. */
export type RequestRow = {
  id: string
  case_id: string
  state: string
  name: string | null
  phone: string | null
  address: string
  holder_knows: boolean | null
  mail_generation: number
  mailed_generation: number
  acknowledged_at: Date | null
  last_error: string | null
}

export type Scene = Awaited<ReturnType<typeof createScene>>
type Typed = { name?: string; email?: string; phone?: string }
type Options = ConstructorParameters<typeof HttpPerson>[0]
type Asked = { person: HttpPerson; email: string }
type Opened = Asked & { id: string; caseId: string; mail: Mail }

const sha256 = (bytes: Buffer) => createHash('sha256').update(bytes).digest()
export const random = () => randomBytes(4).toString('hex')

export async function createScene() {
  const [{ config: realm, admin }, database, cofacering, inbox] = await Promise.all([
    prepareRealm(),
    createDatabase(),
    createCofacering(),
    startInbox(),
  ])
  await applyRealm({ ...realm, smtp: { ...realm.smtp, host: inbox.host, port: inbox.port } })
  const silent = createLog('test', 'silent')
  const directory = createSqlDirectory({ url: cofacering.reader, log: silent })
  const provider = await startInstance(
    database.provider,
    { SIGN_IN_DEADLINE_MS: '50', TRUST_PROXY: 'loopback' },
    directory,
    loadTexts(new URL('../../../provider/text/', import.meta.url)),
  )
  const config = readAdminSyncConfig({
    ADMIN_SYNC_PORT: '0',
    ADMIN_SYNC_DATABASE_URL: database.sync,
    LEGACY_DATABASE_URL: cofacering.reader,
    ADMIN_SYNC_LINK_KEY: randomBytes(32).toString('base64url'),
    KEYCLOAK_URL: realm.keycloakUrl,
    KEYCLOAK_REALM: realm.realm,
    OPERATOR_CLIENT_SECRET: realm.operatorSecret,
    READER_CLIENT_SECRET: realm.readerSecret,
    WORKSPACE_URL: 'http://127.0.0.1:9/workspace',
    WORKSPACE_CLIENT_SECRET: realm.workspaceSecret,
    PROVIDER_URL: provider.origin,
    PORTAL_URL: 'http://127.0.0.9:3000',
    DESK_TELEPHONE: '0825 123 456',
    DESK_TELEPHONE_PRICE: '0,15 €/min',
    DESK_EMAIL: 'desk@ellipro.example',
    DESK_OPENING_HOURS: 'mon-fri 08:00-18:00',
    SMTP_HOST: inbox.host,
    SMTP_PORT: String(inbox.port),
    SMTP_FROM: 'ne-pas-repondre@ellipro.example',
    SMTP_SECURITY: 'none',
    TICKETS_EMAIL_TO: 'tickets@ellipro.example',
  })
  const pool = new pg.Pool({ connectionString: database.superuser, max: 4 })
  const sync = new pg.Pool({ connectionString: database.sync, max: 8 })
  const legacy = new pg.Pool({ connectionString: cofacering.superuser, max: 2 })
  const lines: string[] = []
  const log = createLog('admin-sync', 'debug', { write: (line) => void lines.push(line) })
  const {
    cases: dependencies,
    work: accounts,
    close,
  } = createDependencies(config, log, sync, async () => undefined)
  afterAll(async () => {
    await close()
    await Promise.all([pool.end(), sync.end(), legacy.end(), directory.close()])
  })
  const sample = await readSample(legacy)
  const { rows: logins } = await legacy.query<Omit<Login, 'password'>>(
    `SELECT account, login, company, contract FROM directory_login WHERE NOT disabled AND NOT shared ORDER BY account`,
  )
  let used = 0

  const scene = {
    provider,
    origin: provider.origin,
    inbox,
    pool,
    legacy,
    admin,
    dependencies,
    /** Of the jobs on accounts. */
    accounts,
    /** Log lines of the jobs. */
    lines,

    async one<T extends pg.QueryResultRow>(text: string, values: unknown[] = []): Promise<T> {
      const { rows } = await pool.query<T>(text, values)
      if (!rows[0]) throw new Error(`no row: ${text}`)
      return rows[0]
    },

    /** A login of Cofacering that the file has not used yet; its password is that of the first sample. */
    async nextLogin(): Promise<Login> {
      const login = logins[used++]
      if (!login) throw new Error('the sample has no more logins')
      await legacy.query('UPDATE login SET password_hash = $2 WHERE id = $1', [login.account, sample.hash])
      return { ...login, password: sample.password }
    },

    /** A login that somebody holds, with an account at Keycloak. */
    async hold(address = `titulaire-${random()}@client.example`): Promise<Holder> {
      const login = await scene.nextLogin()
      const { id: activationId } = await scene.one<{ id: string }>(
        `INSERT INTO ellipro.activation (state, account, login, company, contract, address, locale, expires_at, confirmed_at, opened_at)
         VALUES ('opened', $1, $2, $3, $4, $5, 'fr', now(), now(), now()) RETURNING id`,
        [login.account, login.login, login.company, login.contract, address],
      )
      await pool.query('INSERT INTO ellipro.activation_secret (activation_id) VALUES ($1)', [activationId])
      const userId = await admin.createUser({
        username: address,
        email: address,
        enabled: true,
        emailVerified: true,
      })
      await pool.query(
        `INSERT INTO ellipro.keycloak_user (address_key, user_id, state, opened_by) VALUES (lower($1), $2, 'opened', $3)`,
        [address, userId, activationId],
      )
      return { login, address, activationId, userId }
    },

    /** A browser that has just signed in with the login. */
    async signIn({ login, password }: Login, options: Options = {}): Promise<HttpPerson> {
      const person = new HttpPerson(options)
      await person.open(`${scene.origin}/`)
      await person.submit({ login, password })
      return person
    },

    /** Signs in and sends the form. */
    async ask(login: Login, typed: Typed = {}, options: Options = {}): Promise<Asked> {
      const email = typed.email ?? `personne-${random()}@client.example`
      const person = await scene.signIn(login, options)
      await person.open(`${scene.origin}/access/new`)
      await person.submit({ name: 'Claire Martin', phone: '', ...typed, email })
      return { person, email }
    },

    async request(email: string): Promise<RequestRow> {
      return scene.one<RequestRow>(
        'SELECT * FROM ellipro.access_request WHERE address_key = lower($1) ORDER BY created_at DESC LIMIT 1',
        [email],
      )
    },

    run: (kind: CaseJobKind, id: string, onStep?: CaseWorkDependencies['onStep']): Promise<JobResult> =>
      runCaseJob(
        kind,
        { id: randomUUID(), data: { id }, retryCount: 0, signal: new AbortController().signal },
        { ...dependencies, ...(onStep && { onStep }) },
      ),

    /** The job's outcome; throws when it did not complete. */
    async runWell(kind: CaseJobKind, id: string): Promise<string> {
      const result = await scene.run(kind, id)
      if (result.status !== 'completed') throw new Error(JSON.stringify(result))
      return (result.output as { outcome: string }).outcome
    },

    /** Asks, gets the proof mail and opens its link. */
    async askAndOpen(login: Login, typed: Typed = {}): Promise<Opened> {
      const asked = await scene.ask(login, typed)
      const { id, case_id: caseId } = await scene.request(asked.email)
      await scene.runWell('send-proof', id)
      const mail = await inbox.waitForMail(asked.email)
      await asked.person.open(linkOf(mail, '/prove?k='))
      return { ...asked, id, caseId, mail }
    },

    /** A request whose address is proved. */
    async prove(login: Login, typed: Typed = {}): Promise<Opened> {
      const asked = await scene.askAndOpen(login, typed)
      await asked.person.submit()
      return asked
    },

    /** What the case outbox asks for about this subject, oldest first. */
    async outbox(subject: string): Promise<string[]> {
      const { rows } = await pool.query<{ kind: string }>(
        'SELECT kind FROM ellipro.case_outbox WHERE subject_id = $1 ORDER BY id',
        [subject],
      )
      return rows.map(({ kind }) => kind)
    },

    /** Kinds of mail in the ledger to this address, oldest first. */
    async ledger(address: string): Promise<string[]> {
      const { rows } = await pool.query<{ kind: string }>(
        'SELECT kind FROM ellipro.mail WHERE address_key = lower($1) ORDER BY id',
        [address],
      )
      return rows.map(({ kind }) => kind)
    },

    async setting(name: string, value: number): Promise<void> {
      await pool.query('UPDATE ellipro.setting SET value = $2 WHERE name = $1', [name, value])
    },

    /** The mail that a person was sent last. */
    lastMail(to: string): Mail {
      const mail = inbox.mails.findLast((one) => one.to.includes(to))
      if (!mail) throw new Error(`no mail to ${to}`)
      return mail
    },

    /** An agent opened the request: what admin-sync writes when it applies that decision. */
    async grant(requestId: string): Promise<{ activationId: string; k: Buffer }> {
      const k = randomBytes(32)
      const { id: activationId } = await scene.one<{ id: string }>(
        `INSERT INTO ellipro.activation (kind, holds, state, account, login, company, contract, address, locale, expires_at)
         SELECT 'granted', false, 'mailed', c.account, c.login, c.company, c.contract, r.address, r.locale, now() + interval '168 hours'
           FROM ellipro.access_request r JOIN ellipro.login_case c ON c.id = r.case_id WHERE r.id = $1 RETURNING id`,
        [requestId],
      )
      await pool.query('INSERT INTO ellipro.activation_secret (activation_id, link_hash) VALUES ($1, $2)', [
        activationId,
        sha256(k),
      ])
      await pool.query(
        `UPDATE ellipro.access_request SET state = 'granting', granted_id = $2 WHERE id = $1`,
        [requestId, activationId],
      )
      return { activationId, k }
    },
  }
  return scene
}

/** A password that is known, and its hash. */
async function readSample(legacy: pg.Pool): Promise<{ password: string; hash: string }> {
  const { login, password } = sampleLogins[0]!
  const { rows } = await legacy.query<{ hash: string }>(
    'SELECT password_hash AS hash FROM directory_login WHERE login = $1',
    [login],
  )
  return { password, hash: rows[0]!.hash }
}

/** The link of a mail that holds this text. */
export function linkOf(mail: Mail, part: string): string {
  const link = mail.links.find((one) => one.includes(part))
  if (link === undefined) throw new Error(`no link with ${part} in "${mail.subject}"`)
  return link
}
