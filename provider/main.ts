/**
 * The process that faces the internet: configuration, dependencies, listen, graceful stop.
 *
 * It waits for the database version that it needs (admin-sync migrates), so both may be started in any order. Beside
 * requests it does two small things by the clock: it looks after the OP's signing keys, and it removes what has
 * expired from its own tables. Ends with status 1 when the configuration cannot be used or the database never comes.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { maskConfig } from '../core/config.ts'
import { waitForVersion } from '../core/database/migrate.ts'
import { createPool } from '../core/database/pool.ts'
import { ConfigError } from '../core/errors.ts'
import { createLog, type Log } from '../core/log.ts'
import { createApp } from './app.ts'
import { providerConfig, readProviderConfig, type ProviderConfig } from './config.ts'
import { createDependencies } from './dependencies.ts'
import { createSqlDirectory } from './legacy/sql.ts'
import { createProviderMetrics, serveMetrics } from './metrics.ts'
import { boundInteractions } from './oidc/flood.ts'
import { purgeExpired } from './purge.ts'
import { createScreens } from './screens/screens.ts'
import { createHttpServer } from './web/back-pressure.ts'

const keysEveryMs = 30_000
const purgeEveryMs = 600_000
const interactionsEveryMs = 30_000
const databaseSeconds = 120
/** Above what a page can take when everything it asks is slow. */
const stopSeconds = 25

export type Provider = { stop: () => Promise<void> }

/**
 * Resolves when it listens.
 * @throws the errors of `pg` when the database cannot be reached in two minutes, ConfigError when the sealing key is
 *   another one than that of the database, and those of `listen`
 */
export async function startProvider(config: ProviderConfig, plainLog: Log): Promise<Provider> {
  const metrics = createProviderMetrics()
  const log = metrics.observe(plainLog)
  const pool = createPool(config.PROVIDER_DATABASE_URL, 'ellipro-provider', log, {
    max: config.DATABASE_CONNECTIONS,
    // People wait for these; none of them takes longer than some milliseconds.
    statementSeconds: 8,
  })
  await waitForVersion(pool, databaseSeconds)
  const legacy = createSqlDirectory({ url: config.LEGACY_DATABASE_URL, log })
  metrics.watchPool('provider', pool)
  metrics.probeLegacy(() => legacy.check())
  const directory = metrics.timed(legacy)
  const dependencies = await createDependencies({ config, log, pool, directory, now: Date.now })

  const timers = [
    every(keysEveryMs, log, 'op.keys_failed', () => dependencies.op.refreshKeys()),
    every(purgeEveryMs, log, 'provider.purge_failed', () => purgeExpired(pool, Date.now())),
    every(interactionsEveryMs, log, 'op.bound_failed', async () => {
      const dropped = await boundInteractions(pool)
      if (dropped > 0) log.error({ event: 'op.interactions_dropped', dropped })
    }),
  ]
  const server = createHttpServer(createApp(dependencies, createScreens(dependencies)), log, config)
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(config.PROVIDER_PORT, config.PROVIDER_HOST, resolve)
  })
  const scraped =
    config.METRICS_PORT === undefined
      ? undefined
      : await serveMetrics(metrics, config.METRICS_HOST, config.METRICS_PORT)

  let stopping = false
  async function stop(): Promise<void> {
    if (stopping) return
    stopping = true
    dependencies.readiness.stop()
    // Load balancers look at /health/ready now and then; until they have, they go on sending people here.
    await sleep(config.STOP_DELAY_MS)
    timers.forEach(clearInterval)
    // Requests under way are answered; whoever keeps a connection open without one does not hold us up.
    const closed = new Promise<void>((done) => server.close(() => done()))
    server.closeIdleConnections()
    setTimeout(() => server.closeAllConnections(), stopSeconds * 1000).unref()
    await closed
    scraped?.closeAllConnections()
    scraped?.close()
    await Promise.all([pool.end(), legacy.close(), dependencies.readiness.close()])
  }
  return { stop }
}

/** Runs `work` by the clock; a failure is logged and tried again next time. */
function every(ms: number, log: Log, failed: string, work: () => Promise<void>): NodeJS.Timeout {
  return setInterval(() => {
    work().catch((err: unknown) => log.error({ event: failed, err }))
  }, ms).unref()
}

async function main(): Promise<void> {
  const config = readProviderConfig()
  const log = createLog('provider', config.LOG_LEVEL)
  log.info({ event: 'provider.starting', configuration: maskConfig(providerConfig, config) })
  const provider = await startProvider(config, log)
  log.info({ event: 'provider.listening', url: config.PROVIDER_URL })

  const end = async (signal: string) => {
    log.info({ event: 'provider.stopping', signal })
    await provider.stop()
    log.info({ event: 'provider.stopped' })
  }
  process.once('SIGTERM', (signal) => void end(signal))
  process.once('SIGINT', (signal) => void end(signal))
}

if (import.meta.main)
  try {
    await main()
  } catch (error) {
    // For people: the whole list of what is wrong.
    console.error(error instanceof ConfigError ? error.message : error)
    process.exit(1)
  }
