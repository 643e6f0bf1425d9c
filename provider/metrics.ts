/**
 * provider's metrics (core/metrics.ts), and the listener that gives them. provider faces the internet, so they are never
 * on its public port: METRICS_PORT is a second one, on loopback unless METRICS_HOST says otherwise.
 *
 *   GET /metrics   Prometheus text format
 */
import { createServer, type Server } from 'node:http'
import { Counter, Gauge, Registry } from 'prom-client'
import { code, createDuration, createMetrics, type Metrics } from '../core/metrics.ts'
import type { LegacyDirectory } from './legacy/directory.ts'

/** An event of the log that is a step of a person's path; its outcome is the line's, unless it is said here. */
const steps: Record<string, { step: string; outcome?: string }> = {
  'door.shown': { step: 'door' },
  'login.accepted': { step: 'login', outcome: 'accepted' },
  'login.refused': { step: 'login', outcome: 'refused' },
  'login.limited': { step: 'login', outcome: 'limited' },
  'login.directory_unavailable': { step: 'login', outcome: 'unavailable' },
  'activation.start': { step: 'activation' },
  'activation.correct': { step: 'correction' },
  'activation.resend': { step: 'resend' },
  'activation.link': { step: 'link' },
  'activation.confirm': { step: 'confirmation' },
  'activation.withdraw': { step: 'withdrawal' },
  'access.ask': { step: 'request' },
  'access.prove': { step: 'request_proof' },
  'sign_in.started': { step: 'sign_in', outcome: 'started' },
  'sign_in.finished': { step: 'sign_in', outcome: 'finished' },
  'sign_in.refused': { step: 'sign_in', outcome: 'refused' },
  'sign_in.someone_else': { step: 'sign_in', outcome: 'someone_else' },
  'sign_in.keycloak_unavailable': { step: 'sign_in', outcome: 'unavailable' },
  'sign_in.unavailable': { step: 'sign_in', outcome: 'unavailable' },
}
const expected: [string, string][] = [
  ...Object.values(steps).flatMap(({ step, outcome }): [string, string][] =>
    outcome ? [[step, outcome]] : [],
  ),
  ['door', 'own'],
  ['door', 'brokered'],
  ['activation', 'started'],
  ['link', 'valid'],
  ['confirmation', 'confirmed'],
  ['request', 'asked'],
  ['request_proof', 'proved'],
]
const alarms = [
  'http.failed',
  'http.busy',
  'http.connections_dropped',
  'op.failed',
  'op.keys_failed',
  'op.interactions_dropped',
]

const budgets = ['address_budget', 'login_budget'] as const
const legacyAskedEveryMs = 15_000

export type ProviderMetrics = Metrics & {
  /** The same directory; its answers are timed. */
  timed(directory: LegacyDirectory): LegacyDirectory
  /** Has `ellipro_legacy_up` ask this, at most every 15 seconds and only when somebody scrapes. */
  probeLegacy(check: () => Promise<void>): void
}

export function createProviderMetrics(): ProviderMetrics {
  const registry = new Registry()
  const http = createDuration(
    registry,
    'ellipro_http_request_duration_seconds',
    'Requests that were answered, by the pattern of their route and the class of their status.',
    ['method', 'route', 'status'],
  )
  const legacy = createDuration(
    registry,
    'ellipro_legacy_verify_duration_seconds',
    'Questions to the legacy directory whether a login and a password belong together.',
    ['outcome'],
  )
  const throttled = new Counter({
    name: 'ellipro_throttled_total',
    help: 'Attempts that a limit refused, by the limit and by what was used up.',
    labelNames: ['limit', 'by'],
    registers: [registry],
  })
  const refusedMails = new Counter({
    name: 'ellipro_mail_budget_refused_total',
    help: 'Mails that were asked for when the budget of their address or login was used up.',
    labelNames: ['budget'],
    registers: [registry],
  })
  for (const budget of budgets) refusedMails.inc({ budget }, 0)
  const legacyUp = new Gauge({
    name: 'ellipro_legacy_up',
    help: 'Whether the legacy directory answered when it was asked last: 1 or 0.',
    registers: [registry],
  })

  let probe: (() => Promise<void>) | undefined
  let probedAt = -Infinity
  const metrics = createMetrics(registry, {
    step({ event, outcome }) {
      const found = steps[String(event)]
      return found && { step: found.step, outcome: found.outcome ?? code(outcome) }
    },
    steps: expected,
    alarms,
    alsoCount({ event, ...line }) {
      if (event === 'http.answered')
        http.observe(
          {
            method: ['GET', 'HEAD', 'POST'].includes(String(line['method']))
              ? String(line['method'])
              : 'other',
            route: typeof line['route'] === 'string' ? line['route'] : 'none',
            status: `${Math.floor(Number(line['status']) / 100)}xx`,
          },
          Number(line['duration_ms']) / 1000,
        )
      else if (event === 'throttle.refused')
        throttled.inc({ limit: code(line['limit']), by: code(line['by']) })
      const budget = budgets.find((name) => name === line['outcome'])
      if (budget) refusedMails.inc({ budget })
    },
    async refresh() {
      if (!probe || performance.now() - probedAt < legacyAskedEveryMs) return
      probedAt = performance.now()
      legacyUp.set(
        await probe().then(
          () => 1,
          () => 0,
        ),
      )
    },
  })
  return {
    ...metrics,
    timed: (directory) => ({
      ...directory,
      async verify(login, password, signal) {
        const end = legacy.startTimer()
        try {
          const answer = await directory.verify(login, password, signal)
          end({ outcome: answer.status })
          return answer
        } catch (error) {
          end({ outcome: 'unavailable' })
          throw error
        }
      },
    }),
    probeLegacy: (check) => {
      probe = check
    },
  }
}

/** Resolves when it listens. @throws the errors of `listen` */
export async function serveMetrics(metrics: Metrics, host: string, port: number): Promise<Server> {
  const server = createServer({ headersTimeout: 5000, requestTimeout: 5000 }, (request, response) => {
    const known = request.url === '/metrics' && (request.method === 'GET' || request.method === 'HEAD')
    if (known) metrics.answer(request, response).catch(() => response.writeHead(500).end())
    else response.writeHead(404).end()
  })
  server.maxConnections = 20
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, host, resolve)
  })
  return server
}
