/**
 * The only call that the OP makes: Keycloak's public keys, with which it checks client assertions.
 *
 * oidc-provider refuses loopback and private addresses (its dispatcher closes such sockets), where Keycloak nearly
 * always is. The guard is taken off for this one URL, which comes from our configuration; any other URL is refused.
 * The last good answer is kept for an hour, so that a Keycloak that is just coming up, or a proxy that says something
 * else meanwhile, costs nobody a sign-in. The library gives each call 2.5 seconds.
 */
import type { Log } from '../../core/log.ts'

const keptForMs = 3_600_000

/** A `fetch` for oidc-provider that knows one URL. @param now milliseconds since 1970 */
export function createClientKeysFetch(jwksUri: string, log: Log, now: () => number): typeof fetch {
  let kept: { text: string; at: number } | undefined
  return async (input, init) => {
    const url = input instanceof Request ? input.url : String(input)
    if (url !== new URL(jwksUri).href) throw new Error('The OP calls nothing but the keys of its client')
    const { dispatcher: _guard, ...options } = (init ?? {}) as RequestInit & { dispatcher?: unknown }
    try {
      const answer = await fetch(url, { ...options, redirect: 'error' })
      const text = await answer.text()
      if (!answer.ok) throw new Error(`status ${answer.status}`)
      if (!isKeySet(text)) throw new Error('no keys')
      kept = { text, at: now() }
    } catch (error) {
      log.warn({ event: 'op.client_keys_unavailable', err: error })
      if (!kept || now() - kept.at > keptForMs) throw error
    }
    return new Response(kept.text, { headers: { 'content-type': 'application/json' } })
  }
}

/** RFC 7517 section 5, with at least one key. */
function isKeySet(text: string): boolean {
  try {
    const { keys } = Object(JSON.parse(text)) as { keys?: unknown }
    return Array.isArray(keys) && keys.length > 0
  } catch {
    return false
  }
}
