/** A Request Tracker of the file's own, on SQLite, that is killed in the middle of its work and started again. */
import { expect, test } from 'vitest'
import type { Draft } from '../../../admin-sync/tickets/port.ts'
import { connectRt } from '../../../admin-sync/tickets/rt.ts'
import { UpstreamError } from '../../../core/errors.ts'
import { createQueue, startOwnRequestTracker } from '../../support/request-tracker.ts'
import { draftOf, newKey } from './contract.ts'

const server = await startOwnRequestTracker()
const desk = await createQueue(server)
const queue = connectRt({ ...desk.options, timeoutMs: 30_000 })

/** As the outbox asks: again after an answer that says nothing, until there is one. */
async function ensureAtLast(draft: Draft): Promise<{ externalId: string; tries: number }> {
  for (let tries = 1; ; tries++)
    try {
      const ensured = await queue.ensure(draft)
      if (ensured.outcome !== 'uncertain') return { externalId: ensured.ticket.externalId, tries }
    } catch (error) {
      if (!(error instanceof UpstreamError && error.disposition === 'retry')) throw error
      await new Promise((done) => setTimeout(done, 300))
    }
}

test('no ticket is lost and none is there twice when RT is killed while it makes them, and changes go on', async () => {
  const { cursor } = await queue.changes(undefined)
  const drafts = Array.from({ length: 12 }, () => draftOf(newKey()))
  const asked = drafts.map(async (draft, i) => {
    await new Promise((done) => setTimeout(done, i * 150))
    return ensureAtLast(draft)
  })
  // some are made, some are being made, some not yet asked for
  await new Promise((done) => setTimeout(done, 900))
  await server.kill()
  await new Promise((done) => setTimeout(done, 500))
  await server.start()
  const answers = await Promise.all(asked)
  expect(answers.some(({ tries }) => tries > 1)).toBe(true)
  for (const [i, { key }] of drafts.entries()) {
    const tickets = await desk.findTickets(key)
    expect(tickets).toHaveLength(1)
    expect((await queue.get(answers[i]?.externalId ?? ''))?.externalId).toBe(tickets[0]?.id)
  }
  const id = answers[0]?.externalId ?? ''
  await desk.call('agent1', 'PUT', `/ticket/${id}`, { Status: 'resolved' })
  const { changes } = await queue.changes(cursor)
  expect(changes).toContainEqual(
    expect.objectContaining({ kind: 'status', status: 'resolved', externalId: id }),
  )
})

test('one ticket a key is what eight that ask at once get on SQLite as well', async () => {
  const draft = draftOf(newKey())
  const ids = await Promise.all(Array.from({ length: 8 }, () => ensureAtLast(draft)))
  const tickets = await desk.findTickets(draft.key)
  expect(tickets).toHaveLength(1)
  for (const { externalId } of ids) expect((await queue.get(externalId))?.externalId).toBe(tickets[0]?.id)
})
