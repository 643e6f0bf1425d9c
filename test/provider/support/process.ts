/** provider as a process of its own, for tests of several on one database. Keycloak and Cofacering are the caller's. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll } from 'vitest'
import { Child } from '../../../dev/child.ts'
import { findFreePort } from '../../../dev/ports.ts'
import { testKeys } from './instance.ts'

const main = join(import.meta.dirname, '../../../provider/main.ts')
const sharedKeys = testKeys()

/**
 * Starts it and waits until it answers; it ends with the test file.
 * @param databaseUrl connection as ellipro_provider
 * @param env more environment; with PROVIDER_URL it is one more process of that installation
 * @returns where it listens
 */
export async function startProvider(databaseUrl: string, env: Record<string, string> = {}): Promise<string> {
  const port = await findFreePort()
  const origin = `http://127.0.0.1:${port}`
  const folder = mkdtempSync(join(tmpdir(), 'ellipro-provider-'))
  const child = new Child('provider', [process.execPath, main], {
    log: join(folder, 'provider.log'),
    env: {
      PATH: process.env['PATH'] ?? '',
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
    },
  })
  afterAll(async () => {
    await child.stop(2000)
    rmSync(folder, { recursive: true, force: true })
  })
  const isReady = () =>
    fetch(`${origin}/health/ready`).then(
      ({ ok }) => ok,
      () => false,
    )
  for (const end = Date.now() + 60_000; !(await isReady()); await sleep(100))
    if (child.hasEnded || Date.now() > end) throw new Error(`provider did not start:\n${child.lastLines()}`)
  return origin
}
