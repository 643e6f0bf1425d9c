/**
 * Keycloak as the OP of our RP `cofacering-provider` (openid-client): where to send a browser, what comes back, and how
 * to end somebody's session. Authorization code with PKCE S256, nonce and state; the ID token's signature is checked
 * although it comes from the token endpoint, because plain http is allowed on loopback.
 */
import * as client from 'openid-client'
import { UpstreamError } from '../../core/errors.ts'
import type { ProviderConfig } from '../config.ts'
import { clockToleranceSeconds } from '../oidc/definition.ts'

/** What one sign-in has to remember until its callback. */
export type Pending = { state: string; nonce: string; codeVerifier: string }

/** Who came back. `email` is what their own ID token says. */
export type SignedIn = { userId: string; email?: string; idToken: string }

export type Redeemed = { status: 'signed_in'; person: SignedIn } | { status: 'refused'; code: string }

/** Where Keycloak leads back to: paths of ours that the client is registered with. */
export type ReturnPaths = { callback: string; signedOut: string }

/** How Keycloak is asked. With nothing but a language, SSO answers without a form where it can. */
export type Question = {
  language: string
  /** Alias of the identity provider that Keycloak goes on to, for whoever is not signed in. */
  idpHint?: string
  loginHint?: string
  /** The person must have typed something at Keycloak not longer ago; the ID token then has `auth_time`. */
  maxAgeSeconds?: number
}

export type KeycloakRp = {
  /** @param nonce what the ID token is to be good for; random when it is good for this sign-in alone */
  newPending(nonce?: string): Pending
  /**
   * Only when Keycloak answers at this moment: a browser that is sent to a server that is down gets no page of anybody.
   * @throws UpstreamError `keycloak`, retry, when it does not
   */
  authorizationUrl(pending: Pending, question: Question): Promise<string>
  /**
   * Redeems the callback's code. `refused`: Keycloak said no, or what it sent does not belong to this sign-in.
   * @param query of the callback, with its `?`
   * @throws UpstreamError `keycloak`, retry, when it could not be asked
   */
  redeem(query: string, pending: Pending): Promise<Redeemed>
  /**
   * Ends the session of the person whose ID token this is, without a question; with `undefined` Keycloak asks whoever
   * is signed in. @throws UpstreamError as above
   */
  endSessionUrl(idToken: string | undefined, state: string): Promise<string>
}

const metadataKeptMs = 600_000
/** A Keycloak that answered so long ago is believed to be there. */
const seenKeptMs = 5_000
const timeoutSeconds = 5

