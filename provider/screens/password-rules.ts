/** The rules of a password that is chosen, above its field: the one that was broken stands out. */
import { html } from 'hono/html'
import { passwordMinLength } from '../../core/password-policy.ts'
import type { Translate } from '../../core/text.ts'
import type { Flash } from './flash.ts'
import type { Html } from './layout.ts'

export function passwordRules(t: Translate, flash: Flash): Html {
  const broken = flash.errors?.['password']?.key
  const rule = (key: string, brokenBy: string) =>
    html`<li class="${broken === brokenBy && 'ell-rules__broken'}">${t(key, { min: passwordMinLength })}</li>`
  return html`<ul class="ell-rules" id="password-rules">
    ${rule('password.rule_length', 'password.too_short')}
    ${rule('password.rule_address', 'password.is_address')}
    <li>${t('password.rule_remember')}</li>
  </ul>`
}
