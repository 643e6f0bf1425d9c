/** A browser without pages: follows redirects and keeps cookies by host and path, as real ones do (not by port). */

export type Visit = {
  /** Where the redirects ended. */
  url: string
  status: number
  text: string
  headers: Headers
  /** Every address that was asked, the last one included. */
  trail: string[]
  /** The Set-Cookie lines of the whole trail. */
  cookies: string[]
}

export function createBrowser({ language = 'fr', keepCookies = true } = {}) {
  const jar = new Map<string, { name: string; value: string; path: string; host: string }>()

  function keep(line: string, from: URL) {
    const [pair = '', ...attributes] = line.split('; ')
    const [name = '', value = ''] = pair.split('=', 2)
    const path = attributes.find((a) => a.toLowerCase().startsWith('path='))?.slice(5) ?? '/'
    const expires = attributes.find((a) => a.toLowerCase().startsWith('expires='))?.slice(8)
    const key = `${from.hostname} ${path} ${name}`
    if (value === '' || (expires && Date.parse(expires) < Date.now())) jar.delete(key)
    else jar.set(key, { name, value, path, host: from.hostname })
  }

  async function open(
    address: string,
    { form, headers = {} }: { form?: Record<string, string>; headers?: Record<string, string> } = {},
  ): Promise<Visit> {
    const trail: string[] = []
    const cookies: string[] = []
    let url = new URL(address)
    let body = form && new URLSearchParams(form)
    while (trail.length < 20) {
      trail.push(url.href)
      const sent = [...jar.values()].filter((c) => c.host === url.hostname && url.pathname.startsWith(c.path))
      const response = await fetch(url, {
        method: body ? 'POST' : 'GET',
        ...(body && { body }),
        redirect: 'manual',
        headers: {
          accept: 'text/html',
          'accept-language': language,
          cookie: sent.map((c) => `${c.name}=${c.value}`).join('; '),
          ...headers,
        },
      })
      for (const line of response.headers.getSetCookie()) {
        cookies.push(line)
        if (keepCookies) keep(line, url)
      }
      const text = await response.text()
      const location = response.headers.get('location')
      if (!location || response.status < 300 || response.status > 399)
        return { url: url.href, status: response.status, text, headers: response.headers, trail, cookies }
      url = new URL(location, url)
      body = undefined
    }
    throw new Error(`too many redirects: ${trail.slice(-4).join(' -> ')}`)
  }

  return {
    open,
    cookie: (name: string) => [...jar.values()].find((c) => c.name === name)?.value,
  }
}
