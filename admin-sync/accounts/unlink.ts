/**
 * The job `unlink`: step 10 of an activation. The federated link has carried the one sign-in that it was made for, or
 * 15 minutes have passed. From here on no ID token of our OP, even one forged with its key, signs in to the account.
 */
import type { AccountJob } from './job.ts'
import { providerAlias } from './pending-user.ts'

export const unlink: AccountJob = async ({ store, keycloak }, { id, state, unlinkedAt }, checkpoint) => {
  if ((state !== 'opened' && state !== 'closed') || unlinkedAt) return 'nothing'
  const holding = await store.findHolding(id)
  if (!holding) throw new Error('An opened activation has no Keycloak user')
  await checkpoint('delete-link')
  // One that added its contract to an account never had a link.
  if (holding.own) await keycloak.deleteFederatedIdentity(holding.userId, providerAlias)
  await checkpoint('mark-unlinked')
  await store.markUnlinked(id)
  return 'unlinked'
}
