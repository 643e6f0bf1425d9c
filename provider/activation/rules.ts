/**
 * The form of what people type: e-mail addresses, legacy logins, passwords. Pure.
 *
 * An address ends up in the header of a mail and in Keycloak's user name, so it is accepted only in the one form
 * that every mail server takes (RFC 5321 dot-string, ASCII) after what is invisible was cut and the domain was put
 * in ASCII (IDNA, WHATWG URL). Nothing is asked about it: whether an address exists is what the mail is for.
 */
import { domainToASCII, domainToUnicode } from 'node:url'
import { findPasswordProblem, type PasswordProblem } from '../../core/password-policy.ts'

const addressMaxLength = 254

export type AddressProblem =
  | 'missing'
  /** No @ in it: most often a Cofacering login. */
  | 'looks_like_login'
  | 'too_long'
  /** Letters before the @ that not every mail server takes, such as é. */
  | 'local_not_ascii'
  | 'malformed'

export type AddressResult =
  | { ok: true; address: string; problem?: undefined }
  | { ok: false; problem: AddressProblem; address?: undefined }

const invisibleEdges = /^[\s\p{Cf}\p{Cc}]+|[\s\p{Cf}\p{Cc}]+$/gu
/**
 * RFC 5321 section 4.1.2, Dot-string. Quoted local parts exist in the RFC and in no mailbox that people have. Without
 * `%` and `!`, by which old servers pass a mail on to a mailbox elsewhere (`someone%other@relay`), nor `-` in front,
 * which programs behind a mail server have taken for an option.
 */
const localPart = /^(?!-)[a-z0-9#$&'*+/=?^_`{|}~-]+(\.[a-z0-9#$&'*+/=?^_`{|}~-]+)*$/i
/** Letters, marks and digits of any script, before IDNA maps them. Keeps `%`, `/`, `:` from the URL parser. */
const typedDomain = /^[\p{L}\p{M}\p{N}.。．-]+$/u
/** Two labels at least, and a last one that is not a number: no IP address is a mailbox's domain. */
const asciiDomain =
  /^(?=.{1,253}$)([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+(?=.*[a-z])[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])$/

const refuse = (problem: AddressProblem): AddressResult => ({ ok: false, problem })

/** Reads an address as typed. `address`: trimmed, NFC, its domain in ASCII and lower case. */
export function readAddress(typed: string): AddressResult {
  // Longer than anything that trimming could save; checked before any regular expression runs.
  if (typed.length > 4 * addressMaxLength) return refuse('too_long')
  const text = typed.replace(invisibleEdges, '').normalize('NFC')
  if (text === '') return refuse('missing')
  const at = text.indexOf('@')
  if (at === -1) return refuse('looks_like_login')
  const local = text.slice(0, at)
  const domain = text.slice(at + 1)
  if (domain.includes('@')) return refuse('malformed')
  if (/^[\p{L}\p{M}\p{N}._%+-]+$/u.test(local) && /[^\p{ASCII}]/u.test(local))
    return refuse('local_not_ascii')
  if (local.length > 64 || !localPart.test(local) || !typedDomain.test(domain)) return refuse('malformed')
  const ascii = domainToASCII(domain).replace(/\.$/, '')
  if (!asciiDomain.test(ascii)) return refuse('malformed')
  const address = `${local}@${ascii}`
  return address.length > addressMaxLength ? refuse('too_long') : { ok: true, address }
}

/** An address for the eyes of the person who typed it: its domain in its own script again. */
export function showAddress(address: string): string {
  const at = address.lastIndexOf('@')
  return `${address.slice(0, at)}@${domainToUnicode(address.slice(at + 1)) || address.slice(at + 1)}`
}

/** Does what stands in the login field have the form of an e-mail address? Cofacering's logins hold no @. */
export function looksLikeAddress(typed: string): boolean {
  return /^[^\s@]+@[^\s@]+\.[^\s@]+$/.test(typed.replace(invisibleEdges, ''))
}

/** The first of the realm's password rules that is broken; `missing` when nothing was typed. */
export function checkNewPassword(password: string, address: string): PasswordProblem | 'missing' | undefined {
  if (password === '') return 'missing'
  const normal = password.normalize('NFC')
  // The shorter of the two spellings counts: Keycloak would be given either, by one keyboard or another.
  const shortest = normal.length < password.length ? normal : password
  const problem = findPasswordProblem(shortest, address)
  if (problem) return problem
  return normal.toLowerCase() === showAddress(address).toLowerCase() ? 'is_address' : undefined
}
