/**
 * Servers that belong to one test file, which may kill, stop and start them again on the same port and data: for tests
 * of what happens when one of them dies. Everything else uses the servers that the whole run shares (servers.ts).
 *
 * Unlike the shared one, this PostgreSQL waits for its disk: what it has answered survives a kill.
 */
import { execFileSync } from 'node:child_process'
import { chmodSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll } from 'vitest'
import { bootstrapDatabases, connectionUrl } from '../../admin-sync/database/bootstrap.ts'
import { migrate } from '../../core/database/migrate.ts'
import type { Child } from '../../dev/child.ts'
import { findJava } from '../../dev/java.ts'
import { ensureKeycloak } from '../../dev/keycloak-distribution.ts'
import { startKeycloak, waitForKeycloak } from '../../dev/keycloak.ts'
import { findFreePort } from '../../dev/ports.ts'
import { startPostgres } from '../../dev/postgres.ts'
import { makeSecrets, rolePasswords } from '../../dev/secrets.ts'
import type { KeycloakServer, PostgresServer } from './servers.ts'

const root = join(import.meta.dirname, '..', '..')

export type Power = {
  /** kill -9. */
  kill: () => Promise<void>
  /** Asks it to end, as an operator would. */
  stop: () => Promise<void>
  /** On the port and data of before; resolves when it answers. */
  start: () => Promise<void>
}
export type OwnServers = { postgres: PostgresServer & Power; keycloak?: KeycloakServer & Power }

/**
 * Starts a PostgreSQL and, when asked, a Keycloak with its database in there. Call it at the top of the test file; they
 * end with the file.
 */
export async function startOwnServers({ keycloak = false } = {}): Promise<OwnServers> {
  const dir = mkdtempSync(join(tmpdir(), 'ellipro-own-'))
  chmodSync(dir, 0o711) // where root cannot be PostgreSQL, `nobody` is, and has to reach its data
  const children: { current: Child | undefined }[] = []
  afterAll(async () => {
    for (const { current } of children.toReversed()) await current?.stop(500)
    rmSync(dir, { recursive: true, force: true, maxRetries: 10, retryDelay: 50 })
  })

  /** @param launch resolves when the server answers */
  const power = (launch: () => Promise<Child>): Power => {
    const place: (typeof children)[number] = { current: undefined }
    children.push(place)
    return {
      kill: async () => {
        const { current } = place
        for (const pid of current?.pid === undefined ? [] : findDescendants(current.pid)) killProcess(pid)
        current?.kill()
        await current?.exited
      },
      stop: async () => place.current?.stop(),
      start: async () => {
        place.current = await launch()
      },
    }
  }

  const secrets = makeSecrets()
  const password = secrets.databaseSuperuser
  const port = await findFreePort()
  const postgresPower = power(() =>
    retry(
      async () =>
        (await startPostgres({ dir: join(dir, 'postgres'), port, password, log: join(dir, 'postgres.log') }))
          .child,
    ),
  )
  await postgresPower.start()
  const url = `postgres://postgres:${encodeURIComponent(password)}@127.0.0.1:${port}/postgres`
  const template = 'own_template'
  await bootstrapDatabases(url, rolePasswords(secrets), { ellipro: template })
  await migrate(connectionUrl(url, 'ellipro_sync', secrets.databaseSync, template))
  const postgres = { url, secrets, prefix: 'own', template, ...postgresPower }
  if (!keycloak) return { postgres }

  await bootstrapDatabases(url, rolePasswords(secrets), { keycloak: 'own_keycloak' })
  const host = process.platform === 'linux' ? '127.0.0.2' : '127.0.0.1'
  const [serverPort, managementPort] = [await findFreePort(host), await findFreePort(host)]
  const server: KeycloakServer = {
    url: `http://${host}:${serverPort}`,
    managementUrl: `http://${host}:${managementPort}`,
    adminUsername: 'admin',
    adminPassword: secrets.keycloakAdmin,
    log: join(dir, 'keycloak.log'),
    wantedFile: '',
    failureFile: '',
  }
  const java = findJava()
  const home = await ensureKeycloak(java, { progress: () => {}, started: () => {} })
  const keycloakPower = power(async () => {
    const child = startKeycloak({
      home,
      java,
      url: server.url,
      managementPort,
      databaseUrl: connectionUrl(url, 'keycloak', secrets.databaseKeycloak, 'own_keycloak'),
      admin: { username: server.adminUsername, password: server.adminPassword },
      themes: join(root, 'themes'),
      log: server.log ?? '',
    })
    await waitForKeycloak(server.url, { managementUrl: server.managementUrl, child })
    return child
  })
  await keycloakPower.start()
  return { postgres, keycloak: { ...server, ...keycloakPower } }
}

/** PostgreSQL's children are no members of its process group, and serve on for a moment without it. */
function findDescendants(ancestor: number): number[] {
  const parents = execFileSync('ps', ['-A', '-o', 'pid=,ppid='], { encoding: 'utf8' })
    .trim()
    .split('\n')
    .map((line) => line.trim().split(/\s+/).map(Number) as [pid: number, parent: number])
  const childrenOf = (pid: number): number[] =>
    parents.filter(([, parent]) => parent === pid).flatMap(([child]) => [child, ...childrenOf(child)])
  return childrenOf(ancestor)
}

function killProcess(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL')
  } catch {
    // It went with its parent.
  }
}

/** After a kill, PostgreSQL's children hold its memory for a moment, and it does not start over them. */
async function retry<T>(work: () => Promise<T>): Promise<T> {
  for (let tries = 1; ; tries++)
    try {
      return await work()
    } catch (error) {
      if (tries === 5) throw error
      await sleep(300)
    }
}
