/**
 * A browser without a screen for tests of provider: cookies with their paths and origins, redirects one by one, forms
 * with their hidden fields. Pages that continue by themselves (`meta refresh`) are followed on demand.
 */
export type Page = {
  status: number
  url: string
  headers: Headers
  /** Absolute; `undefined` when the answer is no redirect. */
  location: string | undefined
  body: string
}
type Cookie = { host: string; name: string; value: string; path: string }

export class Browser {
  cookies: Cookie[] = []

  /** One request; redirects are not followed. */
  async open(
    url: string,
    init: { form?: Record<string, string>; headers?: Record<string, string> } = {},
  ): Promise<Page> {
    const target = new URL(url)
    const response = await fetch(target, {
      method: init.form ? 'POST' : 'GET',
      redirect: 'manual',
      headers: { 'accept-language': 'fr', cookie: this.#header(target), ...init.headers },
      ...(init.form && { body: new URLSearchParams(init.form) }),
    })
    for (const line of response.headers.getSetCookie()) this.#keep(target, line)
    const location = response.headers.get('location')
    return {
      status: response.status,
      url,
      headers: response.headers,
      location: location === null ? undefined : new URL(location, url).href,
      body: await response.text(),
    }
  }

  /** Follows redirects and continuing pages until a page stands still, or an address begins with `stop`. */
  async follow(page: Page, stop = '\0'): Promise<Page> {
    let current = page
    for (let hops = 0; hops < 20; hops++) {
      const next = current.location ?? refreshOf(current)
      if (next === undefined || next.startsWith(stop)) return current
      current = await this.open(next)
    }
    throw new Error(`too many redirects, last ${current.url}`)
  }

  async visit(url: string, stop?: string): Promise<Page> {
    return this.follow(await this.open(url), stop)
  }

  /** Sends the page's (first) form with its hidden fields. */
  async submit(page: Page, fields: Record<string, string> = {}): Promise<Page> {
    const form = /<form[^>]*action="([^"]+)"[^>]*>([\s\S]*?)<\/form>/.exec(page.body)
    if (!form) throw new Error(`no form on ${page.url} (${page.status})`)
    const hidden = [...(form[2] ?? '').matchAll(/<input[^>]*type="hidden"[^>]*>/g)].map(([tag]) => [
      /name="([^"]*)"/.exec(tag)?.[1] ?? '',
      unescape(/value="([^"]*)"/.exec(tag)?.[1] ?? ''),
    ])
    const action = new URL(unescape(form[1] ?? ''), page.url).href
    return this.open(action, {
      form: { ...(Object.fromEntries(hidden) as Record<string, string>), ...fields },
    })
  }

  /** A browser that has the same cookies now, and its own from then on. */
  copy(): Browser {
    const other = new Browser()
    other.cookies = this.cookies.map((cookie) => ({ ...cookie }))
    return other
  }

  #header({ host, pathname }: URL): string {
    return this.cookies
      .filter(
        (c) => c.host === host && `${pathname}/`.startsWith(c.path.endsWith('/') ? c.path : `${c.path}/`),
      )
      .map(({ name, value }) => `${name}=${value}`)
      .join('; ')
  }

  #keep({ host }: URL, line: string): void {
    const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(line) ?? []
    const path = /;\s*path=([^;]+)/i.exec(line)?.[1] ?? '/'
    this.cookies = this.cookies.filter((c) => !(c.host === host && c.name === name && c.path === path))
    const isGone = value === '' || /max-age=0/i.test(line) || /expires=Thu, 01 Jan 1970/i.test(line)
    if (!isGone) this.cookies.push({ host, name, value, path })
  }
}

const unescape = (text: string) =>
  text.replaceAll('&amp;', '&').replaceAll('&quot;', '"').replaceAll('&#39;', "'")

/** Where a page that continues goes, at once or after some seconds. */
export function refreshOf(page: Page): string | undefined {
  const url = /<meta http-equiv="refresh" content="\d+;url=([^"]+)"/.exec(page.body)?.[1]
  return url === undefined ? undefined : new URL(unescape(url), page.url).href
}

/** `data-page` of the body: which page this is. */
export function pageName(page: Page): string | undefined {
  return /data-page="([^"]+)"/.exec(page.body)?.[1]
}
