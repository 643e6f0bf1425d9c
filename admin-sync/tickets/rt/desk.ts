/** What every part of the RT connector shares: how to reach RT, and how its tickets are read. */
import type { Ticket } from '../port.ts'
import { isNotFound, quote, type Answer, type Client } from './client.ts'
import { account, oneTicket, ticketFields, ticketPage, type RtTicket } from './shapes.ts'
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

/**
 * Every ticket with this key, oldest first, without those that were deleted or merged into another. In whatever queue:
 * agents move tickets.
 */
export async function findByKey(
  desk: Desk,
  key: string,
  signal: AbortSignal | undefined,
): Promise<RtTicket[]> {
  const { data } = await desk.client.send('GET', '/tickets', ticketPage, {
    query: {
      query: `'CF.{${desk.keyField}}' = ${quote(key)}`,
      fields: ticketFields,
      orderby: 'id',
      order: 'ASC',
      per_page: 100,
    },
    signal,
  })
  // A search that RT did not understand finds nothing or everything: what it found is compared.
  return data.items
    .filter((found) => holdsKey(desk, found, key))
    .toSorted((a, b) => Number(a.id) - Number(b.id))
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

/** Name of our own account at RT, asked once. */
export function ownName(client: Client): (signal: AbortSignal | undefined) => Promise<string> {
  let name: string | undefined
  return async (signal) =>
    (name ??= (await client.send('GET', `/user/${client.userId ?? 0}`, account, { signal })).data.Name)
}
