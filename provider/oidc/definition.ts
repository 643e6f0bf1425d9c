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
const activationAcr = 'urn:ellipro:acr:activation'

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
  /** The subject that the browser of this authorization request proves, once; `undefined` for everybody else. */
  takeProof: (ctx: KoaContextWithOIDC) => Promise<string | undefined>
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
      policy: proofOrLogin(parts.takeProof),
      url: (_ctx, { uid, params }) =>
        `${config.PROVIDER_URL}/interaction/${uid}${
          typeof params['ui_locales'] === 'string'
            ? `?ui_locales=${encodeURIComponent(params['ui_locales'])}`
            : ''
        }`,
    },
    findAccount: async (ctx, sub, token) => {
      // That of the code which is being redeemed. There is no other way to an account here, a session least of all.
      if (ctx.oidc.route !== 'token' || token?.accountId !== sub) return undefined
      await parts.onRedemption(ctx, sub)
      return account(sub)
    },
    // No session remembers a grant; that of a proof is made with its sign-in, below.
    loadExistingGrant: async () => undefined,
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

const account = (sub: string) => ({ accountId: sub, claims: () => ({ sub }) })

/** The grant of an account, as `signIn` makes it. */
export function describeGrant(accountId: string): AdapterPayload {
  return {
    accountId,
    clientId,
    openid: { scope: 'openid' },
    exp: Math.floor(Date.now() / 1000) + grantSeconds,
  }
}

/**
 * First the proof of this very request; without it the prompt `login`, which nothing else answers. The library asks for
 * `prompt=login` to be answered by an interaction: the proof is one, so that check of it goes.
 */
function proofOrLogin(takeProof: DefinitionParts['takeProof']): interactionPolicy.DefaultPolicy {
  const policy = interactionPolicy.base()
  policy.remove('consent')
  const unproved = new interactionPolicy.Check(
    'unproved',
    'End-User authentication is required',
    'login_required',
    (ctx) => !proved.has(ctx.oidc),
  )
  const login = policy.get('login')
  login?.checks.remove('login_prompt')
  login?.checks.add(unproved, 0)
  const proof = new interactionPolicy.Check('proof', 'signs in whoever brings a proof', async (ctx) => {
    // A request that may show nothing gets nothing, and the way back from the login page brings no proof.
    if (ctx.oidc.route !== 'authorization' || ctx.oidc.prompts.has('none')) return false
    const sub = await takeProof(ctx)
    if (sub !== undefined) signIn(ctx, sub)
    return false
  })
  policy.add(new interactionPolicy.Prompt({ name: 'proof' }, proof), 0)
  return policy
}

/** Requests that brought their proof. No result of an interaction, and no session, stands for one. */
const proved = new WeakSet<object>()

/** For this request alone, what the library does with the result of an interaction; its session is stored nowhere. */
function signIn(ctx: KoaContextWithOIDC, sub: string): void {
  const { client, provider, session } = ctx.oidc
  if (!client || !session) throw new Error('An authorization request without client or session')
  session.loginAccount({ accountId: sub, acr: activationAcr, transient: true })
  proved.add(ctx.oidc)
  ctx.oidc.entity('Account', account(sub))
  // Keycloak is ours: nobody is asked for consent.
  const grant = new provider.Grant({ clientId: client.clientId, accountId: sub })
  grant.addOIDCScope('openid')
  // Instead of `save`: what it is can be told from its id (adapter.ts).
  grant.jti = newGrantId(sub)
  session.ensureClientContainer(client.clientId)
  session.grantIdFor(client.clientId, grant.jti)
  ctx.oidc.entity('Grant', grant)
}
