/**
 * The end of the chain: what could not be answered becomes a page. ScreenError says what to do; an upstream that
 * could not be asked says "try again shortly"; a request that Express refuses keeps its status; everything else is a
 * bug, answered with 500 and the correlation id that the log line has, never with its message.
 */
import type { ErrorRequestHandler, RequestHandler } from 'express'
import { ScreenError, UpstreamError } from '../core/errors.ts'
import type { Log } from '../core/log.ts'
import { contextOf } from './web/context.ts'
import { renderErrorPage } from './web/error-page.ts'

/** Every path that no route knows. */
export const notFound: RequestHandler = () => {
  throw new ScreenError('error.not_found', 404)
}

/** `messageKey` and status of the page for any error; `undefined` when it is a bug. Pure. */
export function classifyError(error: unknown): { messageKey: string; status: number } | undefined {
  if (error instanceof ScreenError) return { messageKey: error.messageKey, status: error.status }
  if (error instanceof UpstreamError)
    return error.disposition === 'retry' ? { messageKey: 'error.unavailable', status: 503 } : undefined
  if (isDatabaseOutage(error)) return { messageKey: 'error.unavailable', status: 503 }
  // Errors of Express and its body parser (http-errors): too large, malformed, bad percent-encoding.
  const status = (error as { status?: unknown } | undefined)?.status
  if (error instanceof Error && typeof status === 'number' && status >= 400 && status < 500)
    return { messageKey: 'error.bad_request', status }
  return undefined
}

/**
 * Did PostgreSQL refuse the connection, end it, not answer in time, or give up on two requests that waited for one
 * another (40P01)? Then nothing is wrong with the request. 57014 is our own time limit for a statement.
 */
function isDatabaseOutage(error: unknown): boolean {
  if (!(error instanceof Error)) return false
  const { code = '' } = error as { code?: string }
  return (
    ['ECONNREFUSED', 'ECONNRESET', 'EPIPE', 'ETIMEDOUT'].includes(code) ||
    /^(08|53|57)[0-9A-Z]{3}$|^40(001|P01)$/.test(code) ||
    // pg has no code for these two.
    /^(Connection terminated|timeout exceeded when trying to connect)/.test(error.message)
  )
}

export function errorHandler({ log }: { log: Log }): ErrorRequestHandler {
  return async (error: unknown, _req, res, next) => {
    const { requestId } = contextOf(res)
    const known = classifyError(error)
    if (!known || known.status >= 500) log.error({ event: 'http.failed', request_id: requestId, err: error })
    // Half an answer is out: only cutting the connection tells the browser.
    if (res.headersSent) return next(error)
    await renderErrorPage(res, known ?? { messageKey: 'error.unexpected', status: 500 })
  }
}
