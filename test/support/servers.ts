/**
 * The servers that one run of the tests shares: an embedded PostgreSQL, one Keycloak and, for the suite helpdesk, one Request
 * Tracker, on free ports, with data of their own in a temporary folder that goes away with them. A running `npm start` is not touched.
 *
 * Lives in the main process (test/run.ts or vitest's global set-up); test files get addresses through `inject`.
 * DATABASE_URL, or TEST_KEYCLOAK_URL with TEST_KEYCLOAK_ADMIN_PASSWORD and TEST_KEYCLOAK_MANAGEMENT, names a server that
 * runs already.
 */
import { randomBytes } from 'node:crypto'
import { chmodSync, existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'
import { bootstrapDatabases, connectionUrl } from '../../admin-sync/database/bootstrap.ts'
import { migrate } from '../../core/database/migrate.ts'
import type { Child } from '../../dev/child.ts'
import { findJava } from '../../dev/java.ts'
import { ensureKeycloak } from '../../dev/keycloak-distribution.ts'
import { startKeycloak, waitForKeycloak } from '../../dev/keycloak.ts'
import { findFreePort } from '../../dev/ports.ts'
import { checkPostgres, startPostgres } from '../../dev/postgres.ts'
import { makeSecrets, openSecrets, rolePasswords, type Secrets } from '../../dev/secrets.ts'
import { prepareInstance, type RequestTrackerServer } from './request-tracker/server.ts'

export type PostgresServer = {
  /** Superuser, database `postgres`. */
  url: string
  secrets: Secrets
  /** Begins the name of every database of this run. */
  prefix: string
  /** Migrated, without data. */
  template: string
}
export type KeycloakServer = {
  url: string
  managementUrl: string
  adminUsername: string
  adminPassword: string
  /** Log of the server; undefined when it was not started by this run. */
  log: string | undefined
  /** A test file that needs the server writes this file, and waits. */
  wantedFile: string
  /** Holds the reason once the start has failed. */
  failureFile: string
}
declare module 'vitest' {
  export interface ProvidedContext {
    postgres: PostgresServer
    keycloak: KeycloakServer
    requestTracker: RequestTrackerServer
  }
}

const root = join(import.meta.dirname, '..', '..')

function makeFolder(): string {
  const dir = mkdtempSync(join(tmpdir(), 'ellipro-test-'))
  chmodSync(dir, 0o711) // where root cannot be PostgreSQL, `nobody` is, and has to reach its data
  return dir
}

class Servers {
  readonly #dir = makeFolder()
  readonly #children: Child[] = []
  readonly #prefix = `test_${process.pid}`
  #postgres: Promise<PostgresServer> | undefined
  #keycloak: Promise<KeycloakServer> | undefined
  #requestTracker: Promise<RequestTrackerServer> | undefined
  #stopping = false

  constructor() {
    // Ctrl-C: vitest ends this process in its own way
    process.once('exit', () => {
      for (const child of this.#children) child.kill()
      rmSync(this.#dir, { recursive: true, force: true, maxRetries: 10, retryDelay: 50 })
    })
  }

  /** Starts PostgreSQL once and makes the template. */
  postgres(): Promise<PostgresServer> {
    this.#postgres ??= this.#startPostgres()
    return this.#postgres
  }

  /** Where Keycloak will be. It is started when a test file asks for it, or by warmUp(). */
  keycloak(): Promise<KeycloakServer> {
    this.#keycloak ??= this.#placeKeycloak()
    return this.#keycloak
  }

  /** Starts Request Tracker once, on a database of the shared PostgreSQL. */
  requestTracker(): Promise<RequestTrackerServer> {
    this.#requestTracker ??= this.#startRequestTracker()
    return this.#requestTracker
  }

  /** Starts Keycloak now, for test files that come later. */
  async warmUp(): Promise<void> {
    writeFileSync((await this.keycloak()).wantedFile, '')
  }

  async #startPostgres(): Promise<PostgresServer> {
    const given = process.env['DATABASE_URL']
    // On a server of the user's own, roles may be those of a running `npm start`: keep their passwords.
    const secrets = given ? openSecrets(join(root, 'var', 'secrets.json')) : makeSecrets()
    let url = given ?? ''
    if (given) await checkPostgres(given)
    else {
      const password = secrets.databaseSuperuser
      const log = join(this.#dir, 'postgres.log')
      const port = await findFreePort()
      const started = await startPostgres({ dir: this.#dir, port, password, log, durable: false })
      this.#children.push(started.child)
      url = started.url
    }
    const template = `${this.#prefix}_template`
    await bootstrapDatabases(url, rolePasswords(secrets), { ellipro: template })
    await migrate(connectionUrl(url, 'ellipro_sync', secrets.databaseSync, template))
    return { url, secrets, prefix: this.#prefix, template }
  }

  async #placeKeycloak(): Promise<KeycloakServer> {
    const wantedFile = join(this.#dir, 'keycloak.wanted')
    const failureFile = join(this.#dir, 'keycloak.failed')
    const warm = process.env['TEST_KEYCLOAK_URL']
    if (warm)
      return {
        url: warm.replace(/\/$/, ''),
        managementUrl: process.env['TEST_KEYCLOAK_MANAGEMENT'] ?? '',
        adminUsername: 'admin',
        adminPassword: process.env['TEST_KEYCLOAK_ADMIN_PASSWORD'] ?? '',
        log: undefined,
        wantedFile,
        failureFile,
      }
    const { secrets } = await this.postgres()
    // Only Linux answers on all of 127/8 without being told; a host of its own keeps Keycloak's cookies apart.
    const host = process.platform === 'linux' ? '127.0.0.2' : '127.0.0.1'
    const [port, managementPort] = [await findFreePort(host), await findFreePort(host)]
    const server: KeycloakServer = {
      url: `http://${host}:${port}`,
      managementUrl: `http://${host}:${managementPort}`,
      adminUsername: 'admin',
      adminPassword: secrets.keycloakAdmin,
      log: join(this.#dir, 'keycloak.log'),
      wantedFile,
      failureFile,
    }
    // Test files run in processes of their own: a file is how they tell this one.
    const timer = setInterval(() => {
      if (!existsSync(wantedFile)) return
      clearInterval(timer)
      this.#startKeycloak(server, managementPort).catch((error: unknown) => {
        if (!this.#stopping)
          writeFileSync(failureFile, error instanceof Error ? error.message : String(error))
      })
    }, 100)
    timer.unref()
    return server
  }

  async #startKeycloak(server: KeycloakServer, managementPort: number): Promise<void> {
    const { url: serverUrl, secrets } = await this.postgres()
    const java = findJava()
    const reporter = { progress: () => {}, started: (child: Child) => void this.#children.push(child) }
    const home = await ensureKeycloak(java, reporter)
    const database = `${this.#prefix}_keycloak`
    await bootstrapDatabases(serverUrl, rolePasswords(secrets), { keycloak: database })
    if (this.#stopping) return
    const child = startKeycloak({
      home,
      java,
      url: server.url,
      managementPort,
      databaseUrl: connectionUrl(serverUrl, 'keycloak', secrets.databaseKeycloak, database),
      admin: { username: server.adminUsername, password: server.adminPassword },
      themes: join(root, 'themes'),
      log: server.log ?? '',
    })
    this.#children.push(child)
    await waitForKeycloak(server.url, { managementUrl: server.managementUrl, child })
  }

  async #startRequestTracker(): Promise<RequestTrackerServer> {
    const { url, prefix } = await this.postgres()
    const { hostname, port } = new URL(url)
    const name = `${prefix}_rt`
    const password = randomBytes(12).toString('hex')
    await createOwnedDatabase(url, name, password)
    const {
      start,
      log: _log,
      ...server
    } = await prepareInstance(join(this.#dir, 'request-tracker'), await findFreePort(), {
      kind: 'postgres',
      host: hostname,
      port: Number(port || 5432),
      user: name,
      password,
      name,
    })
    const child = await start()
    this.#children.push(child)
    if (this.#stopping) child.kill()
    return server
  }

  /** Ends what was started and removes every trace of the run. */
  async stop(): Promise<void> {
    if (this.#stopping) return
    this.#stopping = true
    const postgres = await this.#postgres?.catch(() => undefined)
    const keycloakFirst = this.#children.toReversed()
    for (const child of keycloakFirst) await child.stop(500) // the data goes away with it
    if (postgres && process.env['DATABASE_URL']) await dropDatabases(postgres)
    rmSync(this.#dir, { recursive: true, force: true })
  }
}

/** A role and a database of that name. RT's own queries are slower with just-in-time compilation than without. */
async function createOwnedDatabase(serverUrl: string, name: string, password: string): Promise<void> {
  const client = new pg.Client({ connectionString: serverUrl })
  await client.connect()
  await client.query(`CREATE ROLE ${name} LOGIN PASSWORD '${password}'`)
  await client.query(`CREATE DATABASE ${name} OWNER ${name} TEMPLATE template0 ENCODING 'UTF8'`)
  await client.query(`ALTER DATABASE ${name} SET jit = off`)
  await client.end()
}

async function dropDatabases(server: PostgresServer): Promise<void> {
  const client = new pg.Client({ connectionString: server.url })
  await client.connect()
  const { rows } = await client.query<{ name: string }>(
    `SELECT quote_ident(datname) AS name FROM pg_database WHERE starts_with(datname, $1)`,
    [`${server.prefix}_`],
  )
  for (const { name } of rows) await client.query(`DROP DATABASE IF EXISTS ${name} WITH (FORCE)`)
  await client.query(`DROP ROLE IF EXISTS ${server.prefix}_rt`)
  await client.end()
}

// Vitest loads its global set-up apart from test/run.ts, in the same process: both must find the same servers.
const place = globalThis as { elliproTestServers?: Servers }

export function sharedServers(): Servers {
  return (place.elliproTestServers ??= new Servers())
}

/** Stops the servers, when there are any. */
export async function stopSharedServers(): Promise<void> {
  await place.elliproTestServers?.stop()
  delete place.elliproTestServers
}
