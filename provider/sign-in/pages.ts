/** Pages at the end of an activation: what went otherwise than planned. The account is open on all of them. */
import type { Response } from 'express'
import { html } from 'hono/html'
import { renderPage } from '../screens/layout.ts'
import { contextOf } from '../web/context.ts'

/** Somebody else is signed in to Ellipro in this browser: one click ends that session and goes on. */
export async function renderSomeoneElse(res: Response, email: string | undefined): Promise<void> {
  const { t, csrf } = contextOf(res)
  await renderPage(res, {
    name: 'sign-in-switch',
    title: t('sign_in.switch.title'),
    step: 4,
    body: html`<p>${email ? t('sign_in.switch.lead_email', { email }) : t('sign_in.switch.lead')}</p>
      <p>${t('sign_in.switch.text')}</p>
      <form class="ell-form" method="post" action="/sign-in/switch">
        <input type="hidden" name="csrf" value="${csrf}" />
        <div class="ell-actions"><button class="ell-button">${t('sign_in.switch.button')}</button></div>
      </form>`,
  })
}

/**
 * The sign-in did not come to its end. Offers the portal's own sign-in, with e-mail address and password, and another
 * try where there may be one.
 * @param messageKey what happened
 * @param isOpen this browser's activation is known to be open: say so first
 */
export async function renderSignInProblem(
  res: Response,
  o: { status: number; messageKey: string; isOpen: boolean; portalUrl: string; retryUrl?: string },
): Promise<void> {
  const { t } = contextOf(res)
  const retry =
    o.retryUrl &&
    html`<a class="ell-button ell-button--secondary" href="${o.retryUrl}">${t('sign_in.problem.retry')}</a>`
  await renderPage(res, {
    status: o.status,
    name: 'sign-in-problem',
    title: t(o.isOpen ? 'sign_in.problem.title' : 'error.title'),
    ...(o.isOpen && { step: 4 as const }),
    body: html`<p>${t(o.messageKey)}</p>
      ${o.isOpen && html`<p>${t('sign_in.problem.text')}</p>`}
      <p class="ell-actions">
        <a class="ell-button" href="${o.portalUrl}">${t('sign_in.problem.portal')}</a>
        ${retry}
      </p>`,
  })
}
