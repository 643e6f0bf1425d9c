/**
 * What is measured on: a PostgreSQL, a Keycloak as operators run it (both compilers, themes in memory), the realm, an
 * SMTP server that takes every mail, and the parts of the product as processes with the environment of `npm start`.
 * Everything has a folder and ports of its own and goes away at the end; a running `npm start` is not touched.
 */
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { exportJWK, generateKeyPair } from 'jose'
import pg from 'pg'
import { bootstrapDatabases, connectionUrl } from '../admin-sync/database/bootstrap.ts'
import { applyRealm } from '../admin-sync/realm/apply.ts'
import { readRealmConfig } from '../admin-sync/realm/config.ts'
import { postBrokerFlow } from '../admin-sync/realm/flows.ts'
import { migrate } from '../core/database/migrate.ts'
import { createLog } from '../core/log.ts'
import { Child } from '../dev/child.ts'
import { loadCofacering } from '../dev/cofacering/load.ts'
import {
  baseEnvironment,
  describeApplications,
  leanEnvironment,
  placeUrl,
  processEnvironments,
  type Environment,
  type Installation,
  type Place,
} from '../dev/environment.ts'
import { findJava } from '../dev/java.ts'
import { ensureKeycloak } from '../dev/keycloak-distribution.ts'
import { signInAdministrator, startKeycloak, waitForKeycloak } from '../dev/keycloak.ts'
import { findFreePort } from '../dev/ports.ts'
import { workspaceRole } from '../dev/portal/workspace/database.ts'
import { startPostgres } from '../dev/postgres.ts'
import { makeSecrets, rolePasswords, type Secrets } from '../dev/secrets.ts'
import { startSmtpSink } from '../dev/smtp-sink.ts'

const root = join(import.meta.dirname, '..')
const realm = 'ellipro'
/** The peer as an identity provider of the realm: as it would be without us, and with the realm's flow after a sign-in. */
export const peerAlias = 'bare'
export const checkedPeerAlias = 'bare-checked'

/** The processes of Node that the bench starts, and where each begins. */
const entries = {
  provider: 'provider/main.ts',
  adminSync: 'admin-sync/main.ts',
  /** The same with a line for each step and each call; its own figures are not compared with anything. */
  adminSyncTimed: 'bench/timed-admin-sync.ts',
  peer: 'bench/peer/main.ts',
} as const
export type PartName = keyof typeof entries
export type Part = {
  child: Child
  /** Without trailing slash. */
  url: string
  /** From the start of the process to its first good answer. */
  startMs: number
  stop(): Promise<void>
}

export type KeycloakStage = {
  child: Child
  url: string
  /** Of the realm. */
  issuer: string
  /** The Admin REST API of the realm, as its administrator. @throws Error with the answer when it is not good */
  admin(method: string, path: string, body?: unknown): Promise<Response>
}

export type Stage = {
  secrets: Secrets
  postgres: Child
  /** Superuser of the databases `ellipro` and `cofacering`. */
  database: pg.Pool
  cofacering: pg.Pool
  providerUrl: string
  portalUrl: string
  /** Where the peer is for Keycloak; its identity provider says so. */
  peerUrl: string
  /** Started at the first call, with the realm applied and the peer as a second identity provider. */
  keycloak(): Promise<KeycloakStage>
  /** @param environment more of it */
  start(name: PartName, environment?: Environment, nodeOptions?: string[]): Promise<Part>
  /** Of PostgreSQL, and of Keycloak if it is wanted, which starts it. */
  versions(keycloak: boolean): Promise<Record<string, string>>
  /** postgres:// URL of the superuser for a database of this name, which is made. */
  createDatabase(name: string): Promise<string>
  /** postgres:// URL of the superuser for a database that is there. */
  superuserUrl(database: 'ellipro' | 'cofacering' | 'keycloak'): string
  /** What admin-sync is started with. */
  adminSyncEnvironment: Environment
  close(): Promise<void>
}

