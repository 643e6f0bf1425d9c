/** The page of something that could not be done, with the correlation id that the desk may be told. */
import type { Response } from 'express'
import { html } from 'hono/html'
import { renderPage } from '../screens/layout.ts'
import { contextOf } from './context.ts'

/** @param messageKey key of the text catalogue: what happened and what to do */
export async function renderErrorPage(
  res: Response,
  { status, messageKey }: { status: number; messageKey: string },
): Promise<void> {
  const { requestId, t } = contextOf(res)
  await renderPage(res, {
    status,
    name: 'error',
    title: t('error.title'),
    body: html`<p>${t(messageKey)}</p>
      <p class="ell-hint">${t('error.request_id', { id: requestId })}</p>
      <p class="ell-actions">
        <a class="ell-button ell-button--secondary" href="/">${t('error.home')}</a>
      </p>`,
  })
}
