/**
 * Where oidc-provider keeps its artefacts: provider.oidc_payload, one row each, shared by all replicas.
 *
 * What differs from a plain adapter, and why:
 * - ids are stored as SHA-256 digests, and the copies of an id inside the payload are left out: a reader of the table
 *   holds no code and no interaction;
 * - `consume`, the result of an interaction and its end are one guarded statement each. The library looks first and acts later,
 *   so two parallel requests would both pass; here the second one finds no row and is refused;
 * - a ReplayDetection row can be inserted once, which makes a client assertion count once;
 * - sessions and access tokens are not stored at all: the OP keeps no session, and its access tokens open nothing;
 * - a grant is not stored either: each is the same but for its account, which stands in its id, and the code that
 *   carries the id is a row of its own that is redeemed once;
 * - a sign-in waits for the disk once, when its code is redeemed (../lazy-commit.ts).
 */
import { createHash, randomBytes } from 'node:crypto'
import { errors, type Adapter, type AdapterFactory, type AdapterPayload } from 'oidc-provider'
import type pg from 'pg'
import { lazily } from '../lazy-commit.ts'

const unstored = new Set(['Session', 'AccessToken'])
const digest = (id: string) => createHash('sha256').update(id).digest('base64url')

/**
 * One adapter for each model of the library. @throws (in its methods) the errors of `pg`
 * @param describeGrant what a grant of this account is
 */
export function createAdapterFactory(
  pool: pg.Pool,
  describeGrant: (accountId: string) => AdapterPayload,
): AdapterFactory {
  return (model) => {
    if (model === 'Grant') return { ...nothing, find: async (id) => findGrant(id, describeGrant) }
    return unstored.has(model) ? nothing : createAdapter(pool, model)
  }
}

/** The id of a new grant: nobody sees it but the OP and its database. */
export function newGrantId(accountId: string): string {
  return `${randomBytes(24).toString('base64url')}.${accountId}`
}

function findGrant(
  id: string,
  describeGrant: (accountId: string) => AdapterPayload,
): AdapterPayload | undefined {
  const accountId = /^[\w-]{32}\.(.+)$/.exec(id)?.[1]
  return accountId === undefined ? undefined : { ...describeGrant(accountId), jti: id, kind: 'Grant' }
}

const nothing: Adapter = {
  upsert: async () => {},
  find: async () => undefined,
  findByUid: async () => undefined,
  findByUserCode: async () => undefined,
  consume: async () => {},
  destroy: async () => {},
  revokeByGrantId: async () => {},
}

function createAdapter(pool: pg.Pool, model: string): Adapter {
  return {
    ...nothing,

    async upsert(id, payload, expiresIn) {
      const values = [
        model,
        digest(id),
        JSON.stringify(withoutId(payload, id)),
        payload.grantId === undefined ? null : digest(payload.grantId),
        expiresIn ?? null,
      ]
      const insert = `${lazily} INSERT INTO provider.oidc_payload (model, id, payload, grant_id, expires_at)
        SELECT $1, $2, $3::jsonb, $4, now() + make_interval(secs => $5) FROM lazily`
      if (model === 'ReplayDetection') {
        const { rowCount } = await pool.query(`${insert} ON CONFLICT DO NOTHING`, values)
        if (rowCount === 0)
          throw new errors.InvalidClientAuth('client assertion tokens must only be used once')
        return
      }
      if (model === 'Interaction' && payload['result'] !== undefined) {
        // Its end is written once it is there, and never brings back one that has ended or expired.
        const { rowCount } = await pool.query(
          `${lazily} UPDATE provider.oidc_payload SET payload = $3::jsonb, expires_at = now() + make_interval(secs => $4)
             FROM lazily WHERE model = $1 AND id = $2 AND expires_at > now()`,
          [model, digest(id), values[2], expiresIn],
        )
        if (rowCount === 0) throw new errors.SessionNotFound('interaction session not found')
        return
      }
      await pool.query(
        `${insert} ON CONFLICT (model, id) DO UPDATE
          SET payload = excluded.payload, grant_id = excluded.grant_id, expires_at = excluded.expires_at`,
        values,
      )
    },

    async find(id) {
      const { rows } = await pool.query<{ payload: AdapterPayload; consumed: number | null }>(
        `SELECT payload, extract(epoch FROM consumed_at)::integer AS consumed FROM provider.oidc_payload
          WHERE model = $1 AND id = $2 AND (expires_at IS NULL OR expires_at > now())`,
        [model, digest(id)],
      )
      const [row] = rows
      if (!row) return undefined
      return { ...withId(row.payload, id), ...(row.consumed !== null && { consumed: row.consumed }) }
    },

    async consume(id) {
      const { rowCount } = await pool.query(
        `UPDATE provider.oidc_payload SET consumed_at = now()
          WHERE model = $1 AND id = $2 AND consumed_at IS NULL AND expires_at > now()`,
        [model, digest(id)],
      )
      if (rowCount === 0) throw new errors.InvalidGrant('already consumed')
    },

    async destroy(id) {
      const { rowCount } = await pool.query(
        `${lazily} DELETE FROM provider.oidc_payload USING lazily WHERE model = $1 AND id = $2`,
        [model, digest(id)],
      )
      // The resume route ends the interaction before it issues a code: whoever comes second has none to end.
      if (model === 'Interaction' && rowCount === 0)
        throw new errors.SessionNotFound('interaction session not found')
    },

    async revokeByGrantId(grantId) {
      await pool.query('DELETE FROM provider.oidc_payload WHERE grant_id = $1', [digest(grantId)])
    },
  }
}

/** `returnTo` of an interaction ends with its id. */
function withoutId(payload: AdapterPayload, id: string): AdapterPayload {
  const { jti: _jti, returnTo, ...rest } = payload
  return { ...rest, ...(returnTo?.endsWith(id) && { returnTo: returnTo.slice(0, -id.length) }) }
}

function withId(payload: AdapterPayload, id: string): AdapterPayload {
  const { returnTo } = payload
  return { ...payload, jti: id, ...(returnTo !== undefined && { returnTo: returnTo + id }) }
}
