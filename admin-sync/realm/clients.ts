/**
 * The realm's clients that are ours: the applications of Ellipro, the client of the mail links, provider as an RP, and
 * the service accounts of admin-sync. Clients made in the console are left alone.
 *
 * Later, the client scope `ellipro` (entitlements from user attributes) is added to the applications here.
 */
import { initial, off } from './compare.ts'
import type { Application, RealmConfig } from './config.ts'
import { operatorClient, serviceAccounts } from './permissions.ts'

const activationClient = 'activation'
const providerClient = 'cofacering-provider'

/** Each by its `clientId`. */
export function describeClients(config: RealmConfig): Record<string, unknown>[] {
  return [
    ...config.applications.map(describeApplication),
    describeActivation(config),
    describeProvider(config),
    ...serviceAccounts.map((account) => ({
      ...closed,
      clientId: account.clientId,
      name: account.name,
      description: account.description,
      secret: account.clientId === operatorClient ? config.operatorSecret : config.readerSecret,
      serviceAccountsEnabled: true,
    })),
  ]
}

/** Nothing is possible unless a client says so. */
const closed = {
  protocol: 'openid-connect',
  // The switch in the console stays the administrator's.
  enabled: initial(true),
  publicClient: false,
  bearerOnly: false,
  clientAuthenticatorType: 'client-secret',
  standardFlowEnabled: false,
  implicitFlowEnabled: false,
  // A password is typed on Keycloak's pages; that the stock client admin-cli takes one is for administrators' kcadm,
  // and the direct grant flow refuses a pending user there too.
  directAccessGrantsEnabled: false,
  serviceAccountsEnabled: false,
  // A token holds the roles that were mapped for this client, never all roles of the person.
  fullScopeAllowed: false,
  frontchannelLogout: false,
  redirectUris: [] as string[],
  webOrigins: [] as string[],
  // An override here would go around the flows that refuse pending users.
  authenticationFlowBindingOverrides: { browser: off, direct_grant: off },
  attributes: {
    'oauth2.device.authorization.grant.enabled': off,
    'oidc.ciba.grant.enabled': off,
    'oauth2.jwt.authorization.grant.enabled': off,
    'standard.token.exchange.enabled': off,
    'client_credentials.use_refresh_token': off,
  },
}

function describeApplication(application: Application): Record<string, unknown> {
  return {
    ...closed,
    clientId: application.clientId,
    name: application.name,
    secret: application.secret,
    standardFlowEnabled: true,
    baseUrl: application.url,
    redirectUris: [application.redirectUri],
    attributes: {
      ...closed.attributes,
      // A stolen code is useless without the verifier, even to someone who knows the secret.
      'pkce.code.challenge.method': 'S256',
      'post.logout.redirect.uris': application.postLogoutRedirectUri,
      'backchannel.logout.url': application.backchannelLogoutUri,
      'backchannel.logout.session.required': 'true',
    },
  }
}

/**
 * Only for the links in mails: they must name a client, and its pages lead to `baseUrl` when a link is used, stale or
 * of somebody else. Nobody signs in with it.
 */
function describeActivation({ providerUrl }: RealmConfig): Record<string, unknown> {
  return {
    ...closed,
    clientId: activationClient,
    name: 'Ellipro',
    publicClient: true,
    baseUrl: `${providerUrl}/activation/continue`,
    redirectUris: [`${providerUrl}/activation/*`],
  }
}

/** provider signs a person in at the end of an activation, and staff. */
function describeProvider({ providerUrl, providerSecret }: RealmConfig): Record<string, unknown> {
  return {
    ...closed,
    clientId: providerClient,
    name: 'Cofacering',
    secret: providerSecret,
    standardFlowEnabled: true,
    baseUrl: `${providerUrl}/`,
    redirectUris: [`${providerUrl}/sign-in/callback`],
    attributes: {
      ...closed.attributes,
      'pkce.code.challenge.method': 'S256',
      'post.logout.redirect.uris': `${providerUrl}/sign-in/switch`,
    },
  }
}
