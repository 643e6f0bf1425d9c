/**
 * Cases and a real Request Tracker, with a real Keycloak: what our side says reaches the ticket once, what agents do there
 * reaches the case and the users, and no trouble on the way loses a ticket or makes a second one.
 */
import { beforeEach, describe, expect, it } from 'vitest'
import { createLog } from '../../../core/log.ts'
import { startAdminSync } from '../../../admin-sync/main.ts'
import { startHttpProxy } from '../../support/fault-proxy.ts'
import { createQueue } from '../../support/request-tracker.ts'
import { startInstance } from '../../provider/support/instance.ts'
import { createBench } from '../accounts/bench.ts'
import { createDesk } from '../decisions/desk.ts'
import { createCaseDesk, kill, nobody } from './case-desk.ts'

const rt = await createQueue()
const proxy = await startHttpProxy(rt.url)
const bench = await createBench({
  ...rt.environment,
  RT_URL: proxy.url,
  TICKETS_TIMEOUT_MS: '5000',
  TICKETS_POLL_SECONDS: '1',
})
const desk = createDesk(bench)
const { pool } = bench
const { attributesOf, ticketOf, referenceOf, history, settle, grant, openGranted } = createCaseDesk(bench)

beforeEach(() => {
  proxy.trouble = () => undefined
})

const poll = () => bench.runCaseWell('poll-tickets', nobody)
const idOf = async (caseId: string) => (await ticketOf(caseId))?.external_id ?? ''
const asAgent = async (method: string, path: string, body?: unknown) => {
  const answer = await rt.call('agent1', method, path, body)
  if (answer.status >= 300)
    throw new Error(`${method} ${path}: ${answer.status} ${JSON.stringify(answer.data)}`)
}
/** Texts of everything in a ticket, in order. */
const textsIn = async (ticketId: string) => {
  const { data } = await rt.call(
    'adapter',
    'GET',
    `/ticket/${ticketId}/attachments?fields=Content&per_page=100`,
  )
  return (data.items ?? []).map(({ Content }) => String(Content))
}
const count = (texts: string[], part: string) => texts.filter((text) => text.includes(part)).length
/** A case whose ticket is at the desk. */
const createTicket = async () => {
  const made = await desk.createCase()
  await settle(made.caseId)
  return { ...made, ticketId: await idOf(made.caseId) }
}

describe('what we say', () => {
  it('becomes one ticket with all that an agent needs, and its number stands on the users', async () => {
    const { caseId, ticketId, holder, address } = await createTicket()
    const reference = await referenceOf(caseId)
    expect((await rt.findTickets(reference)).map(({ id }) => id)).toEqual([ticketId])
    const [text = ''] = await textsIn(ticketId)
    for (const part of [reference, holder.address, address, `/staff/cases/${caseId}`])
      expect(text).toContain(part)
    expect(await attributesOf(holder.address)).toMatchObject({
      shared_login: ['true'],
      ticket: [ticketId],
      ticket_status: ['open'],
    })
    expect(await ticketOf(caseId)).toMatchObject({
      connector: 'rt',
      waiting_since: null,
      last_error: null,
      lease: null,
    })
    expect((await ticketOf(caseId))?.url).toContain(ticketId)
  })

  it('of a later request is a comment, once; an opening resolves the ticket', async () => {
    const { caseId, ticketId, requestId, address, login, holder } = await createTicket()
    const more = await desk.ask(login)
    await settle(caseId)
    await bench.runCaseWell('push-ticket', caseId)
    expect(count(await textsIn(ticketId), 'Nouvelle demande')).toBe(1)
    for (const one of [requestId, more.requestId]) await grant(one)
    await settle(caseId)
    expect(await ticketOf(caseId)).toMatchObject({ status: 'resolved', wanted_status: null })
    expect(await attributesOf(holder.address)).toMatchObject({ ticket_status: ['solved'] })
    await openGranted(requestId, address)
    await settle(caseId)
    expect(count(await textsIn(ticketId), 'Accès ouvert et activé')).toBe(1)
    expect(await ticketOf(caseId)).toMatchObject({ status: 'resolved' })
    // Our own changes are no news.
    expect(await poll()).toBe('nothing')
    // Somebody else asks: it is open again.
    await desk.ask(login)
    await settle(caseId)
    expect((await rt.call('adapter', 'GET', `/ticket/${ticketId}`)).data['Status']).toBe('open')
  })

  it('is stored there as it was typed', async () => {
    const { caseId, login, ticketId } = await createTicket()
    const name = `<script>alert(1)</script> 'quote' \\ é 🦊 Bcc: x@y.example`
    const { requestId } = await desk.ask(login)
    await pool.query('UPDATE ellipro.access_request SET name = $2 WHERE id = $1', [requestId, name])
    await settle(caseId)
    expect(count(await textsIn(ticketId), name)).toBe(1)
  })
})

