/** What app.ts mounts: the handlers of the screens, by name. provider/screens/ and provider/staff/ make them from the dependencies. */
import type { RequestHandler } from 'express'

type Get<Names extends string> = Record<Names, RequestHandler>

export type Screens = {
  login: Get<'show' | 'submit' | 'showInteraction' | 'submitInteraction' | 'cancelInteraction'>
  redirection: Get<'show' | 'submit'>
  moved: Get<'show'>
  /** Saving the old messages of a login: before the move, and after it. */
  messages: Get<'showLogin' | 'saveLogin' | 'show' | 'save' | 'signIn' | 'callback' | 'signOut'>
  desk: Get<'show'>
  help: Get<'show'>
  /** GET /activation/continue: where Keycloak's own pages lead back to. */
  resume: Get<'show'>
  /** The "mail sent" page of an activation: resend, and correct the address. */
  sent: Get<'show' | 'resend' | 'showAddress' | 'submitAddress'>
  confirmation: Get<'show' | 'submit'>
  opening: Get<'show'>
  withdraw: Get<'show' | 'submit'>
  /** An activation that met a login with a holder, and became a request. */
  waiting: Get<'show' | 'submit' | 'resend'>
  /** Adding the contract to an account that exists. */
  contract: Get<'show' | 'submit' | 'showAdding' | 'submitAdding' | 'callback' | 'showSwitch'>
  /** Asking for an access of one's own. */
  access: Get<'show' | 'submit' | 'showSent'>
  accessProof: Get<'show' | 'submit'>
  accessWithdraw: Get<'show' | 'submit'>
  /** The state of a request. */
  accessRequest: Get<'show' | 'resend'>
  /** What the holder of a login is asked. */
  holder: Get<'show' | 'submit'>
  /** The agents' pages. */
  staff: Get<
    'list' | 'signIn' | 'callback' | 'signOut' | 'case' | 'decide' | 'decision' | 'migration' | 'left'
  >
}
