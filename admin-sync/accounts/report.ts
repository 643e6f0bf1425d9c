/**
 * What the CLI tells about activations: `status` in numbers, without a person (those of the migration as a whole are
 * counted by migration.ts, for provider's page as well), and `find` for the desk on the
 * telephone, with everything that we know about one.
 */
import type pg from 'pg'
import { readRate, type Rate } from './rate.ts'
import { readMigration } from './migration.ts'
import { findActions, type OperatorAction } from '../operators/audit.ts'
import type { MigrationNumbers } from '../../core/migration.ts'
import type { State } from './store.ts'

export type StatusNumbers = Rate & {
  /** Legacy logins from which an account was opened that is there. */
  activated: number
  /** Legacy logins with an activation under way, or an account being opened, and none there yet. */
  pending: number
  migration: MigrationNumbers
  /** Activations of each kind of ending. */
  waiting: number
  expired: number
  withdrawn: number
  refused: Record<string, number>
  closed: number
  /** Activations whose last job failed, by the code of the failure. */
  failing: Record<string, number>
  /** Keycloak users that we made, that nobody needs and that are still there after an hour. */
  leftUsers: number
  mailsLastDay: Record<string, number>
}

const total = (rows: { name: string | null; count: string }[]): Record<string, number> =>
  Object.fromEntries(rows.map(({ name, count }) => [name ?? 'unknown', Number(count)]))

export async function readStatus(pool: pg.Pool): Promise<StatusNumbers> {
  const count = async (name: string, rest: string) =>
    total(
      (
        await pool.query<{ name: string | null; count: string }>(
          `SELECT ${name} AS name, count(*) AS count ${rest} GROUP BY 1 ORDER BY 2 DESC, 1`,
        )
      ).rows,
    )
  const states = await count('state', 'FROM ellipro.activation')
  const migration = await readMigration(pool)
  const left = await pool.query<{ count: string }>(
    `SELECT count(*) FROM ellipro.keycloak_user k
      WHERE k.state = 'pending' AND k.created_at < now() - interval '1 hour' AND NOT EXISTS
        (SELECT FROM ellipro.activation a WHERE a.address_key = k.address_key
            AND (a.state = 'confirmed' OR (a.state IN ('requested', 'mailed') AND a.expires_at > now() - interval '1 hour')))`,
  )
  return {
    ...(await readRate(pool)),
    activated: migration.logins.activated ?? 0,
    pending: migration.logins.under_way ?? 0,
    migration,
    waiting: states['waiting'] ?? 0,
    expired: states['expired'] ?? 0,
    withdrawn: states['withdrawn'] ?? 0,
    closed: states['closed'] ?? 0,
    refused: await count('reason', `FROM ellipro.activation WHERE state = 'refused'`),
    failing: await count(
      'last_error',
      `FROM ellipro.activation WHERE last_error IS NOT NULL AND state IN ('requested', 'mailed', 'confirmed', 'opened')`,
    ),
    leftUsers: Number(left.rows[0]?.count),
    mailsLastDay: migration.mails.lastDay,
  }
}

export type FoundActivation = {
  id: string
  /** `granted`: an agent opened it. */
  kind: 'legacy' | 'granted'
  state: State
  reason: string | null
  login: string
  company: string
  contract: string
  address: string
  createdAt: Date
  expiresAt: Date
  openedAt: Date | null
  signedInAt: Date | null
  unlinkedAt: Date | null
  timeLeft: boolean
  lastError: string | null
  mailGeneration: number
  mailedGeneration: number
  keycloakUserId: string | null
  /** Of the path that started it: stands on its error pages and in log lines. */
  correlationId: string | null
  history: { at: Date; from: State | null; to: State; reason: string | null; by: string }[]
  mails: { kind: string; at: Date }[]
  /** What operators did by hand. */
  actions: Omit<OperatorAction, 'activation'>[]
  /** See chooseNextStep. */
  nextStep: string
}

