/**
 * The realm's password rules, in one place: the realm is told them as a policy, and the redirection screen checks
 * them itself, because Keycloak checks no policy on a credential that arrives hashed.
 */

export const passwordMinLength = 12
/** Our own limit: Argon2 takes any length, an attacker should not choose how much we hash. */
export const passwordMaxLength = 128

/** Keycloak's policy string for the same rules (history cannot matter for a first password). */
export const keycloakPasswordPolicy = `length(${passwordMinLength}) and notUsername(undefined) and notEmail(undefined) and passwordHistory(3)`

export type PasswordProblem = 'too_short' | 'too_long' | 'is_address'

/** The first rule that the password breaks for a person of this address, or `undefined`. */
export function findPasswordProblem(password: string, address: string): PasswordProblem | undefined {
  // Keycloak's length(n) counts UTF-16 code units, and so does JavaScript.
  if (password.length < passwordMinLength) return 'too_short'
  if (password.length > passwordMaxLength) return 'too_long'
  if (password.toLowerCase() === address.toLowerCase()) return 'is_address'
  return undefined
}
