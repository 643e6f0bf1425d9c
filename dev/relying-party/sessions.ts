/**
 * Sessions of one application, in memory, found by a random id that the browser keeps in a cookie.
 *
 * An application with more than one process keeps the same three things in a shared store: the sign-in attempts
 * under way (by `state`), who is signed in, and which Keycloak session (`sid`) that is, so that a logout token
 * finds it. Sessions are few here on purpose: beyond `maximum` the oldest one goes.
 */
import { randomBytes } from 'node:crypto'
import type { IDToken } from 'openid-client'

/** What kind of sign-in to ask Keycloak for. */
export type Wish = {
  /** Asked with `prompt=none`: only to see whether the person is signed in already. */
  silent: boolean
  fromCofacering: boolean
  /** Address to fill in at the sign-in page. */
  loginHint: string | undefined
  /** Started again by itself after Keycloak let the first one expire; not a second time. */
  restarted: boolean
}
/** A sign-in that was sent to Keycloak and has not come back yet. Each is used once. */
export type Attempt = Wish & { nonce: string; codeVerifier: string }
export type Account = { claims: IDToken; idToken: string }
export type Session = {
  id: string
  /** By `state`: a person may have several tabs open. */
  attempts: Map<string, Attempt>
  account?: Account
  /** Keycloak has just said that nobody is signed in: do not ask again for this page. */
  askedSilently: boolean
  expiresAt: number
}
export type Sessions = ReturnType<typeof createSessions>

const lifetimeMs = 8 * 3_600_000
const maximum = 10_000
const maximumAttempts = 10

/** `now` gives milliseconds, for tests. */
export function createSessions(now: () => number = Date.now) {
  const sessions = new Map<string, Session>()
  // Logout tokens may overtake the sign-in that they end, while its code is being redeemed.
  const endedSids = new Map<string, number>()

  function create(from?: Session): Session {
    const id = randomBytes(32).toString('base64url')
    const session: Session = {
      id,
      attempts: from?.attempts ?? new Map<string, Attempt>(),
      askedSilently: false,
      expiresAt: now() + lifetimeMs,
    }
    sessions.set(id, session)
    for (const [oldest] of sessions) {
      if (sessions.size <= maximum) break
      sessions.delete(oldest)
    }
    return session
  }

  return {
    create,
    find(id: string | undefined): Session | undefined {
      const session = id === undefined ? undefined : sessions.get(id)
      if (session && session.expiresAt > now()) return session
      if (session) sessions.delete(session.id)
      return undefined
    },
    addAttempt(session: Session, state: string, attempt: Attempt): void {
      session.attempts.set(state, attempt)
      for (const [oldest] of session.attempts) {
        if (session.attempts.size <= maximumAttempts) break
        session.attempts.delete(oldest)
      }
    },
    /**
     * Signs a person in under a new id, so that an id known before the sign-in is worth nothing after it.
     * `undefined` when Keycloak has already ended the session that the ID token speaks of.
     */
    signIn(session: Session, account: Account): Session | undefined {
      const { sid } = account.claims
      if (typeof sid === 'string' && endedSids.has(sid)) return undefined
      sessions.delete(session.id)
      const renewed = create(session)
      renewed.account = account
      return renewed
    },
    end(session: Session): void {
      sessions.delete(session.id)
    },
    /** Ends the sessions of a Keycloak session, or without `sid` all of a person's. Returns how many. */
    endFromLogoutToken({ sub, sid }: { sub?: string | undefined; sid?: string | undefined }): number {
      for (const [ended, at] of endedSids) if (at < now() - 600_000) endedSids.delete(ended)
      if (sid !== undefined) endedSids.set(sid, now())
      const hit = [...sessions.values()].filter(({ account }) => {
        if (!account) return false
        if (sub !== undefined && account.claims.sub !== sub) return false
        return sid === undefined ? sub !== undefined : account.claims['sid'] === sid
      })
      for (const { id } of hit) sessions.delete(id)
      return hit.length
    },
  }
}
