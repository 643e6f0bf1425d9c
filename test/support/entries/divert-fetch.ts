/**
 * Loaded before a process of the product (`--import`): its calls to DIVERT_FROM go to DIVERT_TO, a proxy that can be in
 * trouble (fault-proxy.ts). Browsers, and the addresses in tokens and mails, keep to the real one.
 */
const { DIVERT_FROM: from = '', DIVERT_TO: to = '' } = process.env
const real = globalThis.fetch

globalThis.fetch = (input, init) => {
  const url = input instanceof Request ? input.url : String(input)
  if (!url.startsWith(from)) return real(input, init)
  const diverted = to + url.slice(from.length)
  return real(input instanceof Request ? new Request(diverted, input) : diverted, init)
}
