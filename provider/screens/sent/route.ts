/**
 * "We sent a mail": the page of an activation until its mailbox is confirmed, and what it became afterwards.
 *
 *   GET  /activation/{id}            to the starting browser its state; to any other a form for the password
 *   POST /activation/{id}/resend     asks for a fresh mail
 *   GET  /activation/{id}/address    POST: corrects the address, which starts a new activation and ends this one
 *
 * Steering needs the starting browser's cookie or the password first typed, whose tries the database counts. An
 * address that has an account already is shown exactly like any other: nothing here knows the difference.
 */
import type { Request, Response } from 'express'
import { ScreenError } from '../../../core/errors.ts'
import { readAddress } from '../../activation/rules.ts'
import { isActivationId, type ActivationView, type SteeringProof } from '../../activation/store.ts'
import { orGiveBack } from '../../throttle/throttle.ts'
import { contextOf } from '../../web/context.ts'
import type { Screens } from '../../web/screen.ts'
import { typed } from '../fields.ts'
import type { Flash } from '../flash.ts'
import { currentMailbox, type ScreenParts } from '../parts.ts'
import { describeRefusal } from '../redirection/route.ts'
import { showAddressForm } from './address-view.ts'
import { showElsewhere, showOutcome, showSent } from './view.ts'

const pageOf = (id: string) => `/activation/${id}`
const addressPageOf = (id: string) => `/activation/${id}/address`
const notice = (kind: 'success' | 'info' | 'warning' | 'error', key: string): Flash => ({
  notice: { kind, text: { key } },
})

/** @throws ScreenError `error.not_found` for what cannot be the id of an activation */
export function activationId(req: Request): string {
  const id = req.params['id']
  if (typeof id !== 'string' || !isActivationId(id)) throw new ScreenError('error.not_found', 404)
  return id
}

export function sentScreen(parts: ScreenParts): Screens['sent'] {
  const { flashes, log, secrets, store, throttle } = parts

  /** The starting browser's view; `undefined` for any other browser. */
  async function ownView(req: Request, res: Response, id: string): Promise<ActivationView | undefined> {
    const hash = secrets.activationHash(req)
    const view = hash && (await store.activationView(id, hash))
    contextOf(res).correlation.takeOver(view?.correlationId)
    return view
  }

  return {
    async show(req, res) {
      const id = activationId(req)
      const view = await ownView(req, res, id)
      if (!view) return showElsewhere(res, id, flashes.take(req, res))
      const next = await elsewhere(parts, req, id, view)
      if (next) return res.redirect(303, next)
      if (view.state === 'mailed')
        return showSent(res, id, view, flashes.take(req, res), parts, await currentMailbox(parts, req))
      await showOutcome(res, view, flashes.take(req, res), parts)
    },

    async resend(req, res) {
      const id = activationId(req)
      const steering = await readSteering(parts, req, res, id)
      if (steering.refusal) return flashes.redirect(res, pageOf(id), steering.refusal)
      const outcome = await store.requestMail(id, steering.proof)
      log.info({
        event: 'activation.resend',
        ...contextOf(res).ids,
        activation_id: id,
        outcome,
      })
      const answers: Record<typeof outcome, Flash> = {
        requested: notice('success', 'sent.resent'),
        too_soon: notice('info', 'sent.too_soon'),
        address_budget: notice('warning', 'sent.address_budget'),
        login_budget: notice('warning', 'start.login_budget'),
        ...steeringRefusals,
      }
      flashes.redirect(res, pageOf(id), answers[outcome])
    },

    async showAddress(req, res) {
      const id = activationId(req)
      const view = await ownView(req, res, id)
      if (view && view.state !== 'mailed') return res.redirect(303, pageOf(id))
      await showAddressForm(res, id, view, flashes.take(req, res))
    },

    async submitAddress(req, res) {
      const id = activationId(req)
      const email = typed(req, 'email')
      const again = (flash: Flash) =>
        flashes.redirect(res, addressPageOf(id), { ...flash, values: { email } })
      const { address, problem } = readAddress(email)
      if (problem) return again({ errors: { email: { key: `address.${problem}` } } })
      const { network } = contextOf(res)
      if (!(await throttle.address.take({ subject: address, network })))
        return again(describeRefusal('too_many'))
      const steering = await readSteering(parts, req, res, id)
      if (steering.refusal) return again(steering.refusal)
      // Steered by its password from another browser: what stands there was not this person's.
      const browserHash = secrets.ensureActivation(req, res, steering.proof.browserHash === undefined)
      const { ids } = contextOf(res)
      const correlationId = ids.correlation_id ?? ids.request_id
      const result = await store.correctAddress(id, steering.proof, address, browserHash, correlationId)
      log.info({
        event: 'activation.correct',
        ...ids,
        activation_id: id,
        outcome: result.outcome,
        ...(result.outcome === 'started' && { new_activation_id: result.id }),
      })
      switch (result.outcome) {
        case 'started':
          return flashes.redirect(res, pageOf(result.id), notice('success', 'sent.corrected'))
        case 'same':
          return flashes.redirect(res, pageOf(id), notice('info', 'sent.same_address'))
        case 'moved':
          return res.redirect(303, '/moved')
        case 'gone':
          return flashes.redirect(res, pageOf(id), steeringRefusals.gone)
        case 'wrong':
        case 'locked':
          return again(steeringRefusals[result.outcome])
        case 'blocked':
        case 'address_budget':
        case 'login_budget':
        case 'login_limit':
        case 'cap':
          return again(describeRefusal(result.outcome))
      }
    },
  }
}

