/** What every screen is given: the dependencies of provider, and what the screens share among themselves. */
import { createAdditions, type Additions } from '../activation/additions.ts'
import { createBrowserSecrets, type BrowserSecrets } from '../activation/browser-secrets.ts'
import { createSignIns, type SignIn, type SignIns } from '../activation/sign-ins.ts'
import { createVerifiers, type Verifiers } from '../activation/verifier.ts'
import type { Dependencies } from '../dependencies.ts'
import { createMessageStore, type MailboxSize, type MessageStore } from '../messages/store.ts'
import type { Request } from 'express'
import { createFlashes, type Flashes } from './flash.ts'

export type ScreenParts = Dependencies & {
  additions: Additions
  secrets: BrowserSecrets
  signIns: SignIns
  verifiers: Verifiers
  flashes: Flashes
  messages: MessageStore
  /** The portal's route that signs a person in at Keycloak. */
  portalSignIn: string
  /** Keycloak's page that asks whoever is signed in there to leave, and leads back to /activation/continue. */
  keycloakSignOut: string
}

export function createScreenParts(dependencies: Dependencies): ScreenParts {
  const { config, cookies, pool } = dependencies
  return {
    ...dependencies,
    additions: createAdditions(pool),
    secrets: createBrowserSecrets(cookies, config.PROVIDER_COOKIE_KEY),
    signIns: createSignIns(pool),
    verifiers: createVerifiers(config.PROVIDER_VERIFIER_KEY),
    flashes: createFlashes(cookies, config.PROVIDER_COOKIE_KEY),
    messages: createMessageStore(pool),
    portalSignIn: `${config.PORTAL_URL}/sign-in`,
    keycloakSignOut: `${config.KEYCLOAK_URL}/realms/${config.KEYCLOAK_REALM}/protocol/openid-connect/logout?client_id=activation`,
  }
}

/** What the legacy directory told about the person at this browser, not long ago. */
export async function currentSignIn(parts: ScreenParts, req: Request): Promise<SignIn | undefined> {
  const hash = parts.secrets.signInHash(req)
  return hash && parts.signIns.find(hash)
}

/** Old messages that the person at this browser may save now; `undefined` when there are none. */
export async function currentMailbox(parts: ScreenParts, req: Request): Promise<MailboxSize | undefined> {
  const hash = parts.secrets.signInHash(req)
  return hash && parts.messages.loginMailbox(hash)
}

/** What is known of the login that was signed in with, seen from this browser. */
export function currentFacts(parts: ScreenParts, req: Request, { account, knownDomains }: SignIn) {
  return parts.store.loginFacts(account, parts.secrets.activationHash(req), knownDomains)
}
