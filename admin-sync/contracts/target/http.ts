/**
 * The Ellipro workspace over HTTP (api.ts), with a token of client admin-sync-workspace that is kept until shortly before
 * it expires, and renewed once when the workspace does not take it. A time limit for each call, a limit for the size of
 * each answer, no redirect followed, and nothing believed that the schemas do not let pass.
 *
 * Every failure is an UpstreamError('workspace'), those of the token an UpstreamError('keycloak'):
 * - `retry` `connect`, `cut`, `timeout`: no whole answer; what was asked may have been done
 * - `retry` `unreadable`, `too_long`, `redirect`, `http_<status>`: not an answer that the workspace gives (a page of a
 *   proxy, another contract, half of it)
 * - `retry` `unauthorized`: not even a new token is taken, which an operator mends
 * - `retry` a code of the workspace with 408, 425, 429 or 5xx: later
 * - `fail` a code of the workspace with any other status: the same would be answered again
 * - `fail` `digest_mismatch`: it says that it has stored something else
 * - `fail` `unaddressable`: `.` and `..` cannot stand in a path
 */
import { createHash } from 'node:crypto'
import type { z } from 'zod'
import { UpstreamError, type Disposition } from '../../../core/errors.ts'
import type { Tokens } from '../../keycloak/transport.ts'
import { contractDocument } from '../model.ts'
import { contractList, maximumBodyBytes, problem, stored, workspaceDigest, type PutContract } from './api.ts'
import type { Workspace } from './port.ts'

export type WorkspaceOptions = {
  /** Without trailing slash. */
  url: string
  tokens: Tokens
  /** Milliseconds for a contract as a whole, and for everything else. */
  timeLimits?: { contractMs: number; otherMs: number }
}

/** A contract is as long on its way back; digests are short. */
const longest = { contract: maximumBodyBytes, other: 4 * 1024 * 1024 }

export function createWorkspace({
  url,
  tokens,
  timeLimits = { contractMs: 60_000, otherMs: 15_000 },
}: WorkspaceOptions): Workspace {
  const { contractMs, otherMs } = timeLimits
  const contractUrl = (contract: string, more = '') => {
    // The parser of addresses takes them for steps, escaped or not.
    if (contract === '.' || contract === '..') throw refusal(0, 'fail', 'unaddressable')
    return new URL(`${url}/contracts/${encodeURIComponent(contract)}${more}`)
  }

  async function call<T>(target: URL, schema: z.ZodType<T>, o: Call): Promise<T> {
    const attempt = async () => exchange(target, await tokens.read(), o)
    let answer = await attempt()
    if (answer.status === 401) {
      tokens.forget()
      answer = await attempt()
    }
    if (answer.status !== 200) throw describeRefusal(answer)
    const { success, data } = schema.safeParse(answer.data)
    if (!success) throw refusal(200, 'retry', 'unreadable')
    return data
  }

  return {
    async put(document, digest, { final, version = '' }) {
      const { contract } = document
      const body = JSON.stringify({ document, digest, final } satisfies PutContract)
      const answer = await call(contractUrl(contract), stored, {
        method: 'PUT',
        headers: {
          'content-type': 'application/json',
          'idempotency-key': makeKey([contract, digest, String(final), version]),
        },
        body,
        timeoutMs: contractMs,
        longest: longest.other,
      })
      assertSame(answer.contract, contract)
      if (answer.digest !== digest) throw refusal(200, 'fail', 'digest_mismatch')
      return answer.digest
    },
    async readDigest(contract) {
      const limits = { timeoutMs: otherMs, longest: longest.other }
      const answer = await orUnknown(call(contractUrl(contract, '/digest'), workspaceDigest, limits))
      if (answer) assertSame(answer.contract, contract)
      return answer
    },
    async read(contract) {
      const limits = { timeoutMs: contractMs, longest: longest.contract }
      const answer = await orUnknown(call(contractUrl(contract), contractDocument, limits))
      if (answer) assertSame(answer.contract, contract)
      return answer
    },
    async listDigests(after, limit) {
      const target = new URL(`${url}/contracts`)
      target.searchParams.set('after', after)
      target.searchParams.set('limit', String(limit))
      const limits = { timeoutMs: contractMs, longest: longest.other }
      const { contracts } = await call(target, contractList, limits)
      assertInOrder(after, contracts, limit)
      return contracts
    },
  }
}

