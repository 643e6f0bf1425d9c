/**
 * What a sign-in has to remember in the browser that began it: cookies sealed with a key of provider's, so that another
 * browser cannot finish it, and nobody can read or change what is in them.
 *
 *   rp_<state>   one sign-in, until its callback (10 minutes)
 *   rp_switch    somebody else is signed in: their ID token until they agree to leave, then the way back
 *
 * `ct_<state>` and `ct_switch` are the same for the sign-in that adds a contract (screens/contract/sign-in.ts).
 */
import type { Request, Response } from 'express'
import { z } from 'zod'
import type { Seal } from '../seal.ts'
import type { Cookies } from '../web/cookies.ts'

const seconds = 600

const pendingSchema = z.object({
  state: z.string(),
  nonce: z.string(),
  codeVerifier: z.string(),
  activationId: z.string(),
  /** This is the one retry, after somebody else's session was ended. */
  isRetry: z.boolean(),
})
export type PendingSignIn = z.infer<typeof pendingSchema>

const switchSchema = z.discriminatedUnion('stage', [
  z.object({
    stage: z.literal('asked'),
    activationId: z.string(),
    idToken: z.string(),
    email: z.string().optional(),
  }),
  z.object({ stage: z.literal('leaving'), activationId: z.string(), state: z.string() }),
])
export type Switch = z.infer<typeof switchSchema>

export type Transactions = {
  keepPending(res: Response, pending: PendingSignIn): void
  /** The sign-in of this state, which is then forgotten; `undefined` in any browser but the one that began it. */
  takePending(req: Request, res: Response, state: unknown): PendingSignIn | undefined
  keepSwitch(res: Response, content: Switch): void
  readSwitch(req: Request): Switch | undefined
  clearSwitch(res: Response): void
}

/**
 * @param now milliseconds since 1970
 * @param prefix of the cookies' names
 */
export function createTransactions(
  cookies: Cookies,
  seal: Seal,
  now: () => number,
  prefix: 'rp' | 'ct' = 'rp',
): Transactions {
  function keep(res: Response, name: string, content: unknown): void {
    const text = JSON.stringify({ content, expiresAt: now() + seconds * 1000 })
    cookies.set(res, name, seal.close(Buffer.from(text), name).toString('base64url'), {
      maxAgeSeconds: seconds,
    })
  }
  function read<T>(req: Request, name: string, schema: z.ZodType<T>): T | undefined {
    const sealed = cookies.read(req, name)
    const opened = sealed && seal.open(Buffer.from(sealed, 'base64url'), name)
    if (!opened) return undefined
    const { content, expiresAt } = JSON.parse(opened.toString('utf8')) as {
      content: unknown
      expiresAt: number
    }
    return expiresAt > now() ? schema.parse(content) : undefined
  }
  return {
    keepPending: (res, pending) => keep(res, `${prefix}_${pending.state}`, pending),
    takePending(req, res, state) {
      if (typeof state !== 'string' || !/^[\w-]{16,64}$/.test(state)) return undefined
      const pending = read(req, `${prefix}_${state}`, pendingSchema)
      if (pending) cookies.clear(res, `${prefix}_${state}`)
      return pending
    },
    keepSwitch: (res, content) => keep(res, `${prefix}_switch`, content),
    readSwitch: (req) => read(req, `${prefix}_switch`, switchSchema),
    clearSwitch: (res) => cookies.clear(res, `${prefix}_switch`),
  }
}
