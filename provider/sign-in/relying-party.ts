/**
 * provider as an RP of Keycloak: the end of an activation.
 */
import type { Request, Response, Router } from 'express'

export type RelyingParty = {
  /**
   * Starts the sign-in that ends an activation. The caller has minted the proof for `handle` and set its cookie.
   * Answers with a page that continues to Keycloak, or throws UpstreamError when Keycloak cannot be reached.
   */
  start(req: Request, res: Response, o: { activationId: string; handle: string }): Promise<void>
  /** GET /callback, GET /switch, POST /switch: mounted at /sign-in. */
  routes: Router
}
