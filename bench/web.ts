/**
 * HTTP as a browser does it, made of little: kept connections, a cookie jar, redirects one by one. On node:http, because
 * what the measuring process uses is missing to what is measured, and `fetch` uses more.
 */
import { Agent, request } from 'node:http'

export type Answer = {
  status: number
  url: string
  /** Absolute; `undefined` when the answer is no redirect. */
  location: string | undefined
  body: string
}
type Cookie = { host: string; name: string; value: string; path: string }

export class Browser {
  readonly #agent: Agent
  readonly #headers: Record<string, string>
  #cookies: Cookie[] = []

  /** @param agent shared by the browsers of one person at a time @param headers sent with every request */
  constructor(agent: Agent, headers: Record<string, string> = {}) {
    this.#agent = agent
    this.#headers = headers
  }

  /** Puts a cookie into the jar, for the whole host of the URL. */
  give(url: string, name: string, value: string): void {
    this.#cookies.push({ host: new URL(url).host, name, value, path: '/' })
  }

  /** One request; redirects are not followed. */
  async open(
    url: string,
    { form, headers }: { form?: Record<string, string>; headers?: Record<string, string> } = {},
  ): Promise<Answer> {
    const target = new URL(url)
    const cookie = this.#cookies
      .filter((one) => one.host === target.host && `${target.pathname}/`.startsWith(one.path))
      .map(({ name, value }) => `${name}=${value}`)
      .join('; ')
    const body = form && new URLSearchParams(form).toString()
    const answer = await send(this.#agent, target, body, {
      'accept-language': 'fr',
      ...(cookie !== '' && { cookie }),
      ...this.#headers,
      ...headers,
    })
    for (const line of answer.setCookie) this.#keep(target, line)
    const { status, location } = answer
    return {
      status,
      url,
      location: location === undefined ? undefined : new URL(location, url).href,
      body: answer.body,
    }
  }

  /**
   * Follows redirects until an address begins with `stop`, which is not opened.
   * @throws Error when a page stands still before that
   */
  async walk(from: string | Answer, stop: string): Promise<URL> {
    let answer = typeof from === 'string' ? await this.open(from) : from
    for (let hops = 0; hops < 20; hops++) {
      const { location } = answer
      if (location === undefined)
        throw new Error(`${answer.url} answered ${answer.status}: ${textOf(answer.body).slice(0, 400)}`)
      if (location.startsWith(stop)) return new URL(location)
      answer = await this.open(location)
    }
    throw new Error(`Too many redirects, the last to ${answer.url}`)
  }

  /** Sends the first form of a page with its hidden fields. */
  async submit(page: Answer, fields: Record<string, string>): Promise<Answer> {
    const form = /<form[^>]*action="([^"]+)"[^>]*>([\s\S]*?)<\/form>/.exec(page.body)
    if (!form) throw new Error(`No form at ${page.url} (${page.status}): ${textOf(page.body).slice(0, 400)}`)
    const hidden = [...(form[2] ?? '').matchAll(/<input[^>]*type="hidden"[^>]*>/g)].map(([tag]) => [
      /name="([^"]*)"/.exec(tag)?.[1] ?? '',
      unescape(/value="([^"]*)"/.exec(tag)?.[1] ?? ''),
    ])
    return this.open(new URL(unescape(form[1] ?? ''), page.url).href, {
      form: { ...(Object.fromEntries(hidden) as Record<string, string>), ...fields },
    })
  }

  #keep({ host }: URL, line: string): void {
    const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(line) ?? []
    const said = /;\s*path=([^;]+)/i.exec(line)?.[1] ?? '/'
    const path = said.endsWith('/') ? said : `${said}/`
    this.#cookies = this.#cookies.filter((c) => !(c.host === host && c.name === name && c.path === path))
    const isGone = value === '' || /max-age=0/i.test(line) || /expires=Thu, 01 Jan 1970/i.test(line)
    if (!isGone) this.#cookies.push({ host, name, value, path })
  }
}

/** Connections of one person, or of one program, at a time. */
export const keepConnections = () => new Agent({ keepAlive: true })

const unescape = (text: string) =>
  text.replaceAll('&amp;', '&').replaceAll('&quot;', '"').replaceAll('&#39;', "'")
const textOf = (html: string) =>
  html
    .replace(/<(script|style|head)[\s\S]*?<\/\1>/g, '')
    .replace(/<[^>]+>/g, ' ')
    .replace(/\s+/g, ' ')

type Raw = { status: number; location: string | undefined; setCookie: string[]; body: string }

function send(agent: Agent, url: URL, body: string | undefined, headers: Record<string, string>) {
  return new Promise<Raw>((resolve, reject) => {
    const sent = request(
      url,
      {
        agent,
        method: body === undefined ? 'GET' : 'POST',
        headers: {
          ...headers,
          ...(body !== undefined && {
            'content-type': 'application/x-www-form-urlencoded',
            'content-length': String(Buffer.byteLength(body)),
          }),
        },
      },
      (answer) => {
        const chunks: Buffer[] = []
        answer.on('data', (chunk: Buffer) => chunks.push(chunk))
        answer.on('error', reject)
        answer.on('end', () =>
          resolve({
            status: answer.statusCode ?? 0,
            location: answer.headers.location,
            setCookie: answer.headers['set-cookie'] ?? [],
            body: Buffer.concat(chunks).toString(),
          }),
        )
      },
    )
    sent.on('error', reject)
    sent.end(body)
  })
}

/** Does `work` for 0 … count-1, `atOnce` at a time. @returns the results in order */
export async function inParallel<T>(
  count: number,
  atOnce: number,
  work: (index: number, lane: number) => Promise<T>,
): Promise<T[]> {
  const results: T[] = []
  let next = 0
  const lane = async (number: number) => {
    for (let index = next++; index < count; index = next++) results[index] = await work(index, number)
  }
  await Promise.all(Array.from({ length: atOnce }, (_, number) => lane(number)))
  return results
}