/** Starts PostgreSQL, with both databases filled. Keycloak waits until it is asked for. */
export async function openStage(report: (text: string) => void): Promise<Stage> {
  const dir = makeFolder()
  const children: Child[] = []
  process.once('exit', () => {
    for (const child of children) child.kill()
    rmSync(dir, { recursive: true, force: true, maxRetries: 10, retryDelay: 50 })
  })
  report('PostgreSQL')
  const secrets = makeSecrets()
  const postgres = await startPostgres({
    dir,
    port: await findFreePort(),
    password: secrets.databaseSuperuser,
    log: join(dir, 'postgres.log'),
  })
  children.push(postgres.child)
  await bootstrapDatabases(postgres.url, rolePasswords(secrets))
  const inbox = await startSmtpSink({ port: 0, onMail: async () => {} })
  const as = (role: string, password: string, database: string) =>
    connectionUrl(postgres.url, role, password, database)
  const superuser = (database: string) => as('postgres', secrets.databaseSuperuser, database)
  const keycloakPlace = await place(2)
  const peerPlace = await place(5)
  const installation: Installation = {
    keycloak: {
      url: placeUrl(keycloakPlace),
      realm,
      administrator: { username: 'admin', password: secrets.keycloakAdmin },
    },
    portal: await place(1),
    secondApplication: await place(3),
    provider: await place(4),
    adminSync: await place(1),
    smtp: { host: '127.0.0.1', port: inbox.port },
    databases: {
      sync: as('ellipro_sync', secrets.databaseSync, 'ellipro'),
      provider: as('ellipro_provider', secrets.databaseProvider, 'ellipro'),
      cofaceringReader: as('cofacering_reader', secrets.databaseCofaceringReader, 'cofacering'),
      // The bench starts no portal.
      workspace: as(workspaceRole, secrets.databaseWorkspace, 'workspace'),
    },
    applicationsFile: join(dir, 'applications.json'),
    secrets,
  }
  writeFileSync(installation.applicationsFile, JSON.stringify(describeApplications(installation)))
  await migrate(installation.databases.sync)
  await loadCofacering(superuser('cofacering'))
  const [database, cofacering] = [makePool(superuser('ellipro')), makePool(superuser('cofacering'))]
  const environments = processEnvironments(installation)
  const peerUrl = placeUrl(peerPlace)
  // One key for all its starts: Keycloak keeps the keys of an identity provider, and asks again for unknown ids only.
  const { privateKey } = await generateKeyPair('ES256', { extractable: true })
  const peerEnvironment: Environment = {
    ...leanEnvironment,
    PEER_KEY: JSON.stringify({ ...(await exportJWK(privateKey)), kid: 'peer', alg: 'ES256', use: 'sig' }),
    PEER_ISSUER: peerUrl,
    PEER_REDIRECT_URIS: [peerAlias, checkedPeerAlias]
      .map((alias) => `${installation.keycloak.url}/realms/${realm}/broker/${alias}/endpoint`)
      .join(' '),
    PEER_CLIENT_JWKS_URI: `${installation.keycloak.url}/realms/${realm}/protocol/openid-connect/certs`,
  }

  /** While servers make their tables nothing is measured, and nothing of it has to last. */
  async function waitForDisk(isWaiting: boolean): Promise<void> {
    await database.query(`ALTER SYSTEM SET fsync = ${isWaiting ? 'on' : 'off'}`)
    await database.query('SELECT pg_reload_conf()')
    const isDone = async () =>
      (await database.query<{ fsync: string }>('SHOW fsync')).rows[0]?.fsync === (isWaiting ? 'on' : 'off')
    while (!(await isDone())) await sleep(50)
  }

  async function startServer(): Promise<KeycloakStage> {
    report('Keycloak')
    await waitForDisk(false)
    const java = findJava()
    const home = await ensureKeycloak(java, {
      progress: report,
      started: (child) => void children.push(child),
    })
    const managementPort = await findFreePort(keycloakPlace.host)
    const child = startKeycloak({
      home,
      java,
      url: installation.keycloak.url,
      managementPort,
      databaseUrl: as('keycloak', secrets.databaseKeycloak, 'keycloak'),
      admin: installation.keycloak.administrator,
      themes: join(root, 'themes'),
      log: join(dir, 'keycloak.log'),
      production: true,
    })
    children.push(child)
    await waitForKeycloak(installation.keycloak.url, {
      managementUrl: `http://${keycloakPlace.host}:${managementPort}`,
      child,
    })
    report('the realm')
    await applyRealm(readRealmConfig(environments.realmApply), createLog('bench', 'silent'))
    const { url } = installation.keycloak
    let token: Promise<string> | undefined
    let tokenAt = 0
    const admin = async (method: string, path: string, body?: unknown) => {
      // It lasts a minute.
      if (!token || performance.now() - tokenAt > 30_000) {
        tokenAt = performance.now()
        token = signInAdministrator(url, installation.keycloak.administrator)
      }
      return askAdmin(`${url}/admin/realms/${realm}${path}`, method, await token, body)
    }
    await admin('POST', '/identity-provider/instances', describePeer(peerUrl, peerAlias))
    await admin('POST', '/identity-provider/instances', {
      ...describePeer(peerUrl, checkedPeerAlias),
      postBrokerLoginFlowAlias: postBrokerFlow,
    })
    await waitForDisk(true)
    return { child, url, issuer: `${url}/realms/${realm}`, admin }
  }

  let keycloak: Promise<KeycloakStage> | undefined
  let count = 0
  const places: Record<PartName, { url: string; ready: string; environment: Environment }> = {
    provider: {
      url: placeUrl(installation.provider),
      ready: '/health/live',
      environment: environments.provider,
    },
    adminSync: {
      url: placeUrl(installation.adminSync),
      ready: '/health/ready',
      environment: environments.adminSync,
    },
    adminSyncTimed: {
      url: placeUrl(installation.adminSync),
      ready: '/health/ready',
      environment: environments.adminSync,
    },
    peer: { url: peerUrl, ready: '/.well-known/openid-configuration', environment: peerEnvironment },
  }

  return {
    secrets,
    postgres: postgres.child,
    database,
    cofacering,
    providerUrl: placeUrl(installation.provider),
    portalUrl: placeUrl(installation.portal),
    peerUrl,
    keycloak: () => (keycloak ??= startServer()),
    async start(name, environment = {}, nodeOptions = []) {
      const { url, ready, environment: own } = places[name]
      const log = join(dir, `${name}-${++count}.log`)
      const startedAt = performance.now()
      const child = new Child(name, [process.execPath, ...nodeOptions, join(root, entries[name])], {
        log,
        env: { ...baseEnvironment(process.env), ...own, ...environment },
        cwd: root,
      })
      children.push(child)
      while (!(await answers(`${url}${ready}`))) {
        if (child.hasEnded || performance.now() - startedAt > 60_000)
          throw new Error(`${name} did not start:\n${child.lastLines()}`)
        await sleep(5)
      }
      return { child, url, startMs: performance.now() - startedAt, stop: () => child.stop() }
    },
    async versions(wanted) {
      const { rows } = await database.query<{ server_version: string }>('SHOW server_version')
      const versions = { PostgreSQL: rows[0]?.server_version ?? '' }
      if (!wanted) return versions
      const { url } = await (keycloak ??= startServer())
      const token = await signInAdministrator(url, installation.keycloak.administrator)
      const info = (await (await askAdmin(`${url}/admin/serverinfo`, 'GET', token)).json()) as {
        systemInfo: { version: string }
      }
      return { ...versions, Keycloak: info.systemInfo.version }
    },
    superuserUrl: superuser,
    adminSyncEnvironment: environments.adminSync,
    async createDatabase(name) {
      await database.query(`CREATE DATABASE ${name}`)
      return superuser(name)
    },
    async close() {
      for (const child of children.toReversed().filter((one) => one !== postgres.child))
        await child.stop(3000)
      await Promise.all([database.end(), cofacering.end(), inbox.stop()])
      await postgres.child.stop(3000)
      rmSync(dir, { recursive: true, force: true, maxRetries: 10, retryDelay: 50 })
    },
  }
}

