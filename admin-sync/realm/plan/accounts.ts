/**
 * Stages `roles`, `service accounts` and `protected accounts`: who may do what. What a role may do is the stage
 * `permissions`.
 */
import type { Client, Group, Role, RoleMappings } from '../../keycloak/representations.ts'
import { findAdministrators, type Administrators } from '../administrators.ts'
import { managementClient, serviceAccounts } from '../permissions.ts'
import { protectedGroup, realmRoles, withheldAccountRole } from '../roles.ts'
import { findClient, type Change, type Stage } from '../stage.ts'

type RolesState = {
  realmRoles: Role[]
  groups: Group[]
  /** Composite roles that contain the withheld role. */
  withheldIn: { holder: Role; role: Role }[]
}
export const rolesStage: Stage<RolesState> = {
  name: 'roles',
  none: { realmRoles: [], groups: [], withheldIn: [] },
  async read(admin, config) {
    const account = (await admin.listClients()).find((client) => client.clientId === 'account')
    const all = await admin.listRoles()
    const holders = [
      ...all.filter((role) => role.name === `default-roles-${config.realm}`),
      ...(account
        ? (await admin.listClientRoles(account.id)).filter((r) => r.name === 'manage-account')
        : []),
    ]
    const withheldIn: RolesState['withheldIn'] = []
    for (const holder of holders)
      for (const role of await admin.listComposites(holder.id))
        if (role.name === withheldAccountRole) withheldIn.push({ holder, role })
    return { realmRoles: all, groups: await admin.listTopGroups(), withheldIn }
  },
  plan: (current) => [
    ...realmRoles
      .filter(({ name }) => !current.realmRoles.some((role) => role.name === name))
      .map((role): Change => ({
        object: `role ${role.name}`,
        action: 'create',
        differences: [],
        write: (admin) => admin.createRole(role),
      })),
    ...(current.groups.some(({ name }) => name === protectedGroup.name)
      ? []
      : [
          {
            object: `group ${protectedGroup.name}`,
            action: 'create',
            differences: [],
            write: (admin) => admin.createGroup(protectedGroup),
          } satisfies Change,
        ]),
    ...current.withheldIn.map(({ holder, role }): Change => ({
      object: `role ${role.name} in ${holder.name}`,
      action: 'remove',
      differences: [],
      write: (admin) => admin.removeComposites(holder.id, [role]),
    })),
  ],
}

type AccountState = { client: Client; userId: string; held: RoleMappings; scope: RoleMappings }
type AccountsState = {
  managementId: string
  realmRoles: Role[]
  managementRoles: Role[]
  accounts: AccountState[]
}
/** Each service account holds exactly its roles, and its tokens may carry exactly these. */
export const serviceAccountsStage: Stage<AccountsState> = {
  name: 'service accounts',
  none: { managementId: '', realmRoles: [], managementRoles: [], accounts: [] },
  async read(admin) {
    const clients = await admin.listClients()
    const management = findClient(clients, managementClient)
    const accounts: AccountState[] = []
    for (const { clientId } of serviceAccounts) {
      const client = clients.find((other) => other.clientId === clientId)
      // Planned before its client is written, in a diff: its roles come with it.
      if (!client?.serviceAccountsEnabled) continue
      const user = await admin.getServiceAccount(client.id)
      accounts.push({
        client,
        userId: user.id,
        held: await admin.readUserRoles(user.id),
        scope: await admin.readScopeMappings(client.id),
      })
    }
    return {
      managementId: management.id,
      realmRoles: await admin.listRoles(),
      managementRoles: await admin.listClientRoles(management.id),
      accounts,
    }
  },
  plan: (current) =>
    serviceAccounts.flatMap((wanted): Change[] => {
      const object = `roles of ${wanted.clientId}`
      const account = current.accounts.find(({ client }) => client.clientId === wanted.clientId)
      if (!account) return [{ object, action: 'create', differences: [], write: async () => undefined }]
      const defaults = current.realmRoles.filter((role) => role.name.startsWith('default-roles-'))
      const parts = [
        comparePart('realm role', account.held.realmMappings, wanted.realmRoles, defaults),
        comparePart('realm role in its tokens', account.scope.realmMappings, wanted.realmRoles),
        comparePart('management role', managementMappings(account.held), wanted.managementRoles),
        comparePart(
          'management role in its tokens',
          managementMappings(account.scope),
          wanted.managementRoles,
        ),
      ]
      const foreign = foreignMappings(account.held)
      const differences = [...parts.flatMap((part) => part.differences), ...foreign.differences]
      if (differences.length === 0) return []
      const realm = (names: readonly string[]) => current.realmRoles.filter((r) => names.includes(r.name))
      const management = (names: readonly string[]) =>
        current.managementRoles.filter((r) => names.includes(r.name))
      const [held, scope, heldManagement, scopeManagement] = parts as [Part, Part, Part, Part]
      return [
        {
          object,
          action: 'change',
          differences,
          async write(admin) {
            const { userId, client } = account
            const { managementId } = current
            for (const { clientUuid, roles } of foreign.mappings)
              await admin.removeUserClientRoles(userId, clientUuid, roles)
            await both(held, realm, (r) => admin.addUserRealmRoles(userId, r), (r) => admin.removeUserRealmRoles(userId, r)) // prettier-ignore
            await both(scope, realm, (r) => admin.addRealmScope(client.id, r), (r) => admin.removeRealmScope(client.id, r)) // prettier-ignore
            await both(heldManagement, management, (r) => admin.addUserClientRoles(userId, managementId, r), (r) => admin.removeUserClientRoles(userId, managementId, r)) // prettier-ignore
            await both(scopeManagement, management, (r) => admin.addClientScope(client.id, managementId, r), (r) => admin.removeClientScope(client.id, managementId, r)) // prettier-ignore
          },
        },
      ]
    }),
}

