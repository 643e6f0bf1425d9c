/**
 * The process that does the work: configuration, migrations, jobs, a health listener, graceful stop. It answers
 * nobody; it alone has Keycloak's operator credential and sends the mails of our own.
 *
 * It starts whether Keycloak, the mail server and Cofacering answer or not: their jobs wait for them. Without its
 * database it does not start. A stop lets the jobs under way end; one that does not is taken up again by the next
 * process. `realm apply` is not done here: only an operator has that right (cli.ts).
 */
import { maskConfig } from '../core/config.ts'
import { createDatabaseCheck } from '../core/database/condition.ts'
import { migrate } from '../core/database/migrate.ts'
import { createPool } from '../core/database/pool.ts'
import { ConfigError, UpstreamError } from '../core/errors.ts'
import { createLog, type Log } from '../core/log.ts'
import { watchRate } from './accounts/rate.ts'
import { adminSyncConfig, readAdminSyncConfig, type AdminSyncConfig } from './config.ts'
import { createDependencies } from './dependencies.ts'
import { createHealthServer } from './health.ts'
import { createAdminSyncMetrics } from './metrics.ts'
import { startOutbox } from './jobs/outbox.ts'
import { createBoss, createEnqueue, createEnqueueCase, ensureQueues } from './jobs/queues.ts'
import { startPolling, verifyTickets } from './cases/poll-tickets.ts'
import { startCaseWork, withLock, type CaseWorkDependencies } from './jobs/case-work.ts'
import { startContractWork, type ContractWorkDependencies } from './jobs/contract-work.ts'
import { startWork } from './jobs/work.ts'
import { probeRealm } from './realm/probe.ts'

/** Time that jobs under way have to end; above the time limit of a mail by Keycloak. */
const drainSeconds = 65
const probeAgainMs = 60_000

export type AdminSync = { url: string; stop: () => Promise<void> }

/**
 * @param options.onStep see WorkDependencies; of a job on cases or contracts, its kind comes third
 * @throws the errors of `pg` when the database cannot be reached, and of `migrate`
 */
export async function startAdminSync(
  config: AdminSyncConfig,
  plainLog: Log,
  options: Pick<CaseWorkDependencies, 'onStep'> & Pick<ContractWorkDependencies, 'onStep'> = {},
): Promise<AdminSync> {
  const metrics = createAdminSyncMetrics()
  const log = metrics.observe(plainLog)
  const url = config.ADMIN_SYNC_DATABASE_URL
  const applied = await migrate(url)
  if (applied.length > 0) log.info({ event: 'database.migrated', migrations: applied })

  const pool = createPool(url, 'ellipro-admin-sync', log, { max: 8 })
  const boss = createBoss(url, log, { worker: true })
  await boss.start()
  await ensureQueues(boss)
  const enqueue = createEnqueue(boss)
  const { work, cases, contracts, close } = createDependencies(
    config,
    log,
    pool,
    enqueue,
    metrics.keycloakAnswered,
  )
  metrics.watchPool('admin-sync', pool)
  metrics.readFrom(pool)
  await startWork(boss, { ...work, ...options })
  await startCaseWork(boss, { ...cases, ...options })
  await startContractWork(boss, { ...contracts, ...options })
  const outbox = startOutbox({ url, pool, enqueue, enqueueCase: createEnqueueCase(boss), log })

  let stopping = false
  const database = createDatabaseCheck(url, 'ellipro-admin-sync-health', log)
  const health = createHealthServer(
    [
      () => (stopping ? 'running' : undefined),
      () => database.ask(),
      () => (outbox.isListening() ? undefined : 'outbox'),
    ],
    metrics,
  )
  await new Promise<void>((resolve, reject) => {
    health.once('error', reject)
    health.listen(config.ADMIN_SYNC_PORT, config.ADMIN_SYNC_HOST, resolve)
  })
  const address = health.address()
  const port = typeof address === 'object' && address ? address.port : config.ADMIN_SYNC_PORT

  const stopProbing = probeUntilAnswered(config, log)
  const stopWatching = watchRate(pool, log)
  const stopTickets = startTickets(cases, config, log)
  return {
    url: `http://${config.ADMIN_SYNC_HOST}:${port}`,
    async stop() {
      if (stopping) return
      stopping = true
      stopProbing()
      stopWatching()
      await stopTickets()
      await outbox.stop()
      await boss.stop({ graceful: true, timeout: drainSeconds * 1000 })
      await Promise.all([pool.end(), close(), database.close()])
      health.closeAllConnections()
      await new Promise<void>((done) => health.close(() => done()))
    },
  }
}

/**
 * Says in the log what is set up wrong at the help desk, and reads what its agents do. A help desk that is away or set
 * up wrong is no reason not to start: tickets wait for it, and their cases say so.
 * @returns resolves when nobody is being asked any more
 */
function startTickets(cases: CaseWorkDependencies, config: AdminSyncConfig, log: Log): () => Promise<void> {
  const ending = new AbortController()
  const { dependencies } = withLock(cases, ending.signal, undefined)
  const verified = verifyTickets(cases.tickets, log, ending.signal)
  const stopPolling = startPolling(dependencies, { seconds: config.TICKETS_POLL_SECONDS, log })
  return async () => {
    ending.abort()
    await Promise.all([verified, stopPolling()])
  }
}

/**
 * Looks once, as soon as Keycloak answers, whether the credentials are as weak as they should be, and says so in the
 * log. Work does not wait for it: a credential that can do too much is no reason to lose activations.
 * @returns stops asking
 */
function probeUntilAnswered(config: AdminSyncConfig, log: Log): () => void {
  let timer: NodeJS.Timeout | undefined
  let stopped = false
  const probe = async () => {
    try {
      const report = await probeRealm({
        keycloakUrl: config.KEYCLOAK_URL,
        realm: config.KEYCLOAK_REALM,
        operatorSecret: config.OPERATOR_CLIENT_SECRET,
        readerSecret: config.READER_CLIENT_SECRET,
        workspaceSecret: config.WORKSPACE_CLIENT_SECRET,
      })
      const wrong = report.checks.filter(({ passed }) => !passed).map(({ sentence }) => sentence)
      log[report.passed ? 'info' : 'error']({
        event: report.passed ? 'realm.probe_passed' : 'realm.probe_failed',
        ...(!report.passed && { wrong, unprotected_administrators: report.outside.map(({ id }) => id) }),
      })
    } catch (err) {
      if (!(err instanceof UpstreamError)) throw err
      log.warn({ event: 'realm.probe_unanswered', err })
      if (!stopped) timer = setTimeout(run, probeAgainMs)
    }
  }
  const run = () => {
    probe().catch((err: unknown) => log.error({ event: 'realm.probe_broken', err }))
  }
  run()
  return () => {
    stopped = true
    clearTimeout(timer)
  }
}

async function main(): Promise<void> {
  const config = readAdminSyncConfig(process.env)
  const log = createLog('admin-sync', config.LOG_LEVEL)
  log.info({ event: 'admin_sync.starting', configuration: maskConfig(adminSyncConfig, config) })
  const adminSync = await startAdminSync(config, log)
  log.info({ event: 'admin_sync.ready', url: adminSync.url })

  const end = async (signal: string) => {
    log.info({ event: 'admin_sync.stopping', signal })
    try {
      await adminSync.stop()
      log.info({ event: 'admin_sync.stopped' })
    } catch (err) {
      log.error({ event: 'admin_sync.stop_failed', err })
      process.exitCode = 1
    }
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
