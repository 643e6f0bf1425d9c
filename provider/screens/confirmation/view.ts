/** The confirmation page, and what to do with a link that does not lead to it. */
import type { Request, Response } from 'express'
import { html } from 'hono/html'
import { maskLogin } from '../../../core/mask.ts'
import type { LinkView } from '../../activation/store.ts'
import { contextOf } from '../../web/context.ts'
import { hasCookies } from '../../web/cookies.ts'
import {
  actions,
  facts,
  form,
  hiddenUsername,
  linkButton,
  passwordField,
  passwordScript,
  submitButton,
} from '../fields.ts'
import type { Flash } from '../flash.ts'
import { renderPage } from '../layout.ts'
import type { ScreenParts } from '../parts.ts'

/** The message of the try after which no other is taken. */
export const lockedKey = 'confirm.locked'

/**
 * The login is masked: an address may have been mistyped, and its owner is then a stranger.
 * @param address only for the browser that typed it, for its password manager: a link alone tells no address
 */
export async function showConfirmation(
  res: Response,
  id: string,
  { login, company }: { login: string; company: string },
  flash: Flash,
  address: string | undefined,
): Promise<void> {
  const context = contextOf(res)
  const { t } = context
  if (isLocked(flash)) return showLocked(res, flash)
  await renderPage(res, {
    name: 'confirm',
    title: t('confirm.title'),
    step: 3,
    flash,
    scripts: [passwordScript],
    body: html`<p class="ell-lead">${t('confirm.lead')}</p>
      ${facts([
        [t('facts.login'), maskLogin(login)],
        [t('facts.company'), company],
      ])}
      ${form(
        context,
        `/activation/${id}/confirm`,
        html`${address && hiddenUsername(address)}
        ${passwordField(t, {
          name: 'password',
          label: t('confirm.password'),
          hint: t('confirm.password_hint'),
          autocomplete: 'current-password',
          flash,
          autofocus: true,
        })}
        ${actions(submitButton(t('confirm.submit')))}`,
      )}
      <h2 class="ell-subtitle">${t('confirm.forgot_title')}</h2>
      <p>${t('confirm.forgot')} <a href="/redirection?own=1">${t('again.new')}</a></p>
      <p>${t('confirm.not_me')}</p>`,
  })
}

const isLocked = ({ notice }: Flash) => notice?.text?.key === lockedKey

/** Instead of the form, which would only refuse: the one way on is a new activation. */
async function showLocked(res: Response, flash: Flash): Promise<void> {
  const { t } = contextOf(res)
  await renderPage(res, {
    name: 'confirm-locked',
    title: t('confirm.locked_title'),
    step: 3,
    flash,
    body: html`<p>${t('confirm.locked_way')}</p>
      ${actions(linkButton('/redirection?own=1', t('again.new')))}`,
  })
}

const statuses = { no_link: 400, bad_link: 400, expired: 410, ended: 410, opened: 200 }

/** @param own this browser started the activation, and may ask for a fresh mail without a password */
export async function showLinkProblem(
  req: Request,
  res: Response,
  id: string,
  outcome: Exclude<LinkView['outcome'], 'valid'> | 'no_link',
  own: boolean,
  { portalSignIn }: ScreenParts,
): Promise<void> {
  const { t } = contextOf(res)
  const again = linkButton(
    '/',
    t('again.start'),
    outcome === 'expired' || outcome === 'ended' ? undefined : 'secondary',
  )
  const fresh = linkButton(`/activation/${id}`, t(own ? 'link.sent_page' : 'link.fresh_mail'))
  const ways =
    outcome === 'opened'
      ? actions(linkButton(portalSignIn, t('portal.sign_in')))
      : outcome === 'expired' || outcome === 'ended'
        ? actions(again)
        : actions(fresh, again)
  await renderPage(res, {
    name: `confirm-${outcome.replace('_', '-')}`,
    status: statuses[outcome],
    title: t(`link.${outcome}_title`),
    step: outcome === 'opened' ? 4 : 2,
    body: html`<p class="ell-lead">${t(`link.${outcome}`)}</p>
      ${!hasCookies(req) && html`<p>${t('error.cookies')}</p>`} ${ways}`,
  })
}
