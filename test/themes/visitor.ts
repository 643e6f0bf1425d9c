/** A browser without JavaScript: cookies, redirects within Keycloak, links and forms. Enough to see every page as it is. */

export type Answer = {
  status: number
  url: string
  html: string
  /** Readable text of the card and the footer, white space made single. */
  text: string
  heading: string
}

export class Visitor {
  readonly #cookies = new Map<string, string>()
  readonly #origin: string
  readonly #language: string
  #last: Answer = { status: 0, url: '', html: '', text: '', heading: '' }

  /** @param origin of Keycloak: a redirection that leaves it is not followed, but is the answer's `url` */
  constructor(origin: string, language: 'fr' | 'en' = 'fr') {
    this.#origin = origin
    this.#language = language
  }

  get page(): Answer {
    return this.#last
  }

  async open(url: string, body?: URLSearchParams): Promise<Answer> {
    let target = new URL(url, this.#last.url || undefined)
    let form = body
    for (let hop = 0; hop < 10; hop++) {
      if (target.origin !== this.#origin) return this.#remember(0, target, '')
      const response = await fetch(target, {
        method: form ? 'POST' : 'GET',
        redirect: 'manual',
        headers: {
          'accept-language': this.#language,
          cookie: [...this.#cookies].map(([name, value]) => `${name}=${value}`).join('; '),
        },
        ...(form ? { body: form } : {}),
      })
      for (const cookie of response.headers.getSetCookie()) {
        const [pair = '', ...attributes] = cookie.split(';')
        const [name = '', value = ''] = pair.split(/=(.*)/s)
        if (attributes.some((attribute) => /^\s*max-age=0$/i.test(attribute))) this.#cookies.delete(name)
        else this.#cookies.set(name, value)
      }
      const location = response.headers.get('location')
      if (!location) return this.#remember(response.status, target, await response.text())
      target = new URL(location, target)
      form = undefined
    }
    throw new Error('Redirected too often')
  }

  /** Follows the link whose `id`, or whose words, are these. */
  follow(what: string): Promise<Answer> {
    for (const [, attributes = '', words = ''] of this.#last.html.matchAll(/<a\b([^>]*)>(.*?)<\/a>/gs)) {
      const href = /\bhref="([^"]*)"/.exec(attributes)?.[1]
      if (href && (attributes.includes(`id="${what}"`) || readable(words) === what))
        return this.open(decode(href))
    }
    throw new Error(`No link ${what} on ${this.#last.heading}`)
  }

  /** Sends the page's form, its hidden fields included. */
  submit(fields: Record<string, string>): Promise<Answer> {
    const form = /<form\b[^>]*action="([^"]*)"[^>]*>(.*?)<\/form>/s.exec(this.#last.html)
    if (!form) throw new Error(`No form on ${this.#last.heading}`)
    const body = new URLSearchParams()
    for (const [input] of (form[2] ?? '').matchAll(/<input\b[^>]*type="hidden"[^>]*>/gs)) {
      const name = /\bname="([^"]*)"/.exec(input)?.[1]
      if (name) body.set(name, decode(/\bvalue="([^"]*)"/.exec(input)?.[1] ?? ''))
    }
    for (const [name, value] of Object.entries(fields)) body.set(name, value)
    return this.open(decode(form[1] ?? ''), body)
  }

  #remember(status: number, url: URL, html: string): Answer {
    const main = html.slice(Math.max(0, html.indexOf('<main')))
    const heading = /<h1[^>]*>(.*?)<\/h1>/s.exec(html)?.[1] ?? ''
    this.#last = { status, url: url.href, html, text: readable(main), heading: readable(heading) }
    return this.#last
  }
}

/** What a person reads: no tags, no scripts, entities resolved, single spaces (the non-breaking ones too). */
export function readable(html: string): string {
  const bare = html.replaceAll(/<(script|style|template|svg)\b.*?<\/\1>/gs, ' ').replaceAll(/<[^>]*>/g, ' ')
  return decode(bare).replaceAll(/\s+/g, ' ').trim()
}

const entities: Record<string, string> = { amp: '&', lt: '<', gt: '>', quot: '"', nbsp: ' ' }
function decode(text: string): string {
  return text.replaceAll(/&(?:#(\d+)|#x([0-9a-f]+)|(\w+));/gi, (whole, decimal, hex, name) => {
    if (decimal) return String.fromCodePoint(Number(decimal))
    if (hex) return String.fromCodePoint(Number.parseInt(hex, 16))
    return entities[name] ?? whole
  })
}
