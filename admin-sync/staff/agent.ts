/**
 * Who is one of Ellipro's own people, and what for: an agent (role relation-client), a lead of the migration (role
 * migration-lead), or both. A role counts when the ID token says so, and the account says so now. The token alone would
 * keep the role alive for whom it was taken from a minute ago; the account alone says nothing about who is at the browser.
 */
import { isForbidden } from '../keycloak/connect.ts'
import type { Keycloak } from '../keycloak/connect.ts'
import type { Expected, VerifyIdToken } from '../identity/verify-id-token.ts'
import { agentRole, leadRole } from '../realm/roles.ts'

export type Agent = {
  userId: string
  /** For the history and for colleagues: first and last name, or else the address. */
  name: string
  /** As Keycloak has it now; `undefined` for an account without one. */
  address: string | undefined
  /** May see and decide cases. */
  isAgent: boolean
  /** May see the migration as a whole. */
  isLead: boolean
}
export type Identified =
  | { status: 'agent'; agent: Agent }
  /** `not_agent` (none of the roles that count), `account_gone`, `account_disabled`, or `token_` and why the token does not count. */
  | { status: 'refused'; code: string; userId: string | undefined }

export type AgentDependencies = { reader: Keycloak; verifyIdToken: VerifyIdToken }

/**
 * Somebody with at least one of the roles, and which.
 * @throws UpstreamError when Keycloak could not be asked
 */
export async function identifyStaff(
  { reader, verifyIdToken }: AgentDependencies,
  idToken: string,
  expected: Expected,
): Promise<Identified> {
  const verification = await verifyIdToken(idToken, expected)
  if (verification.status === 'refused') return refuse(`token_${verification.code}`)
  const { userId, roles } = verification.identity
  if (!isStaff(roles)) return refuse('not_agent', userId)
  const found = await readStaff(reader, userId)
  return found.status === 'agent' ? withRoles(found.agent, roles) : found
}

/** As identifyStaff, for what only an agent may do. @throws UpstreamError as above */
export const identifyAgent = async (
  dependencies: AgentDependencies,
  idToken: string,
  expected: Expected,
): Promise<Identified> => needsAgent(await identifyStaff(dependencies, idToken, expected))

/** What the account says now, for a decision that was verified before. @throws UpstreamError as above */
export const readAgent = async (
  { reader }: Pick<AgentDependencies, 'reader'>,
  userId: string,
): Promise<Identified> => needsAgent(await readStaff(reader, userId))

async function readStaff(reader: Keycloak, userId: string): Promise<Identified> {
  try {
    const [user, roles] = await Promise.all([reader.getUser(userId), reader.listEffectiveRoles(userId)])
    if (!user || !roles) return refuse('account_gone', userId)
    if (user.enabled !== true) return refuse('account_disabled', userId)
    const address = user.email === undefined || user.email === '' ? undefined : user.email
    const name = [user.firstName, user.lastName].filter(Boolean).join(' ').trim()
    const everything = { isAgent: true, isLead: true }
    return withRoles(
      { userId, address, name: name || address || user.username, ...everything },
      roles.flatMap(({ name: role }) => role ?? []),
    )
  } catch (error) {
    // The reader may read every account; should its rights be cut, nobody is an agent by that.
    if (isForbidden(error)) return refuse('not_agent', userId)
    throw error
  }
}

/** What is left of somebody's roles when only these count. */
function withRoles(agent: Agent, roles: readonly string[]): Identified {
  const isAgent = agent.isAgent && roles.includes(agentRole)
  const isLead = agent.isLead && roles.includes(leadRole)
  if (!isAgent && !isLead) return refuse('not_agent', agent.userId)
  return { status: 'agent', agent: { ...agent, isAgent, isLead } }
}

const isStaff = (roles: readonly string[]) => roles.includes(agentRole) || roles.includes(leadRole)

const needsAgent = (found: Identified): Identified =>
  found.status === 'agent' && !found.agent.isAgent ? refuse('not_agent', found.agent.userId) : found

const refuse = (code: string, userId?: string): Identified => ({ status: 'refused', code, userId })
