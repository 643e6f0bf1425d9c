/** The command `import [folder]`: contracts from an export in files or, without a folder, from the database of Cofacering. */
import { Option, type Command } from 'commander'
import { readConfig } from '../../core/config.ts'
import { importConfig } from '../config.ts'
import { importSnapshot, type ImportOptions, type ImportReport } from '../contracts/import/import.ts'
import { printImportReport, printProgress } from '../contracts/import/print.ts'
import { importLive } from '../contracts/live-import.ts'
import { openExport } from '../contracts/source/files.ts'
import { readLegacyQueries } from '../contracts/source/queries.ts'
import { createSqlSource } from '../contracts/source/sql.ts'
import { add, readLanguage, withPool, type Environment } from './command.ts'

export function addImport(program: Command, env: Environment): void {
  add(
    program,
    'import [folder]',
    'contracts from an export in a folder, or from the database of Cofacering; 1 when lines were set aside; personal data',
    async (folder, options) => {
      const report = await runImport(env, folder, options.dryRun === true)
      return {
        value: report,
        text: printImportReport(report, readLanguage(env)),
        exitCode: report.errors > 0 ? 1 : 0,
      }
    },
    [new Option('--dry-run', 'read and check everything, and write nothing')],
  )
}

async function runImport(
  env: Environment,
  folder: string | undefined,
  dryRun: boolean,
): Promise<ImportReport> {
  const stopping = new AbortController()
  const stop = () =>
    stopping.abort(new Error('Stopped. The same command goes on with what was read and written.'))
  process.once('SIGINT', stop).once('SIGTERM', stop)
  const progress = showProgress(env)
  const options: ImportOptions = { dryRun, signal: stopping.signal, ...progress }
  try {
    return await withPool(
      env,
      async (pool) => {
        if (folder !== undefined) return importSnapshot(pool, await openExport(folder), options)
        const config = readConfig(importConfig, env)
        const queries = readLegacyQueries(config.LEGACY_QUERIES_FILE)
        return importLive(pool, createSqlSource(config.LEGACY_DATABASE_URL, queries), options)
      },
      { connections: 3, name: 'ellipro-admin-sync-import' },
    )
  } finally {
    progress.clear()
    process.off('SIGINT', stop).off('SIGTERM', stop)
  }
}

/** One line that changes, for whoever looks at a terminal; nothing in a log or a pipe. */
function showProgress(env: Environment): Pick<ImportOptions, 'onProgress'> & { clear: () => void } {
  if (!process.stderr.isTTY) return { clear: () => {} }
  const language = readLanguage(env)
  let shownAt = 0
  let phase = ''
  return {
    onProgress: (progress) => {
      const now = Date.now()
      const next = `${progress.phase} ${progress.kind}`
      if (now - shownAt < 200 && next === phase) return
      shownAt = now
      phase = next
      process.stderr.write(`\r\u001b[K${printProgress(progress, language)}`)
    },
    clear: () => void process.stderr.write('\r\u001b[K'),
  }
}
