/**
 * One HTTP exchange with a help desk, on a connection of its own: a time limit for the whole of it, a limit for the size of
 * the answer, and no redirect followed. A new connection each time, because servers of this kind keep one of their few
 * workers for each idle connection.
 *
 * Every failure is an UpstreamError('helpdesk', 0, 'retry', code):
 * - `unreachable`: no connection was made, so nothing was done
 * - `cut`, `timeout`, `too_long`, `aborted`: what was asked may have been done
 */
import { request as requestHttp, type IncomingMessage } from 'node:http'
import { request as requestHttps } from 'node:https'
import { UpstreamError } from '../../core/errors.ts'

export type Exchange = {
  method: string
  url: URL
  headers: Record<string, string>
  body?: string | undefined
  timeoutMs: number
  /** Ends the exchange early, as code `aborted`. */
  signal?: AbortSignal | undefined
}
export type Reply = { status: number; headers: IncomingMessage['headers']; text: string }

/** A hundred long messages and some; nothing that a ticket needs is longer. */
const longestAnswer = 8 * 1024 * 1024

/** Nothing can have been done: the request never left. */
export const isUnsent = (error: unknown): boolean =>
  error instanceof UpstreamError && error.service === 'helpdesk' && error.code === 'unreachable'

/** @throws UpstreamError */
export async function exchange(asked: Exchange): Promise<Reply> {
  const { method, url, headers, body, timeoutMs, signal } = asked
  const timeout = AbortSignal.timeout(timeoutMs)
  const ends = signal ? AbortSignal.any([timeout, signal]) : timeout
  let connected = false
  try {
    return await new Promise<Reply>((resolve, reject) => {
      const send = url.protocol === 'https:' ? requestHttps : requestHttp
      const options = { method, headers, agent: false, signal: ends } as const
      const request = send(url, options, (answer) => {
        readText(answer).then(
          (text) => resolve({ status: answer.statusCode ?? 0, headers: answer.headers, text }),
          (error: unknown) => {
            request.destroy()
            reject(error instanceof Error ? error : new Error(String(error)))
          },
        )
      })
      request.on('socket', (socket) => {
        socket.once(url.protocol === 'https:' ? 'secureConnect' : 'connect', () => {
          connected = true
        })
      })
      request.on('error', reject)
      request.end(body)
    })
  } catch (error) {
    if (error instanceof UpstreamError) throw error
    const code = signal?.aborted ? 'aborted' : timeout.aborted ? 'timeout' : connected ? 'cut' : 'unreachable'
    throw new UpstreamError('helpdesk', 0, 'retry', code, { cause: error })
  }
}

async function readText(answer: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  let length = 0
  for await (const chunk of answer) {
    length += (chunk as Buffer).length
    if (length > longestAnswer) throw new UpstreamError('helpdesk', 0, 'retry', 'too_long')
    chunks.push(chunk as Buffer)
  }
  return Buffer.concat(chunks).toString('utf8')
}
