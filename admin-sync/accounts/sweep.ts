/**
 * The sweep: compares our record with all users of Keycloak, every night and on the command `accounts sweep`.
 *
 *   1  links to our OP that should be gone, and subjects that two users share (invariant 3): reported, and a link that
 *      is left over goes to the job `unlink` again
 *   2  every user, page by page; a page that cannot be read, or a list that cannot be all, ends the pass here
 *   3  opened accounts whose user is not in the list and, asked for by its id, is gone: `closed`, reason `user_gone`.
 *      Their login is the desk's affair from then on (login-release.ts)
 *
 * Nothing follows from absence in a list that was not read to its end (invariant 14), and nothing at all when more
 * accounts are gone than people delete in a day: then somebody has restored a backup or exchanged the realm.
 */
import { UpstreamError } from '../../core/errors.ts'
import type { Log } from '../../core/log.ts'
import { isNotFound, type Keycloak } from '../keycloak/connect.ts'
import type { FederatedIdentity } from '../keycloak/representations.ts'
import { providerAlias } from './pending-user.ts'
import {
  findAbsent,
  findLeftLinks,
  findSharedSubjects,
  isComplete,
  type LeftLink,
  type Link,
  type OpenedAccount,
} from './sweep-plan.ts'
import type { SweepStore } from './sweep-store.ts'

export type SweepDependencies = {
  /** The reader's account: it sees every user, protected ones included. */
  reader: Keycloak
  store: SweepStore
  log: Log
  signal?: AbortSignal
  pageSize?: number
}

/** Ids only. */
export type SweepResult = {
  passId: string
  /** Users read. */
  users: number
  /** Accounts of our record. */
  opened: number
  /** Activations that became `closed`. */
  closed: string[]
  /** More accounts are gone than one pass may close: none was. */
  tooManyGone: boolean
  linked: number
  leftLinks: LeftLink[]
  sharedSubjects: string[][]
  durationMs: number
}

/**
 * One pass.
 * @throws UpstreamError when Keycloak could not be asked, or its list cannot be all: nothing was closed
 */
export async function sweepAccounts(passId: string, dependencies: SweepDependencies): Promise<SweepResult> {
  const startedAt = performance.now()
  const links = await checkLinks(passId, dependencies)
  const { store, log } = dependencies
  // Ours first: whoever is opened while the list is read has a user already.
  const opened = await store.listOpened()
  const present = await readAllUsers(dependencies)
  const limit = await store.readCloseLimit()
  const gone = await findGone(dependencies, findAbsent(opened, present), limit)
  const tooManyGone = gone.length > limit
  const closed: string[] = []
  if (tooManyGone) log.error({ event: 'sweep.too_many_gone', pass_id: passId, limit })
  else
    for (const account of gone)
      if (await store.close(account)) {
        closed.push(account.activation)
        log.info({ event: 'sweep.closed', pass_id: passId, activation: account.activation })
      }
  return {
    passId,
    users: present.size,
    opened: opened.length,
    closed,
    tooManyGone,
    ...links,
    durationMs: Math.round(performance.now() - startedAt),
  }
}

/** For the pass's log line. */
export const countSweep = (result: SweepResult) => ({
  pass_id: result.passId,
  users: result.users,
  opened: result.opened,
  closed: result.closed.length,
  too_many_gone: result.tooManyGone,
  linked: result.linked,
  links_left: result.leftLinks.length,
  subjects_shared: result.sharedSubjects.length,
})

/** Whether somebody has to look. */
export const foundTrouble = ({ tooManyGone, leftLinks, sharedSubjects }: SweepResult): boolean =>
  tooManyGone || leftLinks.length > 0 || sharedSubjects.length > 0

async function checkLinks(passId: string, dependencies: SweepDependencies) {
  const { store, log } = dependencies
  const links = await readLinks(dependencies)
  const records = await store.readLinkRecords(links.map(({ userId }) => userId))
  const sharedSubjects = findSharedSubjects(links)
  const leftLinks = findLeftLinks(links, records)
  for (const users of sharedSubjects) log.error({ event: 'sweep.subject_shared', pass_id: passId, users })
  for (const { user, activation } of leftLinks) {
    log.error({ event: 'sweep.link_left', pass_id: passId, user, activation })
    if (activation !== undefined) await store.unlinkAgain(activation)
  }
  return { linked: links.length, leftLinks, sharedSubjects }
}

/** Few at any time: a link lives for minutes. */
async function readLinks(dependencies: SweepDependencies): Promise<Link[]> {
  const { reader } = dependencies
  const ids = await readPages(dependencies, (first, max) =>
    reader.listLinkedUsers(providerAlias, { first, max }),
  )
  const links: Link[] = []
  for (const userId of ids) {
    dependencies.signal?.throwIfAborted()
    for (const { identityProvider, userId: subject } of await findLinks(reader, userId))
      if (identityProvider === providerAlias) links.push({ userId, subject })
  }
  return links
}

/** None when the user went since it was listed. */
async function findLinks(reader: Keycloak, userId: string): Promise<FederatedIdentity[]> {
  try {
    return await reader.listFederatedIdentities(userId)
  } catch (error) {
    if (isNotFound(error)) return []
    throw error
  }
}

async function readAllUsers(dependencies: SweepDependencies): Promise<Set<string>> {
  const { reader } = dependencies
  const before = await reader.countUsers()
  const present = await readPages(
    dependencies,
    (first, max) => reader.listUsers({ first, max, brief: true }),
    before,
  )
  const after = await reader.countUsers()
  if (!isComplete({ before, read: present.size, after }))
    throw new UpstreamError('keycloak', 200, 'retry', 'list_incomplete')
  return present
}

/**
 * Until as many are there as were counted, or a page brings nobody new. Pages shift while users are written, so that one
 * may be in two of them or in none. @param expected how many there are; whoever comes later is not looked for
 */
async function readPages(
  { signal, pageSize = 1000 }: SweepDependencies,
  read: (first: number, max: number) => Promise<{ id: string }[]>,
  expected = Infinity,
): Promise<Set<string>> {
  const ids = new Set<string>()
  for (let first = 0, known = -1; ids.size > known && ids.size < expected; first += pageSize) {
    signal?.throwIfAborted()
    known = ids.size
    for (const { id } of await read(first, pageSize)) ids.add(id)
  }
  return ids
}

/** Asks for each by its id, until more are gone than may be. */
async function findGone(
  { reader, signal }: SweepDependencies,
  absent: readonly OpenedAccount[],
  limit: number,
): Promise<OpenedAccount[]> {
  const gone: OpenedAccount[] = []
  for (const account of absent) {
    if (gone.length > limit) break
    signal?.throwIfAborted()
    if (!(await reader.getUser(account.userId))) gone.push(account)
  }
  return gone
}
