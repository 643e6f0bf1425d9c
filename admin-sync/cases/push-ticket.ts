/**
 * The job `push-ticket`: the help desk is told all that a case has for it. One process at a time talks about a case's
 * key: an advisory lock, and a lease in the row for the time in which a process may be alive whose lock is lost.
 *
 *   1  the ticket, made or found (`ensure`). "Uncertain" is an ordinary answer: the job runs again, and finds it
 *   2  the notes in their order, each once: its id in the text lets a second try see that it is there
 *   3  the status that was asked for
 *
 * Each step is written down before the next one begins, so that a job killed anywhere goes on where it was. A ticket
 * that was merged is followed; one that is gone ends the job, and the next pass decides whether a new one is due.
 * While the help desk does not take it, `waiting_since` and `last_error` say so on the case's page.
 */
import { UpstreamError } from '../../core/errors.ts'
import { addToOutbox, readCase } from './case-store.ts'
import type { CaseCheckpoint, CaseDependencies, CaseJob } from './job.ts'
import { startReading } from './poll-tickets.ts'
import { draftTicket } from './ticket-text.ts'
import { createTicketStore, type TicketRow, type TicketStore } from './ticket-store.ts'
import type { Applied, Patch, Ticket } from '../tickets/port.ts'

type PushDependencies = Pick<CaseDependencies, 'pool' | 'tickets' | 'providerUrl' | 'hold' | 'log'>

/** More merges in a row are a circle. */
const mostMerges = 5

export const pushTicket: CaseJob = (dependencies, id) =>
  // Not `case:<id>`: a help desk that does not answer must not keep anybody from deciding.
  dependencies.hold(`ticket:${id}`, async (checkpoint) => {
    const store = createTicketStore(dependencies.pool)
    const lease = await store.takeLease(id)
    if (lease === undefined) {
      if (!(await store.readTicket(id))) return 'nothing'
      throw new UpstreamError('helpdesk', 0, 'retry', 'leased')
    }
    try {
      return await push(dependencies, store, id, async (step) => {
        await checkpoint(step)
        if (!(await store.renewLease(id, lease)))
          throw new UpstreamError('helpdesk', 0, 'retry', 'lease_lost')
      })
    } catch (error) {
      if (error instanceof UpstreamError && error.service === 'helpdesk')
        await store.noteTrouble(id, error.code)
      throw error
    } finally {
      await store.releaseLease(id, lease)
    }
  })

async function push(
  dependencies: PushDependencies,
  store: TicketStore,
  caseId: string,
  checkpoint: CaseCheckpoint,
): Promise<string> {
  const { tickets, pool } = dependencies
  await store.changeConnector(caseId, tickets.connector)
  const row = await store.readTicket(caseId)
  if (!row) return 'nothing'
  if (row.externalId === null && row.deletedAt !== null) {
    await store.noteSettled(caseId)
    return 'deleted'
  }
  const done: string[] = []
  let externalId = row.externalId
  if (externalId === null) {
    const made = await ensure(dependencies, store, caseId, checkpoint)
    if (!made) return 'gone'
    externalId = made.externalId
    done.push(made.outcome)
  }
  const apply = (id: string, patch: Patch) => applyFollowing(dependencies, store, caseId, id, patch)
  for (const note of await store.listDueNotes(caseId)) {
    await checkpoint('note')
    const applied = await apply(externalId, { note: { id: note.id, text: note.text } })
    if (applied === 'gone') return 'ticket_gone'
    if (applied.notTaken.includes('note')) throw new UpstreamError('helpdesk', 200, 'retry', 'note_not_taken')
    externalId = applied.ticket.externalId
    await checkpoint('posted')
    await store.markPosted(note.id)
    done.push('note')
  }
  // Read again: a pass may have changed its mind since the notes were begun.
  const wanted = (await store.readTicket(caseId))?.wantedStatus
  if (wanted) {
    await checkpoint('status')
    const applied = await apply(externalId, { status: wanted })
    if (applied === 'gone') return 'ticket_gone'
    // One that tells us nothing has no status but ours.
    const isTaken = !applied.notTaken.includes('status') || !tickets.capabilities.reportsChanges
    if (!isTaken) throw new UpstreamError('helpdesk', 200, 'retry', 'status_not_taken')
    await checkpoint('fulfilled')
    if (!tickets.capabilities.reportsChanges)
      await store.recordTicket(caseId, applied.ticket, { status: wanted })
    await store.fulfil(caseId, wanted)
    done.push(wanted)
  }
  await store.noteSettled(caseId)
  // What came while this ran has a row of its own, unless the process that wrote it died in between.
  if (await isUnsettled(store, caseId)) await addToOutbox(pool, 'push-ticket', caseId)
  return done.join(',') || 'nothing'
}

async function ensure(
  dependencies: PushDependencies,
  store: TicketStore,
  caseId: string,
  checkpoint: CaseCheckpoint,
): Promise<{ externalId: string; outcome: string } | undefined> {
  const { tickets, pool, providerUrl } = dependencies
  // Changes are read from before the first ticket on.
  await startReading(dependencies, store)
  const facts = await readCase(pool, caseId)
  if (!facts) return undefined
  await checkpoint('ensure')
  const isFirst = await store.markAsked(caseId)
  const ensured = await tickets.ensure({
    key: facts.reference,
    ...draftTicket(facts, providerUrl),
    isFirst,
  })
  if (ensured.outcome === 'uncertain') throw new UpstreamError('helpdesk', 0, 'retry', ensured.code)
  await checkpoint('record')
  await store.recordTicket(caseId, ensured.ticket, { event: 'ticket_created' })
  return { externalId: ensured.ticket.externalId, outcome: ensured.outcome }
}

/** Applies, on the ticket that it was merged into if need be, and writes down what was read back. */
async function applyFollowing(
  { tickets }: PushDependencies,
  store: TicketStore,
  caseId: string,
  externalId: string,
  patch: Patch,
): Promise<{ ticket: Ticket; notTaken: (keyof Patch)[] } | 'gone'> {
  let id = externalId
  for (let merges = 0; merges <= mostMerges; merges++) {
    const applied: Applied = await tickets.apply(id, patch)
    if (applied.outcome === 'gone') {
      await store.recordGone(caseId, id)
      return 'gone'
    }
    const isSilent = !tickets.capabilities.reportsChanges
    if (applied.outcome === 'merged') {
      await store.recordTicket(caseId, applied.ticket, { event: 'ticket_merged' })
      id = applied.ticket.externalId
      continue
    }
    if (!isSilent) await store.recordTicket(caseId, applied.ticket)
    return applied
  }
  throw new UpstreamError('helpdesk', 200, 'fail', 'merged_in_a_circle')
}

async function isUnsettled(store: TicketStore, caseId: string): Promise<boolean> {
  const row: TicketRow | undefined = await store.readTicket(caseId)
  if (!row || (row.externalId === null && row.deletedAt !== null)) return false
  return row.externalId === null || row.wantedStatus !== null || (await store.listDueNotes(caseId)).length > 0
}
