/** Commands on the cases of shared logins: `cases list|show|sync|import`, and `tickets verify`. */
import { readFile } from 'node:fs/promises'
import { Option, type Command } from 'commander'
import { readConfig } from '../../core/config.ts'
import { oneLine } from '../../core/text.ts'
import { createLegacyData } from '../accounts/legacy-data.ts'
import { findCases } from '../cases/case-store.ts'
import type { CaseFacts } from '../cases/facts.ts'
import type { Plan } from '../cases/plan.ts'
import { printCase, printCases, printPlan } from '../cases/print.ts'
import { listCases, listForPass, showCases } from '../cases/report.ts'
import { passCase, rehearseCase } from '../cases/sync-case.ts'
import { readAdminSyncConfig, statusConfig } from '../config.ts'
import { createDependencies } from '../dependencies.ts'
import { withLock } from '../jobs/case-work.ts'
import { encodings } from '../operators/case-import-plan.ts'
import { printImport } from '../operators/case-import-print.ts'
import { importCases, type CaseImport } from '../operators/case-import.ts'
import { readHelpDeskConfig } from '../tickets/config.ts'
import { connectHelpDesk } from '../tickets/connect.ts'
import {
  add,
  readLanguage,
  chooseTexts,
  operatorOf,
  operatorOptions,
  quiet,
  withPool,
  type Answer,
  type Environment,
  type Options,
} from './command.ts'

export function addTickets(program: Command, env: Environment): void {
  const tickets = program.command('tickets').description('the help desk')
  add(tickets, 'verify', 'what is set up wrong at the help desk, and what to do; 1 when anything is', () =>
    verifyHelpDesk(env),
  )
}

export function addCases(program: Command, env: Environment): void {
  const t = chooseTexts(env)
  const cases = program.command('cases').description('cases of shared logins')
  add(
    cases,
    'list',
    'open cases, those that have waited longest for an agent first; personal data',
    async (_none, options) => {
      const lines = await withPool(env, (pool) => listCases(pool, { all: options.all === true }))
      return { value: lines, text: printCases(lines) }
    },
    [new Option('--all', 'closed ones too')],
  )
  add(
    cases,
    'show <reference-login-or-id>',
    'one case with its requests, ticket and history; personal data',
    async (wanted = '') => {
      const found = await withPool(env, async (pool) => showCases(pool, await findCases(pool, wanted)))
      return {
        value: found,
        text: found.map(printCase).join('\n\n') || `No case ${oneLine(wanted)}.`,
        exitCode: found.length > 0 ? 0 : 1,
      }
    },
  )
  add(
    cases,
    'sync [reference-login-or-id]',
    'one pass over a case, or over all that are open; 1 when a case has trouble',
    async (wanted, options) => {
      const passes = await syncCases(env, wanted, { dryRun: options.dryRun === true })
      return {
        value: passes.map(({ facts, plan }) => ({ case: facts.id, reference: facts.reference, plan })),
        text: passes.map(({ facts, plan }) => printPlan(facts, plan)).join('\n') || 'No case.',
        exitCode:
          passes.length === 0 && wanted !== undefined
            ? 1
            : passes.some(({ plan }) => plan.lastError !== null)
              ? 1
              : 0,
      }
    },
    [new Option('--dry-run', 'say what a pass would do, and do nothing')],
  )
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

/** Under the locks of the process, which may run meanwhile. What it asks the help desk to be told is the process's to do. */
async function syncCases(
  env: Environment,
  wanted: string | undefined,
  { dryRun }: { dryRun: boolean },
): Promise<{ facts: CaseFacts; plan: Plan }[]> {
  const config = readAdminSyncConfig(env)
  return withPool(env, async (pool) => {
    const { cases, close } = createDependencies(config, quiet, pool, async () => {})
    const { dependencies } = withLock(cases, new AbortController().signal, undefined)
    try {
      const passes: { facts: CaseFacts; plan: Plan }[] = []
      for (const id of wanted === undefined ? await listForPass(pool) : await findCases(pool, wanted)) {
        const pass = dryRun
          ? await rehearseCase(dependencies, id)
          : await dependencies.hold(`case:${id}`, (checkpoint) => passCase(dependencies, id, checkpoint))
        if (pass) passes.push({ facts: pass.facts, plan: pass.plan })
      }
      return passes
    } finally {
      await close()
    }
  })
}

async function verifyHelpDesk(env: Environment): Promise<Answer> {
  const tickets = connectHelpDesk(readHelpDeskConfig(env))
  try {
    const problems = await tickets.verify()
    const language = readLanguage(env)
    return {
      value: { connector: tickets.connector, problems },
      text:
        problems
          .map(({ code, text, remedy }) => `${code}: ${text[language]}\n  ${remedy[language]}`)
          .join('\n') || `${tickets.connector}: ${language === 'fr' ? 'rien à corriger' : 'nothing to mend'}`,
      exitCode: problems.length > 0 ? 1 : 0,
    }
  } finally {
    tickets.close()
  }
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
