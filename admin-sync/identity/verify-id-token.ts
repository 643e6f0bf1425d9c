/**
 * Who signed in? Verifies an ID token that provider handed over: provider is believed in nothing, so the token must be
 * Keycloak's, for client cofacering-provider, and for the one thing that its nonce names (core/nonce.ts).
 *
 *   signature  by a key of the realm's JWKS, with the realm's algorithm; never `none`, never a shared secret
 *   iss, aud, azp, typ   of this realm, for this client alone, an ID token (no access, logout or refresh token)
 *   nonce      the expected one
 *   iat, exp   issued at most five minutes before it was handed over
 *   auth_time  when asked for: the password was typed a short while ago
 *
 * A token that fails is an answer (`refused`, with a short code for the log). Keys that could not be read are no answer:
 * UpstreamError, retry. Keys are kept ten minutes; one that is not among them makes us ask again, half a minute apart.
 */
import { createRemoteJWKSet, errors, jwtVerify, type JWTPayload } from 'jose'
import { UpstreamError } from '../../core/errors.ts'

export type Identity = {
  /** Keycloak user id. */
  userId: string
  /** Our realm roles that the token names; nothing for who holds none. */
  roles: readonly string[]
  /** When the password was typed. */
  authTime: Date | undefined
}
export type RefusalCode =
  | 'malformed'
  | 'algorithm'
  | 'unknown_key'
  | 'signature'
  | 'issuer'
  | 'audience'
  | 'type'
  | 'nonce'
  | 'too_old'
  | 'not_yet'
  | 'signed_in_long_ago'
  | 'claims'
export type Verification =
  { status: 'verified'; identity: Identity } | { status: 'refused'; code: RefusalCode }

export type Expected = {
  nonce: string
  /**
   * When provider handed the token over, by the database's clock, which provider does not set: work that had to wait
   * for Keycloak makes no token older.
   */
  receivedAt: Date
  /** The password was typed at most so long before the token was issued. Not asked when absent. */
  maxAuthAgeSeconds?: number
}
/** @throws UpstreamError `keycloak`, retry, when its keys could not be read */
export type VerifyIdToken = (token: string, expected: Expected) => Promise<Verification>

const client = 'cofacering-provider'
/** What the realm signs with; another one in its settings is refused until it stands here. */
const algorithms = ['RS256']
const maxLength = 8000
const maxAgeSeconds = 300
/** Between Keycloak's clock and the database's. */
const clockToleranceSeconds = 60

export function createIdTokenVerifier(keycloakUrl: string, realm: string): VerifyIdToken {
  const issuer = `${keycloakUrl}/realms/${realm}`
  const keys = createRemoteJWKSet(new URL(`${issuer}/protocol/openid-connect/certs`), {
    timeoutDuration: 5_000,
    cooldownDuration: 30_000,
    cacheMaxAge: 600_000,
  })
  return async (token, { nonce, receivedAt, maxAuthAgeSeconds }) => {
    if (token.length > maxLength) return refuse('malformed')
    const couldAskAgain = !keys.coolingDown
    let payload: JWTPayload
    try {
      ;({ payload } = await jwtVerify(token, keys, {
        algorithms,
        issuer,
        audience: client,
        currentDate: receivedAt,
        clockTolerance: clockToleranceSeconds,
        maxTokenAge: maxAgeSeconds,
        requiredClaims: ['sub', 'exp', 'nonce', 'azp', 'typ'],
      }))
    } catch (error) {
      const code = readRefusal(error)
      // Keycloak may have made the key since we asked: only keys that were read after the token came say that it is no
      // key of the realm.
      if (code === undefined || (code === 'unknown_key' && !couldAskAgain))
        throw new UpstreamError('keycloak', 0, 'retry', 'keys_unavailable', { cause: error })
      return refuse(code)
    }
    return judge(payload, nonce, maxAuthAgeSeconds)
  }
}

/** Pure: what a token says whose signature, issuer, audience and times are right. */
export function judge(
  payload: JWTPayload,
  nonce: string,
  maxAuthAgeSeconds: number | undefined,
): Verification {
  if (payload['typ'] !== 'ID') return refuse('type')
  if (payload['azp'] !== client || (Array.isArray(payload.aud) && payload.aud.length !== 1))
    return refuse('audience')
  if (payload['nonce'] !== nonce) return refuse('nonce')
  const { sub, iat, auth_time: authTime, ellipro_roles: roles = [] } = payload
  if (typeof sub !== 'string' || sub === '' || iat === undefined || !isTexts(roles)) return refuse('claims')
  if (authTime !== undefined && typeof authTime !== 'number') return refuse('claims')
  if (maxAuthAgeSeconds !== undefined) {
    if (authTime === undefined) return refuse('claims')
    if (iat - authTime > maxAuthAgeSeconds) return refuse('signed_in_long_ago')
  }
  return {
    status: 'verified',
    identity: {
      userId: sub,
      roles,
      authTime: authTime === undefined ? undefined : new Date(authTime * 1000),
    },
  }
}

/** `undefined`: not the token's fault. */
function readRefusal(error: unknown): RefusalCode | undefined {
  if (error instanceof errors.JOSEAlgNotAllowed || error instanceof errors.JOSENotSupported)
    return 'algorithm'
  if (error instanceof errors.JWSSignatureVerificationFailed) return 'signature'
  if (error instanceof errors.JWKSNoMatchingKey || error instanceof errors.JWKSMultipleMatchingKeys)
    return 'unknown_key'
  if (error instanceof errors.JWTExpired) return 'too_old'
  if (error instanceof errors.JWTClaimValidationFailed)
    return (
      ({ iss: 'issuer', aud: 'audience', iat: 'not_yet', nbf: 'not_yet' } as const)[error.claim] ?? 'claims'
    )
  if (error instanceof errors.JWSInvalid || error instanceof errors.JWTInvalid) return 'malformed'
  return undefined
}

const refuse = (code: RefusalCode): Verification => ({ status: 'refused', code })

const isTexts = (value: unknown): value is string[] =>
  Array.isArray(value) && value.every((one) => typeof one === 'string')
