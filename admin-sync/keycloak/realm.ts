/**
 * The calls of realm as code, one line each: settings, user profile, clients, roles, groups, identity provider,
 * flows, required actions, texts, fine-grained permissions. What they are used for is decided in admin-sync/realm/.
 * Reads answer `undefined` for what is not there.
 */
import type {
  Client,
  ClientDraft,
  ClientScope,
  Execution,
  ExecutionConfig,
  Flow,
  Group,
  IdentityProvider,
  IdentityProviderMapper,
  Policy,
  ProtocolMapper,
  Realm,
  RealmDraft,
  RequiredAction,
  Role,
  RoleMappings,
  User,
  UserProfile,
} from './representations.ts'
import { at, isNotFound, type Transport } from './transport.ts'

/** Everything fits one page, or is read page by page. */
const pageSize = 500
export type RealmAdmin = ReturnType<typeof createRealmAdmin>

/** Where the fine-grained permissions live: `client` is the id of client `admin-permissions`. */
const permissions = (client: string) => at`/clients/${client}/authz/resource-server`

export function createRealmAdmin(transport: Transport, realm: string) {
  const path = at`/realms/${realm}`
  const get = async <T>(rest: string, query: Record<string, string | number | boolean> = {}) =>
    (await transport.send('GET', `${path}${rest}`, { query })).data as T
  const find = async <T>(rest: string): Promise<T | undefined> => {
    try {
      return await get<T>(rest)
    } catch (error) {
      if (isNotFound(error)) return undefined
      throw error
    }
  }
  const listAll = async <T>(rest: string, query: Record<string, string | number | boolean> = {}) => {
    const all: T[] = []
    for (;;) {
      const page = await get<T[]>(rest, { ...query, first: all.length, max: pageSize })
      all.push(...page)
      if (page.length < pageSize) return all
    }
  }
  const write = async (method: 'POST' | 'PUT' | 'DELETE', rest: string, body?: unknown) =>
    (await transport.send(method, `${path}${rest}`, body === undefined ? {} : { body })).id

  return {
    name: realm,

    /** Themes that the server has, and its version. */
    async readServer(): Promise<{ version: string; loginThemes: string[]; emailThemes: string[] }> {
      const { data } = await transport.send('GET', '/serverinfo')
      const info = data as { systemInfo: { version: string }; themes: Record<string, { name: string }[]> }
      const names = (kind: string) => (info.themes[kind] ?? []).map((theme) => theme.name)
      return {
        version: info.systemInfo.version,
        loginThemes: names('login'),
        emailThemes: names('email'),
      }
    },

    findRealm: () => find<Realm>(''),
    async createRealm(settings: RealmDraft) {
      await transport.send('POST', '/realms', { body: settings, timeoutMs: 60_000 })
      // The token at hand was issued before its holder had any right on this realm.
      transport.renewToken()
    },
    /** Keys that are not sent stay, except below `attributes` and `smtpServer`, which are replaced whole. */
    updateRealm: (settings: RealmDraft) => write('PUT', '', settings),
    deleteRealm: () => write('DELETE', ''),
    readEventsConfig: () => get<{ enabledEventTypes: string[]; eventsListeners: string[] }>('/events/config'),
    updateEventsConfig: (config: Record<string, unknown>) => write('PUT', '/events/config', config),

    readUserProfile: () => get<UserProfile>('/users/profile'),
    updateUserProfile: (profile: UserProfile) => write('PUT', '/users/profile', profile),

    listClients: () => listAll<Client>('/clients'),
    createClient: (client: ClientDraft) => write('POST', '/clients', client),
    updateClient: (id: string, client: ClientDraft) => write('PUT', at`/clients/${id}`, client),
    deleteClient: (id: string) => write('DELETE', at`/clients/${id}`),
    getServiceAccount: (id: string) => get<User>(at`/clients/${id}/service-account-user`),
    createProtocolMapper: (id: string, mapper: ProtocolMapper) =>
      write('POST', at`/clients/${id}/protocol-mappers/models`, mapper),
    updateProtocolMapper: (id: string, mapperId: string, mapper: ProtocolMapper) =>
      write('PUT', at`/clients/${id}/protocol-mappers/models/${mapperId}`, mapper),
    listScopes: () => get<ClientScope[]>('/client-scopes'),
    createScope: (scope: Omit<ClientScope, 'id'>) => write('POST', '/client-scopes', scope),
    updateScope: (id: string, scope: ClientScope) => write('PUT', at`/client-scopes/${id}`, scope),
    createScopeMapper: (id: string, mapper: ProtocolMapper) =>
      write('POST', at`/client-scopes/${id}/protocol-mappers/models`, mapper),
    updateScopeMapper: (id: string, mapperId: string, mapper: ProtocolMapper) =>
      write('PUT', at`/client-scopes/${id}/protocol-mappers/models/${mapperId}`, mapper),
    /** `default`: in every token of the client; `optional`: in those that a request asks it for. */
    giveScope: (client: string, kind: 'default' | 'optional', scope: string) =>
      write('PUT', `${at`/clients/${client}`}/${kind}-client-scopes${at`/${scope}`}`),
    takeScope: (client: string, kind: 'default' | 'optional', scope: string) =>
      write('DELETE', `${at`/clients/${client}`}/${kind}-client-scopes${at`/${scope}`}`),
    /** Names of the scopes that each new client gets, in either way. */
    async listScopesOfNewClients() {
      const lists = ['/default-default-client-scopes', '/default-optional-client-scopes']
      return (await Promise.all(lists.map((list) => get<ClientScope[]>(list)))).flat().map(({ name }) => name)
    },
    giveScopeToNewClients: (kind: 'default' | 'optional', scope: string) =>
      write('PUT', `/default-${kind}-client-scopes${at`/${scope}`}`),
    async keepScopeFromNewClients(scope: string) {
      for (const kind of ['default', 'optional'])
        await write('DELETE', `/default-${kind}-client-scopes${at`/${scope}`}`)
    },
    /** Roles that may stand in the tokens of a client without full scope. */
    readScopeMappings: (id: string) => get<RoleMappings>(at`/clients/${id}/scope-mappings`),
    addRealmScope: (id: string, roles: Role[]) =>
      write('POST', at`/clients/${id}/scope-mappings/realm`, roles),
    removeRealmScope: (id: string, roles: Role[]) =>
      write('DELETE', at`/clients/${id}/scope-mappings/realm`, roles),
    addClientScope: (id: string, roleClient: string, roles: Role[]) =>
      write('POST', at`/clients/${id}/scope-mappings/clients/${roleClient}`, roles),
    removeClientScope: (id: string, roleClient: string, roles: Role[]) =>
      write('DELETE', at`/clients/${id}/scope-mappings/clients/${roleClient}`, roles),

    listRoles: () => listAll<Role>('/roles', { briefRepresentation: false }),
    createRole: (role: { name: string; description: string }) => write('POST', '/roles', role),
    listClientRoles: (client: string) =>
      listAll<Role>(at`/clients/${client}/roles`, { briefRepresentation: false }),
    listComposites: (roleId: string) => get<Role[]>(at`/roles-by-id/${roleId}/composites`),
    addComposites: (roleId: string, roles: Role[]) =>
      write('POST', at`/roles-by-id/${roleId}/composites`, roles),
    removeComposites: (roleId: string, roles: Role[]) =>
      write('DELETE', at`/roles-by-id/${roleId}/composites`, roles),
    listRoleUsers: (role: string) => listAll<User>(at`/roles/${role}/users`),
    listRoleGroups: (role: string) => listAll<Group>(at`/roles/${role}/groups`),
    listClientRoleUsers: (client: string, role: string) =>
      listAll<User>(at`/clients/${client}/roles/${role}/users`),
    listClientRoleGroups: (client: string, role: string) =>
      listAll<Group>(at`/clients/${client}/roles/${role}/groups`),
    readUserRoles: (user: string) => get<RoleMappings>(at`/users/${user}/role-mappings`),
    addUserRealmRoles: (user: string, roles: Role[]) =>
      write('POST', at`/users/${user}/role-mappings/realm`, roles),
    removeUserRealmRoles: (user: string, roles: Role[]) =>
      write('DELETE', at`/users/${user}/role-mappings/realm`, roles),
    addUserClientRoles: (user: string, client: string, roles: Role[]) =>
      write('POST', at`/users/${user}/role-mappings/clients/${client}`, roles),
    removeUserClientRoles: (user: string, client: string, roles: Role[]) =>
      write('DELETE', at`/users/${user}/role-mappings/clients/${client}`, roles),

    listTopGroups: () => listAll<Group>('/groups'),
    listSubgroups: (group: string) => listAll<Group>(at`/groups/${group}/children`),
    createGroup: (group: { name: string; description?: string }) => write('POST', '/groups', group),
    addGroupClientRoles: (group: string, client: string, roles: Role[]) =>
      write('POST', at`/groups/${group}/role-mappings/clients/${client}`, roles),
    addGroupRealmRoles: (group: string, roles: Role[]) =>
      write('POST', at`/groups/${group}/role-mappings/realm`, roles),
    listMembers: (group: string) => listAll<User>(at`/groups/${group}/members`),
    addMember: (group: string, user: string) => write('PUT', at`/users/${user}/groups/${group}`),

    findIdentityProvider: (alias: string) =>
      find<IdentityProvider>(at`/identity-provider/instances/${alias}`),
    createIdentityProvider: (provider: IdentityProvider) =>
      write('POST', '/identity-provider/instances', provider),
    updateIdentityProvider: (provider: IdentityProvider) =>
      write('PUT', at`/identity-provider/instances/${provider.alias}`, provider),
    listMappers: (alias: string) =>
      get<IdentityProviderMapper[]>(at`/identity-provider/instances/${alias}/mappers`),
    createMapper: (alias: string, mapper: Omit<IdentityProviderMapper, 'id'>) =>
      write('POST', at`/identity-provider/instances/${alias}/mappers`, mapper),
    deleteMapper: (alias: string, id: string) =>
      write('DELETE', at`/identity-provider/instances/${alias}/mappers/${id}`),

    listFlows: () => get<Flow[]>('/authentication/flows'),
    createFlow: (alias: string, description: string) =>
      write('POST', '/authentication/flows', {
        alias,
        description,
        providerId: 'basic-flow',
        topLevel: true,
        builtIn: false,
      }),
    copyFlow: (from: string, alias: string) =>
      write('POST', at`/authentication/flows/${from}/copy`, { newName: alias }),
    listExecutions: (flow: string) => get<Execution[]>(at`/authentication/flows/${flow}/executions`),
    /** Comes DISABLED, whatever is asked. @returns its id */
    addExecution: (flow: string, authenticator: string) =>
      write('POST', at`/authentication/flows/${flow}/executions/execution`, { provider: authenticator }),
    /** Comes DISABLED, whatever is asked. */
    addSubflow: (flow: string, alias: string, description: string) =>
      write('POST', at`/authentication/flows/${flow}/executions/flow`, {
        alias,
        description,
        type: 'basic-flow',
        provider: 'registration-page-form',
      }),
    updateExecution: (flow: string, execution: Execution) =>
      write('PUT', at`/authentication/flows/${flow}/executions`, execution),
    deleteExecution: (id: string) => write('DELETE', at`/authentication/executions/${id}`),
    readExecutionConfig: (id: string) => get<ExecutionConfig>(at`/authentication/config/${id}`),
    createExecutionConfig: (execution: string, config: ExecutionConfig) =>
      write('POST', at`/authentication/executions/${execution}/config`, config),
    updateExecutionConfig: (config: ExecutionConfig & { id: string }) =>
      write('PUT', at`/authentication/config/${config.id}`, config),

    listRequiredActions: () => get<RequiredAction[]>('/authentication/required-actions'),
    updateRequiredAction: (action: RequiredAction) =>
      write('PUT', at`/authentication/required-actions/${action.alias}`, action),

    readTexts: async (language: string) =>
      (await find<Record<string, string>>(at`/localization/${language}`)) ?? {},
    /** Adds and replaces; other keys of the language stay. */
    mergeTexts: (language: string, texts: Record<string, string>) =>
      write('POST', at`/localization/${language}`, texts),

    listPolicies: (client: string) => listAll<Policy>(`${permissions(client)}/policy`, { permission: false }),
    readRolePolicy: (client: string, id: string) =>
      get<Policy>(`${permissions(client)}${at`/policy/role/${id}`}`),
    createRolePolicy: (client: string, policy: Omit<Policy, 'id'>) =>
      write('POST', `${permissions(client)}/policy/role`, policy),
    updateRolePolicy: (client: string, policy: Policy) =>
      write('PUT', `${permissions(client)}${at`/policy/role/${policy.id}`}`, policy),
    listPermissions: (client: string) => listAll<Policy>(`${permissions(client)}/permission`),
    async readPermissionParts(client: string, id: string) {
      const part = async (kind: string) =>
        (await get<{ name: string }[]>(`${permissions(client)}${at`/policy/${id}/`}${kind}`)).map(
          (p) => p.name,
        )
      // For a resource the name is the id of the group or client it stands for.
      return {
        scopes: await part('scopes'),
        policies: await part('associatedPolicies'),
        resources: await part('resources'),
      }
    },
    createPermission: (client: string, permission: PermissionDraft) =>
      write('POST', `${permissions(client)}/permission/scope`, permission),
    deletePermission: (client: string, id: string) =>
      write('DELETE', `${permissions(client)}${at`/permission/scope/${id}`}`),
    updatePermission: (client: string, id: string, permission: PermissionDraft) =>
      write('PUT', `${permissions(client)}${at`/permission/scope/${id}`}`, { id, ...permission }),
  }
}

/** `policies` and `scopes` by name; `resources` by the id of the group or client, empty for all of the type. */
export type PermissionDraft = {
  name: string
  description?: string
  type?: 'scope'
  logic?: 'POSITIVE'
  decisionStrategy?: 'UNANIMOUS'
  resourceType: string
  resources: string[]
  scopes: string[]
  policies: string[]
}
