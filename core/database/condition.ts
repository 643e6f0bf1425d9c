/**
 * The question of a health check: can this database serve us now? Asked over a connection of its own, which is kept, so
 * that a busy pool or a server without a free place does not look like a dead one; at most twice a second, however many
 * ask.
 */
import pg from 'pg'
import type { Log } from '../log.ts'
import { expectedVersion } from './migrate.ts'

/** What is missing: it does not answer, it lacks a migration of this release, or it takes no writes. */
export type DatabaseProblem = 'database' | 'database_version' | 'database_writable'

export type DatabaseCheck = {
  /** Never throws. `undefined`: nothing is missing. */
  ask(): Promise<DatabaseProblem | undefined>
  close(): Promise<void>
}

const timeoutMs = 2000
const keptMs = 500

/** Opens no connection before the first question. */
export function createDatabaseCheck(url: string, application: string, log: Log): DatabaseCheck {
  const pool = new pg.Pool({
    connectionString: url,
    max: 1,
    application_name: application,
    connectionTimeoutMillis: timeoutMs,
    query_timeout: timeoutMs,
    idleTimeoutMillis: 0,
    allowExitOnIdle: true,
    keepAlive: true,
  })
  pool.on('error', (err) => log.warn({ event: 'database.connection_lost', err }))
  let asked: { at: number; answer: Promise<DatabaseProblem | undefined> } | undefined
  return {
    ask() {
      if (!asked || performance.now() - asked.at > keptMs)
        asked = { at: performance.now(), answer: findProblem(pool) }
      return asked.answer
    },
    close: () => pool.end(),
  }
}

async function findProblem(pool: pg.Pool): Promise<DatabaseProblem | undefined> {
  try {
    // A standby, and a database or role that was set to read-only, say so in this setting.
    const { rows } = await pool.query<{ version: number | null; read_only: string }>(
      `SELECT max(version) AS version, current_setting('transaction_read_only') AS read_only
         FROM public.schema_migration`,
    )
    const { version = 0, read_only = 'off' } = rows[0] ?? {}
    if ((version ?? 0) < expectedVersion) return 'database_version'
    return read_only === 'on' ? 'database_writable' : undefined
  } catch (error) {
    // No such table: nothing was migrated yet.
    return error instanceof Error && 'code' in error && error.code === '42P01'
      ? 'database_version'
      : 'database'
  }
}
