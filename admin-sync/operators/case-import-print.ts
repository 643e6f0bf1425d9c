/** What `cases import` says to people at a terminal, line by line. Pure. */
import type { Translate } from '../../core/text.ts'
import type { CaseImport } from './case-import.ts'
import type { Finding } from './case-import-plan.ts'

/** Lines of one kind beyond this many are counted, not shown; --json has them all. */
const shownAtMost = 200

export function printImport(t: Translate, result: CaseImport): string {
  const { errors, warnings, lines, counts, outcome, encoding } = result
  return [
    t('import.read', { encoding: encoding === 'utf-8' ? 'UTF-8' : 'Latin-1', lines: lines.length }),
    ...list(t, 'import.errors', errors),
    ...list(t, 'import.warnings', warnings),
    t(outcome === 'applied' ? 'import.done' : 'import.would', counts),
    t(`import.outcome.${outcome === 'rehearsed' && errors.length > 0 ? 'errors' : outcome}`),
  ].join('\n')
}

function list(t: Translate, title: string, findings: readonly Finding<string>[]): string[] {
  if (findings.length === 0) return []
  return [
    t(title, { count: findings.length }),
    ...findings
      .slice(0, shownAtMost)
      .map(
        ({ line, code, login = '', detail = '' }) =>
          `  ${t('import.line', { line, text: t(`import.${code}`, { login, detail }) })}`,
      ),
    ...(findings.length > shownAtMost
      ? [`  ${t('import.more', { count: findings.length - shownAtMost })}`]
      : []),
  ]
}
