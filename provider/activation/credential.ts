/**
 * A password in the form in which Keycloak stores it, so that the account is opened with a hash and the password
 * itself never leaves provider. Parameters are the defaults of Keycloak's `argon2` provider (26.7); a credential
 * with other parameters would be hashed again at the first sign-in.
 *
 * The realm's password policy is not checked by Keycloak on a hashed credential: activation/rules.ts checks it.
 */
import { argon2, randomBytes } from 'node:crypto'
import { promisify } from 'node:util'
import { hashing } from '../gate.ts'
import type { KeycloakCredential } from './store.ts'

const deriveArgon2 = promisify(argon2)
const parameters = { memory: 7168, passes: 5, parallelism: 1, tagLength: 32 }

/**
 * Hashes the password exactly as it was typed: Keycloak normalises nothing, and its form will get these bytes.
 * @throws UpstreamError `retry`, code `busy`, when too many hashes are waited for (gate.ts)
 */
export async function hashForKeycloak(password: string): Promise<KeycloakCredential> {
  const salt = randomBytes(16)
  const tag = await hashing.run(() =>
    deriveArgon2('argon2id', { message: password, nonce: salt, ...parameters }),
  )
  return {
    credentialData: JSON.stringify({
      hashIterations: parameters.passes,
      algorithm: 'argon2',
      additionalParameters: {
        hashLength: [String(parameters.tagLength)],
        memory: [String(parameters.memory)],
        type: ['id'],
        version: ['1.3'],
        parallelism: [String(parameters.parallelism)],
      },
    }),
    secretData: JSON.stringify({
      value: tag.toString('base64'),
      salt: salt.toString('base64'),
      additionalParameters: {},
    }),
  }
}
