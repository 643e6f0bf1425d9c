/**
 * The help desk's webhook, `POST /hooks/tickets`: something changed there. It is a hint and nothing else: when the
 * signature is right, admin-sync is asked to look, and what the body says is not even read. So a replay, a flood of
 * hints or one that is lost changes nothing but when the next look is.
 *
 * The sender is a machine: no cookie, no CSRF field. `X-RT-Signature: sha256=<hex>` is the HMAC-SHA-256 of the body's
 * bytes with TICKETS_WEBHOOK_SECRET. Without that setting the route does not exist.
 */
import { createHmac, timingSafeEqual } from 'node:crypto'
import express, { type RequestHandler } from 'express'
import type { Dependencies } from '../dependencies.ts'
import { notFound } from '../error-handler.ts'
import { contextOf } from '../web/context.ts'

/** A transaction of a ticket is some hundred bytes. */
const longestBody = '64kb'

/** In this order, before any other reader of bodies. */
export function ticketHook({
  config,
  pool,
  log,
}: Pick<Dependencies, 'config' | 'pool' | 'log'>): RequestHandler[] {
  const secret = config.TICKETS_WEBHOOK_SECRET
  if (secret === undefined) return [notFound]
  const readBody = express.raw({ type: () => true, limit: longestBody, inflate: false })
  const answer: RequestHandler = async (req, res) => {
    const body: unknown = req.body
    if (!isSigned(secret, Buffer.isBuffer(body) ? body : Buffer.alloc(0), req.headers['x-rt-signature'])) {
      const { ids, network } = contextOf(res)
      log.warn({ event: 'hook.refused', ...ids, network })
      res.status(403).end()
      return
    }
    await pool.query('SELECT ellipro.hint_tickets()')
    res.status(204).end()
  }
  return [readBody, answer]
}

/** Takes the same time whatever is wrong with the signature. @param header as it came */
export function isSigned(secret: string, body: Buffer, header: unknown): boolean {
  const expected = createHmac('sha256', secret).update(body).digest()
  const hex = typeof header === 'string' ? /^sha256=([0-9a-f]{64})$/i.exec(header)?.[1] : undefined
  return (
    timingSafeEqual(expected, hex === undefined ? Buffer.alloc(expected.length) : Buffer.from(hex, 'hex')) &&
    hex !== undefined
  )
}
