/**
 * What a person reads in a message that a help desk's editor wrote as HTML. Pure. The result is text and is shown as text:
 * this is no protection against HTML, and need not be one.
 */

const named: Record<string, string> = {
  amp: '&',
  lt: '<',
  gt: '>',
  quot: '"',
  apos: '’',
  nbsp: ' ',
  euro: '€',
  hellip: '…',
  ndash: '–',
  mdash: '—',
  lsquo: '‘',
  rsquo: '’',
  ldquo: '“',
  rdquo: '”',
  laquo: '«',
  raquo: '»',
  deg: '°',
  oelig: 'œ',
  OElig: 'Œ',
}
/** `eacute`, `Ccedil`: a letter and its mark. */
const marks: Record<string, string> = {
  acute: '\u0301',
  grave: '\u0300',
  circ: '\u0302',
  uml: '\u0308',
  cedil: '\u0327',
  tilde: '\u0303',
}

export function htmlToText(html: string): string {
  return html
    .replaceAll(/<(script|style|head)\b[^>]*>[\s\S]*?(<\/\1\s*>|$)|<!--[\s\S]*?(-->|$)/gi, '')
    .replaceAll(/\s+/g, ' ')
    .replaceAll(/ ?<(br|\/p|\/div|\/li|\/tr|\/h[1-6]|\/blockquote|hr)\b[^>]*> ?/gi, '\n')
    .replaceAll(/<\/?[a-z][^>]*>/gi, '')
    .replaceAll(/&(#x[0-9a-f]{1,6}|#\d{1,7}|[a-z]{2,12});/gi, (whole, name: string) => decode(name) ?? whole)
    .replaceAll(/\n{3,}/g, '\n\n')
    .trim()
}

function decode(name: string): string | undefined {
  if (name.startsWith('#')) {
    const code = /^#x/i.test(name) ? Number.parseInt(name.slice(2), 16) : Number(name.slice(1))
    return code > 0 && code <= 0x10ffff && !(code >= 0xd800 && code <= 0xdfff)
      ? String.fromCodePoint(code)
      : undefined
  }
  const [, letter, mark] = /^([a-zA-Z])(acute|grave|circ|uml|cedil|tilde)$/.exec(name) ?? []
  if (letter !== undefined && mark !== undefined) return `${letter}${marks[mark]}`.normalize('NFC')
  return named[name]
}
