/** The SQL statements of following Cofacering: how far its changes are read (ellipro.contract_cursor). */
import type pg from 'pg'
import type { LiveSource } from './source/port.ts'

const name = 'sql'

/** `undefined`: nothing was followed yet. */
export async function readCursor(pool: pg.Pool): Promise<string | undefined> {
  const { rows } = await pool.query<{ cursor: string }>(
    'SELECT cursor FROM ellipro.contract_cursor WHERE source = $1',
    [name],
  )
  return rows[0]?.cursor
}

/** From now on changes count, unless they do already. */
export async function startCursor(pool: pg.Pool, source: LiveSource): Promise<void> {
  if ((await readCursor(pool)) !== undefined) return
  const { cursor } = await source.findChanged(undefined)
  await pool.query(
    'INSERT INTO ellipro.contract_cursor (source, cursor) VALUES ($1, $2) ON CONFLICT DO NOTHING',
    [name, cursor],
  )
}

/** @returns false: somebody else has moved it meanwhile, and it stays where that one put it */
export async function moveCursor(pool: pg.Pool, from: string, to: string): Promise<boolean> {
  const { rowCount } = await pool.query(
    'UPDATE ellipro.contract_cursor SET cursor = $3, read_at = now() WHERE source = $1 AND cursor = $2',
    [name, from, to],
  )
  return rowCount === 1
}
