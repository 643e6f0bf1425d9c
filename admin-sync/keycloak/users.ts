/**
 * What the jobs do with accounts, over the Admin REST API.
 *
 * Reads answer `undefined` for what is not there. Commands on a user that is gone throw (`isNotFound`), except the
 * ones that take something away, which are done then. Nothing here decides: the jobs do.
 *
 * With the operator's account, a protected account (an administrator's) is absent from every search and answers 403
 * (`isForbidden`) by id; creating a user with its address answers 409 (`isConflict`).
 */
import type {
  Credential,
  FederatedIdentity,
  Group,
  Role,
  RoleMappings,
  User,
  UserDraft,
} from './representations.ts'
import { at, isNotFound, type Transport } from './transport.ts'

/** Keycloak sends the mail within the call, and waits for each answer of the mail server (realm/settings.ts). */
const mailTimeoutMs = 60_000

export type ActionMail = {
  /** Client whose redirect URIs allow `redirectUri`. */
  clientId: string
  redirectUri: string
  /** How long the link lives. */
  lifespanSeconds: number
}
/**
 * Keys to change. `attributes` are merged one by one (`undefined` or `[]` removes one); every other key replaces what
 * the user had, `requiredActions` included. `credentials` are added, in Keycloak's hashed or plain form.
 */
export type UserChange = Omit<UserDraft, 'id' | 'attributes'> & {
  attributes?: Record<string, string[] | undefined>
}
export type UserPage = {
  first: number
  max: number
  /** `key:value` pairs on attributes, all of which must hold; exact, whatever the case. */
  q?: string
  /** Without attributes, and 1.5 times cheaper. */
  brief?: boolean
}
export type Users = ReturnType<typeof createUsers>

