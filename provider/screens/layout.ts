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
import type { Desk } from '../../core/desk.ts'
import { languages, type Language, type Translate } from '../../core/text.ts'
import { contextOf } from '../web/context.ts'

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
  /** Goes on by itself after some seconds. `url` is ours, or made from configuration. */
  refresh?: { url: string; seconds: number }
  /** At most one, above everything else in the card. */
  notice?: Notice | undefined
  /** The inside of the card, below the heading. */
  body: Html
  /** The body gives the desk's contacts itself: none at the foot. */
  hasDesk?: boolean
  /** Files of /assets that make the page more comfortable. */
  scripts?: readonly string[]
}

/** Answers with a page. HEAD gets the same status and headers. */
export async function renderPage(res: Response, page: Page): Promise<void> {
  const { t, language, path, desk } = contextOf(res)
  const head = html`<meta charset="utf-8" />
    <meta name="viewport" content="width=device-width, initial-scale=1" />
    <meta name="color-scheme" content="light dark" />
    <meta name="robots" content="noindex, nofollow" />
    ${page.refresh && html`<meta http-equiv="refresh" content="${page.refresh.seconds};url=${page.refresh.url}" />`}
    <title>${page.title} - Ellipro</title>
    <link rel="icon" type="image/svg+xml" href="/assets/favicon.svg" />
    <link rel="stylesheet" href="/assets/tokens.css" />
    <link rel="stylesheet" href="/assets/pages.css" />
    ${(page.scripts ?? []).map((file) => html`<script type="module" src="/assets/${file}"></script>`)}`
  const document = await html`<!doctype html>
    <html lang="${language}">
      <head>
        ${head}
      </head>
      <body class="ell-page" data-page="${page.name ?? 'page'}">
        <a class="ell-skip" href="#contenu">${t('layout.skip')}</a>
        ${header(t, language, path)}
        <main class="ell-main" id="contenu" tabindex="-1">
          ${page.step && stepsLine(t, page.step)}
          <div class="ell-card">
            <h1 class="ell-title">${page.title}</h1>
            ${page.notice && noticeBox(t, page.notice)} ${page.body}
          </div>
          ${!page.hasDesk && deskFooter(t, language, desk)}
        </main>
      </body>
    </html>`
  res
    .status(page.status ?? 200)
    .type('html')
    .send(document.toString())
}

function header(t: Translate, language: Language, path: string): Html {
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
      <nav class="ell-language" aria-label="${t('layout.language')}">
        <ul>
          ${languages.map(
            (l) =>
              html`<li>
                <a
                  href="${path}?lang=${l}"
                  lang="${l}"
                  hreflang="${l}"
                  ${l === language && 'aria-current=true'}
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
  return html`<ol class="ell-steps" aria-label="${t('layout.steps')}">
    ${stepNames.map((name, index) => {
      const label = html`<span class="ell-steps__label">${t(`layout.step.${name}`)}</span>`
      if (index + 1 < current)
        return html`<li class="ell-steps__item ell-steps__item--done">
          ${label} <span class="ell-visually-hidden">${t('layout.step.done')}</span>
        </li>`
      if (index + 1 === current) return html`<li class="ell-steps__item" aria-current="step">${label}</li>`
      return html`<li class="ell-steps__item">${label}</li>`
    })}
  </ol>`
}

function noticeBox(t: Translate, notice: Notice): Html {
  const isError = notice.kind === 'error'
  const prefix = isError && html`<span class="ell-visually-hidden">${t('form.error_prefix')}</span>`
  return html`<div class="ell-notice ell-notice--${notice.kind}" role="${isError ? 'alert' : 'status'}">
    ${notice.title && html`<p class="ell-notice__title">${prefix}${notice.title}</p>`}
    ${notice.text && html`<p>${!notice.title && prefix}${notice.text}</p>`}
  </div>`
}

function deskFooter(t: Translate, language: Language, desk: Desk): Html {
  return html`<footer class="ell-desk" aria-labelledby="desk">
    <h2 class="ell-desk__title" id="desk">${t('desk.help')}</h2>
    <p>${t('desk.name')}, <span class="ell-desk__hours">${desk.hours[language]}</span></p>
    ${deskContacts(desk)}
  </footer>`
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
