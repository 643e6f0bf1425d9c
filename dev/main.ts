/**
 * `npm start`: the whole product on this machine, with nothing else installed than Java, and Maven the first time.
 *
 *   looks at ports, Java and what is set in the environment, before anything starts
 *   PostgreSQL ── roles, databases ──┬── migrations, sample Cofacering ── provider, portal, second application
 *   Keycloak fetched and built ──────┴── Keycloak ── realm applied ── admin-sync ── contracts imported
 *
 * Environment: PORT_OFFSET; DATABASE_URL (a superuser's) instead of the embedded PostgreSQL; KEYCLOAK_URL,
 * REALM_ADMIN_USERNAME, REALM_ADMIN_PASSWORD and KEYCLOAK_REALM instead of a Keycloak of our own; KEYCLOAK_HOME;
 * ELLIPRO_CACHE; DESK_*, COFACERING_CLOSES_AT, LEGACY_FORGOT_URL, SIGN_IN_DEADLINE_MS, LOG_LEVEL as in docs/configuration.md.
 * Everything it keeps is in var/ (or ELLIPRO_DATA): secrets, databases, mails, logs.
 */
import { writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { bootstrapDatabases, connectionUrl } from '../admin-sync/database/bootstrap.ts'
import { migrate } from '../core/database/migrate.ts'
import { Child } from './child.ts'
import { loadCofacering } from './cofacering/load.ts'
import {
  baseEnvironment,
  describeApplications,
  placeUrl,
  processEnvironments,
  type Environment,
  type Installation,
} from './environment.ts'
import { startInbox } from './inbox.ts'
import { ensureKeycloak } from './keycloak-distribution.ts'
import { signInAdministrator, startKeycloak, waitForKeycloak } from './keycloak.ts'
import { bootstrapWorkspace } from './portal/workspace/database.ts'
import { Parts, runToEnd, waitForAnswer } from './parts.ts'
import { describeInstallation, loopback, makePlan, type Plan } from './plan.ts'
import { checkPostgres, startPostgres } from './postgres.ts'
import { createProgress } from './progress.ts'
import { keepLoopbackDirect } from './proxy.ts'
import { unmarkRunning } from './running.ts'
import { createSampleAgents } from './sample-agents.ts'
import { rolePasswords } from './secrets.ts'
import { SetupError } from './setup-error.ts'
import { chooseTerminalLanguage, renderWelcome } from './welcome.ts'

const root = join(import.meta.dirname, '..')
const folder = resolve(process.env['ELLIPRO_DATA'] || join(root, 'var'))
const runningFile = join(folder, 'running.json')
const logFile = (name: string) => join(folder, 'log', `${name}.log`)
const progress = createProgress()
const parts = new Parts((reason) => void stop(1, reason))

async function stop(code: number, reason: string): Promise<void> {
  if (parts.isStopping) return
  progress.say(code === 1 ? `Stopping: ${reason}` : `Stopping (${reason})`)
  await parts.stop()
  unmarkRunning(runningFile)
  progress.say('Everything is stopped.')
  process.exit(code)
}
process.on('SIGINT', () => void stop(130, 'Ctrl-C'))
process.on('SIGTERM', () => void stop(0, 'SIGTERM'))
process.on('SIGHUP', () => void stop(129, 'the terminal is gone'))
process.on('disconnect', () => void stop(0, 'npm is gone'))

/** PostgreSQL with our roles and databases. @returns the superuser's URL */
async function startDatabase({ ports, secrets }: Plan): Promise<string> {
  const given = process.env['DATABASE_URL']
  let url = given ?? ''
  if (given) await checkPostgres(given)
  else {
    const started = await startPostgres({
      dir: join(folder, 'postgres'),
      port: ports.postgres,
      password: secrets.databaseSuperuser,
      log: logFile('postgres'),
    })
    parts.keep(started.child)
    url = started.url
  }
  await bootstrapDatabases(url, rolePasswords(secrets))
  await bootstrapWorkspace(url, secrets.databaseWorkspace, 'workspace')
  progress.say(given ? 'PostgreSQL of DATABASE_URL is ready' : 'PostgreSQL is ready')
  return url
}

/** Files that others read: the applications for `realm apply`, the environment for `npm run admin-sync` (launch.mjs). */
function writeFiles(installation: Installation, environment: Environment): void {
  const applications = JSON.stringify(describeApplications(installation), undefined, 2)
  writeFileSync(installation.applicationsFile, applications, { mode: 0o600 })
  const lines = Object.entries(environment).map(([name, value]) => `${name}=${JSON.stringify(value)}\n`)
  writeFileSync(join(folder, 'admin-sync.env'), lines.join(''), { mode: 0o600 })
}

async function prepareData(serverUrl: string, syncUrl: string): Promise<void> {
  const applied = await migrate(syncUrl).catch((error: unknown) => {
    throw new SetupError(`${error instanceof Error ? error.message : String(error)}
The databases were made by another version of this project. To begin anew with empty ones: ${
      process.env['DATABASE_URL']
        ? 'drop `ellipro`, `keycloak`, `cofacering` and `workspace` on the server of DATABASE_URL'
        : `remove ${folder}`
    }`)
  })
  const cofacering = new URL(serverUrl)
  cofacering.pathname = '/cofacering'
  const { loaded, logins } = await loadCofacering(cofacering.href)
  progress.say(
    `Migrations applied: ${applied.length}. Sample Cofacering: ${logins} logins${loaded ? ', new' : ''}`,
  )
}

function runNode(name: string, words: string[], environment: Environment): Child {
  return new Child(name, [process.execPath, ...words], {
    log: logFile(name),
    cwd: root,
    env: { ...baseEnvironment(keepLoopbackDirect(process.env)), ...environment },
  })
}

async function startOwnKeycloak(home: string, plan: Plan, installation: Installation): Promise<void> {
  const { keycloak } = installation
  const child = startKeycloak({
    home,
    java: plan.java,
    url: keycloak.url,
    managementPort: plan.ports.keycloakManagement,
    databaseUrl: connectionUrl(
      installation.databases.sync,
      'keycloak',
      plan.secrets.databaseKeycloak,
      'keycloak',
    ),
    admin: { username: 'admin', password: plan.secrets.keycloakAdmin },
    themes: join(root, 'themes'),
    log: logFile('keycloak'),
  })
  parts.keep(child)
  progress.update('Keycloak is starting')
  await waitForKeycloak(keycloak.url, {
    managementUrl: `http://${loopback}:${plan.ports.keycloakManagement}`,
    child,
  })
  progress.say('Keycloak is ready')
}

async function applyRealm(environment: Environment): Promise<void> {
  const child = runNode('realm-apply', ['admin-sync/cli.ts', 'realm', 'apply'], environment)
  parts.add(child)
  await runToEnd(child)
  progress.say('The realm is as the code says')
}

/** What Cofacering has of every contract, once: from then on admin-sync follows what changes there. */
async function importContracts(environment: Environment): Promise<void> {
  if (environment['CONTRACT_SOURCE'] === 'files') return
  const child = runNode('import', ['admin-sync/cli.ts', 'import'], environment)
  parts.add(child)
  await runToEnd(child)
  progress.say('The contracts of Cofacering are imported')
}

/** A process that runs on. @param url answered once it is ready */
async function startProcess(
  name: string,
  file: string,
  environment: Environment,
  url: string,
): Promise<void> {
  const child = runNode(name, [file], environment)
  parts.keep(child)
  await waitForAnswer(url, child)
}

function showWelcome(installation: Installation, inboxUrl: string, ticketsTo: string): void {
  const welcome = renderWelcome(
    {
      portalUrl: placeUrl(installation.portal),
      secondApplicationUrl: placeUrl(installation.secondApplication),
      providerUrl: placeUrl(installation.provider),
      inboxUrl,
      keycloakUrl: installation.keycloak.url,
      realm: installation.keycloak.realm,
      administrator: installation.keycloak.administrator,
      staffUrl: `${placeUrl(installation.provider)}/staff`,
      passwords: installation.secrets,
      ticketsTo,
      database: `${new URL(installation.databases.sync).host} (ellipro, keycloak, cofacering, workspace)`,
      folder,
      seconds: progress.seconds(),
    },
    chooseTerminalLanguage(process.env),
  )
  process.stdout.write(welcome)
}

async function start(): Promise<void> {
  const plan = await makePlan(folder)
  const { ports, external } = plan
  const inbox = await startInbox({
    dir: join(folder, 'inbox'),
    host: loopback,
    httpPort: ports.inbox,
    smtpPort: ports.smtp,
  })
  parts.addCloser(inbox.stop)

  const reporter = { progress: progress.update, started: (child: Child) => parts.add(child) }
  const [serverUrl, home] = await Promise.all([
    startDatabase(plan),
    external ? undefined : ensureKeycloak(plan.java, reporter),
  ])
  const installation = describeInstallation(plan, serverUrl)
  const environments = processEnvironments(installation, process.env)
  writeFiles(installation, { ...environments.realmApply, ...environments.adminSync })

  const { provider, adminSync, portal, secondApplication } = installation
  const startPages = async () => {
    await prepareData(serverUrl, installation.databases.sync)
    // None of these asks Keycloak anything before a browser comes.
    await Promise.all([
      startProcess(
        'provider',
        'provider/main.ts',
        environments.provider,
        `${placeUrl(provider)}/health/ready`,
      ),
      startProcess('portal', 'dev/portal/main.ts', environments.portal, placeUrl(portal)),
      startProcess(
        'second-app',
        'dev/second-app/main.ts',
        environments.secondApplication,
        placeUrl(secondApplication),
      ),
    ])
  }
  const startRealm = async () => {
    if (home) await startOwnKeycloak(home, plan, installation)
    if (external) await waitForKeycloak(external.url, { patienceSeconds: 15 })
    await signInAdministrator(installation.keycloak.url, installation.keycloak.administrator)
    await applyRealm(environments.realmApply)
    await createSampleAgents(installation.keycloak, plan.secrets, { renew: external !== undefined })
    if (external && !(await external.hasTheme('ellipro')))
      progress.say(`${external.url} has no theme \`ellipro\`, so its stock pages stay: docs/operations.md`)
  }
  await Promise.all([startPages(), startRealm()])
  // At its start it proves what its accounts at Keycloak may not do: the realm has to be there.
  await startProcess(
    'admin-sync',
    'admin-sync/main.ts',
    environments.adminSync,
    `${placeUrl(adminSync)}/health/ready`,
  )
  await importContracts(environments.adminSync)
  showWelcome(installation, inbox.url, environments.adminSync['TICKETS_EMAIL_TO'] ?? '')
}

try {
  await start()
} catch (error) {
  // While stopping, what was being started fails as well: that is no news.
  if (!parts.isStopping) {
    const stack = error instanceof Error ? (error.stack ?? error.message) : String(error)
    const text = error instanceof SetupError ? error.message : stack
    progress.clear()
    process.stderr.write(`\n  ${text.replaceAll('\n', '\n  ')}\n\n`)
    await parts.stop()
    unmarkRunning(runningFile)
    process.exit(1)
  }
}
