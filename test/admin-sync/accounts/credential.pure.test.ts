/** What provider put aside for `open-account`: only Keycloak's Argon2id within bounds goes on to Keycloak. */
import { describe, expect, it } from 'vitest'
import { readCredentialForm } from '../../../admin-sync/accounts/credential.ts'
import { hashForKeycloak } from '../../../provider/activation/credential.ts'

const good = await hashForKeycloak('Un mot de passe assez long')
type Data = { hashIterations: number; algorithm: string; additionalParameters: Record<string, string[]> }
const data = (change: (data: Data) => void) => {
  const parsed = JSON.parse(good.credentialData) as Data
  change(parsed)
  return { ...good, credentialData: JSON.stringify(parsed) }
}
const secret = (change: Record<string, unknown>) => ({
  ...good,
  secretData: JSON.stringify({ ...(JSON.parse(good.secretData) as object), ...change }),
})

describe('a credential put aside', () => {
  it('that provider makes goes on, and says the same', () => {
    const read = readCredentialForm(good)
    expect(JSON.parse(read?.credentialData ?? '')).toEqual(JSON.parse(good.credentialData))
    expect(JSON.parse(read?.secretData ?? '')).toEqual(JSON.parse(good.secretData))
  })

  it.each([
    ['nothing', null],
    ['a text', 'password'],
    ['another type of credential', { ...good, type: 'otp' }],
    ['a password as it was typed', { type: 'password', value: 'x', temporary: false }],
    ['a credential of somebody', { ...good, id: '0b5a2f3c' }],
    ['no JSON', { ...good, credentialData: '{' }],
    ['memory for all of Keycloak', data((d) => (d.additionalParameters['memory'] = ['2000000']))],
    ['memory that is no number', data((d) => (d.additionalParameters['memory'] = ['1e9']))],
    ['two memories', data((d) => (d.additionalParameters['memory'] = ['7168', '7168']))],
    ['passes for a day', data((d) => (d.hashIterations = 2_000_000))],
    ['lanes without end', data((d) => (d.additionalParameters['parallelism'] = ['4000']))],
    ['a hash of a megabyte', data((d) => (d.additionalParameters['hashLength'] = ['1000000']))],
    ['another algorithm', data((d) => (d.algorithm = 'pbkdf2'))],
    ['a parameter that we do not know', data((d) => (d.additionalParameters['x'] = ['y']))],
    ['an empty hash', secret({ value: '' })],
    ['a long salt', secret({ salt: Buffer.alloc(10_000).toString('base64') })],
    ['a secret that we do not know', secret({ x: 'y' })],
  ])('that is %s does not', (_name, credential) => {
    expect(readCredentialForm(credential)).toBeUndefined()
  })
})
