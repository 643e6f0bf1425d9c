/** The page of something that could not be done; the layout adds the reference that the desk may be told. */
import type { Response } from 'express'
import { html } from 'hono/html'
import { renderPage } from '../screens/layout.ts'
import { contextOf } from './context.ts'

/**
 * What may pass by itself (503) offers the same page again: nothing that was kept is lost, and what was just sent may
 * or may not have arrived, which the next page shows.
 * @param messageKey key of the text catalogue: what happened and what to do
 */
export async function renderErrorPage(
  res: Response,
  { status, messageKey }: { status: number; messageKey: string },
): Promise<void> {
  const { t } = contextOf(res)
  await renderPage(res, {
    status,
    name: 'error',
    title: t(status === 403 ? 'error.form_title' : 'error.title'),
    body: html`<p>${t(messageKey)}</p>
      ${status === 503 && res.req.method === 'POST' && html`<p>${t('error.unsure')}</p>`}
      <p class="ell-actions">
        ${[403, 503].includes(status) && html`<a class="ell-button" href="${samePage(res)}">${t('error.retry')}</a>`}
        <a class="ell-button ell-button--secondary" href="/">${t('error.home')}</a>
      </p>`,
  })
}

/** The page that was asked for, or that of the form that was sent. In a link, `//` would name another host. */
function samePage(res: Response): string {
  return res.req.method === 'POST' ? contextOf(res).path : res.req.originalUrl.replace(/^[/\\]*/, '/')
}
