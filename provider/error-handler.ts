/**
 * The end of the chain: what could not be answered becomes a page. ScreenError says what to do; an upstream that
 * could not be asked says "try again shortly", and so does provider itself when it has all that it can carry; a request
 * that Express refuses keeps its status; everything else is a bug, answered with 500 and the correlation id that the log
 * line has, never with its message.
 */
import type { ErrorRequestHandler, RequestHandler } from 'express'
import { isDatabaseTrouble } from '../core/database/trouble.ts'
import { ScreenError, UpstreamError } from '../core/errors.ts'
import type { Log } from '../core/log.ts'
import { isBusy } from './gate.ts'
import { contextOf } from './web/context.ts'
import { renderErrorPage } from './web/error-page.ts'

/** Every path that no route knows. */
export const notFound: RequestHandler = () => {
  throw new ScreenError('error.not_found', 404)
}

/** `messageKey` and status of the page for any error; `undefined` when it is a bug. Pure. */
export function classifyError(error: unknown): { messageKey: string; status: number } | undefined {
  if (error instanceof ScreenError) return { messageKey: error.messageKey, status: error.status }
  if (isBusy(error)) return { messageKey: 'error.busy', status: 503 }
  if (error instanceof UpstreamError)
    return error.disposition === 'retry' ? { messageKey: 'error.unavailable', status: 503 } : undefined
  if (isDatabaseTrouble(error)) return { messageKey: 'error.unavailable', status: 503 }
  // Errors of Express and its body parser (http-errors): too large, malformed, bad percent-encoding.
  const status = (error as { status?: unknown } | undefined)?.status
  if (error instanceof Error && typeof status === 'number' && status >= 400 && status < 500)
    return { messageKey: 'error.bad_request', status }
  return undefined
}

export function errorHandler({ log }: { log: Log }): ErrorRequestHandler {
  return async (error: unknown, _req, res, next) => {
    const { ids } = contextOf(res)
    const known = classifyError(error)
    // One line each, and short: there are many when there is one.
    if (isBusy(error)) log.warn({ event: 'http.busy', ...ids, full: error.service })
    else if (!known || known.status >= 500) log.error({ event: 'http.failed', ...ids, err: error })
    // Half an answer is out: only cutting the connection tells the browser.
    if (res.headersSent) return next(error)
    await renderErrorPage(res, known ?? { messageKey: 'error.unexpected', status: 500 })
  }
}
