/** Correcting the address of an activation. */
import type { Response } from 'express'
import { html } from 'hono/html'
import { showAddress } from '../../activation/rules.ts'
import type { ActivationView } from '../../activation/store.ts'
import { contextOf } from '../../web/context.ts'
import {
  actions,
  facts,
  form,
  linkButton,
  passwordField,
  passwordScript,
  submitButton,
  textField,
} from '../fields.ts'
import type { Flash } from '../flash.ts'
import { renderPage } from '../layout.ts'

/** @param view `undefined` for another browser, which has to type the password first typed */
export async function showAddressForm(
  res: Response,
  id: string,
  view: ActivationView | undefined,
  flash: Flash,
): Promise<void> {
  const context = contextOf(res)
  const { t } = context
  const fields = html`${textField(t, {
    name: 'email',
    label: t('address.new'),
    hint: t('redirection.email_hint'),
    autocomplete: 'email',
    type: 'email',
    flash,
    autofocus: true,
  })}
  ${
    !view &&
    passwordField(t, {
      name: 'password',
      label: t('elsewhere.password'),
      hint: t('elsewhere.password_hint'),
      autocomplete: 'current-password',
      flash,
    })
  }
  ${actions(submitButton(t('address.submit')), linkButton(`/activation/${id}`, t('address.back'), 'quiet'))}`
  await renderPage(res, {
    name: 'address',
    title: t('address.title'),
    step: 2,
    flash,
    scripts: view ? [] : [passwordScript],
    body: html`${view && facts([[t('address.current'), showAddress(view.address)]])}
      <p>${t('address.lead')}</p>
      ${form(context, `/activation/${id}/address`, fields)}`,
  })
}
