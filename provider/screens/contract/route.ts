/**
 * A second contract: the address that was given for this login has an Ellipro account already, and our mail to its owner
 * leads here. In one browser: k of that mail, the password first typed (there is none when an agent opened the access),
 * and a sign-in at Keycloak. admin-sync looks at all of it and adds the contract; nothing else of the account changes.
 *
 *   GET  /activation/{id}/contract?k=      keeps k in a cookie and goes on without it
 *   GET  /activation/{id}/contract         names login and company, asks for the password; changes nothing
 *   POST /activation/{id}/contract         k and password are right: on to Keycloak (sign-in.ts)
 *   GET  /activation/{id}/contract/adding  how it stands, for this browser; loads itself until it is known
 *   POST /activation/{id}/contract/adding  somebody else is signed in: ends that session and signs in again
 */
import { setTimeout as sleep } from 'node:timers/promises'
import type { Request, Response } from 'express'
import type { AdditionState, AdditionView, BeginOutcome } from '../../activation/additions.ts'
import { orGiveBack } from '../../throttle/throttle.ts'
import { contextOf } from '../../web/context.ts'
import type { Screens } from '../../web/screen.ts'
import { keptCode, moveCode } from '../access/code.ts'
import { typed } from '../fields.ts'
import type { Flash } from '../flash.ts'
import type { ScreenParts } from '../parts.ts'
import { activationId } from '../sent/route.ts'
import { addingPage, contractPage, createContractSignIn } from './sign-in.ts'
import { lockedKey, showAdding, showEnd, showForm, showLinkProblem } from './view.ts'

/** The first load of the waiting page answers as soon as it is known, and most often that is sooner than this. */
const patienceMs = 2000
const askEveryMs = 200

export function contractScreen(parts: ScreenParts): Screens['contract'] {
  const { additions, flashes, secrets } = parts
  const signIn = createContractSignIn(parts)
  return {
    async show(req, res) {
      const id = activationId(req)
      const isMoved = await moveCode(parts, req, res, {
        kind: 'contract',
        parameter: 'k',
        id,
        page: contractPage(id),
        async look(code) {
          const view = await additions.view(id, code)
          return view.outcome === 'bad_link' ? undefined : view
        },
      })
      if (isMoved) return
      const k = keptCode(parts, req, 'contract', id)
      if (!k) {
        const problem = req.query['damaged'] === undefined ? 'no_link' : 'bad_link'
        return showLinkProblem(req, res, id, problem, parts)
      }
      const view = await additions.view(id, k)
      contextOf(res).correlation.takeOver(view.correlationId)
      if (view.outcome !== 'valid')
        return showLinkProblem(
          req,
          res,
          id,
          view.outcome === 'expired' && view.kind === 'granted' ? 'expired_granted' : view.outcome,
          parts,
        )
      const browser = secrets.finisherHash(req, id)
      const state = browser && (await additions.state(id, browser))
      // Back, or a second tab: what this browser has begun goes on.
      if (state?.state === 'checking') return res.redirect(303, addingPage(id))
      await showForm(res, id, view, flashes.take(req, res), await addressTypedHere(parts, req, id))
    },

    async submit(req, res) {
      const id = activationId(req)
      const again = (flash: Flash) => flashes.redirect(res, contractPage(id), flash)
      const k = secrets.code(req, 'contract', id)
      // Whoever has no k of this activation cannot use up its tries.
      const view: AdditionView = k ? await additions.view(id, k) : { outcome: 'bad_link' }
      if (!k || view.outcome !== 'valid') return res.redirect(303, contractPage(id))
      contextOf(res).correlation.takeOver(view.correlationId)
      const password = view.kind === 'legacy' ? typed(req, 'password') : undefined
      if (password === '') return again({ errors: { password: { key: 'confirm.missing' } } })
      const browser = secrets.becomeFinisher(req, res, id)
      const begun = await begin(parts, res, { id, k, password, browser })
      if (typeof begun === 'object') return again(begun)
      if (begun === 'checking') return res.redirect(303, addingPage(id))
      if (begun !== 'ok') return res.redirect(303, contractPage(id))
      await signIn.begin(res, id, browser)
    },

    async showAdding(req, res) {
      const id = activationId(req)
      const browser = secrets.finisherHash(req, id)
      const count = readCount(req.query['n'])
      const state = browser && (await waitForEnd(parts, req, id, browser, count === 0))
      contextOf(res).correlation.takeOver(state?.correlationId)
      // Not this browser's, or nothing was handed over: the page of the link knows what may be told.
      if (!state || state.state === 'asked') return res.redirect(303, contractPage(id))
      if (state.state === 'checking') return showAdding(res, id, count, state)
      if (state.state === 'waiting') return res.redirect(303, `/activation/${id}/waiting`)
      await showEnd(res, id, { ...state, state: state.state }, signIn.whoCameBack(req, id), parts)
    },

    submitAdding: (req, res) => signIn.leave(req, res, activationId(req)),
    callback: (req, res) => signIn.callback(req, res),
    showSwitch: (req, res) => signIn.showSwitch(req, res),
  }
}

/** An outcome that leads on, or what the same page has to say. */
async function begin(
  { additions, log, store, throttle, verifiers }: ScreenParts,
  res: Response,
  { id, k, password, browser }: { id: string; k: Buffer; password: string | undefined; browser: Buffer },
): Promise<Exclude<BeginOutcome, 'wrong_password' | 'locked'> | Flash> {
  const attempt = { subject: id, network: contextOf(res).network }
  if (!(await throttle.password.take(attempt)))
    return { notice: { kind: 'error', text: { key: 'steering.too_many' } } }
  const { outcome, triesLeft } = await orGiveBack(throttle.password, attempt, async () => {
    const verifier =
      password === undefined ? undefined : await verifiers.deriveFor(password, await store.activationSalt(id))
    return additions.begin(id, k, verifier, browser)
  })
  log.info({ event: 'contract.begin', ...contextOf(res).ids, activation_id: id, outcome })
  if (outcome === 'locked' || triesLeft === 0) return { notice: { kind: 'error', text: { key: lockedKey } } }
  if (outcome === 'wrong_password')
    return { errors: { password: { key: 'confirm.wrong', values: { left: triesLeft ?? 0 } } } }
  await throttle.password.giveBack(attempt)
  return outcome
}

/** A page that is asked for by HEAD, or loads itself, is answered at once. */
async function waitForEnd(
  { additions }: ScreenParts,
  req: Request,
  id: string,
  browser: Buffer,
  isFirst: boolean,
): Promise<AdditionState | undefined> {
  const until = performance.now() + (isFirst && req.method !== 'HEAD' ? patienceMs : 0)
  for (;;) {
    const state = await additions.state(id, browser)
    if (state?.state !== 'checking' || performance.now() >= until) return state
    await sleep(askEveryMs)
  }
}

/** For its password manager: a link alone tells no address. */
async function addressTypedHere({ secrets, store }: ScreenParts, req: Request, id: string) {
  const hash = secrets.activationHash(req)
  return hash && (await store.activationView(id, hash))?.address
}

function readCount(text: unknown): number {
  return typeof text === 'string' && /^\d{1,4}$/.test(text) ? Number(text) : 0
}
