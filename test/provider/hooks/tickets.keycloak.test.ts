/** The webhook on the running application. It fails when a wrong signature is followed, or a right one needs a cookie. */
import { createHmac, randomBytes } from 'node:crypto'
import pg from 'pg'
import { afterAll, beforeEach, describe, expect, it } from 'vitest'
import { createDatabase } from '../../support/postgres.ts'
import { startInstance } from '../support/instance.ts'

const database = await createDatabase()
const secret = 'a-secret-of-the-webhook'
const provider = await startInstance(database.provider, { TICKETS_WEBHOOK_SECRET: secret })
const without = await startInstance(database.provider)
const pool = new pg.Pool({ connectionString: database.superuser, max: 1 })
afterAll(() => pool.end())
beforeEach(() => pool.query('DELETE FROM ellipro.case_outbox'))

const sign = (body: string | Buffer, key = secret) =>
  `sha256=${createHmac('sha256', key).update(body).digest('hex')}`
const send = async (
  body: string | Buffer,
  signature?: string,
  origin = provider.origin,
  type = 'application/json',
) => {
  const answer = await fetch(`${origin}/hooks/tickets`, {
    method: 'POST',
    headers: { 'content-type': type, ...(signature !== undefined && { 'x-rt-signature': signature }) },
    body: typeof body === 'string' ? body : new Uint8Array(body),
  })
  return { status: answer.status, text: await answer.text() }
}
const hints = async () => {
  const { rows } = await pool.query<{ kind: string }>('SELECT kind FROM ellipro.case_outbox')
  return rows.map(({ kind }) => kind)
}
const body = JSON.stringify({ ticket: 412, transaction: 2498, type: 'Status', creator: 'é' })

describe('the webhook of the help desk', () => {
  it('asks admin-sync to look, once for many hints, whatever the body and its type', async () => {
    expect(await send(body, sign(body))).toEqual({ status: 204, text: '' })
    // A replay, and a body that is neither JSON nor text.
    expect((await send(body, sign(body))).status).toBe(204)
    const bytes = randomBytes(1000)
    expect(
      (await send(bytes, sign(bytes).toUpperCase().replace('SHA256', 'sha256'), undefined, 'text/plain'))
        .status,
    ).toBe(204)
    expect(
      (await send('csrf=x', sign('csrf=x'), undefined, 'application/x-www-form-urlencoded')).status,
    ).toBe(204)
    expect(await hints()).toEqual(['poll-tickets'])
  })

  it.each([
    ['no signature', undefined],
    ['an empty one', ''],
    ['one of another key', sign(body, 'another-secret-of-it')],
    ['one of another body', sign(`${body} `)],
    ['one without its name', sign(body).slice('sha256='.length)],
    ['half of one', sign(body).slice(0, -2)],
    ['one too long', `${sign(body)}00`],
    ['zeros', `sha256=${'0'.repeat(64)}`],
    ['another algorithm', sign(body).replace('sha256', 'sha1')],
  ])('refuses %s and says so in the log, without the body', async (_what, signature) => {
    provider.logged.length = 0
    expect((await send(body, signature)).status).toBe(403)
    expect(await hints()).toEqual([])
    const lines = provider.logged.filter(({ event }) => event === 'hook.refused')
    expect(lines).toHaveLength(1)
    expect(JSON.stringify(provider.logged)).not.toContain('2498')
  })

  it('reads no long body, and none that is packed', async () => {
    const long = 'x'.repeat(70_000)
    expect((await send(long, sign(long))).status).toBe(413)
    const packed = await fetch(`${provider.origin}/hooks/tickets`, {
      method: 'POST',
      headers: { 'content-encoding': 'gzip', 'x-rt-signature': sign(body) },
      body,
    })
    expect(packed.status).toBe(415)
    expect(await hints()).toEqual([])
  })

  it('is not there without a secret, nor for reading', async () => {
    expect((await send(body, sign(body), without.origin)).status).toBe(404)
    expect((await fetch(`${provider.origin}/hooks/tickets`)).status).toBe(404)
    expect(await hints()).toEqual([])
  })
})
