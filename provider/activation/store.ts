/**
 * What provider can do to an activation: one method for each database function that its role may call
 * (core/database/migrations/0002-provider-functions.sql, where every decision is made and every secret compared).
 *
 * There is nothing else: the role reads no table of that schema. Secrets go in as bytes, and an outcome comes
 * back, never the value that they were compared with. Ids are UUIDs; a text that is none is answered as unknown
 * without asking the database.
 */
import type pg from 'pg'
import type { Language } from '../../core/text.ts'
import { lazily } from '../lazy-commit.ts'

/** A state as pages may tell it: `refused` because the address is taken looks like `mailed`. */
export type OutwardState =
  'mailed' | 'confirmed' | 'opened' | 'closed' | 'expired' | 'withdrawn' | 'refused' | 'waiting'

/** What is known of a legacy login, seen from one browser. */
export type LoginFacts = {
  /** The activation that holds the login; `undefined` when nobody does. */
  holder?: {
    state: 'confirmed' | 'opened' | 'closed'
    /** First letter of the holder's address. */
    initial: string
    /** Domain of the holder's address, only when it is one of the contract's own. */
    domain?: string
  }
  /** This browser's live activation on the login. */
  own?: { id: string; state: 'mailed' | 'confirmed' | 'opened' | 'waiting'; isHolder: boolean }
}

export type NewActivation = {
  account: string
  login: string
  company: string
  contract: string
  address: string
  locale: Language
  shared: boolean
  /** SHA-256 of the starting browser's activation cookie. */
  browserHash: Buffer
  salt: Buffer
  verifier: Buffer
  correlationId: string
}
/** Why no activation was started. */
export type StartRefusal = 'moved' | 'blocked' | 'address_budget' | 'login_budget' | 'login_limit' | 'cap'
export type StartResult = { outcome: 'started'; id: string } | { outcome: StartRefusal }

/** Why a caller may not steer an activation: wrong secret, too many tries, or nothing left to steer. */
export type SteeringRefusal = 'wrong' | 'locked' | 'gone'
export type MailOutcome = 'requested' | 'too_soon' | 'address_budget' | 'login_budget' | SteeringRefusal
export type CorrectionResult =
  { outcome: 'started' | 'same'; id: string } | { outcome: StartRefusal | SteeringRefusal }

/** The id of the path (web/correlation.ts), told to whoever proves something of the activation. */
type Correlated = { correlationId?: string }

/** The starting browser's view of its activation. */
export type ActivationView = Correlated & {
  state: OutwardState
  /** A short code saying why the state was reached, such as `corrected` or `not_me`. */
  reason?: string
  login: string
  company: string
  address: string
  expiresAt: Date
  /** When the next mail may be asked for. */
  retryAt: Date
}

export type LinkView = Correlated &
  (
    | {
        outcome: 'valid' | 'opened'
        login: string
        company: string
        locale: Language
        /** `granted`: an agent opened it, and the password is chosen at the confirmation. */
        kind: 'legacy' | 'granted'
        /** With `granted`. */
        address?: string
      }
    | { outcome: 'expired' | 'ended' | 'bad_link'; locale?: Language; kind?: 'legacy' | 'granted' }
  )

export type ConfirmOutcome =
  'confirmed' | 'already' | 'waiting' | 'address_taken' | 'wrong_password' | 'locked' | 'bad_link' | 'expired'

/** Progress as the confirming browser sees it; here `refused` is told, because the mailbox was proved. */
export type FinishView = Correlated & {
  state: 'requested' | OutwardState
  reason?: string
  login: string
  company: string
  locale: Language
  address: string
}

export type WithdrawView = Correlated &
  (
    | { outcome: 'valid' | 'done' | 'too_late'; login: string; company: string; locale: Language }
    | { outcome: 'bad_code' }
  )

export type TakenProof = Correlated & { activationId: string; sub: string }

/** Keycloak's form of a password, as `PUT /users/{id}` takes it. */
export type KeycloakCredential = { credentialData: string; secretData: string }

