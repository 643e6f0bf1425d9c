/**
 * A small strict reader of RFC 4180 tables, with what spreadsheets make of them: a semicolon for a comma, and line
 * breaks that are CR LF, LF or CR. Pure. It guesses nothing: what is not well formed is an error with its line.
 *
 *   record   fields between delimiters, ended by a line break or the end of the text
 *   field    as it stands, or in quotes; inside quotes `""` is a quote, and line breaks and delimiters are text
 *
 * Lines are counted as an editor counts them, so a record of several lines has the number of its first one.
 */

export type Delimiter = ',' | ';'
export type CsvRecord = { line: number; fields: string[] }
export type CsvProblem = { line: number; problem: 'quote_in_field' | 'text_after_quote' | 'quote_not_closed' }

/**
 * @param text without byte order mark. An empty line is a record of one empty field; a last line break ends the last
 *   record and begins none.
 * @returns the records before the first problem, and that problem
 */
export function readCsv(
  text: string,
  delimiter: Delimiter,
): { records: CsvRecord[]; problem: CsvProblem | undefined } {
  const records: CsvRecord[] = []
  let at = 0
  let line = 1
  while (at < text.length) {
    const record: CsvRecord = { line, fields: [] }
    for (let more = true; more;) {
      const field = text[at] === '"' ? readQuoted(text, at) : readPlain(text, at, delimiter)
      if (typeof field === 'string')
        return { records, problem: { line: line + countBreaks(record), problem: field } }
      record.fields.push(field.value)
      at = field.end
      const next = text[at]
      more = next === delimiter
      if (more) at++
      else if (next !== undefined && next !== '\n' && next !== '\r')
        return { records, problem: { line: line + countBreaks(record), problem: 'text_after_quote' } }
    }
    line += countBreaks(record)
    if (at < text.length) {
      at += text.startsWith('\r\n', at) ? 2 : 1
      line++
    }
    records.push(record)
  }
  return { records, problem: undefined }
}

/** Line breaks inside the quoted fields of a record. */
const countBreaks = ({ fields }: CsvRecord): number =>
  fields.reduce((sum, field) => sum + (field.match(/\r\n|\n|\r/g)?.length ?? 0), 0)

type Field = { value: string; end: number }

function readPlain(text: string, start: number, delimiter: Delimiter): Field | CsvProblem['problem'] {
  let end = start
  while (end < text.length && text[end] !== delimiter && text[end] !== '\n' && text[end] !== '\r') {
    if (text[end] === '"') return 'quote_in_field'
    end++
  }
  return { value: text.slice(start, end), end }
}

function readQuoted(text: string, start: number): Field | CsvProblem['problem'] {
  const parts: string[] = []
  let from = start + 1
  for (;;) {
    const quote = text.indexOf('"', from)
    if (quote === -1) return 'quote_not_closed'
    parts.push(text.slice(from, quote))
    if (text[quote + 1] !== '"') return { value: parts.join('"'), end: quote + 1 }
    from = quote + 2
  }
}

/**
 * By the header line alone: the delimiter that stands in it, outside quotes. A header of one column has none.
 * @returns `undefined` when both do
 */
export function findDelimiter(text: string): Delimiter | undefined {
  const [header = ''] = text.replaceAll(/"[^"]*"/g, '').split(/[\r\n]/, 1)
  if (header.includes(';')) return header.includes(',') ? undefined : ';'
  return ','
}
