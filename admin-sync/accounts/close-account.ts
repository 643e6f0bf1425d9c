/**
 * The job `close-account`: the holder of a login left. An operator asked for the login to be freed
 * (operators/login-release.ts), or agents gave it to another person (decisions/).
 *
 *   1  the user that the activation opened is disabled, and never enabled again by us; what its contract gave is taken
 *   2  its sessions and consents end, and a link that is left goes
 *   3  `opened` becomes `closed` (`holder_left`) and the login is free (`withdrawn`, `released`), in one transaction; or it
 *      stays held for the person whom the agents chose (`closed`, `replaced`), whose mail leaves now
 *
 * Where the contract of the login was added to an account that the person had before, the account is theirs and stays as
 * it is: only the contract goes, with what it alone gave, unless another login of theirs, or somebody at the console, has given it too.
 *
 * The user stays in Keycloak: who it was and what it may have done is the administrator's to keep or delete. Nobody gets
 * its `sub`. An administrator's account is not touched, and keeps its login. Killed anywhere and run again it ends the
 * same. Not alone on the address (jobs/work.ts): nobody may keep an account open by holding a lock.
 */
import { noEntitlements } from '../contracts/entitlements/entitlements.ts'
import { isForbidden } from '../keycloak/connect.ts'
import type { AccountDependencies, AccountJob, Checkpoint } from './job.ts'
import { providerAlias } from './pending-user.ts'

export const closeAccount: AccountJob = async (dependencies, { id, state }, checkpoint) => {
  const { store } = dependencies
  if (!(await store.isClosingWanted(id))) return 'nothing'
  if (state !== 'opened' && state !== 'closed') {
    // The sweep found the user gone meanwhile, and an operator released the login at once.
    await store.endClosing(id, 'superseded')
    return 'superseded'
  }
  const holding = await store.findHolding(id)
  if (!holding) throw new Error('An opened activation has no Keycloak user')
  try {
    if (holding.own) await shut(dependencies, holding.userId, checkpoint)
    else await takeContract(dependencies, id, holding.userId, checkpoint)
  } catch (error) {
    if (!isForbidden(error)) throw error
    // Among the protected accounts: an administrator's, and none of our business.
    await store.endClosing(id, 'protected')
    return 'protected'
  }
  await checkpoint('mark-released')
  return store.markHolderLeft(id)
}

async function takeContract(
  { store, keycloak, holdAddress }: AccountDependencies,
  id: string,
  userId: string,
  checkpoint: Checkpoint,
): Promise<void> {
  const contract = await store.findRemovableContract(id)
  if (contract === undefined) return
  await checkpoint('take-contract')
  // Alone with sync-entitlements, which would write back what it has read before.
  await holdAddress(`user:${userId}`, () =>
    keycloak.updateUserMerged(userId, async (user) => {
      const contracts = (user.attributes as Record<string, string[]> | undefined)?.['contract'] ?? []
      return {
        attributes: {
          contract: contracts.filter((one) => one !== contract),
          ...(await store.describeEntitlements(user, { taking: contract })),
        },
      }
    }),
  )
}

/** A user that was deleted meanwhile is as shut as can be. */
async function shut(
  { keycloak }: AccountDependencies,
  userId: string,
  checkpoint: Checkpoint,
): Promise<void> {
  const user = await keycloak.getUser(userId)
  if (!user) return
  await checkpoint('disable-user')
  const isEntitled = Object.keys(noEntitlements).some((name) => user.attributes?.[name] !== undefined)
  if (user.enabled !== false || isEntitled)
    await keycloak.updateUserMerged(userId, {
      ...(user.enabled !== false && { enabled: false }),
      attributes: noEntitlements,
    })
  await checkpoint('end-sessions')
  await keycloak.logoutUser(userId)
  await keycloak.revokeGrants(userId)
  await checkpoint('delete-link')
  await keycloak.deleteFederatedIdentity(userId, providerAlias)
}
