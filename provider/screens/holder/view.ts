/** The questions to the holder of a login. Names are as their people typed them, and shown as that. */
import type { Request, Response } from 'express'
import { html } from 'hono/html'
import type { HolderQuestion, HolderView } from '../../cases/store.ts'
import { contextOf } from '../../web/context.ts'
import { hasCookies } from '../../web/cookies.ts'
import { facts, form } from '../fields.ts'
import type { Flash } from '../flash.ts'
import { renderPage, type Html } from '../layout.ts'

export async function showHolder(res: Response, id: string, view: HolderView, flash: Flash): Promise<void> {
  const { t } = contextOf(res)
  const count = view.questions.length
  const isEmpty = count === 0
  await renderPage(res, {
    name: isEmpty ? 'holder-empty' : 'holder',
    title: isEmpty ? t('holder.empty_title') : t('holder.title', { count }),
    flash,
    body: html`<p class="ell-lead">${isEmpty ? t('holder.empty') : t('holder.lead', { count })}</p>
      ${facts([
        [t('facts.login'), view.login],
        [t('facts.company'), view.company],
      ])}
      ${
        !isEmpty &&
        html`<p>${t('holder.purpose')}</p>
          ${view.questions.map((question) => questionForm(res, id, question))}`
      }`,
  })
}

function questionForm(res: Response, id: string, { requestId, name, domain, knows }: HolderQuestion): Html {
  const context = contextOf(res)
  const { t } = context
  const answer = (value: 'yes' | 'no', isGiven: boolean) =>
    html`<button
      class="ell-button ell-button--secondary"
      type="submit"
      name="knows"
      value="${value}"
      aria-describedby="who-${requestId}"
      ${isGiven && 'aria-pressed=true'}
    >
      ${t(`holder.${value}`)}
    </button>`
  return html`<hr class="ell-rule" />
    <h2 class="ell-subtitle" id="who-${requestId}"><bdi>${name ?? t('holder.no_name')}</bdi></h2>
    <p>${t('holder.domain', { domain })}</p>
    ${knows !== undefined && html`<p>${t(knows ? 'holder.said_yes' : 'holder.said_no')}</p>`}
    ${form(
      context,
      `/access/holder/${id}`,
      html`<input type="hidden" name="request" value="${requestId}" />
        <div class="ell-actions">${answer('yes', knows === true)} ${answer('no', knows === false)}</div>`,
    )}`
}

export async function showNoHolder(req: Request, res: Response): Promise<void> {
  const { t } = contextOf(res)
  await renderPage(res, {
    name: 'holder-bad-link',
    status: 400,
    title: t('holder.bad_link_title'),
    body: html`<p class="ell-lead">${t('holder.bad_link')}</p>
      ${!hasCookies(req) && html`<p>${t('error.cookies')}</p>`}`,
  })
}
