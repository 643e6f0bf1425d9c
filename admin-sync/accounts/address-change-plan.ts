/** What follows from an event "this person has changed their e-mail address". Pure. */
import { maskAddress } from '../../core/mask.ts'
import { languages, type Language } from '../../core/text.ts'
import type { User, UserEvent } from '../keycloak/representations.ts'

export type AddressNotice = {
  /** The old address. */
  to: string
  /** The form in which addresses are the same. */
  addressKey: string
  /** Masked; its domain is told when it is that of the old one. */
  newAddress: string
  at: Date
  language: Language
}
export type AddressPlan =
  | { notice: AddressNotice }
  /** Nothing to tell, and why. */
  | { outcome: 'no_old_address' | 'user_gone' | 'address_is_back' }

/** @param user as Keycloak has it now: an event is a hint, and the user the truth */
export function planAddressNotice(event: UserEvent, user: User | undefined): AddressPlan {
  const to = event.details?.['previous_email'] ?? ''
  if (!to.includes('@')) return { outcome: 'no_old_address' }
  if (!user) return { outcome: 'user_gone' }
  const addressKey = to.toLowerCase()
  const now = user.email ?? event.details?.['updated_email'] ?? ''
  if (now.toLowerCase() === addressKey) return { outcome: 'address_is_back' }
  const locale = (user.attributes as Record<string, string[]> | undefined)?.['locale']?.[0]
  return {
    notice: {
      to,
      addressKey,
      newAddress: maskAddress(now, [addressKey.slice(addressKey.lastIndexOf('@') + 1)]),
      at: new Date(event.time),
      language: languages.find((language) => language === locale) ?? 'fr',
    },
  }
}
