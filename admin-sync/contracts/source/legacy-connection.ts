/**
 * One connection to the database of Cofacering, for reading contracts: what it answers is read to its end or is an
 * error. The connection of every question about a login is another one (accounts/legacy-data.ts).
 *
 * Cofacering may be slow, so a statement has no limit of time; silence has one. When the connection is lost while rows
 * come, or the server stops in the middle, the rows so far are worth nothing, and the reader is told.
 */
import pg from 'pg'
import copyStreams from 'pg-copy-streams'
import { UpstreamError } from '../../../core/errors.ts'
import { createCopyText } from './copy-text.ts'
import { SourceError } from './port.ts'

const connectMs = 5000
const goodbyeMs = 1000
/** SQLSTATE that stay as they are until an operator mends query, right or data. */
const lasting = /^(0A|21|22|25006|28|3D|3F|42|54)/

/** @param what for the operator, such as `the query of portfolio`; `undefined`: the connection itself */
function toUpstreamError(error: unknown, what: string | undefined): UpstreamError {
  if (error instanceof UpstreamError) return error
  if (error instanceof TypeError && what !== undefined)
    return refuse(`${what} gives a text that is not of the encoding that the database says it has`)
  const { code, message, position } = error as { code?: unknown; message?: unknown; position?: unknown }
  if (typeof code !== 'string' || !/^[0-9A-Z]{5}$/.test(code) || !lasting.test(code))
    return new UpstreamError('legacy', 0, 'retry', typeof code === 'string' ? code : 'connect', {
      cause: error,
    })
  if (what === undefined) return new UpstreamError('legacy', 0, 'fail', code, { cause: error })
  const place = typeof position === 'string' ? `, at its character ${position}` : ''
  return refuse(`${what} fails: ${String(message)} (SQLSTATE ${code}${place})`)
}
const refuse = (sentence: string) =>
  new UpstreamError('legacy', 0, 'fail', 'mapping', { cause: new SourceError([sentence]) })

export type LegacyConnection = {
  /** A short statement. @param what see toUpstreamError */
  ask: <Row extends pg.QueryResultRow>(text: string, what?: string) => Promise<pg.QueryResult<Row>>
  /** The rows of a query, a chunk of the network at a time. @throws UpstreamError, also when it was cut off */
  copy(query: string, what: string): AsyncGenerator<(string | null)[][]>
  /** Ends what is under way too. */
  close(): Promise<void>
}

/** @throws UpstreamError('legacy') */
export async function connectLegacy(url: string, silenceMs: number): Promise<LegacyConnection> {
  const client = new pg.Client({
    connectionString: url,
    application_name: 'ellipro-admin-sync-contracts',
    connectionTimeoutMillis: connectMs,
    keepAlive: true,
  })
  // Said again by the statement that meets it.
  client.on('error', () => {})
  try {
    await client.connect()
  } catch (error) {
    throw toUpstreamError(error, undefined)
  }
  let copying = false
  async function within<T>(work: Promise<T>): Promise<T> {
    let timer: NodeJS.Timeout | undefined
    const silence = new Promise<never>((_, reject) => {
      timer = setTimeout(() => {
        reject(new UpstreamError('legacy', 0, 'retry', 'timeout'))
      }, silenceMs)
    })
    work.catch(() => undefined)
    try {
      return await Promise.race([work, silence])
    } finally {
      clearTimeout(timer)
    }
  }

  return {
    async ask<Row extends pg.QueryResultRow>(text: string, what?: string) {
      if (copying) throw new Error('A connection reads one thing at a time')
      try {
        return await within(client.query<Row>(text))
      } catch (error) {
        throw toUpstreamError(error, what)
      }
    },
    async *copy(query, what) {
      if (copying) throw new Error('A connection reads one thing at a time')
      copying = true
      const text = createCopyText()
      let rows = 0
      try {
        const stream = client.query(copyStreams.to(`COPY (${query}) TO STDOUT`))
        const chunks: AsyncIterator<Buffer> = stream[Symbol.asyncIterator]()
        for (;;) {
          const { done, value } = await within(chunks.next())
          if (done) break
          const complete = text.push(value)
          rows += complete.length
          if (complete.length > 0) yield complete
        }
        // Answered after the server has said how many rows there were.
        await within(client.query(''))
        if (!text.isComplete() || stream.rowCount !== rows)
          throw new UpstreamError('legacy', 0, 'retry', 'cut_off')
        copying = false
      } catch (error) {
        throw toUpstreamError(error, what)
      }
    },
    async close() {
      // Of a server that is silent no goodbye comes.
      const timer = setTimeout(() => client.connection.stream.destroy(), goodbyeMs)
      await client.end().catch(() => undefined)
      clearTimeout(timer)
    },
  }
}
