/**
 * Authorization requests under a flood. Anybody may make one without knowing anything, and each is a row that lives as
 * long as a person may look at the login page. So a network has its number of them, every one is small, and there is a
 * number of rows in all, above which the oldest go: their people are told to start again.
 *
 * The numbers of networks are counted in the memory of each process: the flood must not cost a statement to refuse.
 */
import type { RequestHandler } from 'express'
import type pg from 'pg'
import { RateLimiterMemory, RateLimiterRes } from 'rate-limiter-flexible'
import { ScreenError } from '../../core/errors.ts'
import { contextOf } from '../web/context.ts'
import { interactionSeconds } from './definition.ts'

/** Of a request's path and query; Keycloak's own have some 700. */
const longestRequest = 4096
const mostInteractions = 50_000

/**
 * Goes before the OP.
 * @param perNetwork requests of a network (/24 or /64) in the time that one lives
 * @throws ScreenError `error.authorization_request`, 400, for what Keycloak never sends: too long, or control characters,
 *   of which the database refuses some; `error.too_many`, 429
 */
export function limitAuthorizations(perNetwork: number): RequestHandler {
  const limiter = new RateLimiterMemory({ points: perNetwork, duration: interactionSeconds })
  return async (req, res, next) => {
    // The way back from the login page has an interaction already.
    if (req.method !== 'GET' || req.path !== '/auth') return next()
    if (req.originalUrl.length > longestRequest || hasControlCharacter(req.query))
      throw new ScreenError('error.authorization_request', 400)
    try {
      await limiter.consume(contextOf(res).network)
    } catch (reason) {
      if (!(reason instanceof RateLimiterRes)) throw reason
      res.setHeader('Retry-After', String(Math.ceil(reason.msBeforeNext / 1000)))
      throw new ScreenError('error.too_many', 429)
    }
    next()
  }
}

/** Of names and of values, those that came twice included. */
const hasControlCharacter = (query: object) =>
  Object.entries(query)
    .flat(2)
    .some((text) => /\p{Cc}/u.test(String(text)))

/** Removes the oldest interactions above `most`. @returns how many @throws the errors of `pg` */
export async function boundInteractions(pool: pg.Pool, most = mostInteractions): Promise<number> {
  const { rowCount } = await pool.query(
    `DELETE FROM provider.oidc_payload WHERE model = 'Interaction' AND id IN
       (SELECT id FROM provider.oidc_payload WHERE model = 'Interaction' ORDER BY expires_at DESC OFFSET $1)`,
    [most],
  )
  return rowCount ?? 0
}
