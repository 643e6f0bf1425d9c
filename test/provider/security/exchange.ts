/**
 * One HTTP exchange as it is on the wire: header names in their order and their case, which `fetch` hides, and requests
 * that `fetch` would put right. A jar for the cookies, nothing else of a browser.
 */
import { request } from 'node:http'
import { connect } from 'node:net'

export type Answer = { status: number; headers: [name: string, value: string][]; body: string }

export class Wire {
  readonly #origin: string
  readonly jar = new Map<string, string>()
  constructor(origin: string) {
    this.#origin = origin
  }

  /** @param form sent as a form; `body` with any other type */
  async send(
    path: string,
    o: {
      method?: string
      form?: Record<string, string> | string
      headers?: Record<string, string | string[]>
    } = {},
  ): Promise<Answer> {
    const { hostname, port } = new URL(this.#origin)
    const body = typeof o.form === 'object' ? new URLSearchParams(o.form).toString() : o.form
    const cookie = [...this.jar].map(([name, value]) => `${name}=${value}`).join('; ')
    const headers = {
      ...(cookie !== '' && { cookie }),
      ...(body !== undefined && {
        'content-type': 'application/x-www-form-urlencoded',
        'content-length': String(Buffer.byteLength(body)),
      }),
      ...o.headers,
    }
    const { promise, resolve, reject } = Promise.withResolvers<Answer>()
    const method = o.method ?? (body === undefined ? 'GET' : 'POST')
    // A connection of its own: one that the server is about to end would fail the next request.
    const asked = request({ hostname, port, path, method, headers, agent: false }, (answer) => {
      const parts: Buffer[] = []
      answer.on('data', (part: Buffer) => parts.push(part))
      answer.on('end', () => {
        const raw = answer.rawHeaders
        const pairs = raw.flatMap((name, i) =>
          i % 2 === 0 ? [[name, raw[i + 1] ?? ''] as [string, string]] : [],
        )
        for (const line of answer.headers['set-cookie'] ?? []) this.#keep(line)
        resolve({ status: answer.statusCode ?? 0, headers: pairs, body: Buffer.concat(parts).toString() })
      })
      answer.on('error', reject)
    })
    // A server that has said "too large" may close before everything was sent.
    asked.on('error', reject)
    asked.end(body)
    return promise
  }

  /** The hidden field of a form on the page at `path`. */
  async token(path = '/'): Promise<string> {
    return /name="csrf" value="([^"]+)"/.exec((await this.send(path)).body)?.[1] ?? ''
  }

  #keep(line: string): void {
    const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(line) ?? []
    if (value === '' || /max-age=0/i.test(line)) this.jar.delete(name)
    else this.jar.set(name, value)
  }
}

/** Bytes as they are, and everything that comes back until the server ends the connection. */
export function sendBytes(origin: string, bytes: Buffer): Promise<string> {
  const { hostname, port } = new URL(origin)
  return new Promise((resolve) => {
    const parts: Buffer[] = []
    const socket = connect(Number(port), hostname, () => socket.write(bytes))
    socket.on('data', (part) => parts.push(part))
    socket.on('error', () => undefined)
    socket.on('close', () => resolve(Buffer.concat(parts).toString('latin1')))
  })
}
