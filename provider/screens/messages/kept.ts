/**
 * What the pages of the old messages keep in the browser, as the agents' pages do (staff/kept.ts):
 *
 *   reader      the session: 32 random bytes, known to the database by their SHA-256         20 minutes
 *   reader_in   the sign-in under way, sealed: what Keycloak's answer must fit               10 minutes
 */
import type { Request, Response } from 'express'
import { z } from 'zod'
import { hashSecret, parseSecret } from '../../activation/browser-secrets.ts'
import type { Seal } from '../../seal.ts'
import type { Cookies } from '../../web/cookies.ts'

/** The database ends it by itself, not later (setting reader_minutes). */
const sessionSeconds = 1200
const signInSeconds = 600

const signInSchema = z.object({ state: z.string(), codeVerifier: z.string(), secret: z.string() })
/** `secret`: the cookie of the session to come. */
export type ReaderSignIn = z.infer<typeof signInSchema>

export type ReaderCookies = {
  /** SHA-256 of the session's cookie. */
  sessionHash(req: Request): Buffer | undefined
  openSession(res: Response, secret: string): void
  closeSession(res: Response): void
  /** In place of one before: of two tabs, the later one signs in. */
  keepSignIn(res: Response, signIn: ReaderSignIn): void
  /** The sign-in of this state, which is then forgotten; `undefined` in any browser but the one that began it. */
  takeSignIn(req: Request, res: Response, state: unknown): ReaderSignIn | undefined
}

/** @param now milliseconds since 1970 */
export function createReaderCookies(cookies: Cookies, seal: Seal, now: () => number): ReaderCookies {
  return {
    sessionHash(req) {
      const bytes = parseSecret(cookies.read(req, 'reader'))
      return bytes && hashSecret(bytes)
    },
    openSession: (res, secret) => cookies.set(res, 'reader', secret, { maxAgeSeconds: sessionSeconds }),
    closeSession: (res) => cookies.clear(res, 'reader'),
    keepSignIn(res, signIn) {
      const text = JSON.stringify({ ...signIn, until: now() + signInSeconds * 1000 })
      const sealed = seal.close(Buffer.from(text), 'reader_in').toString('base64url')
      cookies.set(res, 'reader_in', sealed, { maxAgeSeconds: signInSeconds })
    },
    takeSignIn(req, res, state) {
      const sealed = cookies.read(req, 'reader_in')
      const opened = sealed && seal.open(Buffer.from(sealed, 'base64url'), 'reader_in')
      if (!opened) return undefined
      const kept = signInSchema.extend({ until: z.number() }).parse(JSON.parse(opened.toString('utf8')))
      if (kept.state !== state || kept.until <= now()) return undefined
      cookies.clear(res, 'reader_in')
      return kept
    },
  }
}
