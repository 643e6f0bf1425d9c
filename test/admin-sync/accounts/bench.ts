/**
 * A realm, a database, a sample Cofacering and an inbox for the tests of the jobs, with a gate in front of Keycloak that
 * can be shut. provider's part is done by provider's own store, with provider's own database role; what a person does at
 * Keycloak is done by a browser without a screen.
 *
 * Jobs run one by one, when the test says so (`run`), with the dependencies that the process would give them; jobs that
 * they add are counted in `added`. The whole process is for test/admin-sync/jobs/.
 */
import { createHash, randomBytes, randomUUID } from 'node:crypto'
import pg from 'pg'
import { afterAll } from 'vitest'
import type { JobResult } from 'pg-boss'
import { createLog } from '../../../core/log.ts'
import type { JobKind } from '../../../admin-sync/accounts/job.ts'
import { purgeExpired, type PurgeResult } from '../../../admin-sync/accounts/purge-expired.ts'
import { readAdminSyncConfig, type AdminSyncConfig } from '../../../admin-sync/config.ts'
import { createDependencies } from '../../../admin-sync/dependencies.ts'
import type { CaseJobKind } from '../../../admin-sync/cases/job.ts'
import type { ContractJobKind } from '../../../admin-sync/contracts/job.ts'
import { createIdTokenVerifier } from '../../../admin-sync/identity/verify-id-token.ts'
import { runCaseJob, type CaseWorkDependencies } from '../../../admin-sync/jobs/case-work.ts'
import { runContractJob, type ContractWorkDependencies } from '../../../admin-sync/jobs/contract-work.ts'
import { runJob, type WorkDependencies } from '../../../admin-sync/jobs/work.ts'
import type { Keycloak } from '../../../admin-sync/keycloak/connect.ts'
import type { User } from '../../../admin-sync/keycloak/representations.ts'
import { applyRealm } from '../../../admin-sync/realm/apply.ts'
import type { Mail } from '../../../dev/smtp-sink.ts'
import { hashForKeycloak } from '../../../provider/activation/credential.ts'
import {
  createActivationStore,
  type ActivationStore,
  type ConfirmOutcome,
} from '../../../provider/activation/store.ts'
import { createVerifiers } from '../../../provider/activation/verifier.ts'
import { startInbox, type TestInbox } from '../../support/inbox.ts'
import { createCofacering, createDatabase } from '../../support/postgres.ts'
import { prepareRealm } from '../realm/realm-config.ts'
import { Web, type Page } from '../realm/web.ts'
import { startGate, type Gate } from './gate.ts'

export const password = 'Un mot de passe assez long'
export const sha256 = (bytes: Buffer | string): Buffer => createHash('sha256').update(bytes).digest()
/** provider's address; nobody listens there. */
export const providerUrl = 'http://127.0.0.1:9'

export type LegacyLogin = {
  account: string
  login: string
  company: string
  contract: string
  shared: boolean
}
export type Started = { id: string; address: string; login: LegacyLogin; browser: Buffer }
export type Row = {
  state: string
  reason: string | null
  mail_generation: number
  mailed_generation: number
  sub: string
  last_error: string | null
  unlinked_at: Date | null
}

