/** What a start is going to do: ports, where Keycloak and PostgreSQL come from, secrets. Nothing is started here. */
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { connectionUrl } from '../admin-sync/database/bootstrap.ts'
import { placeUrl, type Installation } from './environment.ts'
import { readExternalKeycloak, type ExternalKeycloak } from './external-keycloak.ts'
import { findJava } from './java.ts'
import { choosePorts, requireFree, type PortName, type Ports } from './ports.ts'
import { workspaceRole } from './portal/workspace/database.ts'
import { markRunning } from './running.ts'
import { openSecrets, type Secrets } from './secrets.ts'

export const loopback = '127.0.0.1'

export type Plan = {
  /** Folder of everything this start keeps. */
  folder: string
  ports: Ports
  secrets: Secrets
  /** Set when the user named a Keycloak of their own; then no Java is needed. */
  external: ExternalKeycloak | undefined
  java: string
}

/**
 * Everything that can be missing or taken is looked for here, before anything is started.
 * @param folder made when absent
 * @throws SetupError
 */
export async function makePlan(folder: string): Promise<Plan> {
  const ports = choosePorts(process.env['PORT_OFFSET'])
  const external = readExternalKeycloak(process.env)
  const java = external ? '' : findJava()
  mkdirSync(folder, { recursive: true })
  const { formerWasKilled } = markRunning(join(folder, 'running.json'), [
    `portal  http://${loopback}:${ports.portal}`,
    `inbox   http://${loopback}:${ports.inbox}`,
  ])
  const needed: PortName[] = [
    'portal',
    'secondApplication',
    'provider',
    'providerMetrics',
    'adminSync',
    'inbox',
    'smtp',
  ]
  if (!external) needed.push('keycloak', 'keycloakManagement')
  if (!process.env['DATABASE_URL']) needed.push('postgres')
  // What a killed start left behind ends by itself within seconds.
  await requireFree(ports, needed, formerWasKilled ? 20_000 : 0)
  return { folder, ports, external, java, secrets: openSecrets(join(folder, 'secrets.json')) }
}

/** Where everything will be. @param serverUrl superuser's URL of the PostgreSQL server */
export function describeInstallation(
  { folder, ports, external, secrets }: Plan,
  serverUrl: string,
): Installation {
  const place = (name: PortName) => ({ host: loopback, port: ports[name] })
  return {
    keycloak: {
      url: external?.url ?? placeUrl(place('keycloak')),
      realm: process.env['KEYCLOAK_REALM'] || 'ellipro',
      administrator: external?.administrator ?? {
        username: process.env['REALM_ADMIN_USERNAME'] || 'admin',
        password: process.env['REALM_ADMIN_PASSWORD'] || secrets.keycloakAdmin,
      },
    },
    provider: place('provider'),
    adminSync: place('adminSync'),
    providerMetrics: place('providerMetrics'),
    portal: place('portal'),
    secondApplication: place('secondApplication'),
    smtp: place('smtp'),
    databases: {
      sync: connectionUrl(serverUrl, 'ellipro_sync', secrets.databaseSync, 'ellipro'),
      provider: connectionUrl(serverUrl, 'ellipro_provider', secrets.databaseProvider, 'ellipro'),
      cofaceringReader: connectionUrl(
        serverUrl,
        'cofacering_reader',
        secrets.databaseCofaceringReader,
        'cofacering',
      ),
      workspace: connectionUrl(serverUrl, workspaceRole, secrets.databaseWorkspace, 'workspace'),
    },
    applicationsFile: join(folder, 'applications.json'),
    secrets,
  }
}
