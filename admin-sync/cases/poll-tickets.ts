/**
 * What the help desk has to say: every TICKETS_POLL_SECONDS in each admin-sync, one at a time over all of them, and at
 * once when a webhook hints at something (job `poll-tickets`).
 *
 * Changes are read from a cursor, at least once each; an id that was worked in before has no effect. A change says that
 * something happened and stands in the case's history as it was told; what the ticket *is* is asked for after that, so
 * that a change which came late, or out of order, cannot bring back an old status. Effects and cursor are stored in one
 * transaction: killed anywhere, the next reading begins where nothing was stored. Our own changes are no news.
 */
import { UpstreamError } from '../../core/errors.ts'
import type { Log } from '../../core/log.ts'
import type { Change, Ticket, TicketQueue } from '../tickets/port.ts'
import type { CaseDependencies, CaseJob } from './job.ts'
import { createTicketStore, type TicketStore, type Truth } from './ticket-store.ts'

export type PollDependencies = Pick<CaseDependencies, 'pool' | 'tickets' | 'hold' | 'log'>
export type PollResult = { changes: number; pages: number }

/** Pages of one reading; what is left is for the next one. */
const mostPages = 50
const atOnce = 4
const longestWaitSeconds = 60

export const pollTicketsJob: CaseJob = async (dependencies) => {
  const { changes } = await pollTickets(dependencies)
  return changes > 0 ? 'changes' : 'nothing'
}

/** @throws UpstreamError when the help desk could not be asked: nothing of the page at hand was stored */
export async function pollTickets(dependencies: PollDependencies): Promise<PollResult> {
  const { tickets, pool, hold } = dependencies
  const result: PollResult = { changes: 0, pages: 0 }
  if (!tickets.capabilities.reportsChanges) return result
  const store = createTicketStore(pool)
  return hold(`tickets:${tickets.connector}`, async (checkpoint) => {
    let cursor = await startReading(dependencies, store)
    for (let more = true; more && result.pages < mostPages; result.pages++) {
      await checkpoint('read')
      const page = await tickets.changes(cursor)
      const news = await pickNews(dependencies, store, page.changes)
      const truth = await readTruth(dependencies, news)
      await checkpoint('work-in')
      const effects = await store.workIn(tickets.connector, { from: cursor, to: page.cursor }, news, truth)
      // Somebody else reads too: what they stored is not lost, and what they have not is read next time.
      if (effects === undefined) break
      result.changes += effects
      more = page.more && page.cursor !== cursor
      cursor = page.cursor
    }
    return result
  })
}

/** The cursor; a first one begins at this moment. */
export async function startReading(
  { tickets }: Pick<CaseDependencies, 'tickets'>,
  store: TicketStore,
): Promise<string> {
  const known = await store.readCursor(tickets.connector)
  if (known !== undefined || !tickets.capabilities.reportsChanges) return known ?? ''
  const { cursor } = await tickets.changes(undefined)
  await store.startCursor(tickets.connector, cursor)
  return (await store.readCursor(tickets.connector)) ?? cursor
}

async function pickNews(
  { tickets }: PollDependencies,
  store: TicketStore,
  changes: readonly Change[],
): Promise<Change[]> {
  const foreign = changes.filter(({ own }) => !own)
  if (foreign.length === 0) return []
  const [known, seen] = await Promise.all([
    store.listKnown(
      tickets.connector,
      foreign.map(({ externalId }) => externalId),
    ),
    store.listSeen(
      tickets.connector,
      foreign.map(({ changeId }) => changeId),
    ),
  ])
  return foreign.filter(({ externalId, changeId }) => known.has(externalId) && !seen.has(changeId))
}

async function readTruth({ tickets }: PollDependencies, news: readonly Change[]): Promise<Truth> {
  const truth = new Map<string, Ticket | undefined>()
  const ids = [...new Set(news.map(({ externalId }) => externalId))]
  for (let from = 0; from < ids.length; from += atOnce)
    await Promise.all(
      ids.slice(from, from + atOnce).map(async (id) => {
        truth.set(id, await tickets.get(id))
      }),
    )
  return truth
}

/** Polls until stopped; one that fails is followed by the next, ever later while the help desk is away. @returns resolves when a poll under way has ended */
export function startPolling(
  dependencies: PollDependencies,
  { seconds, log }: { seconds: number; log: Log },
): () => Promise<void> {
  let timer: NodeJS.Timeout | undefined
  let stopped = false
  let running: Promise<void> | undefined
  if (!dependencies.tickets.capabilities.reportsChanges) return async () => {}
  let wait = seconds
  const poll = async () => {
    try {
      const { changes, pages } = await pollTickets(dependencies)
      if (changes > 0) log.info({ event: 'tickets.changed', changes, pages })
      wait = seconds
    } catch (err) {
      wait = Math.max(seconds, Math.min(wait * 2, longestWaitSeconds))
      log.warn({ event: 'tickets.poll_failed', err, ...(err instanceof UpstreamError && { code: err.code }) })
    }
    if (!stopped) timer = setTimeout(run, wait * 1000)
  }
  const run = () => {
    running = poll()
  }
  timer = setTimeout(run, seconds * 1000)
  return async () => {
    stopped = true
    clearTimeout(timer)
    await running
  }
}

/** What an operator has to mend at the help desk, one line each, in English as every line of the log. */
export async function verifyTickets(tickets: TicketQueue, log: Log, signal: AbortSignal): Promise<void> {
  const problems = await tickets.verify(signal)
  if (signal.aborted) return
  for (const { code, text, remedy } of problems)
    log.error({ event: 'tickets.problem', code, problem: text.en, remedy: remedy.en })
  if (problems.length === 0) log.info({ event: 'tickets.verified', connector: tickets.connector })
}
