/** Plans one protocol mapper, of a client or of a client scope: what puts a claim into tokens. */
import type { RealmAdmin } from '../../keycloak/realm.ts'
import type { ProtocolMapper } from '../../keycloak/representations.ts'
import { compare, merge } from '../compare.ts'
import type { Change } from '../stage.ts'

/** Who holds the mapper. `id` is `undefined` while it does not exist: it comes with its mappers, in a later stage. */
export type MapperHolder = {
  /** As it is printed: `client portal`. */
  label: string
  id: string | undefined
  mappers: readonly ProtocolMapper[] | undefined
  create(admin: RealmAdmin, id: string, mapper: ProtocolMapper): Promise<unknown>
  update(admin: RealmAdmin, id: string, mapperId: string, mapper: ProtocolMapper): Promise<unknown>
}

export function planMapper(holder: MapperHolder, wanted: { name: string }): Change[] {
  const object = `mapper ${wanted.name} of ${holder.label}`
  const mapper = holder.mappers?.find(({ name }) => name === wanted.name)
  const write = async (admin: RealmAdmin) => {
    const { id } = holder
    if (id === undefined) throw new Error(`no ${holder.label}`)
    const merged = merge(mapper, wanted) as ProtocolMapper
    return mapper?.id === undefined
      ? holder.create(admin, id, merged)
      : holder.update(admin, id, mapper.id, merged)
  }
  if (!mapper) return [{ object, action: 'create', differences: [], write }]
  const differences = compare(mapper, wanted)
  return differences.length === 0 ? [] : [{ object, action: 'change', differences, write }]
}

export function clientHolder(
  clientId: string,
  client: { id: string; protocolMappers?: ProtocolMapper[] } | undefined,
): MapperHolder {
  return {
    label: `client ${clientId}`,
    id: client?.id,
    mappers: client?.protocolMappers,
    create: (admin, id, mapper) => admin.createProtocolMapper(id, mapper),
    update: (admin, id, mapperId, mapper) => admin.updateProtocolMapper(id, mapperId, mapper),
  }
}

export function scopeHolder(
  name: string,
  scope: { id: string; protocolMappers?: ProtocolMapper[] } | undefined,
): MapperHolder {
  return {
    label: `client scope ${name}`,
    id: scope?.id,
    mappers: scope?.protocolMappers,
    create: (admin, id, mapper) => admin.createScopeMapper(id, mapper),
    update: (admin, id, mapperId, mapper) => admin.updateScopeMapper(id, mapperId, mapper),
  }
}
