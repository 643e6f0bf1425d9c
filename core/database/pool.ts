/**
 * A pool of connections that is bounded in every way: connections, the time that a caller waits for one, the number of
 * those who wait, and the time of a statement, whether the server still answers or not. Whoever comes when all places
 * are taken is told so at once: a queue without an end only makes everybody late.
 */
import pg from 'pg'
import { UpstreamError } from '../errors.ts'
import type { Log } from '../log.ts'

type Callback = (
  err: Error | undefined,
  client: pg.PoolClient | undefined,
  done: (release?: unknown) => void,
) => void

/** pg's own pool lets any number of callers wait. */
export class BoundedPool extends pg.Pool {
  readonly #service: string
  readonly #maxWaiting: number

  /**
   * @param service named by the error of whoever finds no place
   * @param maxWaiting callers that may wait for a connection; the next one gets UpstreamError `retry`, code `busy`
   */
  constructor(options: pg.PoolConfig, service: string, maxWaiting: number) {
    super(options)
    this.#service = service
    this.#maxWaiting = maxWaiting
  }

  override connect(): Promise<pg.PoolClient>
  override connect(callback: Callback): void
  override connect(callback?: Callback): Promise<pg.PoolClient> | void {
    if (this.waitingCount < this.#maxWaiting) return callback ? super.connect(callback) : super.connect()
    const error = new UpstreamError(this.#service, 0, 'retry', 'busy')
    if (!callback) return Promise.reject(error)
    callback(error, undefined, () => {})
  }
}

/**
 * @param o.max connections at most; a caller waits for one at most `connectSeconds`
 * @param o.maxWaiting callers that wait at most; default 10 for each connection
 * @param application shown in pg_stat_activity
 */
export function createPool(
  url: string,
  application: string,
  log: Log,
  o: { max?: number; maxWaiting?: number; connectSeconds?: number; statementSeconds?: number } = {},
): pg.Pool {
  const { max = 10, connectSeconds = 5, statementSeconds = 15 } = o
  const options = {
    connectionString: url,
    max,
    application_name: application,
    connectionTimeoutMillis: connectSeconds * 1000,
    idleTimeoutMillis: 30_000,
    statement_timeout: statementSeconds * 1000,
    // The server ends a slow statement itself; this one is for a server that does not answer any more.
    query_timeout: (statementSeconds + 2) * 1000,
    keepAlive: true,
  }
  const pool = new BoundedPool(options, 'database', o.maxWaiting ?? 10 * max)
  // An idle connection that the server closes is replaced at the next use; without a listener it ends the process.
  pool.on('error', (err) => log.warn({ event: 'database.connection_lost', err }))
  // The same for one that is in use, between two statements of a transaction: the next statement says that it is gone.
  pool.on('connect', (client) => client.on('error', () => {}))
  return pool
}