/** By login or e-mail address, capitals or not, or by correlation id; newest first, at most 50. */
export async function findActivations(pool: pg.Pool, wanted: string): Promise<FoundActivation[]> {
  const { rows } = await pool.query<Omit<FoundActivation, 'history' | 'mails' | 'actions' | 'nextStep'>>(
    `SELECT a.id, a.kind, a.state, a.reason, a.login, a.company, a.contract, a.address, a.created_at AS "createdAt",
            a.expires_at AS "expiresAt", a.opened_at AS "openedAt", a.signed_in_at AS "signedInAt",
            a.unlinked_at AS "unlinkedAt", a.expires_at > now() AS "timeLeft", a.last_error AS "lastError",
            a.mail_generation AS "mailGeneration", a.mailed_generation AS "mailedGeneration",
            a.request_id AS "correlationId",
            coalesce((SELECT h.user_id FROM ellipro.account_holding h WHERE h.activation_id = a.id),
              (SELECT k.user_id FROM ellipro.keycloak_user k
                WHERE k.state = 'pending' AND k.address_key = a.address_key)) AS "keycloakUserId"
       FROM ellipro.activation a
      WHERE lower(a.login COLLATE "und-x-icu") = lower($1 COLLATE "und-x-icu") OR a.address_key = ellipro.address_key($1)
         OR a.request_id LIKE $2
      ORDER BY a.created_at DESC LIMIT 50`,
    [wanted.trim().normalize('NFC'), referencePattern(wanted)],
  )
  const ids = rows.map(({ id }) => id)
  const history = await pool.query<FoundActivation['history'][number] & { id: string }>(
    `SELECT activation_id AS id, at, from_state AS "from", to_state AS "to", reason, actor AS by
       FROM ellipro.activation_event WHERE activation_id = ANY ($1) ORDER BY activation_event.id`,
    [ids],
  )
  const mails = await pool.query<FoundActivation['mails'][number] & { id: string }>(
    'SELECT activation_id AS id, kind, sent_at AS at FROM ellipro.mail WHERE activation_id = ANY ($1) ORDER BY mail.id',
    [ids],
  )
  const actions = await findActions(pool, ids)
  return rows.map((row) => ({
    ...row,
    history: pick(history.rows, row.id),
    mails: pick(mails.rows, row.id),
    actions: actions.flatMap(({ activation, ...action }) => (activation === row.id ? [action] : [])),
    nextStep: chooseNextStep(row),
  }))
}

/**
 * A correlation id, whole as log lines have it or its first twelve digits as error pages show them, as a pattern of LIKE;
 * `null` for any other text. Pure.
 */
function referencePattern(text: string): string | null {
  const plain = text.trim().toLowerCase()
  if (/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(plain)) return plain
  const digits = plain.replace(/[\s.-]/g, '')
  return /^\d{12}$/.test(digits) ? `${digits.slice(0, 8)}-${digits.slice(8)}-%` : null
}

function pick<T extends { id: string }>(list: T[], wanted: string): Omit<T, 'id'>[] {
  return list.filter(({ id }) => id === wanted).map(({ id: _id, ...rest }) => rest)
}

/** Pure: the key of what the desk tells the caller, or does itself; `nextStep.<key>` in the texts. */
export function chooseNextStep(
  activation: Pick<
    FoundActivation,
    'kind' | 'state' | 'reason' | 'timeLeft' | 'lastError' | 'mailGeneration' | 'mailedGeneration'
  >,
): string {
  const { kind, state, reason, timeLeft, lastError, mailGeneration, mailedGeneration } = activation
  if (state === 'requested' || state === 'mailed') {
    if (!timeLeft) return kind === 'granted' ? 'expired_granted' : 'expired'
    if (reason === 'address_not_verified') return 'address_not_verified'
    if (mailedGeneration >= mailGeneration) return kind === 'granted' ? 'open_mail_granted' : 'open_mail'
    if (lastError === 'address_budget' || lastError === 'login_budget') return 'mail_budget'
    return lastError === null ? 'mail_leaves' : 'mail_failing'
  }
  if (state === 'confirmed') return lastError === null ? 'opening' : 'opening_failing'
  if (state === 'withdrawn')
    return ['corrected', 'released', 'desk', 'replaced', 'holder_protected'].includes(reason ?? '')
      ? (reason ?? '')
      : 'not_me'
  if (state === 'closed' && reason === 'replaced') return reason
  if (state === 'expired' && kind === 'granted') return 'expired_granted'
  if (state === 'refused') return reason ?? 'refused'
  if (state === 'opened' && reason === 'contract_added') return reason
  return state
}
