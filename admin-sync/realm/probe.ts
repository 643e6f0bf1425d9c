/**
 * `realm probe`: proves on the running server that the operator account can do what the jobs need and nothing more, that
 * the account for the workspace can do nothing here, and names the administrators that the operator could reach. admin-sync runs it at its start; anyone may at any time. Each
 * check is a real call. A user made for it is disabled, has an address of a domain that cannot exist, and is deleted.
 *
 * "Refused" means 403 from Keycloak. Whatever else comes instead, a time limit included, is not a refusal: an
 * unreachable server throws, and concludes nothing.
 */
import { randomUUID } from 'node:crypto'
import { connect, isForbidden, type Keycloak } from '../keycloak/connect.ts'
import { UpstreamError } from '../../core/errors.ts'
import { findAdministrators } from './administrators.ts'
import type { ProbeConfig } from './config.ts'
import { identityProviderAlias } from './identity-provider.ts'
import { managementClient, operatorClient, readerClient, workspaceClient } from './permissions.ts'
import { staffRoles } from './roles.ts'

export type ProbeCheck = {
  /** What must hold, as a sentence. */
  sentence: string
  passed: boolean
  /** What happened instead; empty when it passed. */
  found: string
}
export type ProbeReport = {
  passed: boolean
  checks: ProbeCheck[]
  /** Administrators whom the operator account can reach, for the eyes of an operator. */
  outside: { id: string; username: string }[]
}

/** @throws UpstreamError when Keycloak could not be asked, or does not know one of the accounts */
export async function probeRealm(config: ProbeConfig): Promise<ProbeReport> {
  const account = (clientId: string, clientSecret: string) =>
    connect({
      url: config.keycloakUrl,
      realm: config.realm,
      credential: { kind: 'client', clientId, clientSecret },
    })
  const operator = account(operatorClient, config.operatorSecret)
  const reader = account(readerClient, config.readerSecret)
  const workspace = account(workspaceClient, config.workspaceSecret)
  // All secrets are right, or nothing is concluded.
  await operator.subject()
  const readerId = await reader.subject()
  const workspaceId = await workspace.subject()
  const managementId = await findManagementClient(reader, readerId)

  const checks: ProbeCheck[] = []
  let probeUser: string | undefined
  const mustWork = async (sentence: string, call: () => Promise<unknown>) => {
    checks.push(await judge(sentence, call, (failure) => failure?.code ?? ''))
  }
  const mustBeRefused = async (sentence: string, call: () => Promise<unknown>) => {
    checks.push(
      await judge(sentence, call, (failure) =>
        failure ? (isForbidden(failure) ? '' : failure.code) : 'it was done',
      ),
    )
  }

  try {
    await mustWork('operator creates a user', async () => {
      const address = `probe-${randomUUID()}@probe.invalid`
      probeUser = await operator.createUser({ username: address, email: address, enabled: false })
    })
    if (probeUser !== undefined) {
      const user = probeUser
      await mustWork('operator reads and changes a user', () =>
        operator.updateUserMerged(user, { attributes: { locale: ['fr'] } }),
      )
      const roles = await reader.realm.listRoles()
      const managing = (await reader.realm.listClientRoles(managementId)).filter(
        ({ name }) => name === 'manage-users',
      )
      for (const wanted of staffRoles)
        await mustBeRefused(`operator cannot give role ${wanted}`, () =>
          operator.realm.addUserRealmRoles(
            user,
            roles.filter(({ name }) => name === wanted),
          ),
        )
      await mustBeRefused('operator cannot give an administrator role', () =>
        operator.realm.addUserClientRoles(user, managementId, managing),
      )
    }
    await mustBeRefused('operator cannot read the clients', () => operator.realm.listClients())
    await mustBeRefused('operator cannot make a client', async () => {
      const id = await operator.realm.createClient({ clientId: `probe-${randomUUID()}`, enabled: false })
      if (id !== undefined) await operator.realm.deleteClient(id)
    })
    await mustBeRefused('operator cannot read the identity provider', () =>
      operator.realm.findIdentityProvider(identityProviderAlias),
    )
    await mustBeRefused('operator cannot read events', () =>
      operator.listUserEvents({ fromMs: Date.now(), first: 0, max: 1 }),
    )
    // The reader's own account is in the protected group of every realm.
    await mustBeRefused('operator cannot read a protected account', () => operator.getUser(readerId))
    await mustBeRefused('operator cannot end the sessions of a protected account', () =>
      operator.logoutUser(readerId),
    )
    await mustBeRefused('reader cannot create a user', async () => {
      const id = await reader.createUser({ username: `probe-${randomUUID()}`, enabled: false })
      await reader.deleteUser(id)
    })
    const nothing: [what: string, call: () => Promise<unknown>][] = [
      ['read the realm', () => workspace.realm.readUserProfile()],
      ['list users', () => workspace.listUsers({ first: 0, max: 1 })],
      ['read its own account', () => workspace.getUser(workspaceId)],
      ['read the clients', () => workspace.realm.listClients()],
      ['read the roles', () => workspace.realm.listRoles()],
      ['read the client scopes', () => workspace.realm.listScopes()],
      ['read events', () => workspace.listUserEvents({ fromMs: Date.now(), first: 0, max: 1 })],
      [
        'create a user',
        async () => {
          const id = await workspace.createUser({ username: `probe-${randomUUID()}`, enabled: false })
          await operator.deleteUser(id)
        },
      ],
    ]
    for (const [what, call] of nothing) await mustBeRefused(`the workspace’s account cannot ${what}`, call)
  } finally {
    if (probeUser !== undefined) await operator.deleteUser(probeUser)
  }

  const administrators = await findAdministrators(reader.realm, managementId)
  checks.push({
    sentence: 'not every account is an administrator',
    passed: !administrators.everybody,
    found: administrators.everybody ? 'the default role of the realm contains an administrator role' : '',
  })
  return {
    passed: checks.every(({ passed }) => passed) && administrators.outside.length === 0,
    checks,
    outside: administrators.outside,
  }
}

/** @param explain '' when the outcome is the wanted one; its argument is `undefined` when the call worked */
async function judge(
  sentence: string,
  call: () => Promise<unknown>,
  explain: (failure: UpstreamError | undefined) => string,
): Promise<ProbeCheck> {
  let failure: UpstreamError | undefined
  try {
    await call()
  } catch (error) {
    if (!(error instanceof UpstreamError) || error.disposition === 'retry') throw error
    failure = error
  }
  const found = explain(failure)
  return { sentence, passed: found === '', found }
}

/** The reader may not list clients; its own roles name the one that it needs. */
async function findManagementClient(reader: Keycloak, readerId: string): Promise<string> {
  const { clientMappings } = await reader.listRoleMappings(readerId)
  const management = (clientMappings as Record<string, { id: string }> | undefined)?.[managementClient]
  if (!management) throw new UpstreamError('keycloak', 200, 'fail', 'reader_sees_no_roles')
  return management.id
}
