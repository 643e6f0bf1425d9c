/**
 * Who is an agent: somebody whose ID token says so, and whose account says so now. The token alone would keep the role
 * alive for whom it was taken from a minute ago; the account alone says nothing about who is at the browser.
 */
import { isForbidden } from '../keycloak/connect.ts'
import type { Keycloak } from '../keycloak/connect.ts'
import type { Expected, VerifyIdToken } from '../identity/verify-id-token.ts'
import { agentRole } from '../realm/roles.ts'

export type Agent = {
  userId: string
  /** For the history and for colleagues: first and last name, or else the address. */
  name: string
  /** As Keycloak has it now; `undefined` for an account without one. */
  address: string | undefined
}
export type Identified =
  | { status: 'agent'; agent: Agent }
  /** `not_agent`, `account_gone`, `account_disabled`, or `token_` and why the token does not count. */
  | { status: 'refused'; code: string; userId: string | undefined }

export type AgentDependencies = { reader: Keycloak; verifyIdToken: VerifyIdToken }

/** @throws UpstreamError when Keycloak could not be asked */
export async function identifyAgent(
  { reader, verifyIdToken }: AgentDependencies,
  idToken: string,
  expected: Expected,
): Promise<Identified> {
  const verification = await verifyIdToken(idToken, expected)
  if (verification.status === 'refused')
    return { status: 'refused', code: `token_${verification.code}`, userId: undefined }
  const { userId, roles } = verification.identity
  if (!roles.includes(agentRole)) return { status: 'refused', code: 'not_agent', userId }
  return readAgent({ reader }, userId)
}

/** What the account says now, for a decision that was verified before. @throws UpstreamError as above */
export async function readAgent(
  { reader }: Pick<AgentDependencies, 'reader'>,
  userId: string,
): Promise<Identified> {
  const refuse = (code: string): Identified => ({ status: 'refused', code, userId })
  try {
    const [user, roles] = await Promise.all([reader.getUser(userId), reader.listEffectiveRoles(userId)])
    if (!user || !roles) return refuse('account_gone')
    if (user.enabled !== true) return refuse('account_disabled')
    if (!roles.some(({ name }) => name === agentRole)) return refuse('not_agent')
    const address = user.email === undefined || user.email === '' ? undefined : user.email
    const name = [user.firstName, user.lastName].filter(Boolean).join(' ').trim()
    return { status: 'agent', agent: { userId, address, name: name || address || user.username } }
  } catch (error) {
    // The reader may read every account; should its rights be cut, nobody is an agent by that.
    if (isForbidden(error)) return refuse('not_agent')
    throw error
  }
}
