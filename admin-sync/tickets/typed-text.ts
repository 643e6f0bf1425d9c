/** What somebody typed, made fit for a help desk without changing what it says. Pure. */

/** Everything that ends a line for anybody, and what no line holds. */
// oxlint-disable-next-line eslint/no-control-regex -- control characters are what it is about
const lineEnds = /[\u0000-\u001f\u007f-\u009f\u2028\u2029]+/g
// oxlint-disable-next-line eslint/no-control-regex -- as above; line feed and tab stay
const unprintable = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f]/g

/**
 * One line of at most `limitBytes` bytes of UTF-8, cut between characters and ending with `…` when it was cut.
 * A line end becomes one space, so that no line of a mail begins inside it.
 */
export function toSubject(text: string, limitBytes: number): string {
  // a few characters for each byte that is left: nobody's 10 MB are looked at
  const line = text
    .slice(0, limitBytes * 4)
    .toWellFormed()
    .replace(lineEnds, ' ')
    .trim()
  if (Buffer.byteLength(line) <= limitBytes && text.length <= limitBytes * 4) return line
  const ellipsis = '…'
  let length = Buffer.byteLength(ellipsis)
  let cut = ''
  for (const { segment } of new Intl.Segmenter('fr', { granularity: 'grapheme' }).segment(line)) {
    length += Buffer.byteLength(segment)
    if (length > limitBytes) break
    cut += segment
  }
  return cut.trimEnd() + ellipsis
}

/** Line ends are line feeds; characters that databases and JSON readers refuse are taken out. Nothing else changes. */
export function toBody(text: string): string {
  return text.toWellFormed().replaceAll('\r\n', '\n').replaceAll('\r', '\n').replace(unprintable, '')
}

/** How a note is found again in a ticket's history. The id is ours, a UUID. */
export const noteMarker = (id: string): string => `[ellipro:${id}]`
