/**
 * Stages of claims that one client alone has.
 *
 * `agent claim`: the roles of Ellipro's own people stand in the ID tokens of provider's client. Roles of its scope and a
 * mapper are needed for that, as a client of ours has no full scope.
 */
import type { Client, Role } from '../../keycloak/representations.ts'
import { agentClaim, providerClient, workspaceAudience } from '../clients.ts'
import { workspaceClient } from '../permissions.ts'
import { staffRoles } from '../roles.ts'
import type { Change, Stage } from '../stage.ts'
import { clientHolder, planMapper } from './mapper.ts'

type AgentClaimState = {
  client: Client | undefined
  /** Those of `staffRoles` that are there. */
  roles: readonly Role[]
  /** Roles of the realm that its tokens may carry. */
  scope: readonly { name?: string }[]
}

const isStaffRole = (name: string | undefined) => staffRoles.some((role) => role === name)

export const agentClaimStage: Stage<AgentClaimState> = {
  name: 'agent claim',
  none: { client: undefined, roles: [], scope: [] },
  async read(admin) {
    const client = (await admin.listClients()).find(({ clientId }) => clientId === providerClient)
    return {
      client,
      roles: (await admin.listRoles()).filter(({ name }) => isStaffRole(name)),
      scope: client ? ((await admin.readScopeMappings(client.id)).realmMappings ?? []) : [],
    }
  },
  plan: ({ client, roles, scope }) => [
    ...staffRoles
      .filter((wanted) => !scope.some(({ name }) => name === wanted))
      .map((wanted): Change => {
        const role = roles.find(({ name }) => name === wanted)
        return {
          object: `role ${wanted} in tokens of ${providerClient}`,
          action: 'create',
          differences: [],
          write: async (admin) =>
            client && role ? admin.addRealmScope(client.id, [role]) : Promise.reject(new Error('no client')),
        }
      }),
    ...planMapper(clientHolder(providerClient, client), agentClaim),
  ],
  warn: ({ scope }) =>
    scope
      .filter(({ name }) => !isStaffRole(name))
      .map(({ name }) => `tokens of client ${providerClient} also carry role ${name}`),
}

/** Stage `workspace audience`: the workspace looks for itself in the tokens that admin-sync shows it. */
export const workspaceAudienceStage: Stage<Client | undefined> = {
  name: 'workspace audience',
  none: undefined,
  read: async (admin) => (await admin.listClients()).find(({ clientId }) => clientId === workspaceClient),
  plan: (client) => planMapper(clientHolder(workspaceClient, client), workspaceAudience),
}
