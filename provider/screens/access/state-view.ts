/** What has become of a request, in words a person understands. */
import type { Request, Response } from 'express'
import { html } from 'hono/html'
import { showAddress } from '../../activation/rules.ts'
import type { FreshMailOutcome, RequestView, WaitingView } from '../../cases/store.ts'
import { contextOf } from '../../web/context.ts'
import { hasCookies } from '../../web/cookies.ts'
import { actions, facts, form, linkButton, submitButton } from '../fields.ts'
import type { Flash } from '../flash.ts'
import { renderPage, type Html } from '../layout.ts'
import { showMoment } from '../moment.ts'
import { referenceFacts } from './proof-view.ts'
import { callDesk } from './view.ts'

type Shown = RequestView['state'] | 'case_full'
/** States that a page can say the same of. */
const keys: Record<Shown, string> = {
  asked: 'proved',
  proved: 'proved',
  granting: 'granting',
  opened: 'opened',
  refused: 'refused',
  expired: 'expired',
  withdrawn: 'withdrawn',
  case_full: 'case_full',
}

/**
 * @param more what the page adds while nobody has decided
 * @param path of the page, where its link to look again leads
 */
export async function showState(
  res: Response,
  view: WaitingView,
  {
    flash,
    portalSignIn,
    path,
    more,
    prefix = 'access-state',
  }: { flash: Flash; portalSignIn: string; path: string; more?: Html | undefined; prefix?: string },
): Promise<void> {
  const { t } = contextOf(res)
  const key = keys[view.state]
  await renderPage(res, {
    name: `${prefix}-${key.replace('_', '-')}`,
    title: t(`access.state.${key}_title`),
    flash,
    hasDesk: key === 'refused' || key === 'case_full',
    body: html`<p class="ell-lead">${t(`access.state.${key}`)}</p>
      ${view.reference !== undefined && referenceFacts(res, view.reference)}
      ${wayOn(res, view, portalSignIn, path)} ${more}
      ${
        key !== 'case_full' &&
        html`<hr class="ell-rule" />
          ${details(res, view)}`
      }`,
  })
}

function wayOn(res: Response, view: WaitingView, portalSignIn: string, path: string): Html {
  const { t, desk, language } = contextOf(res)
  switch (view.state) {
    case 'asked':
    case 'proved':
      return html`<h2 class="ell-subtitle">${t('access.next_title')}</h2>
        <ol class="ell-list">
          <li>${t('access.state.next_desk', { hours: desk.hours[language] })}</li>
          <li>${t('access.state.next_mail')}</li>
          <li>${t('access.state.next_password')}</li>
        </ol>
        ${actions(linkButton(path, t('access.state.check'), 'secondary'))}`
    case 'granting':
      return html`${
          view.grantedUntil &&
          html`<p>${t('sent.expires', { moment: showMoment(view.grantedUntil, language) })}</p>`
        }
        <p>${t('access.sent_nothing')}</p>
        ${form(contextOf(res), `${path}/resend`, actions(submitButton(t('sent.resend'), 'secondary')))}
        ${actions(linkButton(path, t('access.state.check'), 'quiet'))}`
    case 'opened':
      return actions(linkButton(portalSignIn, t('portal.sign_in')))
    case 'refused':
      return html`${
        view.reason !== undefined &&
        html`<h2 class="ell-subtitle">${t('access.state.reason')}</h2>
          <blockquote class="ell-quote"><bdi>${view.reason}</bdi></blockquote>`
      }
      ${callDesk(res)}`
    case 'case_full':
      return callDesk(res)
    case 'expired':
    case 'withdrawn':
      break
  }
  return actions(linkButton('/', t('again.start')))
}

function details(res: Response, view: WaitingView): Html {
  const { t, language } = contextOf(res)
  const pairs: [string, string | undefined][] = [
    [t('facts.login'), view.login],
    [t('facts.company'), view.company],
    [t('facts.name'), view.name],
    [t('facts.address'), showAddress(view.address)],
    [t('facts.phone'), view.phone],
    [t('facts.received'), view.provedAt && showMoment(view.provedAt, language)],
  ]
  return facts(pairs.filter((pair): pair is [string, string] => pair[1] !== undefined))
}

/** What the page says after a fresh mail was asked for; of one that is no longer due the page itself says why. */
export function answerFreshMail(outcome: FreshMailOutcome): Flash {
  const answers: Record<FreshMailOutcome, Flash> = {
    requested: { notice: { kind: 'success', text: { key: 'sent.resent' } } },
    too_soon: { notice: { kind: 'info', text: { key: 'sent.too_soon' } } },
    used_up: { notice: { kind: 'warning', text: { key: 'access.state.mails_used_up' } } },
    gone: {},
  }
  return answers[outcome]
}

/** A link that is wrong, or a browser that never opened it. */
export async function showNoState(req: Request, res: Response): Promise<void> {
  const { t } = contextOf(res)
  await renderPage(res, {
    name: 'access-state-bad-link',
    status: 400,
    title: t('access.state.bad_link_title'),
    body: html`<p class="ell-lead">${t('access.state.bad_link')}</p>
      ${!hasCookies(req) && html`<p>${t('error.cookies')}</p>`}
      ${actions(linkButton('/', t('again.start'), 'secondary'))}`,
  })
}
