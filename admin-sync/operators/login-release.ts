/**
 * The desk's way to free a login that somebody holds.
 *
 *   its account was deleted at Keycloak   `closed` becomes `withdrawn` (`released`) at once
 *   its holder left the company           `opened`: the job `close-account` shuts the account, then frees the login
 *
 * Whoever signs in to Cofacering with the login may activate it then. Without `confirm` nothing is written: the answer
 * says what would happen. The same command twice, or from two operators, does it once.
 */
import type pg from 'pg'
import { inTransaction } from '../transaction.ts'
import { recordAction, type Operator } from './audit.ts'

export type LoginRelease =
  /** Would be, or was, freed at once. */
  | { outcome: 'would_release' | 'released'; activation: string }
  /** The account would be, or is about to be, closed; the login is free after that. */
  | { outcome: 'would_close' | 'closing'; activation: string }
  /** Somebody has asked for it before, and the job has not ended yet. */
  | { outcome: 'closing_already'; activation: string }
  /** Confirmed a moment ago: its account is being opened. */
  | { outcome: 'opening'; activation: string }
  /** Nobody holds it: it can be activated as it is. */
  | { outcome: 'free' }
  /** No activation has this login. */
  | { outcome: 'unknown' }
  /** Several accounts of Cofacering are written like this. */
  | { outcome: 'ambiguous' }

/**
 * Capitals make no difference, as for `find`.
 * @param operator absent: a rehearsal
 */
export function releaseLogin(pool: pg.Pool, login: string, operator?: Operator): Promise<LoginRelease> {
  return inTransaction(pool, async (client) => {
    const holder = await findHolder(client, login)
    if (typeof holder === 'string') return { outcome: holder }
    const { id: activation, state } = holder
    const record = (outcome: string) =>
      operator ? recordAction(client, operator, 'logins release', outcome, activation) : undefined
    if (state === 'confirmed') return { outcome: 'opening', activation }
    if (state === 'closed') {
      if (!operator) return { outcome: 'would_release', activation }
      await client.query(
        `UPDATE ellipro.activation SET state = 'withdrawn', reason = 'released', ended_at = now()
          WHERE id = $1 AND state = 'closed'`,
        [activation],
      )
      await record('released')
      return { outcome: 'released', activation }
    }
    if (await isBeingClosed(client, activation)) return { outcome: 'closing_already', activation }
    if (!operator) return { outcome: 'would_close', activation }
    await client.query(
      `INSERT INTO ellipro.account_closing (activation_id) VALUES ($1)
       ON CONFLICT (activation_id) DO UPDATE SET requested_at = now(), ended_at = NULL, outcome = NULL`,
      [activation],
    )
    await client.query(`INSERT INTO ellipro.outbox (kind, activation_id) VALUES ('close-account', $1)`, [
      activation,
    ])
    await record('closing')
    return { outcome: 'closing', activation }
  })
}

/** The row is locked: two operators come one after the other. */
async function findHolder(
  client: pg.PoolClient,
  login: string,
): Promise<{ id: string; state: string } | 'unknown' | 'ambiguous' | 'free'> {
  const { rows } = await client.query<{ id: string; state: string; account: string }>(
    `SELECT id, state, account FROM ellipro.activation
      WHERE lower(login COLLATE "und-x-icu") = lower($1 COLLATE "und-x-icu")`,
    [login.trim().normalize('NFC')],
  )
  if (rows.length === 0) return 'unknown'
  if (new Set(rows.map(({ account }) => account)).size > 1) return 'ambiguous'
  const held = await client.query<{ id: string; state: string }>(
    `SELECT id, state FROM ellipro.activation
      WHERE account = $1 AND holds AND state IN ('confirmed', 'opened', 'closed') FOR UPDATE`,
    [rows[0]?.account],
  )
  return held.rows[0] ?? 'free'
}

async function isBeingClosed(client: pg.PoolClient, activation: string): Promise<boolean> {
  const { rowCount } = await client.query(
    'SELECT FROM ellipro.account_closing WHERE activation_id = $1 AND outcome IS NULL',
    [activation],
  )
  return rowCount === 1
}
