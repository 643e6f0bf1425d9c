/**
 * The one listener of admin-sync, for a health check and Prometheus on this machine.
 *
 *   GET /health/live    200 while the process can answer at all
 *   GET /health/ready   200 when jobs are being worked on, else 503; the body names what is missing. Keycloak and the
 *                       mail server are not asked: jobs wait for them
 *   GET /metrics        metrics.ts
 */
import { createServer, type Server } from 'node:http'
import type { Metrics } from '../core/metrics.ts'

/** What is missing, by name; `undefined` when nothing is. */
export type Check = () => Promise<string | undefined> | string | undefined

/** @param checks none of them throws or takes long */
export function createHealthServer(checks: readonly Check[], metrics: Pick<Metrics, 'answer'>): Server {
  const limits = { headersTimeout: 5000, requestTimeout: 5000, connectionsCheckingInterval: 1000 }
  const server = createServer(limits, (request, response) => {
    const answer = (status: number, body: object) => {
      response.writeHead(status, { 'content-type': 'application/json', 'cache-control': 'no-store' })
      response.end(JSON.stringify(body))
    }
    if (request.method !== 'GET' && request.method !== 'HEAD') return answer(405, {})
    if (request.url === '/health/live') return answer(200, { status: 'live' })
    if (request.url === '/metrics') return void metrics.answer(request, response).catch(() => answer(500, {}))
    if (request.url !== '/health/ready') return answer(404, {})
    readChecks(checks).then(
      (missing) =>
        missing.length === 0
          ? answer(200, { status: 'ready' })
          : answer(503, { status: 'not ready', missing }),
      () => answer(503, { status: 'not ready' }),
    )
  })
  server.maxConnections = 100
  return server
}

async function readChecks(checks: readonly Check[]): Promise<string[]> {
  const missing = await Promise.all(checks.map(async (check) => check()))
  return missing.filter((name) => name !== undefined)
}
