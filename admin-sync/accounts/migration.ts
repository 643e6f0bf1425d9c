/**
 * The migration as a whole, for the command line: the numbers and the list of logins that are left, from the same SQL
 * functions as provider's page (core/database/migrations/0010-migration-status.sql). Cofacering is not asked.
 */
import type pg from 'pg'
import type { LeftFilter, LeftLogin } from '../../core/left-list.ts'
import type { MigrationNumbers } from '../../core/migration.ts'

/** Logins that are looked at in one piece. */
const piece = 2000

export async function readMigration(pool: pg.Pool): Promise<MigrationNumbers> {
  const { rows } = await pool.query<{ numbers: MigrationNumbers }>(
    'SELECT ellipro.migration_numbers() AS numbers',
  )
  if (!rows[0]) throw new Error('unreachable: a function answers with one row')
  return rows[0].numbers
}

type LeftPage = { next: string | null; logins: LeftLogin[] }

/** In pieces, so that memory does not grow with the list; a piece may be empty. Personal data. */
export async function* readLeft(pool: pg.Pool, filter: LeftFilter): AsyncGenerator<LeftLogin[]> {
  for (let page: LeftPage = { next: '', logins: [] }; page.next !== null;) {
    page = await readPage(pool, page.next, filter)
    yield page.logins
  }
}

async function readPage(
  pool: pg.Pool,
  after: string,
  { states, quietYears, activeYears }: LeftFilter,
): Promise<LeftPage> {
  const { rows } = await pool.query<LeftPage>(
    'SELECT next, logins FROM ellipro.migration_left($1, $2, $3, $4, $5)',
    [after, piece, states, quietYears ?? null, activeYears ?? null],
  )
  if (!rows[0]) throw new Error('unreachable: a function answers with one row')
  return rows[0]
}
