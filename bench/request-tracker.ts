/** A Request Tracker 5 for the bench, on a database of the stage's PostgreSQL, with one queue. */
import { randomBytes } from 'node:crypto'
import { chmodSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Child } from '../dev/child.ts'
import { findFreePort } from '../dev/ports.ts'
import { findRequestTracker, prepareInstance } from '../test/support/request-tracker/server.ts'
import type { Environment } from '../dev/environment.ts'
import type { Stage } from './stage.ts'

export type BenchQueue = {
  child: Child
  queue: string
  keyField: string
  /** For admin-sync. */
  environment: Environment
  /** One POST to REST 2.0; the body of the answer is read and dropped. */
  call(user: 'root' | 'adapter' | 'agent1', path: string, body?: unknown): Promise<{ status: number }>
  stop(): Promise<void>
}

/** @throws SetupError when the packages of RT are not on this machine */
export async function startRequestTracker(stage: Stage): Promise<BenchQueue> {
  findRequestTracker()
  const dir = mkdtempSync(join(tmpdir(), 'ellipro-bench-rt-'))
  chmodSync(dir, 0o711) // RT's account has to reach its data
  const { password, url } = await createRole(stage)
  const instance = await prepareInstance(join(dir, 'rt'), await findFreePort(), {
    kind: 'postgres',
    host: url.hostname,
    port: Number(url.port),
    user: 'rt',
    password,
    name: 'rt',
  })
  const child = await instance.start()
  process.once('exit', () => child.kill())
  const call: BenchQueue['call'] = async (user, path, body) => {
    const answer = await fetch(`${instance.url}/REST/2.0${path}`, {
      method: 'POST',
      headers: {
        authorization: `token ${instance.tokens[user]}`,
        'user-agent': 'ellipro-bench',
        'content-type': 'application/json',
      },
      body: JSON.stringify(body),
      redirect: 'manual',
    })
    await answer.arrayBuffer()
    return answer
  }
  const [queue, keyField] = ['Service Relation Client bench', 'ellipro-key-bench']
  await call('root', '/queue', { Name: queue, Lifecycle: 'default' })
  await call('root', '/customfield', {
    Name: keyField,
    Type: 'FreeformSingle',
    LookupType: 'RT::Queue-RT::Ticket',
    Queue: queue,
  })
  return {
    child,
    queue,
    keyField,
    environment: {
      TICKETS: 'rt',
      RT_URL: instance.url,
      RT_TOKEN: instance.tokens['adapter'] ?? '',
      RT_QUEUE: queue,
      RT_KEY_FIELD: keyField,
    },
    call,
    async stop() {
      await child.stop(3000)
      rmSync(dir, { recursive: true, force: true, maxRetries: 10, retryDelay: 50 })
    },
  }
}

async function createRole(stage: Stage): Promise<{ password: string; url: URL }> {
  const password = randomBytes(12).toString('hex')
  const url = new URL(await stage.createDatabase('rt'))
  await stage.database.query(`CREATE ROLE rt LOGIN PASSWORD '${password}'`)
  await stage.database.query('ALTER DATABASE rt OWNER TO rt')
  // RT's own queries are slower with just-in-time compilation than without.
  await stage.database.query('ALTER DATABASE rt SET jit = off')
  return { password, url }
}