export type Bench = {
  config: AdminSyncConfig
  environment: Record<string, string>
  gate: Gate
  inbox: TestInbox
  /** Log lines of the jobs, as they would go to standard output. */
  lines: string[]
  /** Superuser of the database `ellipro`, for looking and for letting time pass. */
  pool: pg.Pool
  cofacering: pg.Pool
  admin: Keycloak
  realm: string
  issuer: string
  provider: ActivationStore
  /** provider's database role. */
  providerPool: pg.Pool
  dependencies: WorkDependencies
  cases: CaseWorkDependencies
  contracts: ContractWorkDependencies
  /** Jobs that the jobs have added directly. */
  added: { kind: JobKind; id: string; afterSeconds: number | undefined }[]
  nextAddress(): string
  nextLogin(): LegacyLogin
  start(options?: { address?: string; login?: LegacyLogin; locale?: 'fr' | 'en' }): Promise<Started>
  run(kind: JobKind, id: string, options?: { onStep?: WorkDependencies['onStep'] }): Promise<JobResult>
  /** The job's outcome; throws when it did not complete. */
  runWell(kind: JobKind, id: string): Promise<string>
  /** The same two for a job on a case. */
  runCase(
    kind: CaseJobKind,
    id: string,
    options?: { onStep?: WorkDependencies['onStep'] },
  ): Promise<JobResult>
  runCaseWell(kind: CaseJobKind, id: string): Promise<string>
  /** The same two for a job on a contract. */
  runContract(
    kind: ContractJobKind,
    id: string,
    options?: { onStep?: WorkDependencies['onStep'] },
  ): Promise<JobResult>
  runContractWell(kind: ContractJobKind, id: string): Promise<string>
  purge(): Promise<PurgeResult>
  /** Starts, and sends the mail. */
  startAndMail(options?: Parameters<Bench['start']>[0]): Promise<Started & { mail: Mail }>
  /** The person follows the link of the mail to the end. @returns where Keycloak sends them */
  followMail(mail: Mail): Promise<string>
  /** What provider makes of a password that is typed for an activation. */
  verify(id: string, typed: string): Promise<Buffer>
  confirm(id: string, k: Buffer, typed?: string, finisher?: Buffer): Promise<ConfirmOutcome>
  /** Starts, mails, follows the link and confirms. */
  confirmed(options?: Parameters<Bench['start']>[0]): Promise<Started & { mail: Mail }>
  row(id: string): Promise<Row>
  outbox(id: string): Promise<string[]>
  mails(id: string): Promise<string[]>
  user(address: string): Promise<User | undefined>
  /** Whether e-mail and password sign in at the portal's realm. */
  signsIn(address: string, typed: string): Promise<boolean>
}

