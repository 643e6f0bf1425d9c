/** What `admin-sync import` says to people at a terminal. Pure. */
import { oneLine, type Language } from '../../../core/text.ts'
import { kinds, type Kind } from '../model.ts'
import { problems } from './problems.ts'
import type { ImportProgress, ImportReport } from './import.ts'

/** Problems beyond this many are counted, not shown; --json has them. */
const shownAtMost = 200

const words = {
  fr: {
    kinds: {
      contracts: 'contrats',
      prices: 'prix',
      countries: 'pays',
      portfolio: 'portefeuille',
      monitoring: 'surveillance',
      logins: 'identifiants',
      messages: 'messages',
      attachments: 'pièces jointes',
    },
    phases: { read: 'lecture', check: 'contrôle', write: 'écriture' },
    columns: ['', 'lus', 'écrits', 'inchangés', 'écartés', 'répétés', 'figés', 'plus récents'],
    title: (run: string) => `Import ${run}`,
    rehearsal: 'Répétition : rien n’a été écrit.',
    resumed: 'Un import interrompu du même export a été repris.',
    error: 'erreur',
    warning: 'avertissement',
    errors: (n: string) => `Erreurs (lignes écartées) : ${n}`,
    warnings: (n: string) => `Avertissements : ${n}`,
    line: (n: string) => `ligne ${n}`,
    more: (n: string) => `… et ${n} de plus ; « --json » en donne jusqu’à 10 000 de chaque sorte.`,
    seconds: (n: string) => `Durée : ${n} s`,
  },
  en: {
    kinds: {
      contracts: 'contracts',
      prices: 'prices',
      countries: 'countries',
      portfolio: 'portfolio',
      monitoring: 'monitoring',
      logins: 'logins',
      messages: 'messages',
      attachments: 'attachments',
    },
    phases: { read: 'reading', check: 'checking', write: 'writing' },
    columns: ['', 'read', 'written', 'unchanged', 'set aside', 'repeated', 'frozen', 'newer'],
    title: (run: string) => `Import ${run}`,
    rehearsal: 'A rehearsal: nothing was written.',
    resumed: 'It went on with an import of the same export that had been cut off.',
    error: 'error',
    warning: 'warning',
    errors: (n: string) => `Errors (lines set aside): ${n}`,
    warnings: (n: string) => `Warnings: ${n}`,
    line: (n: string) => `line ${n}`,
    more: (n: string) => `… and ${n} more; --json gives up to 10,000 of each sort.`,
    seconds: (n: string) => `It took ${n} s`,
  },
} as const

export function printImportReport(report: ImportReport, language: Language): string {
  const w = words[language]
  const number = (n: number) => new Intl.NumberFormat(language, { maximumFractionDigits: 1 }).format(n)
  const shown = report.problems.slice(0, shownAtMost)
  const all = report.errors + report.warnings
  return [
    report.run === null ? w.rehearsal : w.title(report.run),
    ...(report.resumed ? [w.resumed] : []),
    '',
    ...tabulate([w.columns, ...kinds.map((kind) => describeKind(report, kind, w.kinds[kind], number))]),
    '',
    w.errors(number(report.errors)),
    w.warnings(number(report.warnings)),
    ...report.totals.map(
      ({ kind, code, severity, lines }) =>
        `  ${w[severity]}  ${number(lines)}  ${w.kinds[kind]} · ${code} · ${problems[code][language]}`,
    ),
    ...(shown.length > 0 ? [''] : []),
    ...shown.map(({ place, line, code, contract, value }) =>
      [
        line === null ? place : `${place}, ${w.line(String(line))}`,
        problems[code][language],
        ...(contract === null ? [] : [oneLine(contract)]),
        ...(value === null ? [] : [oneLine(value)]),
      ].join(' · '),
    ),
    ...(all > shown.length ? [w.more(number(all - shown.length))] : []),
    '',
    w.seconds(number(report.seconds)),
  ].join('\n')
}

function describeKind(
  { counts }: ImportReport,
  kind: Kind,
  name: string,
  number: (n: number) => string,
): string[] {
  const { read, stored, unchanged, set_aside: aside, repeated, frozen, newer } = counts[kind]
  return [name, ...[read, stored, unchanged, aside, repeated, frozen, newer].map(number)]
}

/** Columns as wide as their widest value; numbers to the right. */
function tabulate(rows: readonly (readonly string[])[]): string[] {
  const widths = (rows[0] ?? []).map((_, at) => Math.max(...rows.map((row) => row[at]?.length ?? 0)))
  return rows.map((row) =>
    row.map((cell, at) => (at === 0 ? cell.padEnd(widths[at]!) : cell.padStart(widths[at]!))).join('  '),
  )
}

/** One line of progress. */
export function printProgress({ phase, kind, done, expected }: ImportProgress, language: Language): string {
  const w = words[language]
  const number = new Intl.NumberFormat(language)
  const much =
    phase === 'check'
      ? ''
      : `${number.format(done)}${expected === undefined ? '' : ` / ${number.format(expected)}`}`
  return [w.phases[phase], phase === 'write' ? w.kinds.contracts : kind && w.kinds[kind], much]
    .filter(Boolean)
    .join(' ')
}
