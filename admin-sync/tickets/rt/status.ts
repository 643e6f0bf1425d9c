/** The statuses of an RT lifecycle and ours, both ways. Pure. */
import { z } from 'zod'
import { ticketStatuses, type TicketStatus } from '../port.ts'

/** For each of ours the RT statuses that mean it; the first one is the one that is written. */
export type StatusMap = Record<TicketStatus, readonly [string, ...string[]]>

/** RT's lifecycle `default`; it has no status for "closed", so that one is written as resolved. */
export const defaultStatusMap = 'new=new,open=open,waiting=stalled,resolved=resolved,rejected=rejected'

/** RT marks a ticket as deleted by a status; no other status of a map may be called so. */
export const deletedStatus = 'deleted'

const isOurs = (name: string): name is TicketStatus => (ticketStatuses as readonly string[]).includes(name)

/** Text of RT_STATUS_MAP: `waiting=stalled|pending,closed=archived`; what it leaves out is as in the default lifecycle. */
export const statusMap = z.string().transform((text, ctx): StatusMap => {
  const refuse = (message: string) => {
    ctx.addIssue({ code: 'custom', message })
    return z.NEVER
  }
  const map = new Map<TicketStatus, [string, ...string[]]>()
  for (const part of [...defaultStatusMap.split(','), ...text.split(',')]) {
    const [name = '', values = ''] = part.split('=').map((word) => word.trim())
    const [first, ...others] = values.split('|').map((word) => word.trim().toLowerCase())
    if (!isOurs(name)) return refuse(`must be a list such as ${defaultStatusMap}`)
    if (first === undefined || [first, ...others].some((raw) => !/^[^\s=|,'"\\][^=|,'"\\]*$/.test(raw)))
      return refuse(`says nothing for ${name}`)
    if ([first, ...others].includes(deletedStatus)) return refuse('deleted is no status of a ticket there is')
    map.set(name, [first, ...others])
  }
  const of = (status: TicketStatus) => map.get(status) ?? ([status] as const)
  const resolved = of('resolved')
  return {
    new: of('new'),
    open: of('open'),
    waiting: of('waiting'),
    resolved,
    rejected: of('rejected'),
    closed: map.get('closed') ?? [resolved[0]],
  }
})

/** An RT status that the map does not know counts as open; where two of ours share one, the first in our order has it. */
export function fromRt(map: StatusMap, raw: string): TicketStatus {
  return ticketStatuses.find((status) => map[status].includes(raw.toLowerCase())) ?? 'open'
}

export function toRt(map: StatusMap, status: TicketStatus): string {
  return map[status][0]
}
