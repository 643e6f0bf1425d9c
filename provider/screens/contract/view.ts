/** The pages that add a contract to an account that exists. */
import type { Request, Response } from 'express'
import { html } from 'hono/html'
import { maskLogin } from '../../../core/mask.ts'
import type { AdditionState, AdditionView } from '../../activation/additions.ts'
import { contextOf } from '../../web/context.ts'
import { hasCookies } from '../../web/cookies.ts'
import {
  actions,
  facts,
  form,
  hiddenUsername,
  linkButton,
  passwordField,
  passwordScript,
  submitButton,
} from '../fields.ts'
import type { Flash } from '../flash.ts'
import { renderPage, type Html } from '../layout.ts'
import type { ScreenParts } from '../parts.ts'

/** The message of the try after which no other is taken. */
export const lockedKey = 'confirm.locked'

type Subject = { login: string; company: string }

/** The login is masked: whoever reads the mail may be a stranger to it. */
const aboutWhat = (res: Response, { login, company }: Subject): Html => {
  const { t } = contextOf(res)
  return facts([
    [t('facts.login'), maskLogin(login)],
    [t('facts.company'), company],
  ])
}

/** @param address only for the browser that typed it */
export async function showForm(
  res: Response,
  id: string,
  view: Exclude<AdditionView, { outcome: 'bad_link' }>,
  flash: Flash,
  address: string | undefined,
): Promise<void> {
  const context = contextOf(res)
  const { t } = context
  const isLegacy = view.kind === 'legacy'
  if (flash.notice?.text?.key === lockedKey) return showLocked(res, flash)
  await renderPage(res, {
    name: 'contract',
    title: t('contract.title'),
    flash,
    ...(isLegacy && { scripts: [passwordScript] }),
    body: html`<p class="ell-lead">${t('contract.lead')}</p>
      ${aboutWhat(res, view)}
      ${form(
        context,
        `/activation/${id}/contract`,
        html`${isLegacy && address && hiddenUsername(address)}
          ${
            isLegacy &&
            passwordField(t, {
              name: 'password',
              label: t('contract.password'),
              hint: t('contract.password_hint'),
              autocomplete: 'current-password',
              flash,
              autofocus: true,
            })
          }
          <p>${t('contract.next')}</p>
          ${actions(submitButton(t('contract.submit')))}`,
      )}
      ${
        isLegacy &&
        html`<h2 class="ell-subtitle">${t('confirm.forgot_title')}</h2>
          <p>${t('contract.forgot')} <a href="/redirection?own=1">${t('again.new')}</a></p>`
      }
      <p>${t('contract.not_me')}</p>`,
  })
}

/** Instead of the form, which would only refuse. */
async function showLocked(res: Response, flash: Flash): Promise<void> {
  const { t } = contextOf(res)
  await renderPage(res, {
    name: 'contract-locked',
    title: t('confirm.locked_title'),
    flash,
    body: html`<p>${t('confirm.locked_way')}</p>
      ${actions(linkButton('/redirection?own=1', t('again.new')))}`,
  })
}

type LinkProblem = 'no_link' | 'bad_link' | 'expired' | 'expired_granted' | 'ended' | 'added'
const problems: Record<LinkProblem, { status: number; title: string; text: string }> = {
  no_link: { status: 400, title: 'link.no_link_title', text: 'contract.no_link' },
  bad_link: { status: 400, title: 'link.bad_link_title', text: 'link.bad_link' },
  expired: { status: 410, title: 'link.expired_title', text: 'link.expired' },
  expired_granted: { status: 410, title: 'link.expired_title', text: 'contract.expired_granted' },
  ended: { status: 410, title: 'link.ended_title', text: 'link.ended' },
  added: { status: 200, title: 'link.opened_title', text: 'contract.link_added' },
}

