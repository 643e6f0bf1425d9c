/**
 * What provider takes on at a time: connections, and requests under way. Above that it says "busy" at once (503 with
 * Retry-After) instead of being late for everybody. Health checks and static files are never refused (app.ts).
 *
 * A request counts from when its body is there, so that a slow sender holds a connection and nothing else. The OP reads
 * the body of its token endpoint itself: that one is bounded by the pool's places alone.
 */
import { createServer, type RequestListener, type Server } from 'node:http'
import type { RequestHandler } from 'express'
import { UpstreamError } from '../../core/errors.ts'
import type { Log } from '../../core/log.ts'
import type { ProviderConfig } from '../config.ts'

/**
 * One counter for both; a request that passes both counts once.
 * `withoutBody` lets pass, uncounted, what has a body that nobody has read yet.
 */
export function limitRequests(max: number): { all: RequestHandler; withoutBody: RequestHandler } {
  const underWay = new WeakSet<object>()
  let count = 0
  const all: RequestHandler = (_req, res, next) => {
    if (underWay.has(res)) return next()
    if (count >= max) throw new UpstreamError('requests', 0, 'retry', 'busy')
    count++
    underWay.add(res)
    // Answered, or the client is gone.
    res.once('close', () => count--)
    next()
  }
  return { all, withoutBody: (req, res, next) => (req.method === 'POST' ? next() : all(req, res, next)) }
}

/** A server that waits for nobody for long. */
export function createHttpServer(
  app: RequestListener,
  log: Log,
  config: Pick<ProviderConfig, 'MAX_CONNECTIONS' | 'TRUST_PROXY'>,
): Server {
  const options = {
    headersTimeout: 10_000,
    requestTimeout: 15_000,
    connectionsCheckingInterval: 1_000,
    // A proxy keeps its connections longer than browsers need to; ours must not be the side that ends one in use.
    keepAliveTimeout: config.TRUST_PROXY === undefined ? 5_000 : 75_000,
    maxHeaderSize: 16_384,
  }
  const server = createServer(options, app)
  server.maxConnections = config.MAX_CONNECTIONS
  let dropped = 0
  server.on('drop', () => {
    if (dropped++ > 0) return
    // The first of a second speaks for the others.
    setTimeout(() => {
      log.warn({ event: 'http.connections_dropped', count: dropped })
      dropped = 0
    }, 1000).unref()
  })
  return server
}
