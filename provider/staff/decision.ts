/**
 * One decision of an agent: the form, a round trip through Keycloak whose nonce binds every word of it, and how it
 * ended. provider carries it; admin-sync verifies the ID token and decides whether it counts.
 *
 *   POST /staff/cases/{id}/decide   checks what was typed, and seals it into a cookie
 *   GET  /staff/decisions/{id}?go=  go: the state of a sign-in that began here; on to Keycloak, which answers without a
 *                                   form for whoever is signed in there
 *   (callback)                      sign-in.ts hands it over here: the decision and its ID token go to the database
 *   GET  /staff/decisions/{id}      being applied, done, or why not. It has the address of the page that went on, so
 *                                   that Back meets no form that is sent again
 *
 * The form has an id of its own, so a double click is one decision. Whatever goes wrong on the way, what was typed is
 * in the form again when the agent comes back to the case: until a decision counts it is kept as a draft.
 */
import type { Request, RequestHandler, Response } from 'express'
import { ScreenError } from '../../core/errors.ts'
import type { Log } from '../../core/log.ts'
import { decisionNonce, type DecisionContent } from '../../core/nonce.ts'
import { typed } from '../screens/fields.ts'
import type { Flashes, Message } from '../screens/flash.ts'
import type { KeycloakRp } from '../sign-in/keycloak.ts'
import { contextOf } from '../web/context.ts'
import { sendContinue } from '../web/continue.ts'
import { renderCase, type CasePage } from './case/view.ts'
import {
  checkDecision,
  maxCalled,
  maxReason,
  type FieldProblem,
  type TypedDecision,
} from './decision-form.ts'
import { renderDecision } from './decision-page.ts'
import { readDecision, type StaffCookies, type StaffSignIn } from './kept.ts'
import { renderNotFound, renderSessionOver } from './pages.ts'
import { isId } from './return-path.ts'
import { waitFor, type Agent, type Guard } from './session.ts'
import { isOutage, queryOf } from '../sign-in/round-trip.ts'
import type { DecisionView, StaffStore } from './store.ts'

export type DecisionParts = {
  cookies: StaffCookies
  store: StaffStore
  guard: Guard
  keycloak: KeycloakRp
  flashes: Flashes
  log: Log
  now: () => number
}

export function decisionRoutes(parts: DecisionParts): Record<'submit' | 'show', RequestHandler> {
  const { cookies, store, guard, keycloak, flashes, log } = parts

  async function submit(req: Request, res: Response): Promise<void> {
    const { id } = req.params
    if (!isId(id)) throw new ScreenError('error.not_found', 404)
    const form = readForm(req)
    const agent = await guard.agent(req)
    if (!agent) return sessionIsOver(parts, req, res, id, form)
    const view = await store.case(agent.cookieHash, id)
    if (!view) return renderNotFound(res, 'case', agent)
    const page: CasePage = { view, agent, now: parts.now(), typed: form }
    const checked = checkDecision(form, view, cookies.fits)
    switch (checked.outcome) {
      case 'malformed':
        throw new ScreenError('error.bad_request', 400)
      case 'refused':
        if (keepTyped(parts, req, res, id, form))
          return backToCase(parts, res, { caseId: id, id: form.id }, checked.why)
        return renderCase(res, { ...page, status: 422, problem: checked.why })
      case 'incomplete': {
        const errors = describeErrors(checked.errors)
        if (keepTyped(parts, req, res, id, form))
          return flashes.redirect(res, `/staff/cases/${id}`, { errors })
        // Too long for a cookie: this answer is the one place where it still stands.
        return renderCase(res, { ...page, status: 422, errors })
      }
      case 'ok':
        return begin(req, res, checked.decision)
    }
  }

  function begin(req: Request, res: Response, decision: DecisionContent): void {
    const { state, codeVerifier } = keycloak.newPending(decisionNonce(decision))
    cookies.keepSignIn(req, res, { state, codeVerifier, purpose: { for: 'decision', decision } })
    // Whoever comes back from Keycloak's form finds it again.
    cookies.keepDraft(req, res, decision)
    res.redirect(303, `/staff/decisions/${decision.id}?go=${state}`)
  }

  async function goToKeycloak(req: Request, res: Response, signIn: StaffSignIn, decision: DecisionContent) {
    const { state, codeVerifier } = signIn
    const pending = { state, codeVerifier, nonce: decisionNonce(decision) }
    let url: string
    try {
      url = await keycloak.authorizationUrl(pending, { language: contextOf(res).language })
    } catch (error) {
      if (!isOutage(error)) throw error
      log.warn({ event: 'staff.unavailable', ...contextOf(res).ids, err: error })
      cookies.takeSignIn(req, res, state)
      return backToCase(parts, res, decision, 'unavailable')
    }
    await sendContinue(res, url)
  }

  async function show(agent: Agent, req: Request, res: Response): Promise<void> {
    const { id } = req.params
    const signIn = cookies.signIn(req, req.query['go'])
    if (signIn?.purpose.for === 'decision' && signIn.purpose.decision.id === id)
      return goToKeycloak(req, res, signIn, readDecision(signIn.purpose.decision))
    const found = isId(id)
      ? await waitFor(
          () => store.decision(agent.cookieHash, id),
          (view) => view?.state !== 'submitted',
        )
      : undefined
    if (!found) return renderNotFound(res, 'decision', agent)
    // What was typed has served; what was rejected is in the form again.
    if (isTaken(found) && cookies.draft(req)?.id === id) cookies.clearDraft(res)
    await renderDecision(req, res, agent, found)
  }

  return { submit, show: guard.page(show) }
}

