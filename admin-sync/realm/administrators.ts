/**
 * Who holds an administrator role: any role of `realm-management`, any role that contains one, and the roles of our
 * two service accounts. Such an account must be in the protected group, where the operator account cannot touch it.
 */
import type { RealmAdmin } from '../keycloak/realm.ts'
import type { Group, Role, User } from '../keycloak/representations.ts'
import { operatorRole, protectedGroup, readerRole } from './roles.ts'

export type Administrators = {
  /** Id of the protected group; `undefined` when it does not exist. */
  groupId: string | undefined
  /** Holders outside it. */
  outside: { id: string; username: string }[]
  /** The realm's default role contains an administrator role: every account is an administrator. */
  everybody: boolean
}

/**
 * Reads roles, their holders and the group.
 * @param management id of client `realm-management`
 * @param otherClients ids of further clients whose roles may contain administrator roles
 */
export async function findAdministrators(
  admin: RealmAdmin,
  management: string,
  otherClients: readonly string[] = [],
): Promise<Administrators> {
  const managementRoles = await admin.listClientRoles(management)
  const realmRoles = await admin.listRoles()
  const clientRoles: { client: string; role: Role }[] = []
  for (const client of otherClients)
    for (const role of await admin.listClientRoles(client)) clientRoles.push({ client, role })
  const powerful = await closeOverComposites(
    admin,
    [...managementRoles, ...realmRoles.filter((role) => [operatorRole, readerRole].includes(role.name))],
    [...realmRoles, ...clientRoles.map(({ role }) => role)],
  )

  const groups = await admin.listTopGroups()
  const group = groups.find((other) => other.name === protectedGroup.name)
  const members = new Set(group ? (await admin.listMembers(group.id)).map((user) => user.id) : [])
  const holders = new Map<string, User>()
  let everybody = false
  const take = async (users: Promise<User[]>, holdingGroups: Promise<Group[]>) => {
    // Both at once: one that fails while the other is still awaited would be nobody's, and end the process.
    const [direct, groupsOfRole] = await Promise.all([users, holdingGroups])
    for (const user of direct) holders.set(user.id, user)
    for (const holding of groupsOfRole)
      for (const user of await listAllMembers(admin, holding.id)) holders.set(user.id, user)
  }
  for (const role of managementRoles)
    await take(
      admin.listClientRoleUsers(management, role.name),
      admin.listClientRoleGroups(management, role.name),
    )
  for (const role of realmRoles.filter(({ id }) => powerful.has(id)))
    if (role.name === `default-roles-${admin.name}`.toLowerCase()) everybody = true
    else await take(admin.listRoleUsers(role.name), admin.listRoleGroups(role.name))
  for (const { client, role } of clientRoles.filter((each) => powerful.has(each.role.id)))
    await take(admin.listClientRoleUsers(client, role.name), admin.listClientRoleGroups(client, role.name))

  return {
    groupId: group?.id,
    outside: [...holders.values()]
      .filter(({ id }) => !members.has(id))
      .map(({ id, username }) => ({ id, username })),
    everybody,
  }
}

/** Ids of `start` and of every role of `all` that contains one of them, however deep. */
async function closeOverComposites(
  admin: RealmAdmin,
  start: readonly Role[],
  all: readonly Role[],
): Promise<Set<string>> {
  const powerful = new Set(start.map((role) => role.id))
  const composites = new Map<string, string[]>()
  for (const role of all.filter(({ composite }) => composite))
    composites.set(
      role.id,
      (await admin.listComposites(role.id)).map(({ id }) => id),
    )
  for (let before = -1; before !== powerful.size;) {
    before = powerful.size
    for (const [role, parts] of composites) if (parts.some((part) => powerful.has(part))) powerful.add(role)
  }
  return powerful
}

/** Members of a group and of every group below it, which inherit its roles. */
async function listAllMembers(admin: RealmAdmin, group: string): Promise<User[]> {
  const members = await admin.listMembers(group)
  for (const child of await admin.listSubgroups(group))
    members.push(...(await listAllMembers(admin, child.id)))
  return members
}