type Part = ReturnType<typeof comparePart>
function comparePart(
  key: string,
  current: readonly { name?: string }[] = [],
  wanted: readonly string[],
  ignored: readonly Role[] = [],
) {
  const has = current
    .map(({ name }) => name ?? '')
    .filter((name) => !ignored.some((role) => role.name === name))
  const missing = wanted.filter((name) => !has.includes(name))
  const extra = has.filter((name) => !wanted.includes(name))
  return {
    missing,
    extra,
    differences: [
      ...missing.map((name) => ({ key, from: 'not set', to: name })),
      ...extra.map((name) => ({ key, from: name, to: 'not set' })),
    ],
  }
}

async function both(
  part: Part,
  resolve: (names: readonly string[]) => Role[],
  add: (roles: Role[]) => Promise<unknown>,
  remove: (roles: Role[]) => Promise<unknown>,
): Promise<void> {
  if (part.missing.length > 0) await add(resolve(part.missing))
  if (part.extra.length > 0) await remove(resolve(part.extra))
}

type ClientMapping = { id: string; client: string; mappings: Role[] }
const clientMappings = (mappings: RoleMappings) =>
  Object.values((mappings.clientMappings ?? {}) as Record<string, ClientMapping>)
const managementMappings = (mappings: RoleMappings) =>
  clientMappings(mappings).find(({ client }) => client === managementClient)?.mappings

/** Roles of other clients that a service account holds: none is wanted. */
function foreignMappings(held: RoleMappings) {
  const mappings = clientMappings(held).filter(({ client }) => client !== managementClient)
  return {
    mappings: mappings.map(({ id, mappings: roles }) => ({ clientUuid: id, roles })),
    differences: mappings.flatMap(({ client, mappings: roles }) =>
      roles.map(({ name }) => ({ key: `role of ${client}`, from: name, to: 'not set' })),
    ),
  }
}

/** Puts every administrator into the protected group. Nobody is ever taken out: that is an administrator's to do. */
export const protectedAccountsStage: Stage<Administrators> = {
  name: 'protected accounts',
  none: { groupId: undefined, outside: [], everybody: false },
  async read(admin) {
    const clients = await admin.listClients()
    const management = findClient(clients, managementClient)
    return findAdministrators(
      admin,
      management.id,
      clients.filter(({ id }) => id !== management.id).map(({ id }) => id),
    )
  },
  plan: ({ groupId, outside }) =>
    outside.map(({ id, username }) => ({
      object: `group ${protectedGroup.name}`,
      action: 'change',
      differences: [{ key: 'member', from: 'not set', to: username }],
      write: async (admin) => (groupId === undefined ? undefined : admin.addMember(groupId, id)),
    })),
  warn: ({ everybody }) =>
    everybody
      ? ['the default role of the realm contains an administrator role: every account is an administrator']
      : [],
}
