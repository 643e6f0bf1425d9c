/** What `status`, `find`, `accounts sweep`, `jobs` and `audit list` say to people at a terminal. Pure. */
import { describeClosing } from '../core/closing.ts'
import { sumOf, totalLogins } from '../core/migration.ts'
import type { Translate } from '../core/text.ts'
import type { FoundActivation, StatusNumbers } from './accounts/report.ts'
import type { SweepResult } from './accounts/sweep.ts'
import type { DeadLetter } from './jobs/dead-letters.ts'
import type { OldestJob } from './jobs/inspect.ts'
import type { OperatorAction } from './operators/audit.ts'

export type Status = StatusNumbers & {
  /** `undefined`: Cofacering could not be asked. */
  legacyLogins: number | undefined
  /** When Cofacering closes or closed; `undefined`: it stays open. */
  closesAt: Date | undefined
  deadLetters: DeadLetter[]
  oldestJob: OldestJob | undefined
}

const time = (date: Date): string => date.toISOString().slice(0, 16).replace('T', ' ')
const list = (counts: Record<string, number>): string =>
  Object.entries(counts)
    .map(([name, count]) => `${name} ${count}`)
    .join(', ')
const line = (name: string, value: number | string, detail = ''): string =>
  `  ${name.padEnd(34)}${String(value).padStart(8)}${detail === '' ? '' : `   ${detail}`}`

const because = (why: string | null): string => (why === null ? '' : ` (${why})`)

export function printStatus(status: Status): string {
  const { legacyLogins, oldestJob, deadLetters, migration } = status
  const { cases, contracts, mails, work } = migration
  const logins = totalLogins(migration)
  return [
    ...(status.closesAt
      ? [`Cofacering: nobody starts an activation from ${describeClosing(status.closesAt, 'en')}`]
      : []),
    'Logins',
    line(
      'in Cofacering',
      legacyLogins ?? 'unknown',
      legacyLogins === undefined ? 'Cofacering does not answer' : '',
    ),
    line(
      'known here',
      logins.total,
      migration.importedAt
        ? `imported ${time(new Date(migration.importedAt))}`
        : 'nothing imported: those that somebody used',
    ),
    line('activated', status.activated),
    line('under way', status.pending),
    line('waiting for an agent', logins.agent),
    line('begun, not finished', logins.lapsed),
    line('never begun', logins.untouched),
    line('account closed', logins.closed, logins.closed > 0 ? 'see `logins release`' : ''),
    line('disabled at Cofacering', logins.disabled),
    line('still to come over', logins.left, 'see `left`'),
    line('activations in the last hour', status.startedLastHour, `of ${status.hourlyCap} at most`),
    'Activations that ended otherwise',
    line('waiting for the desk', status.waiting),
    line('expired', status.expired),
    line('withdrawn', status.withdrawn),
    line('refused', sumOf(status.refused), list(status.refused)),
    line('closed', status.closed),
    'Cases',
    line('open', cases.open),
    line(
      'requests to decide',
      cases.requests,
      cases.oldestAt ? `the oldest since ${time(new Date(cases.oldestAt))}` : '',
    ),
    'Contracts',
    line('imported', contracts.imported),
    line('transferred', contracts.transferred),
    line(
      'finished',
      contracts.finished,
      contracts.frozen > 0 ? `${contracts.frozen} await the last transfer` : '',
    ),
    line(
      'identical when last compared',
      contracts.identical,
      contracts.comparedAt ? time(new Date(contracts.comparedAt)) : 'never compared',
    ),
    line('differing, or missing', contracts.differing + contracts.missing),
    line('refused', contracts.refused),
    line('failing at the moment', contracts.failing),
    'Work',
    line('failing at the moment', sumOf(status.failing), list(status.failing)),
    line('dead letters', deadLetters.length, deadLetters.length > 0 ? 'see `jobs dead`' : ''),
    line(
      'oldest waiting job',
      oldestJob ? `${oldestJob.waitingSeconds} s` : 'none',
      oldestJob ? `${oldestJob.job}, tried ${oldestJob.runs} times` : '',
    ),
    line(
      'oldest work left undone',
      work?.kind ?? 'none',
      work ? `since ${time(new Date(work.oldestAt))}` : '',
    ),
    line('mails that do not leave', sumOf(mails.failing), list(mails.failing)),
    line('users left at Keycloak', status.leftUsers, status.leftUsers > 0 ? 'see event purge.user_left' : ''),
    line('mails of the last 24 hours', sumOf(status.mailsLastDay), list(status.mailsLastDay)),
  ].join('\n')
}

