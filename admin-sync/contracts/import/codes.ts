/** The codes of countries and currencies that count, from the platform: no list of ours that would grow old. Pure. */

/**
 * Regions that CLDR names and ISO 3166-1 does not assign: reserved for parts of countries (AC, CP, CQ, DG, EA, IC, TA), for
 * groups of them (EU, EZ, QO, UN), for pseudo-locales (XA, XB), Kosovo's user-assigned code, and the unknown region.
 */
const notAssigned = new Set('AC CP CQ DG EA EU EZ IC QO TA UN XA XB XK ZZ'.split(' '))

const letters = Array.from({ length: 26 }, (_, i) => String.fromCodePoint(65 + i))

/** ISO 3166-1 alpha-2 of today, sorted. */
export function listCountries(): string[] {
  const names = new Intl.DisplayNames('en', { type: 'region', fallback: 'none' })
  return letters
    .flatMap((first) => letters.map((second) => first + second))
    .filter(
      (code) =>
        names.of(code) !== undefined &&
        !notAssigned.has(code) &&
        // A country that is no more has another canonical code: YU is RS.
        Intl.getCanonicalLocales(`und-${code}`)[0] === `und-${code}`,
    )
}

/** ISO 4217 of today, sorted. */
export const listCurrencies = (): string[] => Intl.supportedValuesOf('currency')
