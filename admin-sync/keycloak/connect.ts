/**
 * The one door to Keycloak's Admin REST API: `connect` gives what the jobs and the realm need, and nothing else in
 * the repository makes such a call.
 *
 * Why not the official client, of which only the types are used: on 26.7.5 its `sendVerifyEmail` puts `lifespan` where
 * the server does not read it, a time limit and a lost connection are errors of three different kinds, a missing
 * object is `null` for some calls and an exception for others, its token refresh is not shared between callers, and
 * the calls for roles of groups and for whole languages are missing. One `send` with one set of typed failures is
 * shorter than the wrapper that all this would need. docs/decisions may be asked again with each of its releases.
 *
 *   transport.ts  token, time limits, failures as UpstreamError      users.ts   accounts
 *   realm.ts      what realm as code reads and writes                events.ts  the event logs
 */
import { createEvents } from './events.ts'
import { createRealmAdmin, type RealmAdmin } from './realm.ts'
import { createTransport, type Account, type OnAnswer } from './transport.ts'
import { createUsers, type Users } from './users.ts'

export type { Account, OnAnswer } from './transport.ts'
export { isConflict, isForbidden, isNotFound } from './transport.ts'
export type { ActionMail, UserChange, UserPage } from './users.ts'

export type Keycloak = Users &
  ReturnType<typeof createEvents> & {
    /** Settings of the realm: only for an administrator's account. */
    realm: RealmAdmin
    /** Keycloak user id of the account in use. */
    subject(): Promise<string>
  }

/** Makes no call yet: the first one asks for a token. `url` has no trailing slash. */
export function connect(options: {
  url: string
  realm: string
  credential: Account
  onAnswer?: OnAnswer
}): Keycloak {
  const transport = createTransport(options.url, options.realm, options.credential, options.onAnswer)
  const realmPath = `/realms/${encodeURIComponent(options.realm)}`
  return {
    ...createUsers(transport, realmPath),
    ...createEvents(transport, realmPath),
    realm: createRealmAdmin(transport, options.realm),
    subject: () => transport.subject(),
  }
}
