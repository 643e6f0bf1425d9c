/**
 * The API of the workspace over HTTP and PostgreSQL: what it takes, what it refuses, and that it never shows half a
 * contract. Its answers are compared with its own description.
 */
import { createHash, randomInt } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { request } from 'node:http'
import { gzipSync } from 'node:zlib'
import { Validator } from '@seriousme/openapi-schema-validator'
import { generateKeyPair, SignJWT } from 'jose'
import { describe, expect, test } from 'vitest'
import {
  contractList,
  maximumBodyBytes,
  problem,
  stored,
  workspaceDigest,
  type Problem,
} from '../../../admin-sync/contracts/target/api.ts'
import { digestContract } from '../../../admin-sync/contracts/digest.ts'
import { alertKinds, contractDocument, type ContractDocument } from '../../../admin-sync/contracts/model.ts'
import { renderWorkspaceApi, workspaceFile } from '../../../dev/generate-docs.ts'
import { startTcpProxy } from '../../support/fault-proxy.ts'
import { makeDocument, startWorkspace } from '../../support/workspace.ts'

const workspace = await startWorkspace()
const token = await workspace.issuer.sign({ exp: Math.floor(Date.now() / 1000) + 3600 })

/** A UUID made of the content, as admin-sync does. */
const keyOf = (text: string) => {
  const hex = createHash('sha256').update(text).digest('hex')
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-8${hex.slice(17, 20)}-${hex.slice(20, 32)}`
}
const at = (contract: string) => `/contracts/${encodeURIComponent(contract)}`
const call = (method: string, path: string, init: RequestInit = {}) =>
  fetch(`${workspace.url}${path}`, {
    ...init,
    method,
    headers: { authorization: `Bearer ${token}`, ...(init.headers as Record<string, string>) },
  })
const send = (path: string, body: string | Buffer, headers: Record<string, string> = {}) =>
  call('PUT', path, {
    body: typeof body === 'string' ? body : new Uint8Array(body),
    headers: { 'content-type': 'application/json', 'idempotency-key': keyOf(String(body)), ...headers },
  })
const put = (
  document: ContractDocument,
  { final = false, digest = digestContract(document).digest, key = keyOf(digest) } = {},
) => send(at(document.contract), JSON.stringify({ document, digest, final }), { 'idempotency-key': key })

async function expectProblem(answer: Response, status: number, code: Problem['code']): Promise<Problem> {
  expect(answer.headers.get('content-type')).toMatch(/^application\/problem\+json/)
  const body = problem.strict().parse(await answer.json())
  expect(body).toMatchObject({ status, code })
  expect(answer.status).toBe(status)
  return body
}
async function readDigest(contract: string) {
  const answer = await call('GET', `${at(contract)}/digest`)
  expect(answer.status).toBe(200)
  return workspaceDigest.strict().parse(await answer.json())
}
async function readDocument(contract: string): Promise<ContractDocument> {
  const answer = await call('GET', at(contract))
  expect(answer.status).toBe(200)
  return contractDocument.parse(await answer.json())
}

const pick = <T>(values: readonly T[]): T => values[randomInt(values.length)]!
const sample = <T>(values: readonly T[]): T[] => values.filter(() => randomInt(2) === 1)
const alphabet = Array.from('aZ09 -_=<>&"\'\\/éœ€ßÆ中🧵\u0301')
const word = (max: number) => Array.from({ length: 1 + randomInt(max) }, () => pick(alphabet)).join('') || 'x'
const day = () => new Date(randomInt(4_000_000_000) * 1000).toISOString().slice(0, 10)
const money = () => ({ cents: randomInt(2 ** 47), currency: pick(['EUR', 'USD', 'JPY']) })
const maybe = <T>(value: T): T | null => (randomInt(3) === 0 ? null : value)
const unique = <T>(list: T[], key: (one: T) => string) => [
  ...new Map(list.map((one) => [key(one), one])).values(),
]
const many = <T>(make: () => T) => Array.from({ length: randomInt(12) }, make)
const countries = ['FR', 'DE', 'BE', 'ES', 'IT', 'US']

function makeRandomDocument(contract: string): ContractDocument {
  const company = () => ({ country: pick(countries), number: word(6) })
  return {
    contract,
    company: { ...company(), name: word(40) },
    tariff: {
      name: word(20),
      fee: money(),
      prices: unique(
        many(() => ({ item: word(3), ...money() })),
        ({ item }) => item,
      ),
    },
    signedOn: day(),
    contact: { name: maybe(word(20)), email: maybe(word(20)), phone: maybe(word(20)) },
    reports: sample(['essentiel', 'expert', 'efficient'] as const),
    analyses: sample(['optimum', 'classic'] as const),
    score: randomInt(2) === 1,
    countries: sample(countries),
    portfolio: unique(
      many(() => ({ ...company(), name: word(30), reference: maybe(word(9)), addedOn: day() })),
      ({ country, number }) => `${country} ${number}`,
    ),
    monitoring: unique(
      many(() => ({ ...company(), kind: pick(alertKinds), recipient: word(9), since: day() })),
      ({ country, number, kind, recipient }) => JSON.stringify([country, number, kind, recipient]),
    ),
  }
}

describe('a contract that is put', () => {
  test('is stored as a whole, and read back with the same digest', async () => {
    const document = makeDocument('C-1001')
    const expected = digestContract(document)
    const answer = await put(document)
    expect(answer.status).toBe(200)
    expect(stored.strict().parse(await answer.json())).toEqual({
      contract: 'C-1001',
      digest: expected.digest,
      stored: true,
    })
    expect(digestContract(await readDocument('C-1001'))).toEqual(expected)
    const digest = await readDigest('C-1001')
    expect(digest).toMatchObject({ ...expected, contract: 'C-1001', changedAt: null })
    expect(digest.received).toMatchObject({ digest: expected.digest, final: false })
  })

  test('has the canonical digest for whatever can stand in it', async () => {
    for (let round = 0; round < 60; round += 1) {
      const contract = `R ${round} ${word(20)}`
      const document = makeRandomDocument(contract)
      const answer = await put(document)
      expect({ status: answer.status, document }).toEqual({ status: 200, document })
      expect(await readDigest(contract)).toMatchObject(digestContract(document))
      expect(digestContract(await readDocument(contract))).toEqual(digestContract(document))
    }
  })

  test('changes nothing when it is repeated, in whatever order its lists stand', async () => {
    const document = makeDocument('C-1002')
    await put(document)
    const { received } = await readDigest('C-1002')
    const turned = {
      ...document,
      portfolio: document.portfolio.toReversed(),
      countries: document.countries.toReversed(),
    }
    const answer = await put(turned)
    expect(await answer.json()).toMatchObject({ stored: false, digest: received.digest })
  })

  test('takes the place of what was there, with all its lines', async () => {
    const document = makeDocument('C-1003')
    await put(document)
    const less = makeDocument('C-1003', {
      portfolio: document.portfolio.slice(1),
      monitoring: [],
      countries: [],
    })
    expect(await (await put(less)).json()).toMatchObject({ stored: true })
    expect(await readDocument('C-1003')).toMatchObject({ monitoring: [], countries: [] })
    // And back again, under the key of the first time.
    expect(await (await put(document)).json()).toMatchObject({ stored: true })
    expect(await readDigest('C-1003')).toMatchObject(digestContract(document))
  })

  test('is written anew when its rows were spoiled, although the digest was received before', async () => {
    const document = makeDocument('C-1004')
    await put(document)
    await workspace.pool.query(
      `DELETE FROM workspace.portfolio WHERE contract = 'C-1004' AND number = '000000109'`,
    )
    expect((await readDigest('C-1004')).digest).not.toBe(digestContract(document).digest)
    expect(await (await put(document)).json()).toMatchObject({ stored: true })
    expect((await readDigest('C-1004')).digest).toBe(digestContract(document).digest)
  })

  test('that was the last one stays: the same content is confirmed, any other refused', async () => {
    const document = makeDocument('C-1005')
    const { digest } = digestContract(document)
    await put(document)
    expect(await (await put(document, { final: true })).json()).toMatchObject({ stored: false })
    expect((await readDigest('C-1005')).received).toMatchObject({ final: true, digest })
    expect((await put(document)).status).toBe(200)
    expect((await put(document, { final: true })).status).toBe(200)
    const other = makeDocument('C-1005', { score: false })
    for (const final of [true, false])
      expect(await expectProblem(await put(other, { final }), 409, 'contract_frozen')).toMatchObject({
        digest,
      })
    expect(await readDigest('C-1005')).toMatchObject({ digest, received: { final: true } })
  })

  test('is not overwritten after its people changed something on the portal', async () => {
    const document = makeDocument('C-1006')
    const { digest } = digestContract(document)
    await put(document, { final: true })
    await workspace.pool.query(`
      UPDATE workspace.monitoring SET stopped_at = now() WHERE contract = 'C-1006' AND kind = 'score';
      UPDATE workspace.contract SET changed_at = now() WHERE contract = 'C-1006'`)
    expect(await (await put(document, { final: true })).json()).toEqual({
      contract: 'C-1006',
      digest,
      stored: false,
    })
    const now = await readDigest('C-1006')
    expect(now.received.digest).toBe(digest)
    expect(now.sections.monitoring.count).toBe(1)
    expect(now.changedAt).not.toBeNull()
    expect((await readDocument('C-1006')).monitoring).toHaveLength(1)
  })

  test('is kept in none of its parts when what was stored has another digest', async () => {
    const before = makeDocument('C-1007')
    await put(before)
    const after = makeDocument('C-1007', { countries: ['FR'] })
    const wrong = digestContract(makeDocument('C-1007', { countries: ['IT'] })).digest
    const refused = await expectProblem(await put(after, { digest: wrong }), 422, 'digest_mismatch')
    expect(refused.digest).toBe(digestContract(after).digest)
    expect(await readDigest('C-1007')).toMatchObject(digestContract(before))
    const fresh = makeDocument('C-1008')
    await expectProblem(await put(fresh, { digest: wrong, key: keyOf('fresh') }), 422, 'digest_mismatch')
    await expectProblem(await call('GET', at('C-1008')), 404, 'contract_unknown')
    // Its key was not used up by what failed.
    expect((await put(fresh, { key: keyOf('fresh') })).status).toBe(200)
  })

  test('keeps its key: with another content, or for another contract, the key is refused', async () => {
    const key = keyOf('one key')
    await put(makeDocument('C-1009'), { key })
    expect((await put(makeDocument('C-1009'), { key })).status).toBe(200)
    await expectProblem(
      await put(makeDocument('C-1009', { score: false }), { key }),
      422,
      'idempotency_key_reused',
    )
    await expectProblem(await put(makeDocument('C-1010'), { key }), 422, 'idempotency_key_reused')
    await expectProblem(await call('GET', at('C-1010')), 404, 'contract_unknown')
  })

  test('from eight sides at once is one contract, of one of them as a whole', async () => {
    const documents = Array.from({ length: 8 }, (_, index) =>
      makeDocument('C-1011', {
        portfolio: Array.from({ length: 200 }, (_line, line) => ({
          country: 'FR',
          number: `${index}-${line}`,
          name: `Company ${index}`,
          reference: null,
          addedOn: '2020-01-01',
        })),
      }),
    )
    const answers = await Promise.all(documents.map((document) => put(document)))
    expect(answers.map(({ status }) => status)).toEqual(documents.map(() => 200))
    const digests = documents.map((document) => digestContract(document).digest)
    const { digest, sections } = await readDigest('C-1011')
    expect(digests).toContain(digest)
    expect(sections.portfolio.count).toBe(200)
  })

  test('that is cut off in the middle is not there at all', async () => {
    const document = makeDocument('C-1012')
    const body = JSON.stringify({ document, digest: digestContract(document).digest, final: false })
    const { hostname, port, pathname } = new URL(`${workspace.url}${at('C-1012')}`)
    await new Promise<void>((resolve) => {
      const cut = request({
        host: hostname,
        port,
        path: pathname,
        method: 'PUT',
        headers: {
          authorization: `Bearer ${token}`,
          'content-type': 'application/json',
          'idempotency-key': keyOf(body),
          'content-length': String(body.length),
        },
      })
      cut.once('error', () => resolve())
      cut.write(body.slice(0, body.length / 2), () => setTimeout(() => cut.destroy(new Error('cut')), 50))
    })
    await expectProblem(await call('GET', at('C-1012')), 404, 'contract_unknown')
  })
})

describe('a request that is not as it must be', () => {
  test('is refused with the places that are wrong, and stores nothing', async () => {
    const document = makeDocument('C-2001')
    const base = { document, digest: digestContract(document).digest, final: false }
    const line = document.portfolio[0]!
    const wrong: [body: unknown, path: string][] = [
      [{ ...base, digest: 'ABC' }, 'digest'],
      [{ ...base, final: 'yes' }, 'final'],
      [{ ...base, more: 1 }, ''],
      [{ ...base, document: { ...document, signedOn: '2019-02-30' } }, 'document.signedOn'],
      [{ ...base, document: { ...document, score: null } }, 'document.score'],
      [{ ...base, document: { ...document, reports: ['expert', 'all'] } }, 'document.reports.1'],
      [{ ...base, document: { ...document, portfolio: [line, line] } }, 'document.portfolio.1'],
      [{ ...base, document: { ...document, countries: ['FR', 'FR'] } }, 'document.countries.1'],
      [
        { ...base, document: { ...document, portfolio: [{ ...line, name: 'NUL \0' }] } },
        'document.portfolio.0.name',
      ],
      [
        { ...base, document: { ...document, portfolio: [{ ...line, name: 'half \ud83e' }] } },
        'document.portfolio.0.name',
      ],
      [
        { ...base, document: { ...document, portfolio: [{ ...line, name: 'x'.repeat(256) }] } },
        'document.portfolio.0.name',
      ],
      [
        {
          ...base,
          document: { ...document, tariff: { ...document.tariff, fee: { cents: 1.5, currency: 'EUR' } } },
        },
        'document.tariff.fee.cents',
      ],
      [{ ...base, document: { ...document, contract: 'C-2002' } }, 'document.contract'],
      [[], ''],
    ]
    for (const [body, path] of wrong) {
      const { errors } = await expectProblem(
        await send(at('C-2001'), JSON.stringify(body)),
        400,
        'invalid_request',
      )
      expect(errors?.map((error) => error.path)).toContain(path)
    }
    const never = { ...base, document: { ...document, signedOn: '0000-01-01' } }
    await expectProblem(await send(at('C-2001'), JSON.stringify(never)), 400, 'invalid_request')
    for (const text of ['{"document":', 'null', '""']) {
      const answer = await send(at('C-2001'), text)
      await expectProblem(answer, 400, 'invalid_request')
    }
    await expectProblem(await call('GET', at('C-2001')), 404, 'contract_unknown')
  })

  test('takes names as long as Cofacering’s, counted in characters', async () => {
    const document = makeDocument('C-2003', {
      company: { country: 'FR', number: '1', name: '🧵'.repeat(255) },
    })
    expect((await put(document)).status).toBe(200)
    expect(await readDigest('C-2003')).toMatchObject(digestContract(document))
  })

  test('needs a key, and JSON', async () => {
    const document = makeDocument('C-2004')
    const body = JSON.stringify({ document, digest: digestContract(document).digest, final: false })
    await expectProblem(await send(at('C-2004'), body, { 'idempotency-key': 'once' }), 400, 'invalid_request')
    const plain = await send(at('C-2004'), body, { 'content-type': 'text/plain' })
    await expectProblem(plain, 415, 'unsupported_media_type')
    const latin = await send(at('C-2004'), body, { 'content-type': 'application/json; charset=latin1' })
    await expectProblem(latin, 415, 'unsupported_media_type')
  })

  test('is too large beyond its limit, also when it was packed small', async () => {
    const large = Buffer.alloc(maximumBodyBytes + 1, ' ')
    await expectProblem(
      await send(at('C-2005'), gzipSync(large), { 'content-encoding': 'gzip' }),
      413,
      'too_large',
    )
    // Its sender goes on while the answer is there already: what it is told depends on who is quicker.
    const announced = await send(at('C-2005'), large).catch(() => undefined)
    if (announced) await expectProblem(announced, 413, 'too_large')
    await expectProblem(await call('GET', at('C-2005')), 404, 'contract_unknown')
  })

  test('of a method or an address that is not there says so', async () => {
    const wrong = await call('DELETE', at('C-1001'))
    expect(wrong.headers.get('allow')).toBe('GET, PUT')
    await expectProblem(wrong, 405, 'method_not_allowed')
    await expectProblem(await call('POST', '/contracts'), 405, 'method_not_allowed')
    await expectProblem(await call('GET', '/contract'), 404, 'not_found')
    await expectProblem(await call('GET', '/contracts/%E0%A4%A'), 400, 'invalid_request')
    await expectProblem(await call('GET', at('x'.repeat(65))), 400, 'invalid_request')
    for (const query of ['limit=0', 'limit=1001', 'limit=ten', 'after=%00'])
      await expectProblem(await call('GET', `/contracts?${query}`), 400, 'invalid_request')
  })
})

test('the list walks through all contracts, by the bytes of their numbers', async () => {
  // In UTF-16 the thread comes before U+FF21; by UTF-8 bytes after it.
  const extra = ['Zz', 'aa', 'é', 'Ａ', '🧵']
  for (const contract of extra) await put(makeDocument(contract))
  const walked: string[] = []
  for (let after = ''; ;) {
    const answer = await call('GET', `/contracts?limit=7&after=${encodeURIComponent(after)}`)
    const { contracts } = contractList.strict().parse(await answer.json())
    const last = contracts.at(-1)
    if (!last) break
    expect(last).toEqual(await readDigest(last.contract))
    walked.push(...contracts.map(({ contract }) => contract))
    after = last.contract
  }
  const { rows } = await workspace.pool.query<{ n: string }>('SELECT count(*) AS n FROM workspace.contract')
  expect(walked).toHaveLength(Number(rows[0]?.n))
  expect(walked).toEqual(walked.toSorted((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b))))
  expect(walked.filter((contract) => extra.includes(contract))).toEqual(extra)
})

const ask = async (authorization?: string) =>
  fetch(`${workspace.url}${at('C-1001')}`, { headers: authorization === undefined ? {} : { authorization } })
const encode = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url')

describe('a token', () => {
  test('is asked for, and must be whole, of this issuer, for this audience, and not over', async () => {
    const { sign, url } = workspace.issuer
    const { privateKey } = await generateKeyPair('RS256')
    const now = Math.floor(Date.now() / 1000)
    const claims = {
      iss: url,
      aud: 'ellipro-workspace',
      azp: 'admin-sync-workspace',
      iat: now,
      exp: now + 60,
    }
    const foreign = await new SignJWT(claims)
      .setProtectedHeader({ alg: 'RS256', kid: 'test-key' })
      .sign(privateKey)
    const unsigned = `${encode({ alg: 'none' })}.${encode(claims)}.`
    const symmetric = await new SignJWT(claims)
      .setProtectedHeader({ alg: 'HS256', kid: 'test-key' })
      .sign(Buffer.alloc(32))
    const wrong = [
      await sign({ aud: 'portal' }),
      await sign({ aud: undefined }),
      await sign({ iss: 'http://127.0.0.1:1/realms/ellipro' }),
      await sign({ exp: now - 1 }),
      await sign({ exp: undefined }),
      await sign({ azp: undefined }),
      await sign({ nbf: now + 60 }),
      `${(await sign()).slice(0, -4)}AAAA`,
      foreign,
      unsigned,
      symmetric,
      'opaque',
    ]
    for (const bad of wrong) {
      const answer = await ask(`Bearer ${bad}`)
      expect(answer.headers.get('www-authenticate')).toBe('Bearer error="invalid_token"')
      await expectProblem(answer, 401, 'unauthorized')
    }
    const missing = await ask()
    expect(missing.headers.get('www-authenticate')).toBe('Bearer')
    await expectProblem(missing, 401, 'unauthorized')
    await expectProblem(await ask(`Basic ${token}`), 401, 'unauthorized')
    expect((await ask(`Bearer ${await sign({ aud: ['account', 'ellipro-workspace'] })}`)).status).toBe(200)
  })

  test('of another client of the realm is not enough, on no address', async () => {
    const { sign } = workspace.issuer
    for (const azp of ['portal', 'second-app', 'admin-sync']) {
      const headers = { authorization: `Bearer ${await sign({ azp })}`, 'content-type': 'application/json' }
      for (const [method, path] of [
        ['GET', '/contracts'],
        ['GET', at('C-1001')],
        ['GET', `${at('C-1001')}/digest`],
        ['PUT', at('C-1001')],
        ['GET', '/else'],
      ] as const) {
        const answer = await fetch(`${workspace.url}${path}`, { method, headers })
        await expectProblem(answer, 403, 'forbidden')
      }
    }
  })
})

test('what is away is said to be away: nothing is concluded from it', async () => {
  const server = new URL(workspace.database.url)
  const proxy = await startTcpProxy({ host: server.hostname, port: Number(server.port) })
  await proxy.set('refuse')
  const other = await startWorkspace({
    databaseUrl: (url) => Object.assign(new URL(url), { host: `${proxy.host}:${proxy.port}` }).href,
  })
  const askOther = async () =>
    fetch(`${other.url}/contracts`, { headers: { authorization: `Bearer ${await other.issuer.sign()}` } })
  await other.issuer.stop()
  const withoutKeys = await askOther()
  expect(withoutKeys.headers.get('retry-after')).toBe('5')
  await expectProblem(withoutKeys, 503, 'unavailable')
  await other.issuer.start()
  await expectProblem(await askOther(), 503, 'unavailable')
  // Its tables are made as soon as there is a database.
  await proxy.set('none')
  expect((await askOther()).status).toBe(200)
  await proxy.set('reset')
  await expectProblem(await askOther(), 503, 'unavailable')
  await proxy.set('none')
  expect((await askOther()).status).toBe(200)
})

test('logs no contract, company or token', () => {
  expect(workspace.events.length).toBeGreaterThan(0)
  const log = JSON.stringify(workspace.events)
  for (const text of ['C-1001', 'Zébulon', 'Atelier', token]) expect(log).not.toContain(text)
})

describe('its description', () => {
  test('is valid OpenAPI 3.1, is given to everybody, and is the one in docs/', async () => {
    const answer = await fetch(`${workspace.url}/openapi.json`)
    expect(answer.status).toBe(200)
    const description = (await answer.json()) as Record<string, unknown>
    const result = await new Validator().validate(structuredClone(description))
    expect(result).toMatchObject({ valid: true })
    expect(readFileSync(workspaceFile, 'utf8'), 'npm run docs').toBe(await renderWorkspaceApi())
    expect(description).toEqual(JSON.parse(await renderWorkspaceApi()))
  })
})
