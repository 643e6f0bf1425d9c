/**
 * What an administrator sees of shared logins on a user in Keycloak's console, and what a user is to have. Pure.
 *
 *   shared_login    `true` while a case of the user's login is open. `false` is somebody's knowledge, and stays
 *   ticket          the help desk's number of the case's ticket, or the case's reference until there is one
 *   ticket_status   open, waiting, solved, closed
 *   contract        the contract of each login of the user, added to what is there
 */
import type { TicketStatus } from '../tickets/port.ts'
import { isEnded, type UserCase } from './facts.ts'

export type Attributes = Record<string, string[] | undefined>

/** As long as the user profile allows. */
const longest = 64

const rank = ({ state, ticket }: UserCase) =>
  (state === 'open' ? 2 : 0) + (ticket && ticket.deletedAt === null && !isEnded(ticket.status) ? 1 : 0)

/**
 * The one case that a user's attributes speak of: an open one before a closed one, one whose ticket is under way before
 * one whose is not, then the newest. `undefined` without any.
 */
export function chooseCase(cases: readonly UserCase[]): UserCase | undefined {
  return cases.toSorted(
    (a, b) => rank(b) - rank(a) || b.createdAt.getTime() - a.createdAt.getTime() || (a.id < b.id ? -1 : 1),
  )[0]
}

/**
 * @param current the user's attributes @param contracts of the logins of the user
 * @param unmark the case was just closed: `shared_login` goes, unless another case of the user is open
 * @returns only what differs; empty when all is well
 */
export function planAttributes(
  current: Record<string, string[]>,
  cases: readonly UserCase[],
  contracts: readonly string[],
  { unmark }: { unmark: boolean },
): Attributes {
  const change: Attributes = {}
  const chosen = chooseCase(cases)
  const marked = current['shared_login']?.[0]
  if (chosen?.state === 'open') {
    if (marked === undefined) change['shared_login'] = ['true']
  } else if (unmark && marked === 'true') change['shared_login'] = undefined
  const wanted: Record<string, string> = chosen?.ticket ? describeTicket(chosen, chosen.ticket) : {}
  for (const [name, value] of Object.entries(wanted)) if (current[name]?.[0] !== value) change[name] = [value]
  const known = current['contract'] ?? []
  const missing = contracts.filter((contract) => contract.length <= longest && !known.includes(contract))
  if (missing.length > 0) change['contract'] = [...known, ...new Set(missing)]
  return change
}

function describeTicket(
  { reference, state }: UserCase,
  { externalId, status, deletedAt }: NonNullable<UserCase['ticket']>,
) {
  const isGone = state === 'closed' || deletedAt !== null
  return {
    ticket: externalId !== null && externalId.length <= longest ? externalId : reference,
    ticket_status: isGone ? 'closed' : statuses[status],
  }
}

const statuses: Record<TicketStatus, string> = {
  new: 'open',
  open: 'open',
  waiting: 'waiting',
  resolved: 'solved',
  rejected: 'closed',
  closed: 'closed',
}
