/** The SQL statements of the notices to old addresses: how far the events are read, and what became of each. */
import type pg from 'pg'
import { inTransaction } from '../transaction.ts'

export type AddressChangeStore = ReturnType<typeof createAddressChangeStore>

const subject = 'address-changed'
/** A mail, and one more when the process was killed before it could write the first one down. */
const mostSends = 2

export function createAddressChangeStore(pool: pg.Pool) {
  return {
    /** Time of the newest event that was dealt with, as was every one before it. */
    async readCursor(): Promise<Date> {
      const { rows } = await pool.query<{ readUntil: Date }>(
        'SELECT read_until AS "readUntil" FROM ellipro.event_cursor WHERE subject = $1',
        [subject],
      )
      if (!rows[0]) throw new Error(`No cursor for ${subject}`)
      return rows[0].readUntil
    },

    /** Never goes back. Forgets what lies so far behind it that it is not read again. */
    moveCursor: (readUntil: Date) =>
      inTransaction(pool, async (client) => {
        await client.query(
          'UPDATE ellipro.event_cursor SET read_until = greatest(read_until, $2) WHERE subject = $1',
          [subject, readUntil],
        )
        await client.query(
          `DELETE FROM ellipro.handled_event h USING ellipro.event_cursor c
            WHERE h.subject = $1 AND c.subject = $1 AND h.event_at < c.read_until - interval '1 day'`,
          [subject],
        )
      }),

    async isHandled(eventId: string): Promise<boolean> {
      const { rowCount } = await pool.query(
        'SELECT FROM ellipro.handled_event WHERE subject = $1 AND event_id = $2 AND outcome IS NOT NULL',
        [subject, eventId],
      )
      return rowCount === 1
    },

    /** 'ok', or the budget of the address that is used up. Nobody's login pays for this mail. */
    async readBudget(addressKey: string): Promise<string> {
      const { rows } = await pool.query<{ budget: string }>(
        'SELECT ellipro.mail_budget(NULL, $1) AS budget',
        [addressKey],
      )
      return rows[0]?.budget ?? 'address_budget'
    },

    /** Before the mail leaves. False: as many as may have left already, or it was dealt with meanwhile. */
    async beginSend(eventId: string, at: Date): Promise<boolean> {
      const { rowCount } = await pool.query(
        `INSERT INTO ellipro.handled_event AS h (subject, event_id, event_at, sends) VALUES ($1, $2, $3, 1)
         ON CONFLICT (subject, event_id) DO UPDATE SET sends = h.sends + 1 WHERE h.outcome IS NULL AND h.sends < $4`,
        [subject, eventId, at, mostSends],
      )
      return rowCount === 1
    },

    /** The mail did not leave after all. */
    async takeBackSend(eventId: string): Promise<void> {
      await pool.query(
        'UPDATE ellipro.handled_event SET sends = sends - 1 WHERE subject = $1 AND event_id = $2 AND sends > 0',
        [subject, eventId],
      )
    },

    async recordOutcome(eventId: string, at: Date, outcome: string): Promise<void> {
      await pool.query(insertOutcome, [subject, eventId, at, outcome])
    },

    /** The mail has left: the event is dealt with, and the ledger has its line, in one transaction. */
    recordSent: (eventId: string, at: Date, userId: string, addressKey: string) =>
      inTransaction(pool, async (client) => {
        await client.query(insertOutcome, [subject, eventId, at, 'told'])
        await client.query(
          `INSERT INTO ellipro.mail (activation_id, kind, address_key)
           SELECT (SELECT opened_by FROM ellipro.keycloak_user WHERE user_id = $1), $2, $3`,
          [userId, subject, addressKey],
        )
      }),
  }
}

const insertOutcome = `INSERT INTO ellipro.handled_event (subject, event_id, event_at, outcome) VALUES ($1, $2, $3, $4)
  ON CONFLICT (subject, event_id) DO UPDATE SET outcome = excluded.outcome WHERE handled_event.outcome IS NULL`
