/**
 * What provider can do about a request for an access of one's own: one method for each database function that its role
 * may call (core/database/migrations/0007-shared-logins.sql, where every decision is made and every code compared).
 *
 * The role reads no request and no case: whoever asks shows the code of a mail, or the cookie of the browser that
 * confirmed. Ids are UUIDs; a text that is none is answered as unknown without asking the database.
 */
import type pg from 'pg'
import type { Language } from '../../core/text.ts'
import { isActivationId } from '../activation/store.ts'

export type NewRequest = {
  account: string
  login: string
  company: string
  contract: string
  name: string
  address: string
  /** `undefined`: none given. */
  phone: string | undefined
  locale: Language
  /** /24 or /64. */
  network: string
  correlationId: string
}
/** `asked`: a mail is on its way, or was before; nobody is told which. */
export type AskOutcome =
  'asked' | 'not_held' | 'case_full' | 'blocked' | 'address_budget' | 'login_budget' | 'login_limit' | 'cap'

/** The id of the path (web/correlation.ts), told to whoever proves something of the request. */
type Correlated = { correlationId?: string }
type Subject = { login: string; company: string; locale: Language }

export type ProofView = Correlated &
  (
    | ({ outcome: 'valid' } & Subject)
    | ({ outcome: 'expired' | 'ended' } & Subject)
    /** `reference` of the case. */
    | ({ outcome: 'done'; reference: string } & Subject)
    | { outcome: 'bad_link' }
  )
export type ProofOutcome = 'proved' | 'done' | 'expired' | 'ended' | 'case_full' | 'bad_link'

export type RequestWithdrawView = Correlated &
  (({ outcome: 'valid' | 'done' | 'too_late' } & Subject) | { outcome: 'bad_code' })

export type RequestState = 'asked' | 'proved' | 'granting' | 'opened' | 'refused' | 'expired' | 'withdrawn'

/** A request as its person sees it. `name` and `phone` as given, absent when not. */
export type RequestView = Correlated &
  Subject & {
    state: RequestState
    /** Of a refusal: the agent's words. */
    reason?: string
    reference: string
    name?: string
    phone?: string
    address: string
    provedAt?: Date
    endedAt?: Date
    /** Until when the mail of an opened access can be used. */
    grantedUntil?: Date
  }
/** `case_full`: as many people as a case holds have asked before, so there is no request and no reference. */
export type WaitingView =
  RequestView | (Omit<RequestView, 'state' | 'reference'> & { state: 'case_full'; reference?: undefined })

/** `used_up`: as many mails as one access may have. */
export type FreshMailOutcome = 'requested' | 'too_soon' | 'used_up' | 'gone'

export type HolderQuestion = {
  requestId: string
  /** Not said yet by somebody whose request came from an activation. */
  name?: string
  domain: string
  knows?: boolean
}
export type HolderView = { login: string; company: string; questions: HolderQuestion[] }

export type CaseStore = {
  requestAccess(request: NewRequest): Promise<AskOutcome>
  proofView(id: string, code: Buffer): Promise<ProofView>
  proveAddress(id: string, code: Buffer): Promise<ProofOutcome>
  withdrawView(id: string, code: Buffer): Promise<RequestWithdrawView>
  withdrawRequest(id: string, code: Buffer): Promise<'withdrawn' | 'done' | 'too_late' | 'bad_code'>
  /** `undefined` for a code that is wrong. */
  requestView(id: string, code: Buffer): Promise<RequestView | undefined>
  /** `undefined` for any browser but the one whose confirmation met a login that has its holder. */
  waitingView(activationId: string, finisherHash: Buffer): Promise<WaitingView | undefined>
  /** Once, while nobody has decided. False: nothing to say any more. */
  nameWaiting(
    activationId: string,
    finisherHash: Buffer,
    name: string,
    phone: string | undefined,
  ): Promise<boolean>
  /** A fresh mail of an access that an agent opened. */
  requestGrantedMail(id: string, code: Buffer): Promise<FreshMailOutcome>
  /** The same for the browser that waits. */
  waitingGrantedMail(activationId: string, finisherHash: Buffer): Promise<FreshMailOutcome>
  /** `undefined` for a code that is wrong, or of somebody who holds the login no longer. */
  holderQuestions(caseId: string, code: Buffer): Promise<HolderView | undefined>
  /** False: no such question any more. */
  answerHolder(caseId: string, code: Buffer, requestId: string, knows: boolean): Promise<boolean>
}

