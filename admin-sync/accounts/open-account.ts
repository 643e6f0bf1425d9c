/**
 * The job `open-account`: step 8 of an activation. Both proofs are there (state `confirmed`, reached in the database
 * and nowhere else); what is checked here is Keycloak's side of them, as Keycloak says it now.
 *
 *   1  the user that we made, by its recorded id: there, enabled, of this address, its address confirmed
 *   2  nobody else has this activation's `sub` (invariant 3)
 *   3  away with whatever stood on the user before: links, credentials, sessions, consents, offline tokens
 *   4  the password of the confirmation, what applications may read, the link; `activation=pending` goes last
 *   5  state `opened` and all that follows from it, in one transaction
 *
 * Killed anywhere and run again it ends at the same account: 3 and 4 start over while the user is still pending, and
 * are skipped when it is not.
 */
import { UpstreamError } from '../../core/errors.ts'
import { isConflict, isForbidden } from '../keycloak/connect.ts'
import type { FederatedIdentity, User } from '../keycloak/representations.ts'
import { readCredentialForm, type Credential } from './credential.ts'
import type { AccountDependencies, AccountJob, Checkpoint, Outcome } from './job.ts'
import { isPending, mailAttributes, providerAlias } from './pending-user.ts'
import type { Activation, Refusal } from './store.ts'

export const openAccount: AccountJob = async (dependencies, activation, checkpoint) => {
  const { store, legacy } = dependencies
  if (activation.state !== 'confirmed') return 'nothing'

  const record = await store.findPendingUser(activation.addressKey)
  if (!record || record.userId === null) {
    const reason = (await store.hasOpenedUser(activation.addressKey)) ? 'address_taken' : 'user_gone'
    return refuse(dependencies, activation, reason)
  }
  // Questions of which none waits for another's answer: a person waits for the account. What the user itself says
  // counts first, so a failure of the others is looked at after that.
  const others = Promise.all([
    legacy.findLogin(activation.account),
    checkSubject(dependencies, activation, record.userId),
    readExisting(dependencies, record.userId),
  ])
  others.catch(() => undefined)
  const found = await findConfirmedUser(dependencies, record.record, record.userId)
  if ('refusal' in found) return refuse(dependencies, activation, found.refusal)
  const { user } = found
  const problem = findProblem(activation, user)
  if (problem === 'address_not_verified') {
    await store.sendBackToMailbox(activation.id)
    return problem
  }
  if (problem) return refuse(dependencies, activation, problem)

  const [login, , existing] = await others
  if (!login || login.disabled) return refuse(dependencies, activation, 'account_unknown')

  if (!isFinished(activation, user, existing)) {
    const stored = await store.readCredential(activation.id)
    if (stored === undefined) throw new UpstreamError('database', 0, 'fail', 'credential_missing')
    const credential = readCredentialForm(stored)
    if (!credential) throw new UpstreamError('database', 0, 'fail', 'credential_malformed')
    await clearUser(dependencies, user.id, existing, checkpoint)
    await checkpoint('write-account')
    await writeAccount(dependencies, activation, user.id, credential, {
      cofacering_login: login.login,
      company: login.company,
      contract: login.contract,
      shared: login.shared || activation.shared,
    })
    await checkpoint('link')
    await link(dependencies, user.id, activation.sub)
    await checkpoint('end-pending')
    await endPending(dependencies, activation, user.id)
  }

  await checkpoint('mark-opened')
  return (await store.markOpened(activation, record.record, login)) ? 'opened' : 'superseded'
}

async function findConfirmedUser(
  { store, keycloak }: AccountDependencies,
  record: string,
  userId: string,
): Promise<{ user: User } | { refusal: Refusal }> {
  try {
    const user = await keycloak.getUser(userId)
    if (user) return { user }
  } catch (error) {
    // Among the protected accounts by now: an administrator's, and none of our business.
    if (isForbidden(error)) return { refusal: 'address_taken' }
    throw error
  }
  await store.markUserDeleted(record)
  return { refusal: 'user_gone' }
}

/** Pure: what speaks against opening, in the order in which it counts. */
export function findProblem(
  activation: Pick<Activation, 'address'>,
  user: Pick<User, 'enabled' | 'email' | 'emailVerified'>,
): Extract<Refusal, 'user_disabled' | 'address_changed'> | 'address_not_verified' | undefined {
  if (user.enabled !== true) return 'user_disabled'
  if (user.email?.toLowerCase() !== activation.address.toLowerCase()) return 'address_changed'
  if (user.emailVerified !== true) return 'address_not_verified'
  return undefined
}

