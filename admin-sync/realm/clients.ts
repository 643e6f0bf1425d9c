/**
 * The realm's clients that are ours: the applications of Ellipro, the client of the mail links, provider as an RP, and
 * the service accounts of admin-sync. Clients made in the console are left alone. Who gets the claims of client scope
 * `ellipro` is in client-scope.ts.
 */
import { anyOrder, initial, off } from './compare.ts'
import type { Application, RealmConfig } from './config.ts'
import {
  operatorClient,
  readerClient,
  serviceAccounts,
  workspaceClient,
  type ServiceAccount,
} from './permissions.ts'

const activationClient = 'activation'
export const providerClient = 'cofacering-provider'

/**
 * Tells admin-sync whether somebody is an agent or a lead: which of `staffRoles` they hold, in the ID token of provider's
 * client and in no other token. The scope of the client has those roles alone (plan/client-claims.ts), so the claim lists
 * nothing else of the realm.
 */
export const agentClaim = {
  name: 'ellipro roles',
  protocol: 'openid-connect',
  protocolMapper: 'oidc-usermodel-realm-role-mapper',
  config: {
    'claim.name': 'ellipro_roles',
    'jsonType.label': 'String',
    multivalued: 'true',
    'usermodel.realmRoleMapping.rolePrefix': off,
    'id.token.claim': 'true',
    'access.token.claim': 'false',
    'lightweight.claim': off,
    'userinfo.token.claim': 'false',
    'introspection.token.claim': 'false',
  },
}

/** Whom tokens of the workspace's client are for: the workspace looks for itself among them. */
export const workspaceAudience = {
  name: 'ellipro workspace',
  protocol: 'openid-connect',
  protocolMapper: 'oidc-audience-mapper',
  config: {
    'included.custom.audience': 'ellipro-workspace',
    'id.token.claim': 'false',
    'access.token.claim': 'true',
    'lightweight.claim': off,
    'introspection.token.claim': 'true',
  },
}

/** Each by its `clientId`. */
export function describeClients(config: RealmConfig): Record<string, unknown>[] {
  return [
    ...config.applications.map(describeApplication),
    describeActivation(config),
    describeProvider(config),
    ...serviceAccounts.map((account) => describeServiceAccount(account, config)),
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

/**
 * provider signs a person in at the end of an activation, agents for their pages and for each decision, whoever adds a
 * contract to an account of theirs, and whoever saves old messages.
 */
function describeProvider({ providerUrl, providerSecret }: RealmConfig): Record<string, unknown> {
  return {
    ...closed,
    clientId: providerClient,
    name: 'Cofacering',
    secret: providerSecret,
    standardFlowEnabled: true,
    baseUrl: `${providerUrl}/`,
    redirectUris: anyOrder([
      `${providerUrl}/sign-in/callback`,
      `${providerUrl}/staff/callback`,
      `${providerUrl}/activation/contract/callback`,
      `${providerUrl}/messages/callback`,
    ]),
    attributes: {
      ...closed.attributes,
      'pkce.code.challenge.method': 'S256',
      'post.logout.redirect.uris': [
        `${providerUrl}/sign-in/switch`,
        `${providerUrl}/staff`,
        `${providerUrl}/staff/sign-in`,
        `${providerUrl}/activation/contract/switch`,
        `${providerUrl}/messages/sign-in`,
      ].join('##'),
    },
  }
}

/** The token of the workspace's client counts there alone, and a stolen one for a minute at most. */
function describeServiceAccount(
  { clientId, name, description }: ServiceAccount,
  config: RealmConfig,
): Record<string, unknown> {
  const secrets: Record<string, string> = {
    [operatorClient]: config.operatorSecret,
    [readerClient]: config.readerSecret,
    [workspaceClient]: config.workspaceSecret,
  }
  return {
    ...closed,
    clientId,
    name,
    description,
    secret: secrets[clientId],
    serviceAccountsEnabled: true,
    attributes: {
      ...closed.attributes,
      ...(clientId === workspaceClient && { 'access.token.lifespan': '60' }),
    },
  }
}
