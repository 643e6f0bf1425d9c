/** The form of a request for an access of one's own, and the page after it. */
import type { Response } from 'express'
import { html } from 'hono/html'
import type { SignIn } from '../../activation/sign-ins.ts'
import { contextOf } from '../../web/context.ts'
import { actions, facts, form, linkButton, submitButton, textField } from '../fields.ts'
import type { Flash } from '../flash.ts'
import { deskContacts, renderPage, type Html } from '../layout.ts'

type Subject = Pick<SignIn, 'login' | 'company'>

export async function showAccessForm(
  res: Response,
  { login, company }: Subject,
  flash: Flash,
): Promise<void> {
  const context = contextOf(res)
  const { t, desk, language } = context
  const fields = html`${nameField(res, flash)}
    ${textField(t, {
      name: 'email',
      label: t('redirection.email'),
      hint: t('access.email_hint'),
      autocomplete: 'email',
      type: 'email',
      flash,
    })}
    ${phoneField(res, flash)}
    <section>
      <h2 class="ell-subtitle">${t('access.next_title')}</h2>
      <ol class="ell-list">
        <li>${t('access.next_mail')}</li>
        <li>${t('access.next_desk', { hours: desk.hours[language] })}</li>
        <li>${t('access.next_password')}</li>
      </ol>
    </section>
    ${actions(submitButton(t('access.submit')), linkButton('/moved', t('access.back'), 'quiet'))}`
  await renderPage(res, {
    name: 'access-new',
    title: t('access.title'),
    flash,
    body: html`<p class="ell-lead">${t('access.lead')}</p>
      ${facts([
        [t('facts.login'), login],
        [t('facts.company'), company],
      ])}
      ${form(context, '/access/new', fields)}`,
  })
}

export function nameField(res: Response, flash: Flash): Html {
  const { t } = contextOf(res)
  return textField(t, {
    name: 'name',
    label: t('access.name'),
    hint: t('access.name_hint'),
    autocomplete: 'name',
    flash,
    capitals: 'words',
    autofocus: true,
  })
}

export function phoneField(res: Response, flash: Flash): Html {
  const { t } = contextOf(res)
  return textField(t, {
    name: 'phone',
    label: t('access.phone'),
    hint: t('access.phone_hint'),
    autocomplete: 'tel',
    type: 'tel',
    flash,
    isOptional: true,
  })
}

/** @param address as typed; `undefined` when this page was loaded again */
export async function showAccessSent(
  res: Response,
  address: string | undefined,
  mayAskAgain: boolean,
): Promise<void> {
  const { t, desk, language } = contextOf(res)
  await renderPage(res, {
    name: 'access-sent',
    title: t('sent.title'),
    body: html`<p class="ell-lead">${t('access.sent')}</p>
      ${address !== undefined && facts([[t('facts.address'), address]])}
      <p>${t('access.sent_link')}</p>
      <p>${t('access.sent_then', { hours: desk.hours[language] })}</p>
      <h2 class="ell-subtitle">${t('sent.nothing_title')}</h2>
      <p>${t('access.sent_nothing')}</p>
      ${mayAskAgain && actions(linkButton('/access/new', t('access.again'), 'secondary'))}`,
  })
}

/** As many people as a case holds have asked before. */
export async function showCaseFull(res: Response, { login, company }: Subject): Promise<void> {
  const { t } = contextOf(res)
  await renderPage(res, {
    name: 'access-full',
    title: t('access.full_title'),
    hasDesk: true,
    body: html`<p class="ell-lead">${t('access.full')}</p>
      ${facts([
        [t('facts.login'), login],
        [t('facts.company'), company],
      ])}
      ${callDesk(res)}`,
  })
}

/** Telephone, price, address and hours, for pages whose way on is a call. */
export function callDesk(res: Response): Html {
  const { t, desk, language } = contextOf(res)
  return html`<p>${t('access.call')}</p>
    ${deskContacts(desk)}
    <p>${t('desk.open_hours', { hours: desk.hours[language] })}</p>`
}
