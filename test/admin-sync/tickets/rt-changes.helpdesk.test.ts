/** What agents do at a real Request Tracker, told by cursor: each thing at least once, and ours as ours. */
import { randomUUID } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import type { Change } from '../../../admin-sync/tickets/port.ts'
import { connectRt } from '../../../admin-sync/tickets/rt.ts'
import { createQueue } from '../../support/request-tracker.ts'
import { draftOf, newKey, ticketOf } from './contract.ts'

const desk = await createQueue()
const queue = connectRt(desk.options)
const now = async () => (await queue.changes(undefined)).cursor
const newTicket = async () => ticketOf(await queue.ensure(draftOf(newKey()))).externalId

/** Everything up to now, in as many answers as it takes. */
async function readAll(from: string): Promise<{ changes: Change[]; cursor: string }> {
  const changes: Change[] = []
  for (let cursor = from; ;) {
    const page = await queue.changes(cursor)
    changes.push(...page.changes)
    cursor = page.cursor
    if (!page.more) return { changes, cursor }
  }
}

describe('changes', () => {
  test('tell an agent’s status, owner and replies, in order, with the agent’s name', async () => {
    const externalId = await newTicket()
    const from = await now()
    await desk.call('agent1', 'PUT', `/ticket/${externalId}`, { Owner: 'agent1' })
    await desk.call('agent1', 'PUT', `/ticket/${externalId}`, { Status: 'stalled' })
    await desk.call('agent2', 'POST', `/ticket/${externalId}/comment`, {
      Content: 'Rappelée à 10 h.\nOK <b>',
      ContentType: 'text/plain',
    })
    await desk.call('agent2', 'POST', `/ticket/${externalId}/correspond`, {
      Content:
        '<p>Bonjour Madame L&eacute;a&nbsp;&lt;i&gt;</p><script>alert(1)</script><p>Merci<br>À bientôt</p>',
      ContentType: 'text/html',
    })
    await desk.call('agent1', 'PUT', `/ticket/${externalId}`, { Owner: 'Nobody' })
    const { changes } = await readAll(from)
    expect(changes.filter(({ author }) => author !== 'RT_System')).toMatchObject([
      { kind: 'owner', owner: 'agent1', author: 'agent1', own: false, externalId },
      { kind: 'status', status: 'waiting', rawStatus: 'stalled', author: 'agent1', own: false, externalId },
      { kind: 'reply', text: 'Rappelée à 10 h.\nOK <b>', internal: true, author: 'agent2', own: false },
      { kind: 'reply', text: 'Bonjour Madame Léa <i>\nMerci\nÀ bientôt', internal: false, author: 'agent2' },
      { kind: 'owner', author: 'agent1' },
    ])
    expect(changes.at(-1)).not.toHaveProperty('owner')
    for (const { at } of changes) expect(Math.abs(at.getTime() - Date.now())).toBeLessThan(120_000)
  })

  test('tell ours as ours, and a merge or a deletion as news whoever did it', async () => {
    const [kept, merged, deleted] = [await newTicket(), await newTicket(), await newTicket()]
    const from = await now()
    await queue.apply(kept, { status: 'resolved', note: { id: randomUUID(), text: 'Fait.' } })
    await desk.call('adapter', 'PUT', `/ticket/${merged}`, { MergeInto: Number(kept) })
    await desk.call('agent1', 'PUT', `/ticket/${deleted}`, { Status: 'deleted' })
    const { changes } = await readAll(from)
    expect(changes).toMatchObject([
      { kind: 'reply', own: true, externalId: kept },
      { kind: 'status', own: true, externalId: kept },
      { kind: 'merged', own: false, externalId: merged, into: kept },
      { kind: 'deleted', own: false, externalId: deleted },
    ])
  })

  test('are told once each while tickets are moved, made and answered between two pages', async () => {
    const tickets = await Promise.all(Array.from({ length: 4 }, newTicket))
    const from = await now()
    const done = new Set<string>()
    const working = (async () => {
      for (let round = 0; round < 8; round++)
        await Promise.all(
          tickets.map(async (id) => {
            const text = `${id}/${round}`
            await desk.call('agent1', 'POST', `/ticket/${id}/comment`, {
              Content: text,
              ContentType: 'text/plain',
            })
            done.add(text)
          }),
        )
      return true
    })()
    const told: Change[] = []
    let cursor = from
    for (let isDone: boolean = false; ;) {
      const page = await queue.changes(cursor)
      told.push(...page.changes)
      cursor = page.cursor
      if (isDone && page.changes.length === 0) break
      isDone = await Promise.race([working, Promise.resolve(false)])
    }
    const texts = told.flatMap((change) => (change.kind === 'reply' ? [change.text] : []))
    expect(texts.toSorted()).toEqual([...done].toSorted())
    expect(new Set(told.map(({ changeId }) => changeId)).size).toBe(told.length)
    expect(cursor.length).toBeLessThan(2000)
  })

  test('leave the files in a reply where they are, and a text of megabytes as well', async () => {
    const externalId = await newTicket()
    const from = await now()
    const reply = (Content: string, more = {}) =>
      desk.call('agent1', 'POST', `/ticket/${externalId}/comment`, {
        Content,
        ContentType: 'text/plain',
        ...more,
      })
    await reply('avec une pièce jointe', {
      Attachments: [
        {
          FileName: 'lettre.txt',
          FileType: 'text/plain',
          FileContent: Buffer.from('pas un message').toString('base64'),
        },
      ],
    })
    await reply('x'.repeat(9 * 2 ** 20))
    await reply('après')
    const { changes } = await readAll(from)
    expect(changes.map((change) => change.kind === 'reply' && change.text)).toEqual([
      'avec une pièce jointe',
      '',
      'après',
    ])
  })

  test('need a cursor of RT', async () => {
    await expect(queue.changes('none')).rejects.toMatchObject({ disposition: 'fail', code: 'cursor' })
  })
})

