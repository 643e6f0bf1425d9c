/** The SQL of the exchange with the help desk: the outbox of tickets, and what is read back from it. */
import { randomUUID } from 'node:crypto'
import type pg from 'pg'
import type { Change, Ticket, TicketStatus } from '../tickets/port.ts'
import { inTransaction } from '../transaction.ts'

export type TicketRow = {
  connector: string
  externalId: string | null
  status: TicketStatus
  rawStatus: string | null
  owner: string | null
  wantedStatus: 'open' | 'resolved' | null
  deletedAt: Date | null
}
export type DueNote = { id: string; text: string }
/** What is the help desk's at this moment; `undefined`: it has no such ticket. */
export type Truth = ReadonlyMap<string, Ticket | undefined>

export type TicketStore = ReturnType<typeof createTicketStore>

/** A process that was killed keeps others away for this long, at most. */
const leaseSeconds = 60

export function createTicketStore(pool: pg.Pool) {
  return {
    /** @returns the lease, or `undefined` while somebody else has it */
    async takeLease(caseId: string): Promise<string | undefined> {
      const lease = randomUUID()
      const { rowCount } = await pool.query(
        `UPDATE ellipro.ticket SET lease = $2, lease_until = now() + make_interval(secs => $3)
          WHERE case_id = $1 AND (lease IS NULL OR lease_until < now())`,
        [caseId, lease, leaseSeconds],
      )
      return rowCount === 1 ? lease : undefined
    },
    /** False: it is somebody else's by now, and the work must stop. */
    async renewLease(caseId: string, lease: string): Promise<boolean> {
      const { rowCount } = await pool.query(
        `UPDATE ellipro.ticket SET lease_until = now() + make_interval(secs => $3) WHERE case_id = $1 AND lease = $2`,
        [caseId, lease, leaseSeconds],
      )
      return rowCount === 1
    },
    async releaseLease(caseId: string, lease: string): Promise<void> {
      await pool.query(
        'UPDATE ellipro.ticket SET lease = NULL, lease_until = NULL WHERE case_id = $1 AND lease = $2',
        [caseId, lease],
      )
    },

    /** Before the help desk is asked to make it. True: it never was before. */
    async markAsked(caseId: string): Promise<boolean> {
      const { rowCount } = await pool.query(
        'UPDATE ellipro.ticket SET asked_at = now() WHERE case_id = $1 AND asked_at IS NULL',
        [caseId],
      )
      return rowCount === 1
    },

    async readTicket(caseId: string): Promise<TicketRow | undefined> {
      const { rows } = await pool.query<TicketRow>(
        `SELECT connector, external_id AS "externalId", status, raw_status AS "rawStatus", owner,
                wanted_status AS "wantedStatus", deleted_at AS "deletedAt"
           FROM ellipro.ticket WHERE case_id = $1`,
        [caseId],
      )
      return rows[0]
    },

    /** Another help desk was configured: the ticket of before means nothing to it. */
    async changeConnector(caseId: string, connector: string): Promise<void> {
      await pool.query(
        `UPDATE ellipro.ticket SET connector = $2, external_id = NULL, url = NULL, status = 'new', raw_status = NULL,
                owner = NULL, deleted_at = NULL WHERE case_id = $1 AND connector <> $2`,
        [caseId, connector],
      )
    },

    /**
     * What the help desk has, as it was read. A change of number, status or owner is news to the users of the case.
     * @param event kind of the line in the history, with a number that is new
     */
    recordTicket: (
      caseId: string,
      ticket: Ticket,
      options: { status?: TicketStatus; event?: 'ticket_created' | 'ticket_merged' } = {},
    ): Promise<void> =>
      inTransaction(pool, async (client) => {
        const { rows } = await client.query<{
          externalId: string | null
          status: string
          owner: string | null
        }>(
          `SELECT external_id AS "externalId", status, owner FROM ellipro.ticket WHERE case_id = $1 FOR UPDATE`,
          [caseId],
        )
        const before = rows[0]
        if (!before) return
        const status = options.status ?? ticket.status
        await client.query(
          `UPDATE ellipro.ticket SET external_id = $2, url = $3, status = $4, raw_status = $5, owner = $6,
                  deleted_at = NULL, synced_at = now() WHERE case_id = $1`,
          [caseId, ticket.externalId, ticket.url ?? null, status, ticket.rawStatus, ticket.owner ?? null],
        )
        if (before.externalId !== ticket.externalId && options.event)
          await addEvent(client, caseId, options.event, 'help-desk', { ticket: ticket.externalId })
        const isNews =
          before.externalId !== ticket.externalId ||
          before.status !== status ||
          before.owner !== (ticket.owner ?? null)
        if (isNews) await client.query('SELECT ellipro.touch_case($1)', [caseId])
        // Agents may have merged the tickets of several cases into this one: it is theirs too.
        await client.query(
          `WITH others AS (
             UPDATE ellipro.ticket o SET status = t.status, raw_status = t.raw_status, owner = t.owner
               FROM ellipro.ticket t
              WHERE t.case_id = $1 AND o.case_id <> $1 AND o.connector = t.connector AND o.external_id = t.external_id
                AND (o.status <> t.status OR o.owner IS DISTINCT FROM t.owner)
             RETURNING o.case_id)
           SELECT ellipro.touch_case(case_id) FROM others`,
          [caseId],
        )
      }),

    /** It was deleted at the help desk; what became of the case is the next pass's. */
    recordGone: (caseId: string, externalId: string): Promise<void> =>
      inTransaction(pool, async (client) => {
        await forget(client, caseId, externalId, { isTold: false })
        await client.query('SELECT ellipro.touch_case($1)', [caseId])
      }),

    async listDueNotes(caseId: string): Promise<DueNote[]> {
      const { rows } = await pool.query<DueNote>(
        'SELECT id, text FROM ellipro.ticket_note WHERE case_id = $1 AND posted_at IS NULL ORDER BY seq',
        [caseId],
      )
      return rows
    },
    async markPosted(noteId: string): Promise<void> {
      await pool.query(
        'UPDATE ellipro.ticket_note SET posted_at = now() WHERE id = $1 AND posted_at IS NULL',
        [noteId],
      )
    },
    /** The wish is fulfilled, unless there is another one by now. */
    async fulfil(caseId: string, wanted: string): Promise<void> {
      await pool.query(
        'UPDATE ellipro.ticket SET wanted_status = NULL WHERE case_id = $1 AND wanted_status = $2',
        [caseId, wanted],
      )
    },
    /** From here on the case says that it waits for the help desk. */
    async noteTrouble(caseId: string, code: string): Promise<void> {
      await pool.query(
        `UPDATE ellipro.ticket SET waiting_since = coalesce(waiting_since, now()), last_error = $2 WHERE case_id = $1`,
        [caseId, code],
      )
    },
    /** The help desk has all that there is; a wish or a note that came meanwhile keeps it waiting. */
    async noteSettled(caseId: string): Promise<void> {
      await pool.query(
        `UPDATE ellipro.ticket t SET waiting_since = NULL, last_error = NULL
          WHERE case_id = $1 AND wanted_status IS NULL AND (external_id IS NOT NULL OR deleted_at IS NOT NULL)
            AND NOT EXISTS (SELECT FROM ellipro.ticket_note n WHERE n.case_id = t.case_id AND n.posted_at IS NULL)`,
        [caseId],
      )
    },

    // ── back ────────────────────────────────────────────────────────────────────────────────────────────────────

    async readCursor(connector: string): Promise<string | undefined> {
      const { rows } = await pool.query<{ value: string }>(
        'SELECT value FROM ellipro.sync_cursor WHERE name = $1',
        [cursorName(connector)],
      )
      return rows[0]?.value
    },
    /** Where the reading of changes begins; a cursor that is there stays. */
    async startCursor(connector: string, cursor: string): Promise<void> {
      await pool.query(
        'INSERT INTO ellipro.sync_cursor (name, value) VALUES ($1, $2) ON CONFLICT (name) DO NOTHING',
        [cursorName(connector), cursor],
      )
    },

    /** Which of these numbers are tickets of ours. */
    async listKnown(connector: string, externalIds: readonly string[]): Promise<Set<string>> {
      const { rows } = await pool.query<{ id: string }>(
        'SELECT DISTINCT external_id AS id FROM ellipro.ticket WHERE connector = $1 AND external_id = ANY ($2)',
        [connector, externalIds],
      )
      return new Set(rows.map(({ id }) => id))
    },
    /** Which of these changes were worked in before. */
    async listSeen(connector: string, changeIds: readonly string[]): Promise<Set<string>> {
      const { rows } = await pool.query<{ id: string }>(
        'SELECT change_id AS id FROM ellipro.ticket_change WHERE connector = $1 AND change_id = ANY ($2)',
        [connector, changeIds],
      )
      return new Set(rows.map(({ id }) => id))
    },

    /**
     * Works changes in, each once, and moves the cursor, in one transaction.
     * @param truth what the help desk said of each of their tickets after the changes were read
     * @returns how many had an effect; `undefined` when somebody else has moved the cursor meanwhile: nothing was done
     */
    workIn: (
      connector: string,
      { from, to }: { from: string; to: string },
      changes: readonly Change[],
      truth: Truth,
    ): Promise<number | undefined> =>
      inTransaction(pool, async (client) => {
        const { rowCount } = await client.query(
          'UPDATE ellipro.sync_cursor SET value = $3, at = now() WHERE name = $1 AND value = $2',
          [cursorName(connector), from, to],
        )
        if (rowCount === 0) return undefined
        const fresh: Change[] = []
        for (const change of changes) if (await markSeen(client, connector, change)) fresh.push(change)
        return workInFresh(client, connector, fresh, truth)
      }),
  }
}

