/**
 * Keycloak's two event logs, for the reader account. They are hints, never the truth: they are purged, and can be
 * cleared by an administrator. Read the user again before acting.
 *
 * Bounds are epoch milliseconds, both inclusive; events are stamped before they are committed, so poll with an
 * overlap of some minutes and take each id once. `partialImport` writes its events with resource type REALM: look at
 * `resourcePath` (`users/<id>`).
 */
import type { AdminEvent, UserEvent } from './representations.ts'
import type { Transport } from './transport.ts'

export type EventPage = { fromMs: number; toMs?: number; first: number; max: number }

export function createEvents(transport: Transport, realmPath: string) {
  const list = async <T>(path: string, page: EventPage, filter: Record<string, readonly string[]>) =>
    (
      await transport.send('GET', `${realmPath}${path}`, {
        query: {
          dateFrom: page.fromMs,
          dateTo: page.toMs,
          first: page.first,
          max: page.max,
          direction: 'asc',
          ...filter,
        },
      })
    ).data as T[]
  return {
    /** Oldest first. No `types` means all. */
    listUserEvents: (page: EventPage, types: readonly string[] = []): Promise<UserEvent[]> =>
      list<UserEvent>('/events', page, { type: types }),
    /** Oldest first. */
    listAdminEvents: (page: EventPage): Promise<AdminEvent[]> => list<AdminEvent>('/admin-events', page, {}),
  }
}
