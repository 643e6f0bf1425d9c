/**
 * What carries contracts, on the real workspace of the demonstration's portal: what it stores, and what becomes of a call
 * when the workspace, the way to it, or its token is in trouble.
 */
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeEach, expect, test } from 'vitest'
import { digestContract } from '../../../admin-sync/contracts/digest.ts'
import { createWorkspace } from '../../../admin-sync/contracts/target/http.ts'
import { createTokens } from '../../../admin-sync/keycloak/transport.ts'
import { UpstreamError } from '../../../core/errors.ts'
import { findFreePort } from '../../../dev/ports.ts'
import { startHttpProxy, type HttpTrouble } from '../../support/fault-proxy.ts'
import { makeDocument, startWorkspace } from '../../support/workspace.ts'

const real = await startWorkspace()
const proxy = await startHttpProxy(new URL(real.url).origin)
const tokensOf = () =>
  createTokens(real.issuer.keycloakUrl, 'ellipro', {
    kind: 'client',
    clientId: 'admin-sync-workspace',
    clientSecret: real.issuer.clientSecret,
  })
const workspace = createWorkspace({
  url: `${proxy.url}/workspace`,
  tokens: tokensOf(),
  timeLimits: { contractMs: 1500, otherMs: 700 },
})
let count = 0
const next = () => makeDocument(`C-${++count}`)
const digestOf = (document: ReturnType<typeof makeDocument>) => digestContract(document).digest
const putWell = (document: ReturnType<typeof makeDocument>, final = false) =>
  workspace.put(document, digestOf(document), { final })

/** What went wrong, as the job sees it. */
async function failure(call: Promise<unknown>) {
  try {
    await call
  } catch (error) {
    if (!(error instanceof UpstreamError)) throw error
    const { service, disposition, code } = error
    return `${service} ${disposition} ${code}`
  }
  return 'none'
}
/** In trouble for the first so many requests. */
function trouble(what: HttpTrouble, times = Infinity): void {
  let left = times
  proxy.trouble = () => (left-- > 0 ? what : undefined)
}
const problem = (status: number, code: string, more: object = {}): HttpTrouble => ({
  status,
  headers: { 'content-type': 'application/problem+json' },
  body: JSON.stringify({ title: 'As it is', status, code, ...more }),
})
const json = (value: unknown): HttpTrouble => ({
  status: 200,
  headers: { 'content-type': 'application/json' },
  body: JSON.stringify(value),
})

beforeEach(() => {
  proxy.trouble = () => undefined
  real.issuer.answers.status = 200
})

test('a contract is stored as a whole, read back the same, and listed by the bytes of its number', async () => {
  const documents = ['é/ü?#', 'Z 1', '%2e', 'z'].map((contract) => makeDocument(contract))
  for (const document of documents) {
    expect(await putWell(document)).toBe(digestOf(document))
    const read = await workspace.read(document.contract)
    expect(read && digestOf(read)).toBe(digestOf(document))
    expect(await workspace.readDigest(document.contract)).toMatchObject({
      ...digestContract(document),
      received: { digest: digestOf(document), final: false },
      changedAt: null,
    })
  }
  const listed: string[] = []
  for (let after = ''; ;) {
    const digests = await workspace.listDigests(after, 3)
    if (digests.length === 0) break
    listed.push(...digests.map(({ contract }) => contract))
    after = listed.at(-1)!
  }
  expect(listed).toEqual(['%2e', 'Z 1', 'z', 'é/ü?#'])
  expect(await workspace.read('nobody’s')).toBeUndefined()
  expect(await workspace.readDigest('nobody’s')).toBeUndefined()
})

test('a number that cannot stand in a path asks for nothing', async () => {
  const before = proxy.asked.length
  for (const contract of ['.', '..'])
    expect(await failure(putWell(makeDocument(contract)))).toBe('workspace fail unaddressable')
  expect(proxy.asked).toHaveLength(before)
})

