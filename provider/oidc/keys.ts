/**
 * Signing keys of the OP: provider.oidc_key, shared by all replicas. The private part is sealed with
 * PROVIDER_SEALING_KEY, which the database does not have.
 *
 * - A `kid` is the key's thumbprint (RFC 7638): Keycloak keeps keys by kid, and a reused one breaks every sign-in.
 * - A key is published before it signs (10 minutes), so that no replica and no cache meets a signature whose key it
 *   cannot know. The very first key signs at once: nobody has cached anything yet.
 * - A key that is old gets a successor; when that one has signed for a day, the old one is no longer published.
 *
 * To replace keys that may be known to somebody: DELETE FROM provider.oidc_key, then restart every replica.
 */
import { calculateJwkThumbprint, exportJWK, generateKeyPair, type JWK } from 'jose'
import type pg from 'pg'
import { ConfigError } from '../../core/errors.ts'
import type { Seal } from '../seal.ts'

export const publishedBeforeUseSeconds = 600
const successorAfterDays = 90
const publishedAfterUseSeconds = 86_400

/** Private keys, the signing one first; at least one. */
export type SigningKeys = [JWK, ...JWK[]]

type Row = { kid: string; public_jwk: JWK; sealed_private_jwk: Buffer; signs_from: Date }

/**
 * Makes the first key or a successor when one is due, retires what has had its day, and reads the rest.
 * Replicas do this one at a time.
 * @param now milliseconds since 1970
 * @throws ConfigError when a key does not open with this sealing key
 */
export async function maintainKeys(pool: pg.Pool, seal: Seal, now: number): Promise<SigningKeys> {
  const client = await pool.connect()
  let broken: Error | undefined
  try {
    await client.query('BEGIN')
    await client.query(`SELECT pg_advisory_xact_lock(hashtextextended('provider.oidc_key', 0))`)
    const [newest] = await readRows(client)
    if (!newest) await insertKey(client, seal, now, now)
    else if (now - newest.signs_from.getTime() > successorAfterDays * 86_400_000)
      await insertKey(client, seal, now, now + publishedBeforeUseSeconds * 1000)
    await retireKeys(client, now)
    const rows = await readRows(client)
    await client.query('COMMIT')
    return orderKeys(rows, now).map((row) => openKey(row, seal)) as SigningKeys
  } catch (error) {
    await client.query('ROLLBACK').catch((failure: Error) => {
      broken = failure
    })
    throw error
  } finally {
    // A connection that could not even roll back is not given to anybody else.
    client.release(broken)
  }
}

/** Publishes a successor now; it signs after `publishedBeforeUseSeconds`. */
export async function publishSuccessor(pool: pg.Pool, seal: Seal, now: number): Promise<void> {
  await insertKey(pool, seal, now, now + publishedBeforeUseSeconds * 1000)
}

/** The newest key whose time has come signs; without one (clocks apart) the oldest. Pure. */
function orderKeys<T extends { signs_from: Date }>(newestFirst: readonly T[], now: number): T[] {
  const signer = newestFirst.find((key) => key.signs_from.getTime() <= now) ?? newestFirst.at(-1)
  if (!signer) throw new Error('No signing key')
  return [signer, ...newestFirst.filter((key) => key !== signer)]
}

async function readRows(client: pg.ClientBase): Promise<Row[]> {
  const { rows } = await client.query<Row>(
    `SELECT kid, public_jwk, sealed_private_jwk, signs_from FROM provider.oidc_key
      WHERE retired_at IS NULL ORDER BY signs_from DESC, kid`,
  )
  return rows
}

/** Retires every key that has a successor which signs for a day. */
async function retireKeys(client: pg.ClientBase, now: number): Promise<void> {
  await client.query(
    `UPDATE provider.oidc_key k SET retired_at = $1
      WHERE retired_at IS NULL AND EXISTS (SELECT FROM provider.oidc_key s
        WHERE s.retired_at IS NULL AND s.signs_from > k.signs_from AND s.signs_from <= $2)`,
    [new Date(now), new Date(now - publishedAfterUseSeconds * 1000)],
  )
}

async function insertKey(
  client: pg.ClientBase | pg.Pool,
  seal: Seal,
  now: number,
  signsFrom: number,
): Promise<void> {
  const { privateKey } = await generateKeyPair('ES256', { extractable: true })
  const { d, ...publicPart } = await exportJWK(privateKey)
  const kid = await calculateJwkThumbprint(publicPart)
  const publicJwk = { ...publicPart, kid, alg: 'ES256', use: 'sig' }
  await client.query(
    `INSERT INTO provider.oidc_key (kid, public_jwk, sealed_private_jwk, created_at, signs_from)
      VALUES ($1, $2, $3, $4, $5)`,
    [
      kid,
      JSON.stringify(publicJwk),
      seal.close(Buffer.from(JSON.stringify({ ...publicJwk, d })), kid),
      new Date(now),
      new Date(signsFrom),
    ],
  )
}

function openKey(row: Row, seal: Seal): JWK {
  const opened = seal.open(row.sealed_private_jwk, row.kid)
  if (!opened)
    throw new ConfigError([
      'PROVIDER_SEALING_KEY does not open the signing keys in the database: give the key that sealed them, or delete the rows of provider.oidc_key',
    ])
  return JSON.parse(opened.toString('utf8')) as JWK
}
