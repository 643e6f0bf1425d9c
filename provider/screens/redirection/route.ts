/**
 * The redirection screen: a person whose Cofacering login was recognised gives an e-mail address and a password of
 * their own. GET shows it, POST starts the activation and goes on to "mail sent".
 *
 * What is kept of the password is its verifier (activation/verifier.ts). The same form sent twice starts one
 * activation: its salt comes from a random value in the form, so that the database recognises the second one.
 */
import { randomBytes } from 'node:crypto'
import type { Request, Response } from 'express'
import { nextStep, pathOf } from '../../activation/dispatch.ts'
import type { SignIn } from '../../activation/sign-ins.ts'
import type { StartRefusal } from '../../activation/store.ts'
import { orGiveBack } from '../../throttle/throttle.ts'
import { contextOf } from '../../web/context.ts'
import type { Screens } from '../../web/screen.ts'
import { isCofaceringClosed, showClosed } from '../closed/view.ts'
import { typed } from '../fields.ts'
import type { Flash } from '../flash.ts'
import { currentFacts, currentMailbox, currentSignIn, type ScreenParts } from '../parts.ts'
import { readDetails, type Details } from './form.ts'
import { showRedirection } from './view.ts'

const page = '/redirection'

export function redirectionScreen(parts: ScreenParts): Screens['redirection'] {
  const { flashes, secrets, throttle } = parts
  const signInAgain = (res: Response) =>
    flashes.redirect(res, '/', { notice: { kind: 'info', text: { key: 'login.again' } } })

  return {
    async show(req, res) {
      const signIn = await currentSignIn(parts, req)
      if (!signIn) return signInAgain(res)
      const asksAnew = req.query['own'] === '1'
      const step = nextStep(await currentFacts(parts, req, signIn), asksAnew)
      if (step.screen !== 'redirection') return res.redirect(303, pathOf(step))
      if (isCofaceringClosed(parts)) return showClosed(res, parts)
      // Before the form is sent: two clicks on its button are then two requests of one browser. Always a new one: what
      // stands there was another login's, or was put there by somebody who had this browser before.
      if (req.method !== 'HEAD') secrets.ensureActivation(req, res, true)
      if (asksAnew) contextOf(res).correlation.beginAnew()
      await showRedirection(res, {
        signIn,
        formId: randomBytes(16).toString('base64url'),
        flash: flashes.take(req, res),
        mailbox: await currentMailbox(parts, req),
      })
    },

    async submit(req, res) {
      if (isCofaceringClosed(parts)) return showClosed(res, parts)
      const signIn = await currentSignIn(parts, req)
      if (!signIn) return signInAgain(res)
      const email = typed(req, 'email')
      const shared = typed(req, 'shared')
      const again = (flash: Flash) => flashes.redirect(res, page, { ...flash, values: { email, shared } })

      const { details, errors } = readDetails({ email, shared, password: typed(req, 'password') })
      if (!details) return again({ errors })
      const { network } = contextOf(res)
      const attempt = { subject: details.address, network }
      if (!(await throttle.address.take(attempt))) return again(describeRefusal('too_many'))
      const result = await orGiveBack(throttle.address, attempt, () =>
        start(parts, req, res, signIn, details),
      )
      if (result.outcome === 'started') return res.redirect(303, `/activation/${result.id}`)
      if (result.outcome === 'moved') return res.redirect(303, '/moved')
      again(describeRefusal(result.outcome))
    },
  }
}

async function start(parts: ScreenParts, req: Request, res: Response, signIn: SignIn, details: Details) {
  const { log, secrets, store, verifiers } = parts
  const { correlation, ids, language } = contextOf(res)
  const { account, login, company, contract } = signIn
  const salt = verifiers.saltFor(typed(req, 'form'))
  const verifier = await verifiers.derive(details.password, salt)
  const result = await store.startActivation({
    account,
    login,
    company,
    contract,
    address: details.address,
    locale: language,
    // What the person says; what Cofacering says is admin-sync's to read.
    shared: details.shared,
    browserHash: secrets.ensureActivation(req, res),
    salt,
    verifier,
    correlationId: ids.correlation_id ?? ids.request_id,
  })
  correlation.renew()
  log.info({
    event: 'activation.start',
    ...ids,
    outcome: result.outcome,
    ...(result.outcome === 'started' && { activation_id: result.id }),
  })
  return result
}

/** Why no activation can start with this address or login, as a message of the form. */
export function describeRefusal(outcome: Exclude<StartRefusal, 'moved'> | 'too_many'): Flash {
  const key = `start.${outcome}`
  return outcome === 'blocked' || outcome === 'address_budget'
    ? { errors: { email: { key } } }
    : { notice: { kind: 'warning', text: { key } } }
}
