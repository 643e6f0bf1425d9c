/**
 * The report of a comparison as a page to print and sign: one HTML file that asks for nothing from anywhere, without
 * script, black on white. Pure. Everything that comes from a contract is escaped by the template.
 */
import { html, raw } from 'hono/html'
import { oneLine, type Language, type Translate } from '../../../core/text.ts'
import { describeCopy, describeDifference, describeReason, showMoment } from './print.ts'
import type { SealedReport, Verdict } from './report.ts'

/** Rows of a list on paper; --json has them all. */
const shownAtMost = 2000
const verdicts: Verdict[] = ['identical', 'differing', 'missing', 'additional']

const styles = raw(`@page { size: A4; margin: 18mm }
body { font: 11pt/1.45 system-ui, -apple-system, 'Segoe UI', Roboto, Arial, sans-serif; color: #111; background: #fff; max-width: 178mm; margin: 12mm auto; padding: 0 4mm }
h1 { font-size: 17pt; margin: 0 0 2mm } h2 { font-size: 12pt; margin: 7mm 0 2mm; break-after: avoid }
table { border-collapse: collapse; width: 100% } th, td { border: 1px solid #777; padding: 1.5mm 2mm; text-align: left; vertical-align: top }
thead { display: table-header-group } tr { break-inside: avoid } td.n { text-align: right; font-variant-numeric: tabular-nums }
ul { margin: 0; padding-left: 6mm } li, td, p { overflow-wrap: anywhere }
.verdict { border: 2px solid #111; padding: 3mm 4mm; font-weight: bold } code { font-size: 9pt }
.sign { display: grid; grid-template-columns: 1fr 1fr; gap: 8mm; margin-top: 12mm; break-inside: avoid } .sign div { border-bottom: 1px solid #111; height: 18mm }`)

export async function renderComparison(
  t: Translate,
  language: Language,
  { report, digest }: SealedReport,
): Promise<string> {
  const { totals, contracts, refused, notImported, setAside, changedSince } = report
  const number = new Intl.NumberFormat(language === 'fr' ? 'fr-FR' : 'en-GB')
  const list = (title: string, lines: readonly string[], count = lines.length) =>
    count === 0
      ? ''
      : html`<h2>${title}</h2>
          <ul>
            ${lines.slice(0, shownAtMost).map((line) => html`<li>${line}</li> `)}
            ${
              count > Math.min(lines.length, shownAtMost)
                ? html`<li>${t('verify.more', { count: count - Math.min(lines.length, shownAtMost) })}</li>`
                : ''
            }
          </ul>`
  const title = t('verify.title', {
    comparison: report.comparison,
    date: showMoment(language, report.endedAt),
  })
  const page = await html`<!doctype html>
    <html lang="${language}">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <title>${title}</title>
        <style>
          ${styles}
        </style>
      </head>
      <body>
        <main>
          <h1>${title}</h1>
          <p>${t('verify.what')} ${describeCopy(t, report)}</p>
          <p class="verdict">${t(report.isIdentical ? 'verify.identical' : 'verify.notIdentical')}</p>
          <h2>${t('verify.totalsTitle')}</h2>
          <table>
            <thead>
              <tr>
                <th scope="col"></th>
                <th scope="col">${t('verify.ours')}</th>
                ${verdicts.map((verdict) => html`<th scope="col">${t(`verify.column.${verdict}`)}</th>`)}
              </tr>
            </thead>
            <tbody>
              ${(['contracts', 'companies', 'alerts'] as const).map(
                (part) =>
                  html`<tr>
                    <th scope="row">${t(`verify.${part}`)}</th>
                    <td class="n">${number.format(totals[part].ours)}</td>
                    ${verdicts.map((verdict) => html`<td class="n">${number.format(totals[part][verdict])}</td>`)}
                  </tr>`,
              )}
            </tbody>
          </table>
          ${list(
            t('verify.differing', { count: contracts.length }),
            contracts.map(
              ({ contract, company, verdict, count }) =>
                `${oneLine(contract)}${company === null ? '' : ` (${oneLine(company)})`} : ${t(`verify.verdict.${verdict}`, { count })}`,
            ),
          )}
          ${list(
            t('verify.differences', { count: report.differenceCount }),
            report.differences.slice(0, shownAtMost).map((difference) => describeDifference(t, difference)),
            report.differenceCount,
          )}
          ${list(
            t('verify.refused', { count: refused.length }),
            refused.map(({ contract, reason }) => `${oneLine(contract)} : ${oneLine(reason)}`),
          )}
          ${list(t('verify.notImported', { count: notImported.length }), notImported.map(oneLine))}
          ${list(
            t('verify.setAside', { count: setAside.lines }),
            setAside.reasons.map((reason) => describeReason(t, language, reason)),
          )}
          ${list(
            t('verify.setAsideLines'),
            setAside.listed.map(
              ({ place, line, contract, value, code }) =>
                `${oneLine(place)}${line === null ? '' : ` : ${line}`}${contract === null ? '' : `, ${oneLine(contract)}`}, ${code}${value === null ? '' : ` « ${oneLine(value)} »`}`,
            ),
          )}
          ${list(
            t('verify.changedSince', { count: changedSince.length }),
            changedSince.map(
              ({ contract, changedAt }) => `${oneLine(contract)}, ${showMoment(language, changedAt)}`,
            ),
          )}
          <h2>${t('verify.digest')}</h2>
          <p><code>${digest}</code></p>
          <p>${t('verify.digestMeans')}</p>
          <h2>${t('verify.signatures')}</h2>
          <div class="sign">
            <div>${t('verify.signName')}</div>
            <div>${t('verify.signDate')}</div>
            <div>${t('verify.signName')}</div>
            <div>${t('verify.signDate')}</div>
          </div>
        </main>
      </body>
    </html> `
  return String(page)
}
