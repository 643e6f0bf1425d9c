/**
 * A server in trouble, for tests: a proxy in front of a real one that refuses, hangs, cuts or slows connections
 * (`startTcpProxy`), or answers single HTTP requests in its place (`startHttpProxy`). What it does is changed while it
 * runs, on one address; it ends with the test file.
 */
import {
  createServer as createHttpServer,
  request,
  type IncomingMessage,
  type ServerResponse,
} from 'node:http'
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll } from 'vitest'

export type TcpTrouble =
  | 'none'
  /** Nobody listens; connections that are open are cut. */
  | 'refuse'
  /** Connections are accepted, and nothing passes any more, in either direction. */
  | 'hang'
  /** Connections are accepted and cut at the first byte. */
  | 'reset'
  /** Nothing passes any more on the connections there are, and new ones work: a firewall that lost its table. */
  | 'forget'

export type TcpProxy = { host: string; port: number; set: (trouble: TcpTrouble) => Promise<void> }

/** @param target where connections lead */
export async function startTcpProxy(target: { host: string; port: number }): Promise<TcpProxy> {
  const host = '127.0.0.1'
  const pairs = new Set<[Socket, Socket]>()
  let trouble: TcpTrouble = 'none'
  const server = createServer({ pauseOnConnect: true }, (near) => {
    const far = connect(target.port, target.host)
    const pair: [Socket, Socket] = [near, far]
    pairs.add(pair)
    for (const [from, to] of [
      [near, far],
      [far, near],
    ] as const) {
      from.on('error', () => to.destroy())
      from.on('close', () => {
        to.destroy()
        pairs.delete(pair)
      })
      from.on('data', (bytes) => {
        if (trouble === 'reset') near.resetAndDestroy()
        else to.write(bytes)
      })
    }
    if (trouble === 'hang') return
    near.resume()
  })
  const listen = (port: number) => new Promise<void>((done) => server.listen(port, host, done))
  await listen(0)
  const { port } = server.address() as AddressInfo
  const cut = () => pairs.forEach((pair) => pair.forEach((socket) => socket.destroy()))
  afterAll(() => end(server, cut))
  return {
    host,
    port,
    async set(wanted) {
      trouble = wanted
      for (const socket of [...pairs].flat())
        if (wanted === 'hang' || wanted === 'forget') socket.pause()
        else socket.resume()
      if (wanted === 'refuse') await end(server, cut)
      else if (!server.listening) await listen(port)
    },
  }
}

async function end(server: Server, cut: () => void): Promise<void> {
  if (!server.listening) return cut()
  const closed = new Promise((done) => server.close(done))
  cut()
  await closed
}

/** The URL of a server as it is reached through a proxy. */
export function through(url: string, { host, port }: { host: string; port: number }): string {
  const changed = new URL(url)
  changed.hostname = host
  changed.port = String(port)
  return changed.href.replace(/\/$/, '')
}

/** What happens to one request instead of being passed on. `hang`: nothing, until the client goes. */
export type HttpTrouble =
  | { status: number; body?: string; headers?: Record<string, string> }
  | 'hang'
  | 'reset'
  /** The headers promise more than comes, then the connection is cut. */
  | 'half'
  /** The real answer, one byte every 50 ms. */
  | 'drip'
  /** It is passed on and done, and the connection is cut instead of an answer. */
  | 'lost'
  /** It is passed on when this has come true, whether the client still waits or not. */
  | { hold: Promise<unknown> }

export type HttpProxy = {
  /** Without trailing slash. */
  url: string
  /** Asked for each request, with `POST /path?query`; `undefined` passes it on. */
  trouble: (asked: string) => HttpTrouble | undefined
  /** Everything that was asked since the file began. */
  asked: string[]
}

/**
 * @param targetUrl of the real server, which is asked as if nothing stood before it
 * @param host of the proxy
 */
export async function startHttpProxy(targetUrl: string, host = '127.0.0.2'): Promise<HttpProxy> {
  const target = new URL(targetUrl)
  const proxy: HttpProxy = { url: '', trouble: () => undefined, asked: [] }
  const server = createHttpServer((incoming, response) => {
    const asked = `${incoming.method} ${incoming.url}`
    proxy.asked.push(asked)
    const trouble = proxy.trouble(asked)
    if (trouble === undefined || trouble === 'drip')
      return pass(incoming, response, target, trouble === 'drip')
    if (trouble === 'lost') return void passLater(incoming, response, target, undefined, true)
    if (typeof trouble === 'object' && 'hold' in trouble)
      return void passLater(incoming, response, target, trouble.hold, false)
    if (trouble === 'hang') return void incoming.resume()
    if (trouble === 'reset') return incoming.socket.resetAndDestroy()
    if (trouble === 'half') {
      response.writeHead(200, { 'content-type': 'application/json', 'content-length': 1000 })
      response.write('[{"id": "')
      setTimeout(() => incoming.socket.destroy(), 50)
      return
    }
    incoming.resume()
    response.writeHead(trouble.status, { 'content-type': 'text/html', ...trouble.headers }).end(trouble.body)
  })
  await new Promise<void>((done) => server.listen(0, process.platform === 'linux' ? host : '127.0.0.1', done))
  const { address, port } = server.address() as AddressInfo
  proxy.url = `http://${address}:${port}`
  afterAll(() => end(server, () => server.closeAllConnections()))
  return proxy
}

function pass(incoming: IncomingMessage, response: ServerResponse, target: URL, slowly: boolean): void {
  const { method, url } = incoming
  const headers = { ...incoming.headers, host: target.host }
  const outgoing = request(
    { host: target.hostname, port: target.port, method, path: url, headers },
    (answer) => {
      response.writeHead(answer.statusCode ?? 502, answer.headers)
      if (slowly) void drip(answer, response)
      else answer.pipe(response)
    },
  )
  outgoing.on('error', () => response.destroy())
  response.on('close', () => outgoing.destroy())
  incoming.pipe(outgoing)
}

/** The server does what it was asked even if nobody waits for the answer any more. */
async function passLater(
  incoming: IncomingMessage,
  response: ServerResponse,
  target: URL,
  hold: Promise<unknown> | undefined,
  isLost: boolean,
): Promise<void> {
  const chunks: Buffer[] = []
  for await (const chunk of incoming) chunks.push(chunk as Buffer)
  await hold
  const { method, url, headers } = incoming
  const options = {
    host: target.hostname,
    port: target.port,
    method,
    path: url,
    headers: { ...headers, host: target.host },
  }
  const outgoing = request(options, (answer) => {
    if (isLost) answer.resume().once('end', () => incoming.socket.resetAndDestroy())
    else if (response.destroyed) answer.resume()
    else {
      response.writeHead(answer.statusCode ?? 502, answer.headers)
      answer.pipe(response)
    }
  })
  outgoing.on('error', () => response.destroy())
  outgoing.end(Buffer.concat(chunks))
}

async function drip(answer: IncomingMessage, response: ServerResponse): Promise<void> {
  for await (const chunk of answer)
    for (const byte of chunk as Buffer) {
      if (response.destroyed) return
      response.write(Buffer.of(byte))
      await sleep(50)
    }
  response.end()
}
