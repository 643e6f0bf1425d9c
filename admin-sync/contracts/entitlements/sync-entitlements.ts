/**
 * The job `sync-entitlements`: reports, analyses, score and countries of a contract onto the users of its people.
 *
 * Its people are whoever holds a login of it, and whoever an administrator gave it to in the console. Each user gets
 * what all their contracts give together, so it does not matter which of them changed, nor in which order jobs run. A
 * user that is right already is not written; a protected account is left, and named; one that is gone is gone.
 */
import { UpstreamError } from '../../../core/errors.ts'
import type { CaseCheckpoint } from '../../cases/job.ts'
import { isForbidden, isNotFound } from '../../keycloak/connect.ts'
import type { User } from '../../keycloak/representations.ts'
import type { ContractDependencies, ContractJob } from '../job.ts'
import { listContracts, planEntitlements, unknownUser, type Attributes } from './entitlements.ts'
import { attributesOf, findContract, listHolders, readRights, readStandings } from './store.ts'

const pageSize = 100

export const syncEntitlements: ContractJob = async (dependencies, id, checkpoint) => {
  const contract = await findContract(dependencies.pool, id)
  if (contract === undefined) return 'gone'
  let written = 0
  let failure: UpstreamError | undefined
  for await (const users of listPeople(dependencies, contract)) {
    await checkpoint('compare')
    for (const user of await findOutdated(dependencies, users))
      try {
        if (await writeUser(dependencies, user)) written++
      } catch (error) {
        // One user that Keycloak refuses keeps nothing from the others.
        if (!(error instanceof UpstreamError) || error.disposition === 'retry') throw error
        failure = error
        dependencies.log.warn({ event: 'entitlements.refused', user, err: error })
      }
  }
  if (failure) throw failure
  return written === 0 ? 'nothing' : `written:${written}`
}

/** Each user once, with attributes, as the reader's account sees them: protected ones too. */
async function* listPeople({ pool, reader }: ContractDependencies, contract: string): AsyncGenerator<User[]> {
  const seen = new Set<string>()
  for (let first = 0; ; first += pageSize) {
    const page = await reader.listUsers({ q: `contract:${quote(contract)}`, first, max: pageSize })
    const found = page.filter(
      (user) => !seen.has(user.id) && attributesOf(user)['contract']?.includes(contract),
    )
    for (const { id } of found) seen.add(id)
    if (found.length > 0) yield found
    if (page.length < pageSize) break
  }
  // A user that does not show the contract: somebody took it away in the console, or the pages shifted.
  for (let after = ''; ;) {
    const ids = await listHolders(pool, contract, after, pageSize)
    const users: User[] = []
    for (const id of ids.filter((one) => !seen.has(one))) {
      const user = await reader.getUser(id)
      if (user) users.push(user)
    }
    if (users.length > 0) yield users
    const last = ids.at(-1)
    if (last === undefined || ids.length < pageSize) return
    after = last
  }
}

/**
 * Keycloak's syntax of a query: in quotes a backslash takes the meaning from what follows. Not every value is found in
 * this way (one with a backslash, and letters beyond ASCII, which Keycloak and its database write small differently):
 * whoever holds a login is found by our database anyway.
 */
const quote = (value: string) => `"${value.replaceAll(/["\\]/g, String.raw`\$&`)}"`

/** Ids of those that are to be written. */
async function findOutdated({ pool }: ContractDependencies, users: readonly User[]): Promise<string[]> {
  const standings = await readStandings(
    pool,
    users.map(({ id }) => id),
  )
  const contractsOf = (user: User) =>
    listContracts(attributesOf(user)['contract'] ?? [], standings.get(user.id) ?? unknownUser)
  const rights = await readRights(pool, [...new Set(users.flatMap(contractsOf))])
  return users
    .filter((user) => {
      const contracts = contractsOf(user)
      return Object.keys(planUser(user, contracts, rights)).length > 0
    })
    .map(({ id }) => id)
}

/** The attribute `contract` has at least what the claims have. */
function planUser(
  user: User,
  contracts: readonly string[],
  rights: Parameters<typeof planEntitlements>[2],
): Attributes {
  const current = attributesOf(user)
  const listed = current['contract'] ?? []
  const missing = contracts.filter((contract) => !listed.includes(contract))
  return {
    ...planEntitlements(current, contracts, rights),
    ...(missing.length > 0 && { contract: [...listed, ...missing] }),
  }
}

/** Alone on the user: of two jobs at once, the one that knew less must not be the last to write. */
function writeUser({ pool, keycloak, log, hold }: ContractDependencies, userId: string): Promise<boolean> {
  return hold(`user:${userId}`, async (checkpoint: CaseCheckpoint) => {
    await checkpoint('write-user')
    let changed = false
    try {
      const written = await keycloak.updateUserMerged(userId, async (user) => {
        const standing = (await readStandings(pool, [userId])).get(userId) ?? unknownUser
        const contracts = listContracts(attributesOf(user)['contract'] ?? [], standing)
        const attributes = planUser(user, contracts, await readRights(pool, contracts))
        changed = Object.keys(attributes).length > 0
        return changed ? { attributes } : undefined
      })
      return changed && written !== undefined
    } catch (error) {
      if (isNotFound(error)) return false
      if (!isForbidden(error)) throw error
      log.warn({ event: 'entitlements.user_protected', user: userId })
      return false
    }
  })
}