/** @param more environment of admin-sync */
export async function createBench(more: Record<string, string> = {}): Promise<Bench> {
  const [{ config: realm, admin, issuer }, database, cofacering, inbox] = await Promise.all([
    prepareRealm(providerUrl),
    createDatabase(),
    createCofacering(),
    startInbox(),
  ])
  const gate = await startGate(realm.keycloakUrl)
  const environment = {
    ADMIN_SYNC_PORT: '0',
    ADMIN_SYNC_DATABASE_URL: database.sync,
    LEGACY_DATABASE_URL: cofacering.reader,
    ADMIN_SYNC_LINK_KEY: randomBytes(32).toString('base64url'),
    KEYCLOAK_URL: gate.url,
    KEYCLOAK_REALM: realm.realm,
    OPERATOR_CLIENT_SECRET: realm.operatorSecret,
    READER_CLIENT_SECRET: realm.readerSecret,
    WORKSPACE_URL: 'http://127.0.0.1:9/workspace',
    WORKSPACE_CLIENT_SECRET: realm.workspaceSecret,
    PROVIDER_URL: providerUrl,
    PORTAL_URL: 'http://127.0.0.1:3000',
    DESK_TELEPHONE: realm.desk.telephone,
    DESK_TELEPHONE_PRICE: realm.desk.price,
    DESK_EMAIL: realm.desk.email,
    DESK_OPENING_HOURS: 'mon-fri 08:00-18:00',
    SMTP_HOST: inbox.host,
    SMTP_PORT: String(inbox.port),
    SMTP_FROM: 'ne-pas-repondre@ellipro.example',
    SMTP_SECURITY: 'none',
    TICKETS_EMAIL_TO: 'service-relation-client@ellipro.example',
    ...more,
  }
  await applyRealm({ ...realm, smtp: { ...realm.smtp, host: inbox.host, port: inbox.port } })
  // A client as an administrator might make one, to try passwords with.
  await admin.realm.createClient({
    clientId: 'try-passwords',
    publicClient: true,
    directAccessGrantsEnabled: true,
  })

  const config = readAdminSyncConfig(environment)
  const pool = new pg.Pool({ connectionString: database.superuser, max: 3 })
  const sync = new pg.Pool({ connectionString: database.sync, max: 6 })
  const providerPool = new pg.Pool({ connectionString: database.provider, max: 4 })
  const cofaceringPool = new pg.Pool({ connectionString: cofacering.superuser, max: 2 })
  const provider = createActivationStore(providerPool)
  const verifiers = createVerifiers(randomBytes(32))
  const lines: string[] = []
  const added: Bench['added'] = []
  const log = createLog('admin-sync', 'debug', { write: (line) => void lines.push(line) })
  const {
    work: dependencies,
    cases: jobs,
    contracts,
    close,
  } = createDependencies(config, log, sync, async (_client, kind, id, afterSeconds) => {
    added.push({ kind, id, afterSeconds })
  })
  // People sign in at Keycloak itself, and so their tokens name it: a Keycloak that was told its address keeps to it,
  // whoever stands in front.
  const cases = { ...jobs, verifyIdToken: createIdTokenVerifier(realm.keycloakUrl, realm.realm) }
  afterAll(async () => {
    await close()
    await Promise.all([pool.end(), sync.end(), providerPool.end(), cofaceringPool.end(), gate.close()])
  })

  const logins = (
    await cofaceringPool.query<LegacyLogin>(
      `SELECT account, login, company, contract, shared FROM directory_login
        WHERE NOT disabled AND NOT shared ORDER BY account`,
    )
  ).rows
  let used = 0
  let count = 0

  const bench: Bench = {
    config,
    environment,
    gate,
    inbox,
    lines,
    pool,
    cofacering: cofaceringPool,
    admin,
    realm: realm.realm,
    issuer,
    provider,
    providerPool,
    dependencies,
    cases,
    contracts,
    added,
    nextAddress: () => `personne-${++count}-${randomBytes(3).toString('hex')}@client.example`,
    nextLogin() {
      const login = logins[used++]
      if (!login) throw new Error('the sample has no more logins')
      return login
    },
    async start({ address = bench.nextAddress(), login = bench.nextLogin(), locale = 'fr' } = {}) {
      const browser = sha256(randomBytes(32))
      const salt = randomBytes(16)
      const started = await provider.startActivation({
        ...login,
        address,
        locale,
        browserHash: browser,
        salt,
        verifier: await verifiers.derive(password, salt),
        correlationId: randomUUID(),
      })
      if (started.outcome !== 'started') throw new Error(`not started: ${started.outcome}`)
      return { id: started.id, address, login, browser }
    },
    run: (kind, id, { onStep } = {}) =>
      runJob(
        kind,
        {
          id: randomUUID(),
          data: { activationId: id },
          retryCount: 0,
          signal: new AbortController().signal,
        },
        { ...dependencies, ...(onStep && { onStep }) },
      ),
    async runWell(kind, id) {
      const result = await bench.run(kind, id)
      if (result.status !== 'completed') throw new Error(JSON.stringify(result))
      return (result.output as { outcome: string }).outcome
    },
    runCase: (kind, id, { onStep } = {}) =>
      runCaseJob(
        kind,
        { id: randomUUID(), data: { id }, retryCount: 0, signal: new AbortController().signal },
        { ...cases, ...(onStep && { onStep }) },
      ),
    async runCaseWell(kind, id) {
      const result = await bench.runCase(kind, id)
      if (result.status !== 'completed') throw new Error(JSON.stringify(result))
      return (result.output as { outcome: string }).outcome
    },
    runContract: (kind, id, { onStep } = {}) =>
      runContractJob(
        kind,
        { id: randomUUID(), data: { id }, retryCount: 0, signal: new AbortController().signal },
        { ...contracts, ...(onStep && { onStep }) },
      ),
    async runContractWell(kind, id) {
      const result = await bench.runContract(kind, id)
      if (result.status !== 'completed') throw new Error(JSON.stringify(result))
      return (result.output as { outcome: string }).outcome
    },
    purge: () =>
      purgeExpired({
        ...dependencies,
        holdAddress: (key, work) => dependencies.locks.hold(key, () => work(async () => undefined)),
      }),
    async startAndMail(options) {
      const started = await bench.start(options)
      const before = inbox.mails.length
      await bench.runWell('send-confirmation', started.id)
      const mail = inbox.mails.slice(before).find(({ to }) => to.includes(started.address))
      if (!mail) throw new Error('no mail came')
      return { ...started, mail }
    },
    async followMail(mail) {
      const web = new Web()
      const first = await web.follow(await web.open(findActionLink(mail)), providerUrl)
      const proceed = findProceedLink(first)
      const done = await web.follow(await web.open(proceed), providerUrl)
      return done.location ?? findReturnLink(done)
    },
    verify: async (id, typed) => verifiers.deriveFor(typed, await provider.activationSalt(id)),
    async confirm(id, k, typed = password, finisher = sha256(randomBytes(32))) {
      const verifier = await bench.verify(id, typed)
      const credential = await hashForKeycloak(typed)
      const { outcome } = await provider.confirmActivation(id, k, verifier, credential, finisher)
      return outcome
    },
    async confirmed(options) {
      const started = await bench.startAndMail(options)
      await bench.followMail(started.mail)
      const outcome = await bench.confirm(started.id, readK(started.mail))
      if (outcome !== 'confirmed') throw new Error(`not confirmed: ${outcome}`)
      return started
    },
    async row(id) {
      const { rows } = await pool.query<Row>('SELECT * FROM ellipro.activation WHERE id = $1', [id])
      if (!rows[0]) throw new Error('no such activation')
      return rows[0]
    },
    async outbox(id) {
      const { rows } = await pool.query<{ kind: string }>(
        'SELECT kind FROM ellipro.outbox WHERE activation_id = $1 ORDER BY id',
        [id],
      )
      return rows.map(({ kind }) => kind)
    },
    async mails(id) {
      const { rows } = await pool.query<{ kind: string }>(
        'SELECT kind FROM ellipro.mail WHERE activation_id = $1 ORDER BY id',
        [id],
      )
      return rows.map(({ kind }) => kind)
    },
    user: (address) => admin.findUserByEmail(address),
    async signsIn(address, typed) {
      const answer = await fetch(`${issuer}/protocol/openid-connect/token`, {
        method: 'POST',
        body: new URLSearchParams({
          grant_type: 'password',
          client_id: 'try-passwords',
          username: address,
          password: typed,
        }),
      })
      return answer.ok
    },
  }
  return bench
}

