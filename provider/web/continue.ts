/**
 * The page that goes on by itself: the answer of a form whose way leads out of our origin. It holds a `meta refresh`
 * and a link; a redirect would be blocked by `form-action 'self'`. Inside our origin, answers are 303.
 */
import type { Response } from 'express'
import { html } from 'hono/html'
import { renderPage } from '../screens/layout.ts'
import { contextOf } from './context.ts'

/**
 * @param url absolute http(s) URL that we made from configuration, never one that a request brought
 * @throws Error for any other URL
 */
export async function sendContinue(res: Response, url: string): Promise<void> {
  const { protocol, href } = new URL(url)
  if (protocol !== 'https:' && protocol !== 'http:') throw new Error('sendContinue: not an http(s) URL')
  const { t } = contextOf(res)
  await renderPage(res, {
    name: 'continue',
    title: t('continue.title'),
    refresh: { url: href, seconds: 0 },
    body: html`<p>${t('continue.text')}</p>
      <p class="ell-actions"><a class="ell-button" href="${href}">${t('continue.link')}</a></p>`,
  })
}
