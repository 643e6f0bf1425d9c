/**
 * Prometheus metrics of a process: a registry with Node's own numbers, and counters that are read off the log lines.
 *
 * Every event of the log is a number too, whatever LOG_LEVEL is, so that what happened is said at one place in the code.
 * Labels are event names and short codes of ours: a value that does not look like one is left out, and there is no
 * path, login, address or id among them. Steps of the funnel are a table from events to steps (provider/metrics.ts,
 * admin-sync/metrics.ts).
 */
import type { IncomingMessage, ServerResponse } from 'node:http'
import type pg from 'pg'
import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client'
import type { Log } from './log.ts'

type Line = { event?: unknown } & Record<string, unknown>
const levels = ['debug', 'info', 'warn', 'error'] as const
type Level = (typeof levels)[number]

export type Metrics = {
  registry: Registry
  /** The same log; each line that is handed to it is counted as well. */
  observe: (log: Log) => Log
  /** Connections of a pool, read at the time of the scrape. */
  watchPool(name: string, pool: pg.Pool): void
  /** Answers GET with the numbers of this moment. */
  answer(request: IncomingMessage, response: ServerResponse): Promise<void>
}

export type MetricsOptions = {
  /** Step of the funnel that a line stands for, and how it ended; `undefined` for all other lines. */
  step(line: Line): { step: string; outcome: string } | undefined
  /** Pairs that are there from the start, so that the first one counts as an increase. */
  steps: readonly [step: string, outcome: string][]
  /** Events that alert rules look at, there from the start for the same reason. */
  alarms: readonly string[]
  /** Whatever else a line counts for. */
  alsoCount?(line: Line): void
  /** Called before each answer. */
  refresh?(): Promise<void>
}

/** @param o.registry that of the caller's own metrics */
export function createMetrics(registry: Registry, o: MetricsOptions): Metrics {
  const events = new Counter({
    name: 'ellipro_log_events_total',
    help: 'Events of the log, whatever LOG_LEVEL is.',
    labelNames: ['event'],
    registers: [registry],
  })
  const funnel = new Counter({
    name: 'ellipro_funnel_total',
    help: 'Steps of the path of a person, and how each ended.',
    labelNames: ['step', 'outcome'],
    registers: [registry],
  })
  for (const event of o.alarms) events.inc({ event }, 0)
  for (const [step, outcome] of o.steps) funnel.inc({ step, outcome }, 0)

  function count(line: unknown): void {
    if (typeof line !== 'object' || line === null) return
    const { event } = line as Line
    if (typeof event !== 'string') return
    events.inc({ event })
    const step = o.step(line as Line)
    if (step) funnel.inc({ step: step.step, outcome: code(step.outcome) })
    o.alsoCount?.(line as Line)
  }

  const pools = new Map<string, pg.Pool>()
  void new Gauge({
    name: 'ellipro_database_connections',
    help: 'Connections to PostgreSQL by pool: open, idle, and callers that wait for one.',
    labelNames: ['pool', 'state'],
    registers: [registry],
    collect() {
      for (const [name, pool] of pools) {
        this.set({ pool: name, state: 'open' }, pool.totalCount)
        this.set({ pool: name, state: 'idle' }, pool.idleCount)
        this.set({ pool: name, state: 'waiting' }, pool.waitingCount)
      }
    },
  })

  let nodeWatched = false
  return {
    registry,
    observe: (log) =>
      new Proxy(log, {
        get(target, name) {
          const value: unknown = Reflect.get(target, name, target)
          if (!levels.includes(name as Level) || typeof value !== 'function') return value
          return (line: unknown, ...rest: unknown[]) => {
            count(line)
            ;(value as (...all: unknown[]) => void).call(target, line, ...rest)
          }
        },
      }),
    watchPool: (name, pool) => void pools.set(name, pool),
    async answer(request, response) {
      // Nobody who does not look pays for Node's own numbers.
      if (!nodeWatched) collectDefaultMetrics({ register: registry, eventLoopMonitoringPrecision: 50 })
      nodeWatched = true
      await o.refresh?.()
      const text = await registry.metrics()
      response.writeHead(200, { 'content-type': registry.contentType, 'cache-control': 'no-store' })
      response.end(request.method === 'HEAD' ? undefined : text)
    },
  }
}

/** A short code of ours, or `other`: no text from outside becomes a label. */
export const code = (value: unknown): string =>
  typeof value === 'string' && /^[a-z][a-z_:-]{0,39}$/.test(value) ? value : 'other'

/** Seconds; from a page out of memory to a call that meets its time limit. */
const durationBuckets = [0.005, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 15, 60]

export function createDuration<Label extends string>(
  registry: Registry,
  name: string,
  help: string,
  labelNames: readonly Label[],
): Histogram<Label> {
  return new Histogram({ name, help, labelNames, buckets: durationBuckets, registers: [registry] })
}
