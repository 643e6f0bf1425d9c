/**
 * The cron job `tell-address-change`: whoever changes the e-mail address of their account is told of it at the old
 * address. Keycloak tells only the new one, and completes the change when its link is opened by anything, a scanner of
 * mails included; so the old mailbox is where a person finds out that somebody else did it.
 *
 * Keycloak's events (UPDATE_EMAIL) say that something may have happened: they are read from a cursor, some minutes
 * over, each id is dealt with once, and the user as it is now decides. A mail that cannot leave yet (the budget of the
 * address, a mail server that says "later") keeps the cursor where it is, and is tried every minute for a week.
 */
import { UpstreamError } from '../../core/errors.ts'
import type { UserEvent } from '../keycloak/representations.ts'
import { planAddressNotice, type AddressNotice } from './address-change-plan.ts'
import type { AddressChangeStore } from './address-change-store.ts'
import type { AccountDependencies } from './job.ts'

const overlapMs = 5 * 60_000
const pageSize = 100
const patienceMs = 7 * 86_400_000

export type AddressChangeDependencies = Pick<
  AccountDependencies,
  'reader' | 'mailer' | 'holdAddress' | 'log'
> & {
  addressChanges: AddressChangeStore
}

/** How many events had which end; `later` is none yet. */
export type AddressChangeResult = { outcomes: Record<string, number> }

/** @throws UpstreamError when Keycloak or the mail server could not be asked: the cursor stays */
export async function tellAddressChanges(
  dependencies: AddressChangeDependencies,
): Promise<AddressChangeResult> {
  const { addressChanges, log } = dependencies
  const cursor = await addressChanges.readCursor()
  const outcomes: Record<string, number> = {}
  let readUntil = cursor
  let waiting: Date | undefined
  for (const event of await readEvents(dependencies, cursor)) {
    const at = new Date(event.time)
    if (at > readUntil) readUntil = at
    if (await addressChanges.isHandled(event.id)) continue
    const outcome = await dealWith(dependencies, event)
    outcomes[outcome] = (outcomes[outcome] ?? 0) + 1
    if (outcome === 'later') waiting ??= at
    else log.info({ event: 'address_change.done', event_id: event.id, user: event.userId, outcome })
  }
  // The oldest one that waits is read again; those after it are known by their ids.
  await addressChanges.moveCursor(waiting ?? readUntil)
  return { outcomes }
}

/** Oldest first, each once. */
async function readEvents({ reader }: AddressChangeDependencies, cursor: Date): Promise<Iterable<UserEvent>> {
  const events = new Map<string, UserEvent>()
  for (let first = 0, length = pageSize; length === pageSize; first += pageSize) {
    const fromMs = cursor.getTime() - overlapMs
    const page = await reader.listUserEvents({ fromMs, first, max: pageSize }, ['UPDATE_EMAIL'])
    for (const event of page) events.set(event.id, event)
    length = page.length
  }
  return events.values()
}

async function dealWith(dependencies: AddressChangeDependencies, event: UserEvent): Promise<string> {
  const { reader, addressChanges } = dependencies
  const { userId } = event
  const user = userId === undefined ? undefined : await reader.getUser(userId)
  const plan = planAddressNotice(event, user)
  if ('outcome' in plan || !user) {
    const outcome = 'outcome' in plan ? plan.outcome : 'user_gone'
    await addressChanges.recordOutcome(event.id, new Date(event.time), outcome)
    return outcome
  }
  try {
    return await tell(dependencies, event.id, user.id, plan.notice)
  } catch (error) {
    return decideFailure(dependencies, event, error)
  }
}

/** Alone on the old address, so that its budget is counted right. */
async function tell(
  { addressChanges, mailer, holdAddress }: AddressChangeDependencies,
  eventId: string,
  userId: string,
  notice: AddressNotice,
): Promise<string> {
  return holdAddress(notice.addressKey, async (checkpoint) => {
    const budget = await addressChanges.readBudget(notice.addressKey)
    if (budget !== 'ok') throw new UpstreamError('mail', 0, 'retry', budget)
    await checkpoint('begin')
    if (!(await addressChanges.beginSend(eventId, notice.at))) {
      // It was sent, twice at most, by processes that did not live to say so.
      await addressChanges.recordOutcome(eventId, notice.at, 'told_perhaps')
      return 'told_perhaps'
    }
    await checkpoint('send')
    try {
      await mailer.sendAddressChanged({ ...notice, reference: `${eventId}.address-changed` })
    } catch (error) {
      if (error instanceof UpstreamError) await addressChanges.takeBackSend(eventId)
      throw error
    }
    await checkpoint('record')
    await addressChanges.recordSent(eventId, notice.at, userId, notice.addressKey)
    return 'told'
  })
}

/** @throws what concerns more than this one mail */
async function decideFailure(
  { addressChanges, log }: AddressChangeDependencies,
  event: UserEvent,
  error: unknown,
): Promise<string> {
  const ofThisMail =
    error instanceof UpstreamError &&
    (error.service === 'mail' || (error.service === 'smtp' && error.status > 0))
  if (!ofThisMail) throw error
  const at = new Date(event.time)
  const over = Date.now() - event.time > patienceMs
  if (error.disposition === 'retry' && !over) {
    log.warn({ event: 'address_change.later', event_id: event.id, user: event.userId, code: error.code })
    return 'later'
  }
  // An old mailbox that is closed is a good reason to change one's address, and nothing that anybody could mend.
  log.warn({
    event: 'address_change.undeliverable',
    event_id: event.id,
    user: event.userId,
    code: error.code,
  })
  await addressChanges.recordOutcome(event.id, at, 'undeliverable')
  return 'undeliverable'
}
