/**
 * Every SQL statement of the jobs on accounts. Each transition names the states that it may leave, so that a late or
 * repeated job finds nothing to change; each answers whether it did.
 *
 * provider's side of the same state machine is the functions of core/database/migrations/. Longer than other files so
 * that admin-sync's side can be read, and compared with them, in one place.
 */
import type pg from 'pg'
import { describeEntitlements } from '../contracts/entitlements/store.ts'
import type { User } from '../keycloak/representations.ts'
import { inTransaction } from '../transaction.ts'
import { createClosingStatements } from './closing-store.ts'
import type { Enqueue, JobKind } from './job.ts'
import type { LegacyLogin } from './legacy-data.ts'
import { noteShared } from './note-shared.ts'
import { createPurgeStatements } from './purge-store.ts'

export type State =
  'requested' | 'mailed' | 'confirmed' | 'opened' | 'closed' | 'expired' | 'withdrawn' | 'refused' | 'waiting'

export type Activation = {
  id: string
  /** `granted`: an agent opened it. */
  kind: 'legacy' | 'granted'
  state: State
  reason: string | null
  /** The legacy directory's stable key. What else provider wrote about the login is not used for mails. */
  account: string
  address: string
  addressKey: string
  locale: 'fr' | 'en'
  sub: string
  shared: boolean
  /** Of the path that started it, for log lines. */
  correlationId: string | null
  mailGeneration: number
  mailedGeneration: number
  /** By the database's clock; zero or less when its time is over. */
  secondsLeft: number
  createdAt: Date
  unlinkedAt: Date | null
}

/** A Keycloak user that we made, or were about to make: then `userId` is `null`. */
export type UserRecord = {
  record: string
  addressKey: string
  userId: string | null
  createdAt: Date
  openedBy: string | null
}

export type Holding = { userId: string; own: boolean }

export type MailKind = 'confirmation' | 'already-account' | 'contact-notice'
/** Kinds of job that a row of the outbox may ask for. */
export type OutboxKind = Exclude<JobKind, 'notify-contact'>

/** Why an activation was refused. Only `address_taken` is shown as `mailed` (invariant 4). */
export type Refusal =
  'address_taken' | 'address_invalid' | 'account_unknown' | 'user_gone' | 'user_disabled' | 'address_changed'

export type AccountStore = ReturnType<typeof createAccountStore>

/** Time after its opening at which the link of an account is deleted, sign-in or not. */
const unlinkAfterSeconds = 15 * 60

const activationColumns = `id, kind, state, reason, account, address, address_key AS "addressKey", locale, sub, shared,
  request_id AS "correlationId", mail_generation AS "mailGeneration", mailed_generation AS "mailedGeneration",
  floor(extract(epoch FROM expires_at - now()))::integer AS "secondsLeft", created_at AS "createdAt",
  unlinked_at AS "unlinkedAt"`
const userColumns = `record, address_key AS "addressKey", user_id AS "userId", created_at AS "createdAt",
  opened_by AS "openedBy"`

/** What keeps a pending user in being. A refused activation has none of its own. */
const live = `(state = 'confirmed' OR (state IN ('requested', 'mailed') AND expires_at > now()))`

