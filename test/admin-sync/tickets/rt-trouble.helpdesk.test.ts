/** A real Request Tracker that is slow, away, cut off or not asked at all: no ticket lost, none twice, nothing believed. */
import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { beforeEach, describe, expect, test } from 'vitest'
import type { Draft } from '../../../admin-sync/tickets/port.ts'
import { connectRt } from '../../../admin-sync/tickets/rt.ts'
import { startHttpProxy, startTcpProxy, through, type HttpTrouble } from '../../support/fault-proxy.ts'
import { createQueue } from '../../support/request-tracker.ts'
import { draftOf, newKey, ticketOf } from './contract.ts'

const desk = await createQueue()
const proxy = await startHttpProxy(desk.url)
const direct = connectRt(desk.options)
const queue = connectRt({ ...desk.options, url: proxy.url })
/** For what shall not come in time; the rest has to, on a busy machine too. */
const hasty = connectRt({ ...desk.options, url: proxy.url, timeoutMs: 3000 })

const isCreate = (asked: string) => asked === 'POST /REST/2.0/ticket'
const isSearch = (asked: string) => asked.startsWith('GET /REST/2.0/tickets?')
/** What happens to the first request of its kind; every other one is passed on. */
function once(isIt: (asked: string) => boolean, trouble: HttpTrouble): void {
  let isOver = false
  proxy.trouble = (asked) => {
    if (isOver || !isIt(asked)) return undefined
    isOver = true
    return trouble
  }
}
const json = (status: number, body: unknown): HttpTrouble => ({
  status,
  body: JSON.stringify(body),
  headers: { 'content-type': 'application/json' },
})
beforeEach(() => {
  proxy.trouble = () => undefined
})

/** Asks until there is an answer, as the outbox does. */
async function ensureAtLast(draft: Draft, asked = queue): Promise<string> {
  for (;;) {
    const ensured = await asked.ensure(draft)
    if (ensured.outcome !== 'uncertain') return ensured.ticket.externalId
  }
}

