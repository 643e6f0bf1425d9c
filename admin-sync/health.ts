/**
 * The one listener of admin-sync, for a health check on this machine.
 *
 *   GET /health/live    200 while the process can answer at all
 *   GET /health/ready   200 when jobs are being worked on, else 503; the body names what is missing
 */
import { createServer, type Server } from 'node:http'

export type Check = () => Promise<boolean> | boolean

/** @param checks by name; a check that throws has failed */
export function createHealthServer(checks: Record<string, Check>): Server {
  return createServer((request, response) => {
    const answer = (status: number, body: object) => {
      response.writeHead(status, { 'content-type': 'application/json', 'cache-control': 'no-store' })
      response.end(JSON.stringify(body))
    }
    if (request.method !== 'GET' && request.method !== 'HEAD') return answer(405, {})
    if (request.url === '/health/live') return answer(200, { status: 'live' })
    if (request.url !== '/health/ready') return answer(404, {})
    readChecks(checks).then(
      (missing) =>
        missing.length === 0
          ? answer(200, { status: 'ready' })
          : answer(503, { status: 'not ready', missing }),
      () => answer(503, { status: 'not ready' }),
    )
  })
}

async function readChecks(checks: Record<string, Check>): Promise<string[]> {
  const results = await Promise.all(
    Object.entries(checks).map(async ([name, check]) => {
      try {
        return (await check()) ? undefined : name
      } catch {
        return name
      }
    }),
  )
  return results.filter((name) => name !== undefined)
}
