/**
 * A small seeded random source (mulberry32), so that the sample data is the same on every machine and every run.
 * Good enough to shuffle names; never for a secret.
 */
export type Random = {
  /** A whole number from `low` to `high`, both included. */
  between(low: number, high: number): number
  /** One item of a non-empty list. */
  pick<T>(list: readonly T[]): T
  /** True with the given probability (0 to 1). */
  chance(probability: number): boolean
  /** `length` bytes, for salts that have to be the same every time. */
  bytes(length: number): Buffer
}

export function createRandom(seed: number): Random {
  let state = seed >>> 0
  const next = () => {
    state = (state + 0x6d2b79f5) >>> 0
    let t = state
    t = Math.imul(t ^ (t >>> 15), t | 1)
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32
  }
  const between = (low: number, high: number) => low + Math.floor(next() * (high - low + 1))
  return {
    between,
    pick: (list) => {
      if (list.length === 0) throw new Error('nothing to pick from')
      return list[between(0, list.length - 1)]!
    },
    chance: (probability) => next() < probability,
    bytes: (length) => Buffer.from(Array.from({ length }, () => between(0, 255))),
  }
}
