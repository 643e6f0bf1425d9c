/** What the form of a request brings, checked. Pure. */
import { oneLine } from '../../../core/text.ts'
import { readAddress } from '../../activation/rules.ts'
import type { Message } from '../flash.ts'

export const nameMaxLength = 200
const phoneMaxLength = 40
const phoneMinDigits = 6

export type PersonDetails = { name: string; phone: string | undefined }
export type RequestDetails = PersonDetails & { address: string }
type Errors = Record<string, Message>
type Result<T> =
  { ok: true; details: T; errors?: undefined } | { ok: false; details?: undefined; errors: Errors }

/** `name`, `email` and `phone` as typed; every problem at once. */
export function readRequest(typed: { name: string; email: string; phone: string }): Result<RequestDetails> {
  const person = readPerson(typed)
  const address = readAddress(typed.email)
  if (person.ok && address.ok) return { ok: true, details: { ...person.details, address: address.address } }
  return {
    ok: false,
    // In the order of the fields: the first one that was refused is where the person goes on.
    errors: {
      ...(person.errors?.['name'] && { name: person.errors['name'] }),
      ...(address.problem && { email: { key: `address.${address.problem}` } }),
      ...(person.errors?.['phone'] && { phone: person.errors['phone'] }),
    },
  }
}

/**
 * A name is whatever a person calls themselves: nothing in it is refused but its length, and nothing is taken out but
 * what cannot be seen. A telephone number may be missing.
 */
export function readPerson(typed: { name: string; phone: string }): Result<PersonDetails> {
  const name = visible(typed.name, nameMaxLength)
  const phone = visible(typed.phone, phoneMaxLength)
  const problems: Errors = {
    ...(name === '' && { name: { key: 'access.name_missing' } }),
    ...(name.length > nameMaxLength && {
      name: { key: 'access.name_too_long', values: { max: nameMaxLength } },
    }),
    ...(phone !== '' && !isTelephone(phone) && { phone: { key: 'access.phone_malformed' } }),
  }
  if (Object.keys(problems).length > 0) return { ok: false, errors: problems }
  return { ok: true, details: { name, phone: phone === '' ? undefined : phone } }
}

/** One line without what is invisible; longer than allowed it is only cut to where that is certain. */
function visible(typed: string, maxLength: number): string {
  return oneLine(
    typed
      .slice(0, 4 * maxLength)
      .normalize('NFC')
      .toWellFormed(),
  )
    .replaceAll(/\s+/g, ' ')
    .trim()
}

/** Digits, with what people put between and around them; an extension may follow. */
function isTelephone(phone: string): boolean {
  if (phone.length > phoneMaxLength || !/^\+?[\d\s().\-/]+((poste|ext|x|#)[.\s]*\d+)?$/i.test(phone))
    return false
  return phone.replaceAll(/\D/g, '').length >= phoneMinDigits
}
