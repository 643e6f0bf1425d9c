/**
 * admin-sync as its own main.ts starts it, with one more line of JSON for each step of a job and for each call to
 * Keycloak. Part `opening` reads them to say where the time goes.
 */
import { readAdminSyncConfig } from '../admin-sync/config.ts'
import { startAdminSync } from '../admin-sync/main.ts'
import { createLog } from '../core/log.ts'

export type TimedLine =
  | { timed: 'step'; at: number; step: string; activation: string | undefined }
  | { timed: 'call'; at: number; ms: number; call: string; user: string | undefined }

const now = () => performance.timeOrigin + performance.now()
const write = (line: TimedLine) => process.stdout.write(`${JSON.stringify(line)}\n`)

const realFetch = globalThis.fetch
globalThis.fetch = async (input, init) => {
  const at = now()
  const answer = await realFetch(input, init)
  // Ends when the body is here, as the caller sees it.
  const copy = await answer.clone().arrayBuffer()
  void copy
  const { pathname } = new URL(input instanceof Request ? input.url : input)
  const user = /\/users\/([^/]+)/.exec(pathname)?.[1]
  const path = pathname.replace(/^.*\/(admin\/)?realms\/[^/]+/, '').replace(/\/users\/[^/]+/, '/users/{id}')
  write({ timed: 'call', at, ms: now() - at, call: `${init?.method ?? 'GET'} ${path}`, user })
  return answer
}

const config = readAdminSyncConfig(process.env)
const adminSync = await startAdminSync(config, createLog('admin-sync', config.LOG_LEVEL), {
  onStep: (step, activation) => void write({ timed: 'step', at: now(), step, activation }),
})
process.once('SIGTERM', () => void adminSync.stop())
