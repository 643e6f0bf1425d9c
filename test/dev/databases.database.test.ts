/** What every other database test stands on: fresh databases with the roles of the design. */
import pg from 'pg'
import { describe, expect, test } from 'vitest'
import { createCofacering, createDatabase } from '../support/postgres.ts'

const one = await createDatabase()
const other = await createDatabase()
const cofacering = await createCofacering()

async function query(url: string, sql: string): Promise<Record<string, unknown>[]> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  try {
    return (await client.query<Record<string, unknown>>(sql)).rows
  } finally {
    await client.end()
  }
}

describe('a test database', () => {
  test.each([
    ['sync', 'ellipro_sync'],
    ['provider', 'ellipro_provider'],
  ] as const)('opens for %s under its own role', async (key, role) => {
    expect(await query(one[key], 'SELECT current_user AS role')).toEqual([{ role }])
  })

  test('is migrated and not shared with another file', async () => {
    expect(one.name).not.toBe(other.name)
    const [first, second] = await Promise.all(
      [one, other].map(({ sync }) => query(sync, 'SELECT count(*)::int AS applied FROM schema_migration')),
    )
    expect(first).toEqual(second)
    expect(first?.[0]?.['applied']).toBeGreaterThan(0)
  })

  test('of Cofacering lets provider read the sample, and write nothing', async () => {
    const [row] = await query(cofacering.reader, 'SELECT count(*)::int AS logins FROM directory_login')
    expect(row?.['logins']).toBeGreaterThan(250)
    await expect(query(cofacering.reader, 'CREATE TABLE mine (id int)')).rejects.toMatchObject({
      code: '42501',
    })
  })
})
