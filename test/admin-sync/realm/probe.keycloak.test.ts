/** The two credentials on a running server: what the probe proves, and that it fails when it should. */
import { decodeJwt } from 'jose'
import { beforeAll, describe, expect, test } from 'vitest'
import { isConflict, isForbidden } from '../../../admin-sync/keycloak/connect.ts'
import { applyRealm } from '../../../admin-sync/realm/apply.ts'
import { printProbe } from '../../../admin-sync/realm/print.ts'
import { probeRealm } from '../../../admin-sync/realm/probe.ts'
import { connectAdministrator, prepareRealm } from './realm-config.ts'

const { config, admin, operator, reader, issuer } = await prepareRealm()
const { realm } = admin

let management: string
let permissionsClient: string
beforeAll(async () => {
  await applyRealm(config)
  const clients = await realm.listClients()
  const id = (name: string) => clients.find(({ clientId }) => clientId === name)?.id ?? ''
  management = id('realm-management')
  permissionsClient = id('admin-permissions')
})

async function makeAdministrator(address: string, role = 'realm-admin'): Promise<string> {
  const id = await admin.createUser({
    username: address,
    email: address,
    enabled: true,
    emailVerified: true,
    credentials: [{ type: 'password', value: 'an administrator of a test', temporary: false }],
  })
  const roles = await realm.listClientRoles(management)
  await realm.addUserClientRoles(
    id,
    management,
    roles.filter(({ name }) => name === role),
  )
  return id
}

test('the probe passes on a realm that was just applied and leaves nothing behind', async () => {
  const before = await admin.countUsers()
  const report = await probeRealm(config)
  expect(report.checks.filter(({ passed }) => !passed)).toEqual([])
  expect(report).toMatchObject({ passed: true, outside: [] })
  expect(await admin.countUsers()).toBe(before)
})

describe('an administrator', () => {
  test('outside the protected group fails the probe by name, and the next apply protects them', async () => {
    const id = await makeAdministrator('boss@ellipro.example')
    const report = await probeRealm(config)
    expect(report).toMatchObject({ passed: false, outside: [{ id, username: 'boss@ellipro.example' }] })
    expect(printProbe(report)).toContain('boss@ellipro.example')
    // What the group is for: until then the operator account reaches the administrator.
    expect(await operator().getUser(id)).toMatchObject({ id })

    await applyRealm(config)
    expect(await probeRealm(config)).toMatchObject({ passed: true, outside: [] })
    const account = operator()
    await expect(account.getUser(id)).rejects.toSatisfy(isForbidden)
    await expect(account.updateUserMerged(id, { enabled: false })).rejects.toSatisfy(isForbidden)
    await expect(account.listCredentials(id)).rejects.toSatisfy(isForbidden)
    await expect(account.deleteUser(id)).rejects.toSatisfy(isForbidden)
    await expect(account.logoutUser(id)).rejects.toSatisfy(isForbidden)
    await expect(
      account.addFederatedIdentity(id, { identityProvider: 'cofacering', userId: 'x', userName: 'x' }),
    ).rejects.toSatisfy(isForbidden)
    // Invisible in searches, and yet its address is taken.
    expect(await account.findUserByEmail('boss@ellipro.example')).toBeUndefined()
    await expect(
      account.createUser({ username: 'boss@ellipro.example', email: 'boss@ellipro.example' }),
    ).rejects.toSatisfy(isConflict)
  })

  test('by a group, or by a realm role that contains an administrator role, is found too', async () => {
    const byGroup = await admin.createUser({
      username: 'group@ellipro.example',
      email: 'group@ellipro.example',
    })
    const byRole = await admin.createUser({ username: 'role@ellipro.example', email: 'role@ellipro.example' })
    const manageUsers = (await realm.listClientRoles(management)).filter(
      ({ name }) => name === 'manage-users',
    )
    const groupId = (await realm.createGroup({ name: 'console-admins' })) ?? ''
    await realm.addGroupClientRoles(groupId, management, manageUsers)
    await realm.addMember(groupId, byGroup)
    await realm.createRole({ name: 'console-boss', description: 'made by hand' })
    const boss = (await realm.listRoles()).filter(({ name }) => name === 'console-boss')
    await realm.addComposites(boss[0]?.id ?? '', manageUsers)
    await realm.addUserRealmRoles(byRole, boss)

    const { outside } = await probeRealm(config)
    expect(new Set(outside.map(({ id }) => id))).toEqual(new Set([byGroup, byRole]))
    await applyRealm(config)
    expect((await probeRealm(config)).outside).toEqual([])
  })
})

test('an ordinary person sees nothing through the permissions: no administrator, no user', async () => {
  await realm.createClient({
    clientId: 'console-client',
    publicClient: true,
    directAccessGrantsEnabled: true,
  })
  const address = 'person@ellipro.example'
  const person = await admin.createUser({
    username: address,
    email: address,
    enabled: true,
    emailVerified: true,
    credentials: [{ type: 'password', value: 'a person of a test', temporary: false }],
  })
  const grant = await fetch(`${issuer}/protocol/openid-connect/token`, {
    method: 'POST',
    body: new URLSearchParams({
      grant_type: 'password',
      client_id: 'console-client',
      username: address,
      password: 'a person of a test',
      scope: 'openid',
    }),
  })
  const { access_token } = (await grant.json()) as { access_token: string }
  const group = (await realm.listTopGroups()).find(({ name }) => name === 'protected-accounts')?.id ?? ''
  const paths = [
    `/groups/${group}/members`,
    '/users',
    `/users/${person}`,
    `/clients/${management}`,
    '/groups',
  ]
  for (const path of paths) {
    const { status } = await fetch(`${config.keycloakUrl}/admin/realms/${config.realm}${path}`, {
      headers: { authorization: `Bearer ${access_token}` },
    })
    expect([path, status]).toEqual([path, 403])
  }
})