const steeringRefusals = {
  wrong: { errors: { password: { key: 'steering.wrong' } } },
  locked: notice('error', 'steering.locked'),
  gone: notice('info', 'steering.gone'),
} satisfies Record<string, Flash>

/** Where the starting browser goes when its activation is no longer waiting for its mail. */
async function elsewhere(
  { secrets, store }: ScreenParts,
  req: Request,
  id: string,
  view: ActivationView,
): Promise<string | undefined> {
  if (view.state === 'waiting') return `${pageOf(id)}/waiting`
  if (view.state === 'closed') return '/desk'
  if (view.state === 'confirmed' && secrets.finisherHash(req, id)) return `${pageOf(id)}/opening`
  if (view.state !== 'withdrawn' || view.reason !== 'corrected') return undefined
  // The address was corrected, perhaps in another tab: its activation is this browser's newest.
  const hash = secrets.activationHash(req)
  const newest = hash && (await store.browserActivation(hash))
  return newest && newest !== id ? pageOf(newest) : undefined
}

/**
 * What the caller shows for its right to steer: the browser's cookie, the password where one was typed, or both.
 * A password costs us work and them a try, so it is limited before it is looked at.
 */
async function readSteering(
  { secrets, store, throttle, verifiers }: ScreenParts,
  req: Request,
  res: Response,
  id: string,
): Promise<{ proof: SteeringProof; refusal?: undefined } | { proof?: undefined; refusal: Flash }> {
  const browserHash = secrets.activationHash(req)
  const password = typed(req, 'password')
  const own = browserHash && (await store.activationView(id, browserHash))
  if (own) {
    contextOf(res).correlation.takeOver(own.correlationId)
    return { proof: { browserHash } }
  }
  if (password === '') return { refusal: { errors: { password: { key: 'steering.missing' } } } }
  const attempt = { subject: id, network: contextOf(res).network }
  if (!(await throttle.password.take(attempt))) return { refusal: notice('error', 'steering.too_many') }
  const verifier = await orGiveBack(throttle.password, attempt, async () =>
    verifiers.deriveFor(password, await store.activationSalt(id)),
  )
  return { proof: { verifier } }
}
