/** The pages of the inbox, in French and English. They carry no script; the list looks for new mail by itself. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { html } from 'hono/html'
import type { Mail } from './smtp-sink.ts'

export type Language = 'fr' | 'en'
type Html = ReturnType<typeof html>

const texts = {
  fr: {
    title: 'Boîte de réception',
    lead: 'Tous les e-mails de la démonstration arrivent ici. Rien ne quitte cet ordinateur.',
    empty: 'Aucun e-mail pour le moment. La page se met à jour toute seule.',
    filtered: 'Seulement les e-mails pour',
    all: 'Voir tous les e-mails',
    clear: 'Vider la boîte',
    from: 'De',
    to: 'À',
    date: 'Reçu',
    links: 'Liens',
    html: 'Version HTML',
    text: 'Version texte',
    none: 'Cet e-mail n’a pas cette version.',
    back: 'Retour à la boîte de réception',
    missing: 'Cet e-mail n’est plus là.',
    other: 'English',
  },
  en: {
    title: 'Inbox',
    lead: 'Every e-mail of the demonstration arrives here. Nothing leaves this computer.',
    empty: 'No e-mail yet. This page updates by itself.',
    filtered: 'Only e-mails to',
    all: 'Show all e-mails',
    clear: 'Empty the inbox',
    from: 'From',
    to: 'To',
    date: 'Received',
    links: 'Links',
    html: 'HTML version',
    text: 'Text version',
    none: 'This e-mail has no such version.',
    back: 'Back to the inbox',
    missing: 'This e-mail is no longer there.',
    other: 'Français',
  },
} as const

/** `?lang=` first, then what the browser prefers; French when neither says. */
export function chooseLanguage(asked: string | null, acceptLanguage = ''): Language {
  if (asked === 'fr' || asked === 'en') return asked
  const first = /\b(fr|en)\b/i.exec(acceptLanguage)?.[1]?.toLowerCase()
  return first === 'en' ? 'en' : 'fr'
}

/** The product's design tokens and what these pages add to them. */
export function readStyle(): string {
  const tokens = join(import.meta.dirname, '../themes/ellipro/login/resources/css/tokens.css')
  return readFileSync(tokens, 'utf8') + ownStyle
}

const ownStyle = `
* { box-sizing: border-box }
body { margin: 0; font: var(--ell-size-body) / var(--ell-leading) var(--ell-font); color: var(--ell-ink); background: var(--ell-paper) }
main { max-width: 60rem; margin: 0 auto; padding: var(--ell-space-5) var(--ell-space-4) }
header { display: flex; gap: var(--ell-space-4); align-items: baseline; justify-content: space-between }
h1 { font-size: var(--ell-size-title); line-height: var(--ell-leading-tight); overflow-wrap: anywhere }
h2 { font-size: var(--ell-size-lead) }
a { color: var(--ell-link) }
:focus-visible { outline: var(--ell-focus-width) solid var(--ell-focus); outline-offset: 2px }
.soft { color: var(--ell-ink-soft) }
ul { list-style: none; padding: 0 }
.mails a { display: grid; grid-template-columns: minmax(0, 1fr) auto; gap: 0 var(--ell-space-4); padding: var(--ell-space-3) var(--ell-space-4);
  background: var(--ell-surface); border: 1px solid var(--ell-line); border-radius: var(--ell-radius); margin-bottom: var(--ell-space-2);
  color: inherit; text-decoration: none }
.mails a:hover strong { text-decoration: underline }
.mails span { color: var(--ell-ink-soft); font-size: var(--ell-size-small); overflow-wrap: anywhere }
dl { display: grid; grid-template-columns: auto 1fr; gap: 0 var(--ell-space-4); margin: 0 } dt { color: var(--ell-ink-soft) } dd { margin: 0; overflow-wrap: anywhere }
.links a { display: block; overflow: hidden; text-overflow: ellipsis; white-space: nowrap; line-height: 2 }
iframe, pre { width: 100%; border: 1px solid var(--ell-line); border-radius: var(--ell-radius); background: var(--ell-surface) }
iframe { height: 48rem; background: #fff }
pre { padding: var(--ell-space-4); white-space: pre-wrap; overflow-wrap: anywhere; font-family: var(--ell-font-mono); font-size: var(--ell-size-small) }
button { font: inherit; min-height: var(--ell-target); padding: 0 var(--ell-space-4); color: var(--ell-link); background: none; border: 1px solid var(--ell-field-line); border-radius: var(--ell-radius); cursor: pointer }
`

