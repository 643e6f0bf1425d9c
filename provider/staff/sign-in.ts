/**
 * An agent's sign-ins at Keycloak: the one that begins a session, and the one that goes with each decision. Both come
 * back to one callback, and what each is good for is in its nonce (core/nonce.ts), so the ID token of one never counts
 * for the other.
 *
 *   GET  /staff/sign-in        a page that offers it; with ?to= (a path of ours) it begins at once
 *   GET  /staff/callback       Keycloak's answer: its ID token goes to the database, for admin-sync alone to verify,
 *                              and is kept nowhere else
 *   POST /staff/sign-out       ends our session; the page that follows offers to end Keycloak's
 */
import type { Request, RequestHandler, Response } from 'express'
import type { Log } from '../../core/log.ts'
import { sessionNonce } from '../../core/nonce.ts'
import { hashOf, newSecret } from '../activation/browser-secrets.ts'
import type { KeycloakRp } from '../sign-in/keycloak.ts'
import { contextOf } from '../web/context.ts'
import { sendContinue } from '../web/continue.ts'
import { finishDecision, type DecisionParts } from './decision.ts'
import { readDecision, type StaffCookies, type StaffSignIn } from './kept.ts'
import { renderSignIn, renderSignInProblem } from './pages.ts'
import { returnPath } from './return-path.ts'
import { isOutage, queryOf } from '../sign-in/round-trip.ts'
import type { Guard } from './session.ts'
import type { StaffStore } from './store.ts'

type SignInParts = {
  cookies: StaffCookies
  store: StaffStore
  guard: Guard
  keycloak: KeycloakRp
  log: Log
  /** Keycloak's page that asks whoever is signed in there to leave. */
  keycloakSignOut: string
}

export function signInRoutes(
  parts: SignInParts & DecisionParts,
): Record<'show' | 'callback' | 'signOut', RequestHandler> {
  const { cookies, store, guard, keycloak, log } = parts

  async function show(req: Request, res: Response): Promise<void> {
    const { to } = req.query
    const session = await guard.session(req)
    if (to === undefined) return renderSignIn(res, session?.state === 'granted', parts.keycloakSignOut)
    const path = returnPath(to)
    if (session?.state === 'granted') return res.redirect(303, path)
    const secret = newSecret()
    const pending = keycloak.newPending(sessionNonce(hashOf(secret)))
    let url: string
    try {
      url = await keycloak.authorizationUrl(pending, { language: contextOf(res).language })
    } catch (error) {
      return answerOutage(res, error, path)
    }
    const { state, codeVerifier } = pending
    cookies.keepSignIn(req, res, { state, codeVerifier, purpose: { for: 'session', secret, to: path } })
    log.info({ event: 'staff.sign_in_started', ...contextOf(res).ids })
    // A page, because the form of the list's search may have led here, and `form-action` looks at the whole way.
    await sendContinue(res, url)
  }

  async function callback(req: Request, res: Response): Promise<void> {
    const signIn = cookies.takeSignIn(req, res, req.query['state'])
    if (signIn?.purpose.for === 'session') return beginSession(req, res, signIn, signIn.purpose)
    if (signIn?.purpose.for === 'decision')
      return finishDecision(parts, req, res, signIn, readDecision(signIn.purpose.decision))
    // Reloaded, or one tab too many: whoever is signed in need not know.
    if ((await guard.session(req))?.state === 'granted') return res.redirect(303, '/staff')
    return renderSignInProblem(res, { status: 400, messageKey: 'staff.problem.unknown', to: '/staff' })
  }

  async function beginSession(
    req: Request,
    res: Response,
    { state, codeVerifier }: StaffSignIn,
    { secret, to }: { secret: string; to: string },
  ): Promise<void> {
    const cookieHash = hashOf(secret)
    const path = returnPath(to)
    try {
      const nonce = sessionNonce(cookieHash)
      const redeemed = await keycloak.redeem(queryOf(req), { state, nonce, codeVerifier })
      if (redeemed.status === 'refused') {
        log.warn({ event: 'staff.sign_in_refused', ...contextOf(res).ids, code: redeemed.code })
        return await renderSignInProblem(res, { status: 400, messageKey: 'staff.problem.refused', to: path })
      }
      const before = cookies.sessionHash(req)
      if (before) await store.end(before)
      await store.begin(cookieHash, redeemed.person.idToken, correlationId(res))
      cookies.openSession(res, secret, redeemed.person.userId)
    } catch (error) {
      return answerOutage(res, error, path)
    }
    log.info({ event: 'staff.sign_in_finished', ...contextOf(res).ids })
    res.redirect(303, path)
  }

  async function signOut(req: Request, res: Response): Promise<void> {
    const cookieHash = cookies.sessionHash(req)
    if (cookieHash) await store.end(cookieHash)
    cookies.closeSession(res)
    contextOf(res).correlation.end()
    res.redirect(303, '/staff/sign-in')
  }

  /** Keycloak or our database could not be asked: the same sign-in, from its beginning, is one click away. */
  async function answerOutage(res: Response, error: unknown, to: string): Promise<void> {
    if (!isOutage(error)) throw error
    log.warn({ event: 'staff.unavailable', ...contextOf(res).ids, err: error })
    await renderSignInProblem(res, { status: 503, messageKey: 'staff.problem.unavailable', to })
  }

  return { show, callback, signOut }
}

const correlationId = (res: Response): string => {
  const { ids } = contextOf(res)
  return ids.correlation_id ?? ids.request_id
}
