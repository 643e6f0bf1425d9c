/**
 * The cron job `purge-expired`: ends what nobody finished, and only then takes away what it had.
 *
 * A row moves to `expired` first, so that no late job acts on it any more. Then go the Keycloak users that we made,
 * that never opened and that no live activation needs, each under its address's lock; a user that somebody has made
 * their own in the console is left and reported. An answer that could not be had stops the pass: it never counts as
 * "nothing there".
 */
import type { AccountDependencies } from './job.ts'
import { removePendingUser } from './pending-user.ts'

const batch = 500
const addressesPerPass = 10_000

export type PurgeResult = {
  expired: number
  deletedUsers: number
  leftUsers: number
  erasedSecrets: number
  deletedRows: Record<string, number>
}

export async function purgeExpired(dependencies: AccountDependencies): Promise<PurgeResult> {
  const { store, holdAddress, log } = dependencies
  let expired = 0
  for (let more = batch; more === batch; expired += more) more = await store.expire(batch)
  expired += await store.expireGranted()
  const erasedSecrets = await store.eraseEndedSecrets()

  let deletedUsers = 0
  let leftUsers = 0
  for (const addressKey of await store.listAbandonedAddresses(addressesPerPass)) {
    const removed = await holdAddress(addressKey, (checkpoint) =>
      removePendingUser(dependencies, addressKey, checkpoint),
    )
    if (removed === 'deleted') deletedUsers++
    if (typeof removed === 'object') {
      leftUsers++
      log.warn({ event: 'purge.user_left', record: removed.record, reason: removed.left })
    }
  }
  return { expired, deletedUsers, leftUsers, erasedSecrets, deletedRows: await store.deleteOldRows() }
}
