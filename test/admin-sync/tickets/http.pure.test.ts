/** One exchange with a help desk: what is sent, and what each way of failing says about whether it was done. */
import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, expect, test } from 'vitest'
import { exchange, isUnsent } from '../../../admin-sync/tickets/http.ts'
import { startHttps } from '../../support/https.ts'

async function listen(answer: RequestListener): Promise<string> {
  const server = createServer(answer)
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
  afterAll(() => {
    server.closeAllConnections()
    server.close()
  })
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/`
}
const ask = (url: string, more: Partial<Parameters<typeof exchange>[0]> = {}) =>
  exchange({ method: 'POST', url: new URL(url), headers: {}, body: 'é', timeoutMs: 300, ...more })
const failureOf = (asked: Promise<unknown>) =>
  asked.then(
    () => undefined,
    (error: unknown) => error,
  )

test('has a connection of its own, which nobody keeps for the next one', async () => {
  const connections: unknown[] = []
  const url = await listen((request, response) => {
    connections.push(request.headers.connection, request.socket.remotePort)
    response.end('ja é')
  })
  expect(await ask(url)).toMatchObject({ status: 200, text: 'ja é' })
  await ask(url)
  expect(connections).toEqual(['close', expect.any(Number), 'close', expect.any(Number)])
  expect(connections[1]).not.toBe(connections[3])
})

test.each<[string, RequestListener, string]>([
  ['is cut before the answer', (request) => void request.socket.destroy(), 'cut'],
  [
    'is cut in the answer',
    (request, response) => {
      response.writeHead(200, { 'content-length': 100 })
      response.write('half')
      setTimeout(() => request.socket.destroy(), 20)
    },
    'cut',
  ],
  ['is not answered', () => {}, 'timeout'],
  [
    'is answered for ever, a little at a time',
    (_request, response) => {
      const timer = setInterval(() => response.write('x'), 20)
      response.on('close', () => clearInterval(timer))
    },
    'timeout',
  ],
  [
    'is answered with too much',
    (_request, response) => void response.end('x'.repeat(9 * 2 ** 20)),
    'too_long',
  ],
])('that %s may have been done', async (_name, answer, code) => {
  const failure = await failureOf(ask(await listen(answer), code === 'too_long' ? { timeoutMs: 5000 } : {}))
  expect(failure).toMatchObject({ service: 'helpdesk', status: 0, disposition: 'retry', code })
  expect(isUnsent(failure)).toBe(false)
})

test('that finds nobody, or somebody whose certificate is not known, was not sent', async () => {
  const asked: string[] = []
  const { port } = await startHttps((request) => void asked.push(request.url ?? ''))
  for (const url of ['http://127.0.0.1:1/', 'http://nowhere.invalid/', `https://127.0.0.1:${port}/`]) {
    const failure = await failureOf(ask(url, { timeoutMs: 5000 }))
    expect(failure).toMatchObject({ code: 'unreachable', disposition: 'retry' })
    expect(isUnsent(failure)).toBe(true)
  }
  expect(asked).toEqual([])
})

test('answers a redirect as it is', async () => {
  const elsewhere: string[] = []
  const target = await listen((request) => void elsewhere.push(request.url ?? ''))
  const url = await listen((_request, response) => void response.writeHead(302, { location: target }).end())
  expect(await ask(url)).toMatchObject({ status: 302 })
  expect(elsewhere).toEqual([])
})
