/** The report of a comparison as a terminal shows it, and the sentences that the printed page has too. Pure. */
import { oneLine, type Language, type Translate } from '../../../core/text.ts'
import { problems, type ProblemCode } from '../import/problems.ts'
import type { ComparisonReport, SealedReport, Totals } from './report.ts'

/** Lines of one kind beyond this many are counted, not shown; --json has them. */
const shownAtMost = 200

export function printComparison(t: Translate, language: Language, { report, digest }: SealedReport): string {
  const { totals, contracts, differences, refused, notImported, changedSince, setAside } = report
  return [
    t('verify.title', { comparison: report.comparison, date: showMoment(language, report.endedAt) }),
    describeCopy(t, report),
    t(report.isIdentical ? 'verify.identical' : 'verify.notIdentical'),
    '',
    ...(['contracts', 'companies', 'alerts'] as const).map(
      (part) => `  ${t(`verify.${part}`).padEnd(14)}${describeTotals(t, totals[part])}`,
    ),
    ...list(
      t('verify.differing', { count: contracts.length }),
      contracts.map(
        ({ contract, company, verdict, count }) =>
          `${oneLine(contract)}${company === null ? '' : ` (${oneLine(company)})`} : ${t(`verify.verdict.${verdict}`, { count })}`,
      ),
      t,
    ),
    ...list(
      t('verify.differences', { count: report.differenceCount }),
      differences.map((difference) => describeDifference(t, difference)),
      t,
      report.differenceCount,
    ),
    ...list(
      t('verify.refused', { count: refused.length }),
      refused.map(({ contract, reason }) => `${oneLine(contract)} : ${oneLine(reason)}`),
      t,
    ),
    ...list(t('verify.notImported', { count: notImported.length }), notImported.map(oneLine), t),
    ...list(
      t('verify.setAside', { count: setAside.lines }),
      setAside.reasons.map((reason) => describeReason(t, language, reason)),
      t,
    ),
    ...list(
      t('verify.changedSince', { count: changedSince.length }),
      changedSince.map(
        ({ contract, changedAt }) => `${oneLine(contract)}, ${showMoment(language, changedAt)}`,
      ),
      t,
    ),
    '',
    `${t('verify.digest')} ${digest}`,
  ].join('\n')
}

function list(title: string, lines: readonly string[], t: Translate, count = lines.length): string[] {
  if (count === 0) return []
  const shown = lines.slice(0, shownAtMost)
  const more = count - shown.length
  return [
    '',
    title,
    ...shown.map((line) => `  ${line}`),
    ...(more > 0 ? [`  ${t('verify.more', { count: more })}`] : []),
  ]
}

export const describeCopy = (t: Translate, { contract, refreshedBy, inFull }: ComparisonReport): string =>
  [
    contract === null ? t('verify.ofAll') : t('verify.ofOne', { contract: oneLine(contract) }),
    refreshedBy === null ? t('verify.asImported') : t('verify.refreshed', { run: refreshedBy }),
    ...(inFull ? [t('verify.inFull')] : []),
  ].join(' ')

const describeTotals = (t: Translate, { ours, identical, differing, missing, additional }: Totals): string =>
  t('verify.totals', { ours, identical, differing, missing, additional })

/** Says of a record on one side which fields it has there. */
export function describeDifference(
  t: Translate,
  { contract, section, record, field, ours, theirs }: ComparisonReport['differences'][number],
): string {
  const show = (value: string | null) =>
    value === null ? t('verify.absent') : `« ${oneLine(value.replaceAll('\t', ' | '))} »`
  const where = `${oneLine(contract)}, ${t(`verify.section.${section}`)}${record === null ? '' : ` ${oneLine(record)}`}`
  if (field !== null) return t('verify.different', { where, field, ours: show(ours), theirs: show(theirs) })
  return theirs === null
    ? t('verify.missing', { where, ours: show(ours) })
    : t('verify.additional', { where, theirs: show(theirs) })
}

export function describeReason(
  t: Translate,
  language: Language,
  { kind, code, lines }: ComparisonReport['setAside']['reasons'][number],
): string {
  const sentence = Object.hasOwn(problems, code) ? problems[code as ProblemCode][language] : code
  return t('verify.reason', { lines, kind, sentence })
}

/** Paris, where the report is signed. */
export const showMoment = (language: Language, iso: string): string =>
  new Intl.DateTimeFormat(language === 'fr' ? 'fr-FR' : 'en-GB', {
    dateStyle: 'long',
    timeStyle: 'short',
    timeZone: 'Europe/Paris',
  }).format(new Date(iso))
