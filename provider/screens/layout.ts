/**
 * The frame of every page of provider: head, header with the language switch, line of steps, one card, the desk's
 * contacts. Markup and class names are those at the head of themes/ellipro/login/resources/css/pages.css, so that
 * a person does not notice when Keycloak's pages take over.
 *
 * Pages work without JavaScript; what scripts add is listed by each page (`scripts`) and served from /assets.
 * There is no inline script or style: the content security policy would refuse it. `html` of hono escapes every
 * value, so a view can only put text where text belongs.
 */
import type { Response } from 'express'
import { html } from 'hono/html'
import type { HtmlEscapedString } from 'hono/utils/html'
import { describeClosing } from '../../core/closing.ts'
import type { Desk } from '../../core/desk.ts'
import { languages, type Language, type Translate } from '../../core/text.ts'
import { contextOf } from '../web/context.ts'
import { showNotice, type Flash } from './flash.ts'

/** What `html` gives: escaped markup, or the promise of it when a part of it was one. */
export type Html = HtmlEscapedString | Promise<HtmlEscapedString>

/** The four steps of an activation: details, mailbox, password, Ellipro. */
export type Step = 1 | 2 | 3 | 4
const stepNames = ['details', 'mailbox', 'password', 'ellipro'] as const

export type Notice = { kind: 'info' | 'success' | 'warning' | 'error'; title?: string; text?: string }

export type Page = {
  /** HTTP status, 200 when absent. */
  status?: number
  /** Name of the page for tests and for support, never shown: `data-page` of the body. */
  name?: string
  /** Heading and title. */
  title: string
  /** The current step; no line of steps when absent. */
  step?: Step
  /** Goes on by itself after some seconds; `url` is ours, or made from configuration. */
  refresh?: { url: string; seconds: number; withoutScriptsOnly?: boolean }
  /** At most one, above everything else in the card; that of `flash` when absent. */
  notice?: Notice | undefined
  /** What the form of this page, or another one, had to say: a refusal is named in the title as well. */
  flash?: Flash
  /** The inside of the card, below the heading. */
  body: Html
  /** The body gives the desk's contacts itself: none at the foot. */
  hasDesk?: boolean
  /** It is the page of questions and answers itself: no link to it. */
  isHelp?: boolean
  /** Files of /assets that make the page more comfortable. */
  scripts?: readonly string[]
  /** Of the agents' pages: a wide column under a header of their own. */
  frame?: Frame
}

export type Frame = {
  /** In the header, beside the brand. */
  header: Html
  /** More cards, below the one with the heading. */
  more?: Html
  /** One more style sheet of /assets. */
  styles: string
  /** Of the page's URL, what the language switch keeps. */
  query?: Record<string, string>
}

/**
 * Answers with a page; status 400 or more adds the reference for the desk, but for a form to be completed (422). HEAD
 * gets the same status and headers.
 */
export async function renderPage(res: Response, page: Page): Promise<void> {
  const { t, language, path, desk, reference, closesAt } = contextOf(res)
  const { status = 200, frame } = page
  // Who is past the first step finishes whenever they like: a date would only frighten them.
  const announced = status < 400 && !frame && (page.step ?? 1) === 1 ? closesAt : undefined
  const notice = page.notice ?? (page.flash && showNotice(t, page.flash))
  const head = html`<meta charset="utf-8" />
    <meta name="viewport" content="width=device-width, initial-scale=1" />
    <meta name="color-scheme" content="light dark" />
    <meta name="robots" content="noindex, nofollow" />
    ${refreshTag(page)}
    <title>${titleOf(t, page)}</title>
    <link rel="icon" type="image/svg+xml" href="/assets/favicon.svg" />
    <link rel="stylesheet" href="/assets/tokens.css" />
    <link rel="stylesheet" href="/assets/pages.css" />
    ${frame && html`<link rel="stylesheet" href="/assets/${frame.styles}" />`}
    ${(page.scripts ?? []).map((file) => html`<script type="module" src="/assets/${file}"></script>`)}`
  const document = await html`<!doctype html>
    <html lang="${language}">
      <head>
        ${head}
      </head>
      <body class="ell-page" data-page="${page.name ?? 'page'}">
        <a class="ell-skip" href="#contenu">${t('layout.skip')}</a>
        ${header(t, language, path, frame)}
        <main class="ell-main ${frame && 'ell-main--wide'}" id="contenu" tabindex="-1">
          ${page.step && stepsLine(t, page.step)}
          <div class="ell-card">
            <h1 class="ell-title">${page.title}</h1>
            ${announced && closingBox(t, language, announced)} ${notice && noticeBox(t, notice)} ${page.body}
            ${status >= 400 && status !== 422 && html`<p class="ell-hint">${t(frame ? 'staff.reference' : 'error.reference', { reference })}</p>`}
          </div>
          ${frame?.more} ${!page.hasDesk && !frame && deskFooter(t, language, desk)}
          ${!page.isHelp && html`<p class="ell-help"><a href="/help">${t('help.link')}</a></p>`}
        </main>
      </body>
    </html>`
  // Whatever may pass by itself says when to look again.
  if (page.status === 503 && !res.hasHeader('Retry-After')) res.setHeader('Retry-After', '30')
  res.status(status).type('html').send(document.toString())
}