/** In the language of the desk: what is read aloud to a caller stands in the texts. */
export function printFound(t: Translate, wanted: string, found: readonly FoundActivation[]): string {
  if (found.length === 0) return t('find.nothing', { wanted })
  return found.map((activation) => printActivation(t, activation)).join('\n\n')
}

function printActivation(t: Translate, activation: FoundActivation): string {
  const { state, reason, lastError, mails, history, actions, id, keycloakUserId, correlationId } = activation
  const none = t('find.none')
  const fields: [name: string, value: string][] = [
    ['email', activation.address],
    ['state', `${t(`state.${state}`)} [${state}${because(reason)}]`],
    ['nextStep', t(`nextStep.${activation.nextStep}`, { error: lastError ?? '' })],
    ['mails', mails.map(({ kind, at }) => `${time(at)} ${t(`mail.${kind}`)}`).join('\n') || none],
    ['lastError', lastError ?? none],
    ['history', history.map(({ at, to, reason: why }) => `${time(at)} ${to}${because(why)}`).join('\n')],
    ['actions', actions.map(printAction).join('\n') || none],
    ['ids', `activation ${id}, Keycloak ${keycloakUserId ?? none}, correlation_id ${correlationId ?? none}`],
  ]
  return [
    t('find.title', { login: activation.login, company: activation.company, contract: activation.contract }),
    ...fields.map(
      ([name, value]) => `  ${t(`find.${name}`).padEnd(18)}${value.replaceAll('\n', `\n${' '.repeat(20)}`)}`,
    ),
  ].join('\n')
}

const printAction = ({
  at,
  operator,
  command,
  outcome,
  reason,
}: Omit<OperatorAction, 'activation'>): string => `${time(at)} ${operator}: ${command} (${outcome}) ${reason}`

/** Newest first, as they come. */
export function printActions(t: Translate, actions: readonly OperatorAction[]): string {
  if (actions.length === 0) return t('audit.nothing')
  return actions
    .map(
      (action) =>
        `${printAction(action)}${action.activation === null ? '' : ` [activation ${action.activation}]`}`,
    )
    .join('\n')
}

export function printSweep(result: SweepResult): string {
  const { closed, leftLinks, sharedSubjects, tooManyGone } = result
  return [
    line('users read', result.users),
    line('accounts of our record', result.opened),
    line('closed: their user is gone', closed.length),
    ...closed.map((id) => `    activation ${id}`),
    ...(tooManyGone
      ? [
          '  More accounts are gone than setting closes_per_sweep allows: none was closed. Is it the right realm?',
        ]
      : []),
    line('users with a link', result.linked),
    line('links that should be gone', leftLinks.length),
    ...leftLinks.map(
      ({ user, activation }) =>
        `    Keycloak ${user}, ${activation === undefined ? 'no account that we opened' : `activation ${activation}, to be unlinked again`}`,
    ),
    line('subjects of more than one user', sharedSubjects.length),
    ...sharedSubjects.map((users) => `    Keycloak ${users.join(', ')}`),
  ].join('\n')
}

export function printDeadLetters(dead: readonly DeadLetter[]): string {
  if (dead.length === 0) return 'No dead letters.'
  return [
    ...dead.map(
      ({ id, job, subject, code, runs, diedAt }) =>
        `${id}  ${time(diedAt)}  ${job.padEnd(18)} ${code} after ${runs} ${runs === 1 ? 'run' : 'runs'}, subject ${subject}`,
    ),
    'Times are UTC. `jobs redrive <id>` tries one again, `jobs redrive` all of them.',
  ].join('\n')
}
