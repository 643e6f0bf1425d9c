/**
 * provider on a real port in the test's own process: the real routes on a real database, with texts that are their own
 * keys, so that tests assert codes. Several instances on one database are several replicas.
 */
import type { AddressInfo } from 'node:net'
import { randomBytes } from 'node:crypto'
import { afterAll } from 'vitest'
import { createPool } from '../../../core/database/pool.ts'
import { createLog } from '../../../core/log.ts'
import type { Language, Translate } from '../../../core/text.ts'
import { createApp } from '../../../provider/app.ts'
import { readProviderConfig, type ProviderConfig } from '../../../provider/config.ts'
import { createDependencies, type Dependencies } from '../../../provider/dependencies.ts'
import type { LegacyDirectory } from '../../../provider/legacy/directory.ts'
import { createScreens } from '../../../provider/screens/screens.ts'
import { createHttpServer } from '../../../provider/web/back-pressure.ts'
import type { Stopwatch } from '../../../provider/throttle/deadline.ts'
import { findFreePort } from '../../../dev/ports.ts'

export type Instance = {
  /** Where it listens; the same as PROVIDER_URL unless that was given. */
  origin: string
  dependencies: Dependencies
  /** Parsed log lines so far. */
  logged: Record<string, unknown>[]
  /** Moves the instance's clock; the database has its own. */
  clock: { offsetMs: number }
}

/** Secrets that several instances of one installation share. */
export const testKeys = () =>
  Object.fromEntries(
    ['PROVIDER_COOKIE_KEY', 'PROVIDER_VERIFIER_KEY', 'PROVIDER_SEALING_KEY'].map((name) => [
      name,
      randomBytes(32).toString('base64url'),
    ]),
  )
const sharedKeys = testKeys()

const echo = (key: string, values?: Record<string, unknown>) =>
  values ? `${key} ${Object.values(values).join(' ')}` : key

const nobody: LegacyDirectory = { verify: () => Promise.resolve({ status: 'refused' }) }

/**
 * Starts provider; it ends with the test file.
 * @param databaseUrl connection as ellipro_provider
 * @param env more environment
 * @param texts real ones where a page is looked at by a browser
 * @param stopwatch for tests of the fixed deadline
 */
export async function startInstance(
  databaseUrl: string,
  env: Record<string, string> = {},
  directory = nobody,
  texts: Record<Language, Translate> = { fr: echo, en: echo },
  stopwatch?: Stopwatch,
): Promise<Instance> {
  const host = env['PROVIDER_HOST'] ?? '127.0.0.1'
  const port = Number(env['PROVIDER_PORT'] ?? (await findFreePort(host)))
  const origin = `http://${host}:${port}`
  const config: ProviderConfig = readProviderConfig({
    PROVIDER_URL: origin,
    PROVIDER_PORT: String(port),
    PORTAL_URL: 'http://127.0.0.9:3000',
    KEYCLOAK_URL: 'http://127.0.0.9:8080',
    PROVIDER_DATABASE_URL: databaseUrl,
    LEGACY_DATABASE_URL: databaseUrl,
    PROVIDER_CLIENT_SECRET: 'a-secret-of-the-tests',
    DESK_TELEPHONE: '0825 000 000',
    DESK_TELEPHONE_PRICE: '0,15 €/min',
    DESK_EMAIL: 'desk@example.test',
    DESK_OPENING_HOURS: 'mon-fri 08:00-18:00',
    ONLINE_COUNTRIES: 'BE,DE,FR',
    ...sharedKeys,
    ...env,
  })
  const logged: Record<string, unknown>[] = []
  const log = createLog('provider', 'debug', {
    write: (line) => void logged.push(JSON.parse(line) as Record<string, unknown>),
  })
  const pool = createPool(config.PROVIDER_DATABASE_URL, 'test-provider', log, {
    max: env['DATABASE_CONNECTIONS'] ? config.DATABASE_CONNECTIONS : 20,
  })
  const clock = { offsetMs: 0 }
  const dependencies = await createDependencies(
    { config, log, pool, directory, now: () => Date.now() + clock.offsetMs, ...(stopwatch && { stopwatch }) },
    texts,
  )
  const server = createHttpServer(createApp(dependencies, createScreens(dependencies)), log, config)
  await new Promise<void>((done) => server.listen(port, host, done))
  afterAll(async () => {
    server.closeAllConnections()
    await new Promise((done) => server.close(done))
    await Promise.all([pool.end(), dependencies.readiness.close()])
  })
  return { origin: `http://${host}:${(server.address() as AddressInfo).port}`, dependencies, logged, clock }
}
