import type pg from 'pg'
import type { LegacyLogin } from './legacy-data.ts'

/**
 * An account was opened, or a contract added to one: a login that Cofacering or the person calls shared has a case from
 * then on, and one that has a case is looked at again. In the caller's transaction, which holds the login's lock.
 * @param activation `shared`: the person said so
 */
export async function noteShared(
  client: pg.ClientBase,
  { account, shared }: { account: string; shared: boolean },
  { login, company, contract, shared: flagged }: LegacyLogin,
): Promise<void> {
  const sources = [...(flagged ? ['legacy_flag'] : []), ...(shared ? ['said_shared'] : [])]
  for (const source of sources)
    await client.query('SELECT ellipro.ensure_case($1, $2, $3, $4, $5, $6)', [
      account,
      login,
      company,
      contract,
      source,
      'admin-sync',
    ])
  await client.query('SELECT ellipro.touch_case(id) FROM ellipro.login_case WHERE account = $1', [account])
}
