/**
 * Headers of every answer, those of the OP included (oidc-provider sets no policy of its own).
 *
 * `form-action 'self'` is enforced by browsers over the whole chain of redirects after a form; the answer of a form
 * that leads out of our origin is therefore a page that continues (continue.ts), never a redirect.
 */
import type { RequestHandler } from 'express'
import helmet from 'helmet'

/** @param https whether browsers reach provider over https: only then is HSTS sent */
export function securityHeaders(https: boolean): RequestHandler[] {
  return [
    helmet({
      contentSecurityPolicy: {
        useDefaults: false,
        directives: {
          defaultSrc: ["'none'"],
          styleSrc: ["'self'"],
          imgSrc: ["'self'", 'data:'],
          scriptSrc: ["'self'"],
          connectSrc: ["'self'"],
          formAction: ["'self'"],
          baseUri: ["'none'"],
          frameAncestors: ["'none'"],
        },
      },
      referrerPolicy: { policy: 'no-referrer' },
      strictTransportSecurity: https ? { maxAge: 31_536_000, includeSubDomains: false } : false,
      xFrameOptions: { action: 'deny' },
    }),
    (_req, res, next) => {
      // Pages are about one person and one moment; static files say otherwise for themselves.
      res.setHeader('Cache-Control', 'no-store')
      res.setHeader('Permissions-Policy', 'camera=(), geolocation=(), microphone=()')
      next()
    },
  ]
}
