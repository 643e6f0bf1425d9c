/**
 * Limits of attempts: counted in PostgreSQL, so that all replicas share them, behind a small in-memory guard that
 * spares the database under a flood. It owns the counting; what a refused attempt looks like is the screen's
 * business: the very answer of a wrong password, at the same deadline (deadline.ts).
 *
 * An attempt is counted before it is looked at, so that parallel ones cannot all pass, and given back when it
 * succeeded or could not be judged. Three counters each, asked in this order: the network, the subject as tried from
 * this network, and the subject as tried from anywhere. One network alone can therefore not lock somebody else's
 * login, and many networks together cannot go on guessing one. Keys are hashed: the table holds no login, no address.
 */
import { createHash } from 'node:crypto'
import type pg from 'pg'
import { RateLimiterMemory, RateLimiterPostgres, RateLimiterRes } from 'rate-limiter-flexible'
import { UpstreamError } from '../../core/errors.ts'
import { loginKey } from '../../core/legacy-login.ts'

/** One attempt. `subject` is what is tried (a login, an address, an id); `network` comes from the request's context. */
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
  /** Asking for an access of one's own. Subject: the address. */
  access: Limit
  /** Typing the password of an activation, beside the tries that the database counts. Subject: the activation's id. */
  password: Limit
}

/** Attempts accepted in `seconds` from the first one on. */
export type Allowance = { network: number; pair: number; subject: number; seconds: number }

const allowances: Record<keyof Throttle, Allowance> = {
  // A customer company is one network: many people there may mistype in a morning.
  signIn: { network: 100, pair: 10, subject: 30, seconds: 900 },
  address: { network: 100, pair: 10, subject: 20, seconds: 3600 },
  // Everybody of an office may ask in one hour; the database counts what one login may ask for in a day.
  access: { network: 300, pair: 10, subject: 20, seconds: 3600 },
  password: { network: 100, pair: 10, subject: 20, seconds: 900 },
}

/** Requests of one network that reach the database in a minute, whatever they try. */
const guardPointsPerMinute = 600

/** Which counter of a limit was used up. */
export type UsedUp = 'guard' | 'network' | 'pair' | 'subject'

/**
 * @param pool connections of the role `ellipro_provider`; the table is provider.rate_limit
 * @param onRefused told of each attempt that is refused
 */
export function createThrottle(
  pool: pg.Pool,
  limits = allowances,
  onRefused: (limit: string, by: UsedUp) => void = () => {},
): Throttle {
  const guard = new RateLimiterMemory({ points: guardPointsPerMinute, duration: 60 })
  return {
    signIn: createLimit(pool, guard, 'sign-in', limits.signIn, onRefused),
    address: createLimit(pool, guard, 'address', limits.address, onRefused),
    access: createLimit(pool, guard, 'access', limits.access, onRefused),
    password: createLimit(pool, guard, 'password', limits.password, onRefused),
  }
}

/** Runs what an attempt that was taken is about. When it throws, nobody could say: the attempt is given back. */
export async function orGiveBack<T>(limit: Limit, attempt: Attempt, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    await limit.giveBack(attempt)
    throw error
  }
}

function createLimit(
  pool: pg.Pool,
  guard: RateLimiterMemory,
  kind: string,
  allowance: Allowance,
  onRefused: (limit: string, by: UsedUp) => void,
): Limit {
  const refuse = (by: UsedUp) => {
    onRefused(kind, by)
    return false
  }
  const counter = (name: string, points: number) =>
    new RateLimiterPostgres({
      storeClient: pool,
      storeType: 'pool',
      schemaName: 'provider',
      tableName: 'rate_limit',
      tableCreated: true,
      // main.ts purges what has expired, with the rest.
      clearExpiredByTimeout: false,
      keyPrefix: `${kind}.${name}`,
      points,
      duration: allowance.seconds,
    })
  const counters: { name: UsedUp; of: (attempt: Attempt) => string; counter: RateLimiterPostgres }[] = [
    { name: 'network', of: ({ network }) => network, counter: counter('network', allowance.network) },
    {
      name: 'pair',
      of: ({ network, subject }) => `${network}/${digest(subject)}`,
      counter: counter('pair', allowance.pair),
    },
    { name: 'subject', of: ({ subject }) => digest(subject), counter: counter('subject', allowance.subject) },
  ]
  /** As the limiter names its rows. */
  const keysOf = (attempt: Attempt) => counters.map(({ of, counter: c }) => `${c.keyPrefix}:${of(attempt)}`)
  return {
    async take(attempt) {
      if (!(await consume(guard, attempt.network))) return refuse('guard')
      let taken = 0
      try {
        for (const { name, of, counter: c } of counters) {
          if (!(await consume(c, of(attempt)))) return refuse(name)
          taken++
        }
      } catch (error) {
        await giveBackRows(pool, keysOf(attempt).slice(0, taken))
        throw error
      }
      return true
    },
    giveBack: (attempt) => giveBackRows(pool, keysOf(attempt)),
  }
}

const giveBackAgainMs = [200, 1000, 5000]

/**
 * One statement, however many rows: an outage gives many attempts back at once, when places in the pool are few. What
 * fails is tried again, and nobody waits for that. Rows are locked in order, so that two of these never wait for one
 * another. @param tries of before
 */
async function giveBackRows(pool: pg.Pool, keys: readonly string[], tries = 0): Promise<void> {
  if (keys.length === 0) return
  try {
    await pool.query(
      `WITH held AS MATERIALIZED
         (SELECT key FROM provider.rate_limit WHERE key = ANY ($1) ORDER BY key FOR UPDATE)
       UPDATE provider.rate_limit r SET points = points - 1 FROM held WHERE r.key = held.key AND r.points > 0`,
      [keys],
    )
  } catch {
    const again = giveBackAgainMs[tries]
    if (again !== undefined) setTimeout(() => void giveBackRows(pool, keys, tries + 1), again).unref()
  }
}

async function consume(counter: RateLimiterMemory | RateLimiterPostgres, key: string): Promise<boolean> {
  try {
    await counter.consume(key)
    return true
  } catch (reason) {
    if (reason instanceof RateLimiterRes) return false
    if (reason instanceof UpstreamError) throw reason
    throw new UpstreamError('postgres', 0, 'retry', 'throttle', { cause: reason })
  }
}

/** Spellings that the directory takes for one login are one subject; so are those of an address. */
const digest = (typed: string) =>
  createHash('sha256')
    .update(loginKey(typed) ?? typed)
    .digest('base64url')