describe('a ticket', () => {
  test('that was merged is told with the one it went into, before anything is written', async () => {
    const [kept, merged] = [await newTicket(), await newTicket()]
    await desk.call('agent1', 'PUT', `/ticket/${merged}`, { MergeInto: Number(kept) })
    expect(await queue.apply(merged, { status: 'resolved' })).toMatchObject({
      outcome: 'merged',
      ticket: { externalId: kept, status: 'new' },
    })
    expect(await queue.get(merged)).toMatchObject({ externalId: kept, status: 'new' })
  })

  test('that was deleted, or never was, is gone: RT would take comments on it', async () => {
    const externalId = await newTicket()
    await desk.call('agent1', 'PUT', `/ticket/${externalId}`, { Status: 'deleted' })
    for (const id of [externalId, '99999999', 'ELP-AAAA-BBBB', '1; DROP']) {
      expect(await queue.get(id)).toBeUndefined()
      expect(await queue.apply(id, { note: { id: randomUUID(), text: 'x' } })).toEqual({ outcome: 'gone' })
    }
  })

  test('gets a note once, however often it is written', async () => {
    const externalId = await newTicket()
    const note = { id: randomUUID(), text: 'Une seule fois.' }
    for (let i = 0; i < 3; i++) await queue.apply(externalId, { note })
    const { data } = await desk.call('root', 'GET', `/ticket/${externalId}/attachments?fields=Content`)
    expect(data.items?.filter(({ Content }) => String(Content).includes(note.text))).toHaveLength(1)
  })

  test('gets its note although somebody else wrote the note’s mark', async () => {
    const externalId = await newTicket()
    const note = { id: randomUUID(), text: 'La vraie.' }
    await desk.call('agent1', 'POST', `/ticket/${externalId}/comment`, {
      Content: `[ellipro:${note.id}]`,
      ContentType: 'text/plain',
    })
    expect(await queue.apply(externalId, { note })).toMatchObject({ notTaken: [] })
    const { data } = await desk.call('root', 'GET', `/ticket/${externalId}/attachments?fields=Content`)
    expect(data.items?.filter(({ Content }) => String(Content).includes(note.text))).toHaveLength(1)
  })

  test('keeps the status that an agent chose where it means the same', async () => {
    const externalId = await newTicket()
    await queue.apply(externalId, { status: 'resolved' })
    const before = await queue.get(externalId)
    expect(await queue.apply(externalId, { status: 'closed' })).toMatchObject({ notTaken: [] })
    expect(await queue.get(externalId)).toEqual(before)
  })

  test('is written by an account that has a language all the same', async () => {
    const french = connectRt({ ...desk.options, token: desk.tokens['adapter-fr'] ?? '' })
    const externalId = ticketOf(await french.ensure(draftOf(newKey()))).externalId
    for (const status of ['open', 'resolved', 'open'] as const)
      expect(await french.apply(externalId, { status })).toMatchObject({ ticket: { status }, notTaken: [] })
  })
})
