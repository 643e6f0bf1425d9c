import type { AddressLocks } from './address-lock.ts'

type Checkpoint = (step: string) => Promise<void>
export type JobLock = {
  /** Runs `work` alone among everything that holds the same key, over all replicas. */
  hold: <T>(key: string, work: (checkpoint: Checkpoint) => Promise<T>) => Promise<T>
  checkpoint: Checkpoint
}

/**
 * Locks and checkpoints that end with the job.
 * @param signal of the job: aborted when its time is up, or pg-boss has given it to another process
 * @param onStep called before each step
 */
export function lockJob(
  locks: AddressLocks,
  signal: AbortSignal,
  onStep: (step: string) => void | Promise<void>,
): JobLock {
  const checkpoint: Checkpoint = async (step) => {
    // Whatever the reason, that is no bug.
    if (signal.aborted) throw new DOMException('The job is not for this process any more', 'AbortError')
    await onStep(step)
  }
  return {
    checkpoint,
    hold: (key, work) =>
      locks.hold(key, (assertHeld) =>
        work(async (step) => {
          assertHeld()
          await checkpoint(step)
        }),
      ),
  }
}
