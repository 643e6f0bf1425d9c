/**
 * The whole product for one test file, as `npm start` runs it: provider, admin-sync and the two demonstration
 * applications as processes of their own, with databases, a realm and an inbox of the file. Each has a host of its
 * own on the loopback network, so that cookies and content security policies are really apart.
 *
 * With `replicas: 2` a second provider and a second admin-sync work on the same database, as behind a proxy.
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
  type Environment,
  type Installation,
  type Place,
} from '../../dev/environment.ts'
import { findFreePort } from '../../dev/ports.ts'
import { startInbox, type TestInbox } from './inbox.ts'
import { createRealm } from './keycloak.ts'
import type { OwnServers } from './own-servers.ts'
import { createCofacering, createDatabase, type TestCofacering, type TestDatabase } from './postgres.ts'
import { createWorkspaceDatabase, type TestWorkspaceDatabase } from './workspace.ts'

const root = join(import.meta.dirname, '..', '..')
const entries = {
  provider: 'provider/main.ts',
  provider2: 'provider/main.ts',
  adminSync: 'admin-sync/main.ts',
  adminSync2: 'admin-sync/main.ts',
  portal: 'dev/portal/main.ts',
  secondApplication: 'dev/second-app/main.ts',
} as const
export type Part = keyof typeof entries

export type ProductOptions = {
  /** Servers of the test file's own, which it may kill; default: those that the run shares. */
  servers?: Pick<OwnServers, 'postgres'> & Partial<OwnServers>
  /** Other entry files, by part; from the repository's root. */
  entries?: Partial<Record<Part, string>>
  /** More environment, by part. */
  environment?: Partial<Record<Part, Environment>>
  /** 2: also `provider2` and `adminSync2`. */
  replicas?: 1 | 2
  /** Address of provider for browsers and for Keycloak when a proxy stands before it; without trailing slash. */
  publicUrl?: string
}

export type Product = {
  installation: Installation
  /** Where each part that runs listens. */
  places: Partial<Record<Part, Place>>
  /** Without trailing slash. */
  urls: { keycloak: string; realm: string; provider: string; portal: string; secondApplication: string }
  inbox: TestInbox
  database: TestDatabase
  cofacering: TestCofacering
  /** Of the portal. */
  workspace: TestWorkspaceDatabase
  /** Resolves when it is ready. */
  start: (part: Part) => Promise<void>
  /** Asks it to end. */
  stop: (part: Part, graceMs?: number) => Promise<void>
  /** kill -9. */
  kill: (part: Part) => Promise<void>
  /** Of the process group (dev/child.ts) that runs now. */
  pid: (part: Part) => number
  /** Everything that a part has printed since its last start. */
  readLog: (part: Part) => string
}

const linux = process.platform === 'linux'
const host = (last: number) => (linux ? `127.0.0.${last}` : '127.0.0.1')
const place = async (last: number) => ({ host: host(last), port: await findFreePort(host(last)) })

/**
 * Starts everything and waits until it answers. Call it at the top of the test file; it ends with the file.
 * @param settings more environment for every part, e.g. DESK_* or SIGN_IN_DEADLINE_MS
 */
export async function startProduct(
  settings: Record<string, string> = {},
  options: ProductOptions = {},
): Promise<Product> {
  const { servers, replicas = 1 } = options
  const [realm, database, cofacering, workspace, inbox] = await Promise.all([
    createRealm(servers?.keycloak),
    createDatabase(servers?.postgres),
    createCofacering(servers?.postgres),
    createWorkspaceDatabase(servers?.postgres),
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
    databases: {
      sync: database.sync,
      provider: database.provider,
      cofaceringReader: cofacering.reader,
      workspace: workspace.url,
    },
    applicationsFile: join(folder, 'applications.json'),
    secrets: servers?.postgres.secrets ?? inject('postgres').secrets,
  }
  writeFileSync(installation.applicationsFile, JSON.stringify(describeApplications(installation)))
  const places: Partial<Record<Part, Place>> = {
    provider: installation.provider,
    adminSync: installation.adminSync,
    portal: installation.portal,
    secondApplication: installation.secondApplication,
    ...(replicas === 2 && { provider2: await place(4), adminSync2: await place(1) }),
  }
  const providerUrl = options.publicUrl ?? placeUrl(installation.provider)
  const byProcess = processEnvironments(installation, settings)
  const reaching = { PROVIDER_URL: providerUrl }
  const environments: Record<Part, Environment> = {
    provider: { ...byProcess.provider, ...reaching },
    provider2: {
      ...byProcess.provider,
      ...reaching,
      PROVIDER_PORT: String(places.provider2?.port),
    },
    adminSync: { ...byProcess.adminSync, ...reaching },
    adminSync2: {
      ...byProcess.adminSync,
      ...reaching,
      ADMIN_SYNC_PORT: String(places.adminSync2?.port),
    },
    portal: byProcess.portal,
    secondApplication: byProcess.secondApplication,
  }
  await applyRealm(
    readRealmConfig({ ...byProcess.realmApply, ...settings, ...reaching }),
    createLog('test', 'silent'),
  )

  const running = new Map<Part, Child>()
  const log = (part: Part) => join(folder, `${part}.log`)
  const readyPath = (part: Part) => (isApplication(part) ? '/assets/tokens.css' : '/health/ready')
  const start = async (part: Part) => {
    const where = places[part]
    if (!where) throw new Error(`${part} is not a part of this product`)
    const child = new Child(part, [process.execPath, join(root, options.entries?.[part] ?? entries[part])], {
      log: log(part),
      env: {
        ...baseEnvironment(process.env),
        LOG_LEVEL: 'debug',
        ...environments[part],
        ...settings,
        ...options.environment?.[part],
      },
      cwd: root,
    })
    running.set(part, child)
    for (const end = Date.now() + 60_000; !(await answers(`${placeUrl(where)}${readyPath(part)}`));) {
      if (child.hasEnded || Date.now() > end) throw new Error(`${part} did not start:\n${child.lastLines()}`)
      await sleep(100)
    }
  }
  const stop = async (part: Part, graceMs = 5_000) => {
    await running.get(part)?.stop(graceMs)
    running.delete(part)
  }
  afterAll(async () => {
    await Promise.all([...running.keys()].map((part) => stop(part)))
    rmSync(folder, { recursive: true, force: true })
  })
  // admin-sync migrates; the others may start beside it.
  await Promise.all((Object.keys(places) as Part[]).map(start))
  return {
    installation,
    places,
    urls: {
      keycloak: realm.url,
      realm: `${realm.url}/realms/${realm.realmName}`,
      provider: providerUrl,
      portal: placeUrl(installation.portal),
      secondApplication: placeUrl(installation.secondApplication),
    },
    inbox,
    database,
    cofacering,
    workspace,
    start,
    stop,
    kill: async (part) => {
      const child = running.get(part)
      running.delete(part)
      child?.kill()
      await child?.exited
    },
    pid: (part) => {
      const pid = running.get(part)?.pid
      if (pid === undefined) throw new Error(`${part} does not run`)
      return pid
    },
    readLog: (part) => readFileSync(log(part), 'utf8'),
  }
}

const isApplication = (part: Part) => part === 'portal' || part === 'secondApplication'

async function answers(url: string): Promise<boolean> {
  try {
    return (await fetch(url, { signal: AbortSignal.timeout(2_000) })).ok
  } catch {
    return false
  }
}
