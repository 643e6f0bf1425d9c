/** The verifier, Keycloak's credential and the secrets in cookies and URLs. */
import { argon2Sync, createHmac, randomBytes } from 'node:crypto'
import { expect, test } from 'vitest'
import { hashSecret, parseSecret } from '../../../provider/activation/browser-secrets.ts'
import { hashForKeycloak } from '../../../provider/activation/credential.ts'
import { createVerifiers } from '../../../provider/activation/verifier.ts'

const key = randomBytes(32)

test('the verifier is the same for the same password and salt, and for no other key, salt or password', async () => {
  const { derive, saltFor } = createVerifiers(key)
  const salt = saltFor('')
  expect(salt).toHaveLength(16)
  expect(saltFor('a form')).toEqual(saltFor('a form'))
  const verifier = await derive('été à la mer 2024', salt)
  expect(verifier).toHaveLength(32)
  expect(await derive('e\u0301te\u0301 a\u0300 la mer 2024', salt)).toEqual(verifier)
  expect(await derive('été à la mer 2025', salt)).not.toEqual(verifier)
  expect(await derive('été à la mer 2024', saltFor(''))).not.toEqual(verifier)
  expect(await createVerifiers(randomBytes(32)).derive('été à la mer 2024', salt)).not.toEqual(verifier)
})

test('the verifier is no hash that Keycloak or a password cracker without the key could use', async () => {
  const salt = randomBytes(16)
  const tag = argon2Sync('argon2id', {
    message: 'a password',
    nonce: salt,
    memory: 19_456,
    passes: 2,
    parallelism: 1,
    tagLength: 32,
  })
  const verifier = await createVerifiers(key).derive('a password', salt)
  expect(verifier).not.toEqual(tag)
  expect(verifier).toEqual(createHmac('sha256', key).update(tag).digest())
})

test('an activation without a salt costs the same work and matches nothing', async () => {
  const { derive, deriveFor, saltFor } = createVerifiers(key)
  const salt = saltFor('')
  expect(await deriveFor('a password', undefined)).toHaveLength(32)
  expect(await deriveFor('a password', undefined)).not.toEqual(await derive('a password', salt))
  expect(await deriveFor('a password', salt)).toEqual(await derive('a password', salt))
})

test('the credential has the form and the parameters of Keycloak’s own, with a new salt each time', async () => {
  const [first, second] = [await hashForKeycloak('un mot de passe'), await hashForKeycloak('un mot de passe')]
  expect(JSON.parse(first.credentialData)).toEqual({
    hashIterations: 5,
    algorithm: 'argon2',
    additionalParameters: {
      hashLength: ['32'],
      memory: ['7168'],
      type: ['id'],
      version: ['1.3'],
      parallelism: ['1'],
    },
  })
  const secret = JSON.parse(first.secretData) as { value: string; salt: string }
  const again = argon2Sync('argon2id', {
    message: 'un mot de passe',
    nonce: Buffer.from(secret.salt, 'base64'),
    memory: 7168,
    passes: 5,
    parallelism: 1,
    tagLength: 32,
  })
  expect(again.toString('base64')).toBe(secret.value)
  expect(second.secretData).not.toBe(first.secretData)
})

test.each([
  undefined,
  '',
  'short',
  `${'A'.repeat(42)}=`,
  'A'.repeat(44),
  ` ${'A'.repeat(43)}`,
  ['A'.repeat(43)],
])('what has not the form of a secret is none: %j', (text) => {
  expect(parseSecret(text)).toBeUndefined()
})

test('a secret’s bytes are read from its text, and its hash is that of the bytes', () => {
  const bytes = randomBytes(32)
  expect(parseSecret(bytes.toString('base64url'))).toEqual(bytes)
  expect(hashSecret(bytes)).toHaveLength(32)
})