describe('what an agent does there', () => {
  it('reaches the case and the users: status, owner and reply, as typed and each once', async () => {
    const { caseId, ticketId, holder } = await createTicket()
    await asAgent('PUT', `/ticket/${ticketId}`, { Owner: 'agent1' })
    await asAgent('PUT', `/ticket/${ticketId}`, { Status: 'stalled' })
    const reply = '<b>Je rappelle</b> demain\n\n« 10 h » 🦊'
    await asAgent('POST', `/ticket/${ticketId}/comment`, { Content: reply, ContentType: 'text/plain' })
    expect(await poll()).toBe('changes')
    expect(await poll()).toBe('nothing')
    expect(await ticketOf(caseId)).toMatchObject({
      status: 'waiting',
      raw_status: 'stalled',
      owner: 'agent1',
    })
    const told = (await history(caseId)).filter(({ actor }) => actor === 'agent1')
    expect(told.map(({ kind }) => kind)).toEqual(['ticket_owner', 'ticket_status', 'ticket_reply'])
    expect(told[2]?.detail).toMatchObject({ text: reply, internal: true })
    await settle(caseId)
    expect(await attributesOf(holder.address)).toMatchObject({ ticket_status: ['waiting'] })
  })

  it('reopens a ticket once, with a note, when it was resolved by hand while a request waits', async () => {
    const { caseId, ticketId } = await createTicket()
    await asAgent('PUT', `/ticket/${ticketId}`, { Status: 'resolved' })
    await poll()
    await settle(caseId)
    expect(await ticketOf(caseId)).toMatchObject({ status: 'open' })
    expect(count(await textsIn(ticketId), 'résolu à la main')).toBe(1)
    expect((await history(caseId)).map(({ kind }) => kind)).toContain('ticket_reopened')
    await asAgent('PUT', `/ticket/${ticketId}`, { Status: 'resolved' })
    await poll()
    await settle(caseId)
    expect(await ticketOf(caseId)).toMatchObject({ status: 'resolved' })
    expect(count(await textsIn(ticketId), 'résolu à la main')).toBe(1)
  })

  it('is followed through a merge, whether it was read or met', async () => {
    const [one, two, three] = [await createTicket(), await createTicket(), await createTicket()]
    await asAgent('PUT', `/ticket/${two.ticketId}`, { MergeInto: Number(one.ticketId) })
    await poll()
    expect(await idOf(two.caseId)).toBe(one.ticketId)
    await settle(two.caseId)
    expect(await attributesOf(two.holder.address)).toMatchObject({ ticket: [one.ticketId] })
    // Nobody has read of this one when a note is due.
    await asAgent('PUT', `/ticket/${three.ticketId}`, { MergeInto: Number(one.ticketId) })
    const { address } = await desk.ask(three.login)
    await settle(three.caseId)
    expect(await idOf(three.caseId)).toBe(one.ticketId)
    expect(count(await textsIn(one.ticketId), address)).toBe(1)
    // What happens to it now happens to all three.
    await asAgent('PUT', `/ticket/${one.ticketId}`, { Status: 'stalled' })
    await poll()
    for (const { caseId } of [one, two, three])
      expect(await ticketOf(caseId)).toMatchObject({ status: 'waiting' })
    // And what we write into it for one of them is known to all; the others have requests that wait.
    await grant(one.requestId)
    await settle(one.caseId)
    expect(await ticketOf(two.caseId)).toMatchObject({ status: 'resolved' })
    await settle(two.caseId)
    expect((await rt.call('adapter', 'GET', `/ticket/${one.ticketId}`)).data['Status']).toBe('open')
    for (const { caseId } of [three, one, two]) await settle(caseId)
    expect((await rt.call('adapter', 'GET', `/ticket/${one.ticketId}`)).data['Status']).toBe('open')
  })

  it.each(['read', 'met'])('makes a new ticket, once, when the old one was deleted (%s)', async (how) => {
    const { caseId, ticketId, login, holder } = await createTicket()
    await asAgent('PUT', `/ticket/${ticketId}`, { Status: 'deleted' })
    if (how === 'read') await poll()
    else await desk.ask(login)
    await settle(caseId)
    const renewed = await idOf(caseId)
    expect(renewed).not.toBe(ticketId)
    expect(renewed).not.toBe('')
    const kinds = (await history(caseId)).map(({ kind }) => kind)
    expect(kinds.filter((kind) => kind === 'ticket_deleted')).toHaveLength(1)
    expect(kinds).toContain('ticket_renewed')
    expect(await attributesOf(holder.address)).toMatchObject({ ticket: [renewed], ticket_status: ['open'] })
    await asAgent('PUT', `/ticket/${renewed}`, { Status: 'deleted' })
    await poll()
    await settle(caseId)
    expect(await ticketOf(caseId)).toMatchObject({ external_id: null, waiting_since: null })
    expect(await attributesOf(holder.address)).toMatchObject({ ticket_status: ['closed'] })
  })

  it('is worked in once by two that read at once, and not at all by one that is killed', async () => {
    const { caseId, ticketId } = await createTicket()
    await poll()
    await asAgent('PUT', `/ticket/${ticketId}`, { Status: 'stalled' })
    expect((await bench.runCase('poll-tickets', nobody, kill('work-in'))).status).toBe('failed')
    expect(await ticketOf(caseId)).toMatchObject({ status: 'new' })
    await Promise.all([poll(), poll(), poll()])
    expect(await ticketOf(caseId)).toMatchObject({ status: 'waiting' })
    expect((await history(caseId)).filter(({ kind }) => kind === 'ticket_status')).toHaveLength(1)
  })

  it('that came before what we wrote brings no old status back', async () => {
    const { caseId, ticketId, requestId } = await createTicket()
    await poll()
    await asAgent('PUT', `/ticket/${ticketId}`, { Status: 'stalled' })
    await grant(requestId)
    await settle(caseId)
    expect(await ticketOf(caseId)).toMatchObject({ status: 'resolved' })
    await poll()
    await settle(caseId)
    expect(await ticketOf(caseId)).toMatchObject({ status: 'resolved' })
  })
})