const cursorName = (connector: string) => `tickets:${connector}`

/** False: it was worked in before. */
async function markSeen(client: pg.ClientBase, connector: string, { changeId }: Change): Promise<boolean> {
  const { rowCount } = await client.query(
    'INSERT INTO ellipro.ticket_change (connector, change_id) VALUES ($1, $2) ON CONFLICT DO NOTHING',
    [connector, changeId.slice(0, 200)],
  )
  return rowCount === 1
}

async function workInFresh(
  client: pg.ClientBase,
  connector: string,
  changes: readonly Change[],
  truth: Truth,
): Promise<number> {
  let effects = 0
  // A merge changes the number: whose it was is asked before anything is written.
  for (const [externalId, ofTicket] of Map.groupBy(changes, (change) => change.externalId)) {
    const { rows } = await client.query<{ caseId: string }>(
      `SELECT case_id AS "caseId" FROM ellipro.ticket WHERE connector = $1 AND external_id = $2
        ORDER BY case_id FOR UPDATE`,
      [connector, externalId],
    )
    for (const { caseId } of rows) {
      for (const change of ofTicket) {
        const [kind, detail] = describe(change)
        await addEvent(client, caseId, kind, clean(change.author, 200) || 'help-desk', detail)
      }
      const ticket = truth.get(externalId)
      if (ticket) await storeTruth(client, caseId, ticket)
      else
        await forget(client, caseId, externalId, {
          isTold: ofTicket.some(({ kind }) => kind === 'deleted'),
        })
      await client.query('SELECT ellipro.touch_case($1)', [caseId])
    }
    if (rows.length > 0) effects += ofTicket.length
  }
  return effects
}

