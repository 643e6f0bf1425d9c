/**
 * One spelling for a legacy login, so that "as usual" is forgiving about what people do not see.
 *
 * Cofacering compared logins without regard to capitals, and people paste them from mails and spreadsheets. A
 * login is therefore compared after: Unicode NFKC, white space and invisible marks cut at both ends, lower case.
 * Nothing inside it is dropped: a login with an invisible mark in the middle is another login.
 */

/** Longest login that is looked up, in UTF-16 units; longer ones are unknown without asking anybody. */
export const maximumLoginLength = 256

const edges = /^[\s\p{Cf}]+|[\s\p{Cf}]+$/gu
// A control character is in no login, and PostgreSQL refuses text that holds a NUL.
const impossible = /[\p{Cc}\p{Cs}]/u

/** The login as typed without what is invisible at its ends; `undefined` when no login can look like that. */
export function trimLogin(typed: string): string | undefined {
  // Checked before normalising, which can make a text 18 times longer, and after.
  if (typed.length > 4 * maximumLoginLength) return undefined
  const login = typed.normalize('NFKC').replace(edges, '')
  return login === '' || login.length > maximumLoginLength || impossible.test(login) ? undefined : login
}

/** The key by which a login is looked up; `undefined` when no login can look like that. */
export function loginKey(typed: string): string | undefined {
  return trimLogin(typed)?.toLowerCase()
}
