/**
 * What the pages of the migration may ask of the database: functions of core/database/migrations/0010-migration-status.sql
 * that take the hash of a session's cookie, and give nothing to a session that admin-sync has not granted to a lead.
 */
import type pg from 'pg'
import type { LeftFilter, LeftLogin } from '../../../core/left-list.ts'
import type { MigrationNumbers } from '../../../core/migration.ts'

/** `next`: where the next piece begins; `undefined` when this was the last one. */
type LeftPage = { next: string | undefined; logins: LeftLogin[] }

export type MigrationStore = {
  /** `undefined` without a lead's session, as for all that follows. */
  numbers(cookieHash: Buffer): Promise<MigrationNumbers | undefined>
  /** Puts the download on record, which no line leaves before; false without a lead's session. @param id of a new one */
  beginDownload(cookieHash: Buffer, id: string, filter: LeftFilter): Promise<boolean>
  /** @param after '' for the first piece; `limit` logins are looked at, of which those of the filter are given */
  leftPage(cookieHash: Buffer, id: string, after: string, limit: number): Promise<LeftPage | undefined>
}

/**
 * @param pool connections of the role `ellipro_provider`
 * @throws the errors of `pg`
 */
export function createMigrationStore(pool: pg.Pool): MigrationStore {
  return {
    async numbers(cookieHash) {
      const { rows } = await pool.query<{ numbers: MigrationNumbers | null }>(
        'SELECT ellipro.staff_migration($1) AS numbers',
        [cookieHash],
      )
      return rows[0]?.numbers ?? undefined
    },
    async beginDownload(cookieHash, id, { states, quietYears, activeYears }) {
      const { rows } = await pool.query<{ begun: boolean }>(
        'SELECT ellipro.begin_left_download($1, $2, $3, $4, $5) AS begun',
        [cookieHash, id, states, quietYears ?? null, activeYears ?? null],
      )
      return rows[0]?.begun === true
    },
    async leftPage(cookieHash, id, after, limit) {
      const { rows } = await pool.query<{ next: string | null; logins: LeftLogin[] }>(
        'SELECT next, logins FROM ellipro.left_page($1, $2, $3, $4)',
        [cookieHash, id, after, limit],
      )
      const [page] = rows
      return page && { next: page.next ?? undefined, logins: page.logins }
    },
  }
}
