/**
 * The OP: oidc-provider for exactly one RP, Keycloak.
 */
import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http'

export type Op = {
  /** Mounted at /oidc, before any body parser. */
  handler: RequestListener
  /** What an interaction page needs; `undefined` when the interaction expired or belongs to another browser. */
  details(
    req: IncomingMessage,
    res: ServerResponse,
  ): Promise<{ uid: string; loginHint?: string; uiLocales?: string } | undefined>
  /**
   * Ends this interaction as `sub`, whose proof the caller has just taken: 303 on.
   * @throws ScreenError `error.interaction`, when the interaction is gone
   */
  finish(req: IncomingMessage, res: ServerResponse, sub: string): Promise<void>
  /** Back to Keycloak's login page (`access_denied`): 303 on. */
  abort(req: IncomingMessage, res: ServerResponse): Promise<void>
}
