/**
 * CSRF protection of every form: the hidden field `csrf` is an HMAC of the browser's random cookie, so a page of
 * another site, which can make the browser send the cookie, cannot know the field.
 *
 * Neither Origin nor Referer is looked at: our `Referrer-Policy: no-referrer` makes browsers send `Origin: null`.
 * Sec-Fetch-Site is: two tabs that a browser opens first and at once are each given a cookie, the later one stays, and
 * the form of the other tab has a field that fits no cookie any more. The browser itself then says that the form is ours.
 */
import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto'
import type { Request, RequestHandler, Response } from 'express'
import { ScreenError } from '../../core/errors.ts'
import type { Cookies } from './cookies.ts'

const cookie = 'browser'
const tokenOf = (key: Buffer, browser: string) =>
  createHmac('sha256', key).update(`csrf\0${browser}`).digest('base64url')

/** The token for a form; a browser without the cookie is given one in this answer. */
export function csrfToken(req: Request, res: Response, cookies: Cookies, key: Buffer): string {
  let browser = cookies.read(req, cookie)
  if (!browser || !/^[\w-]{43}$/.test(browser)) {
    browser = randomBytes(32).toString('base64url')
    cookies.set(res, cookie, browser, { maxAgeSeconds: 90_000 })
  }
  return tokenOf(key, browser)
}

/** No page can set this header; a page of another host of our domain would be `same-site`. */
const isSentByOurPage = (req: Request) => req.headers['sec-fetch-site'] === 'same-origin'

/**
 * Refuses a request that changes something without the right field. Goes after the body parser, and after the OP,
 * whose endpoints authenticate in their own ways.
 * @throws ScreenError `error.csrf`, 403
 */
export function csrfProtection(cookies: Cookies, key: Buffer): RequestHandler {
  return (req, _res, next) => {
    if (req.method === 'GET' || req.method === 'HEAD') return next()
    const browser = cookies.read(req, cookie)
    const given: unknown = (req.body as Record<string, unknown> | undefined)?.['csrf']
    if (!browser || typeof given !== 'string') throw new ScreenError('error.csrf', 403)
    const expected = Buffer.from(tokenOf(key, browser))
    const candidate = Buffer.from(given)
    const isRight = candidate.length === expected.length && timingSafeEqual(candidate, expected)
    if (!isRight && !isSentByOurPage(req)) throw new ScreenError('error.csrf', 403)
    next()
  }
}
