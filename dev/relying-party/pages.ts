/** The pages of a demonstration application. Markup and class names are those of themes/ellipro pages.css. */
import { html } from 'hono/html'
import type { IDToken } from 'openid-client'
import type { Language, MessageKey, Texts } from './texts.ts'

export type Html = ReturnType<typeof html>
export type View = { texts: Texts; name: string; otherUrl: string }

export function renderSignedOut(view: View, { signedOut }: { signedOut: boolean }): Promise<string> {
  const { texts } = view
  const notice = html`<div class="ell-notice ell-notice--success" role="status">
    <p>${texts.signedOutNotice}</p>
  </div>`
  return page(
    view,
    texts.signedOutTitle,
    html`<div class="ell-card">
      ${signedOut ? notice : ''}
      <h1 class="ell-title">${texts.signedOutTitle}</h1>
      <p class="ell-lead">${texts.signedOutLead}</p>
      <p><a class="ell-button ell-button--block" id="sign-in" href="/sign-in">${texts.signIn}</a></p>
      <p class="ell-or"><span>${texts.or}</span></p>
      <p class="ell-hint" id="cofacering-hint">${texts.fromCofaceringHint}</p>
      <p>
        <a
          class="ell-button ell-button--secondary ell-button--block"
          id="from-cofacering"
          aria-describedby="cofacering-hint"
          href="/sign-in?door=cofacering"
          >${texts.fromCofacering}</a
        >
      </p>
    </div>`,
  )
}

/** @param more what else the application shows there */
export function renderSignedIn(view: View, claims: IDToken, more?: Html): Promise<string> {
  const { texts } = view
  const facts: [string, string, unknown][] = [
    ['name', texts.person, claims['name']],
    ['email', texts.email, claims['email']],
    ['company', texts.company, claims['company']],
  ]
  const shown = facts.filter(([, , value]) => typeof value === 'string' && value !== '')
  return page(
    view,
    texts.signedInTitle,
    html`<div class="ell-card">
      <h1 class="ell-title">${texts.signedInTitle}</h1>
      <p class="ell-lead">${texts.signedInLead}</p>
      <dl class="ell-facts" id="who">
        ${shown.map(
          ([id, label, value]) =>
            html`<div>
              <dt>${label}</dt>
              <dd data-fact="${id}">${String(value)}</dd>
            </div>`,
        )}
      </dl>
      <form class="ell-actions" method="post" action="/sign-out">
        <a class="ell-button" id="other-application" href="${view.otherUrl}">${texts.other}</a>
        <button class="ell-button ell-button--secondary" id="sign-out">${texts.signOut}</button>
      </form>
      ${more ?? ''}
      <h2 class="ell-subtitle" id="claims-title">${texts.claims}</h2>
      <div class="ell-table-frame" role="region" tabindex="0" aria-labelledby="claims-title">
        <table class="ell-table" id="claims">
          <thead>
            <tr>
              <th scope="col">${texts.claim}</th>
              <th scope="col">${texts.value}</th>
            </tr>
          </thead>
          <tbody>
            ${sortClaims(claims).map(
              ([claim, value]) =>
                html`<tr>
                  <th scope="row"><code>${claim}</code></th>
                  <td data-claim="${claim}">${describe(claim, value, texts.language)}</td>
                </tr>`,
            )}
          </tbody>
        </table>
      </div>
    </div>`,
  )
}

/** A page that says what happened and offers the way on. */
export function renderMessage(view: View, key: MessageKey): Promise<string> {
  const { texts } = view
  const { title, text } = texts.messages[key]
  return page(
    view,
    title,
    html`<div class="ell-card">
      <h1 class="ell-title">${title}</h1>
      <p>${text}</p>
      <p class="ell-actions">
        <a class="ell-button" href="/sign-in">${texts.again}</a>
        <a class="ell-button ell-button--quiet" href="/">${texts.home}</a>
      </p>
    </div>`,
  )
}

/** @param wide for tables */
export async function page(
  { texts, name }: View,
  title: string,
  content: Html,
  wide = false,
): Promise<string> {
  const document = await html`<!doctype html>
    <html lang="${texts.language}">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <title>${title} · ${name}</title>
        <link rel="icon" type="image/svg+xml" href="/assets/favicon.svg" />
        <link rel="stylesheet" href="/assets/tokens.css" />
        <link rel="stylesheet" href="/assets/pages.css" />
      </head>
      <body class="ell-page">
        <a class="ell-skip" href="#contenu">${texts.skip}</a>
        <header class="ell-header">
          <div class="ell-header__inner">
            <a class="ell-brand" href="/">
              <svg class="ell-brand__mark" viewBox="0 0 40 30" aria-hidden="true" focusable="false">
                <g transform="rotate(-22 20 15)">
                  <ellipse cx="20" cy="15" rx="17" ry="10" />
                  <circle cx="28" cy="15" r="4" />
                </g></svg
              ><span class="ell-brand__name">${name}</span>
            </a>
          </div>
        </header>
        <main class="ell-main ${wide ? 'ell-main--wide' : ''}" id="contenu" tabindex="-1">${content}</main>
      </body>
    </html>`
  return document.toString()
}

/** What speaks of the person first, then what speaks of the token. */
function sortClaims(claims: IDToken): [string, unknown][] {
  const first = [
    'name',
    'given_name',
    'family_name',
    'email',
    'email_verified',
    'preferred_username',
    'sub',
    'sid',
  ]
  const rank = (claim: string) => (first.includes(claim) ? first.indexOf(claim) : first.length)
  return Object.entries(claims).toSorted(([a], [b]) => rank(a) - rank(b))
}

/** Times of a token are seconds since 1970; people read dates. */
function describe(claim: string, value: unknown, language: Language): string {
  if (['iat', 'exp', 'nbf', 'auth_time'].includes(claim) && typeof value === 'number')
    return new Date(value * 1000).toLocaleString(language, {
      dateStyle: 'medium',
      timeStyle: 'long',
      timeZone: 'Europe/Paris',
    })
  return typeof value === 'string' ? value : JSON.stringify(value)
}
