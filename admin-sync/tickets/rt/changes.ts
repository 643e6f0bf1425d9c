/**
 * What happened in the queue, read from RT's transactions: one row a change, with ids that grow. See cursor.ts for rows that
 * appear late. What our own account did is told as `own`, except merges and deletions, which have to be followed whoever
 * did them.
 *
 * Rows that our account may not see are missing without a word, and RT counts them all the same: so only the kinds that
 * matter are asked for, and pages go on from the last id that was seen, never by number.
 */
import type { Change, Changes } from '../port.ts'
import { isForbidden, isNotFound, quote, refusal } from './client.ts'
import { advance, decodeCursor, encodeCursor, type Cursor, type Row } from './cursor.ts'
import { holding, holdsKey, keyOf, nobody, search, type Desk } from './desk.ts'
import { keepOldest, type Own } from './ensure.ts'
import { readReplies } from './replies.ts'
import { namedUser, transactionFields, transactionPage, type Transaction } from './shapes.ts'
import { deletedStatus, fromRt } from './status.ts'

const pageSize = 100
/** Changes of one answer, about; a longer list is told in several. */
const enough = 300
/** Tickets in one search for twins; few of them have any. */
const twinBatch = 50

type Signal = AbortSignal | undefined
export type ChangesContext = {
  own: Own
  /** Names of users by their number, as far as they were asked for. */
  userNames: Map<string, string>
}

export async function readChanges(
  desk: Desk,
  context: ChangesContext,
  given: string | undefined,
  signal: Signal,
): Promise<Changes> {
  if (given === undefined) return start(desk, signal)
  const cursor = decodeCursor(given)
  if (!cursor) throw refusal(0, 'fail', 'cursor')
  const { rows, at, more } = await readRows(desk, cursor, signal)
  const seen = new Set(cursor.seen)
  const fresh = rows.filter((row) => !seen.has(row.id))
  const own = await context.own(signal)
  await mergeLateTwins(desk, own, fresh, signal)
  const changes = await describe(desk, context, own, fresh, signal)
  return { changes, cursor: encodeCursor(advance(cursor, rows.map(toRow), at)), more }
}

const toRow = ({ id, Created }: Transaction): Row => ({ id, createdAt: Created })

/** Nothing that is there is told, and what is on its way in appears above the cursor. */
async function start(desk: Desk, signal: Signal): Promise<Changes> {
  const { items, at } = await readPage(desk, 0, 'DESC', signal)
  const rows = items.toSorted((a, b) => a.id - b.id).map(toRow)
  const low = Math.max(0, (rows[0]?.id ?? 1) - 1)
  return { changes: [], cursor: encodeCursor(advance({ low, seen: [] }, rows, at)), more: false }
}

/** Everything above the cursor, up to `enough` rows that were not told before. */
async function readRows(desk: Desk, cursor: Cursor, signal: Signal) {
  const seen = new Set(cursor.seen)
  const rows: Transaction[] = []
  for (let fresh = 0; ;) {
    const { items, at } = await readPage(desk, rows.at(-1)?.id ?? cursor.low, 'ASC', signal)
    rows.push(...items)
    fresh += items.filter((row) => !seen.has(row.id)).length
    if (items.length === 0) return { rows, at, more: false }
    if (fresh >= enough) return { rows, at, more: true }
  }
}

async function readPage(desk: Desk, above: number, order: 'ASC' | 'DESC', signal: Signal) {
  const kinds = ['Create', 'Status', 'Comment', 'Correspond', 'AddLink', 'Set']
  const { data, at } = await desk.client.send('GET', '/transactions', transactionPage, {
    query: {
      query: `TicketQueue = ${quote(desk.queue)} AND id > ${above} AND (${kinds.map((kind) => `Type = '${kind}'`).join(' OR ')})`,
      fields: transactionFields,
      orderby: 'id',
      order,
      per_page: pageSize,
    },
    signal,
  })
  const inOrder = data.items.every((row, i) => {
    const before = data.items[i - 1]
    return row.id > above && (!before || (order === 'ASC' ? row.id > before.id : row.id < before.id))
  })
  // An answer to another question would move the cursor past what was never read.
  if (!inOrder) throw refusal(200, 'retry', 'unexpected')
  return { items: data.items, at }
}

/**
 * A ticket that RT made although we had stopped waiting for it, after the next try had looked for it: once its making is
 * told, it is merged.
 */
async function mergeLateTwins(
  desk: Desk,
  own: string,
  rows: readonly Transaction[],
  signal: Signal,
): Promise<void> {
  const made = rows
    .filter((row) => row.Type === 'Create' && row.Creator.id === own)
    .map((row) => row.ObjectId)
  for (let i = 0; i < made.length; i += twinBatch) {
    const ids = made.slice(i, i + twinBatch).map((id) => `id = ${id}`)
    const ours = await search(desk, ids, signal)
    const keys = new Set(ours.map((ticket) => keyOf(desk, ticket)).filter((key) => key !== undefined))
    if (keys.size === 0) continue
    const wanted = [...keys].map((key) => holding(desk, key))
    const all = await search(desk, wanted, signal)
    for (const key of keys) {
      const found = all.filter((ticket) => holdsKey(desk, ticket, key))
      if (found.length > 1) await keepOldest(desk, () => Promise.resolve(own), key, found, signal)
    }
  }
}

const isReply = ({ Type }: Transaction) => Type === 'Comment' || Type === 'Correspond'

async function describe(
  desk: Desk,
  context: ChangesContext,
  own: string,
  rows: readonly Transaction[],
  signal: Signal,
): Promise<Change[]> {
  const texts = await readReplies(
    desk.client,
    rows.filter((row) => isReply(row) && row.Creator.id !== own).map((row) => row.id),
    signal,
  )
  const changes: Change[] = []
  for (const row of rows) {
    const { Type, Field, NewValue, ObjectId } = row
    const base = {
      externalId: ObjectId,
      changeId: String(row.id),
      at: row.Created,
      author: row.Creator.id,
      own: row.Creator.id === own,
    }
    if (Type === 'Status' && NewValue === deletedStatus)
      changes.push({ ...base, own: false, kind: 'deleted' })
    else if (Type === 'Status')
      changes.push({ ...base, kind: 'status', status: fromRt(desk.statuses, NewValue), rawStatus: NewValue })
    else if (Type === 'Set' && Field === 'Owner') {
      const owner = await readUserName(desk, context, NewValue, signal)
      changes.push({ ...base, kind: 'owner', ...(owner !== nobody && { owner }) })
    } else if (isReply(row))
      changes.push({ ...base, kind: 'reply', text: texts.get(row.id) ?? '', internal: Type === 'Comment' })
    else if (Type === 'AddLink' && Field === 'MergedInto') {
      const into = /\/ticket\/(\d+)$/.exec(NewValue)?.[1]
      // RT writes the row into both tickets.
      if (into !== undefined && into !== ObjectId) changes.push({ ...base, own: false, kind: 'merged', into })
    }
  }
  return changes
}

/** Rows name an owner by number. @returns the number itself where RT does not tell us the name */
async function readUserName(desk: Desk, { userNames }: ChangesContext, id: string, signal: Signal) {
  const known = userNames.get(id)
  if (known !== undefined) return known
  let name = id
  if (/^\d{1,15}$/.test(id))
    try {
      name = (await desk.client.send('GET', `/user/${id}`, namedUser, { signal })).data.Name
    } catch (error) {
      if (!isNotFound(error) && !isForbidden(error)) throw error
    }
  if (userNames.size > 1000) userNames.clear()
  userNames.set(id, name)
  return name
}
