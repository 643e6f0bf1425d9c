/** What Ellipro offers to read and to order. One list for what is imported, for claims and for what pages tell. */
export const reports = ['essentiel', 'efficient', 'expert'] as const
export const analyses = ['classic', 'optimum'] as const

// Of today: the platform's names of regions (CLDR) are the list, and none of ours grows old.
const names = new Intl.DisplayNames('en', { type: 'region', fallback: 'none' })
/**
 * Regions that CLDR names and ISO 3166-1 does not assign: reserved for parts of countries (AC, CP, CQ, DG, EA, IC, TA), for
 * groups of them (EU, EZ, QO, UN), for pseudo-locales (XA, XB), Kosovo's user-assigned code, and the unknown region.
 */
const notAssigned = new Set('AC CP CQ DG EA EU EZ IC QO TA UN XA XB XK ZZ'.split(' '))

/** Whether it is a code of ISO 3166-1 alpha-2, in capitals. */
export function isCountry(code: string): boolean {
  return (
    /^[A-Z]{2}$/.test(code) &&
    !notAssigned.has(code) &&
    // A country that is no more has another canonical code: YU is RS.
    Intl.getCanonicalLocales(`und-${code}`)[0] === `und-${code}` &&
    names.of(code) !== undefined
  )
}

/** All of them, sorted. */
export function listCountries(): string[] {
  const letters = Array.from('ABCDEFGHIJKLMNOPQRSTUVWXYZ')
  return letters.flatMap((first) => letters.map((second) => first + second)).filter(isCountry)
}
