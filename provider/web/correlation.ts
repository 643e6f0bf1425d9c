/**
 * The correlation id of a person's path: one opaque id from the first page to the opened account. It is made for a
 * browser at its first page, kept in a cookie as long as an activation lives, stored with the activation that the
 * browser starts, and taken over by another browser that proves something of the activation (a telephone that opens
 * the mail). It ends with the sign-in, and anew begins for whoever comes next at the same browser.
 *
 * The cookie's value is signed: one that we did not make is replaced by a new id and stands in no line. The id opens
 * nothing. It has the form of a UUID whose first twelve digits are decimal, so that they can be read out on the
 * telephone in any language and found in the log as they are.
 */
import { createHmac, randomInt, randomUUID, timingSafeEqual } from 'node:crypto'
import type { Request, Response } from 'express'
import type { Cookies } from './cookies.ts'

const cookie = 'correlation'
/** An hour more than an activation lives, for the time before it starts. */
const maxAgeSeconds = 90_000
const form = /^\d{8}-\d{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/
/** Callers that have no cookies of ours and no page: health checks, static files, Keycloak's back channel. */
const notPages = /^\/(health|assets|oidc\/(token|jwks|\.well-known))(\/|$)/

export type Correlation = {
  /** `undefined` where the caller is no browser with a page. */
  readonly id: string | undefined
  /** This browser has proved something of the activation that has this id; `undefined` changes nothing. */
  takeOver(id: string | undefined): void
  /** Another person's path begins in this browser. */
  beginAnew(): void
  /** An activation starts now: the cookie lives as long as it does. */
  renew(): void
  /** The path has come to its end; this answer still belongs to it. */
  end(): void
}

/** Reads the id of the request's browser; one that has none, or one that we did not make, is given one. */
export function readCorrelation(req: Request, res: Response, cookies: Cookies, key: Buffer): Correlation {
  let id: string | undefined
  const keep = (chosen: string) => {
    id = chosen
    cookies.set(res, cookie, `${id}.${sign(id, key)}`, { maxAgeSeconds })
  }
  if (!notPages.test(req.path)) {
    id = verify(cookies.read(req, cookie), key)
    if (id === undefined) keep(newCorrelationId())
  }
  return {
    get id() {
      return id
    },
    takeOver(other) {
      if (other === undefined || other === id) return
      // The back channel has no cookie jar; its lines carry the id all the same.
      if (id === undefined) id = other
      else keep(other)
    },
    beginAnew: () => keep(newCorrelationId()),
    renew() {
      if (id !== undefined) keep(id)
    },
    end: () => cookies.clear(res, cookie),
  }
}

export function newCorrelationId(): string {
  const digits = String(randomInt(10 ** 12)).padStart(12, '0')
  return `${digits.slice(0, 8)}-${digits.slice(8)}${randomUUID().slice(13)}`
}

/** The beginning of an id as people read it out: `4829 1507 3361`. */
export function readableReference(id: string): string {
  return id
    .replace('-', '')
    .slice(0, 12)
    .replace(/(.{4})(?=.)/g, '$1 ')
}

const sign = (id: string, key: Buffer) =>
  createHmac('sha256', key).update(`correlation\0${id}`).digest('base64url')

function verify(value: string | undefined, key: Buffer): string | undefined {
  const [id = '', signature = '', ...rest] = (value ?? '').split('.')
  if (!form.test(id) || rest.length > 0) return undefined
  const expected = Buffer.from(sign(id, key))
  const given = Buffer.from(signature)
  return given.length === expected.length && timingSafeEqual(given, expected) ? id : undefined
}
