/**
 * The SQL statements of contracts that are added to accounts that existed before. provider's side of them is the
 * functions `addition_view` to `addition_state` of core/database/migrations/0007-shared-logins.sql.
 *
 * What a run of the job writes about an attempt is guarded by the browser of that attempt: another browser that has
 * given link and password since is not told what became of this one.
 */
import type pg from 'pg'
import type { LegacyLogin } from '../accounts/legacy-data.ts'
import { noteShared } from '../accounts/note-shared.ts'
import { inTransaction } from '../transaction.ts'

/** How an addition ended, as its page is told. */
export type AdditionOutcome =
  | 'added'
  /** Who signed in is not who reads the mailbox. */
  | 'wrong_person'
  /** The ID token does not count: too old, for something else, not Keycloak's. */
  | 'sign_in_refused'
  /** The account of the address is disabled, or its address is not confirmed. */
  | 'account_unusable'
  /** Cofacering does not know the login any more. */
  | 'login_unknown'
  /** The login has its holder meanwhile, or an agent must decide: it became a request. */
  | 'waiting'

export type Addition = {
  id: string
  kind: 'legacy' | 'granted'
  state: string
  reason: string | null
  account: string
  address: string
  addressKey: string
  shared: boolean
  correlationId: string | null
  hasTimeLeft: boolean
  /** SHA-256 of the cookie of the browser that gave link and password. */
  browserHash: Buffer
  idToken: string | null
  /** By the database's clock. */
  receivedAt: Date | null
  /** Whom a verified ID token named. */
  userId: string | null
  outcome: string | null
  /** The contract that was taken for an account, and whether Keycloak has it. */
  taken: { userId: string; contract: string; isAdded: boolean } | undefined
}

type Row = Omit<Addition, 'taken'> & {
  takenUserId: string | null
  takenContract: string | null
  isAdded: boolean | null
}

/** `undefined`: nobody has given link and password of it. */
export async function readAddition(pool: pg.Pool, id: string): Promise<Addition | undefined> {
  const { rows } = await pool.query<Row>(
    `SELECT a.id, a.kind, a.state, a.reason, a.account, a.address, a.address_key AS "addressKey", a.shared,
            a.request_id AS "correlationId", a.expires_at > now() AS "hasTimeLeft", s.addition_hash AS "browserHash",
            s.addition_token AS "idToken", s.addition_received_at AS "receivedAt", s.addition_user_id AS "userId",
            s.addition_outcome AS outcome, d.user_id AS "takenUserId", d.contract AS "takenContract",
            d.added_at IS NOT NULL AS "isAdded"
       FROM ellipro.activation a JOIN ellipro.activation_secret s ON s.activation_id = a.id
       LEFT JOIN ellipro.added_contract d ON d.activation_id = a.id
      WHERE a.id = $1 AND s.addition_hash IS NOT NULL`,
    [id],
  )
  const [row] = rows
  if (!row) return undefined
  const { takenUserId, takenContract, isAdded, ...addition } = row
  return {
    ...addition,
    taken:
      takenUserId === null || takenContract === null
        ? undefined
        : { userId: takenUserId, contract: takenContract, isAdded: isAdded === true },
  }
}

const changed = async (pool: pg.Pool, text: string, values: unknown[]) =>
  ((await pool.query(text, values)).rowCount ?? 0) > 0

/** The token has said who it was, and is erased. */
export const keepVerified = (pool: pg.Pool, { id, browserHash }: Addition, userId: string) =>
  changed(
    pool,
    `UPDATE ellipro.activation_secret SET addition_user_id = $3, addition_token = NULL
      WHERE activation_id = $1 AND addition_hash = $2 AND addition_token IS NOT NULL`,
    [id, browserHash, userId],
  )

/** Ends this attempt; another one may follow. */
export const endAttempt = (pool: pg.Pool, { id, browserHash }: Addition, outcome: AdditionOutcome) =>
  changed(
    pool,
    `UPDATE ellipro.activation_secret
        SET addition_outcome = $3, addition_token = NULL, addition_user_id = NULL
      WHERE activation_id = $1 AND addition_hash = $2 AND addition_outcome IS NULL`,
    [id, browserHash, outcome],
  )

/** For operators: `find` shows it. */
export const noteError = (pool: pg.Pool, id: string, code: string | null) =>
  changed(pool, 'UPDATE ellipro.activation SET last_error = $2 WHERE id = $1', [id, code])

/** All but the digests of the links and of the browser: their pages go on telling what became of it. */
const eraseSecrets = `UPDATE ellipro.activation_secret
  SET salt = NULL, verifier = NULL, credential = NULL, proof_handle = NULL, proof_hash = NULL, proof_expires_at = NULL,
      addition_token = NULL, addition_user_id = NULL`

/**
 * Takes the contract for the account: the login has its holder from here on, which the database decides, and Keycloak
 * is written after that. `waiting`: somebody else holds the login, or an agent must decide; then it is a request.
 * `superseded`: withdrawn, or tried again from another browser.
 */
