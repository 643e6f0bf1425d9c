/** Fresh databases for a test file, copied from templates in a few milliseconds and dropped when the file is done. */
import pg from 'pg'
import { afterAll, inject } from 'vitest'
import { bootstrapDatabases, connectionUrl } from '../../admin-sync/database/bootstrap.ts'
import { loadCofacering } from '../../dev/cofacering/load.ts'
import { rolePasswords } from '../../dev/secrets.ts'
import type { PostgresServer } from './servers.ts'

/** A connection URL for each role of the database `ellipro`. */
export type TestDatabase = { name: string; superuser: string; sync: string; provider: string }
/** The sample Cofacering: a URL of its owner, and of the role that provider uses. */
export type TestCofacering = { name: string; superuser: string; reader: string }

let count = 0

function asSuperuser(server: PostgresServer, database: string): string {
  const url = new URL(server.url)
  url.pathname = `/${database}`
  return url.href
}

/** Runs `work` with a superuser's connection to the database `postgres`. */
async function withSuperuser<T>(server: PostgresServer, work: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client({ connectionString: server.url })
  await client.connect()
  try {
    return await work(client)
  } finally {
    await client.end()
  }
}

/** A name for one more database of this run. */
export function nextDatabaseName({ prefix }: PostgresServer): string {
  return `${prefix}_${process.pid}_${process.env['VITEST_WORKER_ID'] ?? '0'}_${++count}`
}

/** @param owner default: the superuser */
async function copyDatabase(server: PostgresServer, template: string, owner?: string): Promise<string> {
  const name = nextDatabaseName(server)
  const options = `TEMPLATE ${template}${owner === undefined ? '' : ` OWNER ${owner}`}`
  await withSuperuser(server, (client) => client.query(`CREATE DATABASE ${name} ${options}`))
  dropDatabaseAfterFile(server, name)
  return name
}

/** A server of the file's own goes away with all its data, and may be dead by then. */
export function dropDatabaseAfterFile(server: PostgresServer, name: string): void {
  if (server.url === inject('postgres').url)
    afterAll(() => withSuperuser(server, (client) => dropDatabase(client, name)))
}

/** The server learns of a closed pool a moment after the test: a connection that it ended first would be an error there. */
async function dropDatabase(client: pg.Client, name: string): Promise<void> {
  const isUsed = async () =>
    (await client.query('SELECT FROM pg_stat_activity WHERE datname = $1', [name])).rowCount !== 0
  for (const end = Date.now() + 2000; Date.now() < end && (await isUsed());)
    await new Promise((done) => setTimeout(done, 50))
  await client.query(`DROP DATABASE IF EXISTS ${name} WITH (FORCE)`)
}

/**
 * A migrated database without data. Call it at the top of the test file (`const database = await createDatabase()`), or
 * once more wherever another one is wanted there: it is dropped after the file's last test.
 * @param server default: the one that the run shares
 */
export async function createDatabase(server: PostgresServer = inject('postgres')): Promise<TestDatabase> {
  const { url, secrets, template } = server
  const name = await copyDatabase(server, template, 'ellipro_owner')
  // Rights on a database itself are not part of its copy.
  await bootstrapDatabases(url, rolePasswords(secrets), { ellipro: name })
  return {
    name,
    superuser: asSuperuser(server, name),
    sync: connectionUrl(url, 'ellipro_sync', secrets.databaseSync, name),
    provider: connectionUrl(url, 'ellipro_provider', secrets.databaseProvider, name),
  }
}

/** The sample customers in a database of their own: generated once a run, copied for each file. */
export async function createCofacering(server: PostgresServer = inject('postgres')): Promise<TestCofacering> {
  const { url, secrets, prefix } = server
  const template = `${prefix}_cofacering`
  await withSuperuser(server, async (client) => {
    await client.query(`SELECT pg_advisory_lock(hashtextextended('cofacering template', 0))`)
    const found = await client.query('SELECT FROM pg_database WHERE datname = $1', [template])
    if (found.rowCount === 0) {
      const half = `${template}_new`
      await bootstrapDatabases(url, rolePasswords(secrets), { cofacering: half })
      await loadCofacering(asSuperuser(server, half))
      await client.query(`ALTER DATABASE ${half} RENAME TO ${template}`)
    }
  })
  const name = await copyDatabase(server, template)
  await bootstrapDatabases(url, rolePasswords(secrets), { cofacering: name })
  return {
    name,
    superuser: asSuperuser(server, name),
    reader: connectionUrl(url, 'cofacering_reader', secrets.databaseCofaceringReader, name),
  }
}
