/**
 * Health for load balancers: `live` says that the process answers, `ready` that it can serve: the database has the
 * version it needs. Keycloak and the legacy directory are not asked: without them pages still say what to do.
 */
import type { RequestHandler } from 'express'
import type pg from 'pg'
import { expectedVersion } from '../core/database/migrate.ts'

export function health({ pool }: { pool: pg.Pool }): { live: RequestHandler; ready: RequestHandler } {
  return {
    live: (_req, res) => {
      res.json({ status: 'live' })
    },
    ready: async (_req, res) => {
      const ready = await hasVersion(pool)
      res.status(ready ? 200 : 503).json({ status: ready ? 'ready' : 'database' })
    },
  }
}

async function hasVersion(pool: pg.Pool): Promise<boolean> {
  try {
    const { rows } = await pool.query<{ version: number | null }>(
      'SELECT max(version) AS version FROM public.schema_migration',
    )
    return (rows[0]?.version ?? 0) >= expectedVersion
  } catch {
    return false
  }
}
