/** One call to the Admin REST API against a server that behaves as badly as the test says. */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeEach, expect, test } from 'vitest'
import {
  at,
  createTransport,
  isConflict,
  isForbidden,
  isNotFound,
} from '../../../admin-sync/keycloak/transport.ts'

let tokens = 0
let lifetimeSeconds = 300
let answer: (request: IncomingMessage, response: ServerResponse) => void
let answerToken: ((response: ServerResponse) => void) | undefined
let paths: string[] = []
const server = createServer((request, response) => {
  if (request.url?.endsWith('/token')) {
    tokens += 1
    if (answerToken) return answerToken(response)
    const body = { access_token: `token-${tokens}`, expires_in: lifetimeSeconds }
    setTimeout(() => response.end(JSON.stringify(body)), 20)
    return
  }
  paths.push(request.url ?? '')
  answer(request, response)
})
await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
afterAll(() => {
  server.closeAllConnections()
  server.close()
})

const reply = (status: number, body: unknown = {}) => {
  answer = (_request, response) => {
    response.writeHead(status).end(JSON.stringify(body))
  }
}
const connect = () => createTransport(url, 'ellipro', { kind: 'client', clientId: 'c', clientSecret: 's' })

beforeEach(() => {
  tokens = 0
  lifetimeSeconds = 300
  answerToken = undefined
  paths = []
  reply(200, { ok: true })
})

test('callers at the same moment share one token', async () => {
  const transport = connect()
  await Promise.all(Array.from({ length: 8 }, () => transport.send('GET', '/x')))
  await transport.send('GET', '/x')
  expect(tokens).toBe(1)
})

test('a token about to expire is replaced', async () => {
  lifetimeSeconds = 10
  const transport = connect()
  await transport.send('GET', '/x')
  await transport.send('GET', '/x')
  expect(tokens).toBe(2)
})

test('a token that is refused is replaced once, and a second refusal is final', async () => {
  answer = (request, response) => {
    response.writeHead(request.headers.authorization === 'Bearer token-1' ? 401 : 200).end('{}')
  }
  await connect().send('GET', '/x')
  expect(tokens).toBe(2)
  reply(401)
  await expect(connect().send('GET', '/x')).rejects.toMatchObject({
    code: 'unauthorized',
    disposition: 'fail',
  })
  expect(paths).toHaveLength(4)
})

test.each([
  [500, 'retry', 'http_500'],
  [503, 'retry', 'http_503'],
  [429, 'retry', 'http_429'],
  [400, 'fail', 'http_400'],
  // A proxy that shows a page of its own meanwhile.
  [302, 'retry', 'http_302'],
  [408, 'retry', 'http_408'],
])('status %i is %s with code %s', async (status, disposition, code) => {
  reply(status, { error: 'a text about somebody@example.fr' })
  await expect(connect().send('GET', '/x')).rejects.toMatchObject({ status, disposition, code })
})

const pageOfAProxy = '<!doctype html><title>Maintenance</title>'
test.each([
  ['half an answer', 200, '[{"id": "1", "em', 'not_json'],
  ['a page', 200, pageOfAProxy, 'not_json'],
  ['nothing, to a question', 200, '', 'not_json'],
  ['a page that forbids', 403, pageOfAProxy, 'http_403'],
  ['a page that finds nothing', 404, pageOfAProxy, 'http_404'],
  ['a page about a conflict', 409, pageOfAProxy, 'http_409'],
  ['a page about the request', 400, pageOfAProxy, 'http_400'],
  ['a page about the credential', 401, pageOfAProxy, 'http_401'],
])('%s is not Keycloak’s answer: status %i is asked again', async (_what, status, body, code) => {
  answer = (_request, response) => void response.writeHead(status).end(body)
  await expect(connect().send('GET', '/x')).rejects.toMatchObject({ status, disposition: 'retry', code })
})

test('what changes something may be answered with nothing, and never with a page', async () => {
  answer = (_request, response) => void response.writeHead(204).end()
  expect(await connect().send('PUT', '/x')).toEqual({ data: undefined, id: undefined })
  answer = (_request, response) => void response.writeHead(200).end(pageOfAProxy)
  await expect(connect().send('PUT', '/x')).rejects.toMatchObject({ disposition: 'retry', code: 'not_json' })
})

test.each([
  ['a page', 200, pageOfAProxy],
  ['half an answer', 200, '{"access_token": "a'],
  ['an answer of another kind', 200, '{"status": "ok"}'],
  ['nothing', 200, ''],
  ['a page that forbids', 403, pageOfAProxy],
  ['a redirect', 302, ''],
])('%s instead of a token says nothing about the credential: asked again', async (_what, status, body) => {
  answerToken = (response) => void response.writeHead(status).end(body)
  await expect(connect().send('GET', '/x')).rejects.toMatchObject({ status, disposition: 'retry' })
})

test.each([
  ['error', { error: 'invalidPasswordHistoryMessage', error_description: 'Mot de passe invalide' }],
  ['errorMessage', { field: 'email', errorMessage: 'invalidPasswordHistoryMessage' }],
  ['errors', { errors: [{ errorMessage: 'invalidPasswordHistoryMessage' }] }],
])('Keycloak’s own key is the code when it stands in %s', async (_place, body) => {
  reply(400, body)
  await expect(connect().send('PUT', '/x')).rejects.toMatchObject({ code: 'invalidPasswordHistoryMessage' })
})

test('what Keycloak says about a person is in no message of ours', async () => {
  reply(409, { errorMessage: 'User exists with same email somebody@example.fr' })
  const error: unknown = await connect()
    .send('POST', '/users')
    .catch((thrown: unknown) => thrown)
  expect(JSON.stringify([error, String(error)])).not.toContain('somebody')
})

test('absent, taken and forbidden are told apart', async () => {
  reply(404)
  await expect(connect().send('GET', '/x')).rejects.toSatisfy(isNotFound)
  reply(409)
  await expect(connect().send('GET', '/x')).rejects.toSatisfy(isConflict)
  reply(403)
  await expect(connect().send('GET', '/x')).rejects.toSatisfy(isForbidden)
})

test('no answer in time, and no server at all, are for another try', async () => {
  answer = () => undefined
  await expect(connect().send('GET', '/x', { timeoutMs: 100 })).rejects.toMatchObject({
    status: 0,
    disposition: 'retry',
    code: 'timeout',
  })
  // Byte by byte, for ever.
  answer = (_request, response) => {
    const drip = setInterval(() => response.write(' '), 20)
    response.on('close', () => clearInterval(drip))
  }
  await expect(connect().send('GET', '/x', { timeoutMs: 100 })).rejects.toMatchObject({ code: 'timeout' })
  const nowhere = createTransport('http://127.0.0.1:1', 'ellipro', {
    kind: 'client',
    clientId: 'c',
    clientSecret: 's',
  })
  await expect(nowhere.send('GET', '/x')).rejects.toMatchObject({ disposition: 'retry', code: 'connect' })
})

test('every value in a path is escaped', () => {
  expect(at`/users/${'../clients'}/groups/${'a/b?c'}`).toBe('/users/..%2Fclients/groups/a%2Fb%3Fc')
})
