/**
 * The run's one Request Tracker, and a queue with its key field for each test file; or an instance of the file's own, which
 * may be killed and started again. Queues are never deleted (RT cannot): names are new each time.
 */
import { randomBytes } from 'node:crypto'
import { mkdtempSync, chmodSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, inject } from 'vitest'
import type { RtOptions } from '../../admin-sync/tickets/rt.ts'
import { defaultStatusMap, statusMap } from '../../admin-sync/tickets/rt/status.ts'
import type { Child } from '../../dev/child.ts'
import { findFreePort } from '../../dev/ports.ts'
import { prepareInstance, type RequestTrackerServer } from './request-tracker/server.ts'

/** Who may do what: request-tracker/seed.pl. */
export type RtUser =
  | 'root'
  | 'adapter'
  | 'adapter-fr'
  | 'newcomer'
  | 'reader'
  | 'half-blind'
  | 'sightless'
  | 'markless'
  | 'agent1'
  | 'agent2'

export type RtAnswer = {
  status: number
  data: Record<string, unknown> & { items?: Record<string, unknown>[] }
}
export type TestQueue = RequestTrackerServer & {
  queue: string
  keyField: string
  /** For connectRt(); the user is `adapter`. */
  options: RtOptions
  /** The variables that choose this queue. */
  environment: Record<string, string>
  /** One call to REST 2.0. `path` as `/ticket/1?fields=Status`. Never throws for a status. */
  call: (user: RtUser, method: string, path: string, body?: unknown) => Promise<RtAnswer>
  /** Every ticket with this key that was neither merged nor deleted, with subject and status. */
  findTickets: (key: string) => Promise<{ id: string; Subject: string; Status: string }[]>
  /** Where each change is told from now on; without a URL: nowhere. */
  setWebhook: (url?: string, secret?: string) => void
}

/**
 * A queue in the shared server, or in `own`. Call it at the top of the test file.
 * @param suffix of the names; empty, for pictures, in one file only
 */
export async function createQueue(
  own?: RequestTrackerServer,
  suffix = `-${randomBytes(4).toString('hex')}`,
): Promise<TestQueue> {
  const server = own ?? inject('requestTracker')
  const queue = `Service Relation Client${suffix}`
  const keyField = `ellipro-key${suffix}`
  const call: TestQueue['call'] = async (user, method, path, body) => {
    const answer = await fetch(`${server.url}/REST/2.0${path}`, {
      method,
      headers: {
        authorization: `token ${server.tokens[user]}`,
        'user-agent': 'ellipro-test',
        ...(body !== undefined && { 'content-type': 'application/json' }),
      },
      ...(body !== undefined && { body: JSON.stringify(body) }),
      redirect: 'manual',
    })
    const text = await answer.text()
    return { status: answer.status, data: (text === '' ? {} : JSON.parse(text)) as RtAnswer['data'] }
  }
  const made = [
    await call('root', 'POST', '/queue', { Name: queue, Lifecycle: 'default' }),
    // Named with its queue, a field is applied to it; REST has no other way to do that.
    await call('root', 'POST', '/customfield', {
      Name: keyField,
      Type: 'FreeformSingle',
      LookupType: 'RT::Queue-RT::Ticket',
      Queue: queue,
    }),
  ]
  for (const { status, data } of made)
    if (status !== 201) throw new Error(`RT made no queue: ${status} ${JSON.stringify(data)}`)
  const options: RtOptions = {
    url: server.url,
    token: server.tokens['adapter'] ?? '',
    queue,
    keyField,
    statuses: statusMap.parse(defaultStatusMap),
    timeoutMs: 15_000,
  }
  return {
    ...server,
    queue,
    keyField,
    options,
    environment: {
      TICKETS: 'rt',
      RT_URL: server.url,
      RT_TOKEN: options.token,
      RT_QUEUE: queue,
      RT_KEY_FIELD: keyField,
    },
    call,
    async findTickets(key) {
      const query = new URLSearchParams({
        query: `Queue = '${queue}' AND 'CF.{${keyField}}' = '${key}'`,
        fields: 'Subject,Status',
        per_page: '100',
      })
      const { data } = await call('root', 'GET', `/tickets?${query.toString()}`)
      return (data.items ?? []) as { id: string; Subject: string; Status: string }[]
    },
    setWebhook: (url, secret = '') =>
      writeFileSync(server.webhookFile, url === undefined ? '' : `${url} ${secret}\n`),
  }
}

export type OwnRequestTracker = RequestTrackerServer & {
  /** kill -9, with all that it is doing. */
  kill: () => Promise<void>
  /** On the port and data of before; resolves when it answers. */
  start: () => Promise<void>
}

/** An RT of the file's own, on SQLite. Call it at the top of the test file; it ends with the file. About 6 seconds. */
export async function startOwnRequestTracker(): Promise<OwnRequestTracker> {
  const dir = mkdtempSync(join(tmpdir(), 'ellipro-rt-'))
  chmodSync(dir, 0o711) // RT's account has to reach its data
  let running: Child | undefined
  afterAll(async () => {
    await running?.stop(500)
    rmSync(dir, { recursive: true, force: true, maxRetries: 10, retryDelay: 50 })
  })
  const { start, ...server } = await prepareInstance(join(dir, 'rt'), await findFreePort(), {
    kind: 'sqlite',
  })
  running = await start()
  return {
    ...server,
    async kill() {
      running?.kill()
      await running?.exited
    },
    async start() {
      running = await start()
    },
  }
}
