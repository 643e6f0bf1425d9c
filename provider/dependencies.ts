/**
 * What routes and screens are given, made once by main.ts (or by a test). Nothing under provider/ reaches for a
 * connection, a clock or the environment in any other way.
 */
import type pg from 'pg'
import type { Desk } from '../core/desk.ts'
import type { Log } from '../core/log.ts'
import type { Language, Translate } from '../core/text.ts'
import type { ActivationStore } from './activation/store.ts'
import type { ProviderConfig } from './config.ts'
import type { LegacyDirectory } from './legacy/directory.ts'
import type { Op } from './oidc/op.ts'
import type { RelyingParty } from './sign-in/relying-party.ts'
import type { Throttle } from './throttle/throttle.ts'
import type { Cookies } from './web/cookies.ts'

export type Dependencies = {
  config: ProviderConfig
  log: Log
  pool: pg.Pool
  store: ActivationStore
  directory: LegacyDirectory
  cookies: Cookies
  throttle: Throttle
  op: Op
  relyingParty: RelyingParty
  desk: Desk
  texts: Record<Language, Translate>
  /** Milliseconds since 1970. */
  now: () => number
}
