/**
 * How the realm is compared and changed: in stages, each of which reads its part, plans (pure) and writes.
 *
 * A change knows how to write itself with what its stage has read; nothing is written while planning, and `diff` never
 * calls `write`. Stages run in an order in which no step opens a gap (apply.ts), and each reads after the one before
 * it has written, so that ids exist by the time they are needed.
 */
import type { RealmAdmin } from '../keycloak/realm.ts'
import type { Client } from '../keycloak/representations.ts'
import type { RealmConfig } from './config.ts'
import type { Difference } from './compare.ts'

export type Change = {
  /** What it is, for a human: `client portal`, `flow ellipro browser`. */
  object: string
  action: 'create' | 'change' | 'remove'
  /** Key by key for a change; empty for an object created or removed as a whole. */
  differences: Difference[]
  write(admin: RealmAdmin): Promise<unknown>
}

/** What the server can do, read once. */
export type Server = { version: string; loginThemes: readonly string[]; emailThemes: readonly string[] }

export type Stage<State> = {
  name: string
  /** The state of a realm that does not exist yet. */
  none: State
  read(admin: RealmAdmin, config: RealmConfig): Promise<State>
  plan(current: State, config: RealmConfig, server: Server): Change[]
  /** What an administrator should know, and what this code leaves alone. */
  warn?(current: State, config: RealmConfig, server: Server): string[]
}

/** A client that every realm has. */
export function findClient(clients: readonly Client[], clientId: string): Client {
  const client = clients.find((other) => other.clientId === clientId)
  if (!client) throw new Error(`realm without client ${clientId}`)
  return client
}
