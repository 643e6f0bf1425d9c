/** What the redirection screen's form brings, checked. Pure. */
import { checkNewPassword, readAddress } from '../../activation/rules.ts'
import type { Message } from '../flash.ts'
import { passwordMaxLength, passwordMinLength } from '../../../core/password-policy.ts'

export type Details = { address: string; password: string; shared: boolean }
export type DetailsResult =
  | { ok: true; details: Details; errors?: undefined }
  | { ok: false; details?: undefined; errors: Record<string, Message> }

/** `email`, `password` and `shared` (`yes` or `no`) as typed; every problem at once. */
export function readDetails(typed: { email: string; password: string; shared: string }): DetailsResult {
  const address = readAddress(typed.email)
  const problem = checkNewPassword(typed.password, address.address ?? '')
  const answered = typed.shared === 'yes' || typed.shared === 'no'
  if (address.ok && !problem && answered)
    return {
      ok: true,
      details: { address: address.address, password: typed.password, shared: typed.shared === 'yes' },
    }
  return {
    ok: false,
    errors: {
      ...(address.problem && { email: { key: `address.${address.problem}` } }),
      ...(problem && {
        password: { key: `password.${problem}`, values: { min: passwordMinLength, max: passwordMaxLength } },
      }),
      ...(!answered && { shared: { key: 'redirection.shared_missing' } }),
    },
  }
}
