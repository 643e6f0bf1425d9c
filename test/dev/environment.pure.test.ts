/** What `npm start` tells each process is what that process's own configuration asks for. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { readAdminSyncConfig } from '../../admin-sync/config.ts'
import { readRealmConfig } from '../../admin-sync/realm/config.ts'
import {
  baseEnvironment,
  describeApplications,
  processEnvironments,
  type Installation,
} from '../../dev/environment.ts'
import { readPortalConfig } from '../../dev/portal/config.ts'
import { readApplicationConfig } from '../../dev/relying-party/config.ts'
import { makeSecrets } from '../../dev/secrets.ts'
import { readProviderConfig } from '../../provider/config.ts'

const dir = mkdtempSync(join(tmpdir(), 'ellipro-environment-'))
afterAll(() => rmSync(dir, { recursive: true }))
const place = (port: number) => ({ host: '127.0.0.1', port })
const installation: Installation = {
  keycloak: {
    url: 'http://127.0.0.1:8080',
    realm: 'ellipro',
    administrator: { username: 'admin', password: 'secret of the administrator' },
  },
  provider: place(4000),
  adminSync: place(4001),
  portal: place(3000),
  secondApplication: place(3001),
  smtp: place(1025),
  databases: {
    sync: 'postgres://ellipro_sync:a@127.0.0.1:5433/ellipro',
    provider: 'postgres://ellipro_provider:b@127.0.0.1:5433/ellipro',
    cofaceringReader: 'postgres://cofacering_reader:c@127.0.0.1:5433/cofacering',
    workspace: 'postgres://ellipro_workspace:d@127.0.0.1:5433/workspace',
  },
  applicationsFile: join(dir, 'applications.json'),
  secrets: makeSecrets(),
}
writeFileSync(installation.applicationsFile, JSON.stringify(describeApplications(installation)))
const environments = processEnvironments(installation, { DESK_TELEPHONE: '01 99 00 00 00' })

describe('the environment of each process', () => {
  test('hands the closing day on to every part that speaks of it', () => {
    const closesAt = '2026-12-31T18:00:00+01:00'
    const closing = processEnvironments(installation, { COFACERING_CLOSES_AT: closesAt })
    const at = new Date(closesAt)
    expect(readProviderConfig(closing.provider).COFACERING_CLOSES_AT).toEqual(at)
    expect(readAdminSyncConfig(closing.adminSync).COFACERING_CLOSES_AT).toEqual(at)
    expect(readRealmConfig(closing.realmApply, at.getTime() - 1).closing).toEqual({ at, over: false })
    expect(readRealmConfig(closing.realmApply, at.getTime()).closing).toEqual({ at, over: true })
    expect(readRealmConfig(environments.realmApply).closing).toBeUndefined()
  })

  test('satisfies provider', () => {
    expect(readProviderConfig(environments.provider)).toMatchObject({
      PROVIDER_URL: 'http://127.0.0.1:4000',
      DESK_TELEPHONE: '01 99 00 00 00',
    })
  })

  test('satisfies admin-sync and realm apply', () => {
    expect(readAdminSyncConfig(environments.adminSync)).toMatchObject({ ADMIN_SYNC_PORT: 4001 })
    const { applications } = readRealmConfig(environments.realmApply)
    expect(applications.map(({ clientId, scopes }) => [clientId, scopes])).toEqual([
      ['portal', ['ellipro']],
      ['second-app', []],
    ])
  })

  test('sends tickets to the inbox, or to the help desk that is named, and its token to admin-sync alone', () => {
    expect(readAdminSyncConfig(environments.adminSync)).toMatchObject({
      TICKETS: 'email',
      TICKETS_EMAIL_TO: 'service-relation-client@ellipro.example',
    })
    const given = {
      TICKETS: 'rt',
      RT_URL: 'http://127.0.0.1:9000',
      RT_TOKEN: 'token of the technical account',
    }
    const { adminSync, ...others } = processEnvironments(installation, given)
    expect(readAdminSyncConfig(adminSync)).toMatchObject(given)
    expect(JSON.stringify(others)).not.toContain(given.RT_TOKEN)
  })

  test('satisfies the demonstration applications, with the secrets that the realm knows', () => {
    const { applications } = readRealmConfig(environments.realmApply)
    for (const environment of [environments.portal, environments.secondApplication]) {
      const config = readApplicationConfig(environment)
      const registered = applications.find(({ clientId }) => clientId === config.CLIENT_ID)
      expect(registered).toMatchObject({
        secret: config.CLIENT_SECRET,
        redirectUri: `${config.APP_URL}/callback`,
      })
    }
  })

  test('gives provider and the applications nothing of an administrator or of admin-sync', () => {
    const { keycloakAdmin: _typed, ...keys } = installation.secrets
    const others = [
      keys.operatorClient,
      keys.readerClient,
      keys.workspaceClient,
      keys.linkKey,
      keys.databaseSuperuser,
      keys.databaseSync,
    ]
    for (const environment of [environments.provider, environments.portal, environments.secondApplication]) {
      const text = JSON.stringify(environment)
      for (const secret of [...others, installation.keycloak.administrator.password, 'ellipro_sync'])
        expect(text).not.toContain(secret)
    }
    expect(JSON.stringify(environments.adminSync)).not.toContain(keys.providerVerifierKey)
  })

  test('gives the workspace’s database to the portal alone', () => {
    const { portal, ...others } = environments
    expect(readPortalConfig(portal)).toMatchObject({
      WORKSPACE_DATABASE_URL: installation.databases.workspace,
      PROVIDER_URL: 'http://127.0.0.1:4000',
    })
    expect(JSON.stringify(others)).not.toContain('ellipro_workspace')
  })

  test('passes on what a program needs to run, and no secret of the user', () => {
    const given = {
      PATH: '/bin',
      LC_ALL: 'fr_FR.UTF-8',
      https_proxy: 'http://p:1',
      DATABASE_URL: 'x',
      SMTP_PASSWORD: 'y',
    }
    expect(baseEnvironment(given)).toEqual({ PATH: '/bin', LC_ALL: 'fr_FR.UTF-8', https_proxy: 'http://p:1' })
  })
})
