/**
 * Commands of the desk: `find`, `activations resend|withdraw`, `logins release`, `left`, `audit list`. Those that change
 * something say who did it and why in the audit list, and ask for a reason.
 */
import { InvalidArgumentError, Option, type Command } from 'commander'
import { leftStates } from '../../core/migration.ts'
import type { Translate } from '../../core/text.ts'
import { findActivations } from '../accounts/report.ts'
import { resendMail, withdrawActivation, type Resend, type Withdrawal } from '../operators/activations.ts'
import { listActions } from '../operators/audit.ts'
import { writeLeftFile } from '../operators/left-file.ts'
import { releaseLogin } from '../operators/login-release.ts'
import { printActions, printFound } from '../print.ts'
import {
  add,
  chooseTexts,
  readLanguage,
  operatorOf,
  operatorOptions,
  withPool,
  type Environment,
} from './command.ts'

const auditLength = 200

export function addDesk(program: Command, env: Environment): void {
  const t = chooseTexts(env)
  add(
    program,
    'find <login-email-or-reference>',
    'one person’s activations, by login, e-mail address or the reference of an error page',
    async (wanted = '') => {
      const found = await withPool(env, (pool) => findActivations(pool, wanted))
      return { value: found, text: printFound(t, wanted, found), exitCode: found.length > 0 ? 0 : 1 }
    },
  )

  add(
    program,
    'left <file.csv>',
    'writes the logins that are left into a new file, with the contact of their contract; personal data',
    async (file = '', options) => {
      const operator = operatorOf(options)
      const states = leftStates.filter((one) => options.state?.includes(one) ?? true)
      const { quietYears, activeYears } = options
      const filter = { states, quietYears, activeYears }
      const language = readLanguage(env)
      const logins = await withPool(env, (pool) => writeLeftFile(pool, file, { filter, language, operator }))
      return { value: { logins, file }, text: t('left.written', { logins, file }) }
    },
    [
      ...operatorOptions({ reasonAlways: true }),
      new Option('--state <states...>', 'only these').choices(leftStates),
      new Option(
        '--quiet-years <years>',
        'only those that Cofacering last saw before so long, or never',
      ).argParser(readYears),
      new Option('--active-years <years>', 'only those that it saw within so long').argParser(readYears),
    ],
  )

  const activations = program.command('activations').description('activations under way')
  const which = '<id|login|e-mail>'
  add(
    activations,
    `resend ${which}`,
    '“no mail came”: sends a fresh one, within the same budgets',
    async (wanted = '', options) => {
      const operator = operatorOf(options)
      const result = await withPool(env, (pool) => resendMail(pool, wanted, operator))
      return {
        value: result,
        text: describe(t, 'resend', result),
        exitCode: result.outcome === 'requested' ? 0 : 1,
      }
    },
    operatorOptions({ reasonAlways: true }),
  )
  add(
    activations,
    `withdraw ${which}`,
    '“stop this”: ends it',
    async (wanted = '', options) => {
      const operator = operatorOf(options)
      const block = options.block === true
      const result = await withPool(env, (pool) => withdrawActivation(pool, wanted, { block }, operator))
      return {
        value: result,
        text:
          result.outcome === 'withdrawn' && result.blocked
            ? t('withdraw.blocked')
            : describe(t, 'withdraw', result),
        exitCode: result.outcome === 'withdrawn' ? 0 : 1,
      }
    },
    [
      ...operatorOptions({ reasonAlways: true }),
      new Option('--block', 'the owner of the address says “it was not me”: the login may not use it again'),
    ],
  )

  const logins = program.command('logins').description('logins of Cofacering')
  add(
    logins,
    'release <login>',
    'frees a login whose account is closed, or whose holder left; a rehearsal without --confirm',
    async (login = '', options) => {
      const operator = options.confirm ? operatorOf(options) : undefined
      const release = await withPool(env, (pool) => releaseLogin(pool, login, operator))
      const done = ['would_release', 'would_close', 'released', 'closing', 'closing_already']
      return {
        value: release,
        text: t(`release.${release.outcome}`),
        exitCode: done.includes(release.outcome) ? 0 : 1,
      }
    },
    [...operatorOptions({ reasonAlways: false }), new Option('--confirm', 'do it; asks for --reason')],
  )

  const audit = program.command('audit').description('what was done by hand')
  add(
    audit,
    'list',
    `the newest ${auditLength} commands that changed something, with who and why`,
    async () => {
      const actions = await withPool(env, (pool) => listActions(pool, auditLength))
      return { value: actions, text: printActions(t, actions) }
    },
  )
}

/** What `resend` and `withdraw` answer, but for what each alone can. */
function describe(t: Translate, command: 'resend' | 'withdraw', result: Resend | Withdrawal): string {
  const { outcome } = result
  if (outcome === 'ambiguous') return t('byHand.ambiguous', { ids: result.activations.join(', ') })
  return t(outcome === 'unknown' || outcome === 'ended' ? `byHand.${outcome}` : `${command}.${outcome}`)
}

function readYears(text: string): number {
  if (!/^[1-9]\d?$/.test(text)) throw new InvalidArgumentError('Say a number of years from 1 to 99.')
  return Number(text)
}
