/**
 * What the desk does while the person is on the telephone: "no mail came" (resend), "stop this" (withdraw). Both act
 * on an activation that is under way as its pages show it: one that was refused because the address has an account
 * looks like the others here too, and the mail that is sent again is then "you already have an account" (invariant 4).
 *
 * The desk has no more mails to give than the person: the same pause and the same budgets (invariant 17). Only the mail
 * of an access that an agent opened has no budget, here as when it leaves for the first time.
 */
import type pg from 'pg'
import { inTransaction } from '../transaction.ts'
import { recordAction, type Operator } from './audit.ts'

/** `ambiguous`: several are under way; one of their ids says which. */
type NotFound =
  { outcome: 'unknown' } | { outcome: 'ended' } | { outcome: 'ambiguous'; activations: string[] }
export type Resend =
  | {
      outcome: 'requested' | 'too_soon' | 'address_budget' | 'login_budget' | 'confirmed'
      activation: string
    }
  | NotFound
export type Withdrawal =
  | { outcome: 'withdrawn'; activation: string; blocked: boolean; withdrawn: number }
  | { outcome: 'confirmed'; activation: string }
  | NotFound

type Row = { id: string; kind: string; state: string; account: string; addressKey: string; outward: string }

/** Asks for a fresh mail. Its link replaces that of the mail before. */
export function resendMail(pool: pg.Pool, wanted: string, operator: Operator): Promise<Resend> {
  return inTransaction(pool, async (client) => {
    const found = await findLive(client, wanted)
    if ('outcome' in found) return found
    const { id, kind, account, addressKey } = found
    const result = (outcome: Exclude<Resend, NotFound>['outcome']) =>
      recordAction(client, operator, 'activations resend', outcome, id).then(() => ({
        outcome,
        activation: id,
      }))
    if (found.outward !== 'mailed') return result('confirmed')
    const { rows } = await client.query<{ tooSoon: boolean }>(
      `SELECT mail_requested_at + make_interval(secs => ellipro.setting_value('resend_seconds')) > now() AS "tooSoon"
         FROM ellipro.activation WHERE id = $1`,
      [id],
    )
    if (rows[0]?.tooSoon !== false) return result('too_soon')
    const budget = await client.query<{ budget: 'ok' | 'address_budget' | 'login_budget' }>(
      'SELECT ellipro.request_budget($1, $2) AS budget',
      [account, addressKey],
    )
    const left = kind === 'granted' ? 'ok' : (budget.rows[0]?.budget ?? 'address_budget')
    if (left !== 'ok') return result(left)
    await client.query(
      `UPDATE ellipro.activation SET mail_generation = mail_generation + 1, mail_requested_at = now() WHERE id = $1`,
      [id],
    )
    await client.query(`INSERT INTO ellipro.outbox (kind, activation_id) VALUES ('send-confirmation', $1)`, [
      id,
    ])
    return result('requested')
  })
}

/**
 * Ends every pending activation of the login with this address, as "it was not me" does.
 * @param block also keeps the login from being used with the address, for as long as "it was not me" does
 */
export function withdrawActivation(
  pool: pg.Pool,
  wanted: string,
  { block }: { block: boolean },
  operator: Operator,
): Promise<Withdrawal> {
  return inTransaction(pool, async (client) => {
    const found = await findLive(client, wanted)
    if ('outcome' in found) return found
    const { id, account, addressKey } = found
    if (found.outward !== 'mailed') {
      await recordAction(client, operator, 'activations withdraw', 'confirmed', id)
      return { outcome: 'confirmed' as const, activation: id }
    }
    if (block)
      await client.query(
        `INSERT INTO ellipro.blocked_pair (account, address_key, until)
         VALUES ($1, $2, now() + make_interval(days => ellipro.setting_value('blocked_pair_days')))
         ON CONFLICT (account, address_key) DO UPDATE SET until = excluded.until`,
        [account, addressKey],
      )
    const { rows } = await client.query<{ id: string }>(
      `UPDATE ellipro.activation SET state = 'withdrawn', reason = $3, ended_at = now()
        WHERE account = $1 AND address_key = $2 AND state IN ('requested', 'mailed', 'refused') RETURNING id`,
      [account, addressKey, block ? 'not_me' : 'desk'],
    )
    const ids = rows.map((row) => row.id)
    // The withdraw code stays, so that the link in the mail says that it is done.
    await client.query(
      `UPDATE ellipro.activation_secret SET salt = NULL, verifier = NULL, link_hash = NULL
        WHERE activation_id = ANY ($1)`,
      [ids],
    )
    for (const ended of ids) {
      await client.query(`INSERT INTO ellipro.outbox (kind, activation_id) VALUES ('release', $1)`, [ended])
      await recordAction(client, operator, 'activations withdraw', block ? 'blocked' : 'withdrawn', ended)
    }
    return { outcome: 'withdrawn' as const, activation: id, blocked: block, withdrawn: ids.length }
  })
}

const select = (where: string) =>
  `SELECT id, kind, state, account, address_key AS "addressKey",
          ellipro.outward_state(state, reason, expires_at) AS outward
     FROM ellipro.activation WHERE ${where}`

/**
 * The one activation that is meant, and its row locked. By login or address: the one under way, as pages show it. The
 * login's lock comes first, as in start_activation: none of the pair starts meanwhile, and no deadlock.
 */
async function findLive(client: pg.PoolClient, wanted: string): Promise<Row | NotFound> {
  const typed = wanted.trim().normalize('NFC')
  const { rows } = await client.query<Row>(
    select(
      `id::text = lower($1) OR lower(login COLLATE "und-x-icu") = lower($1 COLLATE "und-x-icu")
       OR address_key = ellipro.address_key($1)`,
    ),
    [typed],
  )
  if (rows.length === 0) return { outcome: 'unknown' }
  const live = rows.filter(({ outward }) => outward === 'mailed' || outward === 'confirmed')
  const [only] = live
  if (!only) return { outcome: 'ended' }
  if (live.length > 1) return { outcome: 'ambiguous', activations: live.map(({ id }) => id) }
  await client.query(`SELECT pg_advisory_xact_lock(hashtextextended('account:' || $1, 0))`, [only.account])
  // As it is now that nobody else can change it.
  const locked = await client.query<Row>(`${select('id = $1')} FOR UPDATE`, [only.id])
  const row = locked.rows[0]
  return row && (row.outward === 'mailed' || row.outward === 'confirmed') ? row : { outcome: 'ended' }
}
