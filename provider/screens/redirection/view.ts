/** The redirection screen. */
import type { Response } from 'express'
import { html } from 'hono/html'
import type { SignIn } from '../../activation/sign-ins.ts'
import type { MailboxSize } from '../../messages/store.ts'
import { contextOf } from '../../web/context.ts'
import {
  actions,
  choiceField,
  facts,
  form,
  passwordField,
  passwordScript,
  submitButton,
  textField,
} from '../fields.ts'
import type { Flash } from '../flash.ts'
import { renderPage } from '../layout.ts'
import { messagesLink } from '../messages/pages.ts'
import { passwordRules } from '../password-rules.ts'

/**
 * @param o.formId random value of this form, for the case that it is sent twice
 * @param o.mailbox old messages that may be saved first
 */
export async function showRedirection(
  res: Response,
  o: { signIn: SignIn; formId: string; flash: Flash; mailbox: MailboxSize | undefined },
): Promise<void> {
  const { signIn, formId, flash } = o
  const context = contextOf(res)
  const { t } = context
  const fields = html`<input type="hidden" name="form" value="${formId}" />
    ${textField(t, {
      name: 'email',
      label: t('redirection.email'),
      hint: t('redirection.email_hint'),
      autocomplete: 'email',
      type: 'email',
      flash,
    })}
    ${passwordField(t, {
      name: 'password',
      label: t('redirection.password'),
      autocomplete: 'new-password',
      flash,
      rules: passwordRules(t, flash, true),
    })}
    ${choiceField(t, {
      name: 'shared',
      label: t('redirection.shared'),
      hint: t('redirection.shared_hint'),
      chosen: flash.values?.['shared'] ?? (signIn.shared ? 'yes' : undefined),
      flash,
      options: [
        { value: 'no', label: t('redirection.shared_no') },
        { value: 'yes', label: t('redirection.shared_yes') },
      ],
    })}
    <section>
      <h2 class="ell-subtitle">${t('redirection.next_title')}</h2>
      <ol class="ell-list">
        <li>${t('redirection.next_mail')}</li>
        <li>${t('redirection.next_link')}</li>
        <li>${t('redirection.next_password')}</li>
      </ol>
    </section>
    ${actions(submitButton(t('redirection.submit')))}`
  await renderPage(res, {
    name: 'redirection',
    title: t('redirection.title'),
    step: 1,
    flash,
    scripts: [passwordScript],
    body: html`<p class="ell-lead">${t('redirection.lead')}</p>
      ${facts([
        [t('facts.login'), signIn.login],
        [t('facts.company'), signIn.company],
      ])}
      <p>${t('redirection.unchanged')}</p>
      ${form(context, '/redirection', fields)} ${messagesLink(res, o.mailbox)}`,
  })
}