/** The identity provider `cofacering` as it would be without us: same protocol, no flows after the sign-in. */
function describePeer(issuer: string, alias: string) {
  return {
    alias,
    providerId: 'oidc',
    enabled: true,
    config: {
      issuer,
      authorizationUrl: `${issuer}/auth`,
      tokenUrl: `${issuer}/token`,
      jwksUrl: `${issuer}/jwks`,
      useJwksUrl: 'true',
      validateSignature: 'true',
      disableUserInfo: 'true',
      clientId: 'keycloak',
      clientAuthMethod: 'private_key_jwt',
      clientAssertionSigningAlg: 'RS256',
      clientAssertionAudience: issuer,
      pkceEnabled: 'true',
      pkceMethod: 'S256',
      defaultScope: 'openid',
      syncMode: 'IMPORT',
      prompt: 'login',
      loginHint: 'true',
    },
  }
}

/** @throws Error with the answer when it is not good */
export async function askAdmin(
  url: string,
  method: string,
  token: string,
  body?: unknown,
): Promise<Response> {
  const answer = await fetch(url, {
    method,
    headers: {
      authorization: `Bearer ${token}`,
      ...(body !== undefined && { 'content-type': 'application/json' }),
    },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  })
  if (!answer.ok) throw new Error(`${method} ${url}: ${answer.status} ${await answer.text()}`)
  return answer
}

/** Of admin-sync's own accounts, because what they may do is asked at each call. */
export async function readToken(keycloak: KeycloakStage, clientId: string, secret: string): Promise<string> {
  const answer = await fetch(`${keycloak.issuer}/protocol/openid-connect/token`, {
    method: 'POST',
    body: new URLSearchParams({
      grant_type: 'client_credentials',
      client_id: clientId,
      client_secret: secret,
    }),
  })
  if (!answer.ok) throw new Error(`No token: ${answer.status}`)
  return ((await answer.json()) as { access_token: string }).access_token
}

async function answers(url: string): Promise<boolean> {
  try {
    const answer = await fetch(url, { signal: AbortSignal.timeout(2000) })
    await answer.arrayBuffer()
    return answer.ok
  } catch {
    return false
  }
}

async function place(last: number): Promise<Place> {
  const host = `127.0.0.${last}`
  return { host, port: await findFreePort(host) }
}

function makePool(connectionString: string): pg.Pool {
  const pool = new pg.Pool({ connectionString, max: 4 })
  pool.on('error', () => {}) // the server may go first
  return pool
}

function makeFolder(): string {
  const dir = mkdtempSync(join(tmpdir(), 'ellipro-bench-'))
  chmodSync(dir, 0o711) // where root cannot be PostgreSQL, `nobody` is, and has to reach its data
  return dir
}
