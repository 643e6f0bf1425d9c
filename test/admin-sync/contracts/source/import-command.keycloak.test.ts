/** `admin-sync import` without a folder: from the database of Cofacering, as an operator runs it. */
import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'
import { afterAll, describe, expect, test } from 'vitest'
import { createCofacering, createDatabase } from '../../../support/postgres.ts'

const root = join(import.meta.dirname, '..', '..', '..', '..')
const [database, cofacering] = await Promise.all([createDatabase(), createCofacering()])
const pool = new pg.Pool({ connectionString: database.sync, max: 2 })
const folder = mkdtempSync(join(tmpdir(), 'import-command-'))
afterAll(async () => {
  rmSync(folder, { recursive: true })
  await pool.end()
})

const environment = { ADMIN_SYNC_DATABASE_URL: database.sync, LEGACY_DATABASE_URL: cofacering.reader }
const run = (words: string[], more: Record<string, string> = {}) =>
  new Promise<{ code: number; out: string; err: string }>((done) => {
    execFile(
      process.execPath,
      [join(root, 'admin-sync/cli.ts'), 'import', ...words],
      { env: { PATH: process.env['PATH'], LANG: 'en_GB.UTF-8', ...environment, ...more }, maxBuffer: 1e7 },
      (error, out, err) => done({ code: error ? Number(error.code) : 0, out, err }),
    )
  })
const count = async (table: string) =>
  Number((await pool.query<{ n: string }>(`SELECT count(*) AS n FROM ellipro.${table}`)).rows[0]?.n)

describe('admin-sync import, without a folder', () => {
  test('writes nothing when it is a rehearsal, then everything, and then finds all of it unchanged', async () => {
    expect(await run(['--dry-run'])).toMatchObject({ code: 0, err: '' })
    expect([await count('legacy_contract'), await count('contract_cursor')]).toEqual([0, 0])
    const first = await run(['--json'])
    expect(first).toMatchObject({ code: 0, err: '' })
    expect(JSON.parse(first.out)).toMatchObject({
      source: 'sql',
      errors: 0,
      counts: { contracts: { read: 300, stored: 300 } },
    })
    const again = await run(['--json'])
    expect(JSON.parse(again.out)).toMatchObject({ counts: { contracts: { stored: 0, unchanged: 300 } } })
    // From here on changes are followed.
    expect(await count('contract_cursor')).toBe(1)
  })

  test('says all that is wrong with the queries, and with whom it could not speak', async () => {
    const file = join(folder, 'queries.json')
    const none = { countries: null, portfolio: null, monitoring: null, logins: null, messages: null }
    const queries = {
      ...none,
      contracts: 'SELECT contract, company FROM transfer_contracts WHERE :contracts IS NULL',
      prices: 'SELECT * FROM prix WHERE :contracts IS NULL',
      attachments: null,
    }
    writeFileSync(file, JSON.stringify({ queries, changes: null }))
    const wrong = await run(['--dry-run'], { LEGACY_QUERIES_FILE: file })
    expect(wrong.code).toBe(2)
    expect(wrong.err).toContain(
      'The query of contracts gives no column country; it gives contract, company\n',
    )
    expect(wrong.err).toMatch(/The query of prices fails: relation "prix" does not exist \(SQLSTATE 42P01/)

    writeFileSync(file, JSON.stringify({ queries, changes: 'SELECT 1' }))
    const refused = await run([], { LEGACY_QUERIES_FILE: file })
    expect(refused).toMatchObject({ code: 2, out: '' })
    expect(refused.err).toContain('LEGACY_QUERIES_FILE: changes: holds no :since')

    const away = await run([], { LEGACY_DATABASE_URL: 'postgres://x:y@127.0.0.1:1/z' })
    expect(away.code).toBe(3)
    expect(away.err).toContain('legacy could not do it: ECONNREFUSED')
  })

  test('is done once when several begin at the same time', async () => {
    for (const table of ['legacy_contract', 'portfolio_line', 'monitoring'])
      await pool.query(`DELETE FROM ellipro.${table}`)
    const sides = await Promise.all(Array.from({ length: 4 }, () => run(['--json'])))
    const done = sides.filter(({ code }) => code === 0)
    expect(done.length).toBeGreaterThan(0)
    const busy = sides.filter(({ code }) => code !== 0)
    expect(busy.filter(({ code, err }) => code !== 3 || !err.includes('Another import is at work'))).toEqual(
      [],
    )
    expect([await count('legacy_contract'), await count('portfolio_line')]).toEqual([
      300,
      JSON.parse(done[0]!.out).counts.portfolio.read,
    ])
  })
})
