/**
 * What every route may know about its request: its ids for log lines, the language, the CSRF token for its forms, and
 * the client's network for limits and alarms. Set by one middleware in front of everything, the OP included.
 *
 * The language is what was said last: by the person (`?lang=` on any page) or by Keycloak (`ui_locales` of an
 * authorization request), kept in a cookie; else Accept-Language, else French.
 */
import { randomUUID } from 'node:crypto'
import type { Request, RequestHandler, Response } from 'express'
import { isClosed } from '../../core/closing.ts'
import type { Desk } from '../../core/desk.ts'
import { chooseLanguage, languages, type Language, type Translate } from '../../core/text.ts'
import type { Dependencies } from '../dependencies.ts'
import type { Cookies } from './cookies.ts'
import { readCorrelation, readableReference, type Correlation } from './correlation.ts'
import { csrfToken } from './csrf.ts'
import { networkOf } from './network.ts'

export type RequestContext = {
  /** For log lines: of this request, and of the path that it belongs to (correlation.ts). */
  readonly ids: { request_id: string; correlation_id?: string }
  correlation: Correlation
  /** What a person tells the desk, in groups that can be read out. */
  readonly reference: string
  language: Language
  t: Translate
  /** For the hidden field `csrf`. Reading it gives a new browser its cookie, so read it before the answer starts. */
  readonly csrf: string
  /** /24 or /64 of the client. */
  network: string
  /** Path of the page without its query, for the language switch; in answer to a form, that of the form's page. */
  path: string
  /** Whom to call, at the foot of every page. */
  desk: Desk
  /** When Cofacering closes; `undefined` when it is closed, or stays open. */
  closesAt: Date | undefined
}

/** @throws Error when the context middleware did not run: a bug in app.ts */
export function contextOf(res: Response): RequestContext {
  const context = (res.locals as { context?: RequestContext }).context
  if (!context) throw new Error('No request context: the middleware is missing')
  return context
}

/** Sets the context and writes one log line when the answer is out. Query strings are never logged. */
export function requestContext(
  {
    cookies,
    log,
    texts,
    desk,
    config: { COFACERING_CLOSES_AT: closesAt },
    now,
  }: Pick<Dependencies, 'cookies' | 'log' | 'texts' | 'desk' | 'now'> & {
    config: Pick<Dependencies['config'], 'COFACERING_CLOSES_AT'>
  },
  cookieKey: Buffer,
): RequestHandler {
  return (req, res, next) => {
    const requestId = randomUUID()
    const startedAt = performance.now()
    const { path } = req
    const language = languageOf(req, res, cookies)
    let token: string | undefined
    const correlation = readCorrelation(req, res, cookies, cookieKey)
    const context: RequestContext = {
      get ids() {
        return {
          request_id: requestId,
          ...(correlation.id !== undefined && { correlation_id: correlation.id }),
        }
      },
      correlation,
      get reference() {
        return readableReference(correlation.id ?? requestId)
      },
      language,
      t: texts[language],
      get csrf() {
        return (token ??= csrfToken(req, res, cookies, cookieKey))
      },
      network: networkOf(req.ip),
      path: pagePath(req.path),
      desk,
      closesAt: isClosed(closesAt, now()) ? undefined : closesAt,
    }
    res.locals['context'] = context
    res.setHeader('X-Request-Id', requestId)
    res.on('finish', () => {
      log.debug({
        event: 'http.answered',
        ...context.ids,
        method: req.method,
        // The pattern (`/activation/:id`), not the path.
        route: (req.route as { path?: string } | undefined)?.path ?? describeMount(path),
        status: res.statusCode,
        duration_ms: Math.round(performance.now() - startedAt),
      })
    })
    next()
  }
}

const mounts: [pattern: RegExp, route: string][] = [
  [/^\/assets\//, '/assets/*'],
  [/^\/oidc\/auth$/, '/oidc/auth'],
  [/^\/oidc\/auth\/[\w-]+$/, '/oidc/auth/:uid'],
  [/^\/oidc\/token$/, '/oidc/token'],
  [/^\/oidc\/jwks$/, '/oidc/jwks'],
  [/^\/oidc\/\.well-known\/openid-configuration$/, '/oidc/.well-known/openid-configuration'],
]

/** The pattern of what is mounted and has no route of Express; `undefined` for all that we do not know. */
const describeMount = (path: string) => mounts.find(([pattern]) => pattern.test(path))?.[1]

/**
 * Forms that are sent elsewhere than to their page's own path (app.ts) lead back to it. It goes into a link, where `//`
 * or `/\` at its beginning would name another host.
 */
function pagePath(path: string): string {
  return path.replace(/\/(login|cancel|resend|decide|save)$/, '').replace(/^[/\\]*/, '/')
}

function languageOf(req: Request, res: Response, cookies: Cookies): Language {
  const uiLocales = req.query['ui_locales']
  const said =
    languages.find((l) => l === req.query['lang']) ??
    (typeof uiLocales === 'string' && uiLocales !== '' ? chooseLanguage(uiLocales, undefined) : undefined)
  // Kept, because only the first page of an interaction has it in its URL.
  if (said && req.method === 'GET') cookies.set(res, 'language', said, { maxAgeSeconds: 31_536_000 })
  return (
    said ??
    languages.find((l) => l === cookies.read(req, 'language')) ??
    chooseLanguage(undefined, req.headers['accept-language'])
  )
}
