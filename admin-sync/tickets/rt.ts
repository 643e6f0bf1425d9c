/**
 * The connector to Request Tracker 5, over its REST 2.0.
 *
 * What it owns is in rt/: client.ts (one call), desk.ts (reading tickets), ensure.ts (one ticket a key), apply.ts (writing),
 * changes.ts with cursor.ts and replies.ts (what agents did), verify.ts with problems.ts (what is set up wrong), status.ts
 * (their words and ours), shapes.ts (answers that are believed).
 *
 * RT answers 200 to things that it did not do, so nothing is believed that was not read back. Its texts are never read: they
 * are in the language of whoever asks. Nothing is kept between two calls but names, that the key
 * field was there, and a ticket that could not be found again.
 */
import type { TicketQueue } from './port.ts'
import { UpstreamError } from '../../core/errors.ts'
import { applyPatch } from './rt/apply.ts'
import { readChanges } from './rt/changes.ts'
import { createClient } from './rt/client.ts'
import { ownName, readTicket, toTicket, type Desk } from './rt/desk.ts'
import { ensureTicket, keyLimit, newMemory, subjectLimit } from './rt/ensure.ts'
import type { StatusMap } from './rt/status.ts'
import { verifyDesk } from './rt/verify.ts'

export type RtOptions = {
  /** Base address, without a trailing slash. */
  url: string
  token: string
  /** Name of the queue. */
  queue: string
  /** Name of the ticket custom field that holds the key. */
  keyField: string
  statuses: StatusMap
  /** For one request and its answer. */
  timeoutMs: number
}

export function connectRt({ url, token, queue, keyField, statuses, timeoutMs }: RtOptions): TicketQueue {
  const desk: Desk = { client: createClient({ url, token, timeoutMs }), url, queue, keyField, statuses }
  const own = ownName(desk.client)
  const memory = newMemory()
  const context = { own, userNames: new Map<string, string>() }
  return {
    connector: 'rt',
    capabilities: { reportsChanges: true, searchable: true, keyLimit, subjectLimit },
    async ensure(draft, signal) {
      if (draft.key === '' || draft.key.length > keyLimit)
        throw new UpstreamError('helpdesk', 0, 'fail', 'invalid')
      return ensureTicket(desk, own, memory, draft, signal)
    },
    apply: (externalId, patch, signal) => applyPatch(desk, externalId, patch, signal),
    async get(externalId, signal) {
      const found = await readTicket(desk, externalId, signal)
      return found && toTicket(desk, found.data, found.etag)
    },
    changes: (cursor, signal) => readChanges(desk, context, cursor, signal),
    verify: (signal) => verifyDesk(desk, signal),
    close: () => {},
  }
}
