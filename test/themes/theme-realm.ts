/**
 * The smallest realm that shows every page and mail of the theme: both languages, desk texts, a Cofacering door, the
 * client of the mail links, one person whose activation is pending and one whose access is open. The product's own realm
 * is made by `realm apply`, whose tests prove its settings; here only what the theme prints is looked at.
 */
import { fetchAdminToken } from '../support/keycloak.ts'
import type { KeycloakServer } from '../support/servers.ts'

/** Where the activation's own pages would be. Nothing listens there: these tests stop at the redirection. */
export const providerUrl = 'http://127.0.0.1:4999'
export const confirmUrl = `${providerUrl}/activation/a1/confirm?k=secret`
export const pendingEmail = 'claire.martin@menuiseries.example'
export const openEmail = 'paul.durand@menuiseries.example'
export const openPassword = 'quatre mots pour entrer'
export const deskTexts = {
  fr: {
    deskTelephone: '0825 123 456',
    deskTelephonePrice: '0,15 €/min',
    deskEmail: 'relation@desk.example',
    deskHours: 'du lundi au vendredi, de 8 h à 18 h',
  },
  en: {
    deskTelephone: '0825 123 456',
    deskTelephonePrice: '0,15 €/min',
    deskEmail: 'relation@desk.example',
    deskHours: 'Monday to Friday, 8 am to 6 pm',
  },
}

export const helpUrl = `${providerUrl}/help`

export type ThemeRealm = {
  name: string
  url: string
  pendingId: string
  openId: string
  /** Calls the Admin API below the realm. @throws Error on any status of 400 or more */
  admin: (method: string, path: string, body?: unknown) => Promise<Response>
  /** Changes these fields and these attributes of a user, and leaves the others (Keycloak's PUT replaces attributes). */
  updateUser: (
    id: string,
    change: { attributes?: Record<string, string[]>; [field: string]: unknown },
  ) => Promise<void>
  /** Has Keycloak send the mail of an activation's link, which comes back to `confirmUrl`. */
  sendLink: (
    userId: string,
    what: 'send-verify-email' | 'execute-actions-email',
    options?: { lifespanSeconds?: number; actions?: readonly string[] },
  ) => Promise<void>
  /** Where the portal would send a person to sign in. */
  signInUrl: (extra?: Record<string, string>) => string
}

