/**
 * The pages of the agents of the Service Relation Client: sign-in with the role `relation-client`, the list of cases, a
 * case, and a decision; and, for the role `migration-lead`, the migration as a whole. They decide nothing: who is an agent, and whether a decision counts, is what admin-sync makes
 * of ID tokens that provider only carries; and what the database shows depends on the session that admin-sync granted.
 *
 *   sign-in.ts     sign-in, callback, sign-out        session.ts     who is an agent, or must wait, or is refused
 *   list/          GET /staff                         case/          GET /staff/cases/{id}
 *   migration/     GET /staff/migration, POST /staff/migration/left
 *   decision.ts    the round trip of a decision       decision-form.ts  what can be decided (pure)
 *   kept.ts        the cookies                        return-path.ts    where a sign-in leads back to (pure)
 */
import type { ScreenParts } from '../screens/parts.ts'
import { createSeal } from '../seal.ts'
import { createKeycloakRp } from '../sign-in/keycloak.ts'
import type { Screens } from '../web/screen.ts'
import { casePage } from './case/route.ts'
import { decisionRoutes } from './decision.ts'
import { createStaffCookies } from './kept.ts'
import { listPage } from './list/route.ts'
import { migrationRoutes } from './migration/route.ts'
import { createMigrationStore } from './migration/store.ts'
import { createGuard } from './session.ts'
import { signInRoutes } from './sign-in.ts'
import { createStaffStore } from './store.ts'

export function staffRoutes(dependencies: ScreenParts): Screens['staff'] {
  const { config, log, now, pool, flashes } = dependencies
  const cookies = createStaffCookies(
    dependencies.cookies,
    createSeal(config.PROVIDER_COOKIE_KEY, 'staff'),
    now,
  )
  const store = createStaffStore(pool)
  const keycloak = createKeycloakRp(config, now, { callback: '/staff/callback', signedOut: '/staff/sign-in' })
  const keycloakSignOut = `${config.KEYCLOAK_URL}/realms/${config.KEYCLOAK_REALM}/protocol/openid-connect/logout?${new URLSearchParams(
    { client_id: 'cofacering-provider', post_logout_redirect_uri: `${config.PROVIDER_URL}/staff/sign-in` },
  ).toString()}`
  const guard = createGuard({ cookies, store, log, keycloakSignOut })
  const parts = { cookies, store, guard, keycloak, flashes, log, now, keycloakSignOut }
  const { show: signIn, callback, signOut } = signInRoutes(parts)
  const { submit: decide, show: decision } = decisionRoutes(parts)
  const showList = listPage(parts)
  const { show, download } = migrationRoutes({ store: createMigrationStore(pool), log, now })
  return {
    // The page where a sign-in ends: a lead who is no agent has another one.
    list: guard.page(
      async (agent, req, res) =>
        agent.isAgent ? showList(agent, req, res) : res.redirect(303, '/staff/migration'),
      'either',
    ),
    case: guard.page(casePage(parts)),
    decide,
    decision,
    signIn,
    callback,
    signOut,
    migration: guard.page(show, 'lead'),
    left: guard.page(download, 'lead'),
  }
}
