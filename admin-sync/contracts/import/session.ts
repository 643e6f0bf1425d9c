/**
 * The connection that an import works on: one for all of it, so that its lock, its temporary tables and its transactions
 * end together when it is lost. The limits of time that pools set are for pages and jobs; those of a session that was
 * lent come back with its end.
 */
import type pg from 'pg'

/** Longer than any statement of an import; of a server that answers no more TCP tells. */
export const queryMilliseconds = 12 * 3600_000

export type Session = {
  client: pg.PoolClient
  /** One statement or, without values, several. */
  run: <Row extends pg.QueryResultRow>(sql: string, values?: unknown[]) => Promise<pg.QueryResult<Row>>
  /** In one transaction; rolled back when `work` throws. */
  transact: <T>(work: () => Promise<T>) => Promise<T>
}

/** @param work gets the only connection that the import may use: the pool may have no other */
export async function withSession<T>(pool: pg.Pool, work: (session: Session) => Promise<T>): Promise<T> {
  const client = await pool.connect()
  let lost: Error | undefined
  const lose = (error: Error) => {
    lost = error
  }
  client.on('error', lose)
  const run = <Row extends pg.QueryResultRow>(text: string, values?: unknown[]) =>
    // The driver's own limit of the pool, which it knows for each query though its types do not say so.
    client.query<Row>({ text, values, query_timeout: queryMilliseconds } as pg.QueryConfig)
  const session: Session = {
    client,
    run,
    async transact(inside) {
      await run('BEGIN')
      try {
        const result = await inside()
        await run('COMMIT')
        return result
      } catch (error) {
        await run('ROLLBACK').catch(lose)
        throw error
      }
    },
  }
  let failed = true
  try {
    await run(`SET statement_timeout = 0; SET work_mem = '64MB'; SET maintenance_work_mem = '256MB'`)
    const result = await work(session)
    await run('RESET ALL')
    failed = false
    return result
  } finally {
    client.off('error', lose)
    // After a failure the connection is closed: lock and temporary tables go with it.
    client.release(failed || lost !== undefined)
  }
}
