import type { Random } from './random.ts'

/** Nine digits whose Luhn sum is a multiple of ten. @param n of at most eight digits, the first ones */
export function sirenOf(n: number): string {
  const eight = String(n).padStart(8, '0')
  const sum = Array.from(eight).reduce((total, digit, i) => {
    const value = Number(digit) * (i % 2 === 1 ? 2 : 1)
    return total + (value > 9 ? value - 9 : value)
  }, 0)
  return `${eight}${(10 - (sum % 10)) % 10}`
}

/** Starts with 000, as no company's does. */
export const makeSiren = (random: Random): string => sirenOf(random.between(10_000, 99_999))
