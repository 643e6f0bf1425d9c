/** What every part of the RT connector shares: how to reach RT, and how its tickets are read. */
import type { z } from 'zod'
import type { Ticket } from '../port.ts'
import { isForbidden, isNotFound, quote, type Answer, type Client } from './client.ts'
import { account, oneTicket, queue, ticketFields, ticketPage, type RtTicket } from './shapes.ts'
import { deletedStatus, fromRt, type StatusMap } from './status.ts'

export type Desk = {
  client: Client
  /** Base address of RT, without a trailing slash. */
  url: string
  queue: string
  /** Name of the ticket custom field that holds the key. */
  keyField: string
  statuses: StatusMap
}

/** RT's user for "no owner". */
export const nobody = 'Nobody'

export function toTicket(desk: Desk, found: RtTicket, etag?: string): Ticket {
  return {
    externalId: found.id,
    url: `${desk.url}/Ticket/Display.html?id=${found.id}`,
    status: fromRt(desk.statuses, found.Status),
    rawStatus: found.Status,
    ...(found.Owner.id !== nobody && { owner: found.Owner.id }),
    ...(etag !== undefined && { version: etag }),
  }
}

/** `undefined`: the ticket has none, or not that field. */
export function keyOf(desk: Desk, found: RtTicket): string | undefined {
  const value = found.CustomFields.find(({ name }) => name === desk.keyField)?.values[0]
  return typeof value === 'string' && value !== '' ? value : undefined
}

/** RT compares keys without regard to case, and so do we. */
export function holdsKey(desk: Desk, found: RtTicket, key: string): boolean {
  return keyOf(desk, found)?.toLowerCase() === key.toLowerCase()
}

/** In TicketSQL: has this key. */
export const holding = (desk: Desk, key: string): string => `'CF.{${desk.keyField}}' = ${quote(key)}`

/**
 * Up to 100 tickets for which one of these conditions (TicketSQL) holds, oldest first, without those that were deleted or
 * merged into another. A search that RT did not understand finds nothing or everything: callers compare what was found.
 */
export async function search(
  { client }: Desk,
  anyOf: readonly string[],
  signal: AbortSignal | undefined,
): Promise<RtTicket[]> {
  const { data } = await client.send('GET', '/tickets', ticketPage, {
    query: { query: anyOf.join(' OR '), fields: ticketFields, orderby: 'id', order: 'ASC', per_page: 100 },
    signal,
  })
  return data.items.toSorted((a, b) => Number(a.id) - Number(b.id))
}

/** Every ticket with this key, oldest first. In whatever queue: agents move tickets. */
export async function findByKey(
  desk: Desk,
  key: string,
  signal: AbortSignal | undefined,
): Promise<RtTicket[]> {
  const found = await search(desk, [holding(desk, key)], signal)
  return found.filter((ticket) => holdsKey(desk, ticket, key))
}

/** `undefined`: never there, or deleted. After a merge: the ticket it went into. */
export async function readTicket(
  desk: Desk,
  id: string,
  signal: AbortSignal | undefined,
): Promise<Answer<RtTicket> | undefined> {
  if (!/^[1-9]\d{0,14}$/.test(id)) return undefined
  try {
    const answer = await desk.client.send('GET', `/ticket/${id}`, oneTicket, { signal })
    return answer.data.Status === deletedStatus ? undefined : answer
  } catch (error) {
    if (isNotFound(error)) return undefined
    throw error
  }
}

/** `undefined`: not there, or not to be seen by our account; RT says 403 or 404 for either. */
export async function readQueue(
  desk: Desk,
  signal: AbortSignal | undefined,
): Promise<z.infer<typeof queue> | undefined> {
  try {
    return (await desk.client.send('GET', `/queue/${encodeURIComponent(desk.queue)}`, queue, { signal })).data
  } catch (error) {
    if (isNotFound(error) || isForbidden(error)) return undefined
    throw error
  }
}

/** Name of our own account at RT, asked once. */
export function ownName(client: Client): (signal: AbortSignal | undefined) => Promise<string> {
  let name: string | undefined
  return async (signal) =>
    (name ??= (await client.send('GET', `/user/${client.userId ?? 0}`, account, { signal })).data.Name)
}