/** @param smtpPort of an inbox on 127.0.0.1 */
export async function makeThemeRealm(
  server: Pick<KeycloakServer, 'url' | 'adminUsername' | 'adminPassword'>,
  name: string,
  smtpPort: number,
): Promise<ThemeRealm> {
  const call = async (method: string, path: string, body?: unknown): Promise<Response> => {
    const isText = typeof body === 'string'
    const response = await fetch(`${server.url}/admin/realms${path}`, {
      method,
      headers: {
        authorization: `Bearer ${await fetchAdminToken(server as KeycloakServer)}`,
        'content-type': isText ? 'text/plain' : 'application/json',
      },
      ...(body === undefined ? {} : { body: isText ? body : JSON.stringify(body) }),
    })
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${await response.text()}`)
    return response
  }
  const admin: ThemeRealm['admin'] = (method, path, body) => call(method, `/${name}${path}`, body)

  await call('POST', '', realmRepresentation(name, smtpPort))
  for (const [language, texts] of Object.entries(deskTexts)) {
    await admin('PUT', `/localization/${language}/helpUrl`, helpUrl)
    for (const [key, text] of Object.entries(texts)) {
      await admin('PUT', `/localization/${language}/${key}`, text)
    }
  }
  const profile = (await (await admin('GET', '/users/profile')).json()) as {
    attributes: { name: string; required?: unknown }[]
  }
  await admin('PUT', '/users/profile', {
    ...profile,
    attributes: profile.attributes.map(({ required, ...attribute }) =>
      attribute.name === 'email' ? { ...attribute, required } : attribute,
    ),
    unmanagedAttributePolicy: 'ADMIN_EDIT',
  })
  const updateEmail = await (await admin('GET', '/authentication/required-actions/UPDATE_EMAIL')).json()
  await admin('PUT', '/authentication/required-actions/UPDATE_EMAIL', {
    ...(updateEmail as object),
    enabled: true,
    config: { verifyEmail: 'true', emailResendCooldownSeconds: '1' },
  })
  const pendingId = await createUser(admin, {
    email: pendingEmail,
    emailVerified: false,
    requiredActions: ['VERIFY_EMAIL'],
    attributes: {
      activation: ['pending'],
      activation_login: ['m•••••2'],
      activation_company: ['Menuiseries de l’Adour & <Fils>'],
      activation_withdraw: [`${providerUrl}/activation/a1/withdraw?w=1&x=2`],
      locale: ['fr'],
    },
  })
  const openId = await createUser(admin, {
    email: openEmail,
    emailVerified: true,
    attributes: { locale: ['fr'] },
    credentials: [{ type: 'password', value: openPassword }],
  })
  const updateUser: ThemeRealm['updateUser'] = async (id, change) => {
    const user = (await (await admin('GET', `/users/${id}`)).json()) as { attributes?: object }
    await admin('PUT', `/users/${id}`, {
      ...user,
      ...change,
      attributes: { ...user.attributes, ...change.attributes },
    })
  }
  const sendLink: ThemeRealm['sendLink'] = async (
    id,
    what,
    { lifespanSeconds = 3600, actions = ['VERIFY_EMAIL'] } = {},
  ) => {
    const query = new URLSearchParams({
      client_id: 'activation',
      lifespan: String(lifespanSeconds),
      redirect_uri: confirmUrl,
    })
    const body = what === 'execute-actions-email' ? actions : undefined
    await admin('PUT', `/users/${id}/${what}?${query.toString()}`, body)
  }
  const url = `${server.url}/realms/${name}`
  const signInUrl: ThemeRealm['signInUrl'] = (extra = {}) => {
    const query = new URLSearchParams({
      client_id: 'portal',
      response_type: 'code',
      scope: 'openid',
      redirect_uri: `${providerUrl}/portal/callback`,
      ...extra,
    })
    return `${url}/protocol/openid-connect/auth?${query.toString()}`
  }
  return { name, url, pendingId, openId, admin, updateUser, sendLink, signInUrl }
}

async function createUser(admin: ThemeRealm['admin'], user: Record<string, unknown>): Promise<string> {
  const created = await admin('POST', '/users', { username: user['email'], enabled: true, ...user })
  return created.headers.get('location')?.split('/').at(-1) ?? ''
}

function realmRepresentation(name: string, smtpPort: number) {
  return {
    realm: name,
    enabled: true,
    displayName: 'Ellipro',
    loginTheme: 'ellipro',
    emailTheme: 'ellipro',
    internationalizationEnabled: true,
    supportedLocales: ['fr', 'en'],
    defaultLocale: 'fr',
    registrationEmailAsUsername: true,
    resetPasswordAllowed: true,
    verifyEmail: true,
    sslRequired: 'none',
    passwordPolicy: 'length(12) and notUsername(undefined) and notEmail(undefined) and passwordHistory(3)',
    smtpServer: { host: '127.0.0.1', port: String(smtpPort), from: 'ne-pas-repondre@ellipro.example' },
    clients: [
      {
        clientId: 'activation',
        publicClient: true,
        standardFlowEnabled: false,
        baseUrl: `${providerUrl}/activation/continue`,
        redirectUris: [`${providerUrl}/activation/*`],
      },
      {
        clientId: 'portal',
        publicClient: true,
        baseUrl: `${providerUrl}/portal/`,
        redirectUris: [`${providerUrl}/portal/*`],
      },
    ],
    identityProviders: [
      {
        alias: 'cofacering',
        displayName: 'Cofacering',
        providerId: 'oidc',
        enabled: true,
        config: {
          clientId: 'keycloak',
          authorizationUrl: `${providerUrl}/oidc/auth`,
          tokenUrl: `${providerUrl}/oidc/token`,
        },
      },
    ],
  }
}
