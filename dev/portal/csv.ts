/** The portfolio as a file for a spreadsheet, in lines like those of the table of old messages. Pure. */
import { byteOrderMark, tableLine } from '../../core/table.ts'
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
  return `${byteOrderMark}${[heads, ...lines].map((cells) => tableLine(cells, '…')).join('')}`
}
