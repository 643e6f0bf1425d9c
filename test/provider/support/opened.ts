/** An activation that was confirmed by a browser and opened by admin-sync, as rows; Keycloak is not asked. */
import { createHash, randomBytes, randomUUID } from 'node:crypto'
import pg from 'pg'
import { afterAll } from 'vitest'
import type { Browser } from './browser.ts'

export type Opened = { id: string; sub: string; userId: string; address: string }

export type Opener = {
  /** Makes an opened activation; `browser` becomes the one whose POST confirmed it. */
  open(browser: Browser, origin: string, userId?: string): Promise<Opened>
  /** Gives the browser a fresh proof, as the opening page does; the handle. */
  prove(browser: Browser, origin: string, opened: Opened): Promise<string>
  pool: pg.Pool
}

const sha256 = (bytes: Buffer) => createHash('sha256').update(bytes).digest()

/** @param url connection as ellipro_sync */
export function createOpener(url: string): Opener {
  const pool = new pg.Pool({ connectionString: url, max: 4 })
  afterAll(() => pool.end())
  return {
    pool,
    async open(browser, origin, userId = randomUUID()) {
      const address = `${randomBytes(6).toString('hex')}@example.test`
      const { rows } = await pool.query<{ id: string; sub: string }>(
        `INSERT INTO ellipro.activation (state, account, login, company, contract, address, locale, expires_at, opened_at)
         VALUES ('opened', $1, 'login', 'Company', 'C1', $2, 'fr', now() + interval '1 day', now()) RETURNING id, sub`,
        [randomUUID(), address],
      )
      const { id, sub } = rows[0]!
      const finisher = randomBytes(32)
      await pool.query(
        'INSERT INTO ellipro.activation_secret (activation_id, finisher_hash) VALUES ($1, $2)',
        [id, sha256(finisher)],
      )
      await pool.query(
        `INSERT INTO ellipro.keycloak_user (address_key, user_id, state, opened_by) VALUES ($1, $2, 'opened', $3)`,
        [address, userId, id],
      )
      const { host } = new URL(origin)
      browser.cookies.push({ host, name: `finish_${id}`, value: finisher.toString('base64url'), path: '/' })
      return { id, sub, userId, address }
    },
    async prove(browser, origin, { id }) {
      const { host } = new URL(origin)
      const finisher = browser.cookies.find(({ name }) => name === `finish_${id}`)!.value
      const [handle, proof] = [randomBytes(32).toString('base64url'), randomBytes(32)]
      // Role ellipro_sync may not call provider's functions: this is what mint_proof does.
      const { rowCount } = await pool.query(
        `UPDATE ellipro.activation_secret SET proof_handle = $2, proof_hash = $3,
           proof_expires_at = now() + interval '60 seconds' WHERE activation_id = $1 AND finisher_hash = $4`,
        [id, handle, sha256(proof), sha256(Buffer.from(finisher, 'base64url'))],
      )
      if (rowCount !== 1) throw new Error('no proof')
      browser.cookies.push({
        host,
        name: `op_proof_${handle}`,
        value: proof.toString('base64url'),
        path: '/',
      })
      return handle
    },
  }
}
