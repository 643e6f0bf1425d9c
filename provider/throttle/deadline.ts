/** The fixed deadline of a failed sign-in: unknown login, wrong password and locked take the same time. */
import { setTimeout as sleep } from 'node:timers/promises'

/** A clock that never goes back, in milliseconds, and waiting by it. */
export type Stopwatch = { now(): number; sleep(ms: number): Promise<unknown> }
export const stopwatch: Stopwatch = { now: () => performance.now(), sleep }

/**
 * Waits until `deadlineMs` after `startedAt` (of the stopwatch). What took longer than the deadline waits for the next
 * multiple of it, so that slow answers say as little as quick ones.
 */
export async function waitForDeadline(
  watch: Stopwatch,
  startedAt: number,
  deadlineMs: number,
): Promise<void> {
  const spent = watch.now() - startedAt
  await watch.sleep(Math.ceil(Math.max(spent, 1) / deadlineMs) * deadlineMs - spent)
}
