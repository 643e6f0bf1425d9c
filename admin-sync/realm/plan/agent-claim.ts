/**
 * Stage `agent claim`: the role of an agent stands in the ID tokens of provider's client. A role of its scope and a
 * mapper are needed for that, as a client of ours has no full scope. Other mappers of the client stay, and are shown.
 */
import type { Client, ProtocolMapper, Role } from '../../keycloak/representations.ts'
import { agentClaim, providerClient } from '../clients.ts'
import { compare, merge } from '../compare.ts'
import { agentRole } from '../roles.ts'
import type { Change, Stage } from '../stage.ts'

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
    ...planMapper(client),
  ],
  warn: ({ scope }) =>
    scope
      .filter(({ name }) => name !== agentRole)
      .map(({ name }) => `tokens of client ${providerClient} also carry role ${name}`),
}

function planMapper(client: Client | undefined): Change[] {
  const object = `mapper ${agentClaim.name} of client ${providerClient}`
  const mapper = client?.protocolMappers?.find(({ name }) => name === agentClaim.name)
  if (!client || !mapper)
    return [
      {
        object,
        action: 'create',
        differences: [],
        write: async (admin) =>
          client
            ? admin.createProtocolMapper(client.id, merge(undefined, agentClaim) as ProtocolMapper)
            : Promise.reject(new Error('no client')),
      },
    ]
  const differences = compare(mapper, agentClaim)
  if (differences.length === 0) return []
  return [
    {
      object,
      action: 'change',
      differences,
      write: (admin) =>
        admin.updateProtocolMapper(client.id, mapper.id ?? '', merge(mapper, agentClaim) as ProtocolMapper),
    },
  ]
}
