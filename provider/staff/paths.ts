/** Paths of the agents' pages, as links hold them. */
import type { Request } from 'express'

/** What signs an agent in and leads back to a page of ours. */
export const signInPath = (to: string): string => `/staff/sign-in?to=${encodeURIComponent(to)}`

/** The page that waits, once more: `n` counts, so that a browser does not take it for the same. */
export function waitingUrl(req: Request): string {
  const url = new URL(req.originalUrl, 'http://ours')
  const n = Number(url.searchParams.get('n') ?? 0)
  url.searchParams.set('n', String(Number.isInteger(n) && n >= 0 && n < 9999 ? n + 1 : 1))
  return url.pathname + url.search
}
