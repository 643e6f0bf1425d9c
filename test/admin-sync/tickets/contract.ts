/**
 * What every connector to a help desk has to do, whatever is behind it. Run it from a test file with the real thing:
 * `describeContract('Request Tracker', () => bench)`. docs/help-desk.md is for who writes a third one.
 */
import { randomUUID } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import type { Draft, Ensured, Ticket, TicketQueue } from '../../../admin-sync/tickets/port.ts'
import { hostileTexts } from './hostile.ts'

/** A ticket as the agents of this help desk have it before them. */
export type SeenTicket = {
  subject: string
  /** The first message, then everything that was added, oldest first. */
  messages: string[]
}
export type ContractBench = {
  queue: TicketQueue
  /** Every ticket with this key that an agent would find. */
  read: (key: string) => Promise<SeenTicket[]>
  /** What was typed, as this help desk has to show it. */
  shownSubject: (typed: string, key: string) => string
}

/** A key like those of cases, another one each time. */
export const newKey = (): string =>
  `ELP-${randomUUID().slice(0, 4)}-${randomUUID().slice(0, 4)}`.toUpperCase()
export const draftOf = (key: string, more: Partial<Draft> = {}): Draft => ({
  key,
  subject: 'Identifiant partagé : NORDTEXT SA',
  text: 'Une personne demande son propre accès.\n\nhttps://activation.example/staff/cases/1',
  ...more,
})

/** @throws Error when the connector did not say what became of it */
export function ticketOf(ensured: Ensured): Ticket {
  if (ensured.outcome === 'uncertain') throw new Error(`uncertain: ${ensured.code}`)
  return ensured.ticket
}

export function describeContract(name: string, use: () => ContractBench): void {
  describe(`${name} as a help desk`, () => {
    test('makes a ticket of a draft, new, under the key it was given', async () => {
      const { queue, read, shownSubject } = use()
      const draft = draftOf(newKey())
      const ensured = await queue.ensure(draft)
      expect(ensured).toMatchObject({ outcome: 'created', ticket: { status: 'new' } })
      const tickets = await read(draft.key)
      expect(tickets).toHaveLength(1)
      expect(tickets[0]?.subject).toBe(shownSubject(draft.subject, draft.key))
      expect(tickets[0]?.messages[0]?.trim()).toBe(draft.text)
    })

    test('makes nothing for whoever kept the ticket’s id', async () => {
      const { queue, read } = use()
      const draft = draftOf(newKey())
      const { externalId } = ticketOf(await queue.ensure(draft))
      expect(await queue.ensure({ ...draft, externalId })).toMatchObject({
        outcome: 'existing',
        ticket: { externalId },
      })
      expect(await read(draft.key)).toHaveLength(1)
    })

    test('finds by its key what it made before, where it can search', async () => {
      const { queue, read } = use()
      const draft = draftOf(newKey())
      const first = await queue.ensure(draft)
      const second = await queue.ensure(draft)
      expect(ticketOf(second).externalId).toBe(ticketOf(first).externalId)
      if (!queue.capabilities.searchable) return
      expect(second.outcome).toBe('existing')
      expect(await read(draft.key)).toHaveLength(1)
    })

    test('has one ticket in the end although it was told that there is none yet, where it can search', async () => {
      const { queue, read } = use()
      const draft = draftOf(newKey())
      const first = ticketOf(await queue.ensure({ ...draft, isFirst: true }))
      // As after a backup was restored.
      const second = ticketOf(await queue.ensure({ ...draft, isFirst: true }))
      expect(second.externalId).toBe(first.externalId)
      if (!queue.capabilities.searchable) return
      expect(await read(draft.key)).toHaveLength(1)
    })

    test('adds a note and a status, and says what is there afterwards', async () => {
      const { queue, read } = use()
      const { key, ...draft } = draftOf(newKey())
      const { externalId } = ticketOf(await queue.ensure({ key, ...draft }))
      const note = { id: randomUUID(), text: 'Accès ouvert par A. Martin : « rappelée, confirmé ».' }
      expect(await queue.apply(externalId, { status: 'resolved', note })).toMatchObject({
        outcome: 'applied',
        ticket: { externalId, status: 'resolved' },
        notTaken: [],
      })
      const [ticket] = await read(key)
      expect(ticket?.messages).toHaveLength(2)
      expect(ticket?.messages[1]).toContain(note.text)
      expect(ticket?.messages[1]).toContain(`[ellipro:${note.id}]`)
    })

    test('reaches every status there is, and back to open', async () => {
      const { queue } = use()
      const { externalId } = ticketOf(await queue.ensure(draftOf(newKey())))
      for (const status of ['open', 'waiting', 'open', 'resolved', 'open', 'rejected', 'open'] as const)
        expect(await queue.apply(externalId, { status })).toMatchObject({
          outcome: 'applied',
          ticket: { status },
          notTaken: [],
        })
    })

    test.concurrent.each(hostileTexts)(
      'stores %s as it was typed, and makes nothing else of it',
      async (_name, typed) => {
        const { queue, read, shownSubject } = use()
        const key = newKey()
        const { externalId } = ticketOf(await queue.ensure(draftOf(key, { subject: typed, text: typed })))
        const note = { id: randomUUID(), text: typed }
        expect(await queue.apply(externalId, { note })).toMatchObject({ outcome: 'applied', notTaken: [] })
        const tickets = await read(key)
        expect(tickets).toHaveLength(1)
        expect(tickets[0]?.subject).toBe(shownSubject(typed, key))
        const printable = typed.replaceAll('\0', '').replaceAll('\ud800', '\ufffd').trim()
        expect(tickets[0]?.messages[0]?.trim()).toBe(printable)
        expect(tickets[0]?.messages[1]).toContain(printable)
      },
    )

    test('refuses a key that is none before anything is sent', async () => {
      const { queue } = use()
      for (const key of ['', 'A'.repeat(queue.capabilities.keyLimit + 1)])
        await expect(queue.ensure(draftOf(key))).rejects.toMatchObject({
          service: 'helpdesk',
          disposition: 'fail',
          code: 'invalid',
        })
    })

    test('starts its changes at this moment, under a cursor that it takes back', async () => {
      const { queue } = use()
      const first = await queue.changes(undefined)
      expect(first.changes).toEqual([])
      expect(await queue.changes(first.cursor)).toMatchObject({ changes: [], more: false })
    })

    test('finds nothing to complain about when all is set up', async () => {
      expect(await use().queue.verify()).toEqual([])
    })
  })
}
