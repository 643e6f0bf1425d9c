/**
 * How far the changes of RT have been read. Pure.
 *
 * RT gives a transaction its id before it commits, so a lower id may appear after a higher one was read. The cursor
 * therefore stays below everything that is younger than `overlapSeconds`, and remembers what was told beyond that point.
 */

/** Every transaction up to `low` was told, or is old news; `seen` are those above it that were told too, ascending. */
export type Cursor = { low: number; seen: readonly number[] }
export type Row = { id: number; createdAt: Date }

/** Longer than any request to RT takes: its web server has given up by then. */
export const overlapSeconds = 30

/** `1|<low>|<distance of each seen id from the one before, in base 36>` */
export function encodeCursor({ low, seen }: Cursor): string {
  return `1|${low}|${seen.map((id, i) => (id - (seen[i - 1] ?? low)).toString(36)).join(',')}`
}

/** `undefined`: not one of ours, for example of another connector. */
export function decodeCursor(text: string): Cursor | undefined {
  const [, low, list] = /^1\|(\d{1,15})\|((?:[0-9a-z]+,)*[0-9a-z]+)?$/.exec(text) ?? []
  if (low === undefined) return undefined
  const seen: number[] = []
  for (const distance of list?.split(',') ?? [])
    seen.push((seen.at(-1) ?? Number(low)) + Number.parseInt(distance, 36))
  return { low: Number(low), seen }
}

/**
 * @param rows every transaction above `cursor.low` that could be read, ascending, up to some id
 * @param now by RT's own clock
 */
export function advance(cursor: Cursor, rows: readonly Row[], now: Date): Cursor {
  const settledBefore = now.getTime() - overlapSeconds * 1000
  const firstUnsettled = rows.findIndex((row) => row.createdAt.getTime() > settledBefore)
  const settled = firstUnsettled === -1 ? rows : rows.slice(0, firstUnsettled)
  return {
    low: settled.at(-1)?.id ?? cursor.low,
    seen: firstUnsettled === -1 ? [] : rows.slice(firstUnsettled).map((row) => row.id),
  }
}
