/**
 * Every route of provider, in order, without logic. A request meets: context and log line, security headers, health,
 * static files, the OP and the help desk's webhook (before any body parser), body parser, the limit of requests under way, CSRF check, the screens,
 * the end.
 */
import express, { type Express } from 'express'
import type { Dependencies } from './dependencies.ts'
import { limitAuthorizations } from './oidc/flood.ts'
import { assets } from './web/assets.ts'
import { errorHandler, notFound } from './error-handler.ts'
import { health, leaveConnections } from './health.ts'
import { ticketHook } from './hooks/tickets.ts'
import { limitRequests } from './web/back-pressure.ts'
import { requestContext } from './web/context.ts'
import { csrfProtection } from './web/csrf.ts'
import type { Screens } from './web/screen.ts'
import { closeBackChannel } from './web/back-channel.ts'
import { securityHeaders } from './web/security-headers.ts'

export function createApp(dependencies: Dependencies, screens: Screens): Express {
  const { config, cookies, op, readiness, relyingParty } = dependencies
  const app = express()
  app.disable('x-powered-by')
  app.disable('etag')
  app.set('query parser', 'simple')
  app.set('trust proxy', config.TRUST_PROXY ?? false)

  app.use(requestContext(dependencies, config.PROVIDER_COOKIE_KEY))
  app.use(leaveConnections(readiness))
  app.use(securityHeaders(config.PROVIDER_URL.startsWith('https:')))

  const { live, ready } = health(dependencies)
  app.get('/health/live', live)
  app.get('/health/ready', ready)
  app.use('/assets', assets())

  const limit = limitRequests(config.MAX_REQUESTS)
  const flood = limitAuthorizations(config.AUTHORIZATIONS_PER_NETWORK)
  app.use('/oidc', limit.withoutBody, flood, closeBackChannel, op.handler)

  // A machine's: signed, and neither cookie nor form.
  app.post('/hooks/tickets', ticketHook(dependencies))

  // What an agent types is shown to them again, however long it is.
  app.use('/staff', express.urlencoded({ extended: false, limit: '64kb', parameterLimit: 50 }))
  app.use(express.urlencoded({ extended: false, limit: '128kb', parameterLimit: 50 }))
  app.use(limit.all)
  app.use(csrfProtection(cookies, config.PROVIDER_COOKIE_KEY))

  // The two doors: our own login page, and the OP's interaction that Keycloak brokers to.
  app.get('/', screens.login.show)
  app.post('/login', screens.login.submit)
  app.get('/interaction/:uid', screens.login.showInteraction)
  app.post('/interaction/:uid/login', screens.login.submitInteraction)
  app.post('/interaction/:uid/cancel', screens.login.cancelInteraction)

  // Where a person with a Cofacering login goes next.
  app.get('/redirection', screens.redirection.show)
  app.post('/redirection', screens.redirection.submit)
  app.get('/redirection/messages', screens.messages.showLogin)
  app.post('/redirection/messages/save', screens.messages.saveLogin)
  app.get('/moved', screens.moved.show)
  app.get('/desk', screens.desk.show)
  app.get('/help', screens.help.show)

  // One activation, from the mail to the portal.
  app.get('/activation/continue', screens.resume.show)
  app.get('/activation/:id', screens.sent.show)
  app.post('/activation/:id/resend', screens.sent.resend)
  app.get('/activation/:id/address', screens.sent.showAddress)
  app.post('/activation/:id/address', screens.sent.submitAddress)
  app.get('/activation/:id/confirm', screens.confirmation.show)
  app.post('/activation/:id/confirm', screens.confirmation.submit)
  app.get('/activation/:id/opening', screens.opening.show)
  app.get('/activation/:id/withdraw', screens.withdraw.show)
  app.post('/activation/:id/withdraw', screens.withdraw.submit)
  app.get('/activation/:id/waiting', screens.waiting.show)
  app.post('/activation/:id/waiting', screens.waiting.submit)
  app.post('/activation/:id/waiting/resend', screens.waiting.resend)

  // A second contract: it is added to the account that the person has.
  app.get('/activation/contract/callback', screens.contract.callback)
  app.get('/activation/contract/switch', screens.contract.showSwitch)
  app.get('/activation/:id/contract', screens.contract.show)
  app.post('/activation/:id/contract', screens.contract.submit)
  app.get('/activation/:id/contract/adding', screens.contract.showAdding)
  app.post('/activation/:id/contract/adding', screens.contract.submitAdding)

  // An access of one's own on a login that has its holder: the request, its mails' links, and the holder's answer.
  app.get('/access/new', screens.access.show)
  app.post('/access/new', screens.access.submit)
  app.get('/access/sent', screens.access.showSent)
  app.get('/access/holder/:case', screens.holder.show)
  app.post('/access/holder/:case', screens.holder.submit)
  app.get('/access/:id/prove', screens.accessProof.show)
  app.post('/access/:id/prove', screens.accessProof.submit)
  app.get('/access/:id/withdraw', screens.accessWithdraw.show)
  app.post('/access/:id/withdraw', screens.accessWithdraw.submit)
  app.get('/access/:id', screens.accessRequest.show)
  app.post('/access/:id/resend', screens.accessRequest.resend)

  // provider as an RP of Keycloak: the end of an activation.
  app.get('/sign-in/callback', relyingParty.callback)
  app.get('/sign-in/switch', relyingParty.showSwitch)
  app.post('/sign-in/switch', relyingParty.submitSwitch)

  // The old messages of whoever has moved.
  app.get('/messages', screens.messages.show)
  app.post('/messages/save', screens.messages.save)
  app.get('/messages/sign-in', screens.messages.signIn)
  app.get('/messages/callback', screens.messages.callback)
  app.post('/messages/sign-out', screens.messages.signOut)

  // The agents of the Service Relation Client.
  app.get('/staff', screens.staff.list)
  app.get('/staff/sign-in', screens.staff.signIn)
  app.get('/staff/callback', screens.staff.callback)
  app.post('/staff/sign-out', screens.staff.signOut)
  app.get('/staff/cases/:id', screens.staff.case)
  app.post('/staff/cases/:id/decide', screens.staff.decide)
  app.get('/staff/decisions/:id', screens.staff.decision)

  // Who leads the migration: its numbers, and the list of logins that are left.
  app.get('/staff/migration', screens.staff.migration)
  app.post('/staff/migration/left', screens.staff.left)

  app.use(notFound)
  app.use(errorHandler(dependencies))
  return app
}
