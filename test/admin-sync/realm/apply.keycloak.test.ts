/**
 * Applying the realm: the second time changes nothing, what others made stays, what drifted is shown and put right.
 */
import { beforeAll, describe, expect, test } from 'vitest'
import { applyRealm } from '../../../admin-sync/realm/apply.ts'
import type { RealmConfig } from '../../../admin-sync/realm/config.ts'
import { diffRealm } from '../../../admin-sync/realm/diff.ts'
import { browserFlow, resetFlow } from '../../../admin-sync/realm/flows.ts'
import { printPlan } from '../../../admin-sync/realm/print.ts'
import type { Client, ClientScope } from '../../../admin-sync/keycloak/representations.ts'
import type { RealmPlan } from '../../../admin-sync/realm/walk.ts'
import { prepareRealm } from './realm-config.ts'

const { config, admin } = await prepareRealm()
const { realm } = admin

/** `object: key` of everything planned. */
const listKeys = (plan: RealmPlan) =>
  plan.changes.flatMap(({ object, differences }) =>
    differences.length === 0 ? [object] : differences.map(({ key }) => `${object}: ${key}`),
  )

test('a diff of a realm that does not exist lists what would be created and creates nothing', async () => {
  const plan = await diffRealm(config)
  expect(listKeys(plan)).toEqual(
    expect.arrayContaining([`realm ${config.realm}`, 'client portal', `flow ${browserFlow}`]),
  )
  expect(await realm.findRealm()).toBeUndefined()
})

test('the first apply creates the realm, and the second changes nothing and says so', async () => {
  const first = await applyRealm(config)
  expect(first.changes[0]).toMatchObject({ object: `realm ${config.realm}`, action: 'create' })
  const second = await applyRealm(config)
  expect(second.changes).toEqual([])
  expect(printPlan(second, true)).toContain('nothing to change')
})

