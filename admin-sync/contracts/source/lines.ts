/**
 * From the bytes of a file to its records as texts, each with the line where it begins, in constant memory. A record is a
 * line; in CSV also several lines, when a quoted field holds line breaks. Broken quotes end with their line, so that one
 * of them costs one record.
 */
import { isUtf8 } from 'node:buffer'
import type { Encoding } from './manifest.ts'
import { SourceError } from './port.ts'

/** `isQuoted`: there are quotes in it, which csv-parse understands. */
export type TextRecord = { line: number; text: string; isQuoted: boolean }

/** The longest record: an attachment of 48 MB in base64, with room. */
const maximumRecordBytes = 80_000_000
const lf = 10

/**
 * Texts that end with a line break, but for the last one.
 * @throws SourceError when bytes are no text of the encoding, or a line is longer than any record
 */
export async function* decodeLines(
  chunks: AsyncIterable<Buffer>,
  encoding: Encoding,
  name: string,
): AsyncGenerator<{ line: number; text: string }> {
  let line = 1
  let held: Buffer[] = []
  let heldBytes = 0
  let isFirst = true
  const decode = (bytes: Buffer) => {
    const start = line
    if (encoding === 'utf-8' && !isUtf8(bytes)) throw notUtf8(name, bytes, start)
    let text = bytes.toString(encoding === 'utf-8' ? 'utf8' : 'latin1')
    if (isFirst && encoding === 'utf-8') text = text.replace(/^\ufeff/, '')
    isFirst = false
    for (let at = bytes.indexOf(lf); at !== -1; at = bytes.indexOf(lf, at + 1)) line++
    return { line: start, text }
  }
  for await (const chunk of chunks) {
    const end = chunk.lastIndexOf(lf) + 1
    if (end > 0) {
      yield decode(Buffer.concat([...held, chunk.subarray(0, end)]))
      held = []
      heldBytes = 0
    }
    if (end === chunk.length) continue
    held.push(end === 0 ? chunk : chunk.subarray(end))
    heldBytes += chunk.length - end
    if (heldBytes > maximumRecordBytes)
      throw new SourceError([`${name}, line ${line}: longer than ${maximumRecordBytes} bytes.`])
  }
  if (heldBytes > 0) yield decode(Buffer.concat(held))
}

function notUtf8(name: string, bytes: Buffer, start: number): SourceError {
  let line = start
  for (let at = 0; ;) {
    const end = bytes.indexOf(lf, at)
    if (end === -1 || !isUtf8(bytes.subarray(at, end))) break
    line++
    at = end + 1
  }
  return new SourceError([`${name}, line ${line}: not UTF-8. Is its encoding another one?`])
}

/** The lines of a text, without LF; empty ones too. */
function* splitLines(text: string): Generator<string> {
  for (let at = 0; at < text.length;) {
    const end = text.indexOf('\n', at)
    if (end === -1) {
      yield text.slice(at)
      return
    }
    yield text.slice(at, end)
    at = end + 1
  }
}

/** CR LF ends a line as LF does; inside of quotes it stays. */
const trimEnd = (line: string) => (line.endsWith('\r') ? line.slice(0, -1) : line)

/** @throws SourceError when a quoted field never ends */
export async function* readCsvRecords(
  texts: AsyncIterable<{ line: number; text: string }>,
  delimiter: string,
  name: string,
): AsyncGenerator<TextRecord[]> {
  let open: { line: number; parts: string[]; length: number } | undefined
  for await (const { line: first, text } of texts) {
    const records: TextRecord[] = []
    let line = first
    for (const part of splitLines(text)) {
      const state: Quotes =
        open === undefined && !part.includes('"') ? 'none' : scanQuotes(part, delimiter, open !== undefined)
      if (state === 'open') {
        open ??= { line, parts: [], length: 0 }
        open.parts.push(part)
        open.length += part.length
        if (open.length > maximumRecordBytes) throw notClosed(name, open.line)
      } else if (open) {
        records.push({ line: open.line, text: [...open.parts, trimEnd(part)].join('\n'), isQuoted: true })
        open = undefined
      } else if (trimEnd(part) !== '')
        records.push({ line, text: trimEnd(part), isQuoted: state === 'closed' })
      line++
    }
    yield records
  }
  if (open) throw notClosed(name, open.line)
}

const notClosed = (name: string, line: number) =>
  new SourceError([`${name}, line ${line}: a quote is opened here and never closed.`])

type Quotes = 'none' | 'open' | 'closed'
/** Whether a quoted field is open after the line. A quote inside of a field that has none opens nothing. */
function scanQuotes(line: string, delimiter: string, isOpen: boolean): Quotes {
  let inside = isOpen
  for (let at = line.indexOf('"'); at !== -1; at = line.indexOf('"', at + 1)) {
    if (!inside) inside = at === 0 || line[at - 1] === delimiter
    else if (line[at + 1] === '"') at++
    else inside = false
  }
  return inside ? 'open' : 'closed'
}

export async function* readLineRecords(
  texts: AsyncIterable<{ line: number; text: string }>,
): AsyncGenerator<TextRecord[]> {
  for await (const { line: first, text } of texts) {
    const records: TextRecord[] = []
    let line = first
    for (const part of splitLines(text)) {
      if (part.trim() !== '') records.push({ line, text: part, isQuoted: false })
      line++
    }
    yield records
  }
}