test('the same is taken twice and stored once; after the last one every other is refused', async () => {
  const document = next()
  await putWell(document)
  await putWell(document)
  await putWell(document, true)
  await putWell(document, true)
  const changed = { ...document, score: false }
  expect(await failure(putWell(changed))).toBe('workspace fail contract_frozen')
  expect(await failure(putWell(changed, true))).toBe('workspace fail contract_frozen')
  expect(await workspace.read(document.contract)).toMatchObject({ score: true })
  const { rows } = await real.pool.query('SELECT FROM workspace.contract WHERE contract = $1', [
    document.contract,
  ])
  expect(rows).toHaveLength(1)
})

test('a content that comes back after another one is stored again', async () => {
  const document = next()
  const changed = { ...document, score: false }
  for (const [one, version] of [
    [document, '1'],
    [changed, '2'],
    [document, '3'],
  ] as const) {
    await workspace.put(one, digestOf(one), { final: false, version })
    expect(await workspace.read(document.contract)).toMatchObject({ score: one.score })
  }
})

test('a digest that the workspace does not reach leaves nothing there', async () => {
  const document = next()
  const wrong = workspace.put(document, '0'.repeat(64), { final: true })
  expect(await failure(wrong)).toBe('workspace fail digest_mismatch')
  expect(await workspace.read(document.contract)).toBeUndefined()
})

test.each<[name: string, trouble: HttpTrouble, said: string]>([
  ['down', { status: 502, body: '<h1>Bad gateway</h1>' }, 'retry http_502'],
  ['failing', problem(500, 'failed'), 'retry failed'],
  ['busy', problem(503, 'unavailable'), 'retry unavailable'],
  ['told to wait', { status: 429 }, 'retry http_429'],
  ['slow', 'hang', 'retry timeout'],
  ['dripping', 'drip', 'retry timeout'],
  ['cut before it answers', 'reset', 'retry cut'],
  ['cut in the middle of its answer', 'half', 'retry cut'],
  ['cut after it has stored', 'lost', 'retry cut'],
  ['in conflict', problem(409, 'contract_frozen', { digest: 'a'.repeat(64) }), 'fail contract_frozen'],
  ['refusing', problem(403, 'forbidden'), 'fail forbidden'],
  ['not understanding', problem(400, 'invalid_request'), 'fail invalid_request'],
  ['at odds', problem(422, 'digest_mismatch'), 'fail digest_mismatch'],
  ['refusing as a proxy would', { status: 403, body: '<h1>Forbidden</h1>' }, 'retry http_403'],
  ['refusing in words of its own', problem(409, 'password_of_anne_martin'), 'retry http_409'],
  [
    'of another status than its answer says',
    problem(409, 'contract_frozen', { status: 400 }),
    'retry http_409',
  ],
  ['at another address', { status: 404 }, 'retry http_404'],
  ['at an address that it does not know', problem(404, 'not_found'), 'retry not_found'],
  ['answering with a page', { status: 200, body: '<h1>Welcome</h1>' }, 'retry unreadable'],
  ['answering nothing', { status: 200, body: '' }, 'retry unreadable'],
  ['answering something else', json({ stored: true }), 'retry unreadable'],
  [
    'answering for another',
    json({ contract: 'other', digest: 'a'.repeat(64), stored: true }),
    'retry unreadable',
  ],
  ['answering without end', { status: 200, body: 'x'.repeat(5 * 1024 * 1024) }, 'retry too_long'],
  ['created elsewhere', { status: 201, body: '{}' }, 'retry http_201'],
])('the workspace %s: nothing is concluded that it did not say', async (_name, what, said) => {
  const document = next()
  trouble(what)
  expect(await failure(putWell(document))).toBe(`workspace ${said}`)
  proxy.trouble = () => undefined
  // Whatever it was, once more does it, once.
  expect(await putWell(document)).toBe(digestOf(document))
  expect(await workspace.readDigest(document.contract)).toMatchObject({ digest: digestOf(document) })
})

test('an answer that names another digest than ours is a refusal', async () => {
  const document = next()
  trouble(json({ contract: document.contract, digest: 'b'.repeat(64), stored: true }))
  expect(await failure(putWell(document))).toBe('workspace fail digest_mismatch')
})

