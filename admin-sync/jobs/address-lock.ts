/**
 * One job at a time on an address, over all replicas: an advisory lock of a connection that does nothing else while
 * the job runs. When that connection is lost PostgreSQL gives the lock to the next one, so the job must not go on:
 * the lock says so, and the job asks between its steps.
 */
import pg from 'pg'
import { UpstreamError } from '../../core/errors.ts'
import type { Log } from '../../core/log.ts'

/** Throws UpstreamError `retry` when the lock is lost. */
export type AssertHeld = () => void
export type AddressLocks = {
  /** @throws UpstreamError `retry` with code `address_busy` after half a minute of waiting */
  hold<T>(addressKey: string, work: (assertHeld: AssertHeld) => Promise<T>): Promise<T>
  close(): Promise<void>
}

/** @param max holders at once in this process; more wait for a connection. */
export function createAddressLocks(url: string, log: Log, max: number): AddressLocks {
  const pool = new pg.Pool({
    connectionString: url,
    application_name: 'ellipro-admin-sync-locks',
    max,
    lock_timeout: 30_000,
    connectionTimeoutMillis: 40_000,
    // Above the wait for a lock; a server that does not answer any more must not keep a worker for ever.
    query_timeout: 35_000,
    idleTimeoutMillis: 30_000,
    keepAlive: true,
  })
  pool.on('error', (err) => log.warn({ event: 'database.connection_lost', err }))

  return {
    async hold(addressKey, work) {
      const client = await pool.connect()
      let broken: Error | undefined
      const lose = (error: Error) => {
        broken = error
      }
      client.on('error', lose)
      try {
        await lock(client, addressKey)
        return await work(() => {
          if (broken) throw new UpstreamError('database', 0, 'retry', 'lock_lost', { cause: broken })
        })
      } finally {
        await client
          .query(`SELECT pg_advisory_unlock(hashtextextended('address:' || $1, 0))`, [addressKey])
          .catch(lose)
        client.off('error', lose)
        // A connection that could not give the lock back is closed: that gives it back.
        client.release(broken)
      }
    },
    close: () => pool.end(),
  }
}

async function lock(client: pg.PoolClient, addressKey: string): Promise<void> {
  try {
    await client.query(`SELECT pg_advisory_lock(hashtextextended('address:' || $1, 0))`, [addressKey])
  } catch (error) {
    if ((error as { code?: string }).code === '55P03')
      throw new UpstreamError('database', 0, 'retry', 'address_busy', { cause: error })
    throw error
  }
}
