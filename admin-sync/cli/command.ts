/** What the files of this folder share: how a command is added, asks the database and answers. */
import { Option, type Command } from 'commander'
import pg from 'pg'
import { readConfig } from '../../core/config.ts'
import { createLog } from '../../core/log.ts'
import { loadTexts, type Language, type Translate } from '../../core/text.ts'
import { databaseConfig } from '../config.ts'
import { readOperator, type Operator } from '../operators/audit.ts'

export type Environment = NodeJS.ProcessEnv

/** What a command answers: a value for --json, a text for people, and the exit code. */
export type Answer = { value: unknown; text: string; exitCode?: 0 | 1 }
export type Options = {
  json?: true
  operator?: string
  reason?: string
  confirm?: true
  block?: true
  acknowledgeWarnings?: true
  encoding?: 'utf-8' | 'latin-1'
  all?: true
  dryRun?: true
  state?: string[]
  quietYears?: number
  activeYears?: number
  contract?: string
  asImported?: true
  inFull?: true
  html?: string
}

/** Commands print their own answer; connections lost in the background are not part of it. */
export const quiet = createLog('admin-sync', 'silent')

const texts = loadTexts(new URL('../text/', import.meta.url))
/** The desk speaks French; an English terminal gets English. */
export const chooseTexts = (env: Environment): Translate => texts[readLanguage(env)]

export function readLanguage(env: Environment): Language {
  const locale = env['LC_ALL'] || env['LC_MESSAGES'] || env['LANG'] || ''
  return locale.startsWith('en') ? 'en' : 'fr'
}

/**
 * @param run gets the argument, when the command has one and it was given; of a command that takes several (`[name...]`) the
 *   first, and all of them as `words`
 */
export function add(
  parent: Command,
  name: string,
  description: string,
  run: (argument: string | undefined, options: Options, words: readonly string[]) => Promise<Answer>,
  options: readonly Option[] = [],
): void {
  const command = parent.command(name).description(description).option('--json', 'answer with JSON')
  for (const option of options) command.addOption(option)
  command.action(async (first: unknown, second?: unknown) => {
    // commander passes the argument, when the command has one, and then the options.
    const words = Array.isArray(first) ? (first as string[]) : typeof first === 'string' ? [first] : []
    const isOption = typeof first === 'object' && first !== null && !Array.isArray(first)
    const given = (isOption ? first : second) as Options | undefined
    const { value, text, exitCode = 0 } = await run(words[0], given ?? {}, words)
    process.stdout.write(`${given?.json ? JSON.stringify(value, null, 2) : text}\n`)
    process.exitCode = exitCode
  })
}

/** Of every command that changes something by hand: who, and why. */
export const operatorOptions = ({ reasonAlways }: { reasonAlways: boolean }): Option[] => [
  new Option('--operator <name>', 'who you are; default: the account that runs the command'),
  new Option('--reason <text>', 'why, kept with the command in the audit list').makeOptionMandatory(
    reasonAlways,
  ),
]

/** @throws Error when there is no printable reason */
export const operatorOf = ({ operator, reason }: Options): Operator => readOperator(operator, reason)

export const databaseUrl = (env: Environment): string =>
  readConfig(databaseConfig, env).ADMIN_SYNC_DATABASE_URL

/** @param options `connections` that the work needs at once, and the `name` under which PostgreSQL lists them */
export async function withPool<T>(
  env: Environment,
  work: (pool: pg.Pool) => Promise<T>,
  { connections = 1, name = 'ellipro-admin-sync-cli' }: { connections?: number; name?: string } = {},
): Promise<T> {
  const pool = new pg.Pool({
    connectionString: databaseUrl(env),
    application_name: name,
    max: connections,
    connectionTimeoutMillis: 10_000,
  })
  // A connection that is lost while nobody uses it, and one that is held: the next statement says so.
  pool.on('error', () => {})
  pool.on('connect', (client) => client.on('error', () => {}))
  try {
    return await work(pool)
  } finally {
    await pool.end()
  }
}
