/**
 * provider as an RP of Keycloak: the end of an activation. The browser that confirmed has a proof for our OP; this
 * sign-in brings it there through Keycloak, and checks who came back.
 *
 *   start          a page that continues to Keycloak: kc_idp_hint, login_hint = the proof's handle, no `prompt`
 *   GET  /sign-in/callback   the ID token is the opened person's: have the link removed, and on to the portal.
 *                      It is somebody else's: they are signed in to Ellipro in this browser
 *   GET  /switch       says so; or, coming back from their sign-out, runs the same sign-in once more, and only once
 *   POST /switch       ends their session, with their own ID token
 *
 * It decides nothing about accounts: "is this the person" is a question to the database. The state, the nonce and
 * the code verifier live in a sealed cookie, so another browser's callback finds nothing.
 */
import type { Request, RequestHandler, Response } from 'express'
import { UpstreamError } from '../../core/errors.ts'
import type { Log } from '../../core/log.ts'
import { createBrowserSecrets } from '../activation/browser-secrets.ts'
import type { ActivationStore } from '../activation/store.ts'
import type { ProviderConfig } from '../config.ts'
import { classifyError } from '../error-handler.ts'
import { giveProof } from '../oidc/proof.ts'
import { createSeal } from '../seal.ts'
import { contextOf } from '../web/context.ts'
import { sendContinue } from '../web/continue.ts'
import type { Cookies } from '../web/cookies.ts'
import { createKeycloakRp, type SignedIn } from './keycloak.ts'
import { renderSignInProblem, renderSomeoneElse } from './pages.ts'
import { createTransactions, type PendingSignIn } from './transaction.ts'

export type RelyingParty = {
  /**
   * Starts the sign-in that ends an activation. The caller has given the browser the proof for `handle`
   * (oidc/proof.ts). Answers with a page that continues to Keycloak, or says that Keycloak cannot be reached.
   */
  start(req: Request, res: Response, o: { activationId: string; handle: string }): Promise<void>
  callback: RequestHandler
  showSwitch: RequestHandler
  submitSwitch: RequestHandler
}

export type RelyingPartyParts = {
  config: ProviderConfig
  cookies: Cookies
  log: Log
  store: ActivationStore
  now: () => number
}

const ids = (res: Response, activationId: string) => ({
  ...contextOf(res).ids,
  activation_id: activationId,
})

