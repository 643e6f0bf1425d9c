/**
 * Where a sign-in of an agent leads back to. It was in a URL, so anybody may have written it: only the pages that are
 * listed here are believed, and everything else is the list. Pure.
 */
const uuid = '[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}'
const pages = new RegExp(`^/staff(/cases/${uuid}|/decisions/${uuid}|/migration)?$`)
/** Of these pages; what they may be is the page's business. */
const parameters: Record<string, readonly string[]> = {
  '/staff': ['filter', 'q', 'page'],
  '/staff/migration': ['range'],
}

/** A path of the agents' pages with the page's own parameters; `/staff` for whatever is none. */
export function returnPath(wanted: unknown): string {
  if (typeof wanted !== 'string' || wanted.length > 600 || !wanted.startsWith('/staff')) return '/staff'
  const at = wanted.indexOf('?')
  const path = (at === -1 ? wanted : wanted.slice(0, at)).replace(/^(\/staff\/migration)\/left$/, '$1')
  if (!pages.test(path)) return '/staff'
  const own = parameters[path]
  if (!own || at === -1) return path
  const given = new URLSearchParams(wanted.slice(at + 1))
  const kept = own.flatMap((name) => {
    const value = given.get(name)
    return value === null || value === '' ? [] : [[name, value] as [string, string]]
  })
  const query = new URLSearchParams(kept).toString()
  return query === '' ? path : `${path}?${query}`
}

/** Has this text the form of an id? */
export const isId = (text: unknown): text is string =>
  typeof text === 'string' && new RegExp(`^${uuid}$`).test(text)