const isTaken = ({ state }: DecisionView) => state === 'applied' || state === 'awaiting_second'

/** Keycloak's answer to the round trip of a decision. Every way out keeps what was typed, but for the one that counts. */
export async function finishDecision(
  parts: DecisionParts,
  req: Request,
  res: Response,
  { state, codeVerifier }: Pick<StaffSignIn, 'state' | 'codeVerifier'>,
  decision: DecisionContent,
): Promise<void> {
  const { cookies, store, guard, keycloak, log } = parts
  const back = (why: string) => backToCase(parts, res, decision, why)
  cookies.keepDraft(req, res, decision)
  try {
    const redeemed = await keycloak.redeem(queryOf(req), {
      state,
      nonce: decisionNonce(decision),
      codeVerifier,
    })
    const agent = await guard.agent(req)
    if (!agent) return await renderSessionOver(res, `/staff/cases/${decision.caseId}`)
    if (redeemed.status === 'refused') {
      // The answer to the first one was lost on its way, and this is a reload.
      if (await store.decision(agent.cookieHash, decision.id))
        return res.redirect(303, `/staff/decisions/${decision.id}`)
      return back('sign_in_refused')
    }
    const known = cookies.agentId(req)
    if (known !== undefined && known !== redeemed.person.userId) return back('other_person')
    const outcome = await store.submit(agent.cookieHash, decision, redeemed.person.idToken)
    switch (outcome) {
      case 'no_session':
        return await renderSessionOver(res, `/staff/cases/${decision.caseId}`)
      case 'stale':
      case 'unknown':
        return back(outcome)
      case 'submitted':
        log.info({ event: 'staff.decision_submitted', ...idsOf(res, decision), kind: decision.kind })
        return res.redirect(303, `/staff/decisions/${decision.id}`)
    }
  } catch (error) {
    if (!isOutage(error)) throw error
    log.warn({ event: 'staff.unavailable', ...idsOf(res, decision), err: error })
    return back('unavailable')
  }
}

const idsOf = (res: Response, { caseId, id }: Pick<DecisionContent, 'caseId' | 'id'>) => ({
  ...contextOf(res).ids,
  case_id: caseId,
  decision_id: id,
})

/** Nothing was decided: the case says why, and has what was typed in its form. */
function backToCase(
  { flashes, log }: DecisionParts,
  res: Response,
  decision: Pick<DecisionContent, 'caseId' | 'id'>,
  why: string,
): void {
  log.info({ event: 'staff.decision_not_submitted', ...idsOf(res, decision), code: why })
  flashes.redirect(res, `/staff/cases/${decision.caseId}`, {
    notice: { kind: 'error', text: { key: `staff.refusal.${why}` } },
  })
}

/** Whose session ended while they typed: what they typed waits in a cookie, or, when it is too long, on this page. */
async function sessionIsOver(
  parts: DecisionParts,
  req: Request,
  res: Response,
  id: string,
  form: TypedDecision,
): Promise<void> {
  const isKept = keepTyped(parts, req, res, id, form)
  await renderSessionOver(res, `/staff/cases/${id}`, isKept ? undefined : form)
}

/** @returns false when it is too long to be kept */
function keepTyped(
  { cookies }: DecisionParts,
  req: Request,
  res: Response,
  id: string,
  form: TypedDecision,
): boolean {
  const draft = draftOf(id, form)
  if (!draft || !cookies.fits(draft)) return false
  cookies.keepDraft(req, res, draft)
  return true
}

const describeErrors = (errors: { reason?: FieldProblem; called?: FieldProblem }): Record<string, Message> =>
  Object.fromEntries(
    (['called', 'reason'] as const).flatMap((name) => {
      const problem = errors[name]
      const most = name === 'reason' ? maxReason : maxCalled
      return problem ? [[name, { key: `staff.error.${name}_${problem}`, values: { most } }]] : []
    }),
  )

function draftOf(id: string, form: TypedDecision): DecisionContent | undefined {
  const kind = (['open', 'refuse', 'holder_left', 'not_shared'] as const).find((k) => k === form.kind)
  if (!kind || form.reason.length > maxReason || form.called.length > maxCalled) return undefined
  return {
    id: form.id,
    caseId: id,
    requestId: isId(form.requestId) ? form.requestId : undefined,
    kind,
    reason: form.reason,
    called: form.called === '' ? undefined : form.called,
    generation: 0,
  }
}

const readForm = (req: Request): TypedDecision => ({
  id: typed(req, 'decision'),
  kind: typed(req, 'kind'),
  requestId: typed(req, 'request'),
  generation: typed(req, 'generation'),
  reason: typed(req, 'reason'),
  called: typed(req, 'called'),
})
