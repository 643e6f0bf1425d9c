/** The contract on a real Request Tracker. */
import { connectRt } from '../../../admin-sync/tickets/rt.ts'
import { toSubject } from '../../../admin-sync/tickets/typed-text.ts'
import { createQueue } from '../../support/request-tracker.ts'
import { describeContract } from './contract.ts'

const desk = await createQueue()
const queue = connectRt(desk.options)

async function readMessages(id: string): Promise<string[]> {
  const { data } = await desk.call(
    'root',
    'GET',
    `/ticket/${id}/attachments?fields=Content,ContentType&orderby=id&order=ASC&per_page=100`,
  )
  return (data.items ?? [])
    .filter(({ ContentType }) => ContentType === 'text/plain')
    .map(({ Content }) => String(Content))
}

describeContract('Request Tracker', () => ({
  queue,
  async read(key) {
    const tickets = await desk.findTickets(key)
    return Promise.all(
      tickets.map(async ({ id, Subject }) => ({ subject: Subject, messages: await readMessages(id) })),
    )
  },
  shownSubject: (typed) => toSubject(typed, 200),
}))
