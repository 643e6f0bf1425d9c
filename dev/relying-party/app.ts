/**
 * A small Ellipro application, to be read and copied: a relying party of Keycloak in Express.
 *
 *   GET  /                    who is signed in, and with which claims
 *   GET  /sign-in             to Keycloak; `?door=cofacering` goes straight to the Cofacering login page, `?login_hint=`
 *                             fills the address in
 *   GET  /callback            back from Keycloak
 *   POST /sign-out            out of this application, of Keycloak, and so of every other application
 *   POST /backchannel-logout  Keycloak says that a person signed out somewhere else
 *   GET  /assets/…            the style sheets and icon that Keycloak's theme and provider use too
 *
 * Somebody without a session here may well have one at Keycloak: the home page asks once, with `prompt=none`,
 * before it shows a button. The browser gets a cookie with a random id, and one
 * for each sign-in under way; tokens stay on the server.
 */
import { join } from 'node:path'
import express, { type Express, type Request, type RequestHandler, type Response } from 'express'
import helmet from 'helmet'
import * as client from 'openid-client'
import type { ApplicationConfig } from './config.ts'
import { createKeycloak, KeycloakUnreachable, LogoutTokenRefused } from './keycloak.ts'
import { renderMessage, renderSignedIn, renderSignedOut, type Html, type View } from './pages.ts'
import { createSessions, type Account, type Attempt, type Session, type Wish } from './sessions.ts'
import { chooseTexts, type Language, type MessageKey } from './texts.ts'

export type Application = {
  /** Also the name of the session cookie: browsers share cookies between the ports of one host. */
  key: 'portal' | 'second_app'
  name: Record<Language, string>
}
/** What an application has beside its sign-in: another one leaves this out. */
export type Extension = {
  /** For other programs; it answers everything under its path by itself. */
  api?: { path: string; handler: RequestHandler }
  /** Its pages. */
  pages?: (tools: PageTools) => RequestHandler
  /** What the home page shows to whoever is signed in, beside who that is. */
  renderHome?: (language: Language, account: Account) => Promise<Html>
  /** Gives back what it holds, when nobody is served any more. */
  close?: () => Promise<void>
}
export type PageTools = {
  /** Whoever is signed in at this browser. */
  findAccount: (req: Request) => Account | undefined
  view: (req: Request) => View
  /** A page of the application that says what happened. */
  showMessage: (req: Request, res: Response, status: number, key: MessageKey) => Promise<void>
}
/** Writes one event; `fields` never hold what identifies a person. */
export type LogEvent = (event: string, fields?: Record<string, unknown>) => void

/** How long a cookie tells in which session a sign-in began; afterwards the session's own cookie has to. */
const attemptMs = 10 * 60_000
const themeFolder = join(import.meta.dirname, '../../themes/ellipro/login/resources')

