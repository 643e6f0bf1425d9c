/** What both sign-ins of an agent share on their way back from Keycloak. */
import type { Request } from 'express'
import { UpstreamError } from '../../core/errors.ts'
import { classifyError } from '../error-handler.ts'

/** Keycloak or our database could not be asked: the same thing may work in a minute. */
export const isOutage = (error: unknown): boolean =>
  (error instanceof UpstreamError && error.service === 'keycloak') || classifyError(error)?.status === 503

/** The query of a callback, with its `?`. */
export const queryOf = (req: Request): string => {
  const at = req.originalUrl.indexOf('?')
  return at === -1 ? '' : req.originalUrl.slice(at)
}
