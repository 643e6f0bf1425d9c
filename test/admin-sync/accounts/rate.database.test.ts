/** The alarm that is raised when activations come near their hourly cap, whatever provider says of it. */
import pg from 'pg'
import { afterAll, expect, test } from 'vitest'
import { checkRate, readRate } from '../../../admin-sync/accounts/rate.ts'
import { createLog } from '../../../core/log.ts'
import { createDatabase } from '../../support/postgres.ts'

const database = await createDatabase()
const owner = new pg.Pool({ connectionString: database.superuser, max: 1 })
const pool = new pg.Pool({ connectionString: database.sync, max: 1 })
afterAll(() => Promise.all([owner.end(), pool.end()]))

async function check(): Promise<Record<string, unknown>[]> {
  const lines: string[] = []
  await checkRate(pool, createLog('test', 'info', { write: (line) => void lines.push(line) }))
  return lines.map((line) => JSON.parse(line) as Record<string, unknown>)
}

const start = (count: number, age: string) =>
  owner.query(
    `INSERT INTO ellipro.activation
       (account, login, company, contract, address, locale, created_at, expires_at)
     SELECT 'a' || i || $2::text, 'login', 'company', 'contract', 'p' || i || '@example.fr', 'fr', now() - $2::text::interval, now() + interval '1 day'
       FROM generate_series(1, $1::int) i`,
    [count, age],
  )

test('the alarm is raised from four fifths of the hourly cap on, and counts the last hour only', async () => {
  await owner.query(`UPDATE ellipro.setting SET value = 10 WHERE name = 'activations_per_hour'`)
  await start(20, '61 minutes')
  await start(7, '30 minutes')
  expect(await readRate(pool)).toEqual({ startedLastHour: 7, hourlyCap: 10 })
  expect(await check()).toEqual([])
  await start(1, '1 minute')
  expect(await check()).toMatchObject([
    { level: 'error', event: 'activations.near_cap', started_last_hour: 8, hourly_cap: 10 },
  ])
})
