/**
 * The one way to an account at our OP: the proof that a confirmed activation gave to this browser, for the very
 * handle that the authorization request brings as `login_hint`. Taking it is one statement in the database, so a
 * proof counts once; a request without its proof gets the login page like everybody else.
 */
import { randomBytes } from 'node:crypto'
import type { Request, Response } from 'express'
import type { Log } from '../../core/log.ts'
import type { ActivationStore } from '../activation/store.ts'
import { contextOf } from '../web/context.ts'
import type { Cookies } from '../web/cookies.ts'

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
 * Takes the proof that this browser has for the handle.
 * @param loginHint of the authorization request
 * @returns the subject that it proves; `undefined` when there is none (any more): nothing happened
 * @throws the errors of the database
 */
export async function takeProof(
  { cookies, log, store }: { cookies: Cookies; log: Log; store: Pick<ActivationStore, 'takeProof'> },
  req: Request,
  res: Response,
  loginHint: unknown,
): Promise<string | undefined> {
  if (typeof loginHint !== 'string' || !isHandle(loginHint)) return undefined
  const proof = cookies.read(req, proofCookie(loginHint))
  if (!proof || !token.test(proof)) return undefined
  cookies.clear(res, proofCookie(loginHint))
  const taken = await store.takeProof(loginHint, Buffer.from(proof, 'base64url'))
  const context = contextOf(res)
  context.correlation.takeOver(taken?.correlationId)
  log.info({
    event: taken ? 'op.proof_taken' : 'op.proof_refused',
    ...context.ids,
    ...(taken && { activation_id: taken.activationId }),
  })
  return taken?.sub
}
