/**
 * The cron jobs `find-lost-jobs` and `find-lost-requests`: an activation, or a request for an access, whose state asks
 * for work and for which no job exists gets one. Jobs are not lost by themselves (they are committed with what makes them necessary); a restored backup, a queue emptied
 * by hand or a mail that waited for its budget are made good by this.
 */
import type { PgBoss } from 'pg-boss'
import type { JobKind } from '../accounts/job.ts'
import type { AccountStore } from '../accounts/store.ts'
import type { CaseJobKind } from '../cases/job.ts'
import type { RequestStore } from '../requests/store.ts'
import { deadLetterQueue } from './queues.ts'

export async function findLostJobs(boss: PgBoss, store: AccountStore): Promise<{ found: number }> {
  let found = 0
  for (const { kind, id } of await store.listOverdue()) {
    if (await hasJob(boss, kind, { activationId: id })) continue
    await store.addToOutbox(kind, id)
    found++
  }
  return { found }
}

export async function findLostRequests(
  boss: PgBoss,
  store: Pick<RequestStore, 'listOverdue' | 'addToOutbox'>,
): Promise<{ found: number }> {
  let found = 0
  for (const { kind, id } of await store.listOverdue()) {
    if (await hasJob(boss, kind, { id })) continue
    await store.addToOutbox(kind, id)
    found++
  }
  return { found }
}

/** A dead letter counts: it waits for an operator, who finds it there and nowhere else. */
async function hasJob(
  boss: PgBoss,
  kind: JobKind | CaseJobKind,
  data: { activationId: string } | { id: string },
): Promise<boolean> {
  const mine = await boss.findJobs(kind, { data })
  if (mine.some(({ state }) => state === 'created' || state === 'retry' || state === 'active')) return true
  const dead = await boss.findJobs(deadLetterQueue, { data })
  return dead.some(({ sourceName, state }) => sourceName === kind && state === 'created')
}
