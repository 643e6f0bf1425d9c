/**
 * Reads what `COPY … TO STDOUT` sends, in its text format: columns separated by TAB, rows ended by LF, `\N` for NULL, and
 * a backslash before what could be taken for one of these. Pure; it never holds more than a row that is not complete.
 */
const escapes: Record<string, string> = { b: '\b', f: '\f', n: '\n', r: '\r', t: '\t', v: '\v' }

export type CopyText = {
  /** @returns the rows that are complete now. @throws TypeError when it is not UTF-8 */
  push(chunk: Buffer): (string | null)[][]
  /** Whether it ended with a row: what is left over was cut off. */
  isComplete(): boolean
}

export function createCopyText(): CopyText {
  // A server whose encoding is SQL_ASCII sends what it has: what is no text is an error, not a text with signs missing.
  const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
  // Pieces of the row that is under way: a large one comes in many, and is joined once.
  let pieces: string[] = []
  return {
    push(chunk) {
      const text = decoder.decode(chunk, { stream: true })
      const end = text.lastIndexOf('\n')
      if (end < 0) {
        pieces.push(text)
        return []
      }
      const whole = [...pieces, text.slice(0, end)].join('')
      pieces = end + 1 < text.length ? [text.slice(end + 1)] : []
      return whole.split('\n').map(readRow)
    },
    isComplete: () => [...pieces, decoder.decode()].join('') === '',
  }
}

function readRow(line: string): (string | null)[] {
  const values: (string | null)[] = line.split('\t')
  if (line.includes('\\'))
    for (const [i, value] of values.entries())
      values[i] =
        value === '\\N'
          ? null
          : (value?.replaceAll(/\\(.)/g, (_, letter: string) => escapes[letter] ?? letter) ?? null)
  return values
}
