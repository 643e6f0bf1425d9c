/**
 * Keycloak asks the OP's token endpoint and keys over pooled connections. One that died with a restart of provider is
 * found out at its next use, and that use is a person's sign-in, which Keycloak does not try again (seen on 26.7.5 as
 * NoHttpResponseException). So each of these answers ends its connection; a sign-in has two of them.
 */
import type { RequestHandler } from 'express'

export const closeBackChannel: RequestHandler = (req, res, next) => {
  if (req.path === '/token' || req.path === '/jwks') res.set('Connection', 'close')
  next()
}
