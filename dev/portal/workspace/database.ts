/**
 * The workspace's own database: its role and database on a server (as a database administrator makes them), the pool, and
 * the tables, which are made when the workspace first needs them. The portal starts and answers while it is away.
 */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import pg from 'pg'
import { inTransaction } from '../../../admin-sync/transaction.ts'
import { UpstreamError } from '../../../core/errors.ts'
import { isDatabaseTrouble } from '../../../core/database/trouble.ts'
import { createPool } from '../../../core/database/pool.ts'
import type { Log } from '../../../core/log.ts'

export const workspaceRole = 'ellipro_workspace'
const schema = readFileSync(join(import.meta.dirname, 'schema.sql'), 'utf8')

/**
 * Makes the role and a database of its own. Safe to run by several processes at once, and again.
 * @param serverUrl postgres:// URL of a role that may create roles and databases
 */
export async function bootstrapWorkspace(serverUrl: string, password: string, name: string): Promise<void> {
  const client = new pg.Client({ connectionString: serverUrl })
  await client.connect()
  try {
    // Held to the end of the connection: two that make the same would fail in the catalogue.
    await client.query(`SELECT pg_advisory_lock(hashtextextended('ellipro workspace', 0))`)
    const known = async (query: string, value: string) => (await client.query(query, [value])).rowCount !== 0
    const verb = (await known('SELECT FROM pg_roles WHERE rolname = $1', workspaceRole)) ? 'ALTER' : 'CREATE'
    await client.query(
      `${verb} ROLE ${workspaceRole} NOSUPERUSER NOCREATEDB NOCREATEROLE LOGIN PASSWORD ${client.escapeLiteral(password)}`,
    )
    const database = client.escapeIdentifier(name)
    if (!(await known('SELECT FROM pg_database WHERE datname = $1', name)))
      await client.query(
        `CREATE DATABASE ${database} OWNER ${workspaceRole} ENCODING 'UTF8' TEMPLATE template0`,
      )
    await client.query(`REVOKE ALL ON DATABASE ${database} FROM PUBLIC`)
  } finally {
    await client.end()
  }
}

export type WorkspaceDatabase = {
  /**
   * Runs one statement, or several in one transaction, on the tables.
   * @throws UpstreamError('database', retry) when it could not be asked; nothing was changed, or it is not known
   */
  query<Row extends pg.QueryResultRow>(text: string, values?: unknown[]): Promise<Row[]>
  transaction<T>(work: (client: pg.PoolClient) => Promise<T>): Promise<T>
  close(): Promise<void>
}

/** Asks the server nothing before it is needed. */
export function openWorkspaceDatabase(url: string, log: Log): WorkspaceDatabase {
  // A contract with 100,000 companies takes some seconds to be written.
  const pool = createPool(url, 'ellipro-workspace', log, { max: 10, statementSeconds: 60 })
  let made: Promise<void> | undefined

  async function prepare(): Promise<void> {
    made ??= makeTables(pool)
    try {
      await made
    } catch (error) {
      made = undefined // the next request tries again
      throw error
    }
  }
  async function guarded<T>(work: () => Promise<T>): Promise<T> {
    try {
      await prepare()
      return await work()
    } catch (error) {
      if (error instanceof UpstreamError || !isDatabaseTrouble(error)) throw error
      throw new UpstreamError('database', 0, 'retry', 'unreachable', { cause: error })
    }
  }
  return {
    query: (text, values) => guarded(async () => (await pool.query(text, values)).rows),
    transaction: (work) => guarded(() => inTransaction(pool, work)),
    close: () => pool.end(),
  }
}

const makeTables = (pool: pg.Pool) =>
  inTransaction(pool, async (client) => {
    await client.query(`SELECT pg_advisory_xact_lock(hashtextextended('workspace schema', 0))`)
    await client.query(schema)
    await client.query(`DELETE FROM workspace.idempotency_key WHERE used_at < now() - interval '30 days'`)
  })
