import type { Random } from './random.ts'

/** Nine digits whose Luhn sum is a multiple of ten; starts with 000, as no company's does. */
export function makeSiren(random: Random): string {
  const eight = `000${String(random.between(10_000, 99_999))}`
  const sum = Array.from(eight).reduce((total, digit, i) => {
    const value = Number(digit) * (i % 2 === 1 ? 2 : 1)
    return total + (value > 9 ? value - 9 : value)
  }, 0)
  return `${eight}${(10 - (sum % 10)) % 10}`
}
