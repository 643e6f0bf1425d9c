/** The pages of the old messages: what can be saved, for how long, and why not. */
import type { Response } from 'express'
import { html } from 'hono/html'
import type { Language } from '../../../core/text.ts'
import type { Mailbox, MailboxSize, OpenRefusal } from '../../messages/store.ts'
import { contextOf } from '../../web/context.ts'
import { actions, facts, form, linkButton, submitButton } from '../fields.ts'
import { renderPage, type Html } from '../layout.ts'
import type { ScreenParts } from '../parts.ts'
import { showDay } from '../moment.ts'

const waitScript = 'wait-for-opening.js'
const refreshSeconds = 2

/** `48 Mo`, in steps of a thousand as systems show it; never `0`. */
function showBytes(bytes: number, language: Language): string {
  const units = ['kilobyte', 'megabyte', 'gigabyte'] as const
  const power = Math.min(Math.max(Math.floor(Math.log10(Math.max(bytes, 1)) / 3), 1), units.length)
  const value = Math.max(bytes / 1000 ** power, power === 1 ? 1 : 0)
  return new Intl.NumberFormat(language, {
    style: 'unit',
    unit: units[power - 1] ?? 'kilobyte',
    unitDisplay: 'short',
    maximumFractionDigits: value < 10 && power > 1 ? 1 : 0,
  }).format(value)
}

/** The link to the page, for the screens around the Cofacering sign-in; nothing when there is nothing to save. */
export function messagesLink(res: Response, mailbox: MailboxSize | undefined): Html | undefined {
  if (!mailbox) return undefined
  const { t, language } = contextOf(res)
  return html`<p class="ell-hint">
    ${t('mailbox.offer', { count: mailbox.messages, size: showBytes(mailbox.bytes, language) })}
    <a class="ell-link" href="/redirection/messages">${t('mailbox.offer_link')}</a>
  </p>`
}

/** One mailbox: what it holds, until when, and the button. */
function mailboxBlock(res: Response, mailbox: MailboxSize, action: string, id?: string): Html {
  const context = contextOf(res)
  const { t, language } = context
  return html`${facts([
    [t('facts.login'), mailbox.login],
    [t('facts.company'), mailbox.company],
    [t('mailbox.count'), new Intl.NumberFormat(language).format(mailbox.messages)],
    [t('mailbox.size'), showBytes(mailbox.bytes, language)],
    [t('mailbox.kept'), showDay(mailbox.keptUntil, language)],
  ])}
  ${form(
    context,
    action,
    html`${id !== undefined && html`<input type="hidden" name="mailbox" value="${id}" />`}
    ${actions(
      submitButton(id === undefined ? t('mailbox.save') : t('mailbox.save_of', { login: mailbox.login })),
    )}`,
  )}`
}

function contents(res: Response): Html {
  const { t } = contextOf(res)
  return html`<h2 class="ell-subtitle">${t('mailbox.inside_title')}</h2>
    <ul class="ell-list">
      <li>${t('mailbox.inside_mbox')}</li>
      <li>${t('mailbox.inside_csv')}</li>
      <li>${t('mailbox.inside_files')}</li>
    </ul>
    <p>${t('mailbox.private')}</p>`
}

export async function showLoginMailbox(res: Response, mailbox: MailboxSize): Promise<void> {
  const { t } = contextOf(res)
  await renderPage(res, {
    name: 'messages-login',
    title: t('mailbox.title'),
    body: html`<p class="ell-lead">${t('mailbox.login_lead')}</p>
      ${mailboxBlock(res, mailbox, '/redirection/messages/save')} ${contents(res)}
      <p>${t('mailbox.login_later')}</p>
      ${actions(linkButton('/redirection', t('mailbox.back'), 'secondary'))}`,
  })
}

