/** A realm of the file's own with provider as its OP and its RP, and people in it, for tests of whole sign-ins. */
import { findFreePort } from '../../../dev/ports.ts'
import { applyRealm } from '../../../admin-sync/realm/apply.ts'
import { createRealm, fetchAdminToken } from '../../support/keycloak.ts'
import type { Browser, Page } from './browser.ts'
import { startInstance, type Instance } from './instance.ts'
import type { Opened, Opener } from './opened.ts'

export const portalUrl = 'http://127.0.0.1:9'
const password = 'un-mot-de-passe-de-test'
const providerSecret = 'provider-secret-of-a-test'

export type Stage = Instance & {
  /** Of the realm. */
  issuer: string
  /** Makes the Keycloak user of an opened activation, linked to its sub, as open-account does. */
  createPerson(opener: Opener, opened: Opened): Promise<void>
  /** Deletes the link, as admin-sync does once it has served. */
  unlink(opened: Opened): Promise<void>
  /** Makes a Keycloak user with the role of an agent, that of a lead, both, or neither; the user id. */
  createColleague(o: {
    address: string
    firstName: string
    lastName: string
    isAgent: boolean
    isLead?: boolean
  }): Promise<string>
  /** Of everybody who is made here. */
  password: string
  /** Signs a browser in at Keycloak for the portal with e-mail address and password. */
  signIn(browser: Browser, opened: Opened): Promise<void>
  /** An authorization request of the portal. */
  authorizationUrl(extra?: Record<string, string>): string
  /** User id of whoever is signed in to Keycloak in this browser, as an application would learn it silently. */
  whoIsSignedIn(browser: Browser): Promise<string | undefined>
}

/**
 * @param databaseUrl connection as ellipro_provider
 * @param texts real ones where a page is looked at by a browser
 */
export async function startStage(
  databaseUrl: string,
  texts?: Parameters<typeof startInstance>[3],
): Promise<Stage> {
  const host = process.platform === 'linux' ? '127.0.0.4' : '127.0.0.1'
  const realm = await createRealm()
  const port = await findFreePort(host)
  const providerUrl = `http://${host}:${port}`
  await applyRealm({
    keycloakUrl: realm.url,
    realm: realm.realmName,
    administrator: { username: realm.adminUsername, password: realm.adminPassword },
    operatorSecret: 'operator-secret-of-a-test',
    readerSecret: 'reader-secret-of-a-test',
    workspaceSecret: 'workspace-secret-of-a-test',
    providerSecret,
    providerUrl,
    applications: [
      {
        clientId: 'portal',
        name: 'Portail Ellipro',
        url: `${portalUrl}/`,
        redirectUri: `${portalUrl}/callback`,
        postLogoutRedirectUri: `${portalUrl}/signed-out`,
        backchannelLogoutUri: `${portalUrl}/backchannel-logout`,
        secret: 'portal-secret-of-a-test',
        scopes: [],
      },
    ],
    desk: {
      telephone: '01 02 03 04 05',
      price: 'prix d’un appel local',
      email: 'desk@ellipro.example',
      hours: { fr: 'de 8 h à 18 h', en: '8 am to 6 pm' },
      helpUrl: 'https://cofacering.example/help',
    },
    smtp: {
      host: '127.0.0.1',
      port: 9,
      from: 'ne-pas-repondre@ellipro.example',
      fromName: 'Ellipro',
      user: undefined,
      password: undefined,
      security: 'none',
    },
  })
  const instance = await startInstance(
    databaseUrl,
    {
      PROVIDER_HOST: host,
      PROVIDER_PORT: String(port),
      PROVIDER_URL: providerUrl,
      PORTAL_URL: portalUrl,
      KEYCLOAK_URL: realm.url,
      KEYCLOAK_REALM: realm.realmName,
      PROVIDER_CLIENT_SECRET: providerSecret,
    },
    undefined,
    texts,
  )
  const issuer = `${realm.url}/realms/${realm.realmName}`

  async function admin(method: string, path: string, body?: unknown): Promise<Response> {
    const answer = await fetch(`${realm.url}/admin/realms/${realm.realmName}${path}`, {
      method,
      headers: {
        authorization: `Bearer ${await fetchAdminToken(realm)}`,
        'content-type': 'application/json',
      },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    })
    if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${await answer.text()}`)
    return answer
  }

  const authorizationUrl = (extra: Record<string, string> = {}) =>
    `${issuer}/protocol/openid-connect/auth?${new URLSearchParams({
      client_id: 'portal',
      response_type: 'code',
      scope: 'openid',
      redirect_uri: `${portalUrl}/callback`,
      state: 'state',
      code_challenge: 'E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM',
      code_challenge_method: 'S256',
      ...extra,
    }).toString()}`

  return {
    ...instance,
    issuer,
    authorizationUrl,
    async createPerson(opener, opened) {
      const created = await admin('POST', '/users', {
        username: opened.address,
        email: opened.address,
        emailVerified: true,
        enabled: true,
        credentials: [{ type: 'password', value: password, temporary: false }],
        federatedIdentities: [{ identityProvider: 'cofacering', userId: opened.sub, userName: opened.sub }],
      })
      opened.userId = created.headers.get('location')!.split('/').at(-1)!
      await opener.pool.query('UPDATE ellipro.keycloak_user SET user_id = $2 WHERE opened_by = $1', [
        opened.id,
        opened.userId,
      ])
    },
    password,
    async createColleague({ address, firstName, lastName, isAgent, isLead = false }) {
      const created = await admin('POST', '/users', {
        username: address,
        email: address,
        emailVerified: true,
        enabled: true,
        firstName,
        lastName,
        credentials: [{ type: 'password', value: password, temporary: false }],
      })
      const userId = created.headers.get('location')!.split('/').at(-1)!
      for (const name of [...(isAgent ? ['relation-client'] : []), ...(isLead ? ['migration-lead'] : [])]) {
        const role = (await (await admin('GET', `/roles/${name}`)).json()) as object
        await admin('POST', `/users/${userId}/role-mappings/realm`, [role])
      }
      return userId
    },
    async unlink(opened) {
      await admin('DELETE', `/users/${opened.userId}/federated-identity/cofacering`)
    },
    async signIn(browser, opened) {
      const form = await browser.visit(authorizationUrl(), `${portalUrl}/`)
      const back = await browser.submit(form, { username: opened.address, password })
      const page: Page = await browser.follow(back, `${portalUrl}/`)
      if (!page.location?.includes('code=')) throw new Error(`no sign-in: ${page.status} ${page.body}`)
    },
    async whoIsSignedIn(browser) {
      const page = await browser.visit(authorizationUrl({ prompt: 'none' }), `${portalUrl}/`)
      const code = new URL(page.location!).searchParams.get('code')
      if (!code) return undefined
      const answer = await fetch(`${issuer}/protocol/openid-connect/token`, {
        method: 'POST',
        body: new URLSearchParams({
          grant_type: 'authorization_code',
          client_id: 'portal',
          client_secret: 'portal-secret-of-a-test',
          redirect_uri: `${portalUrl}/callback`,
          code_verifier: 'dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk',
          code,
        }),
      })
      const { id_token } = (await answer.json()) as { id_token: string }
      const payload = JSON.parse(Buffer.from(id_token.split('.')[1]!, 'base64url').toString()) as {
        sub: string
      }
      return payload.sub
    },
  }
}
