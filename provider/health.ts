/**
 * Health for load balancers: `live` says that the process answers, `ready` that it can serve: the database answers, has
 * the version it needs and takes writes, and nobody has asked the process to stop. Keycloak and the legacy directory are
 * not asked: without them pages still say what to do.
 */
import type { RequestHandler } from 'express'
import { createDatabaseCheck } from '../core/database/condition.ts'
import type { Log } from '../core/log.ts'

export type Readiness = {
  /** What is missing, by name; empty when requests can be served. Answers within a few seconds, and never throws. */
  missing(): Promise<string[]>
  /** From now on `stopping` is missing, and each answer ends its connection. */
  stop(): void
  isStopping(): boolean
  close(): Promise<void>
}

export function createReadiness(databaseUrl: string, log: Log): Readiness {
  const database = createDatabaseCheck(databaseUrl, 'ellipro-provider-health', log)
  let stopping = false
  return {
    async missing() {
      if (stopping) return ['stopping']
      const problem = await database.ask()
      return problem ? [problem] : []
    },
    stop() {
      stopping = true
    },
    isStopping: () => stopping,
    close: () => database.close(),
  }
}

export function health({ readiness }: { readiness: Readiness }): {
  live: RequestHandler
  ready: RequestHandler
} {
  return {
    live: (_req, res) => {
      res.json({ status: 'live' })
    },
    ready: async (_req, res) => {
      const missing = await readiness.missing()
      if (missing.length === 0) res.json({ status: 'ready' })
      else res.status(503).json({ status: 'not ready', missing })
    },
  }
}

/** While the process stops, a connection that is kept is let go with its next answer: its client connects elsewhere. */
export function leaveConnections(readiness: Readiness): RequestHandler {
  return (_req, res, next) => {
    if (readiness.isStopping()) res.setHeader('Connection', 'close')
    next()
  }
}
