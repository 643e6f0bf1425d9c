import { expect, test } from 'vitest'
import { planAddressNotice } from '../../../admin-sync/accounts/address-change-plan.ts'

const event = {
  id: 'e',
  time: 1_790_000_000_000,
  type: 'UPDATE_EMAIL',
  userId: 'u',
  details: { previous_email: 'Anne@ancienne.example', updated_email: 'anne@nouvelle.example' },
}
const user = { id: 'u', username: 'anne@nouvelle.example', email: 'anne@nouvelle.example' }

test('the old address is told the masked new one, in the language of the person', () => {
  const notice = {
    to: 'Anne@ancienne.example',
    addressKey: 'anne@ancienne.example',
    newAddress: 'a•••••@•••••.example',
    at: new Date(event.time),
  }
  expect(planAddressNotice(event, user)).toEqual({ notice: { ...notice, language: 'fr' } })
  const english = { ...user, attributes: { locale: ['en'] } }
  expect(planAddressNotice(event, english)).toEqual({ notice: { ...notice, language: 'en' } })
  const elsewhere = { ...user, attributes: { locale: ['de'] } }
  expect(planAddressNotice(event, elsewhere)).toEqual({ notice: { ...notice, language: 'fr' } })
})

test('what is told is the address of the user now, with its domain when the old one had the same', () => {
  expect(planAddressNotice(event, { ...user, email: 'z@ancienne.example' })).toMatchObject({
    notice: { newAddress: 'z•••••@ancienne.example' },
  })
})

test.each([
  ['the address is back', event, { ...user, email: 'ANNE@ancienne.example' }, 'address_is_back'],
  ['the user is gone', event, undefined, 'user_gone'],
  ['there was no address before', { ...event, details: { updated_email: 'a@b.fr' } }, user, 'no_old_address'],
])('nobody is told when %s', (_, hint, now, outcome) => {
  expect(planAddressNotice(hint, now)).toEqual({ outcome })
})
