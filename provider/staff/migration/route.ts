/**
 * The migration as a whole, for whoever has the role `migration-lead`. Everything is read from PostgreSQL; Cofacering is
 * not asked.
 *
 *   GET  /staff/migration?range=   numbers and curve; range: 31, 92 (default) or 366 days
 *   POST /staff/migration/left     the list of logins that are left, as CSV (core/left-list.ts): state (as often as
 *                                  wanted) and seen, of filter.ts. A form, so that no foreign page takes it; each one
 *                                  stands in the audit list before its first line leaves, and in the log
 *
 * The list is read and sent in pieces, at the pace of whoever takes it, without holding a connection. When it breaks off,
 * for whatever reason, so does the answer: half a list never looks like a whole one.
 */
import { randomUUID } from 'node:crypto'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import type { Log } from '../../../core/log.ts'
import { renderLeftHeader, renderLeftLine } from '../../../core/left-list.ts'
import type { Language } from '../../../core/text.ts'
import { contextOf } from '../../web/context.ts'
import { signInPath } from '../paths.ts'
import type { AgentHandler } from '../session.ts'
import { readFilter, readRange } from './filter.ts'
import type { MigrationStore } from './store.ts'
import { renderMigration } from './view.ts'

const piece = 2000

type MigrationParts = { store: MigrationStore; log: Log; now: () => number }

export function migrationRoutes({
  store,
  log,
  now,
}: MigrationParts): Record<'show' | 'download', AgentHandler> {
  return {
    async show(lead, req, res) {
      const numbers = await store.numbers(lead.cookieHash)
      // It ended a moment ago.
      if (!numbers) return res.redirect(303, signInPath('/staff/migration'))
      await renderMigration(res, lead, { numbers, range: readRange(req.query['range']), now: now() })
    },

    async download(lead, req, res) {
      const { language, ids } = contextOf(res)
      const id = randomUUID()
      const begun = await store.beginDownload(lead.cookieHash, id, readFilter(req.body))
      const first = begun ? await store.leftPage(lead.cookieHash, id, '', piece) : undefined
      if (!first) return res.redirect(303, signInPath('/staff/migration'))
      const list = { lines: 0 }
      const startedAt = performance.now()
      const tell = () => ({
        ...ids,
        download_id: id,
        lines: list.lines,
        duration_ms: Math.round(performance.now() - startedAt),
      })
      res.attachment(fileName(language, new Date(now())))
      res.type('text/csv; charset=utf-8')
      try {
        await pipeline(Readable.from(read(lead.cookieHash, id, language, first, list)), res)
        log.info({ event: 'migration.left_downloaded', ...tell() })
      } catch (error) {
        log.warn({ event: 'migration.left_broken_off', ...tell(), err: error })
      }
    },
  }

  async function* read(
    cookieHash: Buffer,
    id: string,
    language: Language,
    first: NonNullable<Awaited<ReturnType<MigrationStore['leftPage']>>>,
    list: { lines: number },
  ): AsyncGenerator<string> {
    yield renderLeftHeader(language)
    for (let page = first; ;) {
      list.lines += page.logins.length
      if (page.logins.length > 0) yield page.logins.map((login) => renderLeftLine(language, login)).join('')
      if (page.next === undefined) return
      const found = await store.leftPage(cookieHash, id, page.next, piece)
      if (!found) throw new Error('the session ended')
      page = found
    }
  }
}

/** "identifiants-restants-2026-11-24.csv" */
const fileName = (language: Language, at: Date): string =>
  `${language === 'fr' ? 'identifiants-restants' : 'logins-left'}-${new Intl.DateTimeFormat('sv-SE', {
    timeZone: 'Europe/Paris',
  }).format(at)}.csv`