describe('on a realm that is applied', () => {
  beforeAll(async () => {
    await applyRealm(config)
  })

  test('what administrators made in the console survives an apply', async () => {
    await realm.createClient({ clientId: 'console-client', redirectUris: ['https://console.example/*'] })
    await realm.createRole({ name: 'console-role', description: 'made by hand' })
    await realm.copyFlow('browser', 'console flow')
    await realm.addExecution(browserFlow, 'http-basic-authenticator')
    await realm.mergeTexts('fr', { consoleText: 'à la main' })
    const profile = await realm.readUserProfile()
    await realm.updateUserProfile({
      ...profile,
      attributes: [
        ...(profile.attributes ?? []),
        { name: 'nickname', permissions: { view: ['admin'], edit: ['admin'] } },
      ],
    })
    const address = 'console@ellipro.example'
    const user = await admin.createUser({
      username: address,
      email: address,
      enabled: true,
      attributes: { nickname: ['Zoé'] },
    })
    const scopeId = await realm.createScope({ name: 'console-scope', protocol: 'openid-connect' })
    await realm.giveScope((await findClient('portal')).id, 'optional', scopeId ?? '')
    await giveScope('console-client', 'default')
    await realm.updateRealm({ ssoSessionIdleTimeout: 4242 })
    const current = await realm.findRealm()
    await realm.updateRealm({ attributes: { ...current?.attributes, 'console.attribute': 'kept' } })
    const portal = (await realm.listClients()).find(({ clientId }) => clientId === 'portal')
    await realm.updateClient(portal?.id ?? '', {
      ...portal,
      attributes: { ...portal?.attributes, logoUri: 'https://console.example/logo' },
    })
    // A change of ours at the same time, so that every object is really written.
    const changed: RealmConfig = {
      ...config,
      desk: { ...config.desk, telephone: '09 09 09 09 09' },
      applications: config.applications.map((a) => ({ ...a, name: 'Portail' })),
    }
    await realm.updateRealm({ registrationAllowed: true })
    const { warnings } = await applyRealm(changed)
    expect(warnings).toEqual(
      expect.arrayContaining([
        'client portal also has client scope console-scope',
        'client console-client is not ours and gets the claims of client scope ellipro',
      ]),
    )

    const clients = await realm.listClients()
    expect(clients.find(({ clientId }) => clientId === 'console-client')?.redirectUris).toEqual([
      'https://console.example/*',
    ])
    expect(clients.find(({ clientId }) => clientId === 'portal')).toMatchObject({
      name: 'Portail',
      attributes: { logoUri: 'https://console.example/logo' },
      optionalClientScopes: expect.arrayContaining(['console-scope']) as unknown,
    })
    expect(clients.find(({ clientId }) => clientId === 'console-client')?.defaultClientScopes).toContain(
      'ellipro',
    )
    expect((await realm.listRoles()).map(({ name }) => name)).toContain('console-role')
    expect((await realm.listFlows()).map(({ alias }) => alias)).toContain('console flow')
    expect((await realm.listExecutions(browserFlow)).map((e) => e.providerId)).toContain(
      'http-basic-authenticator',
    )
    expect(await realm.readTexts('fr')).toMatchObject({
      consoleText: 'à la main',
      deskTelephone: '09 09 09 09 09',
    })
    expect((await admin.getUser(user))?.attributes).toMatchObject({ nickname: ['Zoé'] })
    expect(await realm.findRealm()).toMatchObject({
      registrationAllowed: false,
      ssoSessionIdleTimeout: 4242,
      attributes: { 'console.attribute': 'kept' },
    })
    await applyRealm(config)
  })

  // What an attacker or a hurried administrator would do, and the line that must name it.
  const drifts: [string, string, () => Promise<unknown>][] = [
    [
      'registration switched on',
      'settings of realm R: registrationAllowed',
      () => realm.updateRealm({ registrationAllowed: true }),
    ],
    [
      'the stock browser flow bound again',
      'settings of realm R: browserFlow',
      () => realm.updateRealm({ browserFlow: 'browser' }),
    ],
    [
      'a change of address without proof',
      'required action UPDATE_EMAIL: config.verifyEmail',
      async () => {
        const action = (await realm.listRequiredActions()).find(({ alias }) => alias === 'UPDATE_EMAIL')
        if (action) await realm.updateRequiredAction({ ...action, config: { verifyEmail: 'false' } })
      },
    ],
    [
      'the first brokered sign-in that creates accounts',
      'identity provider cofacering: firstBrokerLoginFlowAlias',
      () => changeProvider({ firstBrokerLoginFlowAlias: 'first broker login' }),
    ],
    [
      'signatures of the OP not checked',
      'identity provider cofacering: config.validateSignature',
      () => changeProvider({}, { validateSignature: 'false' }),
    ],
    [
      'a client that may ask for passwords',
      'client portal: directAccessGrantsEnabled',
      () => changeClient('portal', { directAccessGrantsEnabled: true }),
    ],
    [
      'a client with a sign-in flow of its own',
      'client portal: authenticationFlowBindingOverrides.browser',
      async () => {
        const flow = (await realm.listFlows()).find(({ alias }) => alias === 'browser')
        await changeClient('portal', { authenticationFlowBindingOverrides: { browser: flow?.id ?? '' } })
      },
    ],
    [
      'the condition of a refusal turned round',
      `flow ${browserFlow}: refuse pending browser > conditional-user-attribute.not`,
      async () => {
        const executions = await realm.listExecutions(browserFlow)
        const place = executions.findIndex(({ displayName }) => displayName === 'refuse pending browser')
        const id = executions[place + 1]?.authenticationConfig ?? ''
        const condition = await realm.readExecutionConfig(id)
        await realm.updateExecutionConfig({ ...condition, id, config: { ...condition.config, not: 'true' } })
      },
    ],
    [
      'a refusal switched off',
      `flow ${resetFlow}: ${resetFlow} > refuse pending reset`,
      async () => {
        const refusal = (await realm.listExecutions(resetFlow)).find(
          ({ displayName }) => displayName === 'refuse pending reset',
        )
        if (refusal) await realm.updateExecution(resetFlow, { ...refusal, requirement: 'DISABLED' })
      },
    ],
    [
      'an administrator role for the operator account',
      'roles of admin-sync-operator: management role',
      async () => {
        const clients = await realm.listClients()
        const id = (name: string) => clients.find(({ clientId }) => clientId === name)?.id ?? ''
        const account = await realm.getServiceAccount(id('admin-sync-operator'))
        const roles = await realm.listClientRoles(id('realm-management'))
        await realm.addUserClientRoles(
          account.id,
          id('realm-management'),
          roles.filter(({ name }) => name === 'manage-users'),
        )
      },
    ],
    [
      'an attribute that people may write themselves',
      'user profile: attribute activation.permissions.edit',
      async () => {
        const profile = await realm.readUserProfile()
        await realm.updateUserProfile({
          ...profile,
          attributes: (profile.attributes ?? []).map((attribute) =>
            attribute.name === 'activation'
              ? { ...attribute, permissions: { view: ['admin', 'user'], edit: ['admin', 'user'] } }
              : attribute,
          ),
        })
      },
    ],
    [
      'a text of ours rewritten',
      'texts in fr: accountPending',
      () => realm.mergeTexts('fr', { accountPending: 'autre chose' }),
    ],
    [
      'the protection of administrators taken away',
      'permission protected-accounts: policies',
      async () => {
        const client = (await realm.listClients()).find(({ clientId }) => clientId === 'admin-permissions')
        const permission = (await realm.listPermissions(client?.id ?? '')).find(
          ({ name }) => name === 'protected-accounts',
        )
        const parts = await realm.readPermissionParts(client?.id ?? '', permission?.id ?? '')
        await realm.updatePermission(client?.id ?? '', permission?.id ?? '', {
          name: 'protected-accounts',
          type: 'scope',
          resourceType: 'Groups',
          resources: parts.resources,
          scopes: parts.scopes,
          policies: ['user-operators'],
        })
      },
    ],
    [
      'a claim that reads another attribute',
      'mapper ellipro reports of client scope ellipro: config.user.attribute',
      async () => {
        const scope = await findScope()
        const mapper = scope.protocolMappers?.find(({ name }) => name === 'ellipro reports')
        await realm.updateScopeMapper(scope.id, mapper?.id ?? '', {
          ...mapper,
          config: { ...mapper?.config, 'user.attribute': 'analyses' },
        })
      },
    ],
    [
      'entitlements for a client that did not ask for them',
      'client scope ellipro of client cofacering-provider',
      async () => giveScope('cofacering-provider', 'optional'),
    ],
    [
      'entitlements that an application must ask for in each request',
      'client scope ellipro of client portal: kind',
      async () => {
        await takeScope('portal', 'default')
        await giveScope('portal', 'optional')
      },
    ],
    [
      'entitlements for every new client',
      'client scope ellipro of new clients',
      async () => realm.giveScopeToNewClients('optional', (await findScope()).id),
    ],
    [
      'a token for the workspace that others would take too',
      'mapper ellipro workspace of client admin-sync-workspace: config.included.custom.audience',
      async () => {
        const client = await findClient('admin-sync-workspace')
        const [mapper] = client.protocolMappers ?? []
        await realm.updateProtocolMapper(client.id, mapper?.id ?? '', {
          ...mapper,
          config: { ...mapper?.config, 'included.custom.audience': 'account' },
        })
      },
    ],
  ]
  test('drift is shown by diff, put right by apply, and then gone', async () => {
    for (const [, , plant] of drifts) await plant()
    const expected = drifts.map(([, line]) => line.replace('realm R', `realm ${config.realm}`))
    const before = await diffRealm(config)
    expect(listKeys(before)).toEqual(expect.arrayContaining(expected))
    expect(printPlan(before, false)).toContain('registrationAllowed: true -> false')
    expect(listKeys(await applyRealm(config))).toEqual(expect.arrayContaining(expected))
    expect(listKeys(await diffRealm(config))).toEqual([])
  })

  test('a mapper of the identity provider is removed: nothing of the OP reaches an account', async () => {
    await admin.realm.createMapper('cofacering', {
      name: 'address',
      identityProviderAlias: 'cofacering',
      identityProviderMapper: 'oidc-user-attribute-idp-mapper',
      config: { claim: 'email', 'user.attribute': 'email', syncMode: 'FORCE' },
    })
    expect(listKeys(await applyRealm(config))).toEqual(['mapper address of identity provider cofacering'])
    expect(await realm.listMappers('cofacering')).toEqual([])
  })

  test('the switch of the identity provider in the console stays as it is', async () => {
    await changeProvider({ enabled: false })
    expect((await applyRealm(config)).changes).toEqual([])
    expect((await realm.findIdentityProvider('cofacering'))?.enabled).toBe(false)
  })

  test('a new password of the mail server is noticed, although Keycloak shows none', async () => {
    const withPassword = (password: string): RealmConfig => ({
      ...config,
      smtp: { ...config.smtp, user: 'mailer', password },
    })
    await applyRealm(withPassword('first-password'))
    expect((await diffRealm(withPassword('first-password'))).changes).toEqual([])
    const plan = await diffRealm(withPassword('second-password'))
    expect(listKeys(plan)).toEqual([`settings of realm ${config.realm}: smtpServer.password`])
    expect(printPlan(plan, false)).not.toContain('second-password')
    await applyRealm(config)
    expect(await realm.findRealm()).toMatchObject({ smtpServer: { auth: 'false' } })
  })

  test('a second permission on all users, which would break ours, is pointed out', async () => {
    const client = (await realm.listClients()).find(({ clientId }) => clientId === 'admin-permissions')
    await realm.createPermission(client?.id ?? '', {
      name: 'console-permission',
      resourceType: 'Users',
      resources: [],
      scopes: ['view'],
      policies: ['user-readers'],
    })
    const plan = await diffRealm(config)
    expect(plan.changes).toEqual([])
    expect(plan.warnings.join()).toContain('console-permission')
  })
})

async function changeProvider(keys: object, inConfig: Record<string, string> = {}): Promise<void> {
  const provider = await realm.findIdentityProvider('cofacering')
  if (!provider) throw new Error('no identity provider')
  await realm.updateIdentityProvider({ ...provider, ...keys, config: { ...provider.config, ...inConfig } })
}

async function findClient(clientId: string): Promise<Client> {
  const client = (await realm.listClients()).find((other) => other.clientId === clientId)
  if (!client) throw new Error(`no client ${clientId}`)
  return client
}

async function findScope(): Promise<ClientScope> {
  const scope = (await realm.listScopes()).find(({ name }) => name === 'ellipro')
  if (!scope) throw new Error('no client scope')
  return scope
}
const giveScope = async (clientId: string, kind: 'default' | 'optional') =>
  realm.giveScope((await findClient(clientId)).id, kind, (await findScope()).id)
const takeScope = async (clientId: string, kind: 'default' | 'optional') =>
  realm.takeScope((await findClient(clientId)).id, kind, (await findScope()).id)

async function changeClient(clientId: string, keys: object): Promise<void> {
  const client = await findClient(clientId)
  await realm.updateClient(client.id, { ...client, ...keys })
}
