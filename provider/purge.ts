/** Removes what has expired from provider's own tables. Activations are none of its business: admin-sync ends those. */
import type pg from 'pg'

/** Safe to run in every replica at any time. @throws the errors of `pg` */
export async function purgeExpired(pool: pg.Pool, now: number): Promise<void> {
  await pool.query('DELETE FROM provider.oidc_payload WHERE expires_at < now()')
  await pool.query('DELETE FROM provider.legacy_sign_in WHERE expires_at < now()')
  await pool.query('DELETE FROM provider.rate_limit WHERE expire < $1', [now])
  // A retired key has not been published for long; its row is kept a month for whoever looks into an old log.
  await pool.query(`DELETE FROM provider.oidc_key WHERE retired_at < now() - interval '30 days'`)
}