export function createRelyingParty(parts: RelyingPartyParts): RelyingParty {
  const { config, cookies, log, store, now } = parts
  const keycloak = createKeycloakRp(config, now)
  const transactions = createTransactions(cookies, createSeal(config.PROVIDER_COOKIE_KEY, 'sign-in'), now)
  const secrets = createBrowserSecrets(cookies, config.PROVIDER_COOKIE_KEY)
  const portalUrl = `${config.PORTAL_URL}/sign-in`
  const problem = (res: Response, status: number, messageKey: string, activationId?: string) =>
    renderSignInProblem(res, {
      status,
      messageKey,
      isOpen: messageKey !== 'sign_in.problem.unknown',
      portalUrl,
      ...(activationId !== undefined && { retryUrl: `/activation/${activationId}/opening` }),
    })
  async function begin(res: Response, activationId: string, handle: string, isRetry: boolean): Promise<void> {
    const pending = keycloak.newPending()
    const { language } = contextOf(res)
    let url: string
    try {
      // No `prompt`: with one, Keycloak would go to the OP even for somebody who is signed in, use up the proof and
      // then refuse the different user with an error that never comes back here.
      url = await keycloak.authorizationUrl(pending, { idpHint: 'cofacering', loginHint: handle, language })
    } catch (error) {
      return answerOutage(res, error, activationId)
    }
    transactions.keepPending(res, { ...pending, activationId, isRetry })
    log.info({ event: 'sign_in.started', ...ids(res, activationId) })
    await sendContinue(res, url)
  }

  /**
   * Keycloak or our database could not be asked: the account is open all the same, and another try, from its
   * beginning, is one click away.
   */
  async function answerOutage(res: Response, error: unknown, activationId: string): Promise<void> {
    const isKeycloak = error instanceof UpstreamError && error.service === 'keycloak'
    if (!isKeycloak && classifyError(error)?.status !== 503) throw error
    log.warn({
      event: isKeycloak ? 'sign_in.keycloak_unavailable' : 'sign_in.unavailable',
      ...ids(res, activationId),
      err: error,
    })
    await problem(res, 503, 'sign_in.problem.unavailable', activationId)
  }

  async function callback(req: Request, res: Response): Promise<void> {
    const pending = transactions.takePending(req, res, req.query['state'])
    if (!pending) return problem(res, 400, 'sign_in.problem.unknown')
    try {
      await redeem(req, res, pending)
    } catch (error) {
      return answerOutage(res, error, pending.activationId)
    }
  }

  async function redeem(req: Request, res: Response, pending: PendingSignIn): Promise<void> {
    const { activationId } = pending
    const query = req.originalUrl.slice(req.originalUrl.indexOf('?'))
    const redeemed = await keycloak.redeem(query, pending)
    if (redeemed.status === 'refused') {
      log.warn({ event: 'sign_in.refused', ...ids(res, activationId), code: redeemed.code })
      return problem(res, 400, 'sign_in.problem.refused', activationId)
    }
    if (await store.isPerson(activationId, redeemed.person.userId)) return finish(req, res, activationId)
    await meetSomeoneElse(res, pending, redeemed.person)
  }

  async function finish(req: Request, res: Response, activationId: string): Promise<void> {
    const finisherHash = secrets.finisherHash(req, activationId)
    // Without the cookie admin-sync removes the link by its own clock.
    if (finisherHash) await store.recordSignIn(activationId, finisherHash)
    log.info({ event: 'sign_in.finished', ...ids(res, activationId) })
    contextOf(res).correlation.end()
    res.redirect(303, portalUrl)
  }

  async function meetSomeoneElse(res: Response, pending: PendingSignIn, person: SignedIn): Promise<void> {
    const { activationId, isRetry } = pending
    log.info({ event: 'sign_in.someone_else', ...ids(res, activationId), retry: isRetry })
    if (isRetry) return problem(res, 409, 'sign_in.problem.someone_else')
    const { idToken, email } = person
    transactions.keepSwitch(res, {
      stage: 'asked',
      activationId,
      idToken,
      ...(email !== undefined && { email }),
    })
    res.redirect(303, '/sign-in/switch')
  }

  async function showSwitch(req: Request, res: Response): Promise<void> {
    const kept = transactions.readSwitch(req)
    const { state } = req.query
    if (kept?.stage === 'asked' && state === undefined) return renderSomeoneElse(res, kept.email)
    if (kept?.stage !== 'leaving' || state !== kept.state) return problem(res, 400, 'sign_in.problem.unknown')
    transactions.clearSwitch(res)
    const { activationId } = kept
    const finisherHash = secrets.finisherHash(req, activationId)
    const handle = finisherHash && (await giveProof(parts, res, activationId, finisherHash))
    if (!handle) return problem(res, 409, 'sign_in.problem.served')
    await begin(res, activationId, handle, true)
  }

  async function submitSwitch(req: Request, res: Response): Promise<void> {
    const kept = transactions.readSwitch(req)
    if (kept?.stage !== 'asked') return problem(res, 400, 'sign_in.problem.unknown')
    const { state } = keycloak.newPending()
    let url: string
    try {
      url = await keycloak.endSessionUrl(kept.idToken, state)
    } catch (error) {
      return answerOutage(res, error, kept.activationId)
    }
    transactions.keepSwitch(res, { stage: 'leaving', activationId: kept.activationId, state })
    log.info({ event: 'sign_in.ending_other_session', ...ids(res, kept.activationId) })
    await sendContinue(res, url)
  }

  return {
    start: (_req, res, { activationId, handle }) => begin(res, activationId, handle, false),
    callback,
    showSwitch,
    submitSwitch,
  }
}
