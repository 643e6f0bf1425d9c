/**
 * The operator's commands: `npm run admin-sync -- <command>`.
 *
 *   database bootstrap         roles and databases, once, as a superuser
 *   migrate                    brings the database to this release
 *   realm apply|diff|probe     the realm as code: write it, compare it, test the credentials
 *   status                     how far the migration is, and what is stuck; no personal data
 *   find <login or e-mail>     one person's activations, for the desk on the telephone; personal data
 *   accounts sweep             accounts that are gone at Keycloak are closed; links that should be gone are reported
 *   logins release <login>     lets the login of a closed account be activated again
 *   jobs dead                  jobs that ended without success      jobs redrive [id]    tries them again
 *
 * With --json the answer is one JSON value on standard output. Exit codes: 0 done; 1 something is wrong with what was
 * asked or found (a difference, a failed check, dead letters, nobody found); 2 the configuration cannot be used;
 * 3 a system could not be asked, try again.
 */
import { randomUUID } from 'node:crypto'
import { Command } from 'commander'
import pg from 'pg'
import { readConfig } from '../core/config.ts'
import { migrate } from '../core/database/migrate.ts'
import { ConfigError, UpstreamError } from '../core/errors.ts'
import { createLog } from '../core/log.ts'
import { loadTexts, type Language } from '../core/text.ts'
import { createLegacyData } from './accounts/legacy-data.ts'
import { releaseLogin } from './accounts/login-release.ts'
import { findActivations, readStatus } from './accounts/report.ts'
import { foundTrouble, sweepAccounts } from './accounts/sweep.ts'
import { createSweepStore } from './accounts/sweep-store.ts'
import { bootstrapConfig, databaseConfig, statusConfig, sweepConfig } from './config.ts'
import { bootstrapDatabases } from './database/bootstrap.ts'
import { listDeadLetters, redrive } from './jobs/dead-letters.ts'
import { readOldestJob, withBoss } from './jobs/inspect.ts'
import { connect } from './keycloak/connect.ts'
import { printDeadLetters, printFound, printStatus, printSweep, type Status } from './print.ts'
import { applyRealm } from './realm/apply.ts'
import { readProbeConfig, readRealmConfig } from './realm/config.ts'
import { diffRealm } from './realm/diff.ts'
import { readerClient } from './realm/permissions.ts'
import { printPlan, printProbe } from './realm/print.ts'
import { probeRealm } from './realm/probe.ts'

const texts = loadTexts(new URL('text/', import.meta.url))
/** The desk speaks French; an English terminal gets English. */
const chooseLanguage = (env: NodeJS.ProcessEnv): Language =>
  (env['LC_ALL'] || env['LC_MESSAGES'] || env['LANG'] || '').startsWith('en') ? 'en' : 'fr'

/** What a command answers: a value for --json, a text for people, and the exit code. */
type Answer = { value: unknown; text: string; exitCode?: 0 | 1 }
type Options = { json?: true }

// Commands print their own answer; connections lost in the background are not part of it.
const quiet = createLog('admin-sync', 'silent')

function add(
  parent: Command,
  name: string,
  description: string,
  run: (argument: string | undefined) => Promise<Answer>,
): void {
  parent
    .command(name)
    .description(description)
    .option('--json', 'answer with JSON')
    .action(async (first: unknown, second?: unknown) => {
      // commander passes the argument, when the command has one, and then the options.
      const options = (typeof first === 'object' && first !== null ? first : second) as Options | undefined
      const { value, text, exitCode = 0 } = await run(typeof first === 'string' ? first : undefined)
      process.stdout.write(`${options?.json ? JSON.stringify(value, null, 2) : text}\n`)
      process.exitCode = exitCode
    })
}

