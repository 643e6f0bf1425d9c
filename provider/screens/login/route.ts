/**
 * The Cofacering login page: our own door (GET /), and the same page inside an interaction that Keycloak brokered
 * (GET /interaction/{uid}). It asks the legacy directory and hands over to the dispatcher; it opens nothing.
 *
 *   GET  /                          POST /login
 *   GET  /interaction/{uid}         POST /interaction/{uid}/login     POST /interaction/{uid}/cancel
 *
 * Unknown login, wrong password, disabled and limited logins get one answer, at one deadline. "Could not ask" is
 * another answer, and counts against no one. A browser that brings the proof of an activation never comes here: the OP
 * answers its request at once (oidc/proof.ts). After COFACERING_CLOSES_AT both doors explain (closed/).
 */
import type { Request, Response } from 'express'
import { UpstreamError } from '../../../core/errors.ts'
import { nextStep, pathOf } from '../../activation/dispatch.ts'
import { looksLikeAddress } from '../../activation/rules.ts'
import type { LegacyAccount } from '../../legacy/directory.ts'
import { isBusy } from '../../gate.ts'
import { isHandle } from '../../oidc/proof.ts'
import { waitForDeadline } from '../../throttle/deadline.ts'
import { contextOf } from '../../web/context.ts'
import type { Screens } from '../../web/screen.ts'
import { isCofaceringClosed, showClosed } from '../closed/view.ts'
import { typed } from '../fields.ts'
import type { Flash } from '../flash.ts'
import { currentFacts, type ScreenParts } from '../parts.ts'
import { showOpened } from '../opening/view.ts'
import { showInteractionGone, showLogin, type Door } from './view.ts'

const retryAfterSeconds = 30
const ownDoor: Door = { page: '/', action: '/login' }
const interactionDoor = (uid: string): Door => ({
  page: `/interaction/${uid}`,
  action: `/interaction/${uid}/login`,
  cancel: `/interaction/${uid}/cancel`,
})

export function loginScreen(parts: ScreenParts): Screens['login'] {
  const { flashes, op } = parts

  /** The interaction of this URL; without one, a page that says how to start again, and `undefined`. */
  async function interaction(req: Request, res: Response) {
    const details = await op.details(req, res)
    if (details && details.uid === req.params['uid']) return details
    await showInteractionGone(req, res, parts)
    return undefined
  }

  return {
    show: async (req, res) => {
      if (isCofaceringClosed(parts)) return showClosed(res, parts)
      logDoor(parts, req, res, 'own')
      await showLogin(res, parts, ownDoor, flashes.take(req, res))
    },
    submit: (req, res) => signIn(parts, req, res, ownDoor),

    async showInteraction(req, res) {
      const details = await interaction(req, res)
      if (!details) return
      if (endsActivation(parts, req, details.loginHint)) return showOpened(res, parts)
      const door = interactionDoor(details.uid)
      if (isCofaceringClosed(parts)) return showClosed(res, parts)
      logDoor(parts, req, res, 'brokered')
      await showLogin(res, parts, door, flashes.take(req, res))
    },
    async submitInteraction(req, res) {
      const details = await interaction(req, res)
      if (details) await signIn(parts, req, res, interactionDoor(details.uid))
    },
    async cancelInteraction(req, res) {
      if (await interaction(req, res)) await op.abort(req, res)
    },
  }
}

function logDoor({ log }: ScreenParts, req: Request, res: Response, outcome: 'own' | 'brokered'): void {
  if (req.method !== 'HEAD') log.info({ event: 'door.shown', ...contextOf(res).ids, outcome })
}

/**
 * Is this the sign-in that follows the confirmation of this browser, without its proof? Another tab of it took a newer
 * one, or the minute is over; the Cofacering login would lead nowhere now.
 */
function endsActivation({ secrets }: ScreenParts, req: Request, loginHint: string | undefined): boolean {
  const id = secrets.lastLink(req)
  return isHandle(loginHint) && id !== undefined && secrets.finisherHash(req, id) !== undefined
}

async function signIn(parts: ScreenParts, req: Request, res: Response, door: Door): Promise<void> {
  if (isCofaceringClosed(parts)) return showClosed(res, parts)
  const { config, directory, flashes, log, stopwatch, throttle } = parts
  const startedAt = stopwatch.now()
  const { network, ids } = contextOf(res)
  const login = typed(req, 'login')
  const password = typed(req, 'password')
  const again = (flash: Flash) => flashes.redirect(res, door.page, { ...flash, values: { login } })

  if (login.trim() === '' || password === '')
    return again({
      errors: {
        ...(login.trim() === '' && { login: { key: 'login.missing_login' } }),
        ...(password === '' && { password: { key: 'login.missing_password' } }),
      },
    })
  // By its form alone: nobody is asked, and the password of an Ellipro account goes no further than here.
  if (looksLikeAddress(login)) return again({ errors: { login: { key: 'login.looks_like_address' } } })

  const attempt = { subject: login, network }
  let account: LegacyAccount | undefined
  if (await throttle.signIn.take(attempt)) {
    try {
      const answer = await directory.verify(login, password)
      if (answer.status === 'ok') account = answer.account
    } catch (error) {
      if (!(error instanceof UpstreamError)) throw error
      await throttle.signIn.giveBack(attempt)
      if (isBusy(error)) log.warn({ event: 'http.busy', ...ids, full: error.service })
      else log.error({ event: 'login.directory_unavailable', ...ids, err: error })
      res.setHeader('Retry-After', String(retryAfterSeconds))
      const trouble = isBusy(error) && error.service === 'hashing' ? 'busy' : 'unavailable'
      return showLogin(res, parts, door, { values: { login } }, trouble)
    }
  } else log.warn({ event: 'login.limited', ...ids })

  if (!account) {
    await waitForDeadline(stopwatch, startedAt, config.SIGN_IN_DEADLINE_MS)
    log.info({ event: 'login.refused', ...ids })
    return again({ errors: { login: { key: 'login.refused' } } })
  }
  await throttle.signIn.giveBack(attempt)
  await goOn(parts, req, res, account)
}

/** The directory said yes: remembers it for this browser, and goes where the dispatcher says. */
async function goOn(parts: ScreenParts, req: Request, res: Response, account: LegacyAccount): Promise<void> {
  const signedIn = { ...account, knownDomains: account.knownDomains ?? [] }
  await parts.signIns.record(parts.secrets.newSignIn(res), signedIn)
  const facts = await currentFacts(parts, req, signedIn)
  const step = nextStep(facts)
  const context = contextOf(res)
  if (!facts.own && (await hasStarted(parts, req))) context.correlation.beginAnew()
  parts.log.info({ event: 'login.accepted', ...context.ids, next: step.screen })
  res.redirect(303, pathOf(step))
}

/** Did somebody start an activation in this browser? With another login, as this one has none of its own here. */
async function hasStarted({ secrets, store }: ScreenParts, req: Request): Promise<boolean> {
  const hash = secrets.activationHash(req)
  return hash !== undefined && (await store.browserActivation(hash)) !== undefined
}