test('nobody there at all', async () => {
  const port = await findFreePort('127.0.0.1')
  const nowhere = createWorkspace({ url: `http://127.0.0.1:${port}/workspace`, tokens: tokensOf() })
  expect(await failure(nowhere.readDigest('C-1'))).toBe('workspace retry connect')
})

test.each(['read', 'readDigest'] as const)(
  'half an answer to %s is no answer, and no absence',
  async (method) => {
    const document = next()
    await putWell(document)
    for (const [what, said] of [
      ['half', 'cut'],
      [{ status: 404, body: 'not here' }, 'http_404'],
      [json({ ...document, portfolio: 'all of them' }), 'unreadable'],
      [json({ ...document, contract: 'other' }), 'unreadable'],
    ] as const) {
      trouble(what)
      expect(await failure(workspace[method](document.contract))).toBe(`workspace retry ${said}`)
    }
  },
)

test('a list that goes in a circle is not followed', async () => {
  const { received, ...digest } = (await workspace.readDigest('Z 1'))!
  trouble(json({ contracts: [{ ...digest, contract: 'A', received }] }))
  expect(await failure(workspace.listDigests('B', 10))).toBe('workspace retry unreadable')
})

test('a redirect is not followed, and its place learns no token', async () => {
  const heard: (string | undefined)[] = []
  const other = createServer((req, res) => {
    heard.push(req.headers.authorization)
    res.end('{}')
  })
  await new Promise<void>((done) => other.listen(0, '127.0.0.1', done))
  afterAll(() => other.close())
  const location = `http://127.0.0.1:${(other.address() as AddressInfo).port}/`
  for (const status of [301, 302, 307, 308]) {
    trouble({ status, headers: { location } })
    expect(await failure(putWell(next()))).toBe('workspace retry redirect')
  }
  expect(heard).toEqual([])
})

test('one token serves many calls, and is renewed before it expires and when it is not taken any more', async () => {
  const mine = createWorkspace({ url: `${proxy.url}/workspace`, tokens: tokensOf() })
  const before = real.issuer.given()
  await Promise.all(Array.from({ length: 5 }, () => mine.readDigest('C-1')))
  expect(real.issuer.given() - before).toBe(1)
  // Expired in the middle: the workspace says 401 once.
  trouble(problem(401, 'unauthorized'), 1)
  await mine.put(next(), digestOf(makeDocument(`C-${count}`)), { final: false })
  expect(real.issuer.given() - before).toBe(2)
  // Not taken at all: asked for once more and no more.
  trouble(problem(401, 'unauthorized'))
  const asked = proxy.asked.length
  expect(await failure(mine.readDigest('C-1'))).toBe('workspace retry unauthorized')
  expect(proxy.asked.length - asked).toBe(2)
  proxy.trouble = () => undefined
  // One that lives for less than the margin is never used twice.
  real.issuer.answers.lifetimeSeconds = 5
  const brief = createWorkspace({ url: `${proxy.url}/workspace`, tokens: tokensOf() })
  const given = real.issuer.given()
  await brief.readDigest('C-1')
  await brief.readDigest('C-1')
  expect(real.issuer.given() - given).toBe(2)
  real.issuer.answers.lifetimeSeconds = 60
})

test('without a token nothing is asked: that is Keycloak’s trouble', async () => {
  const mine = createWorkspace({ url: `${proxy.url}/workspace`, tokens: tokensOf() })
  real.issuer.answers.status = 503
  const asked = proxy.asked.length
  expect(await failure(mine.readDigest('C-1'))).toMatch(/^keycloak retry /)
  expect(proxy.asked).toHaveLength(asked)
  const stranger = createWorkspace({
    url: `${proxy.url}/workspace`,
    tokens: createTokens(real.issuer.keycloakUrl, 'ellipro', {
      kind: 'client',
      clientId: 'admin-sync-workspace',
      clientSecret: 'wrong',
    }),
  })
  real.issuer.answers.status = 200
  expect(await failure(stranger.readDigest('C-1'))).toBe('keycloak fail unauthorized')
})