async function storeTruth(client: pg.ClientBase, caseId: string, ticket: Ticket): Promise<void> {
  await client.query(
    `UPDATE ellipro.ticket SET external_id = $2, url = coalesce($3, url), status = $4, raw_status = $5, owner = $6,
            synced_at = now() WHERE case_id = $1`,
    [
      caseId,
      ticket.externalId,
      ticket.url ?? null,
      ticket.status,
      clean(ticket.rawStatus, 200),
      ticket.owner === undefined ? null : clean(ticket.owner, 200),
    ],
  )
}

function describe(change: Change): [string, object] {
  if (change.kind === 'status')
    return ['ticket_status', { status: change.status, rawStatus: clean(change.rawStatus, 200) }]
  if (change.kind === 'owner')
    return ['ticket_owner', { owner: change.owner === undefined ? null : clean(change.owner, 200) }]
  if (change.kind === 'reply')
    return ['ticket_reply', { text: clean(change.text, 10_000), internal: change.internal }]
  if (change.kind === 'merged') return ['ticket_merged', { ticket: clean(change.into, 200) }]
  return ['ticket_deleted', { ticket: clean(change.externalId, 200) }]
}

async function forget(
  client: pg.ClientBase,
  caseId: string,
  externalId: string,
  { isTold }: { isTold: boolean },
): Promise<void> {
  const { rowCount } = await client.query(
    `UPDATE ellipro.ticket SET external_id = NULL, url = NULL, owner = NULL, status = 'closed', deleted_at = now()
      WHERE case_id = $1 AND external_id = $2`,
    [caseId, externalId],
  )
  if (rowCount === 1 && !isTold)
    await addEvent(client, caseId, 'ticket_deleted', 'help-desk', { ticket: externalId })
}

const addEvent = (client: pg.ClientBase, caseId: string, kind: string, actor: string, detail: object) =>
  client.query('SELECT ellipro.note_case($1, NULL, $2, $3, $4)', [
    caseId,
    kind,
    actor,
    JSON.stringify(detail),
  ])

/** As typed, but for what PostgreSQL does not hold. */
const clean = (text: string, length: number): string =>
  text.slice(0, length).toWellFormed().replaceAll('\0', '')
