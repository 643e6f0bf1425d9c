/** What Ellipro offers to read and to order. One list for what is imported, for claims and for what pages tell. */
export const reports = ['essentiel', 'efficient', 'expert'] as const
export const analyses = ['classic', 'optimum'] as const

/** Whether it is a code of ISO 3166-1 alpha-2, in capitals. The platform's names of regions (CLDR) are the list. */
export function isCountry(code: string): boolean {
  return (
    /^[A-Z]{2}$/.test(code) &&
    !outside.has(code) &&
    // A code of before (`ZR`) has become another one.
    Intl.getCanonicalLocales(`und-${code}`)[0] === `und-${code}` &&
    names.of(code) !== undefined
  )
}
const names = new Intl.DisplayNames('en', { type: 'region', fallback: 'none' })
// CLDR has a name for them, and ISO 3166-1 reserves them or leaves them to whoever uses them.
const outside = new Set([
  'AC',
  'CP',
  'CQ',
  'DG',
  'EA',
  'EU',
  'EZ',
  'IC',
  'QO',
  'TA',
  'UN',
  'XA',
  'XB',
  'XK',
  'ZZ',
])
