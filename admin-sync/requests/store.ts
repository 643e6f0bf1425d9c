/**
 * The statements of the jobs on requests: which mail is due, its codes as digests before it leaves, and the ledger
 * afterwards. Each names the state that it expects, so that a job which comes too late changes nothing.
 */
import type pg from 'pg'
import type { Language } from '../../core/text.ts'
import type { CaseJobKind } from '../cases/job.ts'
import { inTransaction } from '../transaction.ts'

export type RequestState = 'asked' | 'proved' | 'granting' | 'opened' | 'refused' | 'expired' | 'withdrawn'

export type Request = {
  id: string
  caseId: string
  /** Of the case. */
  reference: string
  /** The legacy directory's stable key. */
  account: string
  state: RequestState
  /** Of a refusal: the agent's words. */
  reason: string | null
  address: string
  addressKey: string
  locale: Language
  mailGeneration: number
  mailedGeneration: number
  /** By the database's clock, until its address must be proved; zero or less afterwards. */
  secondsLeft: number
  isAcknowledged: boolean
  /** Of its refusal. */
  isTold: boolean
}

/** Who holds the login of a case: an account that is open, or one that is about to be. */
export type Holder = {
  activationId: string
  state: 'requested' | 'mailed' | 'confirmed' | 'opened' | 'closed'
  /** As it was confirmed; the person may have changed it at Keycloak since. */
  address: string
  addressKey: string
  locale: Language
  /** At Keycloak; `null` before the account is open. */
  userId: string | null
}
/** A request that the holder was not told of. Name as typed, `null` when not given. */
export type Unasked = { id: string; name: string | null; domain: string }
/** What the contact of the contract was not told of yet. */
export type News = { id: string; address: string; isRequestNew: boolean; isOpeningNew: boolean }

export type RequestStore = ReturnType<typeof createRequestStore>

/** Kinds of job that send these mails. */
type MailJob = Extract<
  CaseJobKind,
  'send-proof' | 'acknowledge' | 'tell-refusal' | 'ask-holder' | 'tell-case-contact'
>
/** Time after which a mail that has not left is looked into. */
const patience = `interval '10 minutes'`
/** What an acknowledgement or an answer may still be sent for. */
const acknowledgeable = `state IN ('proved', 'granting')`

