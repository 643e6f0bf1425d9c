/** The inspector itself: a page that holds everything has no problem, and each thing that it lacks is found. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { createInspector } from './accessible.ts'
import { startBrowser } from './browser.ts'

const css = ['tokens', 'pages']
  .map((name) => join(import.meta.dirname, `../../themes/ellipro/login/resources/css/${name}.css`))
  .map((file) => readFileSync(file, 'utf8'))
  .join('\n')
  .replaceAll(/\/\*.*?\*\//gs, '')
const good = `<!doctype html><html lang="fr"><head>
  <meta name="viewport" content="width=device-width"><title>Erreur : Votre adresse (étape 1 sur 2) - Ellipro</title>
  <meta charset="utf-8"><style>${css}</style><style id="more"></style></head>
  <body class="ell-page"><a class="ell-skip" href="#contenu">Aller au contenu</a>
  <header class="ell-header"><div class="ell-header__inner"><nav class="ell-language" aria-label="Langue"><ul>
    <li><a href="?fr" lang="fr" hreflang="fr" aria-current="true">Français</a></li>
    <li><a href="?en" lang="en" hreflang="en">English</a></li></ul></nav></div></header>
  <main class="ell-main" id="contenu" tabindex="-1">
    <ol class="ell-steps" role="list" aria-label="Étapes"><li class="ell-steps__item" aria-current="step">Vous
      <span class="ell-visually-hidden">(étape 1 sur 2)</span></li><li class="ell-steps__item">Ellipro</li></ol>
    <div class="ell-card"><h1 class="ell-title">Votre adresse</h1>
    <form class="ell-form"><div class="ell-field"><label class="ell-label" for="email">Adresse e-mail</label>
      <p class="ell-error" id="email-error">Erreur : saisissez-la.</p>
      <input class="ell-input" id="email" name="email" type="email" autocomplete="email" autocapitalize="none"
        spellcheck="false" aria-invalid="true" aria-describedby="email-error" autofocus></div>
      <div class="ell-actions"><button class="ell-button">Continuer</button></div></form></div>
  </main></body></html>`

const defects: [defect: string, from: string, to: string, found: RegExp][] = [
  ['another language', '<html lang="fr"', '<html lang="en"', /lang is en/],
  ['a title that keeps the refusal to itself', '<title>Erreur : ', '<title>', /title "Votre adresse/],
  ['a title without the step', ' (étape 1 sur 2) - Ellipro', '', /without "étape 1 sur 2"/],
  ['two headings', '<form', '<h1>Encore</h1><form', /2 of h1/],
  ['an error tied to nothing', ' aria-describedby="email-error"', '', /its error is not tied/],
  ['no label', 'for="email"', '', /axe label/],
  ['no autocomplete token', 'autocomplete="email"', 'autocomplete="off"', /autocomplete "off"/],
  ['a password or address that is cut', 'spellcheck="false"', 'spellcheck="false" maxlength="20"', /at 20/],
  ['the focus elsewhere', ' autofocus', '', /has the focus/],
  ['a wrong language name', '>English<', '>Anglais<', /language link/],
  ['weak colours', '#more{}', '.ell-label{color:#999 !important}', /axe color-contrast/],
  ['no focus ring', '#more{}', '*{outline:none !important}', /focus not to be seen/],
  ['something wide', '#more{}', '.ell-label{display:block;width:700px}', /px wide on 320/],
  ['a small target', '#more{}', '.ell-page .ell-button{min-height:0;height:20px;padding:0}', /20 px: button/],
  ['something covered', '#more{}', '.ell-label{margin-bottom:-24px}', /upon one another/],
  ['movement', '#more{}', '.ell-card{animation:m 9s infinite}@keyframes m{to{opacity:.9}}', /moves: m/],
  ['a button without an edge', '#more{}', '.ell-page .ell-button{border:0}', /no edge in forced colours/],
  ['an order of its own', '<button', '<button tabindex="3"', /order of its own/],
]

const { open } = await startBrowser()
const { page } = await open('fr-FR')
const inspector = createInspector('fr')
let served = ''
await page.route('http://page.example/', (route) => route.fulfill({ body: served, contentType: 'text/html' }))
async function inspect(html: string): Promise<string[]> {
  served = html
  await page.goto('http://page.example/')
  return inspector.inspect(page, 'page')
}
const place = (from: string) => (from === '#more{}' ? '<style id="more">' : from)

test('a page that lacks nothing has no problem', async () => {
  expect(await inspect(good)).toEqual([])
})

test.each(defects)('%s is found', async (_defect, from, to, found) => {
  const at = place(from)
  expect(good).toContain(at)
  const problems = await inspect(good.replace(at, from === at ? to : `${at}${to}`))
  expect(problems.join('\n')).toMatch(found)
})