export type ActivationStore = {
  loginFacts(account: string, browserHash: Buffer | undefined, knownDomains: string[]): Promise<LoginFacts>
  startActivation(activation: NewActivation): Promise<StartResult>
  /** The newest activation of a browser. */
  browserActivation(browserHash: Buffer): Promise<string | undefined>
  /** `undefined` for any browser but the one that started it. */
  activationView(id: string, browserHash: Buffer): Promise<ActivationView | undefined>
  /** `undefined` when there is no such activation or its secrets were erased. */
  activationSalt(id: string): Promise<Buffer | undefined>
  requestMail(id: string, proof: SteeringProof): Promise<MailOutcome>
  /** `newBrowserHash`: cookie of the browser that corrects, when it is not the one that started. */
  correctAddress(
    id: string,
    proof: SteeringProof,
    address: string,
    newBrowserHash: Buffer | undefined,
    correlationId: string,
  ): Promise<CorrectionResult>
  linkView(id: string, link: Buffer): Promise<LinkView>
  /** `triesLeft` only with `wrong_password` and `locked`. */
  confirmActivation(
    id: string,
    link: Buffer,
    /** `undefined` where nobody has typed a password before: of a granted one. */
    verifier: Buffer | undefined,
    credential: KeycloakCredential,
    finisherHash: Buffer,
  ): Promise<{ outcome: ConfirmOutcome; triesLeft?: number }>
  /** `undefined` for any browser but the one whose POST confirmed. */
  finishView(id: string, finisherHash: Buffer): Promise<FinishView | undefined>
  /** False unless the account is open and still linked, and this browser confirmed it. */
  mintProof(id: string, finisherHash: Buffer, handle: string, proof: Buffer): Promise<boolean>
  /** Takes a proof, once; `undefined` when it is wrong, late or used. */
  takeProof(handle: string, proof: Buffer): Promise<TakenProof | undefined>
  /** The correlation id of the activation of a subject. */
  subjectCorrelation(sub: string): Promise<string | undefined>
  /** Is this Keycloak user id the person of the activation? */
  isPerson(id: string, userId: string): Promise<boolean>
  /** Has the link removed. False when that was recorded before. */
  recordSignIn(id: string, finisherHash: Buffer): Promise<boolean>
  withdrawView(id: string, code: Buffer): Promise<WithdrawView>
  withdrawActivation(id: string, code: Buffer): Promise<'withdrawn' | 'done' | 'too_late' | 'bad_code'>
}

/** Either the starting browser's cookie (its SHA-256) or the verifier of the password first typed, or both. */
export type SteeringProof = { browserHash?: Buffer | undefined; verifier?: Buffer | undefined }

const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/

/** Has this text the form of an activation's id? */
export function isActivationId(text: string): boolean {
  return uuid.test(text)
}

/**
 * @param pool connections of the role `ellipro_provider`
 * @throws the errors of `pg`: a database that could not be asked is never an outcome
 */
