/** "Call the desk": where only the Service Relation Client can help. GET only; says why when the link says so. */
import { html } from 'hono/html'
import { contextOf } from '../../web/context.ts'
import type { Screens } from '../../web/screen.ts'
import { actions, linkButton } from '../fields.ts'
import { deskContacts, renderPage } from '../layout.ts'
import type { ScreenParts } from '../parts.ts'

const reasons = ['closed', 'address_taken'] as const

export function deskScreen({ portalSignIn }: ScreenParts): Screens['desk'] {
  return {
    async show(req, res) {
      const { t, desk, language } = contextOf(res)
      const reason = reasons.find((r) => r === req.query['reason']) ?? 'closed'
      await renderPage(res, {
        name: `desk-${reason.replace('_', '-')}`,
        title: t(`desk.${reason}_title`),
        hasDesk: true,
        body: html`<p class="ell-lead">${t(`desk.${reason}`)}</p>
          ${deskContacts(desk)}
          <p>${t('desk.open_hours', { hours: desk.hours[language] })}</p>
          ${actions(
            reason === 'address_taken' ? linkButton(portalSignIn, t('portal.sign_in')) : undefined,
            linkButton('/', t('error.home'), 'secondary'),
          )}`,
      })
    },
  }
}
