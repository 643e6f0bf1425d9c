/**
 * One ticket a key. RT has no idempotency and no unique key, so: search (unless nobody ever asked for it), create, search
 * again; what was made twice is merged into the lowest id, by whoever sees it first. The last search is also the reading back.
 *
 * A ticket that RT makes after we stopped waiting is found by the next search, or merged when its making is told
 * (changes.ts). Only tickets that our own account made are ever merged: an agent's copy of a ticket is the agent's.
 */
import type { Draft, Ensured } from '../port.ts'
import { UpstreamError } from '../../../core/errors.ts'
import { isUnsent } from '../http.ts'
import { toBody, toSubject } from '../typed-text.ts'
import { refusal } from './client.ts'
import { findByKey, holdsKey, keyOf, readQueue, readTicket, toTicket, type Desk } from './desk.ts'
import { created, sentences, type RtTicket } from './shapes.ts'

/** RT cuts a subject there, through a character if need be. */
export const subjectLimit = 200
/** RT keeps values of custom fields to 255 characters where it can search them. */
export const keyLimit = 255

export type Own = (signal: AbortSignal | undefined) => Promise<string>

export type Memory = {
  isFieldThere: boolean
  /** Made, and not to be found by its key: no other ticket is made before this one is, or each try would make one. */
  lost: { id: string; draft: Draft } | undefined
}
export const newMemory = (): Memory => ({ isFieldThere: false, lost: undefined })

/**
 * Throws while no ticket may be made: the queue is not there, or the key field not on it, or our account may not see or mark
 * what it made. Nobody but an operator mends that.
 */
async function requireRights(
  desk: Desk,
  own: Own,
  memory: Memory,
  signal: AbortSignal | undefined,
): Promise<void> {
  if (!memory.isFieldThere) {
    const found = await readQueue(desk, signal)
    if (!found) throw refusal(404, 'retry', 'queue')
    if (!found.TicketCustomFields.some(({ name }) => name === desk.keyField))
      throw refusal(200, 'retry', 'key_field')
    memory.isFieldThere = true
  }
  if (memory.lost) {
    await adopt(desk, own, memory.lost.draft, memory.lost.id, [], signal)
    memory.lost = undefined
  }
}

/** @throws UpstreamError when nothing was made */
export async function ensureTicket(
  desk: Desk,
  own: Own,
  memory: Memory,
  draft: Draft,
  signal: AbortSignal | undefined,
): Promise<Ensured> {
  const { key } = draft
  if (draft.externalId !== undefined) {
    const known = await readTicket(desk, draft.externalId, signal)
    if (known) return { outcome: 'existing', ticket: toTicket(desk, known.data, known.etag) }
  }
  // A first one that was made before all the same (a restored backup) is met by the second search.
  const before = draft.isFirst ? [] : await findByKey(desk, key, signal)
  if (before.length > 0) return keepOldest(desk, own, key, before, signal)
  await requireRights(desk, own, memory, signal)
  let id: string
  try {
    id = await create(desk, draft, signal)
  } catch (error) {
    return orUncertain(error)
  }
  try {
    const after = await findByKey(desk, key, signal)
    const mine = after.find((found) => found.id === id)
    if (!mine) {
      memory.lost = { id, draft }
      const adopted = await adopt(desk, own, draft, id, after, signal)
      memory.lost = undefined
      return adopted
    }
    if (after.length === 1) return { outcome: 'created', ticket: toTicket(desk, mine) }
    // Each one merges its own; the oldest also those that could not see it yet.
    const isMine = (twin: RtTicket) => twin.id === id
    const isOurs = (twin: RtTicket) => twin.Creator.id === mine.Creator.id
    return await mergeTwins(desk, key, after, mine === after[0] ? isOurs : isMine, signal)
  } catch (error) {
    if (error instanceof UpstreamError && ['forbidden', 'key_not_taken'].includes(error.code)) throw error
    memory.lost = undefined
    // It was made, most likely, and could not be looked at.
    if (error instanceof UpstreamError && error.disposition === 'retry')
      return { outcome: 'uncertain', code: error.code }
    throw error
  }
}

