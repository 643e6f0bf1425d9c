/**
 * The legacy directory over a PostgreSQL database.
 *
 * The whole mapping from a Cofacering schema is one relation, `directory_login`, with these columns:
 *   account text        stable key of the login            login text      as Cofacering spells it
 *   login_key text      NFKC, trimmed, lower case (unique, indexed)
 *   password_hash text  bcrypt or Argon2id                 disabled, shared boolean
 *   company, contract text                                 known_domains text[] (may be missing): mail domains of the
 *                       contract, without those of free mail
 * A real schema needs a view of that name (dev/cofacering/schema.sql has one) or, where no view may be made, the
 * `query` option. The role needs SELECT on it and nothing else.
 *
 * Steps of one check: normalise, ask, compare the password with the hash found or with a dummy one, decide.
 *
 * A database that hangs keeps whoever signs in for some seconds, and keeps few of them: more than `maximumWaiting` are
 * told at once that it does not answer. So it never takes the places of people who do something else.
 */
import { createHmac, randomBytes } from 'node:crypto'
import { z } from 'zod'
import { BoundedPool } from '../../core/database/pool.ts'
import { UpstreamError } from '../../core/errors.ts'
import { loginKey, trimLogin } from '../../core/legacy-login.ts'
import type { Log } from '../../core/log.ts'
import { oneLine } from '../../core/text.ts'
import { hashing } from '../gate.ts'
import type { LegacyAnswer, LegacyDirectory } from './directory.ts'
import {
  dummyHash,
  formatName,
  parseHash,
  usualShapes,
  verifyPassword,
  type HashShape,
} from './password-hash.ts'

export type SqlDirectoryOptions = {
  /** Connection URL of a role that can only read, such as `cofacering_reader`. */
  url: string
  log: Log
  /** Returns the columns above for the login key `$1`; at most 20 rows are looked at. */
  query?: string
  /** Time to get a connection, then time for the answer. Default 2000 each. */
  timeoutMs?: number
  /** Default 5. A check holds a connection for one indexed read only. */
  maximumConnections?: number
  /** Checks that may wait for a connection. Default 60. */
  maximumWaiting?: number
}

/** `check` reads one row, for a health probe: throws UpstreamError. `close` ends the pool. */
export type SqlDirectory = LegacyDirectory & { check(): Promise<void>; close(): Promise<void> }

// As JSON a column that a view does not have is NULL and no error.
const usualQuery = `
  SELECT account, login, password_hash, disabled, shared, company, contract,
         to_jsonb(d) -> 'known_domains' AS known_domains
    FROM directory_login d WHERE login_key = $1 LIMIT 20`

const rowSchema = z.object({
  account: z.coerce.string().min(1),
  login: z.string().min(1),
  password_hash: z.string().nullable(),
  disabled: z.boolean(),
  shared: z.boolean(),
  company: z.string().min(1),
  contract: z.coerce.string().min(1),
  known_domains: z.array(z.string()).nullish(),
})
type Row = z.infer<typeof rowSchema>

/** Longest password that is compared, in UTF-16 units. Cofacering allowed far less. */
const maximumPasswordLength = 1024

