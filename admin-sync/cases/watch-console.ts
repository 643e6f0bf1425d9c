/**
 * `shared_login`, set or removed on a user by an administrator in Keycloak's console.
 *
 *   watchConsole  the cron job `watch-cases`, every minute: Keycloak's administrator events say that a user may have
 *                 changed. They are read from a cursor, some minutes over, each id once; only users of ours that somebody
 *                 else than we wrote are read. Costs what happened since, whatever the number of accounts
 *   sweepFlags    the cron job `sweep-cases`, every night: the truth. Every user with the flag, page by page, and every
 *                 user of an open case that is not among them. Events may be purged, cleared, or never written
 *
 * Neither writes to Keycloak: cases are opened or looked at again, and the pass of a case writes (sync-case.ts).
 */
import { UpstreamError } from '../../core/errors.ts'
import { isComplete } from '../accounts/sweep-plan.ts'
import type { AdminEvent, User } from '../keycloak/representations.ts'
import { planConsole, type ConsoleAction, type ConcernedUser } from './console-plan.ts'
import { createConsoleStore, type ConsoleStore } from './console-store.ts'
import type { CaseDependencies } from './job.ts'

export type WatchDependencies = Pick<CaseDependencies, 'pool' | 'reader' | 'keycloak' | 'log'>

/** `opened`: cases that the console asks for; `touched`: cases to look at again. */
export type WatchResult = { events: number; users: number; opened: number; touched: number }
export type FlagSweepResult = { users: number; missing: number; opened: number; touched: number }

const overlapMs = 5 * 60_000
const eventsAPage = 1000
const usersAPage = 1000
const query = 'shared_login:true'

/** @throws UpstreamError when Keycloak could not be asked: the cursor stays */
export async function watchConsole(dependencies: WatchDependencies): Promise<WatchResult> {
  const { pool, reader } = dependencies
  const store = createConsoleStore(pool)
  const cursor = await store.readCursor()
  const events = await readEvents(dependencies, store, cursor)
  const result: WatchResult = { events: events.length, users: 0, opened: 0, touched: 0 }
  if (events.length === 0) return result
  const own = await dependencies.keycloak.subject()
  const changed = new Set(
    events.filter(({ authDetails }) => authDetails?.userId !== own).flatMap((event) => userOf(event) ?? []),
  )
  for (const user of await store.listConcerned([...changed])) {
    const now = await reader.getUser(user.userId)
    if (!now) continue
    result.users++
    await follow(dependencies, store, user, planConsole(attributesOf(now), user), result)
  }
  const readUntil = new Date(events.reduce((newest, { time }) => Math.max(newest, time), cursor.getTime()))
  await store.recordHandled(events, readUntil)
  return result
}

/**
 * @throws UpstreamError when Keycloak could not be asked, or its list cannot be all: what was found missing is not followed
 */
export async function sweepFlags(
  dependencies: WatchDependencies & { signal?: AbortSignal },
): Promise<FlagSweepResult> {
  const { pool, reader, signal } = dependencies
  const store = createConsoleStore(pool)
  // Ours first: a user who is marked while the list is read is in it, or is looked at for nothing.
  const marked = await store.listMarked()
  const before = await reader.countUsers(query)
  const seen = new Set<string>()
  const result: FlagSweepResult = { users: 0, missing: 0, opened: 0, touched: 0 }
  // Until as many were seen as were counted, or a page brings nobody new.
  for (let first = 0, known = -1; seen.size > known && seen.size < before; first += usersAPage) {
    signal?.throwIfAborted()
    known = seen.size
    const page = new Map<string, User>()
    for (const user of await reader.listUsers({ first, max: usersAPage, q: query }))
      if (!seen.has(user.id)) page.set(user.id, user)
    for (const id of page.keys()) seen.add(id)
    for (const user of await store.listConcerned([...page.keys()]))
      await follow(dependencies, store, user, planConsole(attributesOf(page.get(user.userId)), user), result)
  }
  result.users = seen.size
  const after = await reader.countUsers(query)
  if (!isComplete({ before, read: seen.size, after }))
    throw new UpstreamError('keycloak', 200, 'retry', 'list_incomplete')
  const missing = marked.filter(({ userId }) => !seen.has(userId)).map(({ caseId }) => caseId)
  result.missing = missing.length
  await store.touch([...new Set(missing)])
  return result
}

/** Oldest first, each once, without those that were dealt with. */
async function readEvents(
  { reader }: WatchDependencies,
  store: ConsoleStore,
  cursor: Date,
): Promise<AdminEvent[]> {
  const events = new Map<string, AdminEvent>()
  for (let first = 0, length = eventsAPage; length === eventsAPage; first += eventsAPage) {
    const fromMs = cursor.getTime() - overlapMs
    const page = await reader.listAdminEvents({ fromMs, first, max: eventsAPage })
    for (const event of page) events.set(event.id, event)
    length = page.length
  }
  const handled = await store.listHandled([...events.keys()])
  return [...events.values()].filter(({ id }) => !handled.has(id))
}

/** Events of `partialImport` have another resource type; the path is the same. */
const userOf = ({ resourcePath, operationType }: AdminEvent): string | undefined =>
  operationType === 'UPDATE' || operationType === 'CREATE'
    ? /^users\/([^/]+)$/.exec(resourcePath ?? '')?.[1]
    : undefined

async function follow(
  { log }: WatchDependencies,
  store: ConsoleStore,
  { userId }: ConcernedUser,
  actions: readonly ConsoleAction[],
  result: { opened: number; touched: number },
): Promise<void> {
  for (const action of actions) {
    if (action.kind === 'touch') {
      await store.touch([action.caseId])
      result.touched++
    } else if (await store.ensureCase(action.account, userId)) {
      result.opened++
      log.info({ event: 'case.said_in_console', user: userId })
    }
  }
}

const attributesOf = (user: User | undefined) => (user?.attributes ?? {}) as Record<string, string[]>
