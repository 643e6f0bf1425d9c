/**
 * Stages of claims that one client alone has.
 *
 * `agent claim`: the role of an agent stands in the ID tokens of provider's client. A role of its scope and a
 * mapper are needed for that, as a client of ours has no full scope.
 */
import type { Client, Role } from '../../keycloak/representations.ts'
import { agentClaim, providerClient, workspaceAudience } from '../clients.ts'
import { workspaceClient } from '../permissions.ts'
import { agentRole } from '../roles.ts'
import type { Change, Stage } from '../stage.ts'
import { clientHolder, planMapper } from './mapper.ts'

type AgentClaimState = {
  client: Client | undefined
  role: Role | undefined
  /** Roles of the realm that its tokens may carry. */
  scope: readonly { name?: string }[]
}

export const agentClaimStage: Stage<AgentClaimState> = {
  name: 'agent claim',
  none: { client: undefined, role: undefined, scope: [] },
  async read(admin) {
    const client = (await admin.listClients()).find(({ clientId }) => clientId === providerClient)
    return {
      client,
      role: (await admin.listRoles()).find(({ name }) => name === agentRole),
      scope: client ? ((await admin.readScopeMappings(client.id)).realmMappings ?? []) : [],
    }
  },
  plan: ({ client, role, scope }) => [
    ...(scope.some(({ name }) => name === agentRole)
      ? []
      : [
          {
            object: `role ${agentRole} in tokens of ${providerClient}`,
            action: 'create',
            differences: [],
            write: async (admin) =>
              client && role
                ? admin.addRealmScope(client.id, [role])
                : Promise.reject(new Error('no client')),
          } satisfies Change,
        ]),
    ...planMapper(clientHolder(providerClient, client), agentClaim),
  ],
  warn: ({ scope }) =>
    scope
      .filter(({ name }) => name !== agentRole)
      .map(({ name }) => `tokens of client ${providerClient} also carry role ${name}`),
}

/** Stage `workspace audience`: the workspace looks for itself in the tokens that admin-sync shows it. */
export const workspaceAudienceStage: Stage<Client | undefined> = {
  name: 'workspace audience',
  none: undefined,
  read: async (admin) => (await admin.listClients()).find(({ clientId }) => clientId === workspaceClient),
  plan: (client) => planMapper(clientHolder(workspaceClient, client), workspaceAudience),
}