/** RT may have done it, unless nothing was sent or RT itself refused. */
function orUncertain(error: unknown): Ensured {
  const refused = error instanceof UpstreamError && [401, 403, 429].includes(error.status)
  if (!(error instanceof UpstreamError) || error.disposition === 'fail' || refused || isUnsent(error))
    throw error
  return { outcome: 'uncertain', code: error.code }
}

async function create(desk: Desk, draft: Draft, signal: AbortSignal | undefined): Promise<string> {
  const { data } = await desk.client.send('POST', '/ticket', created, {
    body: {
      Queue: desk.queue,
      Subject: toSubject(draft.subject, subjectLimit),
      Content: toBody(draft.text),
      ContentType: 'text/plain',
      CustomFields: { [desk.keyField]: draft.key },
      // Anything else than one plain address would be read as several, or refused in silence.
      ...(draft.requester !== undefined &&
        /^[^\s,;<>"()]+@[^\s,;<>"()@]+$/.test(draft.requester) && { Requestor: [draft.requester] }),
    },
    signal,
  })
  return data.id
}

/** Leaves one ticket of those of one key that we made. */
export async function keepOldest(
  desk: Desk,
  own: Own,
  key: string,
  found: readonly RtTicket[],
  signal: AbortSignal | undefined,
): Promise<Ensured> {
  const [first] = found
  if (first && found.length === 1) return { outcome: 'existing', ticket: toTicket(desk, first) }
  const name = await own(signal)
  return mergeTwins(desk, key, found, (twin) => twin.Creator.id === name, signal)
}

/**
 * Merges what we made twice into the oldest ticket of the key.
 * @param found every ticket of the key, oldest first; at least one
 * @param isTwin which of the others to merge
 */
async function mergeTwins(
  desk: Desk,
  key: string,
  found: readonly RtTicket[],
  isTwin: (ticket: RtTicket) => boolean,
  signal: AbortSignal | undefined,
): Promise<Ensured> {
  const [first, ...others] = found
  if (!first) throw refusal(200, 'retry', 'unexpected')
  const twins = others.filter(isTwin)
  for (const twin of twins)
    await desk.client.send('PUT', `/ticket/${twin.id}`, sentences, {
      body: { MergeInto: Number(first.id) },
      signal,
    })
  if (twins.length === 0) return { outcome: 'existing', ticket: toTicket(desk, first) }
  // RT answers 200 whatever became of it.
  const [now, ...beside] = await findByKey(desk, key, signal)
  if (!now || beside.some(({ id }) => twins.some((twin) => twin.id === id)))
    return { outcome: 'uncertain', code: 'not_merged' }
  return { outcome: 'existing', ticket: toTicket(desk, now) }
}

/**
 * RT said that it made a ticket, and the search does not find it: RT left the key out, or it was not RT that answered. The
 * ticket is touched only when it is ours without doubt.
 */
async function adopt(
  desk: Desk,
  own: Own,
  draft: Draft,
  id: string,
  found: readonly RtTicket[],
  signal: AbortSignal | undefined,
): Promise<Ensured> {
  const { key } = draft
  const made = (await readTicket(desk, id, signal))?.data
  if (made?.id !== id || made.Creator.id !== (await own(signal)))
    return { outcome: 'uncertain', code: 'not_made' }
  if (holdsKey(desk, made, key)) return { outcome: 'created', ticket: toTicket(desk, made) }
  if (
    keyOf(desk, made) !== undefined ||
    !isSameLine(made.Subject ?? '', toSubject(draft.subject, subjectLimit))
  )
    return { outcome: 'uncertain', code: 'not_made' }
  const [first] = found
  const body = first ? { MergeInto: Number(first.id) } : { CustomFields: { [desk.keyField]: key } }
  await desk.client.send('PUT', `/ticket/${id}`, sentences, { body, signal })
  const now = (await readTicket(desk, id, signal))?.data
  if (now && holdsKey(desk, now, key))
    return { outcome: first ? 'existing' : 'created', ticket: toTicket(desk, now) }
  throw refusal(200, 'retry', 'key_not_taken')
}

const isSameLine = (a: string, b: string) =>
  a.replaceAll(/\s+/g, ' ').trim() === b.replaceAll(/\s+/g, ' ').trim()
