/**
 * What provider can do to add a contract to an account that exists: one method for each database function that its role
 * may call (core/database/migrations/0007-shared-logins.sql). Whether the account is the right one is decided by
 * admin-sync alone, from the ID token that is handed over here.
 */
import type pg from 'pg'
import type { Language } from '../../core/text.ts'
import { isActivationId } from './store.ts'

type Correlated = { correlationId?: string }

/** `granted`: an agent opened the access, and there is no password first typed. */
export type AdditionView = Correlated &
  (
    | {
        outcome: 'valid' | 'added' | 'expired' | 'ended'
        login: string
        company: string
        locale: Language
        kind: 'legacy' | 'granted'
      }
    | { outcome: 'bad_link' }
  )

export type BeginOutcome =
  | 'ok'
  /** This browser has signed in already, and admin-sync is looking at it. */
  | 'checking'
  | 'wrong_password'
  | 'locked'
  | AdditionView['outcome']

/** How it stands, for the browser that gave link and password. */
export type AdditionState = Correlated & {
  state:
    | 'asked'
    | 'checking'
    | 'added'
    | 'wrong_person'
    | 'sign_in_refused'
    | 'account_unusable'
    | 'login_unknown'
    | 'waiting'
  login: string
  company: string
  /** Only for whoever gave the password that was typed with it. */
  address?: string
}

export type Additions = {
  view(id: string, link: Buffer): Promise<AdditionView>
  /** @param browser SHA-256 of the browser's cookie. `triesLeft` only with `wrong_password` and `locked`. */
  begin(
    id: string,
    link: Buffer,
    verifier: Buffer | undefined,
    browser: Buffer,
  ): Promise<{ outcome: BeginOutcome; triesLeft?: number }>
  /** Hands over what Keycloak gave to that browser. `too_late`: begun too long ago, or handed over before. */
  submit(
    id: string,
    link: Buffer,
    browser: Buffer,
    idToken: string,
  ): Promise<'submitted' | 'too_late' | AdditionView['outcome']>
  /** `undefined` for any other browser. */
  state(id: string, browser: Buffer): Promise<AdditionState | undefined>
}

/**
 * @param pool connections of the role `ellipro_provider`
 * @throws the errors of `pg`
 */
export function createAdditions(pool: pg.Pool): Additions {
  /** The first row without its NULL columns. */
  async function row<T>(text: string, values: unknown[]): Promise<T | undefined> {
    const { rows } = await pool.query<Record<string, unknown>>(text, values)
    return rows[0] && (Object.fromEntries(Object.entries(rows[0]).filter(([, value]) => value !== null)) as T)
  }
  async function answer<T>(text: string, values: unknown[]): Promise<T> {
    const found = await row<T>(text, values)
    if (found === undefined) throw new Error('A database function answered nothing')
    return found
  }
  return {
    view: async (id, link) =>
      isActivationId(id)
        ? answer(
            `SELECT outcome, login, company, locale, kind, correlation_id AS "correlationId"
               FROM ellipro.addition_view($1, $2)`,
            [id, link],
          )
        : { outcome: 'bad_link' },
    begin: async (id, link, verifier, browser) =>
      isActivationId(id)
        ? answer(`SELECT outcome, tries_left AS "triesLeft" FROM ellipro.begin_addition($1, $2, $3, $4)`, [
            id,
            link,
            verifier ?? null,
            browser,
          ])
        : { outcome: 'bad_link' },
    submit: async (id, link, browser, idToken) => {
      if (!isActivationId(id)) return 'bad_link'
      const { outcome } = await answer<{ outcome: Awaited<ReturnType<Additions['submit']>> }>(
        'SELECT ellipro.submit_addition($1, $2, $3, $4) AS outcome',
        [id, link, browser, idToken],
      )
      return outcome
    },
    state: async (id, browser) =>
      isActivationId(id)
        ? row(
            `SELECT state, login, company, address, correlation_id AS "correlationId"
               FROM ellipro.addition_state($1, $2)`,
            [id, browser],
          )
        : undefined,
  }
}
