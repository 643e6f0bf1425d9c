/**
 * A gate in front of work that takes something scarce: so many at once, so many that wait, and the next one is told to
 * come again. It owns the counting only.
 *
 * `hashing` is the one for password hashes: a check of Cofacering's, the verifier, the hash for Keycloak. They run on
 * libuv's four threads, of which one stays free for files and names; those are of the process, so the gate is too.
 */
import { UpstreamError } from '../core/errors.ts'

export type Gate = {
  /** @throws UpstreamError `retry`, code `busy`, when too many wait already; and whatever the work throws */
  run<T>(work: () => Promise<T>): Promise<T>
}

/** @param service named by the error of whoever finds no place */
export function createGate(service: string, o: { atOnce: number; waiting: number }): Gate {
  const queue: (() => void)[] = []
  let running = 0
  return {
    async run(work) {
      if (running >= o.atOnce) {
        if (queue.length >= o.waiting) throw new UpstreamError(service, 0, 'retry', 'busy')
        // Whoever goes out hands the place on, so nobody who comes later takes it.
        await new Promise<void>((enter) => queue.push(enter))
      } else running++
      try {
        return await work()
      } finally {
        const next = queue.shift()
        if (next) next()
        else running--
      }
    },
  }
}

/** At 20 to 100 ms a hash, the last of those who wait is served within a few seconds. */
export const hashing: Gate = createGate('hashing', { atOnce: 3, waiting: 60 })

/** Was it provider that had no place (here, in web/back-pressure.ts, in a pool)? Nobody was asked then. */
export function isBusy(error: unknown): error is UpstreamError {
  return error instanceof UpstreamError && error.code === 'busy'
}