function createProgram(env: NodeJS.ProcessEnv): Command {
  const program = new Command('admin-sync').description('Operates the move from Cofacering to Ellipro.')
  const database = program.command('database').description('the PostgreSQL server')
  add(database, 'bootstrap', 'make or update the roles and databases, as a superuser', async () => {
    const config = readConfig(bootstrapConfig, env)
    await bootstrapDatabases(config.SUPERUSER_DATABASE_URL, {
      keycloak: config.KEYCLOAK_DATABASE_PASSWORD,
      ellipro_sync: config.ELLIPRO_SYNC_PASSWORD,
      ellipro_provider: config.ELLIPRO_PROVIDER_PASSWORD,
      cofacering_reader: config.COFACERING_READER_PASSWORD,
    })
    return { value: { bootstrapped: true }, text: 'Roles and databases are there.' }
  })
  add(program, 'migrate', 'bring the database to this release', async () => {
    const applied = await migrate(readConfig(databaseConfig, env).ADMIN_SYNC_DATABASE_URL)
    const text =
      applied.length > 0
        ? `Applied: ${applied.join(', ')}`
        : 'The database is at this release: nothing to do.'
    return { value: { applied }, text }
  })

  const realm = program.command('realm').description('the realm as code')
  add(realm, 'apply', 'bring the realm to what the code says', async () => {
    const plan = await applyRealm(readRealmConfig(env))
    return { value: plan, text: printPlan(plan, true) }
  })
  add(realm, 'diff', 'print what apply would change; 1 when there is something', async () => {
    const plan = await diffRealm(readRealmConfig(env))
    return { value: plan, text: printPlan(plan, false), exitCode: plan.changes.length > 0 ? 1 : 0 }
  })
  add(realm, 'probe', 'prove that the credentials can do what they must and nothing more', async () => {
    const report = await probeRealm(readProbeConfig(env))
    return { value: report, text: printProbe(report), exitCode: report.passed ? 0 : 1 }
  })

  add(program, 'status', 'how far the migration is, and what is stuck', async () => {
    const status = await collectStatus(env)
    return { value: status, text: printStatus(status), exitCode: status.deadLetters.length > 0 ? 1 : 0 }
  })
  add(program, 'find <login-or-email>', 'one person’s activations', async (wanted = '') => {
    const found = await withPool(env, (pool) => findActivations(pool, wanted))
    return {
      value: found,
      text: printFound(texts[chooseLanguage(env)], wanted, found),
      exitCode: found.length > 0 ? 0 : 1,
    }
  })

  const accounts = program.command('accounts').description('accounts at Keycloak')
  add(accounts, 'sweep', 'close accounts that are gone; 1 when something is wrong', async () => {
    const config = readConfig(sweepConfig, env)
    const clientSecret = config.READER_CLIENT_SECRET
    const reader = connect({
      url: config.KEYCLOAK_URL,
      realm: config.KEYCLOAK_REALM,
      credential: { kind: 'client', clientId: readerClient, clientSecret },
    })
    const result = await withPool(env, (pool) =>
      sweepAccounts(randomUUID(), { reader, store: createSweepStore(pool), log: quiet }),
    )
    return { value: result, text: printSweep(result), exitCode: foundTrouble(result) ? 1 : 0 }
  })
  const logins = program.command('logins').description('logins of Cofacering')
  add(
    logins,
    'release <login>',
    'let the login of a closed account be activated again',
    async (login = '') => {
      const release = await withPool(env, (pool) => releaseLogin(pool, login))
      return {
        value: release,
        text: texts[chooseLanguage(env)](`release.${release.outcome}`),
        exitCode: release.outcome === 'released' ? 0 : 1,
      }
    },
  )

  const jobs = program.command('jobs').description('jobs that need an operator')
  const url = () => readConfig(databaseConfig, env).ADMIN_SYNC_DATABASE_URL
  add(jobs, 'dead', 'list the dead letters; 1 when there are any', async () => {
    const dead = (await withBoss(url(), quiet, listDeadLetters)) ?? []
    return { value: dead, text: printDeadLetters(dead), exitCode: dead.length > 0 ? 1 : 0 }
  })
  add(jobs, 'redrive [id]', 'try dead letters again: one, or all', async (id) => {
    const moved = (await withBoss(url(), quiet, (boss) => redrive(boss, id))) ?? 0
    const text = `${moved} ${moved === 1 ? 'job goes' : 'jobs go'} back to work.`
    return { value: { redriven: moved }, text, exitCode: id !== undefined && moved === 0 ? 1 : 0 }
  })
  return program
}

async function withPool<T>(env: NodeJS.ProcessEnv, work: (pool: pg.Pool) => Promise<T>): Promise<T> {
  const pool = new pg.Pool({
    connectionString: readConfig(databaseConfig, env).ADMIN_SYNC_DATABASE_URL,
    application_name: 'ellipro-admin-sync-cli',
    max: 1,
    connectionTimeoutMillis: 10_000,
  })
  try {
    return await work(pool)
  } finally {
    await pool.end()
  }
}

async function collectStatus(env: NodeJS.ProcessEnv): Promise<Status> {
  const config = readConfig(statusConfig, env)
  const legacy = createLegacyData(config.LEGACY_DATABASE_URL, quiet)
  try {
    const numbers = await withPool(env, readStatus)
    const jobs = await withBoss(config.ADMIN_SYNC_DATABASE_URL, quiet, async (boss) => ({
      deadLetters: await listDeadLetters(boss),
      oldestJob: await readOldestJob(boss),
    }))
    // The rest is worth knowing while Cofacering does not answer.
    const legacyLogins = await legacy.countLogins().catch((error: unknown) => {
      if (error instanceof UpstreamError) return undefined
      throw error
    })
    return { legacyLogins, ...numbers, ...(jobs ?? { deadLetters: [], oldestJob: undefined }) }
  } finally {
    await legacy.close()
  }
}

/** @returns the exit code */
function explain(error: unknown): 1 | 2 | 3 {
  if (error instanceof ConfigError) {
    console.error(error.message)
    return 2
  }
  if (error instanceof UpstreamError) {
    const hint =
      error.disposition === 'retry' ? 'try again when it answers' : 'see docs/operations.md for what it needs'
    console.error(
      `${error.service} could not do it: ${error.code}${error.status ? ` (HTTP ${error.status})` : ''}; ${hint}.`,
    )
    return 3
  }
  const code = (error as { code?: unknown }).code
  if (typeof code === 'string' && /^(E[A-Z]+|08\d{3}|28P01|3D000|57P03)$/.test(code)) {
    console.error(
      `The database could not be asked (${code}): is ADMIN_SYNC_DATABASE_URL right, and the server up?`,
    )
    return 3
  }
  if (code === '42P01' || code === '3F000') {
    console.error('The database is not prepared: run `admin-sync migrate`.')
    return 3
  }
  console.error(error instanceof Error ? error.message : error)
  return 1
}

try {
  await createProgram(process.env).parseAsync()
} catch (error) {
  process.exitCode = explain(error)
}
