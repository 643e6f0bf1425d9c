/** The confirmation page, and what to do with a link that does not lead to it. */
import type { Request, Response } from 'express'
import { html } from 'hono/html'
import { maskLogin } from '../../../core/mask.ts'
import type { LinkView } from '../../activation/store.ts'
import { contextOf } from '../../web/context.ts'
import { hasCookies } from '../../web/cookies.ts'
import { passwordRules } from '../password-rules.ts'
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
import { deskContacts, renderPage } from '../layout.ts'
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
  view: Extract<LinkView, { outcome: 'valid' | 'opened' }>,
  flash: Flash,
  address: string | undefined,
): Promise<void> {
  const context = contextOf(res)
  const { t } = context
  if (view.kind === 'granted') return showChoice(res, id, view, flash)
  if (isLocked(flash)) return showLocked(res, flash)
  const { login, company } = view
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

/** Of an access that an agent opened: the password is chosen here, and nothing was typed before that could be forgotten. */
async function showChoice(
  res: Response,
  id: string,
  { login, company, address }: Extract<LinkView, { outcome: 'valid' | 'opened' }>,
  flash: Flash,
): Promise<void> {
  const context = contextOf(res)
  const { t } = context
  await renderPage(res, {
    name: 'confirm-granted',
    title: t('confirm.granted_title'),
    step: 3,
    flash,
    scripts: [passwordScript],
    body: html`<p class="ell-lead">${t('confirm.granted_lead')}</p>
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
          label: t('redirection.password'),
          autocomplete: 'new-password',
          flash,
          autofocus: true,
          rules: passwordRules(t, flash, false),
        })}
        ${actions(submitButton(t('confirm.submit')))}`,
      )}
      <p>${t('confirm.granted_not_me')}</p>`,
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

/**
 * @param of.own this browser started the activation, and may ask for a fresh mail without a password
 * @param of.granted an agent opened it: a fresh mail is asked for on the page of the request, whose address is in a mail
 */
export async function showLinkProblem(
  req: Request,
  res: Response,
  id: string,
  outcome: Exclude<LinkView['outcome'], 'valid'> | 'no_link',
  { own, granted }: { own: boolean; granted: boolean },
  { portalSignIn }: ScreenParts,
): Promise<void> {
  const { t, desk } = contextOf(res)
  const again = linkButton(
    '/',
    t('again.start'),
    !granted && (outcome === 'expired' || outcome === 'ended') ? undefined : 'secondary',
  )
  const fresh = linkButton(`/activation/${id}`, t(own ? 'link.sent_page' : 'link.fresh_mail'))
  const ways =
    outcome === 'opened'
      ? actions(linkButton(portalSignIn, t('portal.sign_in')))
      : granted || outcome === 'expired' || outcome === 'ended'
        ? actions(again)
        : actions(fresh, again)
  await renderPage(res, {
    name: `confirm-${outcome.replace('_', '-')}`,
    status: statuses[outcome],
    title: t(`link.${outcome}_title`),
    step: outcome === 'opened' ? 4 : 2,
    hasDesk: granted && outcome !== 'opened',
    body: html`<p class="ell-lead">
        ${t(granted && outcome !== 'opened' ? `link.granted_${outcome}` : `link.${outcome}`)}
      </p>
      ${granted && outcome !== 'opened' && deskContacts(desk)}
      ${!hasCookies(req) && html`<p>${t('error.cookies')}</p>`} ${ways}`,
  })
}
