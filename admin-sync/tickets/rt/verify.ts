/**
 * Everything that would keep tickets from reaching RT, in an operator's words. Only reads: no ticket is made for it. What
 * cannot be known without one (that our account sees its tickets and may write the key field) is found by `ensure`.
 */
import { UpstreamError } from '../../../core/errors.ts'
import type { Problem } from '../port.ts'
import { quote } from './client.ts'
import { readQueue, type Desk } from './desk.ts'
import { account, anyPage, linksPage, version } from './shapes.ts'
import { explain, type ProblemCode } from './problems.ts'

type Signal = AbortSignal | undefined

export async function verifyDesk(desk: Desk, signal: Signal): Promise<Problem[]> {
  const problems: Problem[] = []
  const add = (code: ProblemCode, detail = '') => problems.push(explain(desk, code, detail))
  try {
    if (desk.client.userId === undefined) add('token')
    else {
      await desk.client.send('GET', '/rt', version, { signal })
      await verifyAccount(desk, add, signal)
      await verifyQueue(desk, add, signal)
    }
  } catch (error) {
    if (!(error instanceof UpstreamError)) throw error
    if (error.code === 'unauthorized') add('token')
    else add('unreachable', error.code)
  }
  return problems
}

type Add = (code: ProblemCode, detail?: string) => void

async function verifyAccount(desk: Desk, add: Add, signal: Signal): Promise<void> {
  const own = await desk.client.send('GET', `/user/${desk.client.userId}`, account, { signal })
  const { Lang } = own.data
  if (Lang) add('language', Lang)
}

async function verifyQueue(desk: Desk, add: Add, signal: Signal): Promise<void> {
  const found = await readQueue(desk, signal)
  if (!found || found.Disabled) return add('queue')
  const { TicketCustomFields, _hyperlinks: links } = found
  if (!links.some(({ ref }) => ref === 'create')) add('right', 'CreateTicket')
  if (!TicketCustomFields.some(({ name }) => name === desk.keyField)) {
    const fields = await desk.client.send('POST', '/customfields', anyPage, {
      body: [{ field: 'Name', value: desk.keyField }],
      signal,
    })
    add(fields.data.items.length > 0 ? 'key_field_not_applied' : 'key_field')
  }
  await verifyRights(desk, add, signal)
}

/** A ticket of the queue shows what our account may do with it; an empty queue shows nothing yet. */
async function verifyRights(desk: Desk, add: Add, signal: Signal): Promise<void> {
  const { data } = await desk.client.send('GET', '/tickets', linksPage, {
    query: {
      query: `Queue = ${quote(desk.queue)} AND Status = 'new'`,
      fields: '_hyperlinks',
      orderby: 'id',
      order: 'DESC',
      per_page: 1,
    },
    signal,
  })
  const [ticket] = data.items
  if (!ticket) return
  const refs = new Set(ticket.links)
  if (!refs.has('comment')) add('right', 'CommentOnTicket')
  if (!refs.has('lifecycle')) add('right', 'ModifyTicket')
}
