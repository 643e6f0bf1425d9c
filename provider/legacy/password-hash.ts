/**
 * Verification of the password hashes that Cofacering holds: bcrypt and Argon2id.
 *
 * It owns the formats and their limits, and never writes a hash: Ellipro passwords are Keycloak's. Work runs on
 * libuv's threads, so that a slow hash does not stop the process. Parameters are bounded, because a hash is
 * data of another system: one row must not be able to take the machine's memory or a minute of its time.
 *
 * Accepted: `$2a$`, `$2b$`, `$2y$` with cost 4 to 14, and `$argon2id$v=19$` PHC strings (RFC 9106) with at most
 * 256 MiB, 12 passes and 8 lanes. `$2x$` marks hashes of a broken implementation and is refused.
 */
import { argon2, timingSafeEqual } from 'node:crypto'
import { promisify } from 'node:util'
import { verify as verifyBcrypt } from '@node-rs/bcrypt'

type Argon2id = { memory: number; passes: number; parallelism: number; salt: Buffer; tag: Buffer }
export type PasswordHash = { format: 'bcrypt'; text: string } | ({ format: 'argon2id' } & Argon2id)

/** The part of a hash that decides how long a check takes, such as `$2b$10$`; a dummy hash is made from it. */
export type HashShape = string

/** Used for unknown logins until the directory has shown which hashes it holds. */
export const usualShapes: readonly HashShape[] = ['$2b$10$', '$argon2id$v=19$m=19456,t=2,p=1$']

const maximum = { bcryptCost: 14, memoryKib: 262_144, passes: 12, lanes: 8 }
const bcryptPattern = /^(\$2[aby]\$(\d\d)\$)[./A-Za-z0-9]{53}$/
const argon2idPattern =
  /^(\$argon2id\$v=19\$m=(\d{1,7}),t=(\d{1,3}),p=(\d{1,2})\$)([A-Za-z0-9+/]{11,86})\$([A-Za-z0-9+/]{22,172})$/

const deriveArgon2 = promisify(argon2)

/** Reads a stored hash; `undefined` when its format or its parameters are not accepted. */
export function parseHash(text: string): { hash: PasswordHash; shape: HashShape } | undefined {
  const bcrypt = bcryptPattern.exec(text)
  if (bcrypt) {
    const cost = Number(bcrypt[2])
    if (cost < 4 || cost > maximum.bcryptCost) return undefined
    return { hash: { format: 'bcrypt', text }, shape: bcrypt[1]! }
  }
  const phc = argon2idPattern.exec(text)
  if (!phc) return undefined
  const [memory, passes, parallelism] = [Number(phc[2]), Number(phc[3]), Number(phc[4])]
  const inBounds =
    memory <= maximum.memoryKib &&
    passes >= 1 &&
    passes <= maximum.passes &&
    parallelism >= 1 &&
    parallelism <= maximum.lanes &&
    memory >= 8 * parallelism
  if (!inBounds) return undefined
  const salt = Buffer.from(phc[5]!, 'base64')
  const tag = Buffer.from(phc[6]!, 'base64')
  return { hash: { format: 'argon2id', memory, passes, parallelism, salt, tag }, shape: phc[1]! }
}

/** Compares a password with a parsed hash. bcrypt sees the first 72 bytes only, as it did in Cofacering. */
export async function verifyPassword(password: string, hash: PasswordHash): Promise<boolean> {
  if (hash.format === 'bcrypt') return verifyBcrypt(password, hash.text)
  const tag = await deriveArgon2('argon2id', {
    message: password,
    nonce: hash.salt,
    parallelism: hash.parallelism,
    tagLength: hash.tag.length,
    memory: hash.memory,
    passes: hash.passes,
  })
  return timingSafeEqual(tag, hash.tag)
}

/** A hash of the given shape that no password is known for; checking it costs what a real one costs. */
export function dummyHash(shape: HashShape): PasswordHash {
  const rest = shape.startsWith('$2') ? '.'.repeat(53) : `${'A'.repeat(22)}$${'A'.repeat(43)}`
  const parsed = parseHash(shape + rest)
  if (!parsed) throw new Error(`not the shape of a password hash: ${shape}`)
  return parsed.hash
}

/** The name that a stored hash gives to its own format, for the log: `$1$`, or `none`. Never a part of the hash. */
export function formatName(text: string): string {
  return /^\$[a-z][a-z0-9-]{0,15}\$|^\$[0-9][a-z]?\$|^\{[A-Z0-9-]{1,16}\}/.exec(text)?.[0] ?? 'none'
}
