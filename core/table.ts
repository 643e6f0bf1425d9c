/**
 * A line of a table that a spreadsheet opens with a double click in France: UTF-8 with byte order mark, semicolons,
 * CR LF, every field in quotes (RFC 4180 otherwise). Pure.
 *
 * What somebody wrote is text and stays text: a field that a spreadsheet would take for a formula gets an apostrophe in
 * front, which it takes away again on the screen.
 */

export const byteOrderMark = '\ufeff'

/** Excel shows no more of a cell; beyond it the rest would fall into other lines. */
const maxCell = 32_000

// Also behind white space, which some spreadsheets skip, and in the full-width forms that some turn into plain ones.
const formula = /^[\s\u00a0\ufeff]*[=+\-@\uff1d\uff0b\uff0d\uff20\u2212|]/

/** @param cut what ends a field that is too long */
export function tableLine(fields: readonly string[], cut: string): string {
  return `${fields.map((field) => tableField(field, cut)).join(';')}\r\n`
}

function tableField(field: string, cut: string): string {
  // Tab and carriage return begin a field that Excel may read on as a formula; line breaks inside one are LF there.
  const text = field.replaceAll(/\r\n?/g, '\n').replaceAll('\t', ' ')
  const short = text.length <= maxCell ? text : `${text.slice(0, maxCell - cut.length).toWellFormed()}${cut}`
  const safe = formula.test(short) ? `'${short}` : short
  return `"${safe.replaceAll('"', '""')}"`
}
