/** The Cofacering login page, and the page of an interaction that is over. */
import type { Request, Response } from 'express'
import { html } from 'hono/html'
import { contextOf } from '../../web/context.ts'
import { hasCookies } from '../../web/cookies.ts'
import {
  actions,
  form,
  linkButton,
  passwordField,
  passwordScript,
  submitButton,
  textField,
} from '../fields.ts'
import type { Flash } from '../flash.ts'
import { renderPage } from '../layout.ts'
import type { ScreenParts } from '../parts.ts'

/** One of the two doors: where the page is, where its form goes, and how to go back to Keycloak. */
export type Door = { page: string; action: string; cancel?: string }

/** @param trouble the directory could not be asked, or we had no place for the question: the form once more, with status 503 */
export async function showLogin(
  res: Response,
  { config, portalSignIn }: ScreenParts,
  door: Door,
  flash: Flash,
  trouble?: 'unavailable' | 'busy',
): Promise<void> {
  const context = contextOf(res)
  const { t, desk } = context
  const mistaken = flash.errors?.['login']?.key === 'login.looks_like_address'
  const toPortal = door.cancel
    ? form(context, door.cancel, submitButton(t('login.by_email'), mistaken ? undefined : 'secondary'))
    : linkButton(portalSignIn, t('login.by_email'), mistaken ? undefined : 'secondary')
  const fields = html`${textField(t, {
      name: 'login',
      label: t('login.login'),
      autocomplete: 'username',
      flash,
      autofocus: true,
    })}
    ${passwordField(t, { name: 'password', label: t('login.password'), autocomplete: 'current-password', flash })}
    ${actions(submitButton(t('login.submit')))}
    <p>
      ${
        config.LEGACY_FORGOT_URL
          ? html`<a class="ell-link" href="${config.LEGACY_FORGOT_URL}">${t('login.forgot')}</a>`
          : html`${t('login.forgot')}
            ${t('login.forgot_desk', { telephone: desk.telephone, price: desk.price })}`
      }
    </p>`
  await renderPage(res, {
    name: trouble ? `login-${trouble}` : 'login',
    status: trouble ? 503 : 200,
    title: t('login.title'),
    step: 1,
    flash,
    ...(trouble && {
      notice: { kind: 'warning' as const, title: t(`login.${trouble}_title`), text: t(`login.${trouble}`) },
    }),
    scripts: [passwordScript],
    body: mistaken
      ? html`<p class="ell-lead">${t('login.address_way')}</p>
          ${toPortal}
          <p class="ell-or"><span>${t('login.or')}</span></p>
          ${form(context, door.action, fields)}`
      : html`<p class="ell-lead">${t('login.lead')}</p>
          ${form(context, door.action, fields)}
          <p class="ell-or"><span>${t('login.or')}</span></p>
          <p>${t('login.already')}</p>
          ${toPortal}`,
  })
}

/** The way back to Keycloak is lost: too late, another browser, or Back after the end. */
export async function showInteractionGone(
  req: Request,
  res: Response,
  { portalSignIn }: ScreenParts,
): Promise<void> {
  const { t } = contextOf(res)
  await renderPage(res, {
    name: 'interaction-gone',
    status: 410,
    title: t('interaction.title'),
    body: html`<p>${t('interaction.text')}</p>
      ${!hasCookies(req) && html`<p>${t('error.cookies')}</p>`}
      ${actions(linkButton('/', t('interaction.again')), linkButton(portalSignIn, t('login.by_email'), 'secondary'))}`,
  })
}
