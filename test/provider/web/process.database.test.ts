/** provider as a process: waits for its database version, says what it runs with, and stops when asked. */
import { once } from 'node:events'
import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect, it } from 'vitest'
import { findFreePort } from '../../../dev/ports.ts'
import { createDatabase } from '../../support/postgres.ts'
import { testKeys } from '../support/instance.ts'
import pg from 'pg'

const database = await createDatabase()

async function run(env: Record<string, string>) {
  const child = spawn(process.execPath, [join(import.meta.dirname, '../../../provider/main.ts')], {
    env: { PATH: process.env['PATH'] ?? '', ...env },
  })
  let out = ''
  let err = ''
  child.stdout.on('data', (chunk) => (out += String(chunk)))
  child.stderr.on('data', (chunk) => (err += String(chunk)))
  return { child, ended: once(child, 'exit'), out: () => out, err: () => err }
}

async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  for (const end = Date.now() + 20_000; !(await condition()); await sleep(50))
    if (Date.now() > end) throw new Error('it does not happen')
}

it('waits for the database version, then answers; logs its configuration masked; and stops on SIGTERM', async () => {
  const sync = new pg.Client({ connectionString: database.superuser })
  await sync.connect()
  await sync.query('ALTER TABLE public.schema_migration RENAME TO not_yet')
  const port = await findFreePort()
  const keys = testKeys()
  const url = `http://127.0.0.1:${port}`
  const { child, ended, out, err } = await run({
    ...keys,
    PROVIDER_URL: url,
    PROVIDER_PORT: String(port),
    PORTAL_URL: 'http://127.0.0.1:3000',
    KEYCLOAK_URL: 'http://127.0.0.1:8080',
    PROVIDER_DATABASE_URL: database.provider,
    LEGACY_DATABASE_URL: database.provider,
    PROVIDER_CLIENT_SECRET: 'a-secret-of-the-tests',
    DESK_TELEPHONE: '0825 000 000',
    DESK_TELEPHONE_PRICE: '0,15 €/min',
    DESK_EMAIL: 'desk@example.test',
    DESK_OPENING_HOURS: 'mon-fri 08:00-18:00',
    ONLINE_COUNTRIES: 'BE,DE,FR',
  })
  await until(() => out().includes('provider.starting'))
  await sleep(500)
  await expect(fetch(`${url}/health/live`)).rejects.toThrow('fetch failed')

  await sync.query('ALTER TABLE public.not_yet RENAME TO schema_migration')
  await sync.end()
  await until(() => out().includes('provider.listening'))
  expect((await fetch(`${url}/health/ready`)).status).toBe(200)
  expect(out()).toContain('"PROVIDER_COOKIE_KEY":"***"')
  for (const secret of [...Object.values(keys), 'a-secret-of-the-tests', new URL(database.provider).password])
    expect(out()).not.toContain(secret)

  child.kill('SIGTERM')
  expect(await ended).toEqual([0, null])
  expect(out()).toContain('provider.stopped')
  expect(err()).toBe('')
})

it('ends at once, naming every variable, when the configuration cannot be used', async () => {
  const { ended, err } = await run({})
  expect(await ended).toEqual([1, null])
  expect(err().match(/^ {2}- [A-Z_]+ is missing/gm)?.length).toBeGreaterThan(10)
})
