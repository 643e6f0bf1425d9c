/** How a login or an address is shown to someone who has not proved that it is theirs. */

const dots = '•••••'

/** First and last character around a fixed number of dots, so that the length tells nothing. */
export function maskLogin(login: string): string {
  const letters = Array.from(login)
  if (letters.length < 4) return dots
  return `${letters[0]}${dots}${letters.at(-1)}`
}

/**
 * `a•••••@•••••.fr`: the first letter, and the domain only when it is one of the contract's own
 * (its people know it already).
 */
export function maskAddress(address: string, knownDomains: readonly string[] = []): string {
  const at = address.lastIndexOf('@')
  const domain = address.slice(at + 1).toLowerCase()
  const first = Array.from(address)[0] ?? ''
  if (knownDomains.some((known) => known.toLowerCase() === domain)) return `${first}${dots}@${domain}`
  const suffix = domain.slice(domain.lastIndexOf('.') + 1)
  return `${first}${dots}@${dots}.${suffix}`
}
