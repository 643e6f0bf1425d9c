/**
 * The confirmation: the person comes from Keycloak's page, with k of the mail, and types the password first typed.
 *
 *   GET  /activation/{id}/confirm?k=   keeps k in a cookie and goes on without it, so that it stays in no history
 *   GET  /activation/{id}/confirm      names login and company, and asks for the password; changes nothing
 *   POST /activation/{id}/confirm      k and password in one call of the database: the one way to an account
 */
import type { Request, Response } from 'express'
import { hashForKeycloak } from '../../activation/credential.ts'
import { parseSecret } from '../../activation/browser-secrets.ts'
import type { ConfirmOutcome } from '../../activation/store.ts'
import { contextOf } from '../../web/context.ts'
import type { Screens } from '../../web/screen.ts'
import { typed } from '../fields.ts'
import type { Flash } from '../flash.ts'
import type { ScreenParts } from '../parts.ts'
import { activationId } from '../sent/route.ts'
import { showConfirmation, showLinkProblem } from './view.ts'

const pageOf = (id: string) => `/activation/${id}/confirm`

export function confirmationScreen(parts: ScreenParts): Screens['confirmation'] {
  const { cookies, flashes, secrets, store } = parts
  return {
    async show(req, res) {
      const id = activationId(req)
      if (req.query['k'] !== undefined) {
        const k = parseSecret(req.query['k'])
        if (req.method !== 'HEAD' && k) {
          secrets.keepLink(res, id, k)
          // The mail was written in the person's language; a browser that has chosen none goes on in it.
          const { locale } = await store.linkView(id, k)
          if (locale && !cookies.read(req, 'language'))
            cookies.set(res, 'language', locale, { maxAgeSeconds: 31_536_000 })
        }
        return res.redirect(303, k ? pageOf(id) : `${pageOf(id)}?damaged=1`)
      }
      const k = req.query['damaged'] === undefined ? secrets.link(req, id) : undefined
      const own = await isOwn(parts, req, id)
      if (!k)
        return showLinkProblem(
          res,
          id,
          req.query['damaged'] === undefined ? 'no_link' : 'bad_link',
          own,
          parts,
        )
      const view = await store.linkView(id, k)
      if (view.outcome === 'valid') return showConfirmation(res, id, view, flashes.take(req, res))
      if (view.outcome === 'opened' && secrets.finisherHash(req, id))
        return res.redirect(303, `/activation/${id}/opening`)
      await showLinkProblem(res, id, view.outcome, own, parts)
    },

    async submit(req, res) {
      const id = activationId(req)
      const again = (flash: Flash) => flashes.redirect(res, pageOf(id), flash)
      const password = typed(req, 'password')
      if (password === '') return again({ errors: { password: { key: 'confirm.missing' } } })
      const outcome = await confirm(parts, req, res, id, password)
      if (typeof outcome === 'object') return again(outcome)
      switch (outcome) {
        case 'confirmed':
        case 'already':
          return res.redirect(303, `/activation/${id}/opening`)
        case 'waiting':
          return flashes.redirect(res, '/moved', {
            notice: { kind: 'info', text: { key: 'confirm.waiting' } },
          })
        case 'address_taken':
          return res.redirect(303, '/desk?reason=address_taken')
        case 'bad_link':
        case 'expired':
          return res.redirect(303, pageOf(id))
      }
    },
  }
}

/** An outcome that leads on, or what the same page has to say. */
async function confirm(
  { log, secrets, store, throttle, verifiers }: ScreenParts,
  req: Request,
  res: Response,
  id: string,
  password: string,
): Promise<Exclude<ConfirmOutcome, 'wrong_password' | 'locked'> | Flash> {
  const k = secrets.link(req, id)
  // Whoever has no k of this activation cannot use up its tries.
  if (!k || !['valid', 'opened'].includes((await store.linkView(id, k)).outcome)) return 'bad_link'
  const { network, requestId } = contextOf(res)
  const attempt = { subject: id, network }
  if (!(await throttle.password.take(attempt)))
    return { notice: { kind: 'error', text: { key: 'steering.too_many' } } }
  const [verifier, credential] = await Promise.all([
    store.activationSalt(id).then((salt) => verifiers.deriveFor(password, salt)),
    hashForKeycloak(password),
  ])
  const finisher = secrets.becomeFinisher(req, res, id)
  const { outcome, triesLeft } = await store.confirmActivation(id, k, verifier, credential, finisher)
  log.info({ event: 'activation.confirm', request_id: requestId, activation_id: id, outcome })
  if (outcome === 'wrong_password')
    return { errors: { password: { key: 'confirm.wrong', values: { left: triesLeft ?? 0 } } } }
  if (outcome === 'locked') return { notice: { kind: 'error', text: { key: 'confirm.locked' } } }
  await throttle.password.giveBack(attempt)
  return outcome
}

/** Was the activation started in this browser? Then its page offers a fresh mail without a password. */
async function isOwn({ secrets, store }: ScreenParts, req: Request, id: string): Promise<boolean> {
  const hash = secrets.activationHash(req)
  return hash !== undefined && (await store.activationView(id, hash)) !== undefined
}