describe('one ticket a key', () => {
  test('is what eight that ask at once get, for each of four keys', async () => {
    const crowded = connectRt({ ...desk.options, timeoutMs: 60_000 })
    const keys = Array.from({ length: 4 }, newKey)
    const answers = await Promise.all(
      keys.map((key) => Promise.all(Array.from({ length: 8 }, () => ensureAtLast(draftOf(key), crowded)))),
    )
    for (const [i, key] of keys.entries()) {
      const tickets = await desk.findTickets(key)
      expect(tickets).toHaveLength(1)
      for (const externalId of answers[i] ?? [])
        expect((await direct.get(externalId))?.externalId).toBe(tickets[0]?.id)
    }
  }, 300_000)

  test('is left when the connection was cut after RT made it', async () => {
    const draft = draftOf(newKey())
    once(isCreate, 'lost')
    expect(await queue.ensure(draft)).toEqual({ outcome: 'uncertain', code: 'cut' })
    expect(await queue.ensure(draft)).toMatchObject({ outcome: 'existing', ticket: { status: 'new' } })
    expect(await desk.findTickets(draft.key)).toHaveLength(1)
  })

  test('is made by an RT that takes ten seconds', async () => {
    const draft = draftOf(newKey())
    once(isCreate, { hold: sleep(10_000) })
    expect(await queue.ensure(draft)).toMatchObject({ outcome: 'created' })
    expect(await desk.findTickets(draft.key)).toHaveLength(1)
  })

  test('is left when RT makes the first one after the second was made', async () => {
    const { cursor } = await direct.changes(undefined)
    const draft = draftOf(newKey())
    const { promise: hold, resolve: letGo } = Promise.withResolvers<void>()
    once(isCreate, { hold })
    expect(await hasty.ensure(draft)).toEqual({ outcome: 'uncertain', code: 'timeout' })
    const externalId = await ensureAtLast(draft)
    expect(await desk.findTickets(draft.key)).toHaveLength(1)
    letGo()
    while ((await desk.findTickets(draft.key)).length < 2) await sleep(200)

    const { changes } = await direct.changes(cursor)
    expect(changes.every(({ kind }) => kind !== 'merged')).toBe(true)
    const [left, ...others] = await desk.findTickets(draft.key)
    expect(others).toEqual([])
    expect((await direct.get(externalId))?.externalId).toBe(left?.id)
  })

  test('is left when a search did not show what was there', async () => {
    const draft = draftOf(newKey())
    const { externalId } = ticketOf(await direct.ensure(draft))
    once(isSearch, json(200, { items: [] }))
    expect(await queue.ensure(draft)).toMatchObject({ outcome: 'existing', ticket: { externalId } })
    expect(await desk.findTickets(draft.key)).toHaveLength(1)
  })

  test('is found when the second search shows nothing', async () => {
    const draft = draftOf(newKey())
    let searches = 0
    proxy.trouble = (asked) => (isSearch(asked) && ++searches === 2 ? json(200, { items: [] }) : undefined)
    expect(await queue.ensure(draft)).toMatchObject({ outcome: 'created' })
    expect(await desk.findTickets(draft.key)).toHaveLength(1)
  })

  test('is not looked for in the tickets of others, whatever a search shows', async () => {
    const stranger = draftOf(newKey())
    const { externalId } = ticketOf(await direct.ensure(stranger))
    const all = await desk.call(
      'adapter',
      'GET',
      `/tickets?query=id=${externalId}&fields=Subject,Status,Owner,Creator,CustomFields`,
    )
    once(isSearch, json(200, all.data))
    const ensured = await queue.ensure(draftOf(newKey()))
    expect(ensured.outcome).toBe('created')
    expect(ticketOf(ensured).externalId).not.toBe(externalId)
  })

  test('is the agent’s affair where an agent copied it', async () => {
    const draft = draftOf(newKey())
    const { externalId } = ticketOf(await direct.ensure(draft))
    await desk.call('agent1', 'POST', '/ticket', {
      Queue: desk.queue,
      Subject: 'copie',
      CustomFields: { [desk.keyField]: draft.key },
    })
    expect(await direct.ensure(draft)).toMatchObject({ outcome: 'existing', ticket: { externalId } })
    expect(await desk.findTickets(draft.key)).toHaveLength(2)
  })
})

