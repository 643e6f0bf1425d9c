/**
 * One authenticated call to Keycloak's Admin REST API: a cached token, a time limit, and every failure as an
 * UpstreamError that says whether to ask again.
 *
 * - no answer, time limit, 408, 429, 5xx, a redirect: `retry`, code `connect`, `timeout`, `http_<status>`
 * - an answer that Keycloak does not give (a page of a proxy, half an answer): `retry`, code `http_<status>`, or
 *   `not_json` when the status was 2xx. Nothing may be concluded from it.
 * - the realm is not there: `fail`, code `no_realm`, unless it is the realm that was asked for; the realm does not know
 *   the credential: `fail`, code `unauthorized`. Neither says anything about a user.
 * - 404 `not_found`, 409 `conflict`, 403 `forbidden`, 401 `unauthorized`: `fail`
 * - other 4xx: `fail`, with Keycloak's own stable key where it gave one (`invalidPasswordMinLengthMessage`,
 *   `error-invalid-value`), else `http_<status>`
 *
 * Keycloak's texts never become a message of ours: they quote addresses.
 */
import { UpstreamError, type Disposition } from '../../core/errors.ts'

export type Account =
  /** A service account of the realm. */
  | { kind: 'client'; clientId: string; clientSecret: string }
  /** A user of realm `master`, by password: for an operator at a terminal. */
  | { kind: 'administrator'; username: string; password: string }

export type Request = {
  query?: Record<string, string | number | boolean | readonly string[] | undefined>
  /** Sent as JSON. */
  body?: unknown
  timeoutMs?: number
}
export type Answer = { data: unknown; id: string | undefined }
export type Transport = {
  /** `path` is below `/admin`. `id` is the last segment of Location, for objects that were created. */
  send(method: 'GET' | 'POST' | 'PUT' | 'DELETE', path: string, request?: Request): Promise<Answer>
  /** Forgets the token: rights given since it was issued count from the next call. */
  renewToken(): void
  /** Keycloak user id that the token is for. */
  subject(): Promise<string>
}

export type Tokens = {
  /** @throws UpstreamError `keycloak` */
  read: () => Promise<string>
  forget: () => void
}

const defaultTimeoutMs = 15_000
/** A token is not used in its last seconds, so that it cannot expire under way. */
const tokenMarginMs = 10_000

/** Builds a path and escapes each value in it. */
export function at(parts: TemplateStringsArray, ...values: string[]): string {
  return parts.reduce((path, part, i) => path + part + encodeURIComponent(values[i] ?? ''), '')
}

export const isNotFound = (error: unknown): boolean => hasCode(error, 'not_found')
/** An object of that name, address or link exists already. */
export const isConflict = (error: unknown): boolean => hasCode(error, 'conflict')
/** The account in use has no right to that. */
export const isForbidden = (error: unknown): boolean => hasCode(error, 'forbidden')

function hasCode(error: unknown, code: string): boolean {
  return error instanceof UpstreamError && error.service === 'keycloak' && error.code === code
}

/** Told of each call that has ended; status 0: without an answer. */
export type OnAnswer = (method: string, status: number, seconds: number) => void

/** @param url base address of Keycloak, without a trailing slash. */
export function createTransport(
  url: string,
  realm: string,
  account: Account,
  onAnswer: OnAnswer = () => {},
): Transport {
  const tokens = createTokens(url, realm, account)
  return {
    renewToken: tokens.forget,
    subject: async () => readSubject(await tokens.read()),
    async send(method, path, request = {}) {
      const target = new URL(`${url}/admin${path}`)
      for (const [key, value] of Object.entries(request.query ?? {}))
        for (const one of Array.isArray(value) ? (value as string[]) : [value])
          if (one !== undefined) target.searchParams.append(key, String(one))
      const attempt = async (token: string) =>
        timed(method, onAnswer, () =>
          ask(target, request.timeoutMs, {
            method,
            headers: {
              authorization: `Bearer ${token}`,
              accept: 'application/json',
              ...(request.body !== undefined && { 'content-type': 'application/json' }),
            },
            ...(request.body !== undefined && { body: JSON.stringify(request.body) }),
          }),
        )
      const token = await tokens.read()
      let reply = await attempt(token)
      if (reply.response.status === 401) {
        // The session behind a token ends with a restart or a changed secret: one new token, then it is final.
        tokens.forget()
        reply = await attempt(await tokens.read())
      }
      if (!reply.response.ok) throw describeRefusal(reply.response.status, reply.data, path)
      assertAnswer(method, reply.data)
      return { data: reply.data, id: reply.response.headers.get('location')?.split('/').pop() }
    },
  }
}

async function timed(method: string, onAnswer: OnAnswer, call: () => ReturnType<typeof ask>) {
  const startedAt = performance.now()
  let status = 0
  try {
    const reply = await call()
    status = reply.response.status
    return reply
  } finally {
    onAnswer(method, status, (performance.now() - startedAt) / 1000)
  }
}

