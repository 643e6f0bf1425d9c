/**
 * Sealing: AES-256-GCM with a key derived from one of provider's secrets and a purpose, so that what was sealed for
 * one purpose opens for no other. Layout: nonce (12 bytes), tag (16), ciphertext.
 */
import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from 'node:crypto'

export type Seal = {
  /** `bound`: what the content belongs to, needed again to open it (a kid, a cookie's name). */
  close(content: Buffer, bound: string): Buffer
  /** `undefined` when it was altered, or sealed with another key, for another purpose or for something else. */
  open(sealed: Buffer, bound: string): Buffer | undefined
}

/** @param secret 32 bytes */
export function createSeal(secret: Buffer, purpose: string): Seal {
  const key = Buffer.from(hkdfSync('sha256', secret, Buffer.alloc(0), purpose, 32))
  return {
    close(content, bound) {
      const nonce = randomBytes(12)
      const cipher = createCipheriv('aes-256-gcm', key, nonce).setAAD(Buffer.from(bound))
      const body = Buffer.concat([cipher.update(content), cipher.final()])
      return Buffer.concat([nonce, cipher.getAuthTag(), body])
    },
    open(sealed, bound) {
      if (sealed.length < 28) return undefined
      const decipher = createDecipheriv('aes-256-gcm', key, sealed.subarray(0, 12))
        .setAAD(Buffer.from(bound))
        .setAuthTag(sealed.subarray(12, 28))
      try {
        return Buffer.concat([decipher.update(sealed.subarray(28)), decipher.final()])
      } catch {
        return undefined
      }
    },
  }
}