describe('the webhook', () => {
  it('of a real Request Tracker, signed by it, asks admin-sync to look', async () => {
    const secret = 'a-secret-of-the-webhook'
    const provider = await startInstance(String(bench.providerPool.options.connectionString), {
      TICKETS_WEBHOOK_SECRET: secret,
    })
    const { caseId, ticketId } = await createTicket()
    await poll()
    await pool.query(`DELETE FROM ellipro.case_outbox WHERE kind = 'poll-tickets'`)
    rt.setWebhook(`${provider.origin}/hooks/tickets`, secret)
    try {
      await asAgent('PUT', `/ticket/${ticketId}`, { Status: 'stalled' })
      await until(async () => {
        const hints = await pool.query(`SELECT FROM ellipro.case_outbox WHERE kind = 'poll-tickets'`)
        return hints.rowCount === 1
      })
    } finally {
      rt.setWebhook()
    }
    await poll()
    expect(await ticketOf(caseId)).toMatchObject({ status: 'waiting' })
  })
})

describe('a help desk in trouble', () => {
  it('that is down for the whole run: the case says that it waits, and nothing is lost', async () => {
    proxy.trouble = () => 'reset'
    const { caseId, login, holder } = await desk.createCase()
    const reference = await referenceOf(caseId)
    await bench.runCaseWell('sync-case', caseId)
    for (let i = 0; i < 3; i++) expect((await bench.runCase('push-ticket', caseId)).status).toBe('failed')
    expect((await bench.runCase('poll-tickets', nobody)).status).toBe('failed')
    const waiting = await ticketOf(caseId)
    expect(waiting?.waiting_since).not.toBe(null)
    expect(waiting?.last_error).not.toBe(null)
    expect(await attributesOf(holder.address)).toMatchObject({ ticket: [reference], ticket_status: ['open'] })
    await desk.ask(login)
    await bench.runCaseWell('sync-case', caseId)
    proxy.trouble = () => undefined
    await bench.runCaseWell('push-ticket', caseId)
    await settle(caseId)
    const tickets = await rt.findTickets(reference)
    expect(tickets).toHaveLength(1)
    expect(await ticketOf(caseId)).toMatchObject({
      external_id: tickets[0]?.id,
      waiting_since: null,
      last_error: null,
    })
  })

  it('that made the ticket and did not say so: it is found, and there is one', async () => {
    let cut = 0
    proxy.trouble = (asked) => (asked === 'POST /REST/2.0/ticket' && cut++ === 0 ? 'lost' : undefined)
    const { caseId } = await desk.createCase()
    await bench.runCaseWell('sync-case', caseId)
    await bench.runCase('push-ticket', caseId)
    await bench.runCase('push-ticket', caseId)
    await settle(caseId)
    expect(cut).toBeGreaterThan(0)
    expect(await rt.findTickets(await referenceOf(caseId))).toHaveLength(1)
    expect(await ticketOf(caseId)).toMatchObject({ waiting_since: null })
  })

  it('that took a note and did not say so: it stands there once', async () => {
    const { caseId, login, ticketId } = await createTicket()
    let cut = 0
    proxy.trouble = (asked) => (asked.includes('/comment') && cut++ === 0 ? 'lost' : undefined)
    await desk.ask(login)
    await bench.runCaseWell('sync-case', caseId)
    expect((await bench.runCase('push-ticket', caseId)).status).toBe('failed')
    expect((await ticketOf(caseId))?.waiting_since).not.toBe(null)
    await bench.runCaseWell('push-ticket', caseId)
    expect(count(await textsIn(ticketId), 'Nouvelle demande')).toBe(1)
  })
})