/**
 * @param pool connections of the role `ellipro_provider`
 * @throws the errors of `pg`: a database that could not be asked is never an outcome
 */
export function createCaseStore(pool: pg.Pool): CaseStore {
  async function rows(call: string, values: unknown[]): Promise<Record<string, unknown>[]> {
    const answer = await pool.query<Record<string, unknown>>(
      `SELECT answer.* FROM ellipro.${call} AS answer`,
      values,
    )
    return answer.rows.map(inOurSpelling)
  }
  const scalar = async <T>(call: string, values: unknown[]): Promise<T> => {
    const answer = await pool.query<{ value: T | null }>(`SELECT ellipro.${call} AS value`, values)
    return present(answer.rows[0]?.value ?? undefined)
  }
  const answer = async <T>(call: string, values: unknown[]) => present((await rows(call, values))[0]) as T

  return {
    requestAccess: (r) =>
      scalar('request_access($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)', [
        r.account,
        r.login,
        r.company,
        r.contract,
        r.name,
        r.address,
        r.phone ?? null,
        r.locale,
        r.network,
        r.correlationId,
      ]),
    proofView: async (id, code) =>
      isActivationId(id) ? answer('proof_view($1, $2)', [id, code]) : { outcome: 'bad_link' },
    proveAddress: async (id, code) =>
      isActivationId(id) ? scalar('prove_address($1, $2)', [id, code]) : 'bad_link',
    withdrawView: async (id, code) =>
      isActivationId(id) ? answer('request_withdraw_view($1, $2)', [id, code]) : { outcome: 'bad_code' },
    withdrawRequest: async (id, code) =>
      isActivationId(id) ? scalar('withdraw_request($1, $2)', [id, code]) : 'bad_code',
    requestView: async (id, code) =>
      isActivationId(id)
        ? ((await rows('request_view($1, $2)', [id, code]))[0] as RequestView | undefined)
        : undefined,
    waitingView: async (id, finisherHash) =>
      isActivationId(id)
        ? ((await rows('waiting_view($1, $2)', [id, finisherHash]))[0] as WaitingView | undefined)
        : undefined,
    nameWaiting: async (id, finisherHash, name, phone) =>
      isActivationId(id) && scalar('name_waiting($1, $2, $3, $4)', [id, finisherHash, name, phone ?? null]),
    requestGrantedMail: async (id, code) =>
      isActivationId(id) ? scalar('request_granted_mail($1, $2)', [id, code]) : 'gone',
    waitingGrantedMail: async (id, finisherHash) =>
      isActivationId(id) ? scalar('waiting_granted_mail($1, $2)', [id, finisherHash]) : 'gone',
    holderQuestions: async (caseId, code) =>
      isActivationId(caseId)
        ? readQuestions(
            (await rows('holder_questions($1, $2)', [caseId, code])) as (HolderQuestion & Subject)[],
          )
        : undefined,
    answerHolder: async (caseId, code, requestId, knows) =>
      isActivationId(caseId) &&
      isActivationId(requestId) &&
      scalar('answer_holder($1, $2, $3, $4)', [caseId, code, requestId, knows]),
  }
}

/** Its NULL columns left out. */
function inOurSpelling(row: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(row)
      .filter(([, value]) => value !== null)
      .map(([name, value]) => [
        name.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase()),
        value,
      ]),
  )
}

function present<T>(value: T | undefined): T {
  if (value === undefined) throw new Error('A database function answered nothing')
  return value
}

/** With nothing to ask there is one row, without a request. */
function readQuestions(
  found: ((HolderQuestion | { requestId?: undefined }) & Subject)[],
): HolderView | undefined {
  const [first] = found
  if (!first) return undefined
  const { login, company } = first
  const questions = found
    .filter((row): row is HolderQuestion & Subject => row.requestId !== undefined)
    .map(({ requestId, name, domain, knows }) => ({
      requestId,
      domain,
      ...(name !== undefined && { name }),
      ...(knows !== undefined && { knows }),
    }))
  return { login, company, questions }
}
