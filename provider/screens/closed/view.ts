/**
 * "Cofacering is closed": what every door answers after COFACERING_CLOSES_AT, with status 410. Nobody starts an
 * activation any more, with an old form neither; whoever started before finishes: the mail, a fresh mail and a
 * corrected address work as before.
 */
import type { Response } from 'express'
import { html } from 'hono/html'
import { describeClosing, isClosed } from '../../../core/closing.ts'
import { contextOf } from '../../web/context.ts'
import { actions, linkButton } from '../fields.ts'
import { deskContacts, renderPage } from '../layout.ts'
import type { ScreenParts } from '../parts.ts'

type Parts = Pick<ScreenParts, 'config' | 'now' | 'portalSignIn'>

/** Whether the doors are shut, at this moment. */
export const isCofaceringClosed = ({ config, now }: Pick<Parts, 'config' | 'now'>): boolean =>
  isClosed(config.COFACERING_CLOSES_AT, now())

/** The way on is the portal, from an interaction too: going back to Keycloak would look like a failure there. */
export async function showClosed(res: Response, { config, portalSignIn }: Parts): Promise<void> {
  const { t, desk, language } = contextOf(res)
  const closedAt = config.COFACERING_CLOSES_AT
  await renderPage(res, {
    name: 'closed',
    status: 410,
    title: t('closed.title'),
    hasDesk: true,
    body: html`<p class="ell-lead">
        ${closedAt && t('closed.since', { when: describeClosing(closedAt, language) })}
      </p>
      <h2 class="ell-subtitle">${t('closed.have_title')}</h2>
      <p>${t('closed.have')}</p>
      ${actions(linkButton(portalSignIn, t('portal.sign_in')))}
      <h2 class="ell-subtitle">${t('closed.under_way_title')}</h2>
      <p>${t('closed.under_way')}</p>
      ${actions(linkButton('/activation/continue', t('closed.under_way_link'), 'secondary'))}
      <h2 class="ell-subtitle">${t('closed.none_title')}</h2>
      <p>${t('closed.none')}</p>
      ${deskContacts(desk)}
      <p>${t('desk.open_hours', { hours: desk.hours[language] })}</p>`,
  })
}
