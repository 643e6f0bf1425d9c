/**
 * The one way to answer an interaction: the proof that a confirmed activation gave to this browser, for the very
 * handle that the authorization request brought as `login_hint`. Taking it is one statement in the database, so a
 * proof counts once; a request without its proof gets the login page like everybody else.
 */
import { randomBytes } from 'node:crypto'
import type { Request, Response } from 'express'
import type { Log } from '../../core/log.ts'
import type { ActivationStore } from '../activation/store.ts'
import { contextOf } from '../web/context.ts'
import type { Cookies } from '../web/cookies.ts'
import type { Op } from './op.ts'

/** Cookie of the proof for a handle. */
const proofCookie = (handle: string) => `op_proof_${handle}`

/** 32 random bytes in base64url, the form of handles and proofs. */
const token = /^[\w-]{43}$/

/** Has this `login_hint` the form of a proof's handle? */
export const isHandle = (loginHint: string | undefined): loginHint is string =>
  loginHint !== undefined && token.test(loginHint)

/**
 * Gives this browser a proof for a new handle, good for a minute.
 * @param finisherHash SHA-256 of the cookie of the browser whose POST confirmed
 * @returns the handle, to be brought back as `login_hint`; `undefined` when the account is not open or its link has
 *   served: the person signs in with e-mail address and password
 */
export async function giveProof(
  { cookies, store }: { cookies: Cookies; store: ActivationStore },
  res: Response,
  activationId: string,
  finisherHash: Buffer,
): Promise<string | undefined> {
  const [handle, proof] = [randomBytes(32).toString('base64url'), randomBytes(32)]
  if (!(await store.mintProof(activationId, finisherHash, handle, proof))) return undefined
  cookies.set(res, proofCookie(handle), proof.toString('base64url'), { maxAgeSeconds: 60 })
  return handle
}

/**
 * Ends the interaction when this browser has the proof for its handle: true, and the answer is out. False: nothing
 * happened, show the login page.
 * @param loginHint of the interaction's authorization request
 * @throws ScreenError `error.interaction`, when the interaction ended meanwhile
 */
export async function answerByProof(
  { cookies, log, op, store }: { cookies: Cookies; log: Log; op: Op; store: ActivationStore },
  req: Request,
  res: Response,
  loginHint: string | undefined,
): Promise<boolean> {
  if (!isHandle(loginHint)) return false
  const proof = cookies.read(req, proofCookie(loginHint))
  if (!proof || !token.test(proof)) return false
  cookies.clear(res, proofCookie(loginHint))
  const taken = await store.takeProof(loginHint, Buffer.from(proof, 'base64url'))
  const context = contextOf(res)
  context.correlation.takeOver(taken?.correlationId)
  log.info({
    event: taken ? 'op.proof_taken' : 'op.proof_refused',
    ...context.ids,
    ...(taken && { activation_id: taken.activationId }),
  })
  if (!taken) return false
  await op.finish(req, res, taken.sub)
  return true
}
