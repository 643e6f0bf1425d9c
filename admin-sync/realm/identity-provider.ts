/**
 * Our OP as Keycloak's identity provider `cofacering`. It tells Keycloak one thing, the opaque `sub` of a link that
 * the activation made; no address, no name, no role comes from it.
 */
import { initial, off } from './compare.ts'
import type { RealmConfig } from './config.ts'
import { firstBrokerFlow, postBrokerFlow } from './flows.ts'

export const identityProviderAlias = 'cofacering'

export function describeIdentityProvider(config: RealmConfig): Record<string, unknown> {
  const issuer = `${config.providerUrl}/oidc`
  return {
    alias: identityProviderAlias,
    providerId: 'oidc',
    displayName: 'Cofacering',
    // The switch in the console stays the administrator's: off in an emergency, off when the migration is over.
    enabled: initial(true),
    // Closed: no button leads to it. It stays enabled: activations under way end by it, and an application that still
    // names it (`kc_idp_hint`) leads to our page that explains.
    hideOnLogin: config.closing?.over ? true : initial(false),
    linkOnly: false,
    // What the OP says of an address is never believed.
    trustEmail: false,
    // Nothing of Keycloak's calls the OP with a person's token.
    storeToken: false,
    addReadTokenRoleOnCreate: off,
    // An unlinked login is refused: nothing is created, nothing matched by address.
    firstBrokerLoginFlowAlias: firstBrokerFlow,
    postBrokerLoginFlowAlias: postBrokerFlow,
    config: {
      issuer,
      authorizationUrl: `${issuer}/auth`,
      tokenUrl: `${issuer}/token`,
      jwksUrl: `${issuer}/jwks`,
      useJwksUrl: 'true',
      validateSignature: 'true',
      disableNonce: off,
      disableTypeClaimCheck: off,
      // The ID token says it all.
      disableUserInfo: 'true',
      userInfoUrl: off,
      // Keycloak proves who it is with the realm's key: no secret to share or leak.
      clientId: 'keycloak',
      clientAuthMethod: 'private_key_jwt',
      clientAssertionSigningAlg: 'RS256',
      clientAssertionAudience: issuer,
      pkceEnabled: 'true',
      pkceMethod: 'S256',
      defaultScope: 'openid',
      // FORCE would rewrite the profile at each sign-in.
      syncMode: 'IMPORT',
      // Every sign-in is asked of the OP again, which keeps no session.
      prompt: 'login',
      loginHint: 'true',
      uiLocales: 'true',
      acceptsPromptNoneForwardFromClient: off,
      // Seconds; two machines with clocks set by different hands.
      allowedClockSkew: '120',
      // The OP has no session to end, and four redirects are saved.
      logoutUrl: off,
      backchannelSupported: 'false',
      caseSensitiveOriginalUsername: 'true',
      // Its owner has nothing to do with the link.
      showInAccountConsole: 'NEVER',
      // Ways to get tokens from the OP's that no person walks through.
      supportsClientAssertions: off,
      jwtAuthorizationGrantEnabled: off,
    },
  }
}
