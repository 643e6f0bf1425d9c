/**
 * Numbered SQL migrations, applied by admin-sync as ellipro_owner. A file that was applied may never change: its
 * SHA-256 is kept and compared. Several processes may start at once; one migrates, the others wait and find
 * nothing to do. provider applies nothing: it waits for the version that it needs.
 */
import { createHash } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import { isDatabaseTrouble } from './trouble.ts'

export type Migration = { version: number; name: string; sql: string; sha256: string }

/** The migrations of this release, in order. */
function readMigrations(): Migration[] {
  const folder = new URL('migrations/', import.meta.url)
  return readdirSync(folder)
    .filter((file) => file.endsWith('.sql'))
    .toSorted()
    .map((file) => {
      const sql = readFileSync(new URL(file, folder), 'utf8')
      const version = Number(file.slice(0, 4))
      return { version, name: file, sql, sha256: createHash('sha256').update(sql).digest('hex') }
    })
}

/** The version that this release needs. */
export const expectedVersion = Math.max(...readMigrations().map(({ version }) => version))

/**
 * Applies what is missing, each file in a transaction of its own.
 * @param url connection as ellipro_sync, a member of ellipro_owner
 * @returns the names applied, in order; empty when there was nothing to do
 * @throws Error when an applied file has changed or the database is newer than this release
 */
export async function migrate(url: string): Promise<string[]> {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 10_000 })
  await client.connect()
  try {
    await client.query(`SELECT pg_advisory_lock(hashtextextended('ellipro migrations', 0))`)
    await client.query('SET ROLE ellipro_owner')
    await client.query(`CREATE TABLE IF NOT EXISTS public.schema_migration (
      version integer PRIMARY KEY, name text NOT NULL, sha256 text NOT NULL, applied_at timestamptz NOT NULL DEFAULT now())`)
    await client.query('GRANT SELECT ON public.schema_migration TO ellipro_sync, ellipro_provider')
    const { rows } = await client.query<{ version: number; name: string; sha256: string }>(
      'SELECT version, name, sha256 FROM public.schema_migration ORDER BY version',
    )
    const known = readMigrations()
    for (const applied of rows) {
      const ours = known.find(({ version }) => version === applied.version)
      if (!ours)
        throw new Error(`The database has migration ${applied.name}, which this release does not know.`)
      if (ours.sha256 !== applied.sha256)
        throw new Error(`Migration ${applied.name} was changed after it was applied.`)
    }
    const missing = known.filter(({ version }) => !rows.some((row) => row.version === version))
    for (const { version, name, sql, sha256 } of missing) {
      await client.query('BEGIN')
      await client.query(sql)
      await client.query('INSERT INTO public.schema_migration (version, name, sha256) VALUES ($1, $2, $3)', [
        version,
        name,
        sha256,
      ])
      await client.query('COMMIT')
    }
    return missing.map(({ name }) => name)
  } finally {
    await client.end()
  }
}

/**
 * Waits until the database has the version this release needs.
 * @throws Error when it is not there after `timeoutSeconds`
 */
export async function waitForVersion(pool: pg.Pool, timeoutSeconds = 60): Promise<void> {
  for (const end = Date.now() + timeoutSeconds * 1000; ;) {
    const version = await readVersion(pool)
    if (version !== undefined && version >= expectedVersion) return
    if (Date.now() > end)
      throw new Error(
        `The database has version ${version ?? 'none'}, version ${expectedVersion} is needed: run \`admin-sync migrate\`.`,
      )
    await sleep(250)
  }
}

/** The database's version; `undefined` when nothing was migrated yet or the server does not answer yet. */
async function readVersion(pool: pg.Pool): Promise<number | undefined> {
  try {
    const { rows } = await pool.query<{ version: number | null }>(
      'SELECT max(version) AS version FROM public.schema_migration',
    )
    return rows[0]?.version ?? undefined
  } catch (error) {
    // 42P01: no such table yet.
    if ((error as { code?: string }).code === '42P01' || isDatabaseTrouble(error)) return undefined
    throw error
  }
}