/** @param users path of the realm, such as `/realms/ellipro`. */
export function createUsers(transport: Transport, realmPath: string) {
  const base = `${realmPath}/users`
  const get = async <T>(path: string, query?: Record<string, string | number | boolean>) =>
    (await transport.send('GET', `${base}${path}`, query ? { query } : {})).data as T
  const find = async <T>(path: string): Promise<T | undefined> => absent(get<T>(path))
  const remove = async (path: string) => absent(transport.send('DELETE', `${base}${path}`))
  const sendMail = async (path: string, mail: ActionMail, body?: unknown) => {
    await transport.send('PUT', `${base}${path}`, {
      // The server reads `lifespan` from the query only.
      query: { client_id: mail.clientId, redirect_uri: mail.redirectUri, lifespan: mail.lifespanSeconds },
      timeoutMs: mailTimeoutMs,
      ...(body !== undefined && { body }),
    })
  }

  const users = {
    /** Compares the whole address, whatever its case. */
    async findUserByEmail(email: string): Promise<User | undefined> {
      const found = await get<User[]>('', { email, exact: true })
      return found.find((user) => user.email?.toLowerCase() === email.toLowerCase())
    },
    getUser: (id: string): Promise<User | undefined> => find<User>(at`/${id}`),
    /** One page, by username. Pages shift while users are written: take each id once, and close gaps by events. */
    listUsers: (page: UserPage): Promise<User[]> =>
      get<User[]>('', {
        first: page.first,
        max: page.max,
        briefRepresentation: page.brief ?? false,
        ...(page.q !== undefined && { q: page.q }),
      }),
    countUsers: (q?: string): Promise<number> => get<number>('/count', q === undefined ? {} : { q }),

    /**
     * Creates a user, its links and credentials included, in one transaction.
     * @returns its id @throws isConflict when the address or name is taken, by a protected account included.
     */
    async createUser(user: UserDraft): Promise<string> {
      const { id } = await transport.send('POST', base, { body: user })
      if (id === undefined) throw new Error('Keycloak created a user and did not say which')
      return id
    },

    /**
     * Changes some keys of a user and keeps the others: Keycloak's PUT replaces the whole user, so this reads it,
     * merges and writes it whole. What someone else writes in these milliseconds is lost (Keycloak has no ETag).
     * @param change may look at the user as it is now; `undefined` from it changes nothing.
     * @returns the user as written, or `undefined` when there is none.
     */
    async updateUserMerged(
      id: string,
      change: UserChange | ((user: User) => UserChange | undefined | Promise<UserChange | undefined>),
    ): Promise<User | undefined> {
      const user = await users.getUser(id)
      if (!user) return undefined
      const wanted = typeof change === 'function' ? await change(user) : change
      if (wanted === undefined) return user
      const merged = mergeUser(user, wanted)
      await transport.send('PUT', `${base}${at`/${id}`}`, { body: merged })
      return merged
    },

    async deleteUser(id: string): Promise<void> {
      await remove(at`/${id}`)
    },

    /** Keycloak's own confirmation mail; the user must be enabled. */
    sendVerifyEmail: (id: string, mail: ActionMail): Promise<void> =>
      sendMail(at`/${id}/send-verify-email`, mail),
    /** Works on an address that is verified already, which `sendVerifyEmail` does not. */
    executeActionsEmail: (id: string, actions: readonly string[], mail: ActionMail): Promise<void> =>
      sendMail(at`/${id}/execute-actions-email`, mail, actions),

    /** Online sessions. */
    countSessions: async (id: string): Promise<number> => (await get<unknown[]>(at`/${id}/sessions`)).length,
    /** Ends every session of the user, and tells the applications by back-channel. */
    async logoutUser(id: string): Promise<void> {
      await absent(transport.send('POST', `${base}${at`/${id}/logout`}`))
    },
    /** Withdraws every consent, and with each its client's offline tokens. */
    async revokeGrants(id: string): Promise<void> {
      const grants = await find<{ clientId: string }[]>(at`/${id}/consents`)
      for (const { clientId } of grants ?? []) await remove(at`/${id}/consents/${clientId}`)
    },

    listCredentials: (id: string): Promise<Credential[]> => get<Credential[]>(at`/${id}/credentials`),
    async deleteCredential(id: string, credentialId: string): Promise<void> {
      await remove(at`/${id}/credentials/${credentialId}`)
    },

    listFederatedIdentities: (id: string): Promise<FederatedIdentity[]> =>
      get<FederatedIdentity[]>(at`/${id}/federated-identity`),
    /**
     * Keycloak does not check that no other user has this `userId`, and breaks when one has: ask
     * `findUsersByFederatedIdentity` first.
     * @throws isConflict when this user is linked with that provider already.
     */
    async addFederatedIdentity(id: string, link: FederatedIdentity): Promise<void> {
      await transport.send('POST', `${base}${at`/${id}/federated-identity/${link.identityProvider}`}`, {
        body: link,
      })
    },
    async deleteFederatedIdentity(id: string, identityProvider: string): Promise<void> {
      await remove(at`/${id}/federated-identity/${identityProvider}`)
    },
    /** One page of the users that have a link with that provider, whatever their subject; without attributes. */
    listLinkedUsers: (identityProvider: string, page: { first: number; max: number }): Promise<User[]> =>
      get<User[]>('', { idpAlias: identityProvider, briefRepresentation: true, ...page }),
    findUsersByFederatedIdentity: (identityProvider: string, sub: string): Promise<User[]> =>
      get<User[]>('', { idpAlias: identityProvider, idpUserId: sub }),

    listGroups: (id: string): Promise<Group[]> => get<Group[]>(at`/${id}/groups`),
    /** Roles of the realm that the user has by itself, by a group or inside another role. `undefined`: no such user. */
    listEffectiveRoles: (id: string): Promise<Role[] | undefined> =>
      find<Role[]>(at`/${id}/role-mappings/realm/composite`),
    /**
     * Roles given to the user itself, not through groups or composites; `default-roles-<realm>` is among them.
     * Keycloak leaves out, with status 200, what the
     * account in use may not see: the reader sees roles of the realm and of realm-management, the operator none.
     */
    listRoleMappings: (id: string): Promise<RoleMappings> => get<RoleMappings>(at`/${id}/role-mappings`),
  }
  return users
}

/**
 * What is written back: pure, so that the tests can show which keys survive. `enabled` and `emailVerified` are left out
 * unless they are to change: Keycloak keeps what is not said, so an account that is disabled between the read and the
 * write stays disabled.
 */
export function mergeUser(user: User, change: UserChange): User {
  const { attributes, ...keys } = change
  const { enabled: _enabled, emailVerified: _emailVerified, ...kept } = user
  const merged: User = { ...kept, ...keys }
  if (attributes) {
    const all: Record<string, string[]> = { ...(user.attributes as Record<string, string[]> | undefined) }
    for (const [name, values] of Object.entries(attributes))
      if (values === undefined || values.length === 0) delete all[name]
      else all[name] = values
    merged.attributes = all
  }
  return merged
}

async function absent<T>(answer: Promise<T>): Promise<T | undefined> {
  try {
    return await answer
  } catch (error) {
    if (isNotFound(error)) return undefined
    throw error
  }
}