/** Opens no connection before the first question. */
export function createSqlDirectory(options: SqlDirectoryOptions): SqlDirectory {
  const { log, query = usualQuery, timeoutMs = 2000 } = options
  const settings = {
    connectionString: options.url,
    application_name: 'ellipro-provider-legacy',
    max: options.maximumConnections ?? 5,
    connectionTimeoutMillis: timeoutMs,
    statement_timeout: timeoutMs,
    // The server ends a slow statement itself; this one is for a server that does not answer any more.
    query_timeout: timeoutMs + 500,
    idleTimeoutMillis: 30_000,
    keepAlive: true,
  }
  const pool = new BoundedPool(settings, 'legacy', options.maximumWaiting ?? 60)
  pool.on('error', (error) => log.warn({ event: 'legacy.connection_lost', err: error }))

  const shapes = new Map<string, HashShape>()
  const shapeKey = randomBytes(32)

  /** The same unknown login always costs the same, and what known ones of the directory cost. */
  function dummyFor(typed: string) {
    const seen = shapes.size > 0 ? [...shapes.values()] : usualShapes
    const digest = createHmac('sha256', shapeKey).update(typed).digest()
    return dummyHash(seen[digest.readUInt32BE() % seen.length]!)
  }

  async function ask(
    parameters: string[],
    signal: AbortSignal | undefined,
    text = query,
  ): Promise<unknown[]> {
    const deadline = AbortSignal.timeout(2 * timeoutMs + 500)
    const either = signal ? AbortSignal.any([signal, deadline]) : deadline
    for (let attempt = 1; ; attempt++) {
      try {
        const answer = await orAbort(pool.query<Record<string, unknown>>(text, parameters), either)
        return answer.rows
      } catch (error) {
        signal?.throwIfAborted()
        if (deadline.aborted) throw new UpstreamError('legacy', 0, 'retry', 'timeout', { cause: error })
        if (isUnstorable(error)) return []
        // A pooled connection that died with the server's restart says nothing about the server now.
        if (attempt > 1 || !isLostConnection(error)) throw describeFailure(error)
      }
    }
  }

  async function find(typed: string, signal?: AbortSignal): Promise<Row | undefined> {
    const key = loginKey(typed)
    if (key === undefined) return undefined
    const parsed = z.array(rowSchema).safeParse(await ask([key], signal))
    if (!parsed.success) throw new UpstreamError('legacy', 0, 'fail', 'mapping')
    if (parsed.data.length <= 1) return parsed.data[0]
    // Logins that differ by capitals only: each is still reachable, by its exact spelling.
    const exact = trimLogin(typed)
    const row = parsed.data.find((candidate) => candidate.login === exact)
    if (!row) log.warn({ event: 'legacy.login_ambiguous', accounts: parsed.data.map((r) => r.account) })
    return row
  }

  async function verify(login: string, password: string, signal?: AbortSignal): Promise<LegacyAnswer> {
    signal?.throwIfAborted()
    const row = await find(login, signal)
    const stored = row?.password_hash ?? ''
    const parsed = parseHash(stored)
    if (parsed) shapes.set(parsed.hash.format, parsed.shape)
    else if (row)
      log.warn({ event: 'legacy.hash_unsupported', account: row.account, format: formatName(stored) })

    // Hash functions differ on what follows a NUL, so a password that holds one is never compared as it is.
    const comparable = password !== '' && password.length <= maximumPasswordLength && !password.includes('\0')
    const hash = parsed?.hash ?? dummyFor(login)
    const right = await hashing.run(() => verifyPassword(comparable ? password : 'x', hash))
    signal?.throwIfAborted()
    if (!row || !parsed || !right || !comparable || row.disabled) return { status: 'refused' }
    const { account, shared } = row
    const names = {
      login: oneLine(row.login),
      company: oneLine(row.company),
      contract: oneLine(row.contract),
    }
    return { status: 'ok', account: { account, ...names, shared, knownDomains: row.known_domains ?? [] } }
  }

  return {
    verify,
    check: async () => {
      await ask([''], undefined)
    },
    close: () => pool.end(),
  }
}

function orAbort<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const stop = () => reject(signal.reason)
    signal.addEventListener('abort', stop, { once: true })
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', stop))
  })
}

const codeOf = (error: unknown) => {
  const code = error instanceof Error && 'code' in error ? error.code : undefined
  return typeof code === 'string' ? code : undefined
}

/** The database's encoding has no such character (22P05, 22021), so no login of it holds one. */
const isUnstorable = (error: unknown) => ['22P05', '22021'].includes(codeOf(error) ?? '')

function isLostConnection(error: unknown): boolean {
  const code = codeOf(error)
  if (code !== undefined) return ['ECONNRESET', 'EPIPE', '57P01'].includes(code)
  return error instanceof Error && error.message === 'Connection terminated unexpectedly'
}

/**
 * What the driver threw, as "could not ask". SQLSTATE classes 42 (undefined, no right), 28 (password of the role),
 * 3D and 3F (no such database or schema) stay wrong until an operator mends them; the rest passes.
 */
function describeFailure(error: unknown): UpstreamError {
  if (error instanceof UpstreamError) return error
  const code = codeOf(error)
  const lasting = code !== undefined && /^(42|28|3D|3F)/.test(code) && code.length === 5
  return new UpstreamError('legacy', 0, lasting ? 'fail' : 'retry', code ?? 'timeout', { cause: error })
}
