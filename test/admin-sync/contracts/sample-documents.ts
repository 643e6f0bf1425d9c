/** Contracts for tests: made at random from a seed, with texts that tempt an encoding or an order. */
import { alertKinds, contractDocument, type ContractDocument } from '../../../admin-sync/contracts/model.ts'
import { analyses, reports } from '../../../core/offer.ts'

/** Numbers from 0 to 1, the same for the same seed (mulberry32). */
export function createRandom(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
  }
}

/** The last ones: beyond the first plane, where the order of UTF-16 and that of UTF-8 differ; below all that is printed. */
const pieces = [
  'a',
  'Z',
  '0',
  ' ',
  '  ',
  'é',
  'e\u0301',
  'ß',
  'İ',
  '\\',
  '"',
  "'",
  '=1+1',
  '<b>',
  '%',
  '\u00a0',
  '中',
  '\u200f',
].concat(['\ufffd', '\uff01', '😀', '👩‍🚀', '𐐷', '!', '~', '\u00ad'])

const days = 86_400_000

/** @param lines records of each section at most */
export function randomDocument(contract: string, random: () => number, lines = 12): ContractDocument {
  const below = (limit: number) => Math.floor(random() * limit)
  const some = <T>(make: () => T) => Array.from({ length: below(lines + 1) }, make)
  const text = () => Array.from({ length: 1 + below(6) }, () => pieces[below(pieces.length)]).join('')
  const maybe = () => (random() < 0.4 ? null : text())
  const letters = (count: number) =>
    Array.from({ length: count }, () => String.fromCharCode(65 + below(26))).join('')
  const date = () => new Date(below(40_000) * days - 20_000 * days).toISOString().slice(0, 10)
  const cents = () => (random() < 0.1 ? 9_007_199_254_740_991 : below(1_000_000))
  const chosen = <T>(list: readonly T[]) => list.filter(() => random() < 0.5).toSorted(() => random() - 0.5)
  /** One record a key, in no order. */
  const distinct = <T>(list: T[], key: (item: T) => string) =>
    [...new Map(list.map((item) => [key(item), item])).values()].toSorted(() => random() - 0.5)
  return contractDocument.parse({
    contract,
    company: { name: text(), country: letters(2), number: text() },
    tariff: {
      name: text(),
      fee: { cents: cents(), currency: letters(3) },
      prices: distinct(
        some(() => ({ item: text(), cents: cents(), currency: letters(3) })),
        ({ item }) => item,
      ),
    },
    signedOn: date(),
    contact: { name: maybe(), email: maybe(), phone: maybe() },
    reports: chosen(reports),
    analyses: chosen(analyses),
    score: random() < 0.5,
    countries: distinct(
      some(() => letters(2)),
      String,
    ),
    portfolio: distinct(
      some(() => ({
        country: letters(2),
        number: text(),
        name: text(),
        reference: maybe(),
        addedOn: date(),
      })),
      ({ country, number }) => `${country} ${number}`,
    ),
    monitoring: distinct(
      some(() => ({
        country: random() < 0.7 ? 'FR' : letters(2),
        number: random() < 0.7 ? '552100554' : text(),
        kind: alertKinds[below(alertKinds.length)],
        recipient: text(),
        since: date(),
      })),
      ({ country, number, kind, recipient }) => `${country}\t${number}\t${kind}\t${recipient}`,
    ),
  })
}
