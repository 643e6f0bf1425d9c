/**
 * provider's own cookies (those of the OP are oidc-provider's): HttpOnly, SameSite=Lax, Path=/, no Domain, so that
 * the name may carry `__Host-`. Over https the prefix is always there; plain names exist on http, which is for
 * loopback hosts only.
 */
import type { Request, Response } from 'express'

export type Cookies = {
  /** Sets one cookie, in place of what this answer said of it before; `value` must be made of cookie-safe characters (base64url, ids). */
  set(res: Response, base: string, value: string, o: { maxAgeSeconds: number }): void
  /** The value sent by the browser; `undefined` when absent or when the name was sent more than once. */
  read(req: Request, base: string): string | undefined
  clear(res: Response, base: string): void
  /** The cookie's name on the wire. */
  nameOf(base: string): string
}

/** @param https whether browsers reach provider over https */
export function createCookies(https: boolean): Cookies {
  const nameOf = (base: string) => (https ? `__Host-${base}` : base)
  const attributes = `Path=/; HttpOnly; SameSite=Lax${https ? '; Secure' : ''}`
  function say(res: Response, name: string, value: string, maxAgeSeconds: number): void {
    const others = [res.getHeader('Set-Cookie') ?? []]
      .flat()
      .map(String)
      .filter((line) => !line.startsWith(`${name}=`))
    res.setHeader('Set-Cookie', [...others, `${name}=${value}; Max-Age=${maxAgeSeconds}; ${attributes}`])
  }
  return {
    nameOf,
    set(res, base, value, { maxAgeSeconds }) {
      if (!/^[\w.~-]*$/.test(value)) throw new Error(`The value of cookie ${base} needs encoding`)
      say(res, nameOf(base), value, maxAgeSeconds)
    },
    read: (req, base) => readCookie(req.headers.cookie, nameOf(base)),
    clear: (res, base) => say(res, nameOf(base), '', 0),
  }
}

/** Did the browser send any cookie? One that refuses them never does, and a page that needs them has to say so. */
export const hasCookies = (req: Request): boolean => (req.headers.cookie ?? '').trim() !== ''

/**
 * One cookie of a Cookie header. A name that is there twice was planted by somebody beside us (another path or a
 * parent domain): neither value is believed. Only spaces and tabs are cut off: a sibling host may set a cookie whose
 * name is a no-break space and then `__Host-…`, which browsers let pass and `trim` would make ours.
 */
export function readCookie(header: string | undefined, name: string): string | undefined {
  const values = (header ?? '')
    .split(';')
    .map((part) => part.replace(/^[ \t]+|[ \t]+$/g, ''))
    .filter((part) => part.startsWith(`${name}=`))
    .map((part) => part.slice(name.length + 1))
  return values.length === 1 ? values[0] || undefined : undefined
}
