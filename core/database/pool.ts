/** A bounded pool of connections whose statements cannot hang for ever. */
import pg from 'pg'
import type { Log } from '../log.ts'

/**
 * @param max connections at most; a caller waits for one at most `connectSeconds`
 * @param application shown in pg_stat_activity
 */
export function createPool(
  url: string,
  application: string,
  log: Log,
  { max = 10, connectSeconds = 5, statementSeconds = 15 } = {},
): pg.Pool {
  const pool = new pg.Pool({
    connectionString: url,
    max,
    application_name: application,
    connectionTimeoutMillis: connectSeconds * 1000,
    idleTimeoutMillis: 30_000,
    statement_timeout: statementSeconds * 1000,
    keepAlive: true,
  })
  // An idle connection that the server closes is replaced at the next use; without a listener it ends the process.
  pool.on('error', (err) => log.warn({ event: 'database.connection_lost', err }))
  return pool
}
