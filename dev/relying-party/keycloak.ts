/**
 * This application as a relying party of Keycloak: OIDC Authorization Code flow with PKCE, `state` and `nonce`,
 * RP-initiated logout, and the check of back-channel logout tokens. All of the protocol is in `openid-client` and
 * `jose`; what is here is the order of the calls and what to do when Keycloak does not answer.
 */
import { createRemoteJWKSet, errors, jwtVerify } from 'jose'
import * as client from 'openid-client'
import type { ApplicationConfig } from './config.ts'
import type { Account, Attempt, Wish } from './sessions.ts'

/** Keycloak did not answer: nothing is known about the person, and nothing was concluded. */
export class KeycloakUnreachable extends Error {
  override readonly name = 'KeycloakUnreachable'
}
/** The token is not a logout token of this issuer for this application, or was used before. */
export class LogoutTokenRefused extends Error {
  override readonly name = 'LogoutTokenRefused'
}
export type Keycloak = ReturnType<typeof createKeycloak>

/** Age at which the issuer's metadata is read again, so that a browser is not sent to a server that is down. */
const metadataMaxAgeMs = 30_000
const timeoutSeconds = 5
const logoutEvent = 'http://schemas.openid.net/event/backchannel-logout'

/** Asks Keycloak nothing before it is needed: the application may start first. */
export function createKeycloak(config: ApplicationConfig) {
  const redirectUri = `${config.APP_URL}/callback`
  let known: { metadata: client.Configuration; readAt: number } | undefined
  let keys: ReturnType<typeof createRemoteJWKSet> | undefined
  const usedLogoutTokens = new Map<string, number>()

  async function discover(maxAgeMs = Infinity): Promise<client.Configuration> {
    if (known && Date.now() - known.readAt < maxAgeMs) return known.metadata
    const metadata = await client
      .discovery(new URL(config.ISSUER), config.CLIENT_ID, config.CLIENT_SECRET, undefined, {
        execute: isLoopback(config.ISSUER) ? [client.allowInsecureRequests] : [],
        timeout: timeoutSeconds,
      })
      .catch((cause: unknown) => {
        throw new KeycloakUnreachable('no metadata', { cause })
      })
    known = { metadata, readAt: Date.now() }
    return metadata
  }

  return {
    /**
     * Where to send the browser, and what to remember under `state` until it comes back.
     * @throws KeycloakUnreachable
     */
    async beginSignIn({ language, ...wish }: Wish & { language: string }) {
      const metadata = await discover(metadataMaxAgeMs)
      const state = client.randomState()
      const attempt: Attempt = {
        ...wish,
        nonce: client.randomNonce(),
        codeVerifier: client.randomPKCECodeVerifier(),
      }
      const url = client.buildAuthorizationUrl(metadata, {
        redirect_uri: redirectUri,
        scope: 'openid email profile',
        state,
        nonce: attempt.nonce,
        code_challenge: await client.calculatePKCECodeChallenge(attempt.codeVerifier),
        code_challenge_method: 'S256',
        ui_locales: language,
        ...(attempt.silent && { prompt: 'none' }),
        // Keycloak: skip its own form and go to the identity provider of that alias.
        ...(attempt.loginHint !== undefined && { login_hint: attempt.loginHint }),
        ...(attempt.fromCofacering && { kc_idp_hint: 'cofacering' }),
      })
      return { url: url.href, state, attempt }
    },

    /**
     * Redeems the answer that came to the callback.
     * @param search the query of the callback URL, as it came
     * @throws client.AuthorizationResponseError when Keycloak answered with an error
     * @throws client.ResponseBodyError when the code was refused; client.ClientError when the answer is not sound
     * @throws KeycloakUnreachable
     */
    async finishSignIn(search: string, state: string, attempt: Attempt): Promise<Account> {
      const metadata = await discover()
      const answer = new URL(redirectUri)
      answer.search = search
      const tokens = await client
        .authorizationCodeGrant(metadata, answer, {
          expectedState: state,
          expectedNonce: attempt.nonce,
          pkceCodeVerifier: attempt.codeVerifier,
          idTokenExpected: true,
        })
        .catch((cause: unknown) => {
          throw isUnreachable(cause) ? new KeycloakUnreachable('no tokens', { cause }) : cause
        })
      const claims = tokens.claims()
      if (!claims || tokens.id_token === undefined) throw new Error('openid-client gave no ID token')
      return { claims, idToken: tokens.id_token }
    },

    /**
     * Where to send the browser to end the session at Keycloak and in every application.
     * @throws KeycloakUnreachable
     */
    async signOutUrl(account: Account): Promise<string> {
      const metadata = await discover(metadataMaxAgeMs)
      const url = client.buildEndSessionUrl(metadata, {
        id_token_hint: account.idToken,
        post_logout_redirect_uri: `${config.APP_URL}/`,
        state: 'signed-out',
      })
      return url.href
    },

    /**
     * Checks a logout token (OpenID Connect Back-Channel Logout 1.0, section 2.6). At least one of `sub` and `sid`
     * is in the answer.
     * @throws LogoutTokenRefused; KeycloakUnreachable when its keys could not be read
     */
    async verifyLogoutToken(token: string): Promise<{ sub?: string | undefined; sid?: string | undefined }> {
      const metadata = (await discover()).serverMetadata()
      keys ??= createRemoteJWKSet(new URL(metadata.jwks_uri ?? ''), {
        timeoutDuration: timeoutSeconds * 1000,
      })
      const { payload } = await jwtVerify(token, keys, {
        issuer: metadata.issuer,
        audience: config.CLIENT_ID,
        typ: 'logout+jwt',
        algorithms: ['RS256', 'PS256', 'ES256', 'EdDSA', 'Ed25519'],
        requiredClaims: ['iat', 'exp', 'jti', 'events'],
        clockTolerance: 60,
      }).catch((cause: unknown) => {
        const refused = cause instanceof errors.JOSEError && !(cause instanceof errors.JWKSTimeout)
        throw refused
          ? new LogoutTokenRefused(cause.code, { cause })
          : new KeycloakUnreachable('no keys', { cause })
      })
      const { sub, sid, jti, exp, events, nonce } = payload
      const event = (events as Record<string, unknown> | null)?.[logoutEvent]
      if (typeof event !== 'object' || event === null) throw new LogoutTokenRefused('event')
      // A nonce would make it an ID token that somebody tries to pass off.
      if (nonce !== undefined) throw new LogoutTokenRefused('nonce')
      if (sid !== undefined && typeof sid !== 'string') throw new LogoutTokenRefused('sid')
      if (sub === undefined && sid === undefined) throw new LogoutTokenRefused('nobody')

      const nowSeconds = Date.now() / 1000
      for (const [used, until] of usedLogoutTokens) if (until < nowSeconds) usedLogoutTokens.delete(used)
      if (usedLogoutTokens.has(jti!)) throw new LogoutTokenRefused('replay')
      usedLogoutTokens.set(jti!, exp! + 60)
      return { sub, sid }
    },
  }
}

/** `openid-client` speaks plain http only when told to, which is right for a server on this machine only. */
function isLoopback(issuer: string): boolean {
  const { protocol, hostname } = new URL(issuer)
  return (
    protocol === 'http:' && (hostname === 'localhost' || hostname === '[::1]' || hostname.startsWith('127.'))
  )
}

function isUnreachable(error: unknown): boolean {
  // `fetch` throws TypeError when there is no connection; a 5xx answer is not an OAuth answer.
  if (error instanceof TypeError) return true
  return (
    error instanceof client.ClientError &&
    ['OAUTH_TIMEOUT', 'OAUTH_RESPONSE_IS_NOT_CONFORM'].includes(error.code ?? '')
  )
}
