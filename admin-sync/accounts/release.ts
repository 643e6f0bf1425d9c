/** The job `release`: an activation ended before it opened, and its address may have a pending user for nobody. */
import type { AccountJob } from './job.ts'
import { removePendingUser } from './pending-user.ts'

export const release: AccountJob = async (dependencies, activation, checkpoint) => {
  const removed = await removePendingUser(dependencies, activation.addressKey, checkpoint)
  return typeof removed === 'string' ? removed : `left:${removed.left}`
}
