/**
 * What routes and screens are given, made once by main.ts (or by a test). Nothing under provider/ reaches for a
 * connection, a clock or the environment in any other way.
 */
import type pg from 'pg'
import { readDesk, type Desk } from '../core/desk.ts'
import type { Log } from '../core/log.ts'
import { loadTexts, type Language, type Translate } from '../core/text.ts'
import { createActivationStore, type ActivationStore } from './activation/store.ts'
import { createCaseStore, type CaseStore } from './cases/store.ts'
import type { ProviderConfig } from './config.ts'
import { createReadiness, type Readiness } from './health.ts'
import type { LegacyDirectory } from './legacy/directory.ts'
import { createOp, type Op } from './oidc/op.ts'
import { createRelyingParty, type RelyingParty } from './sign-in/relying-party.ts'
import { stopwatch, type Stopwatch } from './throttle/deadline.ts'
import { createThrottle, type Throttle } from './throttle/throttle.ts'
import { createCookies, type Cookies } from './web/cookies.ts'

export type Dependencies = {
  config: ProviderConfig
  log: Log
  pool: pg.Pool
  store: ActivationStore
  cases: CaseStore
  directory: LegacyDirectory
  cookies: Cookies
  throttle: Throttle
  op: Op
  relyingParty: RelyingParty
  readiness: Readiness
  desk: Desk
  texts: Record<Language, Translate>
  /** Milliseconds since 1970. */
  now: () => number
  /** For the fixed deadline. */
  stopwatch: Stopwatch
}

/** What the outside gives: configuration, connections, the legacy directory and a clock. */
export type Outside = Pick<Dependencies, 'config' | 'log' | 'pool' | 'directory' | 'now'> &
  Partial<Pick<Dependencies, 'stopwatch'>>

/**
 * @param texts the catalogues; a test may give its own
 * @throws ConfigError when the sealing key does not open the signing keys in the database
 * @throws the errors of `pg`
 */
export async function createDependencies(
  outside: Outside,
  texts: Record<Language, Translate> = loadTexts(new URL('text/', import.meta.url)),
): Promise<Dependencies> {
  const { config, pool } = outside
  const base = {
    stopwatch,
    ...outside,
    store: createActivationStore(pool),
    cases: createCaseStore(pool),
    cookies: createCookies(config.PROVIDER_URL.startsWith('https:')),
    throttle: createThrottle(pool, undefined, (limit, by) =>
      outside.log.info({ event: 'throttle.refused', limit, by }),
    ),
    readiness: createReadiness(config.PROVIDER_DATABASE_URL, outside.log),
    desk: readDesk(config),
    texts,
  }
  return { ...base, op: await createOp(base), relyingParty: createRelyingParty(base) }
}
