/**
 * The process that faces the internet: configuration, dependencies, listen, graceful stop.
 *
 * It waits for the database version that it needs (admin-sync migrates), so both may be started in any order. Beside
 * requests it does two small things by the clock: it looks after the OP's signing keys, and it removes what has
 * expired from its own tables. Ends with status 1 when the configuration cannot be used or the database never comes.
 */
import { maskConfig } from '../core/config.ts'
import { waitForVersion } from '../core/database/migrate.ts'
import { createPool } from '../core/database/pool.ts'
import { ConfigError } from '../core/errors.ts'
import { createLog, type Log } from '../core/log.ts'
import { createApp } from './app.ts'
import { providerConfig, readProviderConfig } from './config.ts'
import { createDependencies } from './dependencies.ts'
import { createSqlDirectory } from './legacy/sql.ts'
import { purgeExpired } from './purge.ts'
import { createScreens } from './screens/screens.ts'

const keysEveryMs = 30_000
const purgeEveryMs = 600_000
const databaseSeconds = 120
const stopSeconds = 10

async function main(): Promise<void> {
  const config = readProviderConfig()
  const log = createLog('provider', config.LOG_LEVEL)
  log.info({ event: 'provider.starting', configuration: maskConfig(providerConfig, config) })

  const pool = createPool(config.PROVIDER_DATABASE_URL, 'ellipro-provider', log)
  await waitForVersion(pool, databaseSeconds)
  const directory = createSqlDirectory({ url: config.LEGACY_DATABASE_URL, log })
  const dependencies = await createDependencies({ config, log, pool, directory, now: Date.now })

  const timers = [
    every(keysEveryMs, log, 'op.keys_failed', () => dependencies.op.refreshKeys()),
    every(purgeEveryMs, log, 'provider.purge_failed', () => purgeExpired(pool, Date.now())),
  ]
  const server = createApp(dependencies, createScreens(dependencies)).listen(
    config.PROVIDER_PORT,
    config.PROVIDER_HOST,
  )
  server.on('listening', () => log.info({ event: 'provider.listening', url: config.PROVIDER_URL }))
  server.on('error', (err) => {
    log.error({ event: 'provider.cannot_listen', err })
    process.exit(1)
  })

  let stopping = false
  async function stop(signal: string): Promise<void> {
    if (stopping) return
    stopping = true
    log.info({ event: 'provider.stopping', signal })
    timers.forEach(clearInterval)
    // Requests under way are answered; whoever keeps a connection open without one does not hold us up.
    const closed = new Promise<void>((done) => server.close(() => done()))
    server.closeIdleConnections()
    setTimeout(() => server.closeAllConnections(), stopSeconds * 1000).unref()
    await closed
    await Promise.all([pool.end(), directory.close()])
    log.info({ event: 'provider.stopped' })
  }
  process.on('SIGTERM', (signal) => void stop(signal))
  process.on('SIGINT', (signal) => void stop(signal))
}

/** Runs `work` by the clock; a failure is logged and tried again next time. */
function every(ms: number, log: Log, failed: string, work: () => Promise<void>): NodeJS.Timeout {
  return setInterval(() => {
    work().catch((err: unknown) => log.error({ event: failed, err }))
  }, ms).unref()
}

try {
  await main()
} catch (error) {
  // Before the log exists, and for people: the whole list of what is wrong.
  console.error(error instanceof ConfigError ? error.message : error)
  process.exit(1)
}
