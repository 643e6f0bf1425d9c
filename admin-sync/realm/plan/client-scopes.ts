/**
 * Stages `client scope` and `scopes of clients`: the scope `ellipro` with its mappers, and which applications have it.
 *
 * Of our clients exactly those have it that ask for it in APPLICATIONS_FILE. A client that an administrator made keeps
 * what they gave it, and so does an application that has other scopes: both are shown.
 */
import type { Client, ClientScope, ProtocolMapper } from '../../keycloak/representations.ts'
import { clientScope, scopeMappers, scopeName } from '../client-scope.ts'
import { describeClients } from '../clients.ts'
import { compare, merge } from '../compare.ts'
import type { RealmConfig } from '../config.ts'
import type { Change, Stage } from '../stage.ts'
import { planMapper, scopeHolder } from './mapper.ts'

export const clientScopeStage: Stage<ClientScope | undefined> = {
  name: 'client scope',
  none: undefined,
  read: async (admin) => (await admin.listScopes()).find(({ name }) => name === scopeName),
  plan(scope) {
    const object = `client scope ${scopeName}`
    if (!scope)
      return [
        {
          object,
          action: 'create',
          differences: [],
          write: (admin) =>
            admin.createScope({
              ...(merge(undefined, clientScope) as Omit<ClientScope, 'id'>),
              protocolMappers: scopeMappers.map((mapper) => merge(undefined, mapper) as ProtocolMapper),
            }),
        },
      ]
    const differences = compare(scope, clientScope)
    return [
      ...(differences.length === 0
        ? []
        : [
            {
              object,
              action: 'change',
              differences,
              write: (admin) => admin.updateScope(scope.id, merge(scope, clientScope) as ClientScope),
            } satisfies Change,
          ]),
      ...scopeMappers.flatMap((mapper) => planMapper(scopeHolder(scopeName, scope), mapper)),
    ]
  },
  warn: (scope) =>
    (scope?.protocolMappers ?? [])
      .filter(({ name }) => !scopeMappers.some((ours) => ours.name === name))
      .map(({ name }) => `client scope ${scopeName} has a mapper that is not ours: ${name}`),
}

type AssignmentState = {
  scopeId: string
  clients: Client[]
  /** Names of scopes that Keycloak gives to each new client. */
  ofNewClients: string[]
}
const kinds = ['default', 'optional'] as const

export const scopesOfClientsStage: Stage<AssignmentState> = {
  name: 'scopes of clients',
  none: { scopeId: '', clients: [], ofNewClients: [] },
  async read(admin) {
    return {
      scopeId: (await admin.listScopes()).find(({ name }) => name === scopeName)?.id ?? '',
      clients: await admin.listClients(),
      ofNewClients: await admin.listScopesOfNewClients(),
    }
  },
  plan: (current, config) => [
    ...(current.ofNewClients.includes(scopeName)
      ? [
          {
            object: `client scope ${scopeName} of new clients`,
            action: 'remove',
            differences: [],
            write: (admin) => admin.keepScopeFromNewClients(current.scopeId),
          } satisfies Change,
        ]
      : []),
    ...describeClients(config).flatMap((client) =>
      planAssignment(current, String(client['clientId']), wants(config, String(client['clientId']))),
    ),
  ],
  warn({ clients }, config) {
    const ours = new Set(describeClients(config).map(({ clientId }) => clientId))
    const stock = stockScopes(clients)
    return clients.flatMap((client) => {
      const scopes = kinds.flatMap((kind) => scopesOf(client, kind))
      if (!ours.has(client.clientId))
        return scopes.includes(scopeName)
          ? [`client ${client.clientId} is not ours and gets the claims of client scope ${scopeName}`]
          : []
      return scopes
        .filter((name) => name !== scopeName && !stock.has(name))
        .map((name) => `client ${client.clientId} also has client scope ${name}`)
    })
  },
}

const wants = ({ applications }: RealmConfig, clientId: string) =>
  applications.some(
    (application) => application.clientId === clientId && application.scopes.includes(scopeName),
  )

function planAssignment({ scopeId, clients }: AssignmentState, clientId: string, wanted: boolean): Change[] {
  const client = clients.find((other) => other.clientId === clientId)
  const has = kinds.filter((kind) => client && scopesOf(client, kind).includes(scopeName))
  const superfluous = has.filter((kind) => !wanted || kind === 'optional')
  const isMissing = wanted && !has.includes('default')
  if (superfluous.length === 0 && !isMissing) return []
  return [
    {
      object: `client scope ${scopeName} of client ${clientId}`,
      action: has.length === 0 ? 'create' : wanted ? 'change' : 'remove',
      differences: has.length === 0 || !wanted ? [] : [{ key: 'kind', from: has.join(', '), to: 'default' }],
      async write(admin) {
        if (!client) throw new Error(`no client ${clientId}`)
        for (const kind of superfluous) await admin.takeScope(client.id, kind, scopeId)
        if (isMissing) await admin.giveScope(client.id, 'default', scopeId)
      },
    },
  ]
}

const scopesOf = (client: Client, kind: (typeof kinds)[number]) =>
  (kind === 'default' ? client.defaultClientScopes : client.optionalClientScopes) ?? []

/** Scopes that Keycloak's own account console has: what every new client gets, in this version of Keycloak. */
function stockScopes(clients: readonly Client[]): Set<string> {
  const stock = clients.find(({ clientId }) => clientId === 'account-console')
  return new Set([
    ...(stock ? kinds.flatMap((kind) => scopesOf(stock, kind)) : []),
    // Of clients with a service account alone.
    'service_account',
  ])
}
