/** Stage `permissions`: the fine-grained permissions that bound the operator and serve the reader. */
import type { RealmAdmin } from '../../keycloak/realm.ts'
import type { Policy, Role } from '../../keycloak/representations.ts'
import { managementClient, permissions, policies, type Permission, type RolePolicy } from '../permissions.ts'
import { protectedGroup } from '../roles.ts'
import { findClient, type Change, type Stage } from '../stage.ts'

const ids = (roles: readonly Role[]) => new Map(roles.map((role) => [role.name, role.id]))

type PermissionsState = {
  /** Id of client `admin-permissions`; empty until the realm has fine-grained permissions. */
  clientId: string
  managementId: string
  groupId: string
  roleIds: Map<string, string>
  managementRoleIds: Map<string, string>
  policies: Policy[]
  permissions: (Policy & { scopes: string[]; policies: string[]; resources: string[] })[]
}
export const permissionsStage: Stage<PermissionsState> = {
  name: 'permissions',
  none: {
    clientId: '',
    managementId: '',
    groupId: '',
    roleIds: new Map(),
    managementRoleIds: new Map(),
    policies: [],
    permissions: [],
  },
  async read(admin) {
    const clients = await admin.listClients()
    const clientId = clients.find((client) => client.clientId === 'admin-permissions')?.id ?? ''
    const management = findClient(clients, managementClient)
    const group = (await admin.listTopGroups()).find(({ name }) => name === protectedGroup.name)
    return {
      clientId,
      managementId: management.id,
      groupId: group?.id ?? '',
      roleIds: ids(await admin.listRoles()),
      managementRoleIds: ids(await admin.listClientRoles(management.id)),
      policies: clientId === '' ? [] : await readPolicies(admin, clientId),
      permissions: clientId === '' ? [] : await readPermissions(admin, clientId),
    }
  },
  plan: (current) => [
    ...policies.flatMap((wanted) => planPolicy(current, wanted)),
    ...permissions.flatMap((wanted) => planPermission(current, wanted)),
  ],
  warn: (current) =>
    current.permissions
      .filter(
        (permission) =>
          permission.resourceType === 'Users' &&
          permission.resources.length === 0 &&
          !permissions.some((ours) => ours.name === permission.name),
      )
      .map(
        ({ name }) =>
          `permission ${name} is on all users too: Keycloak then refuses admin-sync-operator, unless both agree`,
      ),
}

async function readPolicies(admin: RealmAdmin, clientId: string): Promise<Policy[]> {
  const found: Policy[] = []
  for (const policy of await admin.listPolicies(clientId))
    if (policy.type === 'role' && policies.some(({ name }) => name === policy.name))
      found.push(await admin.readRolePolicy(clientId, policy.id))
  return found
}

async function readPermissions(admin: RealmAdmin, clientId: string) {
  const found: PermissionsState['permissions'] = []
  for (const permission of await admin.listPermissions(clientId)) {
    const parts = await admin.readPermissionParts(clientId, permission.id)
    // "All of the type" is kept by Keycloak as one resource with the type's name.
    const resources = parts.resources.filter((name) => name !== permission.resourceType)
    found.push({ ...permission, ...parts, resources })
  }
  return found
}

function planPolicy(current: PermissionsState, wanted: RolePolicy): Change[] {
  const roleId = (wanted.management ? current.managementRoleIds : current.roleIds).get(wanted.role) ?? ''
  const draft = {
    name: wanted.name,
    description: wanted.description,
    type: 'role',
    logic: wanted.logic,
    roles: [{ id: roleId, required: false }],
  }
  const policy = current.policies.find(({ name }) => name === wanted.name)
  const object = `policy ${wanted.name}`
  if (!policy)
    return [
      {
        object,
        action: 'create',
        differences: [],
        write: (admin) => admin.createRolePolicy(current.clientId, draft),
      },
    ]
  const roles = (policy.roles ?? []).map(({ id }) => id)
  const differences = [
    ...(policy.logic === wanted.logic
      ? []
      : [{ key: 'logic', from: String(policy.logic), to: wanted.logic }]),
    ...(roles.length === 1 && roles[0] === roleId
      ? []
      : [{ key: 'roles', from: roles.join(', '), to: wanted.role }]),
  ]
  if (differences.length === 0) return []
  return [
    {
      object,
      action: 'change',
      differences,
      write: (admin) => admin.updateRolePolicy(current.clientId, { ...policy, ...draft }),
    },
  ]
}

function planPermission(current: PermissionsState, wanted: Permission): Change[] {
  const resources = {
    all: [],
    'protected group': [current.groupId],
    'client realm-management': [current.managementId],
  }[wanted.resource]
  const draft = {
    name: wanted.name,
    description: wanted.description,
    resourceType: wanted.resourceType,
    resources,
    scopes: [...wanted.scopes],
    policies: [...wanted.policies],
  }
  const permission = current.permissions.find(({ name }) => name === wanted.name)
  const object = `permission ${wanted.name}`
  if (!permission)
    return [
      {
        object,
        action: 'create',
        differences: [],
        write: (admin) => admin.createPermission(current.clientId, draft),
      },
    ]
  const differences = (['scopes', 'policies', 'resources'] as const).flatMap((key) => {
    const [from, to] = [permission[key], draft[key]]
    const same = from.length === to.length && to.every((name) => from.includes(name))
    return same ? [] : [{ key, from: from.join(', '), to: to.join(', ') }]
  })
  if (differences.length === 0) return []
  return [
    {
      object,
      action: 'change',
      differences,
      write: (admin) =>
        admin.updatePermission(current.clientId, permission.id, {
          ...draft,
          type: 'scope',
          logic: 'POSITIVE',
          decisionStrategy: 'UNANIMOUS',
        }),
    },
  ]
}
