/**
 * One authenticated call to RT's REST 2.0, and every failure as an UpstreamError('helpdesk') that says whether to ask again.
 *
 * - no answer: see http.ts, `retry`
 * - 5xx, 408, 429, a redirect, or a refusal that is not RT's (a page of a proxy): `retry`, `http_<status>`
 * - 2xx without the JSON that was expected: `retry`, `not_json` or `unexpected`; nothing may be concluded
 * - 401 `unauthorized`, 403 `forbidden`: `retry`, because an operator mends it and the ticket waits for that
 * - 404: `fail`, `not_found`; other 4xx: `fail`, `http_<status>`
 *
 * RT's messages are in the language of its user and quote what was sent: they are neither read nor passed on.
 */
import type { z } from 'zod'
import { UpstreamError, type Disposition } from '../../../core/errors.ts'
import { exchange } from '../http.ts'

export type ClientOptions = {
  /** Base address of RT, without a trailing slash. */
  url: string
  /** `1-<user id>-<secret>`, of RT's page "Auth Tokens". */
  token: string
  timeoutMs: number
}
export type Asked = {
  query?: Record<string, string | number>
  /** Sent as JSON. */
  body?: unknown
  signal?: AbortSignal | undefined
}
export type Answer<T> = {
  data: T
  /** Names the newest transaction of a ticket that we may see; only of a ticket. */
  etag: string | undefined
  /** RT's clock; ours where it does not say. */
  at: Date
}
export type Client = {
  /** `path` is below /REST/2.0. */
  send<T>(method: string, path: string, shape: z.ZodType<T>, asked?: Asked): Promise<Answer<T>>
  /** Id of the user whose token it is; undefined when the token does not look like one. */
  userId: string | undefined
}

/** RT sends whoever looks like a browser to its sign-in page instead of saying 401. */
const userAgent = 'ellipro-admin-sync'

const hasCode = (error: unknown, code: string): boolean =>
  error instanceof UpstreamError && error.service === 'helpdesk' && error.code === code
export const isNotFound = (error: unknown): boolean => hasCode(error, 'not_found')
/** Our account may not do that, or not see it. */
export const isForbidden = (error: unknown): boolean => hasCode(error, 'forbidden')

export function createClient({ url, token, timeoutMs }: ClientOptions): Client {
  return {
    userId: /^1-(\d+)-[0-9a-f]+$/i.exec(token)?.[1],
    async send(method, path, shape, { query = {}, body, signal } = {}) {
      const target = new URL(`${url}/REST/2.0${path}`)
      for (const [name, value] of Object.entries(query)) target.searchParams.append(name, String(value))
      const { status, headers, text } = await exchange({
        method,
        url: target,
        headers: {
          authorization: `token ${token}`,
          accept: 'application/json',
          'user-agent': userAgent,
          ...(body !== undefined && { 'content-type': 'application/json' }),
        },
        body: body === undefined ? undefined : JSON.stringify(body),
        timeoutMs,
        signal,
      })
      const data = parse(text)
      if (status < 200 || status >= 300) throw describeRefusal(status, data)
      if (data === undefined) throw refusal(status, 'retry', 'not_json')
      const read = shape.safeParse(data)
      if (!read.success) throw refusal(status, 'retry', 'unexpected')
      const at = new Date(headers.date ?? '')
      return {
        data: read.data,
        etag: headers.etag?.replaceAll('"', ''),
        at: Number.isNaN(at.getTime()) ? new Date() : at,
      }
    },
  }
}

/** Everything that RT says is an object or a list. */
function parse(text: string): object | undefined {
  try {
    const data: unknown = JSON.parse(text)
    return typeof data === 'object' && data !== null ? data : undefined
  } catch {
    return undefined
  }
}

function describeRefusal(status: number, data: object | undefined): UpstreamError {
  const later = status < 400 || status === 408 || status === 429 || status >= 500
  if (data === undefined || later) return refusal(status, 'retry', `http_${status}`)
  if (status === 401) return refusal(status, 'retry', 'unauthorized')
  if (status === 403) return refusal(status, 'retry', 'forbidden')
  if (status === 404) return refusal(status, 'fail', 'not_found')
  return refusal(status, 'fail', `http_${status}`)
}

export const refusal = (status: number, disposition: Disposition, code: string): UpstreamError =>
  new UpstreamError('helpdesk', status, disposition, code)

/** A text in TicketSQL and TransactionSQL, which have no parameters. */
export function quote(text: string): string {
  return `'${text.replaceAll(/[\\']/g, String.raw`\$&`)}'`
}
