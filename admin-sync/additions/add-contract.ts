/**
 * The job `add-contract`: a person who has an Ellipro account moves a second login, with its contract. They gave, in one
 * browser, the k of our mail, the password first typed, and a sign-in at Keycloak; the database has compared the first
 * two, and what is checked here is the third, as Keycloak says it now.
 *
 *   1  the ID token: Keycloak's, for this activation and this browser, from a sign-in of the last five minutes
 *   2  it is of the user who has the address of the activation, in use and with that address confirmed
 *   3  not a protected account: the operator's account is answered 403, and the dead letter is for an administrator.
 *      Outwardly it stays "being added"
 *   4  the login gets its holder (`refused` becomes `opened`), or a request when somebody else holds it by now
 *   5  the contract is put beside those that the account has
 *
 * That is all that is written: no link, no subject, no credential, no address, no required action, and neither company
 * nor login where the account has one. Killed anywhere and run again it ends the same: what was verified is kept, the
 * database decides before Keycloak is written, and the contract is added to a set.
 */
import { UpstreamError } from '../../core/errors.ts'
import { additionNonce } from '../../core/nonce.ts'
import type { CaseCheckpoint, CaseDependencies, CaseJob } from '../cases/job.ts'
import { describeEntitlements } from '../contracts/entitlements/store.ts'
import { isForbidden } from '../keycloak/connect.ts'
import type { User } from '../keycloak/representations.ts'
import type { UserChange } from '../keycloak/users.ts'
import { isPending } from '../accounts/pending-user.ts'
import type { LegacyLogin } from '../accounts/legacy-data.ts'
import {
  endAttempt,
  keepVerified,
  markAdded,
  noteError,
  readAddition,
  takeContract,
  type Addition,
  type AdditionOutcome,
} from './store.ts'

const maxAuthAgeSeconds = 300

export const addContract: CaseJob = async (dependencies, id) => {
  const known = await readAddition(dependencies.pool, id)
  if (!known) return 'nothing'
  // Alone among everything that makes or changes the user of the address.
  return dependencies.hold(known.addressKey, async (checkpoint) => {
    const addition = await readAddition(dependencies.pool, id)
    if (!addition) return 'nothing'
    if (addition.taken) return finish(dependencies, addition, checkpoint)
    if (addition.state !== 'refused' || addition.reason !== 'address_taken') return 'superseded'
    const userId = addition.userId ?? (await verify(dependencies, addition, checkpoint))
    if (typeof userId !== 'string') return userId.outcome
    return take(dependencies, { ...addition, userId }, userId, checkpoint)
  })
}

/** Whom the ID token names; or what the job has done about one that does not count. */
async function verify(
  { pool, verifyIdToken, log }: CaseDependencies,
  addition: Addition,
  checkpoint: CaseCheckpoint,
): Promise<string | { outcome: string }> {
  const { id, idToken, receivedAt, browserHash, correlationId } = addition
  if (idToken === null || receivedAt === null) return { outcome: 'nothing' }
  const verification = await verifyIdToken(idToken, {
    nonce: additionNonce(id, browserHash),
    receivedAt,
    maxAuthAgeSeconds,
  })
  const code =
    verification.status === 'refused'
      ? verification.code
      : findStale(verification.identity.authTime, receivedAt)
  await checkpoint('keep-verified')
  if (verification.status === 'verified' && code === undefined) {
    const { userId } = verification.identity
    return (await keepVerified(pool, addition, userId)) ? userId : { outcome: 'superseded' }
  }
  log.warn({
    event: 'addition.refused',
    activation: id,
    ...(correlationId !== null && { correlation_id: correlationId }),
    code,
  })
  await endAttempt(pool, addition, 'sign_in_refused')
  return { outcome: `refused:${code ?? ''}` }
}

/** Pure. The five minutes end when provider handed the token over, not when Keycloak issued it. */
const findStale = (authTime: Date | undefined, receivedAt: Date) =>
  authTime && receivedAt.getTime() - authTime.getTime() <= (maxAuthAgeSeconds + 5) * 1000
    ? undefined
    : 'signed_in_long_ago'

