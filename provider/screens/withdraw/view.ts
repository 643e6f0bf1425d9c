/** "It was not me". */
import type { Request, Response } from 'express'
import { html } from 'hono/html'
import { maskLogin } from '../../../core/mask.ts'
import type { WithdrawView } from '../../activation/store.ts'
import { contextOf } from '../../web/context.ts'
import { hasCookies } from '../../web/cookies.ts'
import { actions, facts, form, submitButton } from '../fields.ts'
import { renderPage } from '../layout.ts'

const statuses = { valid: 200, done: 200, too_late: 410, bad_code: 400 }

/** The login is masked: whoever reads this has said, or may say, that it is a stranger's. */
export async function showWithdrawal(
  req: Request,
  res: Response,
  id: string,
  view: WithdrawView,
): Promise<void> {
  const context = contextOf(res)
  const { t } = context
  const { outcome } = view
  await renderPage(res, {
    name: `withdraw-${outcome.replace('_', '-')}`,
    status: statuses[outcome],
    title: t(`withdraw.${outcome}_title`),
    body: html`<p class="ell-lead">${t(`withdraw.${outcome}`)}</p>
      ${outcome === 'bad_code' && !hasCookies(req) && html`<p>${t('error.cookies')}</p>`}
      ${
        view.outcome === 'valid' &&
        html`${facts([
            [t('facts.login'), maskLogin(view.login)],
            [t('facts.company'), view.company],
          ])}
          <p>${t('withdraw.was_me')}</p>
          ${form(context, `/activation/${id}/withdraw`, actions(submitButton(t('withdraw.submit'))))}`
      }`,
  })
}
