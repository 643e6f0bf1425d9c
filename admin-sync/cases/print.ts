/** What `cases list|show|sync` say to people at a terminal. Pure; what somebody typed is put on one line. */
import { oneLine } from '../../core/text.ts'
import type { CaseFacts } from './facts.ts'
import { isEmpty, type Plan } from './plan.ts'
import type { CaseLine, FoundCase } from './report.ts'

const time = (at: Date): string => at.toISOString().slice(0, 16).replace('T', ' ')

export function printCases(lines: readonly CaseLine[]): string {
  if (lines.length === 0) return 'No case.'
  return lines
    .map((line) =>
      [
        line.reference,
        line.state.padEnd(6),
        `${line.deciding} to decide`,
        ...(line.oldestRequestAt ? [`since ${time(line.oldestRequestAt)}`] : []),
        `${oneLine(line.login)}, ${oneLine(line.company)}`,
        describeTicket(line.ticket, line.ticketStatus),
        ...(line.waitingSince ? [`waits for the help desk since ${time(line.waitingSince)}`] : []),
        ...(line.lastError === null ? [] : [line.lastError]),
      ].join('  '),
    )
    .join('\n')
}

const describeTicket = (ticket: string | null, status: string | null): string =>
  status === null ? 'no ticket' : `ticket ${ticket ?? 'not there yet'}, ${status}`

export function printCase(found: FoundCase): string {
  const { ticket, help } = found
  return [
    `${found.reference}  ${found.state}${found.closedReason === null ? '' : ` (${found.closedReason})`}`,
    `  login      ${oneLine(found.login)}`,
    `  company    ${oneLine(found.company)}, contract ${oneLine(found.contract)}`,
    `  call       ${[found.contactName, found.contactPhone].flatMap((part) => (part ? [oneLine(part)] : [])).join(', ') || 'nobody is known'}`,
    `  domains    ${found.knownDomains.map(oneLine).join(', ') || 'none is known'}`,
    `  sources    ${found.sources.map(({ source, removedAt }) => `${source}${removedAt ? ' (taken back)' : ''}`).join(', ')}`,
    `  holder     ${found.holder ? `${found.holder.address} (${found.holder.state})` : 'nobody'}`,
    `  ticket     ${describeTicket(ticket?.externalId ?? null, ticket?.status ?? null)}${help?.owner ? `, ${oneLine(help.owner)}` : ''}${help?.url ? `  ${help.url}` : ''}`,
    ...(ticket?.waitingSince
      ? [
          `             waits for the help desk since ${time(ticket.waitingSince)}${help?.lastError ? ` (${help.lastError})` : ''}`,
        ]
      : []),
    ...found.requests.map(
      ({ name, address, state, signals }) =>
        `  request    ${name === null ? '(no name)' : oneLine(name)} <${address}>  ${state}${signals.codes?.length ? `  ${signals.codes.join(' ')}` : ''}`,
    ),
    ...found.history.map(
      ({ at, kind, actor, detail }) =>
        `  ${time(at)}  ${kind}  ${oneLine(actor)}${Object.keys(detail).length > 0 ? `  ${oneLine(JSON.stringify(detail))}` : ''}`,
    ),
  ].join('\n')
}

/** One pass, done or rehearsed. `undefined`: the case has gone meanwhile. */
export function printPlan(facts: CaseFacts, plan: Plan): string {
  if (isEmpty(plan, facts)) return `${facts.reference}  nothing to do`
  const lines = [
    ...(plan.columns ? ['take what Cofacering says of login, contract and contact'] : []),
    ...plan.signals.map(({ id, signals }) => `request ${id}: signals ${signals.codes.join(' ') || 'none'}`),
    ...plan.requests.map(
      ({ id, from, to, reason }) => `request ${id}: ${from} -> ${to}${reason === null ? '' : ` (${reason})`}`,
    ),
    ...(plan.ticket ? [`ticket: ${plan.ticket}`] : []),
    ...(plan.wantedStatus ? [`ticket: make it ${plan.wantedStatus}`] : []),
    ...plan.notes.filter(({ isTold }) => !isTold).map(({ subject }) => `ticket: note ${subject}`),
    ...(plan.removeConsoleSource ? ['the console has taken back what it said'] : []),
    ...(plan.close ? ['close: not shared'] : []),
    ...(plan.unmark ? ['take shared_login from its users'] : []),
    ...plan.users.map(
      ({ userId, attributes }) =>
        `user ${userId}: ${Object.entries(attributes)
          .map(([name, values]) => `${name}=${values?.join(',') ?? '(none)'}`)
          .join(' ')}`,
    ),
    ...plan.protectedUsers.map((userId) => `user ${userId}: protected, left as it is`),
    ...(plan.lastError === null ? [] : [`trouble: ${plan.lastError}`]),
  ]
  return [facts.reference, ...lines.map((line) => `  ${line}`)].join('\n')
}
