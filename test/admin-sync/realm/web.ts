/**
 * A browser without a screen: cookies, redirects one by one, and Keycloak's forms found in its pages. What a test reads
 * is status, location and the text of the page.
 */
export type Page = {
  status: number
  url: string
  /** Absolute; `undefined` when the page is no redirect. */
  location: string | undefined
  body: string
}

export class Web {
  readonly #cookies = new Map<string, Map<string, string>>()

  /** One request; redirects are not followed. */
  async open(url: string, form?: Record<string, string>): Promise<Page> {
    const { host } = new URL(url)
    const jar = this.#cookies.get(host) ?? new Map<string, string>()
    this.#cookies.set(host, jar)
    const response = await fetch(url, {
      method: form ? 'POST' : 'GET',
      redirect: 'manual',
      headers: {
        cookie: [...jar].map(([name, value]) => `${name}=${value}`).join('; '),
        'accept-language': 'fr',
      },
      ...(form && { body: new URLSearchParams(form) }),
    })
    for (const line of response.headers.getSetCookie()) {
      const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(line) ?? []
      if (/max-age=0/i.test(line) || value === '') jar.delete(name)
      else jar.set(name, value)
    }
    const location = response.headers.get('location')
    return {
      status: response.status,
      url,
      location: location === null ? undefined : new URL(location, url).href,
      body: await response.text(),
    }
  }

  /** Follows redirects until a page, or until an address that begins with `stop`, which is not asked for. */
  async follow(page: Page, stop: string): Promise<Page> {
    let current = page
    while (current.location !== undefined && !current.location.startsWith(stop))
      current = await this.open(current.location)
    return current
  }

  /** Fills in the page's form and sends it. */
  async submit(page: Page, fields: Record<string, string>): Promise<Page> {
    return this.open(findFormAction(page), fields)
  }
}

function findFormAction(page: Page): string {
  const action = /<form[^>]*\saction="([^"]+)"/.exec(page.body)?.[1]
  if (action === undefined) throw new Error(`no form on ${page.url} (${page.status})`)
  return new URL(action.replaceAll('&amp;', '&'), page.url).href
}

/** The page's words, without markup. */
export function readText(page: Page): string {
  return page.body
    .replaceAll(/<(script|style)[\s\S]*?<\/\1>/g, ' ')
    .replaceAll(/<[^>]+>/g, ' ')
    .replaceAll('&#39;', "'")
    .replaceAll(/\s+/g, ' ')
}
