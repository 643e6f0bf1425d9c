/** Starts Keycloak in production mode on a PostgreSQL database, and waits until it answers. */
import { Child } from './child.ts'
import { keycloakCommand, keycloakEnvironment } from './keycloak-distribution.ts'
import { keepLoopbackDirect } from './proxy.ts'
import { SetupError } from './setup-error.ts'

export type KeycloakOptions = {
  /** Built by ensureKeycloak. */
  home: string
  java: string
  /** Address that browsers and programs use, on a loopback host: `http://127.0.0.1:8080`. It listens there only. */
  url: string
  managementPort: number
  /** postgres:// URL of an existing database, with user and password. */
  databaseUrl: string
  /** Administrator of the realm `master`, made when the database is new. */
  admin: { username: string; password: string }
  /** Folder of themes; read on each request, so that an edited file shows at once, unless `production`. */
  themes: string
  log: string
  /** As an operator would run it: themes kept in memory, both compilers (the bench measures that). Default false. */
  production?: boolean
}

/** The process, before it is ready: see waitForKeycloak. */
export function startKeycloak(options: KeycloakOptions): Child {
  const url = new URL(options.url)
  const database = new URL(options.databaseUrl)
  return new Child(
    'Keycloak',
    [
      [...keycloakCommand(options.home), 'start', '--optimized', '--cache=local', '--db-pool-max-size=20'],
      ['--http-enabled=true', `--http-host=${url.hostname}`, `--http-port=${url.port}`],
      [`--hostname=${url.origin}`, `--http-management-port=${options.managementPort}`],
      `--spi-theme--folder--dir=${options.themes}`,
      options.production
        ? []
        : [
            '--spi-theme--static-max-age=-1',
            '--spi-theme--cache-themes=false',
            '--spi-theme--cache-templates=false',
          ],
    ].flat(),
    {
      log: options.log,
      env: {
        ...keepLoopbackDirect(keycloakEnvironment(options.java, process.env)),
        KC_DB_URL: `jdbc:postgresql://${database.host}${database.pathname}`,
        KC_DB_USERNAME: decodeURIComponent(database.username),
        KC_DB_PASSWORD: decodeURIComponent(database.password),
        KC_BOOTSTRAP_ADMIN_USERNAME: options.admin.username,
        KC_BOOTSTRAP_ADMIN_PASSWORD: options.admin.password,
        // The quick compiler alone: Keycloak is ready sooner and needs less, which counts more here than its top speed.
        JAVA_OPTS_KC_HEAP: `-Xms64m -Xmx640m${options.production ? '' : ' -XX:TieredStopAtLevel=1'}`,
      },
    },
  )
}

async function answers(url: string): Promise<boolean> {
  try {
    return (await fetch(url, { signal: AbortSignal.timeout(2000) })).ok
  } catch {
    return false
  }
}

/**
 * Waits until the server serves realms: it listens, and even says "started", some time before that.
 * @param managementUrl asked for /health/ready as well when given
 * @throws SetupError when the process ends, or after `patienceSeconds`
 */
export async function waitForKeycloak(
  url: string,
  options: { managementUrl?: string; child?: Child; patienceSeconds?: number } = {},
): Promise<void> {
  const { managementUrl, child, patienceSeconds = 240 } = options
  for (const end = Date.now() + patienceSeconds * 1000; ;) {
    // The realm first: each health check that comes too early is a line in Keycloak's log.
    const serves = await answers(`${url}/realms/master`)
    if (serves && (managementUrl === undefined || (await answers(`${managementUrl}/health/ready`)))) return
    if (child?.hasEnded)
      throw new SetupError(
        `Keycloak ended with code ${await child.exited}: see ${child.log}\n${child.lastLines()}`,
      )
    if (Date.now() > end)
      throw new SetupError(
        `Keycloak at ${url} was not ready after ${patienceSeconds} s${child ? `: see ${child.log}` : ''}`,
      )
    await new Promise((done) => setTimeout(done, 150))
  }
}

/**
 * Signs the administrator of realm `master` in.
 * @returns an access token, good for a minute
 * @throws SetupError when Keycloak refuses name and password
 */
export async function signInAdministrator(
  url: string,
  { username, password }: { username: string; password: string },
): Promise<string> {
  const answer = await fetch(`${url}/realms/master/protocol/openid-connect/token`, {
    method: 'POST',
    body: new URLSearchParams({ grant_type: 'password', client_id: 'admin-cli', username, password }),
  })
  if (answer.ok) return ((await answer.json()) as { access_token: string }).access_token
  throw new SetupError(`Keycloak at ${url} refuses the administrator ${username} (HTTP ${answer.status}).
Was the password changed in the console? Give it, or another administrator of realm \`master\`, with
REALM_ADMIN_USERNAME and REALM_ADMIN_PASSWORD.`)
}
