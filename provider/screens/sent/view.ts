/** "We sent a mail", for the browser that asked and for any other, and what became of the activation. */
import type { Response } from 'express'
import { html } from 'hono/html'
import { showAddress } from '../../activation/rules.ts'
import type { ActivationView } from '../../activation/store.ts'
import type { MailboxSize } from '../../messages/store.ts'
import { contextOf } from '../../web/context.ts'
import { actions, facts, form, linkButton, passwordField, passwordScript, submitButton } from '../fields.ts'
import type { Flash } from '../flash.ts'
import { renderPage } from '../layout.ts'
import { messagesLink } from '../messages/pages.ts'
import { showMoment } from '../moment.ts'
import type { ScreenParts } from '../parts.ts'

/** Reloads the page when its tab is looked at again: the mail is often confirmed in another one. */
const returnScript = 'reload-on-return.js'

/** The message for a person whom Keycloak could not lead further. */
export const cameBackKey = 'resume.sent'

export async function showSent(
  res: Response,
  id: string,
  view: ActivationView,
  flash: Flash,
  { keycloakSignOut, now }: ScreenParts,
  mailbox: MailboxSize | undefined,
): Promise<void> {
  const context = contextOf(res)
  const { t, language } = context
  const mayResend = view.retryAt.getTime() <= now()
  await renderPage(res, {
    name: 'sent',
    title: t('sent.title'),
    step: 2,
    flash,
    scripts: [returnScript],
    body: html`${
        flash.notice?.text?.key === cameBackKey &&
        html`<p><a href="${keycloakSignOut}">${t('resume.sign_out')}</a></p>`
      }
      <p class="ell-lead">${t('sent.lead')}</p>
      ${facts([
        [t('facts.address'), showAddress(view.address)],
        [t('facts.login'), view.login],
        [t('facts.company'), view.company],
      ])}
      <p>${t('sent.open_link')}</p>
      <p>${t('sent.expires', { moment: showMoment(view.expiresAt, language) })}</p>
      ${actions(linkButton(`/activation/${id}`, t('sent.check'), 'secondary'))}
      <h2 class="ell-subtitle">${t('sent.nothing_title')}</h2>
      <p>${t('sent.nothing')}</p>
      ${
        mayResend
          ? form(context, `/activation/${id}/resend`, submitButton(t('sent.resend'), 'secondary'))
          : html`<p>${t('sent.resend_soon')}</p>`
      }
      <h2 class="ell-subtitle">${t('sent.wrong_title')}</h2>
      ${actions(linkButton(`/activation/${id}/address`, t('sent.correct'), 'secondary'))}
      ${/* Of this activation's login: the sign-in may be another's by now. */ messagesLink(res, mailbox?.login === view.login ? mailbox : undefined)}
      <hr class="ell-rule" />
      <p>${t('sent.colleague')} <a href="/redirection?own=1">${t('sent.colleague_link')}</a></p>`,
  })
}

/** Any other browser: nothing is told of the activation, not even whether there is one. */
export async function showElsewhere(res: Response, id: string, flash: Flash): Promise<void> {
  const context = contextOf(res)
  const { t } = context
  await renderPage(res, {
    name: 'sent-elsewhere',
    title: t('elsewhere.title'),
    step: 2,
    flash,
    scripts: [passwordScript],
    body: html`<p class="ell-lead">${t('elsewhere.lead')}</p>
      ${form(
        context,
        `/activation/${id}/resend`,
        html`${passwordField(t, {
          name: 'password',
          label: t('elsewhere.password'),
          hint: t('elsewhere.password_hint'),
          autocomplete: 'current-password',
          flash,
        })}
        ${actions(submitButton(t('sent.resend')), linkButton(`/activation/${id}/address`, t('sent.correct'), 'quiet'))}`,
      )}
      <p class="ell-or"><span>${t('login.or')}</span></p>
      <p>${t('elsewhere.again')}</p>
      ${actions(linkButton('/', t('again.start'), 'secondary'))}`,
  })
}

/** The starting browser, when the activation no longer waits for its mail. */
export async function showOutcome(
  res: Response,
  view: ActivationView,
  flash: Flash,
  { portalSignIn }: ScreenParts,
): Promise<void> {
  const { t } = contextOf(res)
  const page = (name: string, step: 1 | 2 | 3 | 4 | undefined, href: string, label: string) =>
    renderPage(res, {
      name: `sent-${name.replace('_', '-')}`,
      title: t(`sent.${name}_title`),
      ...(step && { step }),
      flash,
      ...(name === 'confirmed' && { scripts: [returnScript] }),
      body: html`<p class="ell-lead">${t(`sent.${name}`)}</p>
        ${actions(linkButton(href, t(label)))}`,
    })
  switch (view.state) {
    case 'opened':
      return page(view.reason === 'contract_added' ? 'added' : 'opened', 4, portalSignIn, 'portal.sign_in')
    case 'confirmed':
      return page('confirmed', 4, contextOf(res).path, 'sent.check_opened')
    case 'expired':
      return page('expired', undefined, '/', 'again.start')
    case 'withdrawn':
      return page(
        view.reason === 'not_me' ? 'not_me' : view.reason === 'desk' ? 'stopped' : 'ended',
        undefined,
        '/',
        'again.start',
      )
    case 'refused':
    case 'mailed':
    case 'waiting':
    case 'closed':
      return page('refused', undefined, '/', 'again.start')
  }
}
