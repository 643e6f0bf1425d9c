/** The portfolio as a file for a spreadsheet: semicolons, quotes, a BOM, and no cell that a spreadsheet would carry out. Pure. */
import type { Company } from './shelf.ts'

/** @param heads titles of the columns, in the person's language */
export function writePortfolio(heads: readonly string[], companies: readonly Company[]): string {
  const lines = companies.map(({ country, number, name, reference, addedOn, alerts }) => [
    country,
    number,
    name,
    reference ?? '',
    addedOn,
    String(alerts),
  ])
  return `\uFEFF${[heads, ...lines].map((cells) => `${cells.map(quote).join(';')}\r\n`).join('')}`
}

/** A spreadsheet takes a cell that begins like this for a formula (OWASP, CSV injection). */
const quote = (cell: string) => `"${(/^[\s]*[=+\-@]/.test(cell) ? `'${cell}` : cell).replaceAll('"', '""')}"`
