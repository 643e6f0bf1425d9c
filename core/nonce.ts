/**
 * The nonces of sign-ins that prove one thing: the ID token that Keycloak gives back carries the nonce, so it counts
 * for that thing and for nothing else. provider sends a nonce, admin-sync computes it again from what was stored, and
 * both do it here. Each is base64url(SHA-256(JSON array)), whose first element names its purpose.
 */
import { createHash } from 'node:crypto'

export type DecisionKind = 'open' | 'refuse' | 'holder_left' | 'not_shared'

/** All that an agent decided. */
export type DecisionContent = {
  /** Of the decision, made by provider: a second round trip of the same form is the same decision. */
  id: string
  caseId: string
  /** `undefined` only with `not_shared`. */
  requestId: string | undefined
  kind: DecisionKind
  reason: string
  /** Whom the agent called back; `undefined` when nobody. */
  called: string | undefined
  /** Of the case, as the agent saw it. */
  generation: number
}

/** Of an agent's sign-in. @param cookieHash SHA-256 of the session's cookie */
export const sessionNonce = (cookieHash: Buffer): string =>
  digest(['ellipro-staff-session/1', cookieHash.toString('base64url')])

export const decisionNonce = (d: DecisionContent): string =>
  digest([
    'ellipro-decision/1',
    d.id,
    d.caseId,
    d.requestId ?? null,
    d.kind,
    d.reason,
    d.called ?? null,
    d.generation,
  ])

/** Of the sign-in that adds a contract. @param browserHash SHA-256 of the cookie of the browser that gave the password */
export const additionNonce = (activationId: string, browserHash: Buffer): string =>
  digest(['ellipro-addition/1', activationId, browserHash.toString('base64url')])

/** Of the sign-in of a person who saves old messages. @param cookieHash SHA-256 of the session's cookie */
export const readerNonce = (cookieHash: Buffer): string =>
  digest(['ellipro-reader-session/1', cookieHash.toString('base64url')])

const digest = (content: unknown[]): string =>
  createHash('sha256').update(JSON.stringify(content)).digest('base64url')
