/**
 * "I need my own access": a person whose Cofacering login has its holder already asks for an access of their own.
 *
 *   GET  /access/new    the form, for a browser that signed in with that login not long ago
 *   POST /access/new    asks; then /access/sent
 *   GET  /access/sent   "we sent a mail to …": the address as typed, which a signed message of this browser remembers
 *
 * The page after the form is the same whether the address is known to us, the request was made before, or a case of the
 * login exists. The way from the mail on is in proof.ts and state.ts.
 */
import type { Response } from 'express'
import { nextStep, pathOf } from '../../activation/dispatch.ts'
import { showAddress } from '../../activation/rules.ts'
import type { SignIn } from '../../activation/sign-ins.ts'
import type { AskOutcome } from '../../cases/store.ts'
import { orGiveBack } from '../../throttle/throttle.ts'
import { contextOf } from '../../web/context.ts'
import type { Screens } from '../../web/screen.ts'
import { typed } from '../fields.ts'
import type { Flash } from '../flash.ts'
import { currentFacts, currentSignIn, type ScreenParts } from '../parts.ts'
import { readRequest, type RequestDetails } from './form.ts'
import { showAccessForm, showAccessSent, showCaseFull } from './view.ts'

const page = '/access/new'
const sentPage = '/access/sent'

export function accessScreen(parts: ScreenParts): Screens['access'] {
  const { flashes, throttle } = parts
  const signInAgain = (res: Response) =>
    flashes.redirect(res, '/', { notice: { kind: 'info', text: { key: 'login.again' } } })

  return {
    async show(req, res) {
      const signIn = await currentSignIn(parts, req)
      if (!signIn) return signInAgain(res)
      const step = nextStep(await currentFacts(parts, req, signIn), true)
      if (step.screen !== 'moved') return res.redirect(303, pathOf(step))
      const flash = flashes.take(req, res)
      if (isFull(flash)) return showCaseFull(res, signIn)
      await showAccessForm(res, signIn, flash)
    },

    async submit(req, res) {
      const signIn = await currentSignIn(parts, req)
      if (!signIn) return signInAgain(res)
      const values = { name: typed(req, 'name'), email: typed(req, 'email'), phone: typed(req, 'phone') }
      const again = (flash: Flash) => flashes.redirect(res, page, { ...flash, values })
      const { details, errors } = readRequest(values)
      if (!details) return again({ errors })
      const attempt = { subject: details.address, network: contextOf(res).network }
      if (!(await throttle.access.take(attempt))) return again(describeRefusal('too_many'))
      const outcome = await orGiveBack(throttle.access, attempt, () => ask(parts, res, signIn, details))
      switch (outcome) {
        case 'asked':
          return flashes.redirect(res, sentPage, { values: { email: showAddress(details.address) } })
        case 'not_held':
          return res.redirect(303, '/redirection')
        case 'case_full':
          return flashes.redirect(res, page, full)
        case 'blocked':
        case 'address_budget':
        case 'login_budget':
        case 'login_limit':
        case 'cap':
          return again(describeRefusal(outcome))
      }
    },

    async showSent(req, res) {
      const flash = flashes.take(req, res)
      await showAccessSent(res, flash.values?.['email'], (await currentSignIn(parts, req)) !== undefined)
    },
  }
}

async function ask(
  { cases, log }: ScreenParts,
  res: Response,
  { account, login, company, contract }: SignIn,
  { name, address, phone }: RequestDetails,
): Promise<AskOutcome> {
  const { ids, language, network } = contextOf(res)
  const outcome = await cases.requestAccess({
    account,
    login,
    company,
    contract,
    name,
    address,
    phone,
    locale: language,
    network,
    correlationId: ids.correlation_id ?? ids.request_id,
  })
  log.info({ event: 'access.ask', ...ids, outcome })
  return outcome
}

/** The page of a case that takes no more requests is the form's page, with something else in it. */
const full: Flash = { notice: { kind: 'warning', text: { key: 'access.full' } } }
const isFull = ({ notice }: Flash) => notice?.text?.key === 'access.full'

/** Why nobody can ask with this address or login now, as a message of the form. */
function describeRefusal(
  outcome: Exclude<AskOutcome, 'asked' | 'not_held' | 'case_full'> | 'too_many',
): Flash {
  const key = `start.${outcome}`
  return outcome === 'blocked' || outcome === 'address_budget'
    ? { errors: { email: { key } } }
    : { notice: { kind: 'warning', text: { key } } }
}
