/** Reads both sides of a comparison page by page, the next page while this one is looked at, and merges them. */
import type { WorkspaceDigest } from '../target/port.ts'
import type { StoredDigest } from './store.ts'

/** At least one side has it. */
export type Pair = {
  contract: string
  ours: StoredDigest | undefined
  theirs: WorkspaceDigest | undefined
}

/**
 * Yields the pages one after the other until an empty one: a page that is not full is not the end.
 * @param read the page after a contract
 */
export async function* readPages<T extends { contract: string }>(
  read: (after: string) => Promise<T[]>,
): AsyncGenerator<T[]> {
  let next = read('')
  for (;;) {
    const page = await next
    const last = page.at(-1)
    if (!last) return
    next = read(last.contract)
    // It is awaited after this page was looked at, or never when that failed.
    next.catch(() => undefined)
    yield page
  }
}

/** In order of the contracts' bytes, as both sides are; some at a time. */
export async function* mergeSides(
  ours: AsyncIterable<StoredDigest[]>,
  theirs: AsyncIterable<WorkspaceDigest[]>,
  size: number,
): AsyncGenerator<Pair[]> {
  const [left, right] = [readItems(ours), readItems(theirs)]
  let [mine, other] = await Promise.all([left.next(), right.next()])
  let pairs: Pair[] = []
  while (!mine.done || !other.done) {
    const order = mine.done ? 1 : other.done ? -1 : compareBytes(mine.value.contract, other.value.contract)
    const pair: Pair = { contract: '', ours: undefined, theirs: undefined }
    if (order <= 0 && !mine.done) {
      pair.contract = mine.value.contract
      pair.ours = mine.value
    }
    if (order >= 0 && !other.done) {
      pair.contract = other.value.contract
      pair.theirs = other.value
    }
    pairs.push(pair)
    if (pairs.length === size) {
      yield pairs
      pairs = []
    }
    if (pair.ours) mine = await left.next()
    if (pair.theirs) other = await right.next()
  }
  if (pairs.length > 0) yield pairs
}

async function* readItems<T>(pages: AsyncIterable<T[]>): AsyncGenerator<T, undefined> {
  for await (const page of pages) yield* page
  return undefined
}

const compareBytes = (a: string, b: string) => Buffer.compare(Buffer.from(a), Buffer.from(b))
