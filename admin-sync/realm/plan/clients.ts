/** Stages `clients` and `identity provider`. */
import type {
  Client,
  ClientDraft,
  IdentityProvider,
  IdentityProviderMapper,
} from '../../keycloak/representations.ts'
import { describeClients } from '../clients.ts'
import { compare, merge } from '../compare.ts'
import { describeIdentityProvider, identityProviderAlias } from '../identity-provider.ts'
import type { Change, Stage } from '../stage.ts'

export const clientsStage: Stage<Client[]> = {
  name: 'clients',
  none: [],
  read: (admin) => admin.listClients(),
  plan: (current, config) =>
    describeClients(config).flatMap((wanted): Change[] => {
      const clientId = String(wanted['clientId'])
      const client = current.find((other) => other.clientId === clientId)
      if (!client)
        return [
          {
            object: `client ${clientId}`,
            action: 'create',
            differences: [],
            write: (admin) => admin.createClient(merge(undefined, wanted) as ClientDraft),
          },
        ]
      const differences = compare(client, wanted)
      if (differences.length === 0) return []
      return [
        {
          object: `client ${clientId}`,
          action: 'change',
          differences,
          write: (admin) => admin.updateClient(client.id, merge(client, wanted) as ClientDraft),
        },
      ]
    }),
  warn: (current, config) => {
    const ours = new Set(describeClients(config).map((client) => client['clientId']))
    const overridden = current.filter(
      (client) =>
        !ours.has(client.clientId) &&
        Object.values(client.authenticationFlowBindingOverrides ?? {}).some((flow) => flow !== ''),
    )
    return overridden.map(
      ({ clientId }) =>
        `client ${clientId} has a sign-in flow of its own: it does not refuse pending users unless that flow does`,
    )
  },
}

export const identityProviderStage: Stage<{
  provider: IdentityProvider | undefined
  mappers: IdentityProviderMapper[]
}> = {
  name: 'identity provider',
  none: { provider: undefined, mappers: [] },
  async read(admin) {
    const provider = await admin.findIdentityProvider(identityProviderAlias)
    return { provider, mappers: provider ? await admin.listMappers(identityProviderAlias) : [] }
  },
  plan({ provider, mappers }, config) {
    const object = `identity provider ${identityProviderAlias}`
    const wanted = describeIdentityProvider(config)
    if (!provider)
      return [
        {
          object,
          action: 'create',
          differences: [],
          write: (admin) => admin.createIdentityProvider(merge(undefined, wanted) as IdentityProvider),
        },
      ]
    const differences = compare(provider, wanted)
    return [
      ...(differences.length === 0
        ? []
        : [
            {
              object,
              action: 'change' as const,
              differences,
              write: (admin) => admin.updateIdentityProvider(merge(provider, wanted) as IdentityProvider),
            } satisfies Change,
          ]),
      // A mapper would let whoever holds the OP write addresses, names, attributes or roles into accounts.
      ...mappers.map((mapper): Change => ({
        object: `mapper ${mapper.name} of ${object}`,
        action: 'remove',
        differences: [],
        write: (admin) => admin.deleteMapper(identityProviderAlias, mapper.id),
      })),
    ]
  },
}
