/**
 * The end of the chain: what could not be answered becomes a page. ScreenError says what to do; an upstream that
 * could not be asked says "try again shortly"; a request that Express refuses keeps its status; everything else is a
 * bug, answered with 500 and the correlation id that the log line has, never with its message.
 */
import type { ErrorRequestHandler, RequestHandler } from 'express'
import { html } from 'hono/html'
import { ScreenError, UpstreamError } from '../core/errors.ts'
import type { Log } from '../core/log.ts'
import { renderPage } from './screens/layout.ts'
import { contextOf } from './web/context.ts'

/** Every path that no route knows. */
export const notFound: RequestHandler = () => {
  throw new ScreenError('error.not_found', 404)
}

/** `messageKey` and status of the page for any error; `undefined` when it is a bug. Pure. */
export function classifyError(error: unknown): { messageKey: string; status: number } | undefined {
  if (error instanceof ScreenError) return { messageKey: error.messageKey, status: error.status }
  if (error instanceof UpstreamError && error.disposition === 'retry')
    return { messageKey: 'error.unavailable', status: 503 }
  // Errors of Express and its body parser (http-errors): too large, malformed, bad percent-encoding.
  const status = (error as { status?: unknown } | undefined)?.status
  if (error instanceof Error && typeof status === 'number' && status >= 400 && status < 500)
    return { messageKey: 'error.bad_request', status }
  return undefined
}

export function errorHandler({ log }: { log: Log }): ErrorRequestHandler {
  return async (error: unknown, _req, res, next) => {
    const { requestId, t } = contextOf(res)
    const known = classifyError(error)
    if (!known || known.status >= 500) log.error({ event: 'http.failed', request_id: requestId, err: error })
    // Half an answer is out: only cutting the connection tells the browser.
    if (res.headersSent) return next(error)
    const { messageKey, status } = known ?? { messageKey: 'error.unexpected', status: 500 }
    await renderPage(res, {
      status,
      name: 'error',
      title: t('error.title'),
      body: html`<p>${t(messageKey)}</p>
        <p class="ell-small">${t('error.request_id', { id: requestId })}</p>
        <p class="ell-actions">
          <a class="ell-button ell-button--secondary" href="/">${t('error.home')}</a>
        </p>`,
    })
  }
}
