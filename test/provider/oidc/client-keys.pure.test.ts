/** The OP's question for Keycloak's keys when Keycloak, or what stands before it, is in trouble. */
import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeEach, expect, it } from 'vitest'
import { createLog } from '../../../core/log.ts'
import { createClientKeysFetch } from '../../../provider/oidc/client-keys.ts'

const keys = JSON.stringify({ keys: [{ kty: 'RSA', kid: 'one' }] })
let answer: (response: ServerResponse) => void
const server = createServer((_request, response) => answer(response))
await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
afterAll(() => {
  server.closeAllConnections()
  server.close()
})
const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/certs`
const reply = (status: number, body: string) => (response: ServerResponse) =>
  void response.writeHead(status).end(body)

const clock = { now: 0 }
let ask: ReturnType<typeof createClientKeysFetch>
beforeEach(() => {
  clock.now = 1_000_000
  answer = reply(200, keys)
  ask = createClientKeysFetch(url, createLog('test', 'silent'), () => clock.now)
})
const read = async () => (await ask(url, { signal: AbortSignal.timeout(200) })).text()

it.each<[string, (response: ServerResponse) => void]>([
  ['an error', reply(500, '')],
  ['a page instead of keys', reply(200, '<!doctype html><title>Maintenance</title>')],
  ['half an answer', reply(200, keys.slice(0, 12))],
  ['no keys at all', reply(200, '{"keys": []}')],
  ['JSON of another kind', reply(200, '{"status": "ok"}')],
  [
    'a redirect',
    (response) => void response.writeHead(302, { location: 'https://elsewhere.example/' }).end(),
  ],
  ['nothing', () => undefined],
  ['a connection that is cut', (response) => void response.socket?.destroy()],
])('%s: the keys of before serve for an hour, and it is asked again', async (_what, trouble) => {
  expect(await read()).toBe(keys)
  answer = trouble
  expect(await read()).toBe(keys)
  expect(await read()).toBe(keys)
  clock.now += 3_600_001
  await expect(read()).rejects.toMatchObject({ name: expect.any(String) })
  answer = reply(200, keys)
  expect(await read()).toBe(keys)
})

it('asks nobody else', async () => {
  await expect(ask('https://elsewhere.example/certs')).rejects.toThrow('nothing but the keys')
})
