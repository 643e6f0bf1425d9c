/**
 * The legacy directory: the port through which provider asks "does Cofacering know this login and password?".
 *
 * It owns that one question. It never stores, logs or forwards a password to anything but the configured
 * directory, opens nothing at Ellipro, and keeps no state about attempts: limits and the fixed deadline of a
 * failed sign-in belong to the screens. `sql.ts` answers from a PostgreSQL database; whatever answers next
 * (a web service, a directory server) must pass test/provider/legacy/contract.ts.
 *
 * `refused` is one value on purpose. Unknown login, wrong password, disabled login and unusable hash look the
 * same to the caller, so no screen can tell them apart by accident.
 */

/** What the directory says of a legacy login whose password was right. All fields are non-empty. */
export type LegacyAccount = {
  /** Stable opaque key of the login in Cofacering; survives a renamed login. Never shown. */
  account: string
  /** The login as Cofacering spells it, whatever was typed. */
  login: string
  /** Name of the customer company, for people to recognise. */
  company: string
  /** Number of the contract that the login belongs to. */
  contract: string
  /** Cofacering already marks the login as used by several people. */
  shared: boolean
  /** Mail domains of the contract's own company; empty or absent: the directory tells none. */
  knownDomains?: string[]
}

export type LegacyAnswer = { status: 'ok'; account: LegacyAccount } | { status: 'refused' }

export interface LegacyDirectory {
  /**
   * Checks a login and password as typed; `login` is normalised here, `password` is taken byte for byte.
   * A refusal does the same work as a check, so that its time says nothing.
   * @throws UpstreamError service `legacy`, when the directory could not be asked: nothing is known about the
   *   password then, and the attempt must count against no one. `retry` for a failure that passes by itself,
   *   `fail` for one that an operator must mend.
   * @throws the reason of `signal` when it is aborted.
   */
  verify(login: string, password: string, signal?: AbortSignal): Promise<LegacyAnswer>
}