export async function showLinkProblem(
  req: Request,
  res: Response,
  id: string,
  problem: LinkProblem,
  { portalSignIn }: ScreenParts,
): Promise<void> {
  const { t } = contextOf(res)
  const { status, title, text } = problems[problem]
  const start = linkButton('/', t('again.start'), status === 410 ? undefined : 'secondary')
  const ways = {
    added: () => [linkButton(portalSignIn, t('portal.sign_in'))],
    expired_granted: () => [],
    expired: () => [start],
    ended: () => [start],
    no_link: () => [linkButton(`/activation/${id}`, t('link.fresh_mail')), start],
    bad_link: () => [linkButton(`/activation/${id}`, t('link.fresh_mail')), start],
  }[problem]()
  await renderPage(res, {
    name: `contract-${problem.replaceAll('_', '-')}`,
    status,
    title: t(title),
    body: html`<p class="ell-lead">${t(text)}</p>
      ${!hasCookies(req) && html`<p>${t('error.cookies')}</p>`} ${ways.length > 0 && actions(...ways)}`,
  })
}

/** Asks every now and then how it stands, and leaves the page alone until it is known. */
const waitScript = 'wait-for-opening.js'
const refreshSeconds = 2
/** Some 20 seconds: after these the person is told that there is no need to wait. */
const patientLoads = 10

/** @param count how often the page has loaded itself */
export async function showAdding(res: Response, id: string, count: number, about: Subject): Promise<void> {
  const { t } = contextOf(res)
  const isSlow = count >= patientLoads
  const seconds = isSlow ? 10 : refreshSeconds
  // What waitScript looks at: an answer without it, or with another number, has something else to say.
  res.setHeader('Retry-After', String(seconds))
  await renderPage(res, {
    name: isSlow ? 'contract-adding-slow' : 'contract-adding',
    title: t(isSlow ? 'contract.slow_title' : 'contract.adding_title'),
    refresh: {
      url: `/activation/${id}/contract/adding?n=${Math.min(count + 1, 9999)}`,
      seconds,
      withoutScriptsOnly: true,
    },
    scripts: [waitScript],
    body: html`${
      isSlow
        ? html`<p class="ell-lead" data-wait-seconds="${seconds}">${t('contract.slow')}</p>`
        : html`<p class="ell-working" role="status" data-wait-seconds="${seconds}">
            ${t('opening.working')}
          </p>`
    }
    ${aboutWhat(res, about)}`,
  })
}

type End = Exclude<AdditionState['state'], 'asked' | 'checking' | 'waiting'>

/** @param who came back from Keycloak to this browser; `undefined` when that is not known any more */
export async function showEnd(
  res: Response,
  id: string,
  state: Subject & { state: End },
  who: { email: string | undefined } | undefined,
  { portalSignIn }: ScreenParts,
): Promise<void> {
  const context = contextOf(res)
  const { t } = context
  const again = linkButton(`/activation/${id}/contract`, t('contract.again'))
  const ways = {
    added: () => actions(linkButton(portalSignIn, t('contract.portal'))),
    wrong_person: () =>
      who
        ? form(context, `/activation/${id}/contract/adding`, actions(submitButton(t('contract.leave'))))
        : actions(again),
    sign_in_refused: () => actions(again),
    account_unusable: () => undefined,
    login_unknown: () => undefined,
  }[state.state]()
  const text =
    state.state === 'wrong_person' && who?.email !== undefined
      ? t('contract.wrong_person_email', { email: who.email })
      : t(`contract.${state.state}`)
  await renderPage(res, {
    name: `contract-${state.state.replaceAll('_', '-')}`,
    status: state.state === 'added' ? 200 : 409,
    title: t(`contract.${state.state}_title`),
    body: html`<p class="ell-lead">${text}</p>
      ${aboutWhat(res, state)} ${ways}`,
  })
}

/** The sign-in did not come to its end. @param id another try begins at its page; absent: nobody knows which */
export async function showSignInProblem(
  res: Response,
  problem: 'unavailable' | 'refused' | 'unknown',
  id?: string,
): Promise<void> {
  const { t } = contextOf(res)
  await renderPage(res, {
    name: `contract-${problem}`,
    status: problem === 'unavailable' ? 503 : 400,
    title: t('contract.title'),
    body: html`<p class="ell-lead">${t(`contract.sign_in.${problem}`)}</p>
      ${id !== undefined && actions(linkButton(`/activation/${id}/contract`, t('contract.again')))}`,
  })
}
