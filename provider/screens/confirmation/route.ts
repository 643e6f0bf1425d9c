/**
 * The confirmation: the person comes from Keycloak's page, with k of the mail, and types the password first typed; or,
 * for an access that an agent opened, chooses one.
 *
 *   GET  /activation/{id}/confirm?k=   keeps k in a cookie and goes on without it, so that it stays in no history
 *   GET  /activation/{id}/confirm      names login and company, and asks for the password; changes nothing
 *   POST /activation/{id}/confirm      k and password in one call of the database: the one way to an account
 *
 * Of a granted access k is all that proves the person: the agent's decision stands for the rest.
 */
import type { Request, Response } from 'express'
import { hashForKeycloak } from '../../activation/credential.ts'
import { parseSecret } from '../../activation/browser-secrets.ts'
import { checkNewPassword } from '../../activation/rules.ts'
import type { ConfirmOutcome } from '../../activation/store.ts'
import { passwordMaxLength, passwordMinLength } from '../../../core/password-policy.ts'
import { contextOf } from '../../web/context.ts'
import type { Screens } from '../../web/screen.ts'
import { typed } from '../fields.ts'
import { orGiveBack } from '../../throttle/throttle.ts'
import type { Flash } from '../flash.ts'
import type { ScreenParts } from '../parts.ts'
import { activationId } from '../sent/route.ts'
import { lockedKey, showConfirmation, showLinkProblem } from './view.ts'

/** k of nobody. */
const noLink = Buffer.alloc(32)
const pageOf = (id: string) => `/activation/${id}/confirm`

export function confirmationScreen(parts: ScreenParts): Screens['confirmation'] {
  const { cookies, flashes, log, secrets, store } = parts
  return {
    async show(req, res) {
      const id = activationId(req)
      if (req.query['k'] !== undefined) {
        const k = parseSecret(req.query['k'])
        const view = k ? await store.linkView(id, k) : undefined
        contextOf(res).correlation.takeOver(view?.correlationId)
        if (req.method !== 'HEAD') {
          const outcome = view?.outcome ?? 'bad_link'
          log.info({ event: 'activation.link', ...contextOf(res).ids, activation_id: id, outcome })
        }
        // A wrong one is not kept: other sites could fill the browser with them until no request fits any more.
        if (!k || view?.outcome === 'bad_link') return res.redirect(303, `${pageOf(id)}?damaged=1`)
        if (req.method !== 'HEAD') {
          secrets.keepLink(res, id, k)
          // The mail was written in the person's language; a browser that has chosen none goes on in it.
          if (view?.locale && !cookies.read(req, 'language'))
            cookies.set(res, 'language', view.locale, { maxAgeSeconds: 31_536_000 })
        }
        return res.redirect(303, pageOf(id))
      }
      const k = req.query['damaged'] === undefined ? secrets.link(req, id) : undefined
      const started = await startedHere(parts, req, id)
      if (!k)
        return showLinkProblem(
          req,
          res,
          id,
          req.query['damaged'] === undefined ? 'no_link' : 'bad_link',
          { own: started !== undefined, granted: (await store.linkView(id, noLink)).kind === 'granted' },
          parts,
        )
      const view = await store.linkView(id, k)
      contextOf(res).correlation.takeOver(view.correlationId)
      if (view.outcome === 'valid')
        return showConfirmation(res, id, view, flashes.take(req, res), started?.address)
      if (view.outcome === 'opened' && (await isFinisher(parts, req, id)))
        return res.redirect(303, `/activation/${id}/opening`)
      const granted = view.kind === 'granted'
      await showLinkProblem(req, res, id, view.outcome, { own: started !== undefined, granted }, parts)
    },

    async submit(req, res) {
      const id = activationId(req)
      const again = (flash: Flash) => flashes.redirect(res, pageOf(id), flash)
      const password = typed(req, 'password')
      const outcome = await confirm(parts, req, res, id, password)
      if (typeof outcome === 'object') return again(outcome)
      switch (outcome) {
        case 'confirmed':
        case 'already':
          return res.redirect(303, `/activation/${id}/opening`)
        case 'waiting':
          return res.redirect(303, `/activation/${id}/waiting`)
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
  const view = k && (await store.linkView(id, k))
  if (!k || !view || !['valid', 'opened'].includes(view.outcome)) return 'bad_link'
  const { correlation, network } = contextOf(res)
  correlation.takeOver(view.correlationId)
  const attempt = { subject: id, network }
  const isGranted = 'kind' in view && view.kind === 'granted'
  const problem = isGranted
    ? checkNewPassword(password, ('address' in view && view.address) || '')
    : password === '' && 'missing'
  if (problem)
    return {
      errors: {
        password: {
          key: isGranted ? `password.${problem}` : 'confirm.missing',
          values: { min: passwordMinLength, max: passwordMaxLength },
        },
      },
    }
  if (!(await throttle.password.take(attempt)))
    return { notice: { kind: 'error', text: { key: 'steering.too_many' } } }
  const judge = async () => {
    const [verifier, credential] = await Promise.all([
      isGranted ? undefined : store.activationSalt(id).then((salt) => verifiers.deriveFor(password, salt)),
      hashForKeycloak(password),
    ])
    const finisher = secrets.becomeFinisher(req, res, id)
    return store.confirmActivation(id, k, verifier, credential, finisher)
  }
  const { outcome, triesLeft } = await orGiveBack(throttle.password, attempt, judge)
  log.info({ event: 'activation.confirm', ...contextOf(res).ids, activation_id: id, outcome })
  if (outcome === 'locked' || triesLeft === 0) return { notice: { kind: 'error', text: { key: lockedKey } } }
  if (outcome === 'wrong_password')
    return { errors: { password: { key: 'confirm.wrong', values: { left: triesLeft ?? 0 } } } }
  await throttle.password.giveBack(attempt)
  return outcome
}

/** Was it this browser whose POST confirmed, and none since? */
async function isFinisher({ secrets, store }: ScreenParts, req: Request, id: string): Promise<boolean> {
  const hash = secrets.finisherHash(req, id)
  return hash !== undefined && (await store.finishView(id, hash)) !== undefined
}

/** The activation if this browser started it: its page may offer a fresh mail without a password, and knows its address. */
async function startedHere({ secrets, store }: ScreenParts, req: Request, id: string) {
  const hash = secrets.activationHash(req)
  return hash && store.activationView(id, hash)
}