/** Read out first when a page is loaded: a refusal, the heading, and how far the person has come. */
function titleOf(t: Translate, { title, step, flash, notice }: Page): string {
  const isRefused = flash?.errors !== undefined || (notice ?? flash?.notice)?.kind === 'error'
  const place = step ? ` (${t('layout.step.place', { step, of: stepNames.length })})` : ''
  return `${isRefused ? t('form.error_prefix') : ''}${title}${place} - Ellipro`
}

function refreshTag({ refresh }: Page): Html | undefined {
  if (!refresh) return undefined
  const tag = html`<meta http-equiv="refresh" content="${refresh.seconds};url=${refresh.url}" />`
  return refresh.withoutScriptsOnly ? html`<noscript>${tag}</noscript>` : tag
}

function header(t: Translate, language: Language, path: string, frame?: Frame): Html {
  const url = (lang: Language) => `${path}?${new URLSearchParams({ ...frame?.query, lang }).toString()}`
  const names = { fr: 'Français', en: 'English' }
  return html`<header class="ell-header">
    <div class="ell-header__inner">
      <span class="ell-brand"
        ><svg class="ell-brand__mark" viewBox="0 0 40 30" aria-hidden="true" focusable="false">
          <g transform="rotate(-22 20 15)">
            <ellipse cx="20" cy="15" rx="17" ry="10" />
            <circle cx="28" cy="15" r="4" />
          </g></svg
        ><span class="ell-brand__name">Ellipro</span></span
      >
      ${frame?.header}
      <nav class="ell-language" aria-label="${t('layout.language')}">
        <ul>
          ${languages.map(
            (l) =>
              html`<li>
                <a href="${url(l)}" lang="${l}" hreflang="${l}" ${l === language && 'aria-current=true'}
                  >${names[l]}</a
                >
              </li>`,
          )}
        </ul>
      </nav>
    </div>
  </header>`
}

function stepsLine(t: Translate, current: Step): Html {
  // `role`: Safari takes the list out of a list without bullets.
  return html`<ol class="ell-steps" role="list" aria-label="${t('layout.steps')}">
    ${stepNames.map((name, index) => {
      const label = html`<span class="ell-steps__label">${t(`layout.step.${name}`)}</span>`
      if (index + 1 < current)
        return html`<li class="ell-steps__item ell-steps__item--done">
          ${label} <span class="ell-visually-hidden">${t('layout.step.done')}</span>
        </li>`
      if (index + 1 === current)
        return html`<li class="ell-steps__item" aria-current="step">
          ${label}
          <span class="ell-visually-hidden"
            >(${t('layout.step.place', { step: current, of: stepNames.length })})</span
          >
        </li>`
      return html`<li class="ell-steps__item">${label}</li>`
    })}
  </ol>`
}

function closingBox(t: Translate, language: Language, closesAt: Date): Html {
  return html`<div class="ell-notice ell-notice--info" id="closing">
    <p><strong>${t('closing.soon', { when: describeClosing(closesAt, language) })}</strong></p>
  </div>`
}

function noticeBox(t: Translate, notice: Notice): Html {
  const isError = notice.kind === 'error'
  // A whole page was loaded, which screen readers do not take for a change to be announced: the focus tells it. A mere
  // hint leaves the focus to the page's first field.
  const focus = notice.kind !== 'info' && html`tabindex="-1" autofocus`
  const prefix = isError && html`<span class="ell-visually-hidden">${t('form.error_prefix')}</span>`
  return html`<div
    class="ell-notice ell-notice--${notice.kind}"
    role="${isError ? 'alert' : 'status'}"
    ${focus}
  >
    ${notice.title && html`<p class="ell-notice__title">${prefix}${notice.title}</p>`}
    ${notice.text && html`<p>${!notice.title && prefix}${notice.text}</p>`}
  </div>`
}

function deskFooter(t: Translate, language: Language, desk: Desk): Html {
  return html`<section class="ell-desk" aria-labelledby="desk">
    <h2 class="ell-desk__title" id="desk">${t('desk.help')}</h2>
    <p>${t('desk.name')}, <span class="ell-desk__hours">${desk.hours[language]}</span></p>
    ${deskContacts(desk)}
  </section>`
}

/** Telephone with its price, and e-mail, as links. */
export function deskContacts(desk: Desk): Html {
  return html`<ul class="ell-desk__contacts">
    <li>
      <a href="tel:${desk.telephone.replace(/[^0-9+]/g, '')}">${desk.telephone}</a>
      <span>(${desk.price})</span>
    </li>
    <li><a href="mailto:${desk.email}">${desk.email}</a></li>
  </ul>`
}
