/**
 * The port to a help desk: what admin-sync asks of any ticket queue, and what every connector answers.
 *
 * A case has one ticket. Its external key is the case's reference; `externalId` is the help desk's own name of it.
 * "Uncertain" is a normal answer of `ensure`: the help desk may or may not have made the ticket, and the caller asks again
 * later. Nothing is believed because it was answered with 200: what was written is read back.
 *
 * Connectors: rt.ts (Request Tracker 5), email.ts (one mail a ticket, to any help desk). connect.ts chooses one.
 * test/admin-sync/tickets/contract.ts is what each of them has to pass; docs/help-desk.md is for who writes a third one.
 *
 * The caller holds one lease a key while it calls `ensure` or `apply`: connectors keep no state between two calls.
 */

/** What we call the states of a ticket, whatever the help desk calls them. An unknown one counts as `open`. */
export const ticketStatuses = ['new', 'open', 'waiting', 'resolved', 'rejected', 'closed'] as const
export type TicketStatus = (typeof ticketStatuses)[number]

export type Draft = {
  /** Reference of the case, `ELP-XXXX-XXXX`: capitals, digits and hyphens, at most `capabilities.keyLimit` long. */
  key: string
  /** As somebody may have typed it; a connector takes line ends out and cuts it to what its help desk holds. */
  subject: string
  /** Plain text. */
  text: string
  /** Address of the person to whom the help desk writes; absent: nobody. */
  requester?: string
  /**
   * The `externalId` that the caller kept from an earlier answer. A connector whose help desk cannot be searched (e-mail)
   * then answers `existing` and sends nothing.
   */
  externalId?: string
  /**
   * Nobody ever asked for a ticket of this key, as far as the caller knows: a connector need not look for one first. It is
   * still sure that there is one ticket in the end.
   */
  isFirst?: boolean
}

export type Ticket = {
  externalId: string
  /** The ticket's page for an agent. */
  url?: string
  status: TicketStatus
  /** The help desk's own word for the status; empty when it has none. */
  rawStatus: string
  /** Login of the agent who has it; absent: nobody. */
  owner?: string
  /** Opaque: another one means that the ticket changed. */
  version?: string
}

export type Ensured =
  | { outcome: 'created' | 'existing'; ticket: Ticket }
  /** Asked, and not known whether it was done. `code` is short and stable, for the case's page and the log. */
  | { outcome: 'uncertain'; code: string }

/** Internal: the requester does not see it. A repeated note is one: its id stands in the text as `[ellipro:<id>]`. */
export type Note = { id: string; text: string }
export type Patch = { status?: TicketStatus; note?: Note; subject?: string }

export type Applied =
  /** `ticket` was read after the write; `notTaken` names what the help desk did not do although it did not refuse. */
  | { outcome: 'applied'; ticket: Ticket; notTaken: (keyof Patch)[] }
  /** An agent merged it into `ticket`. Nothing was written: the caller keeps the new id and applies to that. */
  | { outcome: 'merged'; ticket: Ticket }
  /** It was deleted, or is not there. Nothing was written. */
  | { outcome: 'gone' }

export type Change = {
  externalId: string
  /** Unique in this help desk. A change may be told more than once, always under the same id. */
  changeId: string
  at: Date
  /** Login at the help desk of who did it. */
  author: string
  /** Done by our own account: an echo of what we wrote. Never so for `merged` and `deleted`, which have to be followed. */
  own: boolean
} & (
  | { kind: 'status'; status: TicketStatus; rawStatus: string }
  | { kind: 'owner'; owner?: string }
  /** `text` is plain, cut at `replyLimit` characters; empty for our own. `internal`: not shown to the requester. */
  | { kind: 'reply'; text: string; internal: boolean }
  | { kind: 'merged'; into: string }
  | { kind: 'deleted' }
)
export const replyLimit = 10_000

export type Changes = {
  /** Oldest first; at least once each. */
  changes: Change[]
  /** Opaque; given to the next call. Kept by the caller only once `changes` are worked in. */
  cursor: string
  /** Ask again at once: the answer was a full page. */
  more: boolean
}

/** In an operator's words. `code` is stable: `token`, `queue`, `key_field`, `key_field_not_applied`, `language`, `right`... */
export type Problem = {
  code: string
  text: Record<'fr' | 'en', string>
  /** What to do about it. */
  remedy: Record<'fr' | 'en', string>
}

export type Capabilities = {
  /** `changes` can tell something. Without it, the status in a ticket is the one that was written last, or means nothing. */
  reportsChanges: boolean
  /** A ticket is found again by its key, so `ensure` after `uncertain` does not make a second one. */
  searchable: boolean
  /** Characters of a key. */
  keyLimit: number
  /** Bytes (UTF-8) of a subject. */
  subjectLimit: number
}

/**
 * Every method but `verify` throws UpstreamError('helpdesk', ...) when nothing may be concluded: `retry` when the help desk
 * could not be asked, said "later", or an operator has to mend something (the ticket waits for that); `fail` when asking
 * again would give the same answer. Codes: `unreachable` (nothing was sent), `cut`, `timeout`, `aborted`, `too_long`,
 * `not_json`, `unexpected`, `unauthorized`, `forbidden`, `queue`, `key_field`, `key_not_taken`, `invalid`, `cursor`,
 * `http_<status>`, `smtp_<status>`.
 */
export type TicketQueue = {
  /** `email` or `rt`: kept beside the ticket's id, which means nothing to another connector. */
  connector: string
  capabilities: Capabilities
  /**
   * Makes the one ticket of `draft.key`, or finds it. Safe at any time and from many sides at once where the help desk can be
   * searched; where it cannot (email), a repeated call without `externalId` may reach the desk twice, under one Message-ID.
   */
  ensure(draft: Draft, signal?: AbortSignal): Promise<Ensured>
  /** Writes what is in `patch` and differs, and answers with what is there afterwards. Repeatable. */
  apply(externalId: string, patch: Patch, signal?: AbortSignal): Promise<Applied>
  /** `undefined`: deleted or not there. After a merge: the ticket it went into, under that one's id. */
  get(externalId: string, signal?: AbortSignal): Promise<Ticket | undefined>
  /** What changed since `cursor`. `undefined` starts at this moment: nothing that was before is told. */
  changes(cursor: string | undefined, signal?: AbortSignal): Promise<Changes>
  /** Everything that would keep this connector from working, at once; empty when nothing. Never throws. */
  verify(signal?: AbortSignal): Promise<Problem[]>
  close(): void
}
