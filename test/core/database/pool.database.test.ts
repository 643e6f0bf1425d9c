/** What becomes of a connection that ends while somebody has it: PostgreSQL was restarted, killed, or said so. */
import pg from 'pg'
import { afterAll, expect, it } from 'vitest'
import { createPool } from '../../../core/database/pool.ts'
import { createLog } from '../../../core/log.ts'
import { createDatabase } from '../../support/postgres.ts'

const database = await createDatabase()
const pool = createPool(database.sync, 'test-pool', createLog('test', 'silent'))
const operator = new pg.Client({ connectionString: database.superuser })
await operator.connect()
afterAll(() => Promise.all([operator.end(), pool.end()]))

// Without the listener the `error` event of the connection ends the process: vitest reports it as unhandled.
it('that ends between two statements of a transaction fails the next statement, and not the process', async () => {
  const client = await pool.connect()
  await client.query('BEGIN')
  const { rows } = await client.query<{ pid: number }>('SELECT pg_backend_pid() AS pid')
  const ended = new Promise<void>((done) => client.once('end', () => done()))
  await operator.query('SELECT pg_terminate_backend($1)', [rows[0]?.pid])
  await ended
  const next = await client.query('COMMIT').catch((error: unknown) => error)
  client.release(true)
  expect(next).toBeInstanceOf(Error)
  expect((await pool.query('SELECT 1 AS one')).rows).toEqual([{ one: 1 }])
})