export function createApp(
  application: Application,
  config: ApplicationConfig,
  log: LogEvent,
  extension: Extension = {},
): Express {
  const sessions = createSessions()
  const keycloak = createKeycloak(config)
  const secure = config.APP_URL.startsWith('https:')
  const cookieName = `${secure ? '__Host-' : ''}${application.key}_session`
  const issuerOrigin = new URL(config.ISSUER).origin

  const app = express()
  app.disable('x-powered-by')
  if (extension.api) app.use(extension.api.path, extension.api.handler)
  app.use(
    helmet({
      strictTransportSecurity: secure,
      referrerPolicy: { policy: 'no-referrer' },
      contentSecurityPolicy: {
        useDefaults: false,
        directives: {
          defaultSrc: ["'none'"],
          styleSrc: ["'self'"],
          imgSrc: ["'self'"],
          // The sign-out form is answered with a redirect to Keycloak, and browsers check where it leads.
          formAction: ["'self'", issuerOrigin],
          baseUri: ["'none'"],
          frameAncestors: ["'none'"],
        },
      },
    }),
  )
  app.use('/assets', express.static(join(themeFolder, 'css')), express.static(join(themeFolder, 'img')))
  app.use((_req, res, next) => {
    res.set('Cache-Control', 'no-store')
    next()
  })

  app.get('/', async (req, res) => {
    const session = findSession(req)
    if (session?.account) {
      const { account } = session
      const more = await extension.renderHome?.(view(req).texts.language, account)
      res.send(await renderSignedIn(view(req), account.claims, more))
      return
    }
    const signedOut = req.query['state'] === 'signed-out'
    const navigation = req.get('accept')?.includes('text/html') ?? false
    if (navigation && !signedOut && !session?.askedSilently) {
      await sendToKeycloak(req, res, {
        silent: true,
        fromCofacering: false,
        loginHint: undefined,
        restarted: false,
      })
      return
    }
    if (session) session.askedSilently = false
    res.send(await renderSignedOut(view(req), { signedOut }))
  })

  app.get('/sign-in', async (req, res) => {
    const fromCofacering = req.query['door'] === 'cofacering'
    const loginHint = readHint(req.query['login_hint'])
    await sendToKeycloak(req, res, { silent: false, fromCofacering, loginHint, restarted: false })
  })

  app.get('/callback', async (req, res) => {
    const state = typeof req.query['state'] === 'string' ? req.query['state'] : ''
    const session = findBeginning(req, state) ?? findSession(req)
    const attempt = session?.attempts.get(state)
    if (!session || !attempt) {
      // Going back in the browser after a sign-in ends here too.
      if (session?.account) res.redirect(303, '/')
      else await showMessage(req, res, 400, 'attemptUnknown')
      return
    }
    session.attempts.delete(state)
    res.clearCookie(attemptCookie(state), cookieOptions())
    try {
      const search = new URL(req.originalUrl, config.APP_URL).search
      const account = await keycloak.finishSignIn(search, state, attempt)
      const renewed = sessions.signIn(session, account)
      log(renewed ? 'sign_in.done' : 'sign_in.ended_meanwhile')
      if (renewed) setCookie(res, renewed)
      res.redirect(303, '/')
    } catch (error) {
      if (!(error instanceof client.AuthorizationResponseError)) throw error
      await answerRefusal(req, res, session, attempt, error)
    }
  })

  app.post('/sign-out', async (req, res) => {
    // Other applications of the same host count as the same site for SameSite cookies, so this is asked as well.
    if (isFromElsewhere(req)) {
      await showMessage(req, res, 403, 'formRefused')
      return
    }
    const session = findSession(req)
    res.clearCookie(cookieName, cookieOptions())
    if (session) sessions.end(session)
    if (!session?.account) {
      res.redirect(303, '/?state=signed-out')
      return
    }
    try {
      res.redirect(303, await keycloak.signOutUrl(session.account))
    } catch (error) {
      if (!(error instanceof KeycloakUnreachable)) throw error
      await showMessage(req, res, 503, 'signedOutHere')
    }
  })

  app.post(
    '/backchannel-logout',
    express.urlencoded({ extended: false, limit: '16kb' }),
    async (req, res) => {
      const token: unknown = (req.body as Record<string, unknown> | undefined)?.['logout_token']
      try {
        if (typeof token !== 'string') throw new LogoutTokenRefused('missing')
        const ended = sessions.endFromLogoutToken(await keycloak.verifyLogoutToken(token))
        log('logout_token.accepted', { ended })
        res.status(200).end()
      } catch (error) {
        if (!(error instanceof LogoutTokenRefused)) throw error
        log('logout_token.refused', { reason: error.message })
        res.status(400).json({ error: 'invalid_request' })
      }
    },
  )

  if (extension.pages)
    app.use(extension.pages({ findAccount: (req) => findSession(req)?.account, view, showMessage }))
  app.use((req, res) => showMessage(req, res, 404, 'notFound'))
  app.use(async (error: unknown, req: Request, res: Response, _next: express.NextFunction) => {
    const { name, code, status } = error as { name?: string; code?: string; status?: number }
    log('request.failed', { type: name, code })
    if (error instanceof KeycloakUnreachable) await showMessage(req, res, 503, 'unreachable')
    // A code that was refused, or an answer that does not hold together: the person starts again.
    else if (error instanceof client.ResponseBodyError || error instanceof client.ClientError)
      await showMessage(req, res, 400, 'signInFailed')
    // Express and its body parser put a status on what a client did wrong.
    else await showMessage(req, res, status !== undefined && status < 500 ? status : 500, 'failed')
  })
  return app

  async function sendToKeycloak(req: Request, res: Response, wish: Wish) {
    const { language } = view(req).texts
    const { url, state, attempt } = await keycloak.beginSignIn({ ...wish, language })
    const session = findSession(req) ?? sessions.create()
    sessions.addAttempt(session, state, attempt)
    setCookie(res, session)
    res.cookie(attemptCookie(state), session.id, { ...cookieOptions(), maxAge: attemptMs })
    res.redirect(303, url)
  }

  /** Keycloak came back with an error in place of a code. */
  async function answerRefusal(
    req: Request,
    res: Response,
    session: Session,
    attempt: Attempt,
    { error, error_description }: client.AuthorizationResponseError,
  ) {
    log('sign_in.refused', { error, silent: attempt.silent })
    if (attempt.silent) {
      session.askedSilently = true
      res.redirect(303, '/')
    } else if (error_description === 'authentication_expired' && !attempt.restarted) {
      // Keycloak's own page timed out; it answers with error=temporarily_unavailable.
      await sendToKeycloak(req, res, {
        silent: false,
        fromCofacering: attempt.fromCofacering,
        loginHint: attempt.loginHint,
        restarted: true,
      })
    } else await showMessage(req, res, 400, error === 'access_denied' ? 'signInDenied' : 'signInFailed')
  }

  function view(req: Request) {
    const texts = chooseTexts(req.acceptsLanguages('fr', 'en'))
    return { texts, name: application.name[texts.language], otherUrl: config.OTHER_APP_URL }
  }
  async function showMessage(req: Request, res: Response, status: number, key: MessageKey) {
    res.status(status).send(await renderMessage(view(req), key))
  }
  function findSession(req: Request): Session | undefined {
    return sessions.find(readCookie(req, cookieName))
  }
  /** The session in which a sign-in began: of two first pages at once, one's cookie replaces the other's. */
  function findBeginning(req: Request, state: string): Session | undefined {
    const session = sessions.find(readCookie(req, attemptCookie(state)))
    return session?.attempts.has(state) ? session : undefined
  }
  function attemptCookie(state: string): string {
    return `${cookieName}_${state.slice(0, 16)}`
  }
  function cookieOptions() {
    return { httpOnly: true, secure, sameSite: 'lax', path: '/' } as const
  }
  function setCookie(res: Response, session: Session) {
    res.cookie(cookieName, session.id, cookieOptions())
  }
}

/** A form that another site, or another application of the same host, has sent. */
export function isFromElsewhere(req: Request): boolean {
  const from = req.get('sec-fetch-site')
  return from !== undefined && from !== 'same-origin'
}

function readCookie(req: Request, name: string): string | undefined {
  const cookies = (req.get('cookie') ?? '').split('; ')
  return cookies.find((c) => c.startsWith(`${name}=`))?.slice(name.length + 1)
}

/** Anybody may write a link with a hint: only what can be an address is handed on. */
function readHint(given: unknown): string | undefined {
  return typeof given === 'string' && given.length <= 254 && /^[^\s@]+@[^\s@]+$/.test(given)
    ? given
    : undefined
}
