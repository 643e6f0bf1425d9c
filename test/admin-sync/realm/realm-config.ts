/** A realm to apply in a test: the shared Keycloak, two applications, and a provider address that is the test's own. */
import { afterAll } from 'vitest'
import { connect, type Keycloak } from '../../../admin-sync/keycloak/connect.ts'
import type { RealmConfig } from '../../../admin-sync/realm/config.ts'
import { operatorClient, readerClient } from '../../../admin-sync/realm/permissions.ts'
import { createRealm } from '../../support/keycloak.ts'

/** @param origin where the application and provider answer, or would */
export async function prepareRealm(
  origin = 'http://127.0.0.1:9',
  smtpPort = 9,
): Promise<{
  config: RealmConfig
  admin: Keycloak
  operator: () => Keycloak
  reader: () => Keycloak
  /** Address of the realm's own endpoints. */
  issuer: string
}> {
  const server = await createRealm()
  const config: RealmConfig = {
    keycloakUrl: server.url,
    realm: server.realmName,
    administrator: { username: server.adminUsername, password: server.adminPassword },
    operatorSecret: 'operator-secret-of-a-test',
    readerSecret: 'reader-secret-of-a-test',
    workspaceSecret: 'workspace-secret-of-a-test',
    providerSecret: 'provider-secret-of-a-test',
    providerUrl: origin,
    applications: [
      {
        clientId: 'portal',
        name: 'Portail Ellipro',
        url: `${origin}/`,
        redirectUri: `${origin}/callback`,
        postLogoutRedirectUri: `${origin}/signed-out`,
        backchannelLogoutUri: `${origin}/backchannel-logout`,
        secret: 'portal-secret-of-a-test',
        scopes: ['ellipro'],
      },
      {
        clientId: 'second-app',
        name: 'Rapports Ellipro',
        url: `${origin}/second/`,
        redirectUri: `${origin}/second/callback`,
        postLogoutRedirectUri: `${origin}/second/signed-out`,
        backchannelLogoutUri: `${origin}/second/backchannel-logout`,
        secret: 'second-secret-of-a-test',
        scopes: [],
      },
    ],
    desk: {
      telephone: '01 02 03 04 05',
      price: 'prix d’un appel local',
      email: 'desk@ellipro.example',
      hours: { fr: "jusqu'à 18 h", en: 'until 6 pm' },
      helpUrl: 'https://cofacering.example/help',
    },
    smtp: {
      host: '127.0.0.1',
      port: smtpPort,
      from: 'ne-pas-repondre@ellipro.example',
      fromName: 'Ellipro',
      user: undefined,
      password: undefined,
      security: 'none',
    },
  }
  const service = (clientId: string, clientSecret: string) => () =>
    connect({
      url: config.keycloakUrl,
      realm: config.realm,
      credential: { kind: 'client', clientId, clientSecret },
    })
  return {
    config,
    admin: connectAdministrator(config),
    operator: service(operatorClient, config.operatorSecret),
    reader: service(readerClient, config.readerSecret),
    issuer: `${config.keycloakUrl}/realms/${config.realm}`,
  }
}

export function connectAdministrator(config: RealmConfig): Keycloak {
  return connect({
    url: config.keycloakUrl,
    realm: config.realm,
    credential: { kind: 'administrator', ...config.administrator },
  })
}

/** Closes a server when the file ends. */
export function closeAfterFile(close: () => Promise<unknown>): void {
  afterAll(async () => {
    await close()
  })
}