export function createAccountStore(pool: pg.Pool, enqueue: Enqueue) {
  const one = async <T extends pg.QueryResultRow>(text: string, values: unknown[]): Promise<T | undefined> =>
    (await pool.query<T>(text, values)).rows[0]
  /** Whether a statement found or changed any row. */
  const some = async (text: string, values: unknown[]): Promise<boolean> =>
    ((await pool.query(text, values)).rowCount ?? 0) > 0

  return {
    ...createClosingStatements(pool),
    ...createPurgeStatements(pool),

    /** What the contracts of a user give, for whoever writes the user anyway: only what differs. */
    describeEntitlements: (user: User, move: { adding?: string; taking?: string }) =>
      describeEntitlements(pool, user, move),

    readActivation: (id: string): Promise<Activation | undefined> =>
      one<Activation>(`SELECT ${activationColumns} FROM ellipro.activation WHERE id = $1`, [id]),

    async noteError(id: string, code: string | undefined): Promise<void> {
      await some(
        'UPDATE ellipro.activation SET last_error = $2 WHERE id = $1 AND last_error IS DISTINCT FROM $2',
        [id, code ?? null],
      )
    },

    // ── mails ───────────────────────────────────────────────────────────────────────────────────────────────────

    /** 'ok', or the budget that is used up. */
    async readBudget(account: string, addressKey: string): Promise<string> {
      const row = await one<{ budget: string }>('SELECT ellipro.mail_budget($1, $2) AS budget', [
        account,
        addressKey,
      ])
      return row?.budget ?? 'address_budget'
    },

    /** Before the mail leaves. False when the activation ended or a newer mail was asked for meanwhile. */
    storeCodes: (id: string, generation: number, linkHash: Buffer, withdrawHash: Buffer) =>
      some(
        `UPDATE ellipro.activation_secret s
            SET link_hash = $3, withdraw_hash = $4
           FROM ellipro.activation a
          WHERE a.id = $1 AND s.activation_id = a.id AND a.mail_generation = $2 AND a.expires_at > now()
            AND a.state IN ('requested', 'mailed', 'refused')`,
        [id, generation, linkHash, withdrawHash],
      ),

    /** Before the mail leaves: whether its confirmation waits for an agent. */
    setNeedsAgent: (id: string, needsAgent: boolean) =>
      some(
        `UPDATE ellipro.activation SET needs_agent = $2
          WHERE id = $1 AND kind = 'legacy' AND needs_agent <> $2 AND state IN ('requested', 'mailed')`,
        [id, needsAgent],
      ),

    /** Whether a live activation of the address, this one included, has had its mail. */
    async hasMailUnderWay(addressKey: string): Promise<boolean> {
      const row = await one(
        `SELECT FROM ellipro.activation WHERE address_key = $1 AND mailed_generation > 0 AND ${live} LIMIT 1`,
        [addressKey],
      )
      return row !== undefined
    },

    /** The mail has left: `requested` becomes `mailed`, and the ledger has its line whatever the state is by now. */
    recordActivationMail: (id: string, generation: number, kind: Exclude<MailKind, 'contact-notice'>) =>
      inTransaction(pool, async (client) => {
        await client.query(
          `UPDATE ellipro.activation
              SET state = CASE state WHEN 'requested' THEN 'mailed' ELSE state END,
                  mailed_generation = greatest(mailed_generation, $2), last_error = NULL
            WHERE id = $1 AND state IN ('requested', 'mailed', 'refused')`,
          [id, generation],
        )
        await client.query(
          `INSERT INTO ellipro.mail (activation_id, kind, account, address_key)
           SELECT id, $2, account, address_key FROM ellipro.activation WHERE id = $1`,
          [id, kind],
        )
      }),

    /** An opening by an agent is told with what else happened to its case. False: no request led to this one. */
    tellWithCase: (id: string) =>
      some(
        `INSERT INTO ellipro.case_outbox (kind, subject_id)
         SELECT 'tell-case-contact', case_id FROM ellipro.access_request WHERE granted_id = $1`,
        [id],
      ),

    hasContactNotice: (id: string) =>
      some(`SELECT FROM ellipro.mail WHERE activation_id = $1 AND kind = 'contact-notice'`, [id]),

    recordContactNotice: (id: string, addressKey: string) =>
      some(
        `INSERT INTO ellipro.mail (activation_id, kind, account, address_key)
         SELECT id, 'contact-notice', account, $2 FROM ellipro.activation WHERE id = $1`,
        [id, addressKey],
      ),

    /** Whether the account of the holder whose place a granted activation takes is open still. */
    isPredecessorOpen: (id: string) =>
      some(
        `SELECT FROM ellipro.activation a JOIN ellipro.activation p ON p.id = a.succeeds
          WHERE a.id = $1 AND p.state IN ('confirmed', 'opened')`,
        [id],
      ),

    // ── Keycloak users that we made ─────────────────────────────────────────────────────────────────────────────

    findPendingUser: (addressKey: string): Promise<UserRecord | undefined> =>
      one<UserRecord>(
        `SELECT ${userColumns} FROM ellipro.keycloak_user WHERE address_key = $1 AND state = 'pending'`,
        [addressKey],
      ),

    /** The user that an activation opened (`own`), or to whose account its contract was added. */
    findHolding: (activationId: string): Promise<Holding | undefined> =>
      one<Holding>('SELECT user_id AS "userId", own FROM ellipro.account_holding WHERE activation_id = $1', [
        activationId,
      ]),

    hasOpenedUser: (addressKey: string) =>
      some(
        `SELECT FROM ellipro.keycloak_user k JOIN ellipro.activation a ON a.id = k.opened_by
          WHERE k.address_key = $1 AND k.state = 'opened' AND a.state = 'opened' LIMIT 1`,
        [addressKey],
      ),

    /** The record stands before the user does. */
    async insertPendingUser(addressKey: string): Promise<UserRecord> {
      const row = await one<UserRecord>(
        `INSERT INTO ellipro.keycloak_user (address_key) VALUES ($1) RETURNING ${userColumns}`,
        [addressKey],
      )
      if (!row) throw new Error('INSERT … RETURNING gave no row')
      return row
    },

    setUserId: (record: string, userId: string) =>
      some(
        `UPDATE ellipro.keycloak_user SET user_id = $2
          WHERE record = $1 AND state = 'pending' AND (user_id IS NULL OR user_id = $2)`,
        [record, userId],
      ),

    markUserDeleted: (record: string) =>
      some(`UPDATE ellipro.keycloak_user SET state = 'deleted' WHERE record = $1 AND state = 'pending'`, [
        record,
      ]),

    /** Takes back a record whose user was never made. */
    dropUnusedRecord: (record: string) =>
      some(`DELETE FROM ellipro.keycloak_user WHERE record = $1 AND state = 'pending' AND user_id IS NULL`, [
        record,
      ]),

    hasLiveActivation: (addressKey: string) =>
      some(`SELECT FROM ellipro.activation WHERE address_key = $1 AND ${live} LIMIT 1`, [addressKey]),

    /** Addresses whose pending user serves nobody any more, oldest first. */
    async listAbandonedAddresses(limit: number): Promise<string[]> {
      const { rows } = await pool.query<{ addressKey: string }>(
        `SELECT k.address_key AS "addressKey" FROM ellipro.keycloak_user k
          WHERE k.state = 'pending' AND NOT EXISTS
            (SELECT FROM ellipro.activation a WHERE a.address_key = k.address_key AND ${live.replaceAll('state', 'a.state')})
          ORDER BY k.created_at LIMIT $1`,
        [limit],
      )
      return rows.map(({ addressKey }) => addressKey)
    },

    // ── transitions ─────────────────────────────────────────────────────────────────────────────────────────────

    /**
     * Refuses an activation that is under way. With `address_taken` its secrets stay until its hours are over:
     * outwardly it is `mailed`, and may still be resent and corrected. Whoever had confirmed it gets one mail more, which
     * leads to adding the contract to the account that was first.
     */
    refuse: (id: string, from: readonly State[], reason: Refusal) =>
      inTransaction(pool, async (client) => {
        const isSecond = reason === 'address_taken' && from.includes('confirmed')
        const { rowCount } = await client.query(
          `UPDATE ellipro.activation
              SET state = 'refused', reason = $3, ended_at = now(), mail_generation = mail_generation + $4
            WHERE id = $1 AND state = ANY ($2)`,
          [id, from, reason, isSecond ? 1 : 0],
        )
        if (rowCount === 0) return false
        if (isSecond)
          await client.query(
            `INSERT INTO ellipro.outbox (kind, activation_id) VALUES ('send-confirmation', $1)`,
            [id],
          )
        // finisher_hash stays: the browser that confirmed is told by it what became of its confirmation.
        await client.query(
          `UPDATE ellipro.activation_secret SET link_hash = NULL, credential = NULL,
                  salt = CASE WHEN $2 THEN salt END, verifier = CASE WHEN $2 THEN verifier END
            WHERE activation_id = $1`,
          [id, reason === 'address_taken'],
        )
        return true
      }),

    /** The mailbox was not confirmed at Keycloak: the same link and password may be given again after that. */
    sendBackToMailbox: (id: string) =>
      inTransaction(pool, async (client) => {
        const { rowCount } = await client.query(
          `UPDATE ellipro.activation SET state = 'mailed', reason = 'address_not_verified', confirmed_at = NULL
            WHERE id = $1 AND state = 'confirmed'`,
          [id],
        )
        await client.query(
          'UPDATE ellipro.activation_secret SET credential = NULL WHERE activation_id = $1',
          [id],
        )
        return (rowCount ?? 0) > 0
      }),

    /** As provider put it aside, and not to be believed as it is (credential.ts). */
    async readCredential(id: string): Promise<unknown> {
      const row = await one<{ credential: unknown }>(
        'SELECT credential FROM ellipro.activation_secret WHERE activation_id = $1',
        [id],
      )
      return row?.credential ?? undefined
    },

    /**
     * The account is open: everything that follows from it, in one transaction. Other activations of the address are
     * refused, and each gets a generation more, so that its mail "you already have an account" is sent. A login that
     * Cofacering or the person calls shared has a case from then on; one that has a case is looked at again. Whose
     * contract it is counts from here on (entitlements), and Cofacering says so, not provider.
     */
    markOpened: (activation: Activation, record: string, login: LegacyLogin) =>
      inTransaction(pool, async (client) => {
        // Before any row: as every function that changes activations and cases of a login does.
        await client.query(`SELECT pg_advisory_xact_lock(hashtextextended('account:' || $1, 0))`, [
          activation.account,
        ])
        const { rowCount } = await client.query(
          `UPDATE ellipro.activation
              SET state = 'opened', contract = $2, reason = NULL, opened_at = now(), last_error = NULL
            WHERE id = $1 AND state = 'confirmed'`,
          [activation.id, login.contract],
        )
        if (rowCount === 0) return false
        const user = await client.query(
          `UPDATE ellipro.keycloak_user SET state = 'opened', opened_by = $2
            WHERE record = $1 AND state = 'pending' AND user_id IS NOT NULL`,
          [record, activation.id],
        )
        if (user.rowCount === 0) throw new Error('The record of the opened user is not pending any more')
        await client.query(
          'UPDATE ellipro.activation_secret SET credential = NULL WHERE activation_id = $1',
          [activation.id],
        )
        const others = await client.query<{ id: string }>(
          `UPDATE ellipro.activation
              SET state = 'refused', reason = 'address_taken', ended_at = now(), mail_generation = mail_generation + 1
            WHERE address_key = $1 AND id <> $2 AND state IN ('requested', 'mailed') AND expires_at > now()
            RETURNING id`,
          [activation.addressKey, activation.id],
        )
        for (const { id } of others.rows) {
          await client.query(
            'UPDATE ellipro.activation_secret SET link_hash = NULL WHERE activation_id = $1',
            [id],
          )
          await client.query(
            `INSERT INTO ellipro.outbox (kind, activation_id) VALUES ('send-confirmation', $1)`,
            [id],
          )
        }
        await noteShared(client, activation, login)
        await enqueue(client, 'unlink', activation.id, unlinkAfterSeconds)
        // Of an access that an agent opened the contact is told with the other news of the case.
        if (activation.kind === 'legacy') await enqueue(client, 'notify-contact', activation.id)
        return true
      }),

    markUnlinked: (id: string) =>
      inTransaction(pool, async (client) => {
        await client.query(
          `UPDATE ellipro.activation SET unlinked_at = now(), last_error = NULL
            WHERE id = $1 AND state IN ('opened', 'closed') AND unlinked_at IS NULL`,
          [id],
        )
        // The digests of the links stay: whoever opens the mail once more is told what became of it. They open nothing.
        await client.query(
          `UPDATE ellipro.activation_secret SET salt = NULL, verifier = NULL, credential = NULL,
             proof_handle = NULL, proof_hash = NULL, proof_expires_at = NULL
            WHERE activation_id = $1`,
          [id],
        )
      }),

    // ── jobs that should exist ──────────────────────────────────────────────────────────────────────────────────

    /** Work that the states ask for and that should have been done some time ago. */
    async listOverdue(): Promise<{ kind: OutboxKind; id: string }[]> {
      const { rows } = await pool.query<{ kind: OutboxKind; id: string }>(
        `SELECT 'send-confirmation' AS kind, id FROM ellipro.activation
          WHERE mail_generation > mailed_generation AND expires_at > now()
            AND mail_requested_at < now() - interval '10 minutes'
            AND (state IN ('requested', 'mailed') OR (state = 'refused' AND reason = 'address_taken'))
         UNION ALL
         SELECT 'open-account', id FROM ellipro.activation
          WHERE state = 'confirmed' AND confirmed_at < now() - interval '10 minutes'
         UNION ALL
         SELECT 'unlink', id FROM ellipro.activation
          WHERE state = 'opened' AND unlinked_at IS NULL AND opened_at < now() - interval '25 minutes'
         UNION ALL
         SELECT 'close-account', activation_id FROM ellipro.account_closing
          WHERE outcome IS NULL AND requested_at < now() - interval '10 minutes'
         LIMIT 1000`,
      )
      return rows
    },

    addToOutbox: (kind: OutboxKind, id: string) =>
      some('INSERT INTO ellipro.outbox (kind, activation_id) VALUES ($1, $2)', [kind, id]),
  }
}
