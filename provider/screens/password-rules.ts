/** The rules of a password that is chosen, above its field. */
import { html } from 'hono/html'
import { passwordMinLength } from '../../core/password-policy.ts'
import type { Translate } from '../../core/text.ts'
import type { Flash } from './flash.ts'
import type { Html } from './layout.ts'

/** The rule that was broken stands out. @param isAskedAgain it is to be typed once more, after the mail */
export function passwordRules(t: Translate, flash: Flash, isAskedAgain: boolean): Html {
  const broken = flash.errors?.['password']?.key
  const rule = (key: string, brokenBy: string) =>
    html`<li class="${broken === brokenBy && 'ell-rules__broken'}">${t(key, { min: passwordMinLength })}</li>`
  return html`<ul class="ell-rules" id="password-rules">
    ${rule('password.rule_length', 'password.too_short')}
    ${rule('password.rule_address', 'password.is_address')}
    ${isAskedAgain && html`<li>${t('password.rule_remember')}</li>`}
  </ul>`
}
