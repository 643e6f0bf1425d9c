/** The fixed deadline of a failed sign-in: unknown login, wrong password and locked take the same time. */
import { setTimeout as sleep } from 'node:timers/promises'

/**
 * Waits until `deadlineMs` after `startedAt` (both of `performance.now()`'s clock). What took longer than the
 * deadline waits for the next multiple of it, so that slow answers say as little as quick ones.
 */
export async function waitForDeadline(startedAt: number, deadlineMs: number): Promise<void> {
  const spent = performance.now() - startedAt
  await sleep(Math.ceil(Math.max(spent, 1) / deadlineMs) * deadlineMs - spent)
}
