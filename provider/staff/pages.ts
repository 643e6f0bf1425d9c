/** The agents' pages around the sign-in: before it, while the access is checked, and what went otherwise than planned. */
import type { Request, Response } from 'express'
import { html } from 'hono/html'
import { actions, linkButton } from '../screens/fields.ts'
import { contextOf } from '../web/context.ts'
import type { TypedDecision } from './decision-form.ts'
import { renderStaffPage } from './layout.ts'
import { signInPath, waitingUrl } from './paths.ts'
import type { Shown } from './session.ts'

const waitScript = 'wait-for-opening.js'
export const refreshSeconds = 2

/** @param keycloakSignOut Keycloak's own page, for whoever leaves the computer to somebody else */
export async function renderSignIn(
  res: Response,
  isSignedIn: boolean,
  keycloakSignOut: string,
): Promise<void> {
  const { t } = contextOf(res)
  await renderStaffPage(res, undefined, {
    name: 'staff-sign-in',
    title: t('staff.sign_in.title'),
    body: html`<p class="ell-lead">${t('staff.sign_in.lead')}</p>
      ${actions(linkButton(isSignedIn ? '/staff' : signInPath('/staff'), t('staff.sign_in.button')))}
      <p>
        ${t('staff.sign_in.leave')}
        <a class="ell-link" href="${keycloakSignOut}">${t('staff.sign_in.leave_link')}</a>
      </p>`,
  })
}

/** admin-sync has not answered yet. The page asks by HEAD, or loads itself where no script can. */
export async function renderChecking(req: Request, res: Response): Promise<void> {
  const { t } = contextOf(res)
  // What the script looks at: an answer without it has something else to say.
  res.setHeader('Retry-After', String(refreshSeconds))
  await renderStaffPage(res, undefined, {
    name: 'staff-checking',
    title: t('staff.checking.title'),
    refresh: { url: waitingUrl(req), seconds: refreshSeconds, withoutScriptsOnly: true },
    scripts: [waitScript],
    body: html`<p class="ell-working" role="status" data-wait-seconds="${refreshSeconds}">
        ${t('staff.checking.working')}
      </p>
      <p>${t('staff.checking.text')}</p>`,
  })
}

/** Reasons of admin-sync that have words of their own. */
const refusals = ['not_agent', 'not_lead', 'account_gone', 'account_disabled'] as const

/** Signed in at Keycloak, and none of those whom the page is for. @param shown who has a session for other pages */
export async function renderRefused(
  req: Request,
  res: Response,
  reason: string | undefined,
  keycloakSignOut: string,
  shown?: Shown,
): Promise<void> {
  const { t } = contextOf(res)
  const known = refusals.find((one) => one === reason) ?? 'other'
  await renderStaffPage(res, shown, {
    status: 403,
    name: 'staff-refused',
    title: t('staff.refused.title'),
    body: html`<p class="ell-lead">${t(`staff.refused.${known}`)}</p>
      <p>${t('staff.refused.text')}</p>
      ${actions(
        linkButton(signInPath(req.originalUrl), t('staff.refused.again')),
        linkButton(keycloakSignOut, t('staff.refused.other_account'), 'secondary'),
      )}`,
  })
}

/** The sign-in did not come to its end. @param to path of ours that was asked for */
export async function renderSignInProblem(
  res: Response,
  o: { status: number; messageKey: string; to: string },
): Promise<void> {
  const { t } = contextOf(res)
  await renderStaffPage(res, undefined, {
    status: o.status,
    name: 'staff-problem',
    query: { to: o.to },
    title: t('staff.problem.title'),
    body: html`<p class="ell-lead">${t(o.messageKey)}</p>
      ${actions(linkButton(signInPath(o.to), t('staff.problem.retry')))}`,
  })
}

/**
 * The session ended while a decision was under way.
 * @param to the case
 * @param typed what was typed, when it could not be kept anywhere else
 */
export async function renderSessionOver(res: Response, to: string, typed?: TypedDecision): Promise<void> {
  const { t } = contextOf(res)
  const text = [typed?.called, typed?.reason].filter(Boolean).join('\n\n')
  await renderStaffPage(res, undefined, {
    status: 403,
    name: 'staff-session-over',
    title: t('staff.over.title'),
    body: html`<p class="ell-lead">${t(typed ? 'staff.over.copy' : 'staff.over.kept')}</p>
      ${
        text &&
        html`<div class="ell-field">
          <label class="ell-label" for="typed">${t('staff.over.typed')}</label>
          <textarea class="ell-input" id="typed" rows="8" readonly>${text}</textarea>
        </div>`
      }
      ${actions(linkButton(signInPath(to), t('staff.over.sign_in')))}`,
  })
}

export async function renderNotFound(res: Response, what: 'case' | 'decision', agent: Shown): Promise<void> {
  const { t } = contextOf(res)
  await renderStaffPage(res, agent, {
    status: 404,
    name: `staff-${what}-not-found`,
    title: t(`staff.not_found.${what}_title`),
    body: html`<p class="ell-lead">${t(`staff.not_found.${what}`)}</p>
      ${actions(linkButton('/staff', t('staff.to_list')))}`,
  })
}
