/** Stands in front of Keycloak and can be shut, as by a restart of Keycloak or of a proxy before it. */
import { createServer, request as forward } from 'node:http'
import type { AddressInfo } from 'node:net'

export type Gate = {
  url: string
  /** Requests let through, as `POST /admin/realms/…`. */
  passed: string[]
  /** 'open' | 'unavailable' (503, as a proxy says) | 'dead' (connections end without an answer) */
  set(mode: 'open' | 'unavailable' | 'dead'): void
  /** Lets Keycloak have the next Admin request of that method, and keeps its answer until `release`. */
  holdNext(method: string): { reached: Promise<void>; release(): void }
  close(): Promise<void>
}

export async function startGate(target: string): Promise<Gate> {
  let mode: Parameters<Gate['set']>[0] = 'open'
  const passed: string[] = []
  let hold: { method: string; reach: () => void; released: Promise<void> } | undefined
  const server = createServer((request, response) => {
    if (mode === 'dead') {
      request.socket.destroy()
      return
    }
    if (mode === 'unavailable') {
      response.writeHead(503).end('<html>Service Unavailable</html>')
      return
    }
    passed.push(`${request.method} ${request.url}`)
    // The Host header stays: Keycloak then makes links that lead through the gate again.
    const onward = forward(
      new URL(request.url ?? '/', target),
      { method: request.method, headers: request.headers },
      (answer) => {
        const pass = () => {
          response.writeHead(answer.statusCode ?? 502, answer.headers)
          answer.pipe(response)
        }
        if (!hold || hold.method !== request.method || !request.url?.startsWith('/admin/')) {
          pass()
          return
        }
        const { reach, released } = hold
        hold = undefined
        reach()
        void released.then(pass)
      },
    )
    onward.on('error', () => response.destroy())
    request.pipe(onward)
  })
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    passed,
    set: (wanted) => {
      mode = wanted
    },
    holdNext(method) {
      const reached = Promise.withResolvers<void>()
      const released = Promise.withResolvers<void>()
      hold = { method, reach: reached.resolve, released: released.promise }
      return { reached: reached.promise, release: released.resolve }
    },
    close: () =>
      new Promise((done) => {
        server.closeAllConnections()
        server.close(() => done())
      }),
  }
}
