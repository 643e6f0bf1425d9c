/** What `status`, `find`, `accounts sweep`, `jobs` and `audit list` say to people at a terminal. Pure. */
import { describeClosing } from '../core/closing.ts'
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
const sum = (counts: Record<string, number>): number => Object.values(counts).reduce((a, b) => a + b, 0)
const list = (counts: Record<string, number>): string =>
  Object.entries(counts)
    .map(([name, count]) => `${name} ${count}`)
    .join(', ')
const line = (name: string, value: number | string, detail = ''): string =>
  `  ${name.padEnd(34)}${String(value).padStart(8)}${detail === '' ? '' : `   ${detail}`}`

const because = (why: string | null): string => (why === null ? '' : ` (${why})`)

export function printStatus(status: Status): string {
  const { legacyLogins, oldestJob, deadLetters } = status
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
    line('activated', status.activated),
    line('under way', status.pending),
    line('activations in the last hour', status.startedLastHour, `of ${status.hourlyCap} at most`),
    'Activations that ended otherwise',
    line('waiting for the desk', status.waiting),
    line('expired', status.expired),
    line('withdrawn', status.withdrawn),
    line('refused', sum(status.refused), list(status.refused)),
    line('closed', status.closed),
    'Work',
    line('failing at the moment', sum(status.failing), list(status.failing)),
    line('dead letters', deadLetters.length, deadLetters.length > 0 ? 'see `jobs dead`' : ''),
    line(
      'oldest waiting job',
      oldestJob ? `${oldestJob.waitingSeconds} s` : 'none',
      oldestJob ? `${oldestJob.job}, tried ${oldestJob.runs} times` : '',
    ),
    line('users left at Keycloak', status.leftUsers, status.leftUsers > 0 ? 'see event purge.user_left' : ''),
    line('mails of the last 24 hours', sum(status.mailsLastDay), list(status.mailsLastDay)),
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
