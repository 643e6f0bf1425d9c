/**
 * The migration in numbers, as the SQL function `ellipro.migration_numbers` counts it
 * (core/database/migrations/0010-migration-status.sql), for provider's page and for the command line alike. Pure.
 */

/** Where a legacy login stands; each login is in one of them. What they mean stands beside `ellipro.login_progress`. */
export const loginStates = [
  'activated',
  'under_way',
  'agent',
  'closed',
  'lapsed',
  'untouched',
  'disabled',
  'gone',
] as const
export type LoginState = (typeof loginStates)[number]

/** Those of logins whose people have still to come over. */
export const leftStates = ['untouched', 'lapsed', 'under_way', 'agent', 'closed'] as const
export type LeftState = (typeof leftStates)[number]

export type MigrationNumbers = {
  /** ISO 8601, as all moments here. */
  asOf: string
  /** End of the last import of everything; `null` when there was none: then only logins that somebody used are known. */
  importedAt: string | null
  /** Logins that the import knows. */
  imported: number
  /** A state without logins is absent. */
  logins: Partial<Record<LoginState, number>>
  /** Logins by the day, in Paris, on which the first of their present accounts was opened; in order, without empty days. */
  days: { day: string; activated: number }[]
  /** `requests`: proved, and waiting for an agent. */
  cases: { open: number; requests: number; oldestAt: string | null }
  contracts: {
    imported: number
    /** The workspace has taken it at least once. */
    transferred: number
    /** Its people have moved: the workspace has taken the last transfer. */
    finished: number
    /** Its people have moved, and the last transfer has not arrived. */
    frozen: number
    /** At the last comparison. */
    identical: number
    differing: number
    missing: number
    refused: number
    /** The last try went wrong; it is tried again, or is a dead letter. */
    failing: number
    comparedAt: string | null
  }
  mails: {
    /** By kind, in 24 hours. */
    lastDay: Record<string, number>
    /** Asked for and tried without success, by the code of the failure. */
    failing: Record<string, number>
  }
  /** The oldest work that a process should have done; `null` when there is none. */
  work: { oldestAt: string; kind: string } | null
}

export type LoginTotals = Record<LoginState, number> & {
  /** All but those that are gone. */
  total: number
  /** Have still to come over. */
  left: number
}

export function totalLogins({ logins }: Pick<MigrationNumbers, 'logins'>): LoginTotals {
  const count = (state: LoginState) => logins[state] ?? 0
  const sum = (states: readonly LoginState[]) => states.reduce((all, state) => all + count(state), 0)
  const byState = Object.fromEntries(loginStates.map((state) => [state, count(state)]))
  return {
    ...(byState as Record<LoginState, number>),
    total: sum(loginStates) - count('gone'),
    left: sum(leftStates),
  }
}

export const sumOf = (counts: Record<string, number>): number =>
  Object.values(counts).reduce((all, one) => all + one, 0)
