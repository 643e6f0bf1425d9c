/**
 * provider's own cookies (those of the OP are oidc-provider's): HttpOnly, SameSite=Lax, Path=/, no Domain, so that
 * the name may carry `__Host-`. Over https the prefix is always there; plain names exist on http, which is for
 * loopback hosts only.
 */
import type { Request, Response } from 'express'

export type Cookies = {
  /** Sets one cookie; `value` must be made of cookie-safe characters (base64url, ids). */
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
  return {
    nameOf,
    set(res, base, value, { maxAgeSeconds }) {
      if (!/^[\w.~-]*$/.test(value)) throw new Error(`The value of cookie ${base} needs encoding`)
      res.append('Set-Cookie', `${nameOf(base)}=${value}; Max-Age=${maxAgeSeconds}; ${attributes}`)
    },
    read: (req, base) => readCookie(req.headers.cookie, nameOf(base)),
    clear(res, base) {
      res.append('Set-Cookie', `${nameOf(base)}=; Max-Age=0; ${attributes}`)
    },
  }
}

/**
 * One cookie of a Cookie header. A name that is there twice was planted by somebody beside us (another path or a
 * parent domain): neither value is believed.
 */
export function readCookie(header: string | undefined, name: string): string | undefined {
  const values = (header ?? '')
    .split(';')
    .map((part) => part.trim())
    .filter((part) => part.startsWith(`${name}=`))
    .map((part) => part.slice(name.length + 1))
  return values.length === 1 ? values[0] || undefined : undefined
}
