/**
 * The verifier of the password first typed: HMAC-SHA256(provider's key, Argon2id(password, salt)).
 *
 * It is what the database keeps between the redirection screen and the confirmation. It is worth nothing in
 * Keycloak, and nothing to a reader of the database without provider's key. The database compares it; provider
 * only derives it.
 */
import { argon2, createHash, createHmac, randomBytes } from 'node:crypto'
import { promisify } from 'node:util'
import { hashing } from '../gate.ts'

const deriveArgon2 = promisify(argon2)

export type Verifiers = {
  /**
   * 16 bytes for a new activation, from a random value in its form: the same form sent twice has the same salt, by
   * which the database recognises it. Without one, random bytes.
   */
  saltFor: (formId: string) => Buffer
  /**
   * 32 bytes. The password is taken in NFC, so that two keyboards that spell a letter differently agree.
   * @throws UpstreamError `retry`, code `busy`, when too many hashes are waited for (gate.ts)
   */
  derive: (password: string, salt: Buffer) => Promise<Buffer>
  /**
   * The same for an activation that may not exist: without a salt the work is done all the same, on a salt
   * that no activation has, so that the time of an answer does not tell whether the id is known.
   */
  deriveFor: (password: string, salt: Buffer | undefined) => Promise<Buffer>
}

/** @param key 32 bytes, PROVIDER_VERIFIER_KEY */
export function createVerifiers(key: Buffer): Verifiers {
  const noSalt = createHmac('sha256', key).update('no such activation').digest().subarray(0, 16)
  const derive = async (password: string, salt: Buffer) => {
    // OWASP's second recommended setting; it runs on libuv's threads and takes about 20 ms.
    const tag = await hashing.run(() =>
      deriveArgon2('argon2id', {
        message: password.normalize('NFC'),
        nonce: salt,
        memory: 19_456,
        passes: 2,
        parallelism: 1,
        tagLength: 32,
      }),
    )
    return createHmac('sha256', key).update(tag).digest()
  }
  return {
    saltFor: (formId) =>
      createHash('sha256')
        .update(formId || randomBytes(16))
        .digest()
        .subarray(0, 16),
    derive,
    deriveFor: (password, salt) => derive(password, salt ?? noSalt),
  }
}