export function createKeycloakRp(
  config: ProviderConfig,
  now: () => number,
  paths: ReturnPaths = { callback: '/sign-in/callback', signedOut: '/sign-in/switch' },
): KeycloakRp {
  const issuer = new URL(`${config.KEYCLOAK_URL}/realms/${config.KEYCLOAK_REALM}`)
  const redirectUri = config.PROVIDER_URL + paths.callback
  let kept: { at: number; configuration: client.Configuration } | undefined
  let discovering: Promise<client.Configuration> | undefined
  let seen: { at: number; answer: Promise<void> } | undefined

  /** Whoever comes while it is asked shares the question. */
  function configuration(): Promise<client.Configuration> {
    if (kept && now() - kept.at < metadataKeptMs) return Promise.resolve(kept.configuration)
    discovering ??= discover().finally(() => {
      discovering = undefined
    })
    return discovering
  }

  async function discover(): Promise<client.Configuration> {
    try {
      const found = await client.discovery(
        issuer,
        'cofacering-provider',
        { [client.clockTolerance]: clockToleranceSeconds },
        client.ClientSecretBasic(config.PROVIDER_CLIENT_SECRET),
        {
          timeout: timeoutSeconds,
          execute: [
            client.enableNonRepudiationChecks,
            ...(issuer.protocol === 'http:' ? [client.allowInsecureRequests] : []),
          ],
        },
      )
      kept = { at: now(), configuration: found }
      return found
    } catch (cause) {
      throw unavailable(cause)
    }
  }

  /** Is Keycloak there? Asked every few seconds at most, one question for all who wait. */
  async function assertThere(): Promise<void> {
    if (!seen || now() - seen.at > seenKeptMs) {
      const mine = { at: now(), answer: ask() }
      seen = mine
      // Somebody who tries again at once is not told what was true before.
      mine.answer.catch(() => {
        if (seen === mine) seen = undefined
      })
    }
    return seen.answer
  }

  async function ask(): Promise<void> {
    try {
      const answer = await fetch(`${issuer.href}/.well-known/openid-configuration`, {
        redirect: 'error',
        signal: AbortSignal.timeout(timeoutSeconds * 1000),
      })
      const found = (await answer.json()) as { issuer?: unknown }
      if (found.issuer !== issuer.href) throw new Error('not the metadata of the realm')
    } catch (cause) {
      throw unavailable(cause)
    }
  }

  return {
    newPending: (nonce = client.randomNonce()) => ({
      state: client.randomState(),
      nonce,
      codeVerifier: client.randomPKCECodeVerifier(),
    }),
    async authorizationUrl({ state, nonce, codeVerifier }, question) {
      const { language, idpHint, loginHint, maxAgeSeconds } = question
      const [known] = await Promise.all([configuration(), assertThere()])
      return client.buildAuthorizationUrl(known, {
        redirect_uri: redirectUri,
        scope: 'openid email',
        state,
        nonce,
        code_challenge: await client.calculatePKCECodeChallenge(codeVerifier),
        code_challenge_method: 'S256',
        ui_locales: language,
        ...(idpHint !== undefined && { kc_idp_hint: idpHint }),
        ...(loginHint !== undefined && { login_hint: loginHint }),
        ...(maxAgeSeconds !== undefined && { max_age: String(maxAgeSeconds) }),
      }).href
    },
    async redeem(query, { state, nonce, codeVerifier }) {
      const known = await configuration()
      try {
        const tokens = await client.authorizationCodeGrant(known, new URL(redirectUri + query), {
          expectedState: state,
          expectedNonce: nonce,
          pkceCodeVerifier: codeVerifier,
          idTokenExpected: true,
        })
        const claims = tokens.claims()
        if (!claims || !tokens.id_token) throw new Error('unreachable: an ID token was expected')
        const email = claims['email']
        return {
          status: 'signed_in',
          person: {
            userId: claims.sub,
            idToken: tokens.id_token,
            ...(typeof email === 'string' && { email }),
          },
        }
      } catch (error) {
        const code = refusalCode(error)
        if (code === undefined) throw unavailable(error)
        return { status: 'refused', code }
      }
    },
    async endSessionUrl(idToken, state) {
      const [known] = await Promise.all([configuration(), assertThere()])
      return client.buildEndSessionUrl(known, {
        ...(idToken !== undefined && { id_token_hint: idToken }),
        post_logout_redirect_uri: config.PROVIDER_URL + paths.signedOut,
        state,
      }).href
    },
  }
}

const unavailable = (cause: unknown) => new UpstreamError('keycloak', 0, 'retry', 'unavailable', { cause })

/** Codes of openid-client that say nothing about the sign-in: Keycloak was not there, or something stood in front. */
const outages = new Set([
  'OAUTH_TIMEOUT',
  'OAUTH_ABORT',
  'OAUTH_RESPONSE_IS_NOT_CONFORM',
  'OAUTH_RESPONSE_IS_NOT_JSON',
  'OAUTH_PARSE_ERROR',
])

/** The code of a refusal for the log; `undefined` when Keycloak could not be asked. */
function refusalCode(error: unknown): string | undefined {
  // Its own trouble, in the words of the specification: asking again may help.
  if (error instanceof client.ResponseBodyError && (error.status >= 500 || error.status === 429))
    return undefined
  if (error instanceof client.AuthorizationResponseError || error instanceof client.ResponseBodyError)
    return /^[a-z_]{1,40}$/.test(error.error) ? error.error : 'error'
  if (error instanceof client.ClientError && error.code?.startsWith('OAUTH_') && !outages.has(error.code))
    return error.code.toLowerCase()
  return undefined
}
