/**
 * Limits of attempts: counted in PostgreSQL, so that all replicas share them, behind a small in-memory guard that
 * spares the database under a flood. It owns the counting; what a refused attempt looks like is the screen's
 * business: the very answer of a wrong password, at the same deadline (deadline.ts).
 *
 * An attempt is counted before it is looked at, so that parallel ones cannot all pass, and given back when it
 * succeeded or could not be judged. Keys are hashed: the table holds no login and no address.
 */
import { createHash } from 'node:crypto'
import type pg from 'pg'
import {
  BurstyRateLimiter,
  RateLimiterMemory,
  RateLimiterPostgres,
  RateLimiterRes,
} from 'rate-limiter-flexible'
import { UpstreamError } from '../../core/errors.ts'

/** One kind of attempt. `subject` is what is tried (a login, an address); `network` comes from the context. */
export type Attempt = { subject: string; network: string }

export type Limit = {
  /**
   * Counts an attempt. False: one of its limits is used up, and it must not be looked at.
   * @throws UpstreamError `postgres`, retry, when it could not be counted
   */
  take(attempt: Attempt): Promise<boolean>
  /** Gives an attempt back: it succeeded, or nobody could say. Never throws. */
  giveBack(attempt: Attempt): Promise<void>
}

export type Throttle = {
  /** Legacy login and password. Subject: the login as typed. */
  signIn: Limit
  /** Asking for an activation of an address, or correcting it. Subject: the address. */
  address: Limit
  /** Typing the activation's password (confirmation, steering). Subject: the activation's id. */
  password: Limit
}