test('the reader sees accounts, roles and events, and changes nothing', async () => {
  const account = reader()
  const id = await admin.createUser({ username: 'read@ellipro.example', email: 'read@ellipro.example' })
  await realm.addUserRealmRoles(
    id,
    (await realm.listRoles()).filter(({ name }) => name === 'relation-client'),
  )
  expect((await account.listRoleMappings(id)).realmMappings?.map(({ name }) => name)).toContain(
    'relation-client',
  )
  // The operator may not see roles, and Keycloak says "none" instead of "no": never ask with that account.
  expect(await operator().listRoleMappings(id)).toEqual({})
  await expect(account.updateUserMerged(id, { enabled: false })).rejects.toSatisfy(isForbidden)
  await expect(account.deleteUser(id)).rejects.toSatisfy(isForbidden)
  await expect(account.realm.updateRealm({ registrationAllowed: true })).rejects.toSatisfy(isForbidden)
  await expect(account.realm.listClients()).rejects.toSatisfy(isForbidden)
})

test.each([
  ['a role that is too much', 'operator cannot read the clients', 'view-clients'],
  ['a role that lets it see events', 'operator cannot read events', 'view-events'],
])('the probe fails when the operator account holds %s', async (_title, sentence, role) => {
  const operatorId = await operator().subject()
  const roles = (await realm.listClientRoles(management)).filter(({ name }) => name === role)
  const client = (await realm.listClients()).find(({ clientId }) => clientId === 'admin-sync-operator')
  await realm.addUserClientRoles(operatorId, management, roles)
  await realm.addClientScope(client?.id ?? '', management, roles)
  const { passed, checks } = await probeRealm(config)
  expect(passed).toBe(false)
  expect(checks.filter((check) => !check.passed).map((check) => check.sentence)).toEqual([sentence])
  await applyRealm(config)
  expect((await probeRealm(config)).passed).toBe(true)
})

test('the account for the workspace has a token of a minute for it alone, and the probe sees a role that is too much', async () => {
  const token = async () => {
    const answer = await fetch(`${issuer}/protocol/openid-connect/token`, {
      method: 'POST',
      body: new URLSearchParams({
        grant_type: 'client_credentials',
        client_id: 'admin-sync-workspace',
        client_secret: config.workspaceSecret,
      }),
    })
    return (await answer.json()) as { access_token: string; expires_in: number; refresh_token?: string }
  }
  const { access_token: bearer, expires_in: seconds, refresh_token: refresh } = await token()
  expect([seconds, refresh]).toEqual([60, undefined])
  const claims = decodeJwt(bearer)
  expect(claims).toMatchObject({ azp: 'admin-sync-workspace', aud: 'ellipro-workspace' })
  expect(Object.keys(claims)).not.toEqual(expect.arrayContaining(['realm_access']))
  expect(Object.keys(claims)).not.toEqual(expect.arrayContaining(['resource_access']))
  // Nor the claims of a person, whose scope it does not have.
  expect(Object.keys(claims).filter((claim) => /contract|report|score/.test(claim))).toEqual([])

  const client = (await realm.listClients()).find(({ clientId }) => clientId === 'admin-sync-workspace')
  const account = await realm.getServiceAccount(client?.id ?? '')
  const roles = (await realm.listClientRoles(management)).filter(({ name }) => name === 'view-events')
  await realm.addUserClientRoles(account.id, management, roles)
  await realm.addClientScope(client?.id ?? '', management, roles)
  const { checks } = await probeRealm(config)
  expect(checks.filter(({ passed }) => !passed).map(({ sentence }) => sentence)).toEqual([
    'the workspace’s account cannot read events',
  ])
  await applyRealm(config)
  expect((await probeRealm(config)).passed).toBe(true)
})

test('the probe fails when the protected group is not protected any more', async () => {
  const permission = (await realm.listPermissions(permissionsClient)).find(
    ({ name }) => name === 'protected-accounts',
  )
  await realm.deletePermission(permissionsClient, permission?.id ?? '')
  const { checks } = await probeRealm(config)
  expect(checks.filter((check) => !check.passed).map((check) => check.sentence)).toEqual([
    'operator cannot read a protected account',
    'operator cannot end the sessions of a protected account',
  ])
  await applyRealm(config)
  expect((await probeRealm(config)).passed).toBe(true)
})

test('the probe concludes nothing when Keycloak cannot be asked', async () => {
  await expect(probeRealm({ ...config, keycloakUrl: 'http://127.0.0.1:9' })).rejects.toMatchObject({
    disposition: 'retry',
  })
  for (const secret of ['operatorSecret', 'readerSecret', 'workspaceSecret'])
    await expect(probeRealm({ ...config, [secret]: 'not the secret it has' })).rejects.toMatchObject({
      disposition: 'fail',
      code: 'unauthorized',
    })
})

test('applying with an administrator that Keycloak does not know fails at once, and asks for no retry', async () => {
  const stranger = connectAdministrator({
    ...config,
    administrator: { username: 'nobody-of-a-test', password: 'not this' },
  })
  await expect(stranger.realm.findRealm()).rejects.toMatchObject({ disposition: 'fail' })
})
