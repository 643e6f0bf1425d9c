/**
 * Who may call the workspace's API: the bearer of an access token that the realm gave to admin-sync's client for the
 * workspace, and that is still valid. Nobody else, not even another client of the realm with this audience.
 */
import { createRemoteJWKSet, errors, jwtVerify } from 'jose'
import { UpstreamError } from '../../../core/errors.ts'

export const audience = 'ellipro-workspace'
const allowedClient = 'admin-sync-workspace'
const timeoutMs = 5_000

/** `unauthorized`: no token, or one that does not count (any more). `forbidden`: it counts, and is somebody else's. */
export class TokenRefused extends Error {
  override readonly name = 'TokenRefused'
  readonly code: 'unauthorized' | 'forbidden'
  /** Whether a token was shown at all (RFC 6750, section 3.1). */
  readonly shown: boolean
  constructor(code: TokenRefused['code'], shown: boolean) {
    super(code)
    this.code = code
    this.shown = shown
  }
}

/**
 * @param issuer of the realm; its keys are read when the first token comes
 * @returns a check of the header Authorization. @throws TokenRefused; UpstreamError('keycloak', retry) without the keys
 */
export function createTokenCheck(issuer: string): (authorization: string | undefined) => Promise<void> {
  let keys: Promise<ReturnType<typeof createRemoteJWKSet>> | undefined
  const findKeys = () => {
    keys ??= discoverKeys(issuer).catch((error: unknown) => {
      keys = undefined
      throw error
    })
    return keys
  }
  return async (authorization) => {
    const token = /^Bearer +([\w-]+\.[\w-]+\.[\w-]+)$/i.exec(authorization ?? '')?.[1]
    if (token === undefined) throw new TokenRefused('unauthorized', authorization !== undefined)
    const { payload } = await jwtVerify(token, await findKeys(), {
      issuer,
      audience,
      algorithms: ['RS256', 'PS256', 'ES256', 'EdDSA', 'Ed25519'],
      requiredClaims: ['exp', 'iat', 'azp'],
    }).catch((cause: unknown) => {
      const refused = cause instanceof errors.JOSEError && !isUnreachable(cause)
      throw refused
        ? new TokenRefused('unauthorized', true)
        : new UpstreamError('keycloak', 0, 'retry', 'no_keys', { cause })
    })
    if (payload['azp'] !== allowedClient) throw new TokenRefused('forbidden', true)
  }
}

/** jose says JOSEError itself when the answer of the keys' address is not one. */
function isUnreachable(error: errors.JOSEError): boolean {
  return (
    error instanceof errors.JWKSTimeout ||
    error instanceof errors.JWKSInvalid ||
    error.code === 'ERR_JOSE_GENERIC'
  )
}

async function discoverKeys(issuer: string) {
  try {
    const answer = await fetch(`${issuer}/.well-known/openid-configuration`, {
      signal: AbortSignal.timeout(timeoutMs),
    })
    if (!answer.ok) throw new Error(`status ${answer.status}`)
    const metadata = (await answer.json()) as { issuer?: unknown; jwks_uri?: unknown }
    if (metadata.issuer !== issuer || typeof metadata.jwks_uri !== 'string')
      throw new Error('not the metadata of this issuer')
    return createRemoteJWKSet(new URL(metadata.jwks_uri), { timeoutDuration: timeoutMs })
  } catch (cause) {
    throw new UpstreamError('keycloak', 0, 'retry', 'no_keys', { cause })
  }
}
