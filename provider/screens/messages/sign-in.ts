/**
 * The sign-in of a person who saves messages after the move: provider as an RP of Keycloak, where single sign-on
 * answers whoever comes from the portal. provider believes nothing of what comes back: the ID token goes to the
 * database, its nonce binds it to this browser's session (core/nonce.ts), and admin-sync grants the session or does not.
 *
 *   GET  /messages/sign-in    offers it; with ?begin=1 it begins at once
 *   GET  /messages/callback   Keycloak's answer
 *   POST /messages/sign-out   ends our session; the page that follows offers to end Keycloak's
 */
import type { Request, Response } from 'express'
import { readerNonce } from '../../../core/nonce.ts'
import { hashOf, newSecret } from '../../activation/browser-secrets.ts'
import type { MessageStore } from '../../messages/store.ts'
import { createKeycloakRp } from '../../sign-in/keycloak.ts'
import { isOutage, queryOf } from '../../sign-in/round-trip.ts'
import { contextOf } from '../../web/context.ts'
import { sendContinue } from '../../web/continue.ts'
import type { ScreenParts } from '../parts.ts'
import type { ReaderCookies } from './kept.ts'
import { showSignIn, showSignInProblem } from './pages.ts'

export const page = '/messages'

type Handler = (req: Request, res: Response) => Promise<void>

export function messageSignIn(
  parts: ScreenParts,
  store: MessageStore,
  cookies: ReaderCookies,
): Record<'signIn' | 'callback' | 'signOut', Handler> {
  const { config, log, now } = parts
  const keycloak = createKeycloakRp(config, now, {
    callback: '/messages/callback',
    signedOut: '/messages/sign-in',
  })
  const keycloakSignOut = `${config.KEYCLOAK_URL}/realms/${config.KEYCLOAK_REALM}/protocol/openid-connect/logout?${new URLSearchParams(
    { client_id: 'cofacering-provider', post_logout_redirect_uri: `${config.PROVIDER_URL}/messages/sign-in` },
  ).toString()}`

  async function orSayOutage(res: Response, work: () => Promise<void>): Promise<void> {
    try {
      await work()
    } catch (error) {
      if (!isOutage(error)) throw error
      log.warn({ event: 'messages.unavailable', ...contextOf(res).ids, err: error })
      await showSignInProblem(res, 'unavailable')
    }
  }

  return {
    async signIn(req, res) {
      // Whoever only looks begins nothing.
      if (req.query['begin'] === undefined || req.method === 'HEAD') return showSignIn(res, keycloakSignOut)
      await orSayOutage(res, async () => {
        const secret = newSecret()
        const pending = keycloak.newPending(readerNonce(hashOf(secret)))
        const url = await keycloak.authorizationUrl(pending, { language: contextOf(res).language })
        cookies.keepSignIn(res, { state: pending.state, codeVerifier: pending.codeVerifier, secret })
        log.info({ event: 'messages.sign_in_started', ...contextOf(res).ids })
        await sendContinue(res, url)
      })
    },

    async callback(req, res) {
      // A HEAD would use up the code of the GET that follows.
      if (req.method === 'HEAD') return showSignInProblem(res, 'unknown')
      const kept = cookies.takeSignIn(req, res, req.query['state'])
      if (!kept) {
        // Reloaded, or one tab too many: whoever is signed in need not know.
        const hash = cookies.sessionHash(req)
        const state = hash && (await store.session(hash))
        return state ? res.redirect(303, page) : showSignInProblem(res, 'unknown')
      }
      await orSayOutage(res, async () => {
        const cookieHash = hashOf(kept.secret)
        const redeemed = await keycloak.redeem(queryOf(req), {
          state: kept.state,
          codeVerifier: kept.codeVerifier,
          nonce: readerNonce(cookieHash),
        })
        if (redeemed.status === 'refused') {
          log.warn({ event: 'messages.sign_in_refused', ...contextOf(res).ids, code: redeemed.code })
          return showSignInProblem(res, 'refused')
        }
        const before = cookies.sessionHash(req)
        if (before) await store.endSession(before)
        const { ids } = contextOf(res)
        await store.beginSession(cookieHash, redeemed.person.idToken, ids.correlation_id ?? ids.request_id)
        cookies.openSession(res, kept.secret)
        log.info({ event: 'messages.sign_in_finished', ...ids })
        res.redirect(303, page)
      })
    },

    async signOut(req, res) {
      const hash = cookies.sessionHash(req)
      if (hash) await store.endSession(hash)
      cookies.closeSession(res)
      res.redirect(303, '/messages/sign-in')
    },
  }
}
