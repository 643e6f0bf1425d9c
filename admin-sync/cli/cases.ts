/** Commands on the cases of shared logins: `cases import`. */
import { readFile } from 'node:fs/promises'
import { Option, type Command } from 'commander'
import { readConfig } from '../../core/config.ts'
import { createLegacyData } from '../accounts/legacy-data.ts'
import { statusConfig } from '../config.ts'
import { encodings } from '../operators/case-import-plan.ts'
import { printImport } from '../operators/case-import-print.ts'
import { importCases, type CaseImport } from '../operators/case-import.ts'
import {
  add,
  chooseTexts,
  operatorOf,
  operatorOptions,
  quiet,
  withPool,
  type Environment,
  type Options,
} from './command.ts'

export function addCases(program: Command, env: Environment): void {
  const t = chooseTexts(env)
  const cases = program.command('cases').description('cases of shared logins')
  add(
    cases,
    'import <file.csv>',
    'makes cases of the logins in a file (columns login, note); a rehearsal without --confirm',
    async (file = '', options) => {
      const result = await runImport(env, file, options)
      const done =
        result.outcome === 'applied' || (result.outcome === 'rehearsed' && result.errors.length === 0)
      return { value: result, text: printImport(t, result), exitCode: done ? 0 : 1 }
    },
    [
      ...operatorOptions({ reasonAlways: false }),
      new Option('--confirm', 'do it; asks for --reason'),
      new Option('--acknowledge-warnings', 'the warnings are known and may stay'),
      new Option('--encoding <name>', 'of the file; default: UTF-8 when it is, else Latin-1').choices(
        encodings,
      ),
    ],
  )
}

async function runImport(env: Environment, file: string, options: Options): Promise<CaseImport> {
  const apply = options.confirm
    ? { operator: operatorOf(options), acknowledged: options.acknowledgeWarnings === true }
    : undefined
  const bytes = await readFile(file).catch((error: unknown) => {
    throw new Error(`${file} cannot be read (${String((error as { code?: unknown }).code)}).`)
  })
  const legacy = createLegacyData(readConfig(statusConfig, env).LEGACY_DATABASE_URL, quiet)
  try {
    return await withPool(env, (pool) =>
      importCases(pool, legacy, { bytes, encoding: options.encoding }, apply),
    )
  } finally {
    await legacy.close()
  }
}
