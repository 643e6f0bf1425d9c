/** The redirection screen's form: every problem at once, and nothing lost of what was right. */
import { expect, test } from 'vitest'
import { readDetails } from '../../../provider/screens/redirection/form.ts'

const right = { email: ' Jean@Societe.fr', password: 'un mot de passe long', shared: 'no' }

test('a complete form gives the details', () => {
  expect(readDetails(right)).toEqual({
    ok: true,
    details: { address: 'Jean@societe.fr', password: 'un mot de passe long', shared: false },
  })
  expect(readDetails({ ...right, shared: 'yes' }).details?.shared).toBe(true)
})

test('an empty form names every field', () => {
  const { errors } = readDetails({ email: '', password: '', shared: '' })
  expect(errors).toMatchObject({
    email: { key: 'address.missing' },
    password: { key: 'password.missing' },
    shared: { key: 'redirection.shared_missing' },
  })
})

test.each([
  [{ email: 'transports.lefevre' }, { email: { key: 'address.looks_like_login' } }],
  [{ password: 'court' }, { password: { key: 'password.too_short', values: { min: 12, max: 128 } } }],
  [
    { password: 'jean@SOCIETE.fr' },
    { password: { key: 'password.is_address', values: { min: 12, max: 128 } } },
  ],
  [{ shared: 'perhaps' }, { shared: { key: 'redirection.shared_missing' } }],
])('%j is refused in its own field', (change, errors) => {
  expect(readDetails({ ...right, ...change })).toEqual({ ok: false, errors })
})