export function takeContract(
  pool: pg.Pool,
  { id, account, browserHash }: Addition,
  { userId, contract, hadBefore }: { userId: string; contract: string; hadBefore: boolean },
): Promise<'taken' | 'waiting' | 'superseded'> {
  return inTransaction(pool, async (client) => {
    // A login's lock comes before any row of it, as in the functions of provider: nobody confirms it meanwhile.
    await client.query(`SELECT pg_advisory_xact_lock(hashtextextended('account:' || $1, 0))`, [account])
    const { rows } = await client.query<{ kind: string; needsAgent: boolean; isHeld: boolean }>(
      `SELECT a.kind, a.needs_agent AS "needsAgent",
              EXISTS (SELECT FROM ellipro.login_holder(a.account) h
                       WHERE h.id <> a.id AND NOT (h.id IS NOT DISTINCT FROM a.succeeds AND h.state = 'closed')) AS "isHeld"
         FROM ellipro.activation a JOIN ellipro.activation_secret s ON s.activation_id = a.id
        WHERE a.id = $1 AND a.state = 'refused' AND a.reason = 'address_taken'
          AND s.addition_hash = $2 AND s.addition_user_id = $3 FOR UPDATE`,
      [id, browserHash, userId],
    )
    const [found] = rows
    if (!found) return 'superseded'
    if (found.kind === 'legacy' && (found.needsAgent || found.isHeld)) {
      await becomeRequest(client, id, found.needsAgent ? 'agent' : 'login_held')
      return 'waiting'
    }
    await client.query(
      `UPDATE ellipro.activation p SET state = 'withdrawn', reason = 'replaced'
         FROM ellipro.activation a WHERE a.id = $1 AND p.id = a.succeeds AND p.state = 'closed'`,
      [id],
    )
    await client.query(
      // An agent has opened it: whoever holds the login by now goes on holding it.
      `UPDATE ellipro.activation
          SET state = 'opened', contract = $3, reason = 'contract_added', holds = holds AND NOT $2, last_error = NULL, ended_at = NULL,
              confirmed_at = now(), opened_at = now(), signed_in_at = now(), unlinked_at = now()
        WHERE id = $1`,
      [id, found.isHeld, contract],
    )
    await client.query(
      `INSERT INTO ellipro.added_contract (activation_id, user_id, contract, had_before) VALUES ($1, $2, $3, $4)`,
      [id, userId, contract, hadBefore],
    )
    await client.query(`${eraseSecrets}, finisher_hash = NULL WHERE activation_id = $1`, [id])
    return 'taken'
  })
}

/** As confirm_activation does: the address is proved, and the page of whoever waits is open to this browser. */
async function becomeRequest(client: pg.PoolClient, id: string, reason: string): Promise<void> {
  await client.query(
    `UPDATE ellipro.activation SET state = 'waiting', reason = $2, confirmed_at = now(), ended_at = now() WHERE id = $1`,
    [id, reason],
  )
  await client.query(
    `${eraseSecrets}, finisher_hash = addition_hash, addition_outcome = 'waiting' WHERE activation_id = $1`,
    [id],
  )
  await client.query('SELECT ellipro.ask_from_waiting($1)', [id])
}

/**
 * Keycloak has it: everybody who has to know is told, as for an account that opens.
 * @param login as Cofacering has it; `undefined` when it has it no more
 */
export function markAdded(
  pool: pg.Pool,
  addition: Addition,
  login: LegacyLogin | undefined,
): Promise<boolean> {
  const { id, account, kind } = addition
  return inTransaction(pool, async (client) => {
    await client.query(`SELECT pg_advisory_xact_lock(hashtextextended('account:' || $1, 0))`, [account])
    const { rowCount } = await client.query(
      'UPDATE ellipro.added_contract SET added_at = now() WHERE activation_id = $1 AND added_at IS NULL',
      [id],
    )
    if (rowCount === 0) return false
    await client.query(
      `UPDATE ellipro.activation_secret SET addition_outcome = 'added' WHERE activation_id = $1`,
      [id],
    )
    await client.query('UPDATE ellipro.activation SET last_error = NULL WHERE id = $1', [id])
    // What changed between the reading of the contract and the writing of the account.
    await client.query(
      `INSERT INTO ellipro.case_outbox (kind, subject_id)
       SELECT 'sync-entitlements', t.id FROM ellipro.added_contract d
         JOIN ellipro.contract_transfer t ON t.contract = d.contract WHERE d.activation_id = $1`,
      [id],
    )
    await client.query(
      `SELECT ellipro.note_case(id, NULL, 'contract_added', 'person', '{}') FROM ellipro.login_case WHERE account = $1`,
      [account],
    )
    // The next pass tells of the request, where an agent had granted it.
    if (login) await noteShared(client, addition, login)
    else
      await client.query('SELECT ellipro.touch_case(id) FROM ellipro.login_case WHERE account = $1', [
        account,
      ])
    if (kind === 'legacy')
      await client.query(`INSERT INTO ellipro.outbox (kind, activation_id) VALUES ('notify-contact', $1)`, [
        id,
      ])
    return true
  })
}
