/**
 * Writing into a ticket. RT answers 200 to what it did not do, so everything is read back and compared; it takes comments on
 * tickets that were deleted, and writes on tickets that were merged go elsewhere, so the ticket is read first.
 */
import type { Applied, Note, Patch } from '../port.ts'
import { noteMarker, toBody, toSubject } from '../typed-text.ts'
import { readTicket, toTicket, type Desk } from './desk.ts'
import { subjectLimit } from './ensure.ts'
import { anyPage, sentences } from './shapes.ts'
import { fromRt, toRt } from './status.ts'

export async function applyPatch(
  desk: Desk,
  externalId: string,
  patch: Patch,
  signal: AbortSignal | undefined,
): Promise<Applied> {
  const before = await readTicket(desk, externalId, signal)
  if (!before) return { outcome: 'gone' }
  if (before.data.id !== externalId)
    return { outcome: 'merged', ticket: toTicket(desk, before.data, before.etag) }

  const notTaken: (keyof Patch)[] = []
  if (patch.note && !(await writeNote(desk, externalId, patch.note, signal))) notTaken.push('note')
  const subject = patch.subject === undefined ? undefined : toSubject(patch.subject, subjectLimit)
  const rawStatus = patch.status === undefined ? undefined : toRt(desk.statuses, patch.status)
  const body = {
    // A status of RT's that means the same stays: an agent chose it.
    ...(rawStatus !== undefined &&
      fromRt(desk.statuses, before.data.Status) !== patch.status &&
      before.data.Status.toLowerCase() !== rawStatus && { Status: rawStatus }),
    ...(subject !== undefined && before.data.Subject !== subject && { Subject: subject }),
  }
  if (Object.keys(body).length > 0)
    await desk.client.send('PUT', `/ticket/${externalId}`, sentences, { body, signal })

  const after = await readTicket(desk, externalId, signal)
  if (!after) return { outcome: 'gone' }
  if (after.data.id !== externalId)
    return { outcome: 'merged', ticket: toTicket(desk, after.data, after.etag) }
  if (body.Status !== undefined && after.data.Status.toLowerCase() !== body.Status) notTaken.push('status')
  if (body.Subject !== undefined && after.data.Subject !== body.Subject) notTaken.push('subject')
  return { outcome: 'applied', ticket: toTicket(desk, after.data, after.etag), notTaken }
}

/** @returns whether the note is in the ticket now */
async function writeNote(
  desk: Desk,
  ticketId: string,
  note: Note,
  signal: AbortSignal | undefined,
): Promise<boolean> {
  if (await hasNote(desk, ticketId, note.id, signal)) return true
  await desk.client.send('POST', `/ticket/${ticketId}/comment`, sentences, {
    body: { Content: `${toBody(note.text)}\n\n${noteMarker(note.id)}`, ContentType: 'text/plain' },
    signal,
  })
  return hasNote(desk, ticketId, note.id, signal)
}

/** Only what our own account wrote counts: nobody else can make a note look written. */
async function hasNote(
  desk: Desk,
  ticketId: string,
  noteId: string,
  signal: AbortSignal | undefined,
): Promise<boolean> {
  const { data } = await desk.client.send('POST', `/ticket/${ticketId}/attachments`, anyPage, {
    body: [
      { field: 'Content', operator: 'LIKE', value: noteMarker(noteId) },
      { field: 'Creator', value: desk.client.userId ?? '0' },
    ],
    signal,
  })
  return data.items.length > 0
}
