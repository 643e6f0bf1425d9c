/**
 * What the agents' pages keep in the browser, in cookies sealed with a key of provider's, so that nobody reads or
 * changes what is in them and another browser has none of it:
 *
 *   staff               the session: 32 random bytes, known to the database by their SHA-256          8 hours
 *   staff_agent         whose session it is at Keycloak, for a kind word before admin-sync says no     8 hours
 *   staff_in_<state>    a sign-in under way: what for, and what Keycloak's answer must fit             10 minutes
 *   staff_draft         what was typed in a decision that did not come to its end                      30 minutes
 *
 * All are Lax: Strict would not come along when Keycloak leads back. That is enough, because nothing is changed by GET
 * but with the state and the code verifier of a sign-in that began here.
 */
import { deflateRawSync, inflateRawSync } from 'node:zlib'
import type { Request, Response } from 'express'
import { z } from 'zod'
import type { DecisionContent } from '../../core/nonce.ts'
import { hashOf, hashSecret, newSecret, parseSecret } from '../activation/browser-secrets.ts'
import type { Seal } from '../seal.ts'
import type { Cookies } from '../web/cookies.ts'

const sessionSeconds = 28_800
const signInSeconds = 600
const draftSeconds = 1800
/** A browser drops a cookie above 4096 bytes; a proxy most often refuses more than 8192 bytes of them together. */
const maxLength = 2800
const maxTogether = 3000

const decisionSchema = z.object({
  id: z.string(),
  caseId: z.string(),
  requestId: z.string().optional(),
  kind: z.enum(['open', 'refuse', 'holder_left', 'not_shared']),
  reason: z.string(),
  called: z.string().optional(),
  generation: z.number().int(),
})

const signInSchema = z.object({
  state: z.string(),
  codeVerifier: z.string(),
  purpose: z.discriminatedUnion('for', [
    /** `secret`: the cookie of the session to come; `to`: a path of ours. */
    z.object({ for: z.literal('session'), secret: z.string(), to: z.string() }),
    z.object({ for: z.literal('decision'), decision: decisionSchema }),
  ]),
})
export type StaffSignIn = z.infer<typeof signInSchema>

/** `by`: user id of whoever typed it, when that is known. */
const draftSchema = z.object({ decision: decisionSchema, by: z.string().optional() })
const agentSchema = z.object({ session: z.string(), userId: z.string() })

export type StaffCookies = {
  /** SHA-256 of the session's cookie. */
  sessionHash(req: Request): Buffer | undefined
  /** From now on this browser is that of the agent with this user id at Keycloak. */
  openSession(res: Response, secret: string, userId: string): void
  closeSession(res: Response): void
  /** The user id with which the present session began; `undefined` when that is not known any more. */
  agentId(req: Request): string | undefined
  keepSignIn(req: Request, res: Response, signIn: StaffSignIn): void
  /** The sign-in of this state; `undefined` in any browser but the one that began it. */
  signIn(req: Request, state: unknown): StaffSignIn | undefined
  /** The same, which is then forgotten. */
  takeSignIn(req: Request, res: Response, state: unknown): StaffSignIn | undefined
  /** Does what was typed fit into a cookie? */
  fits: (decision: DecisionContent) => boolean
  keepDraft(req: Request, res: Response, decision: DecisionContent): void
  /** What this agent had typed: nothing of whoever was at this browser before. */
  draft(req: Request): DecisionContent | undefined
  clearDraft(res: Response): void
}