/** The same for the same content at the same time of its life, whoever sends it and how often. Pure. */
export function makeKey(parts: readonly string[]): string {
  const hash = createHash('sha256').update(JSON.stringify(parts)).digest()
  // A UUID of version 8: what its maker likes (RFC 9562, section 5.8).
  hash[6] = (hash[6]! & 0x0f) | 0x80
  hash[8] = (hash[8]! & 0x3f) | 0x80
  return hash.toString('hex', 0, 16).replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5')
}

function assertSame(answered: string, asked: string): void {
  if (answered !== asked) throw refusal(200, 'retry', 'unreadable')
}

/** A list that goes in a circle would be read for ever. */
function assertInOrder(after: string, contracts: readonly { contract: string }[], limit: number): void {
  let last = after
  for (const { contract } of contracts) {
    if (last !== '' && Buffer.compare(Buffer.from(last), Buffer.from(contract)) >= 0)
      throw refusal(200, 'retry', 'unreadable')
    last = contract
  }
  if (contracts.length > limit) throw refusal(200, 'retry', 'unreadable')
}

async function orUnknown<T>(answer: Promise<T>): Promise<T | undefined> {
  try {
    return await answer
  } catch (error) {
    if (error instanceof UpstreamError && error.code === 'contract_unknown') return undefined
    throw error
  }
}

type Call = {
  method?: 'GET' | 'PUT'
  headers?: Record<string, string>
  body?: string
  timeoutMs: number
  /** Bytes of the answer. */
  longest: number
}
/** `data`: what its JSON says; `undefined` when it is none. */
type Answer = { status: number; data: unknown }

async function exchange(url: URL, token: string, o: Call): Promise<Answer> {
  const { method = 'GET', headers, body, timeoutMs } = o
  try {
    const response = await fetch(url, {
      method,
      headers: { authorization: `Bearer ${token}`, accept: 'application/json', ...headers },
      ...(body !== undefined && { body }),
      // A redirect would carry the token to a place that nobody configured.
      redirect: 'manual',
      signal: AbortSignal.timeout(timeoutMs),
    })
    return { status: response.status, data: parse(await readText(response, o.longest)) }
  } catch (error) {
    if (error instanceof UpstreamError) throw error
    throw new UpstreamError('workspace', 0, 'retry', describeLoss(error), { cause: error })
  }
}

async function readText(response: Response, most: number): Promise<string> {
  const chunks: Uint8Array[] = []
  let size = 0
  for await (const chunk of (response.body ?? []) as AsyncIterable<Uint8Array>) {
    size += chunk.byteLength
    if (size > most) throw refusal(response.status, 'retry', 'too_long')
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString()
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

function describeLoss(error: unknown): 'timeout' | 'connect' | 'cut' {
  if (!(error instanceof Error)) return 'cut'
  if (error.name === 'TimeoutError') return 'timeout'
  const { code } = Object(error.cause) as { code?: unknown }
  const unmade = /^(E(CONNREFUSED|HOSTUNREACH|NETUNREACH|NOTFOUND)|EAI_AGAIN|UND_ERR_CONNECT_TIMEOUT)$/
  return typeof code === 'string' && unmade.test(code) ? 'connect' : 'cut'
}

function describeRefusal({ status, data }: Answer): UpstreamError {
  if (status >= 300 && status < 400) return refusal(status, 'retry', 'redirect')
  if (status === 401) return refusal(status, 'retry', 'unauthorized')
  const said = problem.safeParse(data)
  // In another form it is of somebody else, and says nothing about a contract.
  if (!said.success || said.data.status !== status) return refusal(status, 'retry', `http_${status}`)
  const { code } = said.data
  // An address that the workspace does not know is no contract that it does not know.
  const later = [408, 425, 429].includes(status) || status >= 500 || code === 'not_found'
  return refusal(status, later ? 'retry' : 'fail', code)
}

const refusal = (status: number, disposition: Disposition, code: string) =>
  new UpstreamError('workspace', status, disposition, code)
