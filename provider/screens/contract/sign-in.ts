/**
 * The sign-in that adds a contract: provider as an RP of Keycloak, with a nonce that is good for this activation in this
 * browser and for nothing else (core/nonce.ts). provider believes nothing of it: the ID token goes to the database, for
 * admin-sync to verify, and into a sealed cookie, by which a session of somebody else can be ended.
 *
 *   GET /activation/contract/callback   Keycloak's answer
 *   GET /activation/contract/switch     back from ending somebody else's session: signs in once more
 *
 * `max_age` instead of `prompt=login`: measured on 26.7.5, both show the same page, the password alone with the address
 * above it and "another address" beside it, to whoever is signed in; with `max_age` somebody who typed that password a
 * moment ago is not asked again. The token then says when (`auth_time`), and admin-sync looks at that.
 */
import type { Request, Response } from 'express'
import { additionNonce } from '../../../core/nonce.ts'
import { createSeal } from '../../seal.ts'
import { createKeycloakRp } from '../../sign-in/keycloak.ts'
import { createTransactions } from '../../sign-in/transaction.ts'
import { isOutage, queryOf } from '../../sign-in/round-trip.ts'
import { contextOf } from '../../web/context.ts'
import { sendContinue } from '../../web/continue.ts'
import type { ScreenParts } from '../parts.ts'
import { showSignInProblem } from './view.ts'

/** admin-sync takes five minutes: one is left for the way. */
const maxAgeSeconds = 240

export const contractPage = (id: string): string => `/activation/${id}/contract`
export const addingPage = (id: string): string => `/activation/${id}/contract/adding`

const ids = (res: Response, id: string) => ({ ...contextOf(res).ids, activation_id: id })

export type ContractSignIn = {
  /** Answers with a page that continues to Keycloak, or says that Keycloak cannot be reached. */
  begin(res: Response, id: string, browser: Buffer): Promise<void>
  callback(req: Request, res: Response): Promise<void>
  /** The address of whoever came back to this browser for this activation, as their own ID token says it. */
  whoCameBack(req: Request, id: string): { email: string | undefined } | undefined
  /** Ends that session, and begins again. */
  leave(req: Request, res: Response, id: string): Promise<void>
  showSwitch(req: Request, res: Response): Promise<void>
}

export function createContractSignIn(parts: ScreenParts): ContractSignIn {
  const { additions, config, cookies, flashes, log, now, secrets } = parts
  const keycloak = createKeycloakRp(config, now, {
    callback: '/activation/contract/callback',
    signedOut: '/activation/contract/switch',
  })
  const seal = createSeal(config.PROVIDER_COOKIE_KEY, 'contract')
  const transactions = createTransactions(cookies, seal, now, 'ct')

  async function orSayOutage(res: Response, id: string, work: () => Promise<void>): Promise<void> {
    try {
      await work()
    } catch (error) {
      if (!isOutage(error)) throw error
      log.warn({ event: 'contract.unavailable', ...ids(res, id), err: error })
      await showSignInProblem(res, 'unavailable', id)
    }
  }

  const begin: ContractSignIn['begin'] = (res, id, browser) =>
    orSayOutage(res, id, async () => {
      const pending = keycloak.newPending(additionNonce(id, browser))
      const loginHint = (await additions.state(id, browser))?.address
      const url = await keycloak.authorizationUrl(pending, {
        language: contextOf(res).language,
        maxAgeSeconds,
        ...(loginHint !== undefined && { loginHint }),
      })
      transactions.keepPending(res, { ...pending, activationId: id, isRetry: false })
      log.info({ event: 'contract.sign_in_started', ...ids(res, id) })
      await sendContinue(res, url)
    })

  async function callback(req: Request, res: Response): Promise<void> {
    const pending = transactions.takePending(req, res, req.query['state'])
    if (!pending) {
      // Reloaded, or gone back to: what became of it has a page of its own.
      const kept = transactions.readSwitch(req)
      return kept ? res.redirect(303, addingPage(kept.activationId)) : showSignInProblem(res, 'unknown')
    }
    const { activationId: id } = pending
    await orSayOutage(res, id, async () => {
      const redeemed = await keycloak.redeem(queryOf(req), pending)
      if (redeemed.status === 'refused') {
        log.warn({ event: 'contract.sign_in_refused', ...ids(res, id), code: redeemed.code })
        return showSignInProblem(res, 'refused', id)
      }
      const { idToken, email } = redeemed.person
      transactions.keepSwitch(res, {
        stage: 'asked',
        activationId: id,
        idToken,
        ...(email !== undefined && { email }),
      })
      await handOver(req, res, id, idToken)
    })
  }

  async function handOver(req: Request, res: Response, id: string, idToken: string): Promise<void> {
    const k = secrets.code(req, 'contract', id)
    const browser = secrets.finisherHash(req, id)
    const outcome = k && browser ? await additions.submit(id, k, browser, idToken) : 'bad_link'
    log.info({ event: 'contract.handed_over', ...ids(res, id), outcome })
    if (outcome === 'submitted') return res.redirect(303, addingPage(id))
    const state = browser && (await additions.state(id, browser))
    // Another tab of this browser was first.
    if (state && state.state !== 'asked') return res.redirect(303, addingPage(id))
    flashes.redirect(
      res,
      contractPage(id),
      outcome === 'too_late' ? { notice: { kind: 'warning', text: { key: 'contract.too_late' } } } : {},
    )
  }

  async function leave(req: Request, res: Response, id: string): Promise<void> {
    const kept = transactions.readSwitch(req)
    if (kept?.stage !== 'asked' || kept.activationId !== id) return res.redirect(303, contractPage(id))
    await orSayOutage(res, id, async () => {
      const { state } = keycloak.newPending()
      const url = await keycloak.endSessionUrl(kept.idToken, state)
      transactions.keepSwitch(res, { stage: 'leaving', activationId: id, state })
      log.info({ event: 'contract.ending_other_session', ...ids(res, id) })
      await sendContinue(res, url)
    })
  }

  async function showSwitch(req: Request, res: Response): Promise<void> {
    const kept = transactions.readSwitch(req)
    if (kept?.stage !== 'leaving' || req.query['state'] !== kept.state)
      return kept ? res.redirect(303, contractPage(kept.activationId)) : showSignInProblem(res, 'unknown')
    transactions.clearSwitch(res)
    const browser = secrets.finisherHash(req, kept.activationId)
    if (!browser) return res.redirect(303, contractPage(kept.activationId))
    await begin(res, kept.activationId, browser)
  }

  return {
    begin,
    callback,
    leave,
    showSwitch,
    whoCameBack(req, id) {
      const kept = transactions.readSwitch(req)
      return kept?.stage === 'asked' && kept.activationId === id ? { email: kept.email } : undefined
    },
  }
}