/** Tokens of an account, kept until shortly before they expire; `forget` makes the next one a new one. */
export function createTokens(url: string, realm: string, account: Account): Tokens {
  const grant = async () => {
    const administrator = account.kind === 'administrator'
    const target = new URL(
      `${url}/realms/${encodeURIComponent(administrator ? 'master' : realm)}/protocol/openid-connect/token`,
    )
    const askedAt = Date.now()
    const { response, data } = await ask(target, undefined, {
      method: 'POST',
      headers: { accept: 'application/json' },
      body: new URLSearchParams(
        administrator
          ? {
              grant_type: 'password',
              client_id: 'admin-cli',
              username: account.username,
              password: account.password,
            }
          : {
              grant_type: 'client_credentials',
              client_id: account.clientId,
              client_secret: account.clientSecret,
            },
      ),
    })
    if (!response.ok) throw describeTokenRefusal(response.status, data)
    const { access_token, expires_in } = Object(data) as { access_token?: unknown; expires_in?: unknown }
    if (typeof access_token !== 'string' || typeof expires_in !== 'number')
      throw refusal(response.status, 'retry', 'not_json')
    return { token: access_token, expiresAt: askedAt + expires_in * 1000 - tokenMarginMs }
  }
  let asked: Promise<string> | undefined
  let until = 0
  return {
    forget: () => {
      asked = undefined
    },
    read(): Promise<string> {
      if (asked && Date.now() < until) return asked
      // Callers that arrive while it is under way share this one request.
      until = Infinity
      const mine = grant().then(({ token, expiresAt }) => {
        until = expiresAt
        return token
      })
      mine.catch(() => {
        if (asked === mine) asked = undefined
      })
      asked = mine
      return mine
    },
  }
}

async function ask(url: URL, timeoutMs = defaultTimeoutMs, init: RequestInit) {
  try {
    const response = await fetch(url, {
      ...init,
      // A redirect would carry the token to a place that nobody configured.
      redirect: 'manual',
      signal: AbortSignal.timeout(timeoutMs),
    })
    return { response, data: parse(await response.text()) }
  } catch (error) {
    const timedOut = error instanceof Error && error.name === 'TimeoutError'
    throw new UpstreamError('keycloak', 0, 'retry', timedOut ? 'timeout' : 'connect', { cause: error })
  }
}

function parse(text: string): unknown {
  if (text === '') return undefined
  try {
    return JSON.parse(text)
  } catch {
    return text
  }
}

/** Keycloak answers every reading with JSON that is no text, and what changes something with JSON or nothing. */
function assertAnswer(method: string, data: unknown): void {
  if (typeof data === 'string' || (method === 'GET' && data === undefined))
    throw refusal(200, 'retry', 'not_json')
}

const codes: Record<number, string> = {
  401: 'unauthorized',
  403: 'forbidden',
  404: 'not_found',
  409: 'conflict',
}

function describeRefusal(status: number, data: unknown, path: string): UpstreamError {
  // Keycloak refuses in JSON; a text is of a proxy in front of it, and so is a 404 without a word.
  if (typeof data === 'string') return refusal(status, 'retry', `http_${status}`)
  if (status === 404) {
    if (typeof data !== 'object' || data === null) return refusal(status, 'retry', 'http_404')
    const isRealmItself = path.split('/').length === 3
    if ('error' in data && data.error === 'Realm not found.' && !isRealmItself)
      return refusal(status, 'fail', 'no_realm')
  }
  const later = status < 400 || status === 408 || status === 429 || status >= 500
  const code = codes[status] ?? (later ? undefined : readKey(data)) ?? `http_${status}`
  return refusal(status, later ? 'retry' : 'fail', code)
}

/** Without a token nothing was asked: that is never an answer about an object. */
function describeTokenRefusal(status: number, data: unknown): UpstreamError {
  if (status === 404 && typeof data === 'object') return refusal(status, 'fail', 'no_realm')
  if (typeof data === 'string' || status < 400 || [404, 408, 429].includes(status) || status >= 500)
    return refusal(status, 'retry', `http_${status}`)
  return refusal(status, 'fail', 'unauthorized')
}

const refusal = (status: number, disposition: Disposition, code: string) =>
  new UpstreamError('keycloak', status, disposition, code)

/** Keycloak has three shapes of refusal; only a single word is a key, anything longer is a text. */
function readKey(data: unknown): string | undefined {
  const { error, errorMessage, errors } = Object(data) as Record<string, unknown>
  const first = Array.isArray(errors)
    ? (Object(errors[0]) as Record<string, unknown>)['errorMessage']
    : undefined
  return [error, errorMessage, first].find(
    (key): key is string => typeof key === 'string' && /^[\w-]{1,80}$/.test(key) && key !== 'unknown_error',
  )
}

function readSubject(token: string): string {
  const payload = JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString()) as {
    sub: string
  }
  return payload.sub
}