describe('a push', () => {
  it.each(['ensure', 'record', 'note', 'posted', 'status', 'fulfilled'])(
    'killed before “%s” and taken up by another goes on where it was',
    async (step) => {
      const { caseId, login, requestId } = await desk.createCase()
      await bench.runCaseWell('sync-case', caseId)
      if (!['ensure', 'record'].includes(step)) {
        await settle(caseId)
        const more = await desk.ask(login)
        for (const id of [requestId, more.requestId]) await grant(id)
        await bench.runCaseWell('sync-case', caseId)
      }
      expect((await bench.runCase('push-ticket', caseId, kill(step))).status).toBe('failed')
      await bench.runCaseWell('push-ticket', caseId)
      await settle(caseId)
      const tickets = await rt.findTickets(await referenceOf(caseId))
      expect(tickets).toHaveLength(1)
      const texts = await textsIn(tickets[0]?.id ?? '')
      const markers = texts.flatMap((text) => text.match(/\[ellipro:[^\]]+\]/g) ?? [])
      expect(new Set(markers).size).toBe(markers.length)
      const status = ['ensure', 'record'].includes(step) ? 'new' : 'resolved'
      expect(await ticketOf(caseId)).toMatchObject({
        status,
        waiting_since: null,
        wanted_status: null,
        lease: null,
      })
      const { rows } = await pool.query(
        'SELECT FROM ellipro.ticket_note WHERE case_id = $1 AND posted_at IS NULL',
        [caseId],
      )
      expect(rows).toEqual([])
    },
  )

  it('leaves a key alone that somebody holds a lease of, until that is over', async () => {
    const { caseId } = await desk.createCase()
    await bench.runCaseWell('sync-case', caseId)
    await pool.query(
      `UPDATE ellipro.ticket SET lease = gen_random_uuid(), lease_until = now() + interval '1 minute' WHERE case_id = $1`,
      [caseId],
    )
    expect(await bench.runCase('push-ticket', caseId)).toMatchObject({
      status: 'failed',
      output: { code: 'helpdesk:leased' },
    })
    expect(await rt.findTickets(await referenceOf(caseId))).toEqual([])
    await pool.query(
      `UPDATE ellipro.ticket SET lease_until = now() - interval '1 second' WHERE case_id = $1`,
      [caseId],
    )
    await bench.runCaseWell('push-ticket', caseId)
    expect(await rt.findTickets(await referenceOf(caseId))).toHaveLength(1)
  })

  it('of four at once makes one ticket', async () => {
    const { caseId, login } = await desk.createCase()
    await bench.runCaseWell('sync-case', caseId)
    await Promise.all(Array.from({ length: 4 }, () => bench.runCaseWell('push-ticket', caseId)))
    await desk.ask(login)
    await bench.runCaseWell('sync-case', caseId)
    await Promise.all(Array.from({ length: 4 }, () => bench.runCaseWell('push-ticket', caseId)))
    const [ticket, ...more] = await rt.findTickets(await referenceOf(caseId))
    expect(more).toEqual([])
    expect(count(await textsIn(ticket?.id ?? ''), 'Nouvelle demande')).toBe(1)
  })
})