/** Asked with the reader's account: it sees protected users too, and is spared the search's fine-grained permissions. */
async function checkSubject(
  { reader }: AccountDependencies,
  { sub }: Activation,
  userId: string,
): Promise<void> {
  const holders = await reader.findUsersByFederatedIdentity(providerAlias, sub)
  if (holders.some(({ id }) => id !== userId))
    throw new UpstreamError('keycloak', 409, 'fail', 'subject_of_another_user')
}

type Existing = { links: FederatedIdentity[]; credentials: { id: string }[] }

async function readExisting({ keycloak }: AccountDependencies, userId: string): Promise<Existing> {
  const [links, credentials] = await Promise.all([
    keycloak.listFederatedIdentities(userId),
    keycloak.listCredentials(userId),
  ])
  return { links, credentials }
}

/** Pure: did an earlier run do all of Keycloak's part? Then the user is the person's, and is not touched again. */
function isFinished({ sub }: Activation, user: User, { links }: Existing): boolean {
  return (
    !isPending(user) &&
    links.some(({ identityProvider, userId }) => identityProvider === providerAlias && userId === sub)
  )
}

/**
 * What a mailbox owner may have set up while the user was pending must not open the account that the person of the
 * login gets now. Sessions go after the credentials that could start new ones.
 */
async function clearUser(
  { keycloak }: AccountDependencies,
  userId: string,
  { links, credentials }: Existing,
  checkpoint: Checkpoint,
): Promise<void> {
  await checkpoint('delete-links')
  for (const { identityProvider } of links) await keycloak.deleteFederatedIdentity(userId, identityProvider)
  await checkpoint('delete-credentials')
  // Whoever came by a link may have made another one meanwhile.
  const all = links.length === 0 ? credentials : await keycloak.listCredentials(userId)
  for (const { id } of all) await keycloak.deleteCredential(userId, id)
  await checkpoint('end-sessions')
  await keycloak.logoutUser(userId)
  await keycloak.revokeGrants(userId)
}

async function writeAccount(
  { store, keycloak }: AccountDependencies,
  activation: Activation,
  userId: string,
  credential: Credential,
  login: { cofacering_login: string; company: string; contract: string; shared: boolean },
): Promise<void> {
  const written = await keycloak.updateUserMerged(userId, async (user) => {
    failIfChanged(activation, user)
    const contracts = user.attributes?.['contract'] as string[] | undefined
    return {
      credentials: [{ ...credential, type: 'password' }],
      requiredActions: (user.requiredActions ?? []).filter((action) => action !== 'VERIFY_EMAIL'),
      attributes: {
        cofacering_login: [login.cofacering_login],
        company: [login.company.slice(0, 255)],
        contract: [...new Set([...(contracts ?? []), login.contract])],
        // With the account, so that the first token has them.
        ...(await store.describeEntitlements(user, { adding: login.contract })),
        // "false" in the console is somebody's knowledge; only silence is filled.
        ...(login.shared && !user.attributes?.['shared_login'] && { shared_login: ['true'] }),
        ...Object.fromEntries(mailAttributes.map((name) => [name, undefined])),
      },
    }
  })
  if (!written) throw new UpstreamError('keycloak', 404, 'retry', 'user_vanished')
}

/** The subject is also the link's user name: nothing at Keycloak tells the login to whoever sees the link. */
async function link({ keycloak }: AccountDependencies, userId: string, sub: string): Promise<void> {
  try {
    await keycloak.addFederatedIdentity(userId, {
      identityProvider: providerAlias,
      userId: sub,
      userName: sub,
    })
  } catch (error) {
    // Somebody linked it since we looked: start over.
    if (isConflict(error)) throw new UpstreamError('keycloak', 409, 'retry', 'linked_meanwhile')
    throw error
  }
}

/** From here on the flows let the person in. */
async function endPending(
  { keycloak }: AccountDependencies,
  activation: Activation,
  userId: string,
): Promise<void> {
  const written = await keycloak.updateUserMerged(userId, (user) => {
    failIfChanged(activation, user)
    return { attributes: { activation: undefined, activation_record: undefined } }
  })
  if (!written) throw new UpstreamError('keycloak', 404, 'retry', 'user_vanished')
}

/** The next run reads the user again and decides. */
function failIfChanged(activation: Activation, user: User): void {
  const problem = findProblem(activation, user)
  if (problem) throw new UpstreamError('keycloak', 200, 'retry', problem)
}

async function refuse({ store }: AccountDependencies, { id }: Activation, reason: Refusal): Promise<Outcome> {
  return (await store.refuse(id, ['confirmed'], reason)) ? `refused:${reason}` : 'superseded'
}
