/**
 * People in every stage that a measurement needs, written straight into PostgreSQL (as superuser) and Keycloak: what a
 * whole activation would have left there, without walking through it.
 */
import { createHash, randomBytes, randomUUID } from 'node:crypto'
import type pg from 'pg'
import { createVerifiers } from '../provider/activation/verifier.ts'
import type { KeycloakStage, Stage } from './stage.ts'
import { inParallel } from './web.ts'

export const password = 'Un-bon-mot-de-passe-2026'
const sha256 = (bytes: Buffer) => createHash('sha256').update(bytes).digest()
const newAddress = () => `${randomBytes(8).toString('hex')}@bench.example`

export type Opened = { id: string; sub: string; address: string }
export type Proved = Opened & { handle: string; proof: string }

/** Accounts that were just opened; Keycloak knows nothing of them. */
export async function insertOpened(database: pg.Pool, count: number): Promise<Opened[]> {
  const addresses = Array.from({ length: count }, newAddress)
  const { rows } = await database.query<Opened>(
    `WITH opened AS (
       INSERT INTO ellipro.activation (state, account, login, company, contract, address, locale, expires_at, opened_at)
       SELECT 'opened', gen_random_uuid()::text, 'login', 'Company', 'C1', address, 'fr', now() + interval '1 day', now()
         FROM unnest($1::text[]) AS address
       RETURNING id, sub, address),
     secret AS (INSERT INTO ellipro.activation_secret (activation_id) SELECT id FROM opened)
     SELECT id, sub, address FROM opened`,
    [addresses],
  )
  return rows
}

/** Gives each a fresh proof, as the page that waits for the opening does, good for ten minutes. */
export async function prove(database: pg.Pool, people: readonly Opened[]): Promise<Proved[]> {
  const proofs = people.map((person) => ({
    ...person,
    handle: randomBytes(32).toString('base64url'),
    bytes: randomBytes(32),
  }))
  await database.query(
    `UPDATE ellipro.activation_secret s SET proof_handle = given.handle, proof_hash = given.hash,
            proof_expires_at = now() + interval '10 minutes'
       FROM unnest($1::uuid[], $2::text[], $3::bytea[]) AS given (id, handle, hash)
      WHERE s.activation_id = given.id`,
    [
      proofs.map(({ id }) => id),
      proofs.map(({ handle }) => handle),
      proofs.map(({ bytes }) => sha256(bytes)),
    ],
  )
  return proofs.map(({ bytes, ...person }) => ({ ...person, proof: bytes.toString('base64url') }))
}

/** Of no activation. */
export function newPeople(count: number): { sub: string; address: string }[] {
  return Array.from({ length: count }, () => ({ sub: randomUUID(), address: newAddress() }))
}

/** Users of Keycloak that a link of this identity provider signs in. */
export async function createLinkedUsers(
  keycloak: KeycloakStage,
  alias: string,
  people: readonly { sub: string; address: string }[],
): Promise<void> {
  for (const { sub, address } of people)
    await keycloak.admin('POST', '/users', {
      username: address,
      email: address,
      emailVerified: true,
      enabled: true,
      federatedIdentities: [{ identityProvider: alias, userId: sub, userName: sub }],
    })
}

/** Users with an address and a password, hashed by Keycloak with its default Argon2. @returns their addresses */
export async function createPasswordUsers(keycloak: KeycloakStage, count: number): Promise<string[]> {
  const addresses = Array.from({ length: count }, newAddress)
  for (const address of addresses)
    await keycloak.admin('POST', '/users', {
      username: address,
      email: address,
      emailVerified: true,
      enabled: true,
      credentials: [{ type: 'password', value: password, temporary: false }],
    })
  return addresses
}

export type LegacyPerson = { account: string; login: string }
let logins = 0

/**
 * Logins of Cofacering on a contract of their own; nobody needs their password.
 * @param hashes given in turn
 */
export async function insertLogins(
  cofacering: pg.Pool,
  count: number,
  hashes: readonly string[],
): Promise<LegacyPerson[]> {
  await cofacering.query(
    `INSERT INTO contract VALUES ('BENCH', 'Banc d’essai', '000000000', 'Mesure', '75001', 'Paris', 'Aucun', 0,
       '2020-01-01', 'Personne', 'contact@bench.example', '0100000000', '{}') ON CONFLICT DO NOTHING`,
  )
  const people = Array.from({ length: count }, () => {
    const number = ++logins
    return { account: `bench-${number}`, login: `banc.essai.${number}` }
  })
  await cofacering.query(
    `INSERT INTO login (id, login, password_hash, contract_id, shared, disabled, created_on)
     SELECT given.id, given.login, ($3::text[])[1 + (given.place % $4)::integer], 'BENCH', false, false, '2020-01-01'
       FROM unnest($1::text[], $2::text[]) WITH ORDINALITY AS given (id, login, place)`,
    [people.map(({ account }) => account), people.map(({ login }) => login), hashes, hashes.length],
  )
  return people
}

export type Confirmable = { id: string; address: string; k: string; userId: string; sub: string }

/** People whose mailbox Keycloak has confirmed, and who now type their password once more. */
export async function createConfirmable(
  stage: Stage,
  keycloak: KeycloakStage,
  count: number,
): Promise<Confirmable[]> {
  const { database, secrets } = stage
  const verifiers = createVerifiers(Buffer.from(secrets.providerVerifierKey, 'base64url'))
  const salt = randomBytes(16)
  const verifier = await verifiers.derive(password, salt)
  const legacy = await insertLogins(stage.cofacering, count, ['none'])
  return inParallel(count, 2, async (index) => {
    const { account, login } = legacy[index]!
    const [address, record, k] = [newAddress(), randomUUID(), randomBytes(32)]
    const created = await keycloak.admin('POST', '/users', {
      username: address,
      email: address,
      emailVerified: true,
      enabled: true,
      attributes: { activation: ['pending'], activation_record: [record] },
    })
    const userId = created.headers.get('location')!.split('/').at(-1)!
    const { rows } = await database.query<{ id: string; sub: string }>(
      `INSERT INTO ellipro.activation
         (state, account, login, company, contract, address, locale, expires_at, mailed_generation)
       VALUES ('mailed', $1, $2, 'Banc d’essai', 'BENCH', $3, 'fr', now() + interval '1 day', 1) RETURNING id, sub`,
      [account, login, address],
    )
    const { id, sub } = rows[0]!
    await database.query(
      'INSERT INTO ellipro.activation_secret (activation_id, salt, verifier, link_hash) VALUES ($1, $2, $3, $4)',
      [id, salt, verifier, sha256(k)],
    )
    await database.query(
      'INSERT INTO ellipro.keycloak_user (record, address_key, user_id) VALUES ($1, $2, $3)',
      [record, address, userId],
    )
    return { id, address, k: k.toString('base64url'), userId, sub }
  })
}