export function findActionLink(mail: Mail): string {
  const link = mail.links.find((one) => one.includes('/action-token'))
  if (link === undefined) throw new Error(`no action link in "${mail.subject}"`)
  return link
}

/** k stands in the redirect URI inside the link's token, as everybody knows who reads the mail. */
export function readK(mail: Mail): Buffer {
  const token = new URL(findActionLink(mail)).searchParams.get('key') ?? ''
  const { reduri } = JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString()) as {
    reduri: string
  }
  return Buffer.from(new URL(reduri).searchParams.get('k') ?? '', 'base64url')
}

function findProceedLink(page: Page): string {
  const links = [...page.body.matchAll(/href="([^"]*action-token[^"]*)"/g)].map(([, href]) => href)
  // The others change the language.
  const href = links.find((link) => link !== undefined && !link.includes('kc_locale'))
  if (href === undefined) throw new Error(`no way on from ${page.url} (${page.status})`)
  return new URL(href.replaceAll('&amp;', '&'), page.url).href
}

function findReturnLink(page: Page): string {
  const href = /href="(http:\/\/127\.0\.0\.1:9\/[^"]*)"/.exec(page.body)?.[1]
  if (href === undefined) throw new Error(`no way back to provider from ${page.url} (${page.status})`)
  return href.replaceAll('&amp;', '&')
}
