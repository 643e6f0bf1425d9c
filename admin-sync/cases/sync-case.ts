/**
 * The job `sync-case`: one pass over one case. Reads the case, what Cofacering says of its login, and the users
 * concerned; plans (plan.ts); writes the database in one transaction, then the users; and says what it did.
 *
 * Whatever could not be read ends the pass before anything is written (invariant 14). A pass that is repeated, or runs
 * after one that was killed anywhere, finds what is left to do: the plan is made from what is there.
 */
import { UpstreamError } from '../../core/errors.ts'
import { isForbidden } from '../keycloak/connect.ts'
import type { Attributes } from './attributes.ts'
import { applyPlan, markUnmarked, readCase } from './case-store.ts'
import type { CaseFacts, LegacyFacts, UserFacts } from './facts.ts'
import type { CaseCheckpoint, CaseDependencies, CaseJob } from './job.ts'
import { changesDatabase, planCase, type Plan } from './plan.ts'

export type PassDependencies = Pick<
  CaseDependencies,
  'pool' | 'keycloak' | 'reader' | 'legacy' | 'providerUrl' | 'log'
> & { tickets: { connector: string } }

export type PassReport = {
  facts: CaseFacts
  plan: Plan
  /** Users written. */
  written: string[]
  /** The help desk was asked to be told something. */
  pushed: boolean
}

export const syncCase: CaseJob = (dependencies, id, _checkpoint) =>
  dependencies.hold(`case:${id}`, async (checkpoint) => {
    const report = await passCase(dependencies, id, checkpoint)
    if (!report) return 'gone'
    return describe(report)
  })

/**
 * @returns `undefined` when there is no such case
 * @throws UpstreamError when something could not be read: nothing was changed; or a user could not be written
 */
export async function passCase(
  dependencies: PassDependencies,
  id: string,
  checkpoint: CaseCheckpoint = async () => {},
): Promise<PassReport | undefined> {
  const { pool, log, tickets } = dependencies
  const planned = await rehearseCase(dependencies, id)
  if (!planned) return undefined
  const { facts, plan } = planned
  let pushed = false
  await checkpoint('store')
  if (changesDatabase(plan, facts)) pushed = await applyPlan(pool, facts, plan, tickets.connector)
  const written: string[] = []
  for (const { userId, attributes } of plan.users) {
    await checkpoint('write-user')
    if (await writeUser(dependencies, userId, attributes)) written.push(userId)
  }
  if (plan.unmark) {
    await checkpoint('unmarked')
    await markUnmarked(pool, id)
  }
  for (const user of plan.protectedUsers) log.warn({ event: 'case.user_protected', case: id, user })
  return { facts, plan, written, pushed }
}

/** Reads all and plans; writes nothing. */
export async function rehearseCase(
  dependencies: PassDependencies,
  id: string,
): Promise<{ facts: CaseFacts; plan: Plan } | undefined> {
  const { pool, providerUrl } = dependencies
  const facts = await readCase(pool, id)
  if (!facts) return undefined
  const [legacy, users] = await Promise.all([readLegacy(dependencies, facts), readUsers(dependencies, facts)])
  return { facts, plan: planCase(facts, legacy, users, { providerUrl }) }
}

async function readLegacy({ legacy }: PassDependencies, { account }: CaseFacts): Promise<LegacyFacts> {
  const login = await legacy.findLogin(account)
  return { login, contract: login && (await legacy.findContract(login.contract)) }
}

/** Asked with the operator's account, which may not see protected users: these are left, and the plan names them. */
async function readUsers({ keycloak }: PassDependencies, facts: CaseFacts): Promise<UserFacts> {
  const users: UserFacts = new Map()
  for (const { userId } of facts.users)
    try {
      const user = await keycloak.getUser(userId)
      users.set(userId, user ? ((user.attributes ?? {}) as Record<string, string[]>) : 'gone')
    } catch (error) {
      if (!isForbidden(error)) throw error
      users.set(userId, 'protected')
    }
  return users
}

/** What somebody set since the user was read survives. */
async function writeUser(
  { keycloak }: PassDependencies,
  userId: string,
  wanted: Attributes,
): Promise<boolean> {
  let changed = false
  try {
    const written = await keycloak.updateUserMerged(userId, (user) => {
      const current = (user.attributes ?? {}) as Record<string, string[]>
      const attributes = { ...wanted }
      // Knowledge that came since the plan was made is not overwritten.
      if (current['shared_login']?.[0] === 'false') delete attributes['shared_login']
      if (attributes['contract'])
        attributes['contract'] = [...new Set([...(current['contract'] ?? []), ...attributes['contract']])]
      changed = Object.keys(attributes).length > 0
      return changed ? { attributes } : undefined
    })
    return changed && written !== undefined
  } catch (error) {
    // Made an administrator's since it was read: the next pass says so.
    if (isForbidden(error)) return false
    if (error instanceof UpstreamError && error.code === 'not_found') return false
    throw error
  }
}

function describe({ plan, written, pushed }: PassReport): string {
  const parts = [
    ...(plan.ticket ? [`ticket_${plan.ticket}`] : []),
    ...(plan.close ? ['closed'] : []),
    ...(plan.requests.length > 0 ? ['requests'] : []),
    ...(pushed ? ['push'] : []),
    ...(written.length > 0 ? ['users'] : []),
  ]
  return parts.join(',') || 'nothing'
}