export async function showMailboxes(
  res: Response,
  mailboxes: Mailbox[],
  { config }: ScreenParts,
): Promise<void> {
  const context = contextOf(res)
  const { t } = context
  const ways = html`${actions(linkButton(config.PORTAL_URL, t('mailbox.portal'), 'secondary'))}
  ${form(context, '/messages/sign-out', submitButton(t('mailbox.sign_out'), 'quiet'))}`
  if (mailboxes.length === 0)
    return renderPage(res, {
      name: 'messages-none',
      title: t('mailbox.title'),
      body: html`<p class="ell-lead">${t('mailbox.none')}</p>
        <p>${t('mailbox.none_why')}</p>
        ${ways}`,
    })
  await renderPage(res, {
    name: 'messages',
    title: t('mailbox.title'),
    body: html`<p class="ell-lead">${t('mailbox.lead', { count: mailboxes.length })}</p>
      ${mailboxes.map(
        (mailbox, index) =>
          html`${index > 0 && html`<hr class="ell-rule" />`}
          ${mailboxBlock(res, mailbox, '/messages/save', mailbox.id)}`,
      )}
      ${contents(res)} ${ways}`,
  })
}

export type Refusal = OpenRefusal | 'busy'
const statuses: Record<Refusal, number> = {
  busy: 503,
  at_once: 429,
  mailbox_day: 429,
  hour: 503,
  gone: 404,
  empty: 404,
}

/** @param from page with the button, to try again */
export async function showNotOpened(res: Response, from: string, refusal: Refusal): Promise<void> {
  const { t } = contextOf(res)
  const status = statuses[refusal]
  if (status !== 404) res.setHeader('Retry-After', refusal === 'mailbox_day' ? '3600' : '120')
  await renderPage(res, {
    name: `messages-${refusal.replace('_', '-')}`,
    status,
    title: t('mailbox.not_now_title'),
    body: html`<p class="ell-lead">${t(`mailbox.not_opened.${refusal}`)}</p>
      ${actions(linkButton(from, t('mailbox.again'), 'secondary'))}`,
  })
}

/** @param keycloakSignOut Keycloak's own page, for whoever leaves the computer to somebody else */
export async function showSignIn(res: Response, keycloakSignOut: string): Promise<void> {
  const { t } = contextOf(res)
  await renderPage(res, {
    name: 'messages-sign-in',
    title: t('mailbox.title'),
    body: html`<p class="ell-lead">${t('mailbox.sign_in.lead')}</p>
      ${actions(linkButton('/messages/sign-in?begin=1', t('portal.sign_in')))}
      <p>
        ${t('mailbox.sign_in.leave')}
        <a class="ell-link" href="${keycloakSignOut}">${t('mailbox.sign_in.leave_link')}</a>
      </p>`,
  })
}

/** admin-sync has not answered yet. The page asks by HEAD, or loads itself where no script can. */
export async function showChecking(res: Response): Promise<void> {
  const { t } = contextOf(res)
  // What the script looks at: an answer without it has something else to say.
  res.setHeader('Retry-After', String(refreshSeconds))
  await renderPage(res, {
    name: 'messages-checking',
    title: t('mailbox.title'),
    refresh: { url: '/messages', seconds: refreshSeconds, withoutScriptsOnly: true },
    scripts: [waitScript],
    body: html`<p class="ell-working" role="status" data-wait-seconds="${refreshSeconds}">
      ${t('mailbox.checking')}
    </p>`,
  })
}

/** Signed in at Keycloak, and admin-sync does not believe it. */
export async function showRefused(res: Response): Promise<void> {
  const { t } = contextOf(res)
  await renderPage(res, {
    name: 'messages-refused',
    status: 403,
    title: t('mailbox.title'),
    body: html`<p class="ell-lead">${t('mailbox.refused')}</p>
      ${actions(linkButton('/messages/sign-in?begin=1', t('mailbox.sign_in.again')))}`,
  })
}

export async function showSignInProblem(
  res: Response,
  problem: 'unavailable' | 'refused' | 'unknown',
): Promise<void> {
  const { t } = contextOf(res)
  await renderPage(res, {
    name: `messages-${problem}`,
    status: problem === 'unavailable' ? 503 : 400,
    title: t('mailbox.title'),
    body: html`<p class="ell-lead">${t(`mailbox.problem.${problem}`)}</p>
      ${actions(linkButton('/messages/sign-in?begin=1', t('mailbox.sign_in.again')))}`,
  })
}