describe('an answer of RT', () => {
  test('that it made a ticket which it did not make is not believed', async () => {
    const draft = draftOf(newKey())
    once(isCreate, json(201, { type: 'ticket', id: '99999999' }))
    expect(await queue.ensure(draft)).toEqual({ outcome: 'uncertain', code: 'not_made' })
    expect(await queue.ensure(draft)).toMatchObject({ outcome: 'created' })
    expect(await desk.findTickets(draft.key)).toHaveLength(1)
  })

  test('that names somebody else’s ticket leaves that one alone', async () => {
    const other = ticketOf(await direct.ensure(draftOf(newKey())))
    const foreign = await desk.call('agent1', 'POST', '/ticket', {
      Queue: desk.queue,
      Subject: 'autre chose',
    })
    for (const id of [other.externalId, String(foreign.data['id'])]) {
      const before = await desk.call('root', 'GET', `/ticket/${id}`)
      once(isCreate, json(201, { type: 'ticket', id }))
      expect(await queue.ensure(draftOf(newKey()))).toEqual({ outcome: 'uncertain', code: 'not_made' })
      expect((await desk.call('root', 'GET', `/ticket/${id}`)).data).toEqual(before.data)
    }
  })

  test('that it wrote a status or a note which it did not write is found out', async () => {
    const { externalId } = ticketOf(await direct.ensure(draftOf(newKey())))
    const patch = { status: 'resolved', note: { id: randomUUID(), text: 'Fait.' }, subject: 'autre' } as const
    proxy.trouble = (asked) =>
      asked.startsWith('PUT ') || asked.endsWith('/comment') ? json(200, ['Fait']) : undefined
    expect(await queue.apply(externalId, patch)).toMatchObject({
      outcome: 'applied',
      ticket: { status: 'new' },
      notTaken: ['note', 'status', 'subject'],
    })
    proxy.trouble = () => undefined
    expect(await queue.apply(externalId, patch)).toMatchObject({
      ticket: { status: 'resolved' },
      notTaken: [],
    })
  })

  test.each<[string, HttpTrouble, string]>([
    ['a page in HTML', { status: 200, body: '<html>Sign in</html>' }, 'not_json'],
    ['something else', json(200, { message: 'OK' }), 'unexpected'],
    ['another question’s answer', json(200, { items: [{ id: 1 }] }), 'unexpected'],
    ['half of one', 'half', 'cut'],
    ['nothing', 'hang', 'timeout'],
    ['a byte at a time', 'drip', 'timeout'],
    ['a cut connection', 'reset', 'cut'],
    ['a redirect', { status: 302, headers: { location: desk.url } }, 'http_302'],
    ['an error', { status: 500 }, 'http_500'],
    ['later', { status: 429, body: '{}' }, 'http_429'],
    ['another site’s 404', { status: 404, body: '<html>not here</html>' }, 'http_404'],
    ['nine megabytes', { status: 200, body: `"${'x'.repeat(9 * 2 ** 20)}"` }, 'too_long'],
  ])('that is %s concludes nothing, wherever it comes', async (_name, trouble, code) => {
    const draft = draftOf(newKey())
    const impatient = connectRt({ ...desk.options, url: proxy.url, timeoutMs: 700 })
    proxy.trouble = () => trouble
    const retry = { service: 'helpdesk', disposition: 'retry', code }
    await expect(impatient.ensure(draft)).rejects.toMatchObject(retry)
    await expect(impatient.get('1')).rejects.toMatchObject(retry)
    await expect(impatient.apply('1', { status: 'resolved' })).rejects.toMatchObject(retry)
    await expect(impatient.changes('1|0|')).rejects.toMatchObject(retry)
    expect(await impatient.verify()).toMatchObject([{ code: 'unreachable' }])
    // the creation itself: asked, so perhaps done (and refused where RT says so)
    proxy.trouble = (asked) => (isCreate(asked) ? trouble : undefined)
    const asking = code === 'timeout' ? hasty : queue
    const answered: unknown = await asking.ensure(draft).catch((error: unknown) => error)
    expect(answered).toMatchObject(code === 'http_429' ? retry : { outcome: 'uncertain', code })
    proxy.trouble = () => undefined
    await ensureAtLast(draft)
    expect(await desk.findTickets(draft.key)).toHaveLength(1)
  })

  test('that redirects gets no second request, and no token', async () => {
    const elsewhere = await startHttpProxy(desk.url)
    proxy.trouble = () => ({ status: 307, headers: { location: `${elsewhere.url}/REST/2.0/rt` } })
    await expect(queue.get('1')).rejects.toMatchObject({ code: 'http_307' })
    expect(elsewhere.asked).toEqual([])
  })
})

describe('an RT that is away', () => {
  test('is asked again later, and nothing was made meanwhile', async () => {
    const { hostname, port } = new URL(desk.url)
    const line = await startTcpProxy({ host: hostname, port: Number(port) })
    const cutOff = connectRt({ ...desk.options, url: through(desk.url, line) })
    const draft = draftOf(newKey())
    await line.set('refuse')
    await expect(cutOff.ensure(draft)).rejects.toMatchObject({ disposition: 'retry', code: 'unreachable' })
    await line.set('none')
    expect(await cutOff.ensure(draft)).toMatchObject({ outcome: 'created' })
  })

  test('does not hold a process that is being stopped', async () => {
    proxy.trouble = () => 'hang'
    const stop = new AbortController()
    const asking = queue.ensure(draftOf(newKey()), stop.signal)
    stop.abort()
    await expect(asking).rejects.toMatchObject({ disposition: 'retry', code: 'aborted' })
  })
})
