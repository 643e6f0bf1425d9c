/**
 * The desk's way back for a login whose account was deleted at Keycloak: `closed` becomes `withdrawn`, reason
 * `released`, and whoever signs in to Cofacering with the login may activate it again. Nothing else is released: an
 * opened account has its person.
 */
import type pg from 'pg'

export type LoginRelease =
  | { outcome: 'released'; activation: string }
  /** The login has its holder, who is not gone as far as the last sweep knows. */
  | { outcome: 'held'; activation: string }
  /** Nobody holds it: it can be activated as it is. */
  | { outcome: 'free' }
  /** No activation has this login. */
  | { outcome: 'unknown' }
  /** Several accounts of Cofacering are written like this. */
  | { outcome: 'ambiguous' }

/** Capitals make no difference, as for `find`. */
export async function releaseLogin(pool: pg.Pool, login: string): Promise<LoginRelease> {
  const { rows } = await pool.query<{ id: string; state: string; account: string }>(
    `SELECT id, state, account FROM ellipro.activation
      WHERE lower(login COLLATE "und-x-icu") = lower($1 COLLATE "und-x-icu") AND kind = 'legacy'`,
    [login.trim().normalize('NFC')],
  )
  if (rows.length === 0) return { outcome: 'unknown' }
  if (new Set(rows.map(({ account }) => account)).size > 1) return { outcome: 'ambiguous' }
  const holder = rows.find(({ state }) => ['confirmed', 'opened', 'closed'].includes(state))
  if (!holder) return { outcome: 'free' }
  const released = await pool.query(
    `UPDATE ellipro.activation SET state = 'withdrawn', reason = 'released', ended_at = now()
      WHERE id = $1 AND state = 'closed'`,
    [holder.id],
  )
  return { outcome: released.rowCount === 1 ? 'released' : 'held', activation: holder.id }
}