describe('two whole processes at once', () => {
  it('make one ticket a case, and bring what an agent does to the users within seconds', async () => {
    const log = createLog('admin-sync', 'info', { write: (line) => void bench.lines.push(line) })
    // Before: the processes would open the holders' accounts themselves.
    const made = [await desk.createCase(), await desk.createCase(), await desk.createCase()]
    const processes = await Promise.all([1, 2].map(() => startAdminSync(bench.config, log)))
    try {
      await until(async () => {
        const tickets = await Promise.all(made.map(({ caseId }) => ticketOf(caseId)))
        return tickets.every(
          (ticket) => ticket !== undefined && ticket.external_id !== null && ticket.waiting_since === null,
        )
      })
      for (const { caseId, holder } of made) {
        const id = await idOf(caseId)
        expect((await rt.findTickets(await referenceOf(caseId))).map((ticket) => ticket.id)).toEqual([id])
        await until(async () => (await attributesOf(holder.address))['ticket']?.[0] === id)
        await asAgent('PUT', `/ticket/${id}`, { Status: 'stalled' })
      }
      for (const { caseId, holder } of made) {
        await until(async () => (await attributesOf(holder.address))['ticket_status']?.[0] === 'waiting')
        const told = (await history(caseId)).filter(({ kind }) => kind === 'ticket_status')
        expect(told).toHaveLength(1)
      }
    } finally {
      await Promise.all(processes.map((process) => process.stop()))
    }
    const lines = bench.lines.join('')
    for (const event of ['tickets.verified', 'tickets.changed']) expect(lines).toContain(event)
    expect(lines).not.toContain('@client.example')
  })
})

async function until(what: () => Promise<boolean>, timeoutMs = 60_000): Promise<void> {
  for (const end = Date.now() + timeoutMs; !(await what());) {
    if (Date.now() > end) throw new Error('it did not come about')
    await new Promise((done) => setTimeout(done, 200))
  }
}
