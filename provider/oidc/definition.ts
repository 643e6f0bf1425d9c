/**
 * What the OP is: oidc-provider's configuration. One client (Keycloak), one redirect URI, authorization code with
 * PKCE S256, private_key_jwt, an ES256 ID token that says `sub`. Everything else that the library can do is off.
 */
import { createHmac } from 'node:crypto'
import type { JWK } from 'jose'
import {
  interactionPolicy,
  type AdapterFactory,
  type AdapterPayload,
  type Configuration,
  type KoaContextWithOIDC,
} from 'oidc-provider'
import type { ProviderConfig } from '../config.ts'
import { newGrantId } from './adapter.ts'

/** Of an ID token whose person proved the mailbox and the password first typed, when a request asks for `acr`. */
export const activationAcr = 'urn:ellipro:acr:activation'

export const clientId = 'keycloak'

/** How long a person may look at the login page: as long as Keycloak keeps its own side of the sign-in. */
export const interactionSeconds = 1800

/** As much as the realm allows ours to differ (`allowedClockSkew`), and the time that a request takes. */
export const clockToleranceSeconds = 150

const grantSeconds = 120

export type DefinitionParts = {
  keys: readonly JWK[]
  adapter: AdapterFactory
  fetch: typeof fetch
  renderError: NonNullable<Configuration['renderError']>
  /** A code that stands for this subject is being redeemed. */
  onRedemption(ctx: KoaContextWithOIDC, sub: string): Promise<void>
}

const realmUrl = (config: ProviderConfig) => `${config.KEYCLOAK_URL}/realms/${config.KEYCLOAK_REALM}`

/** Where the client's public keys are. */
export const clientJwksUri = (config: ProviderConfig) => `${realmUrl(config)}/protocol/openid-connect/certs`

export function defineOp(config: ProviderConfig, parts: DefinitionParts): Configuration {
  const https = config.PROVIDER_URL.startsWith('https:')
  // Scoped to paths of ours, so `__Host-` (which wants Path=/) is not for them.
  const cookieName = (base: string) => (https ? `__Secure-op_${base}` : `op_${base}`)
  const cookie = { httpOnly: true, sameSite: 'lax', secure: https, signed: true } as const
  return {
    adapter: parts.adapter,
    jwks: { keys: parts.keys },
    fetch: parts.fetch,
    renderError: parts.renderError,

    clients: [
      {
        client_id: clientId,
        redirect_uris: [`${realmUrl(config)}/broker/cofacering/endpoint`],
        grant_types: ['authorization_code'],
        response_types: ['code'],
        response_modes: ['query'],
        token_endpoint_auth_method: 'private_key_jwt',
        token_endpoint_auth_signing_alg: 'RS256',
        jwks_uri: clientJwksUri(config),
        id_token_signed_response_alg: 'ES256',
      },
    ],
    // Keycloak's assertions live for a minute, and two machines have clocks that were set by different hands.
    clockTolerance: clockToleranceSeconds,
    clientAuthMethods: ['private_key_jwt'],
    responseTypes: ['code'],
    scopes: ['openid'],
    subjectTypes: ['public'],
    acrValues: [activationAcr],
    claims: { openid: ['sub'], acr: null },
    pkce: { required: () => true },
    allowOmittingSingleRegisteredRedirectUri: false,
    enabledJWA: {
      clientAuthSigningAlgValues: ['RS256'],
      idTokenSigningAlgValues: ['ES256'],
    },

    features: {
      devInteractions: { enabled: false },
      dPoP: { enabled: false },
      pushedAuthorizationRequests: { enabled: false },
      resourceIndicators: { enabled: false },
      rpInitiatedLogout: { enabled: false },
      userinfo: { enabled: false },
      // These are off by default; named, so that a later default cannot turn them on.
      backchannelLogout: { enabled: false },
      claimsParameter: { enabled: false },
      clientCredentials: { enabled: false },
      deviceFlow: { enabled: false },
      introspection: { enabled: false },
      registration: { enabled: false },
      requestObjects: { enabled: false },
      revocation: { enabled: false },
    },

    interactions: {
      policy: loginOnly(),
      url: (_ctx, { uid, params }) =>
        `${config.PROVIDER_URL}/interaction/${uid}${
          typeof params['ui_locales'] === 'string'
            ? `?ui_locales=${encodeURIComponent(params['ui_locales'])}`
            : ''
        }`,
    },
    findAccount: async (ctx, sub, token) => {
      if (!isProved(ctx, sub, token?.accountId)) return undefined
      if (ctx.oidc.route === 'token') await parts.onRedemption(ctx, sub)
      return { accountId: sub, claims: () => ({ sub }) }
    },
    loadExistingGrant: async (ctx) => {
      // Keycloak is ours: nobody is asked for consent. A new grant each time, because no session remembers one.
      const { client, account, provider } = ctx.oidc
      if (!client || !account) return undefined
      const grant = new provider.Grant({ clientId: client.clientId, accountId: account.accountId })
      grant.addOIDCScope('openid')
      // Instead of `save`: what it is can be told from its id (adapter.ts).
      grant.jti = newGrantId(account.accountId)
      return grant
    },
    expiresWithSession: () => false,

    cookies: {
      names: {
        session: cookieName('session'),
        interaction: cookieName('interaction'),
        resume: cookieName('resume'),
      },
      long: cookie,
      short: cookie,
      keys: [createHmac('sha256', config.PROVIDER_COOKIE_KEY).update('op cookies').digest('base64url')],
    },
    ttl: {
      AccessToken: 60,
      AuthorizationCode: 60,
      Grant: grantSeconds,
      IdToken: 120,
      Interaction: interactionSeconds,
      Session: 60,
    },
  }
}

/** The grant of an account, as `loadExistingGrant` makes it. */
export function describeGrant(accountId: string): AdapterPayload {
  return {
    accountId,
    clientId,
    openid: { scope: 'openid' },
    exp: Math.floor(Date.now() / 1000) + grantSeconds,
  }
}

/** Only the prompt `login`, which is unanswered until this very interaction has its result. */
function loginOnly(): interactionPolicy.DefaultPolicy {
  const policy = interactionPolicy.base()
  policy.remove('consent')
  const unproved = new interactionPolicy.Check(
    'unproved',
    'End-User authentication is required',
    'login_required',
    (ctx) => ctx.oidc.result?.login === undefined,
  )
  policy.get('login')?.checks.add(unproved, 0)
  return policy
}

/**
 * At the authorization endpoint: the account of this interaction's own result. At the token endpoint: that of the
 * code. There is no third way to an account, a session least of all.
 */
function isProved(ctx: KoaContextWithOIDC, sub: string, ofToken: string | undefined): boolean {
  return ctx.oidc.route === 'token' ? ofToken === sub : ctx.oidc.result?.login?.accountId === sub
}
