/** `find` on the database: the desk types a login or an address as the caller spells it. */
import pg from 'pg'
import { afterAll, expect, test } from 'vitest'
import { findActivations } from '../../../admin-sync/accounts/report.ts'
import { createDatabase } from '../../support/postgres.ts'

const database = await createDatabase()
const pool = new pg.Pool({ connectionString: database.sync, max: 1 })
// The database is dropped right after, perhaps before the server has seen the connection close.
pool.on('connect', (client) => client.on('error', () => undefined))
afterAll(() => pool.end())

test('capitals make no difference, accented ones included, in a login or an address', async () => {
  await pool.query(
    `INSERT INTO ellipro.activation (account, login, company, contract, address, locale, expires_at)
     VALUES ('a', 'Élise.Müller', 'Société A', 'CF-1', 'Élise@Exämple.fr', 'fr', now())`,
  )
  for (const typed of [
    'Élise.Müller',
    'éLISE.MÜLLER',
    ' élise.müller ',
    'ÉLISE@EXÄMPLE.FR',
    'élise@exämple.fr',
  ])
    expect([typed, (await findActivations(pool, typed)).length]).toEqual([typed, 1])
  expect(await findActivations(pool, 'elise.muller')).toEqual([])
})

const start = (login: string, correlationId: string) =>
  pool.query(
    `INSERT INTO ellipro.activation (account, login, company, contract, address, locale, expires_at, request_id)
     VALUES ($1, $1, 'Company', 'CF-1', $1 || '@example.fr', 'fr', now(), $2)`,
    [login, correlationId],
  )

test('the reference of an error page, as it is read out, finds the activations of its path and no other', async () => {
  await start('first', '48291507-3361-4abc-9def-0123456789ab')
  await start('second', '48291507-3362-4abc-9def-0123456789ab')
  for (const told of [
    '4829 1507 3361',
    '482915073361',
    ' 4829-1507-3361',
    '48291507-3361-4ABC-9def-0123456789ab',
  ])
    expect([told, (await findActivations(pool, told)).map(({ login }) => login)]).toEqual([told, ['first']])
  for (const other of ['4829 1507 336', '%', '48291507-____-%', '482915073361%'])
    expect([other, await findActivations(pool, other)]).toEqual([other, []])
})
