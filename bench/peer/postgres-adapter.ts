/** The plainest adapter on PostgreSQL: one table, one statement a call. Written after the library's documentation. */
import type { Adapter, AdapterFactory, AdapterPayload } from 'oidc-provider'
import pg from 'pg'

/** Makes its table when there is none. */
export async function createPostgresAdapter(url: string): Promise<AdapterFactory> {
  const pool = new pg.Pool({ connectionString: url, max: 10 })
  await pool.query(`CREATE TABLE IF NOT EXISTS payload (
    model text, id text, payload jsonb NOT NULL, grant_id text, uid text, user_code text, expires_at timestamptz,
    consumed_at timestamptz, PRIMARY KEY (model, id))`)
  await pool.query(
    'CREATE INDEX IF NOT EXISTS payload_grant ON payload (grant_id) WHERE grant_id IS NOT NULL',
  )
  await pool.query('CREATE INDEX IF NOT EXISTS payload_uid ON payload (uid) WHERE uid IS NOT NULL')

  return (model): Adapter => {
    const find = async (column: string, value: string): Promise<AdapterPayload | undefined> => {
      const { rows } = await pool.query<{ payload: AdapterPayload; consumed_at: Date | null }>(
        `SELECT payload, consumed_at FROM payload WHERE model = $1 AND ${column} = $2
           AND (expires_at IS NULL OR expires_at > now())`,
        [model, value],
      )
      const [row] = rows
      return row && { ...row.payload, ...(row.consumed_at && { consumed: row.consumed_at.getTime() / 1000 }) }
    }
    return {
      async upsert(id, payload, expiresIn) {
        await pool.query(
          `INSERT INTO payload (model, id, payload, grant_id, uid, user_code, expires_at)
           VALUES ($1, $2, $3, $4, $5, $6, now() + make_interval(secs => $7))
           ON CONFLICT (model, id) DO UPDATE SET payload = excluded.payload, grant_id = excluded.grant_id,
             uid = excluded.uid, user_code = excluded.user_code, expires_at = excluded.expires_at`,
          [model, id, payload, payload.grantId, payload.uid, payload.userCode, expiresIn ?? null],
        )
      },
      find: (id) => find('id', id),
      findByUid: (uid) => find('uid', uid),
      findByUserCode: (code) => find('user_code', code),
      async consume(id) {
        await pool.query('UPDATE payload SET consumed_at = now() WHERE model = $1 AND id = $2', [model, id])
      },
      async destroy(id) {
        await pool.query('DELETE FROM payload WHERE model = $1 AND id = $2', [model, id])
      },
      async revokeByGrantId(grantId) {
        await pool.query('DELETE FROM payload WHERE grant_id = $1', [grantId])
      },
    }
  }
}
