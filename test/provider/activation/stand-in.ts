/**
 * Plays admin-sync in tests of provider: what its jobs do to the database, as role ellipro_sync, without Keycloak
 * and without mail. The real jobs have their own tests; here they only have to leave the same rows behind.
 */
import { createHash, randomBytes, randomUUID } from 'node:crypto'
import pg from 'pg'
import { afterAll } from 'vitest'

export const sha256 = (bytes: Buffer | string): Buffer => createHash('sha256').update(bytes).digest()

export type StandIn = {
  pool: pg.Pool
  /** The newest activation of an address. */
  idOf(address: string): Promise<string>
  /** `send-confirmation`: a mail left; its k and its withdraw code are what the person finds in it. */
  sendMail(id: string): Promise<{ k: Buffer; w: Buffer }>
  /** `send-confirmation` for an address that has an account: its owner was told, and nobody else. */
  refuse(id: string): Promise<void>
  /** `open-account`: gives the Keycloak user's id. */
  open(id: string): Promise<string>
  stateOf(id: string): Promise<{ state: string; reason: string | null; mail_generation: number }>
  /** Lets time pass for one activation. */
  age(id: string, seconds: number): Promise<void>
  set(name: string, value: number): Promise<void>
  outbox(id: string): Promise<string[]>
}

/** @param url connection as ellipro_sync */
export function createStandIn(url: string): StandIn {
  const pool = new pg.Pool({ connectionString: url, max: 4 })
  afterAll(() => pool.end())
  const recordMail = async (id: string, kind: string) =>
    pool.query(
      `INSERT INTO ellipro.mail (activation_id, kind, account, address_key)
       SELECT id, $2, account, address_key FROM ellipro.activation WHERE id = $1`,
      [id, kind],
    )
  return {
    pool,
    async idOf(address) {
      const { rows } = await pool.query<{ id: string }>(
        'SELECT id FROM ellipro.activation WHERE address_key = lower($1) ORDER BY created_at DESC LIMIT 1',
        [address],
      )
      if (!rows[0]) throw new Error('no activation of that address')
      return rows[0].id
    },
    async sendMail(id) {
      const [k, w] = [randomBytes(32), randomBytes(32)]
      await pool.query(
        'UPDATE ellipro.activation_secret SET link_hash = $2, withdraw_hash = $3 WHERE activation_id = $1',
        [id, sha256(k), sha256(w)],
      )
      await pool.query(
        `UPDATE ellipro.activation SET state = 'mailed', mailed_generation = mail_generation
         WHERE id = $1 AND state IN ('requested', 'mailed')`,
        [id],
      )
      await recordMail(id, 'confirmation')
      return { k, w }
    },
    async refuse(id) {
      await pool.query(
        `UPDATE ellipro.activation SET state = 'refused', reason = 'address_taken', mailed_generation = mail_generation
         WHERE id = $1 AND state IN ('requested', 'mailed', 'refused')`,
        [id],
      )
      await recordMail(id, 'already-registered')
    },
    async open(id) {
      const userId = randomUUID()
      await pool.query(
        `INSERT INTO ellipro.keycloak_user (address_key, user_id, state, opened_by)
         SELECT address_key, $2, 'opened', id FROM ellipro.activation WHERE id = $1`,
        [id, userId],
      )
      await pool.query('UPDATE ellipro.activation_secret SET credential = NULL WHERE activation_id = $1', [
        id,
      ])
      const { rowCount } = await pool.query(
        `UPDATE ellipro.activation SET state = 'opened', opened_at = now() WHERE id = $1 AND state = 'confirmed'`,
        [id],
      )
      if (rowCount !== 1) throw new Error('not confirmed')
      return userId
    },
    async stateOf(id) {
      const { rows } = await pool.query<{ state: string; reason: string | null; mail_generation: number }>(
        'SELECT state, reason, mail_generation FROM ellipro.activation WHERE id = $1',
        [id],
      )
      if (!rows[0]) throw new Error('no such activation')
      return rows[0]
    },
    async age(id, seconds) {
      await pool.query(
        `UPDATE ellipro.activation SET created_at = created_at - make_interval(secs => $2),
           expires_at = expires_at - make_interval(secs => $2),
           mail_requested_at = mail_requested_at - make_interval(secs => $2) WHERE id = $1`,
        [id, seconds],
      )
    },
    async set(name, value) {
      await pool.query('UPDATE ellipro.setting SET value = $2 WHERE name = $1', [name, value])
    },
    async outbox(id) {
      const { rows } = await pool.query<{ kind: string }>(
        'SELECT kind FROM ellipro.outbox WHERE activation_id = $1 ORDER BY id',
        [id],
      )
      return rows.map(({ kind }) => kind)
    },
  }
}