async function take(
  dependencies: CaseDependencies,
  addition: Addition,
  userId: string,
  checkpoint: CaseCheckpoint,
): Promise<string> {
  const { pool, reader, legacy } = dependencies
  const end = async (outcome: AdditionOutcome) => {
    await checkpoint('end')
    await endAttempt(pool, addition, outcome)
    return outcome
  }
  const [owner, login] = await Promise.all([
    reader.findUserByEmail(addition.address),
    legacy.findLogin(addition.account),
  ])
  const problem = findProblem(addition.address, owner, userId)
  if (problem !== undefined) return end(problem)
  if (!login || login.disabled) return end('login_unknown')
  const user = await readAsOperator(dependencies, addition, userId)
  if (!user) return end('account_unusable')
  await checkpoint('take')
  const contract = login.contract
  const taken = await takeContract(pool, addition, {
    userId,
    contract,
    hadBefore: contractsOf(user).includes(contract),
  })
  if (taken !== 'taken') return taken
  return finish(dependencies, { ...addition, taken: { userId, contract, isAdded: false } }, checkpoint, login)
}

/**
 * Pure: what speaks against the account.
 * @param owner who has the address at Keycloak now @param userId who signed in
 */
export function findProblem(
  address: string,
  owner: Pick<User, 'id' | 'email' | 'enabled' | 'emailVerified' | 'attributes'> | undefined,
  userId: string,
): Extract<AdditionOutcome, 'wrong_person' | 'account_unusable'> | undefined {
  if (owner?.id !== userId || owner.email?.toLowerCase() !== address.toLowerCase()) return 'wrong_person'
  if (owner.enabled !== true || owner.emailVerified !== true || isPending(owner as User))
    return 'account_unusable'
  return undefined
}

/**
 * The user as the account sees it that would write it.
 * @throws UpstreamError `fail`, code `protected_account`
 */
async function readAsOperator(
  { keycloak, pool }: CaseDependencies,
  { id }: Addition,
  userId: string,
): Promise<User | undefined> {
  try {
    return await keycloak.getUser(userId)
  } catch (error) {
    if (!isForbidden(error)) throw error
    await noteError(pool, id, 'keycloak:protected_account')
    throw new UpstreamError('keycloak', 403, 'fail', 'protected_account', { cause: error })
  }
}

/** Keycloak's part, and then who has to be told. */
async function finish(
  dependencies: CaseDependencies,
  addition: Addition,
  checkpoint: CaseCheckpoint,
  known?: LegacyLogin,
): Promise<string> {
  const { pool, keycloak, legacy } = dependencies
  const { taken, state, account } = addition
  if (!taken || taken.isAdded) return 'nothing'
  // Released since: its login is somebody else's affair.
  if (state !== 'refused' && state !== 'opened') return 'superseded'
  const login = known ?? (await legacy.findLogin(account))
  await checkpoint('write-contract')
  try {
    const written = await keycloak.updateUserMerged(taken.userId, async (user) => {
      const attributes = {
        ...describeChange(user, taken.contract, login)?.attributes,
        ...(await describeEntitlements(pool, user, { adding: taken.contract })),
      }
      return Object.keys(attributes).length === 0 ? undefined : { attributes }
    })
    // Deleted since: the sweep closes the activation.
    if (!written) {
      await endAttempt(pool, addition, 'account_unusable')
      return 'user_gone'
    }
  } catch (error) {
    if (isForbidden(error)) await noteError(pool, addition.id, 'keycloak:protected_account')
    throw error
  }
  await checkpoint('mark-added')
  return (await markAdded(pool, addition, login)) ? 'added' : 'nothing'
}

const contractsOf = (user: User): string[] =>
  (user.attributes as Record<string, string[]> | undefined)?.['contract'] ?? []

/**
 * Pure: the contract beside those that are there. Company and login of the account are those of its first login, which
 * the person and the desk know it by; they are filled only where there is none.
 */
export function describeChange(
  user: User,
  contract: string,
  login: Pick<LegacyLogin, 'login' | 'company'> | undefined,
): UserChange | undefined {
  const has = (name: string) => user.attributes?.[name] !== undefined
  const attributes = {
    ...(!contractsOf(user).includes(contract) && { contract: [...contractsOf(user), contract] }),
    ...(login && !has('cofacering_login') && { cofacering_login: [login.login] }),
    ...(login && !has('company') && { company: [login.company.slice(0, 255)] }),
  }
  return Object.keys(attributes).length === 0 ? undefined : { attributes }
}
