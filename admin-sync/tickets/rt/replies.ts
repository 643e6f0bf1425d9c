/** The texts of comments and replies, many with one request. */
import { UpstreamError } from '../../../core/errors.ts'
import { htmlToText } from '../html-text.ts'
import { replyLimit } from '../port.ts'
import type { Client } from './client.ts'
import { attachmentPage } from './shapes.ts'

/** A reply has one or two texts; this many replies fit one page. */
const batchSize = 25

/**
 * @param ids of transactions
 * @returns by transaction; without those that hold no text, or one that is too long to be fetched
 */
export async function readReplies(
  client: Client,
  ids: readonly number[],
  signal: AbortSignal | undefined,
): Promise<Map<number, string>> {
  const texts = new Map<number, string>()
  const queue: number[][] = []
  for (let i = 0; i < ids.length; i += batchSize) queue.push(ids.slice(i, i + batchSize))
  for (let batch = queue.shift(); batch; batch = queue.shift())
    try {
      await readBatch(client, batch, texts, signal)
    } catch (error) {
      if (!(error instanceof UpstreamError && error.code === 'too_long')) throw error
      // Somebody pasted megabytes: the others are read one by one, and that one not at all.
      if (batch.length > 1) queue.unshift(...batch.map((id) => [id]))
    }
  return texts
}

async function readBatch(
  client: Client,
  ids: readonly number[],
  texts: Map<number, string>,
  signal: AbortSignal | undefined,
): Promise<void> {
  const { data } = await client.send('POST', '/attachments', attachmentPage, {
    query: {
      fields: 'TransactionId,ContentType,Filename,Content',
      orderby: 'id',
      order: 'ASC',
      per_page: 100,
    },
    body: [
      ...ids.map((id) => ({ field: 'TransactionId', value: id, entry_aggregator: 'OR' })),
      // never the files
      { field: 'ContentType', operator: 'STARTSWITH', value: 'text/' },
    ],
    signal,
  })
  const wanted = new Set(ids)
  for (const plainOnly of [true, false])
    for (const { TransactionId, ContentType, Filename, Content } of data.items) {
      const isPlain = ContentType === 'text/plain'
      if (!wanted.has(TransactionId) || texts.has(TransactionId) || Filename || !Content) continue
      if (plainOnly !== isPlain) continue
      texts.set(TransactionId, (isPlain ? Content : htmlToText(Content)).slice(0, replyLimit))
    }
}