/** @param now milliseconds since 1970 */
export function createStaffCookies(cookies: Cookies, seal: Seal, now: () => number): StaffCookies {
  function close(name: string, content: unknown, seconds: number): string {
    const text = JSON.stringify({ content, at: now(), until: now() + seconds * 1000 })
    // Words of people become half as long.
    return seal.close(deflateRawSync(text), name).toString('base64url')
  }
  function open(name: string, sealed: string | undefined): { content: unknown; at: number } | undefined {
    const opened = sealed && seal.open(Buffer.from(sealed, 'base64url'), name)
    if (!opened) return undefined
    const { content, at, until } = JSON.parse(inflateRawSync(opened).toString('utf8')) as {
      content: unknown
      at: number
      until: number
    }
    return until > now() ? { content, at } : undefined
  }
  const keep = (res: Response, name: string, content: unknown, seconds: number) =>
    cookies.set(res, name, close(name, content, seconds), { maxAgeSeconds: seconds })

  /** Drops the oldest sign-ins under way of this browser until one more has its place. */
  function makeRoom(req: Request, res: Response, length: number): void {
    const prefix = cookies.nameOf('staff_in_')
    const kept = (req.headers.cookie ?? '')
      .split(';')
      .map((part) => part.trim().split('=')[0] ?? '')
      .filter((name) => name.startsWith(prefix))
      .map((name) => {
        const base = `staff_in_${name.slice(prefix.length)}`
        const sealed = cookies.read(req, base)
        return { base, length: sealed?.length ?? 0, at: open(base, sealed)?.at ?? 0 }
      })
      .toSorted((a, b) => a.at - b.at)
    let together = kept.reduce((sum, one) => sum + one.length, length)
    for (const one of kept) {
      if (together <= maxTogether && one.at > 0) continue
      cookies.clear(res, one.base)
      together -= one.length
    }
  }

  return {
    sessionHash(req) {
      const bytes = parseSecret(cookies.read(req, 'staff'))
      return bytes && hashSecret(bytes)
    },
    openSession(res, secret, userId) {
      cookies.set(res, 'staff', secret, { maxAgeSeconds: sessionSeconds })
      keep(res, 'staff_agent', { session: hashOf(secret).toString('base64url'), userId }, sessionSeconds)
    },
    closeSession(res) {
      for (const name of ['staff', 'staff_agent', 'staff_draft']) cookies.clear(res, name)
    },
    agentId(req) {
      const found = open('staff_agent', cookies.read(req, 'staff_agent'))
      const agent = found && agentSchema.parse(found.content)
      const session = this.sessionHash(req)?.toString('base64url')
      return agent && agent.session === session ? agent.userId : undefined
    },
    keepSignIn(req, res, signIn) {
      const name = `staff_in_${signIn.state}`
      const sealed = close(name, signIn, signInSeconds)
      makeRoom(req, res, sealed.length)
      cookies.set(res, name, sealed, { maxAgeSeconds: signInSeconds })
    },
    signIn(req, state) {
      if (typeof state !== 'string' || !/^[\w-]{16,64}$/.test(state)) return undefined
      const name = `staff_in_${state}`
      const found = open(name, cookies.read(req, name))
      return found && signInSchema.parse(found.content)
    },
    takeSignIn(req, res, state) {
      const found = this.signIn(req, state)
      if (found) cookies.clear(res, `staff_in_${found.state}`)
      return found
    },
    fits: (decision) => {
      const signIn = {
        state: 'x'.repeat(43),
        codeVerifier: newSecret(),
        purpose: { for: 'decision', decision },
      }
      return close('staff_in_', signIn, signInSeconds).length <= maxLength
    },
    keepDraft(req, res, decision) {
      keep(res, 'staff_draft', { decision, by: this.agentId(req) }, draftSeconds)
    },
    draft(req) {
      const found = open('staff_draft', cookies.read(req, 'staff_draft'))
      const draft = found && draftSchema.parse(found.content)
      if (!draft || (draft.by !== undefined && draft.by !== this.agentId(req))) return undefined
      return readDecision(draft.decision)
    },
    clearDraft: (res) => cookies.clear(res, 'staff_draft'),
  }
}

/** A decision as a cookie holds it has no key for what is absent. */
export function readDecision(kept: z.infer<typeof decisionSchema>): DecisionContent {
  const { requestId, called, ...rest } = kept
  return { ...rest, requestId, called }
}