export function createActivationStore(pool: pg.Pool): ActivationStore {
  /** The first row, its NULL columns left out and their names in our spelling. */
  async function row(
    call: string,
    values: unknown[],
    from = 'SELECT answer.* FROM',
  ): Promise<Row | undefined> {
    const { rows } = await pool.query<Record<string, unknown>>(`${from} ellipro.${call} AS answer`, values)
    const [first] = rows
    return (
      first &&
      Object.fromEntries(
        Object.entries(first)
          .filter(([, value]) => value !== null)
          .map(([name, value]) => [
            name.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase()),
            value,
          ]),
      )
    )
  }
  async function scalar<T>(call: string, values: unknown[]): Promise<T | undefined> {
    const { rows } = await pool.query<{ value: T | null }>(`SELECT ellipro.${call} AS value`, values)
    return rows[0]?.value ?? undefined
  }
  /** For functions that answer with one row whatever they are asked. */
  const answer = async <T>(call: string, values: unknown[]) => present(await row(call, values)) as T

  return {
    loginFacts: async (account, browserHash, knownDomains) =>
      readFacts(present(await row('login_facts($1, $2, $3)', [account, browserHash ?? null, knownDomains]))),
    startActivation: (a) =>
      answer('start_activation($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)', [
        a.account,
        a.login,
        a.company,
        a.contract,
        a.address,
        a.locale,
        a.shared,
        a.browserHash,
        a.salt,
        a.verifier,
        a.correlationId,
      ]),
    browserActivation: (browserHash) => scalar('browser_activation($1)', [browserHash]),
    activationView: async (id, browserHash) => {
      if (!isActivationId(id)) return undefined
      return (await row('activation_view($1, $2)', [id, browserHash])) as ActivationView | undefined
    },
    activationSalt: async (id) => (isActivationId(id) ? scalar('activation_salt($1)', [id]) : undefined),
    requestMail: async (id, proof) =>
      isActivationId(id)
        ? present(
            await scalar<MailOutcome>('request_mail($1, $2, $3)', [
              id,
              proof.browserHash ?? null,
              proof.verifier ?? null,
            ]),
          )
        : 'gone',
    correctAddress: async (id, proof, address, newBrowserHash, correlationId) =>
      isActivationId(id)
        ? answer('correct_address($1, $2, $3, $4, $5, $6)', [
            id,
            proof.browserHash ?? null,
            proof.verifier ?? null,
            address,
            newBrowserHash ?? null,
            correlationId,
          ])
        : { outcome: 'gone' },
    linkView: async (id, link) =>
      isActivationId(id) ? answer('link_view($1, $2)', [id, link]) : { outcome: 'bad_link' },
    confirmActivation: async (id, link, verifier, credential, finisherHash) => {
      if (!isActivationId(id)) return { outcome: 'bad_link' }
      return answer('confirm_activation($1, $2, $3, $4, $5)', [
        id,
        link,
        verifier ?? null,
        JSON.stringify(credential),
        finisherHash,
      ])
    },
    finishView: async (id, finisherHash) =>
      isActivationId(id)
        ? ((await row('finish_view($1, $2)', [id, finisherHash])) as FinishView | undefined)
        : undefined,
    mintProof: async (id, finisherHash, handle, proof) =>
      isActivationId(id) &&
      (await scalar<boolean>('mint_proof($1, $2, $3, $4)', [id, finisherHash, handle, proof])) === true,
    takeProof: async (handle, proof) =>
      (await row('take_proof($1, $2)', [handle, proof], `${lazily} SELECT answer.* FROM lazily,`)) as
        TakenProof | undefined,
    subjectCorrelation: (sub) => scalar('subject_correlation($1)', [sub]),
    isPerson: async (id, userId) =>
      isActivationId(id) && (await scalar<boolean>('is_person($1, $2)', [id, userId])) === true,
    recordSignIn: async (id, finisherHash) =>
      isActivationId(id) && (await scalar<boolean>('record_sign_in($1, $2)', [id, finisherHash])) === true,
    withdrawView: async (id, code) =>
      isActivationId(id) ? answer('withdraw_view($1, $2)', [id, code]) : { outcome: 'bad_code' },
    withdrawActivation: async (id, code) =>
      isActivationId(id)
        ? present(
            await scalar<'withdrawn' | 'done' | 'too_late' | 'bad_code'>('withdraw_activation($1, $2)', [
              id,
              code,
            ]),
          )
        : 'bad_code',
  }
}

type Row = Record<string, unknown>

function present<T>(value: T | undefined): T {
  if (value === undefined) throw new Error('A database function answered nothing')
  return value
}

function readFacts(row: Row): LoginFacts {
  return {
    ...(row['holderState'] !== undefined && {
      holder: {
        state: row['holderState'] as NonNullable<LoginFacts['holder']>['state'],
        initial: row['holderInitial'] as string,
        ...(row['holderDomain'] !== undefined && { domain: row['holderDomain'] as string }),
      },
    }),
    ...(row['ownId'] !== undefined && {
      own: {
        id: row['ownId'] as string,
        state: row['ownState'] as NonNullable<LoginFacts['own']>['state'],
        isHolder: row['ownIsHolder'] as boolean,
      },
    }),
  }
}
