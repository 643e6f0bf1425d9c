/**
 * A person with a browser that shows nothing: HTTP with a cookie jar, redirects and continuing pages (`meta refresh`)
 * followed from host to host, forms sent with their hidden fields. It is where it is: a request that gets no answer
 * leaves the person on the page before, as in a browser, and `again` repeats it.
 *
 * What it does not do: JavaScript, SameSite (every navigation here is one that Lax allows), the port in cookies (hosts
 * are apart in the tests, as in a browser).
 */
export type Page = {
  status: number
  /** Without fragment. */
  url: string
  headers: Headers
  body: string
}
export type Form = {
  id: string | undefined
  action: string
  method: 'GET' | 'POST'
  fields: Record<string, string>
}
type Request = { url: string; form?: Record<string, string> | undefined }
type Cookie = { host: string; name: string; value: string; path: string }

/** Nobody answered, or the answer broke off. */
export class NoAnswer extends Error {}

const nowhere: Page = { status: 0, url: 'about:blank', headers: new Headers(), body: '' }

export class HttpPerson {
  /** What the person is looking at. */
  page: Page = nowhere
  cookies: Cookie[] = []
  readonly #headers: Record<string, string>
  readonly #timeoutMs: number
  #last: Request | undefined

  /**
   * @param options.language of the browser, default `fr`
   * @param options.network sent as X-Forwarded-For, for a provider that trusts its proxy
   * @param options.timeoutMs after which an answer counts as none; default a minute
   */
  constructor(options: { language?: string; network?: string; timeoutMs?: number } = {}) {
    this.#headers = {
      'accept-language': options.language ?? 'fr',
      ...(options.network !== undefined && { 'x-forwarded-for': options.network }),
    }
    this.#timeoutMs = options.timeoutMs ?? 60_000
  }

  /** Types an address, or clicks on a link. @throws NoAnswer */
  open(url: string): Promise<Page> {
    return this.#go({ url: new URL(url, this.page.url === 'about:blank' ? undefined : this.page.url).href })
  }

  /** Reloads; what was sent last and got no answer, or a bad one, is sent once more. @throws NoAnswer */
  async again(): Promise<Page> {
    if (!this.#last) throw new Error('Nothing was opened yet')
    return this.#go(this.#last)
  }

  /**
   * Fills in a form of the page and sends it: its hidden fields and defaults, and these.
   * @param pick the form, by a part of its id or action; default: the first one that is sent by POST
   * @throws NoAnswer, Error when there is no such form
   */
  async submit(fields: Record<string, string> = {}, pick?: string): Promise<Page> {
    const form = this.forms().find(({ id, action, method }) =>
      pick === undefined ? method === 'POST' : id === pick || action.includes(pick),
    )
    if (!form) throw new Error(`No form ${pick ?? ''} on ${this.describe()}`)
    const all = { ...form.fields, ...fields }
    if (form.method === 'POST') return this.#go({ url: form.action, form: all })
    const url = new URL(form.action)
    url.search = new URLSearchParams(all).toString()
    return this.#go({ url: url.href })
  }

  /** Clicks on the first link of the page that the pattern finds in its tag. @throws NoAnswer, Error without one */
  async click(tag: RegExp): Promise<Page> {
    const href = this.link(tag)
    if (href === undefined) throw new Error(`No link ${String(tag)} on ${this.describe()}`)
    return this.open(href)
  }

  /** The absolute address of the first link whose tag, attributes included, the pattern finds. */
  link(tag: RegExp): string | undefined {
    for (const [found] of this.page.body.matchAll(/<a\s[^>]*>/g)) {
      const href = attribute(found, 'href')
      if (href !== undefined && tag.test(found)) return new URL(href, this.page.url).href
    }
    return undefined
  }

  forms(): Form[] {
    return [...this.page.body.matchAll(/(<form\b[^>]*>)([\s\S]*?)<\/form>/g)].map(
      ([, tag = '', inside = '']) => ({
        id: attribute(tag, 'id'),
        action: new URL(attribute(tag, 'action') || this.page.url, this.page.url).href,
        method: attribute(tag, 'method')?.toUpperCase() === 'POST' ? 'POST' : 'GET',
        fields: Object.fromEntries(
          [...inside.matchAll(/<input\b[^>]*>/g)]
            .map(([input]) => input)
            .filter(
              (input) => !/type="(submit|radio|checkbox|button)"/.test(input) || /\schecked/.test(input),
            )
            .flatMap((input) => {
              const name = attribute(input, 'name')
              return name === undefined ? [] : [[name, attribute(input, 'value') ?? '']]
            }),
        ),
      }),
    )
  }

  /** Which page this is, where the page says so: `data-page` of its body. */
  get name(): string | undefined {
    return /<body[^>]*\bdata-page="([^"]+)"/.exec(this.page.body)?.[1]
  }

  /** Where the page goes by itself, and after how many seconds. */
  get refresh(): { url: string; seconds: number } | undefined {
    const tag = /<meta\b[^>]*http-equiv="refresh"[^>]*>/i.exec(this.page.body)?.[0]
    const [, seconds = '', url = ''] =
      /^\s*(\d+)\s*;\s*url=(.*)$/is.exec(tag ? (attribute(tag, 'content') ?? '') : '') ?? []
    return url === '' ? undefined : { url: new URL(url, this.page.url).href, seconds: Number(seconds) }
  }

  /** For messages: where the person is, without the query. */
  describe(): string {
    const { url, status, body } = this.page
    const heading = /<h1[^>]*>([\s\S]*?)<\/h1>/
      .exec(body)?.[1]
      ?.replaceAll(/<[^>]*>/g, '')
      .trim()
    return `${status} ${url.replace(/\?.*/, '')} [${this.name ?? ''}] ${heading ?? ''}`
  }

  async #go(request: Request): Promise<Page> {
    this.#last = request
    let next: Request = request
    for (let hops = 0; hops < 25; hops++) {
      const page = await this.#ask(next)
      const location = page.headers.get('location')
      if (page.status >= 300 && page.status < 400 && location !== null) {
        const repeats = page.status === 307 || page.status === 308
        next = { url: new URL(location, next.url).href, ...(repeats && next.form && { form: next.form }) }
        // A reload repeats what the person asked for last: after a redirect, its target.
        this.#last = next
        continue
      }
      this.page = page
      const { refresh } = this
      if (refresh?.seconds !== 0) return page
      next = { url: refresh.url }
      this.#last = next
    }
    throw new Error(`Too many redirects, last ${next.url}`)
  }

  async #ask({ url, form }: Request): Promise<Page> {
    const target = new URL(url)
    try {
      const response = await fetch(target, {
        method: form ? 'POST' : 'GET',
        redirect: 'manual',
        signal: AbortSignal.timeout(this.#timeoutMs),
        headers: { ...this.#headers, cookie: this.#cookieHeader(target) },
        ...(form && { body: new URLSearchParams(form) }),
      })
      const body = await response.text()
      for (const line of response.headers.getSetCookie()) this.#keep(target, line)
      target.hash = ''
      return { status: response.status, url: target.href, headers: response.headers, body }
    } catch (cause) {
      throw new NoAnswer(`${target.origin}${target.pathname} does not answer`, { cause })
    }
  }

  #cookieHeader({ hostname, pathname }: URL): string {
    return this.cookies
      .filter(({ host, path }) => host === hostname && isBelow(pathname, path))
      .toSorted((a, b) => b.path.length - a.path.length)
      .map(({ name, value }) => `${name}=${value}`)
      .join('; ')
  }

  #keep({ hostname, pathname }: URL, line: string): void {
    const [, name = '', value = ''] = /^\s*([^=]+)=([^;]*)/.exec(line) ?? []
    const ofUrl = pathname.slice(0, Math.max(1, pathname.lastIndexOf('/')))
    const path = /;\s*path=([^;]+)/i.exec(line)?.[1]?.trim() ?? ofUrl
    const age = /;\s*max-age=(-?\d+)/i.exec(line)?.[1]
    const expires = /;\s*expires=([^;]+)/i.exec(line)?.[1]
    const isGone =
      age === undefined ? expires !== undefined && Date.parse(expires) < Date.now() : Number(age) <= 0
    this.cookies = this.cookies.filter((c) => !(c.host === hostname && c.name === name && c.path === path))
    if (!isGone) this.cookies.push({ host: hostname, name, value, path })
  }
}

const isBelow = (pathname: string, path: string) =>
  pathname === path || pathname.startsWith(path.endsWith('/') ? path : `${path}/`)

/** The value of an attribute as written in a tag, references resolved. */
function attribute(tag: string, name: string): string | undefined {
  const [, quoted, bare] = new RegExp(`\\s${name}\\s*=\\s*(?:"([^"]*)"|([^\\s">]+))`, 'i').exec(tag) ?? []
  return (quoted ?? bare)
    ?.replaceAll('&quot;', '"')
    .replaceAll(/&#(?:39|x27);/g, "'")
    .replaceAll('&lt;', '<')
    .replaceAll('&gt;', '>')
    .replaceAll('&amp;', '&')
}