async function page(
  language: Language,
  title: string,
  here: string,
  body: Html,
  refresh: boolean,
): Promise<string> {
  const other = language === 'fr' ? 'en' : 'fr'
  const document = html`<!doctype html>
    <html lang="${language}">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        ${refresh ? html`<meta http-equiv="refresh" content="4" />` : ''}
        <title>${title} - Ellipro</title>
        <link rel="stylesheet" href="/style.css" />
      </head>
      <body>
        <main>
          <header>
            <h1>${title}</h1>
            <a href="${here}lang=${other}" lang="${other}" hreflang="${other}">${texts[language].other}</a>
          </header>
          ${body}
        </main>
      </body>
    </html>`
  return (await document).toString()
}

function formatDate(iso: string, language: Language): string {
  return new Date(iso).toLocaleString(language === 'fr' ? 'fr-FR' : 'en-GB', {
    dateStyle: 'short',
    timeStyle: 'medium',
  })
}

/** @param to the address that the list is kept to; empty: all */
export function renderList(mails: readonly Mail[], to: string, language: Language): Promise<string> {
  const t = texts[language]
  const items = mails.map(
    (mail) =>
      html`<li>
        <a href="/messages/${mail.id}?lang=${language}">
          <strong>${mail.subject}</strong><span>${formatDate(mail.receivedAt, language)}</span>
          <span>${mail.to.join(', ')}</span>
        </a>
      </li>`,
  )
  const filter = html`<p>${t.filtered} ${to}. <a href="/?lang=${language}">${t.all}</a></p>`
  const body = html`<p class="soft">${t.lead}</p>
    ${to === '' ? '' : filter}
    ${
      mails.length === 0
        ? html`<p>${t.empty}</p>`
        : html`<ul class="mails">
              ${items}
            </ul>
            <form method="post" action="/clear?lang=${language}"><button>${t.clear}</button></form>`
    }`
  const here = to === '' ? '/?' : `/?to=${encodeURIComponent(to)}&`
  return page(language, t.title, here, body, true)
}

export function renderMail(mail: Mail, language: Language): Promise<string> {
  const t = texts[language]
  const links = mail.links.map(
    (link) => html`<li><a href="${link}" target="_blank" rel="noreferrer noopener">${link}</a></li>`,
  )
  const frame = html`<iframe
    src="/messages/${mail.id}/html"
    title="${t.html}"
    sandbox="allow-popups allow-popups-to-escape-sandbox"
  ></iframe>`
  const body = html`<p><a href="/?lang=${language}">${t.back}</a></p>
    <dl>
      <dt>${t.from}</dt>
      <dd>${mail.from}</dd>
      <dt>${t.to}</dt>
      <dd>${mail.to.join(', ')}</dd>
      <dt>${t.date}</dt>
      <dd>${formatDate(mail.receivedAt, language)}</dd>
    </dl>
    <h2>${t.html}</h2>
    ${mail.html === '' ? html`<p class="soft">${t.none}</p>` : frame}
    <h2>${t.links}</h2>
    <ul class="links">
      ${links}
    </ul>
    <h2>${t.text}</h2>
    ${mail.text === '' ? html`<p class="soft">${t.none}</p>` : html`<pre>${mail.text}</pre>`}`
  return page(language, mail.subject, `/messages/${mail.id}?`, body, false)
}

export function renderMissing(language: Language): Promise<string> {
  const t = texts[language]
  return page(language, t.missing, '/?', html`<p><a href="/?lang=${language}">${t.back}</a></p>`, false)
}
