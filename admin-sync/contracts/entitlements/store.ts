/** The SQL statements of entitlements, and what a user is to have by them. */
import type pg from 'pg'
import type { User } from '../../keycloak/representations.ts'
import {
  listContracts,
  noRights,
  planEntitlements,
  unknownUser,
  type Attributes,
  type Rights,
  type Standing,
} from './entitlements.ts'

/** By user id; users of whom nothing is known are not in it. */
export async function readStandings(
  pool: pg.Pool,
  userIds: readonly string[],
): Promise<ReadonlyMap<string, Standing>> {
  const { rows } = await pool.query<Standing & { userId: string }>(
    `SELECT h.user_id AS "userId",
            coalesce(array_agg(DISTINCT coalesce(d.contract, a.contract)) FILTER (WHERE a.state = 'opened'), '{}') AS held,
            bool_or(h.own AND a.state <> 'opened') AS "isClosed"
       FROM ellipro.account_holding h
       JOIN ellipro.activation a ON a.id = h.activation_id
       LEFT JOIN ellipro.added_contract d ON d.activation_id = a.id
      WHERE h.user_id = ANY ($1) GROUP BY h.user_id`,
    [userIds],
  )
  return new Map(rows.map(({ userId, ...standing }) => [userId, standing]))
}

/** By contract; those that were not imported are not in it. */
export async function readRights(
  pool: pg.Pool,
  contracts: readonly string[],
): Promise<ReadonlyMap<string, Rights>> {
  const { rows } = await pool.query<Rights & { contract: string }>(
    `SELECT contract, reports, analyses, score, countries FROM ellipro.contract_entitlement
      WHERE contract = ANY ($1)`,
    [contracts],
  )
  return new Map(rows.map(({ contract, ...rights }) => [contract, rights]))
}

/** The contract of a job's id. */
export async function findContract(pool: pg.Pool, id: string): Promise<string | undefined> {
  const { rows } = await pool.query<{ contract: string }>(
    'SELECT contract FROM ellipro.contract_transfer WHERE id = $1',
    [id],
  )
  return rows[0]?.contract
}

/**
 * Asks for the job of each contract, whatever an import says of it: for people whom only an administrator gave one.
 * @param named these; `undefined`: all that were imported
 * @returns how many, and those that nobody knows: no import, no account
 */
export async function askForEntitlements(
  pool: pg.Pool,
  named: readonly string[] | undefined,
): Promise<{ asked: number; unknown: string[] }> {
  const { rows } = await pool.query<{ contract: string }>(
    `WITH wanted AS (SELECT contract, id FROM ellipro.contract_transfer WHERE $1::text[] IS NULL OR contract = ANY ($1)),
          asked AS (INSERT INTO ellipro.case_outbox (kind, subject_id) SELECT 'sync-entitlements', id FROM wanted)
     SELECT contract FROM wanted`,
    [named ?? null],
  )
  const known = new Set(rows.map(({ contract }) => contract))
  return { asked: known.size, unknown: (named ?? []).filter((contract) => !known.has(contract)) }
}

/** Users whose logins are of the contract, in order, after the given one. */
export async function listHolders(
  pool: pg.Pool,
  contract: string,
  after: string,
  limit: number,
): Promise<string[]> {
  const { rows } = await pool.query<{ userId: string }>(
    `SELECT DISTINCT h.user_id AS "userId" FROM ellipro.activation a
       JOIN ellipro.account_holding h ON h.activation_id = a.id
      WHERE a.contract = $1 AND a.state = 'opened' AND h.user_id > $2 ORDER BY 1 LIMIT $3`,
    [contract, after, limit],
  )
  return rows.map(({ userId }) => userId)
}

/**
 * What differs on a user, by the database now. For the jobs that write the user anyway.
 * @param move contracts that the account is getting or losing by this very write
 */
export async function describeEntitlements(
  pool: pg.Pool,
  user: Pick<User, 'id' | 'attributes'>,
  move: { adding?: string; taking?: string } = {},
): Promise<Attributes> {
  const current = attributesOf(user)
  const standing = (await readStandings(pool, [user.id])).get(user.id) ?? unknownUser
  const { adding, taking } = move
  const isStaying = (contract: string) => contract !== taking
  const contracts = listContracts((current['contract'] ?? []).filter(isStaying), {
    ...standing,
    held: [...standing.held.filter(isStaying), ...(adding === undefined ? [] : [adding])],
  })
  const rights = await readRights(pool, contracts)
  const plan = planEntitlements(current, contracts, rights)
  // What the contract gave goes with it, also where nothing is known of those that stay.
  if (taking === undefined || rights.size > 0) return plan
  return { ...noRights, ...plan }
}

export const attributesOf = (user: Pick<User, 'attributes'>): Record<string, string[]> =>
  (user.attributes as Record<string, string[]> | undefined) ?? {}
