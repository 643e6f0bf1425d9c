/** What `realm apply`, `realm diff` and `realm probe` say to the operator at the terminal. Pure. */
import type { ProbeReport } from './probe.ts'
import type { PlannedChange, RealmPlan } from './walk.ts'

const verbs: Record<PlannedChange['action'], [done: string, planned: string]> = {
  create: ['created', 'create'],
  change: ['changed', 'change'],
  remove: ['removed', 'remove'],
}

/** @param done whether the changes were made (`apply`) or would be (`diff`) */
export function printPlan(plan: RealmPlan, done: boolean): string {
  const lines = plan.changes.flatMap((change) => [
    `  ${verbs[change.action][done ? 0 : 1]} ${change.object}`,
    ...change.differences.map(({ key, from, to }) => `      ${key}: ${shorten(from)} -> ${shorten(to)}`),
  ])
  const count = plan.changes.length
  const seconds = (plan.durationMs / 1000).toFixed(1)
  const summary =
    count === 0
      ? `Realm ${plan.realm} is as described: nothing to change (${seconds} s).`
      : done
        ? `Realm ${plan.realm}: ${count} ${count === 1 ? 'change' : 'changes'} made (${seconds} s).`
        : `Realm ${plan.realm}: ${count} ${count === 1 ? 'change' : 'changes'} to make (${seconds} s). Nothing was written.`
  return [...lines, ...plan.warnings.map((warning) => `  note: ${warning}`), summary].join('\n')
}

export function printProbe(report: ProbeReport): string {
  return [
    ...report.checks.map(({ sentence, passed, found }) =>
      passed ? `  ok    ${sentence}` : `  WRONG ${sentence}: ${found}`,
    ),
    ...report.outside.map(
      ({ username, id }) => `  WRONG administrator ${username} (${id}) is not in group protected-accounts`,
    ),
    report.passed
      ? 'The credentials of admin-sync can do what they must and nothing more.'
      : 'The credentials of admin-sync are not what they should be: run `realm apply`, then look again.',
  ].join('\n')
}

function shorten(text: string): string {
  return text.length > 100 ? `${text.slice(0, 99)}…` : text
}
