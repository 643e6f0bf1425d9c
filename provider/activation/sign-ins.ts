/**
 * "The legacy directory said yes to this browser": what carries a person from the login page to the next screen.
 * A row of provider.legacy_sign_in, found by the SHA-256 of a random cookie, good for half an hour. It holds what
 * the directory told, never the password, and opens nothing by itself.
 */
import type pg from 'pg'
import type { LegacyAccount } from '../legacy/directory.ts'

export const signInSeconds = 1800

/** `knownDomains`: mail domains of the contract, where the directory tells them; empty otherwise. */
export type SignIn = LegacyAccount & { knownDomains: string[] }

export type SignIns = {
  /** Remembers a sign-in; an earlier one of the same cookie is replaced. */
  record(cookieHash: Buffer, signIn: SignIn): Promise<void>
  /** `undefined` when there is none or its half hour is over. */
  find(cookieHash: Buffer): Promise<SignIn | undefined>
}

/** @param pool connections of the role `ellipro_provider` */
export function createSignIns(pool: pg.Pool): SignIns {
  return {
    async record(cookieHash, { account, login, company, contract, shared, knownDomains }) {
      // What is over goes with the next sign-in, so that no job is needed; the index makes it cheap.
      await pool.query('DELETE FROM provider.legacy_sign_in WHERE expires_at < now()')
      await pool.query(
        `INSERT INTO provider.legacy_sign_in
           (cookie_hash, account, login, company, contract, shared, known_domains, expires_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, now() + make_interval(secs => $8))
         ON CONFLICT (cookie_hash) DO UPDATE SET account = excluded.account, login = excluded.login,
           company = excluded.company, contract = excluded.contract, shared = excluded.shared,
           known_domains = excluded.known_domains, expires_at = excluded.expires_at`,
        [cookieHash, account, login, company, contract, shared, knownDomains, signInSeconds],
      )
    },
    async find(cookieHash) {
      const { rows } = await pool.query<SignIn>(
        `SELECT account, login, company, contract, shared, known_domains AS "knownDomains"
         FROM provider.legacy_sign_in WHERE cookie_hash = $1 AND expires_at > now()`,
        [cookieHash],
      )
      return rows[0]
    },
  }
}