export function createRequestStore(pool: pg.Pool) {
  const all = async <T extends pg.QueryResultRow>(text: string, values: unknown[]): Promise<T[]> =>
    (await pool.query<T>(text, values)).rows
  const some = async (text: string, values: unknown[]): Promise<boolean> =>
    ((await pool.query(text, values)).rowCount ?? 0) > 0

  /** `change` and the line of the ledger, whatever the state is by now: the mail has left. */
  const record = (
    change: { text: string; values: unknown[] },
    mail: { kind: string; account: string | null; addressKey: string },
  ) =>
    inTransaction(pool, async (client) => {
      await client.query(change.text, change.values)
      await client.query('INSERT INTO ellipro.mail (kind, account, address_key) VALUES ($1, $2, $3)', [
        mail.kind,
        mail.account,
        mail.addressKey,
      ])
    })

  return {
    async readRequest(id: string): Promise<Request | undefined> {
      const [found] = await all<Request>(
        `SELECT r.id, r.case_id AS "caseId", c.reference, c.account, r.state, r.reason, r.address,
                r.address_key AS "addressKey", r.locale, r.mail_generation AS "mailGeneration",
                r.mailed_generation AS "mailedGeneration",
                floor(extract(epoch FROM r.expires_at - now()))::integer AS "secondsLeft",
                r.acknowledged_at IS NOT NULL AS "isAcknowledged", r.told_at IS NOT NULL AS "isTold"
           FROM ellipro.access_request r JOIN ellipro.login_case c ON c.id = r.case_id WHERE r.id = $1`,
        [id],
      )
      return found
    },

    /** 'ok', or the budget that is used up. @param account `null` for an address that is proved */
    async readBudget(account: string | null, addressKey: string): Promise<string> {
      const [row] = await all<{ budget: string }>('SELECT ellipro.mail_budget($1, $2) AS budget', [
        account,
        addressKey,
      ])
      return row?.budget ?? 'address_budget'
    },

    // ── one request ─────────────────────────────────────────────────────────────────────────────────────────────

    /** Before the mail leaves. False when the request ended or a newer mail was asked for meanwhile. */
    storeProof: (id: string, generation: number, proofHash: Buffer, withdrawHash: Buffer) =>
      some(
        `UPDATE ellipro.access_request SET proof_hash = $3, withdraw_hash = $4
          WHERE id = $1 AND mail_generation = $2 AND state = 'asked' AND expires_at > now()`,
        [id, generation, proofHash, withdrawHash],
      ),

    recordProof: ({ id, account, addressKey }: Request, generation: number) =>
      record(
        {
          text: `UPDATE ellipro.access_request
                    SET mailed_generation = greatest(mailed_generation, $2), last_error = NULL WHERE id = $1`,
          values: [id, generation],
        },
        { kind: 'access-proof', account, addressKey },
      ),

    /** Cofacering does not know the login: whoever wrote this request did not ask Cofacering. */
    end: (id: string, code: string) =>
      some(
        `UPDATE ellipro.access_request SET state = 'expired', ended_at = now(), last_error = $2
          WHERE id = $1 AND state = 'asked'`,
        [id, code],
      ),

    /** Before a mail with the link of the state page leaves. False: no such mail is due any more. */
    storeState: (id: string, stateHash: Buffer) =>
      some(
        `UPDATE ellipro.access_request SET state_hash = $2
          WHERE id = $1 AND (${acknowledgeable} OR state = 'refused')`,
        [id, stateHash],
      ),

    recordAcknowledged: ({ id, addressKey }: Request) =>
      record(
        { text: 'UPDATE ellipro.access_request SET acknowledged_at = now() WHERE id = $1', values: [id] },
        { kind: 'access-acknowledged', account: null, addressKey },
      ),

    recordTold: ({ id, addressKey }: Request) =>
      record(
        { text: 'UPDATE ellipro.access_request SET told_at = now() WHERE id = $1', values: [id] },
        { kind: 'access-refused', account: null, addressKey },
      ),

    // ── jobs that should exist ──────────────────────────────────────────────────────────────────────────────────

    /**
     * Mails that the states ask for and that should have left some time ago; also those that somebody can be sent only
     * now, such as the question to a holder whose account opened after the request.
     */
    listOverdue: (): Promise<{ kind: MailJob; id: string }[]> =>
      all<{ kind: MailJob; id: string }>(
        `WITH r AS (SELECT * FROM ellipro.access_request WHERE created_at > now() - interval '30 days')
         SELECT 'send-proof' AS kind, id FROM r
          WHERE state = 'asked' AND expires_at > now() AND mail_generation > mailed_generation
            AND mail_requested_at < now() - ${patience}
         UNION ALL
         SELECT 'acknowledge', id FROM r
          WHERE ${acknowledgeable} AND acknowledged_at IS NULL AND proved_at < now() - ${patience}
         UNION ALL
         SELECT 'tell-refusal', id FROM r
          WHERE state = 'refused' AND told_at IS NULL AND ended_at < now() - ${patience}
         UNION ALL
         SELECT DISTINCT 'ask-holder', case_id FROM r
          WHERE state = 'proved' AND holder_asked_at IS NULL AND proved_at < now() - ${patience}
         UNION ALL
         SELECT DISTINCT 'tell-case-contact', case_id FROM r
          WHERE (state IN ('proved', 'granting') AND contact_told_of_request_at IS NULL AND proved_at < now() - ${patience})
             OR (state = 'opened' AND contact_told_of_opening_at IS NULL AND ended_at < now() - ${patience})
         LIMIT 1000`,
        [],
      ),

    addToOutbox: (kind: MailJob, id: string) =>
      some('INSERT INTO ellipro.case_outbox (kind, subject_id) VALUES ($1, $2)', [kind, id]),

    // ── one case ────────────────────────────────────────────────────────────────────────────────────────────────

    async readAccount(caseId: string): Promise<string | undefined> {
      const [found] = await all<{ account: string }>('SELECT account FROM ellipro.login_case WHERE id = $1', [
        caseId,
      ])
      return found?.account
    },

    async findHolder(account: string): Promise<Holder | undefined> {
      const [found] = await all<Holder>(
        `SELECT h.id AS "activationId", h.state, h.address, h.address_key AS "addressKey", h.locale,
                k.user_id AS "userId"
           FROM ellipro.login_holder($1) h
           LEFT JOIN ellipro.account_holding k ON k.activation_id = h.id`,
        [account],
      )
      return found
    },

    /** Oldest first. Nobody is asked about themselves. */
    listUnasked: (caseId: string, holderKey: string): Promise<Unasked[]> =>
      all<Unasked>(
        `SELECT id, name, lower(split_part(address, '@', 2)) AS domain FROM ellipro.access_request
          WHERE case_id = $1 AND state = 'proved' AND holder_asked_at IS NULL AND address_key <> $2
          ORDER BY proved_at, id`,
        [caseId, holderKey],
      ),

    storeHolder: (caseId: string, activationId: string, hash: Buffer) =>
      some('UPDATE ellipro.login_case SET holder_id = $2, holder_hash = $3 WHERE id = $1', [
        caseId,
        activationId,
        hash,
      ]),

    recordAsked: (requests: readonly string[], addressKey: string) =>
      record(
        {
          text: `UPDATE ellipro.access_request SET holder_asked_at = now()
                  WHERE id = ANY ($1) AND holder_asked_at IS NULL`,
          values: [requests],
        },
        { kind: 'holder-question', account: null, addressKey },
      ),

    /** Oldest first. An opening is one by an agent; what a person opens alone is told by `notify-contact`. */
    listNews: (caseId: string): Promise<News[]> =>
      all<News>(
        `SELECT * FROM (
           SELECT r.id, r.address, r.proved_at,
                  r.contact_told_of_request_at IS NULL AND r.state IN ('proved', 'granting', 'opened', 'refused')
                    AS "isRequestNew",
                  r.contact_told_of_opening_at IS NULL
                    AND (r.state = 'opened' OR coalesce(g.state IN ('opened', 'closed'), false)) AS "isOpeningNew"
             FROM ellipro.access_request r LEFT JOIN ellipro.activation g ON g.id = r.granted_id
            WHERE r.case_id = $1) n
          WHERE "isRequestNew" OR "isOpeningNew" ORDER BY proved_at, id`,
        [caseId],
      ),

    recordNews: (news: readonly News[], account: string, addressKey: string) =>
      record(
        {
          text: `UPDATE ellipro.access_request
                    SET contact_told_of_request_at = CASE WHEN id = ANY ($1) THEN coalesce(contact_told_of_request_at, now())
                                                          ELSE contact_told_of_request_at END,
                        contact_told_of_opening_at = CASE WHEN id = ANY ($2) THEN coalesce(contact_told_of_opening_at, now())
                                                          ELSE contact_told_of_opening_at END
                  WHERE id = ANY ($1) OR id = ANY ($2)`,
          values: [
            news.filter(({ isRequestNew }) => isRequestNew).map(({ id }) => id),
            news.filter(({ isOpeningNew }) => isOpeningNew).map(({ id }) => id),
          ],
        },
        { kind: 'case-notice', account, addressKey },
      ),
  }
}
