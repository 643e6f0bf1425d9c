/**
 * The whole product for one test file, as `npm start` runs it: provider, admin-sync and the two demonstration
 * applications as processes of their own, with databases, a realm and an inbox of the file. Each has a host of its
 * own on the loopback network, so that cookies and content security policies are really apart.
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, inject } from 'vitest'
import { applyRealm } from '../../admin-sync/realm/apply.ts'
import { readRealmConfig } from '../../admin-sync/realm/config.ts'
import { createLog } from '../../core/log.ts'
import { Child } from '../../dev/child.ts'
import {
  baseEnvironment,
  describeApplications,
  placeUrl,
  processEnvironments,
  type Installation,
} from '../../dev/environment.ts'
import { findFreePort } from '../../dev/ports.ts'
import { startInbox, type TestInbox } from './inbox.ts'
import { createRealm } from './keycloak.ts'
import { createCofacering, createDatabase, type TestCofacering, type TestDatabase } from './postgres.ts'

const root = join(import.meta.dirname, '..', '..')
const entries = {
  provider: 'provider/main.ts',
  adminSync: 'admin-sync/main.ts',
  portal: 'dev/portal/main.ts',
  secondApplication: 'dev/second-app/main.ts',
} as const
export type Part = keyof typeof entries

export type Product = {
  installation: Installation
  /** Without trailing slash. */
  urls: { keycloak: string; realm: string; provider: string; portal: string; secondApplication: string }
  inbox: TestInbox
  database: TestDatabase
  cofacering: TestCofacering
  start: (part: Part) => Promise<void>
  stop: (part: Part) => Promise<void>
  /** Everything that a part has printed since its last start. */
  readLog: (part: Part) => string
}

const linux = process.platform === 'linux'
const host = (last: number) => (linux ? `127.0.0.${last}` : '127.0.0.1')
const place = async (last: number) => ({ host: host(last), port: await findFreePort(host(last)) })

/**
 * Starts everything and waits until it answers. Call it at the top of the test file; it ends with the file.
 * @param settings more environment, e.g. DESK_* or SIGN_IN_DEADLINE_MS
 */
export async function startProduct(settings: Record<string, string> = {}): Promise<Product> {
  const [realm, database, cofacering, inbox] = await Promise.all([
    createRealm(),
    createDatabase(),
    createCofacering(),
    startInbox(),
  ])
  const folder = mkdtempSync(join(tmpdir(), 'ellipro-product-'))
  const installation: Installation = {
    keycloak: {
      url: realm.url,
      realm: realm.realmName,
      administrator: { username: realm.adminUsername, password: realm.adminPassword },
    },
    portal: await place(1),
    secondApplication: await place(3),
    provider: await place(4),
    adminSync: await place(1),
    smtp: { host: inbox.host, port: inbox.port },
    databases: { sync: database.sync, provider: database.provider, cofaceringReader: cofacering.reader },
    applicationsFile: join(folder, 'applications.json'),
    secrets: inject('postgres').secrets,
  }
  writeFileSync(installation.applicationsFile, JSON.stringify(describeApplications(installation)))
  const environments = processEnvironments(installation, settings)
  await applyRealm(readRealmConfig(environments.realmApply), createLog('test', 'silent'))

  const running = new Map<Part, Child>()
  const log = (part: Part) => join(folder, `${part}.log`)
  const ready: Record<Part, string> = {
    provider: `${placeUrl(installation.provider)}/health/ready`,
    adminSync: `${placeUrl(installation.adminSync)}/health/ready`,
    portal: `${placeUrl(installation.portal)}/assets/tokens.css`,
    secondApplication: `${placeUrl(installation.secondApplication)}/assets/tokens.css`,
  }
  const start = async (part: Part) => {
    const child = new Child(part, [process.execPath, join(root, entries[part])], {
      log: log(part),
      env: { ...baseEnvironment(process.env), LOG_LEVEL: 'debug', ...environments[part], ...settings },
      cwd: root,
    })
    running.set(part, child)
    for (const end = Date.now() + 60_000; !(await answers(ready[part]));) {
      if (child.hasEnded || Date.now() > end) throw new Error(`${part} did not start:\n${child.lastLines()}`)
      await sleep(100)
    }
  }
  const stop = async (part: Part) => {
    await running.get(part)?.stop(5_000)
    running.delete(part)
  }
  afterAll(async () => {
    await Promise.all([...running.keys()].map(stop))
    rmSync(folder, { recursive: true, force: true })
  })
  // admin-sync migrates; the others may start beside it.
  await Promise.all((Object.keys(entries) as Part[]).map(start))
  return {
    installation,
    urls: {
      keycloak: realm.url,
      realm: `${realm.url}/realms/${realm.realmName}`,
      provider: placeUrl(installation.provider),
      portal: placeUrl(installation.portal),
      secondApplication: placeUrl(installation.secondApplication),
    },
    inbox,
    database,
    cofacering,
    start,
    stop,
    readLog: (part) => readFileSync(log(part), 'utf8'),
  }
}

async function answers(url: string): Promise<boolean> {
  try {
    return (await fetch(url, { signal: AbortSignal.timeout(2_000) })).ok
  } catch {
    return false
  }
}
