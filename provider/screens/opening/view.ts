/** The pages between the confirmation and the portal. */
import type { Response } from 'express'
import { html } from 'hono/html'
import { showAddress } from '../../activation/rules.ts'
import type { FinishView } from '../../activation/store.ts'
import { contextOf } from '../../web/context.ts'
import { actions, facts, linkButton } from '../fields.ts'
import { renderPage } from '../layout.ts'
import type { ScreenParts } from '../parts.ts'

/** Asks every now and then whether the account is open, and leaves the page alone until it is. */
const waitScript = 'wait-for-opening.js'
const refreshSeconds = 2
/** Some 20 seconds: after these the person is told that there is no need to wait. */
const patientLoads = 10

/** @param count how often the page has loaded itself */
export async function showWaiting(
  res: Response,
  id: string,
  count: number,
  view: FinishView,
  { portalSignIn }: ScreenParts,
): Promise<void> {
  const { t } = contextOf(res)
  const isSlow = count >= patientLoads
  const seconds = isSlow ? 10 : refreshSeconds
  // What waitScript looks at: an answer without it, or with another number, has something else to say.
  res.setHeader('Retry-After', String(seconds))
  await renderPage(res, {
    name: isSlow ? 'opening-slow' : 'opening',
    title: t(isSlow ? 'opening.slow_title' : 'opening.title'),
    step: 4,
    // A page that loads itself is read out from its beginning each time, so it does only where no script can ask.
    refresh: {
      url: `/activation/${id}/opening?n=${Math.min(count + 1, 9999)}`,
      seconds,
      withoutScriptsOnly: true,
    },
    scripts: [waitScript],
    body: isSlow
      ? html`<p class="ell-lead" data-wait-seconds="${seconds}">${t('opening.slow')}</p>
          ${facts([[t('facts.address'), showAddress(view.address)]])}
          ${actions(linkButton(portalSignIn, t('portal.sign_in'), 'secondary'))}`
      : html`<p class="ell-working" role="status" data-wait-seconds="${seconds}">${t('opening.working')}</p>
          <p>${t('opening.kept')}</p>`,
  })
}

/** Open, and this browser is not signed in by us: it was before, or it is too late for that way. */
export async function showOpened(res: Response, { portalSignIn }: ScreenParts): Promise<void> {
  const { t } = contextOf(res)
  await renderPage(res, {
    name: 'opening-opened',
    title: t('sent.opened_title'),
    step: 4,
    body: html`<p class="ell-lead">${t('sent.opened')}</p>
      ${actions(linkButton(portalSignIn, t('portal.sign_in')))}`,
  })
}

/**
 * The account could not be opened: the mailbox is not confirmed at Keycloak yet, the address turned out to have an
 * account, or something is wrong that only the desk can mend.
 */
export async function showProblem(
  res: Response,
  id: string,
  problem: 'not_verified' | 'refused' | 'failed',
  view: FinishView,
  { portalSignIn }: ScreenParts,
): Promise<void> {
  const { t } = contextOf(res)
  const ways = {
    not_verified: [
      linkButton(`/activation/${id}/confirm`, t('opening.again')),
      linkButton(`/activation/${id}`, t('link.sent_page'), 'secondary'),
    ],
    refused: [
      linkButton(portalSignIn, t('portal.sign_in')),
      linkButton('/', t('again.other_address'), 'secondary'),
    ],
    failed: [linkButton('/', t('again.other_address'), 'secondary')],
  }
  const text = problem === 'failed' ? 'sent.refused' : `opening.${problem}`
  await renderPage(res, {
    name: `opening-${problem.replace('_', '-')}`,
    title: t(`${text}_title`),
    step: problem === 'not_verified' ? 2 : 4,
    body: html`<p class="ell-lead">${t(text)}</p>
      ${facts([[t('facts.address'), showAddress(view.address)]])} ${actions(...ways[problem])}`,
  })
}
