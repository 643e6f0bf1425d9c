/**
 * Which changes at Cofacering are new, and how far they are read. Pure.
 *
 * A row of the query of changes has its moment before it can be seen: its transaction is committed later. So each look
 * goes back by an overlap behind the point that was reached (`through`), and what it sees there that was named before
 * (`seen`) is passed over. A row of which another change may still come with the same moment is named, and named again.
 *
 * Moments are texts of one form, `2026-11-24T16:21:08.123456Z`, which sort as they follow each other.
 */
import { createHash } from 'node:crypto'

/** Contract, and moment of one change. */
export type Change = { contract: string; moment: string }
/** `seen`: keys of the rows behind `through` that were named. */
export type ChangeCursor = { through: string; seen: string[] }
type Limits = {
  /** The clock of Cofacering. */
  now: string
  overlapSeconds: number
  resolutionSeconds: number
}
type Plan = { contracts: string[]; cursor: ChangeCursor; hasMore: boolean }

export function readCursor(text: string): ChangeCursor {
  const [through = '', ...seen] = text.split(' ')
  return { through, seen }
}
export const writeCursor = ({ through, seen }: ChangeCursor): string => [through, ...seen].join(' ')

/** All that changes from now on. @param found the rows of the overlap */
export function startFollowing(found: readonly Change[], o: Limits): Plan {
  const all = { ...o, isCut: false, portion: Infinity }
  return { ...planChanges({ through: o.now, seen: [] }, found, all), contracts: [] }
}

/**
 * @param rows those since the overlap behind `cursor.through`, in order of their moments
 * @param o.isCut there are more of them, later ones
 * @param o.portion contracts that are named at most
 * @returns the contracts that changed, each once, and the cursor for when they are imported
 */
export function planChanges(
  cursor: ChangeCursor,
  rows: readonly Change[],
  o: Limits & { isCut: boolean; portion: number },
): Plan {
  const known = new Set(cursor.seen)
  const settled = moveBack(o.now, o.resolutionSeconds)
  const contracts = new Set<string>()
  const found = takeWhile(rows, (change) => {
    if (known.has(keyOf(change))) return true
    if (contracts.size === o.portion && !contracts.has(change.contract)) return false
    contracts.add(change.contract)
    return true
  })
  const hasMore = o.isCut || found.length < rows.length

  const reached = hasMore ? found.at(-1)?.moment : o.now
  // Never beyond the clock, whatever a moment says, and never back.
  const through = [cursor.through, reached !== undefined && reached < o.now ? reached : o.now]
    .toSorted()
    .at(-1)!
  const from = moveBack(through, o.overlapSeconds)
  const kept = found.filter(({ moment }) => moment > from && moment < settled).map(keyOf)
  // Of those that this look did not come to nothing is known.
  const seen = hasMore ? [...new Set([...cursor.seen, ...kept])] : kept
  return { contracts: [...contracts], cursor: { through, seen }, hasMore }
}

function takeWhile<T>(list: readonly T[], test: (item: T) => boolean): T[] {
  const end = list.findIndex((item) => !test(item))
  return list.slice(0, end < 0 ? undefined : end)
}

/** 64 bits: that two changes have one is less likely than that the disk lies. */
const keyOf = ({ contract, moment }: Change) =>
  createHash('sha256').update(`${moment} ${contract}`).digest('base64url').slice(0, 11)

/** To the millisecond, rounded down, in the same form. */
function moveBack(moment: string, seconds: number): string {
  const time = Date.parse(`${moment.slice(0, 23)}Z`) - seconds * 1000
  return new Date(time).toISOString().replace('Z', '000Z')
}
