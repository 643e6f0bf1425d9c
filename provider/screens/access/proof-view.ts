/** The pages behind the two links of the mail that proves an address. The login is masked: the address may be a stranger's. */
import type { Request, Response } from 'express'
import { html } from 'hono/html'
import { maskLogin } from '../../../core/mask.ts'
import type { ProofView, RequestWithdrawView } from '../../cases/store.ts'
import { contextOf } from '../../web/context.ts'
import { hasCookies } from '../../web/cookies.ts'
import { actions, facts, form, linkButton, submitButton } from '../fields.ts'
import { renderPage, type Html } from '../layout.ts'
import { callDesk } from './view.ts'

const statuses = { valid: 200, done: 200, expired: 410, ended: 410, bad_link: 400 }

/** @param isFull the case took no more requests when the button was pressed */
export async function showProof(
  req: Request,
  res: Response,
  id: string,
  view: ProofView,
  isFull: boolean,
): Promise<void> {
  const { t } = contextOf(res)
  if (isFull)
    return renderPage(res, {
      name: 'access-prove-full',
      title: t('access.full_title'),
      hasDesk: true,
      body: html`<p class="ell-lead">${t('access.full')}</p>
        ${callDesk(res)}`,
    })
  const { outcome } = view
  await renderPage(res, {
    name: `access-prove-${outcome.replace('_', '-')}`,
    status: statuses[outcome],
    title: t(`access.prove.${outcome}_title`),
    body: html`<p class="ell-lead">${t(`access.prove.${outcome}`)}</p>
      ${outcome === 'bad_link' && !hasCookies(req) && html`<p>${t('error.cookies')}</p>`}
      ${wayOn(res, id, view)}
      ${view.outcome !== 'valid' && view.outcome !== 'done' && actions(linkButton('/', t('again.start')))}`,
  })
}

function wayOn(res: Response, id: string, view: ProofView): Html | undefined {
  const context = contextOf(res)
  const { t, desk, language } = context
  if (view.outcome === 'done')
    return html`${referenceFacts(res, view.reference)}
      <p>${t('access.prove.done_mail')}</p>
      <p>${t('access.prove.done_then', { hours: desk.hours[language] })}</p>`
  if (view.outcome !== 'valid') return undefined
  return html`${facts([
      [t('facts.login'), maskLogin(view.login)],
      [t('facts.company'), view.company],
    ])}
    ${form(context, `/access/${id}/prove`, actions(submitButton(t('access.prove.submit'))))}
    <p>${t('access.prove.not_me')}</p>`
}

/** What a person reads out on the telephone. */
export function referenceFacts(res: Response, reference: string): Html {
  const { t } = contextOf(res)
  return html`<dl class="ell-facts">
    <div>
      <dt>${t('facts.reference')}</dt>
      <dd><code class="ell-code">${reference}</code></dd>
    </div>
  </dl>`
}

const withdrawStatuses = { valid: 200, done: 200, too_late: 410, bad_code: 400 }

export async function showRequestWithdrawal(
  req: Request,
  res: Response,
  id: string,
  view: RequestWithdrawView,
): Promise<void> {
  const context = contextOf(res)
  const { t } = context
  const { outcome } = view
  const key = (part: '' | '_title') =>
    outcome === 'too_late' ? `access.withdraw.${outcome}${part}` : `withdraw.${outcome}${part}`
  await renderPage(res, {
    name: `access-withdraw-${outcome.replace('_', '-')}`,
    status: withdrawStatuses[outcome],
    title: t(key('_title')),
    body: html`<p class="ell-lead">${t(key(''))}</p>
      ${outcome === 'bad_code' && !hasCookies(req) && html`<p>${t('error.cookies')}</p>`}
      ${
        view.outcome === 'valid' &&
        html`${facts([
            [t('facts.login'), maskLogin(view.login)],
            [t('facts.company'), view.company],
          ])}
          <p>${t('withdraw.was_me')}</p>
          ${form(context, `/access/${id}/withdraw`, actions(submitButton(t('withdraw.submit'))))}`
      }`,
  })
}
