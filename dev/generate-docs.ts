/**
 * Writes docs/configuration.md from the definitions that the processes read their environment with, the vectors of
 * docs/contract-digest.md, and docs/workspace-api.json from the schemas that check the workspace's requests. Tests
 * compare the files with what this would write; `npm run docs` makes them anew.
 */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { format, resolveConfig } from 'prettier'
import { adminSyncConfig, bootstrapConfig } from '../admin-sync/config.ts'
import { realmConfig } from '../admin-sync/realm/config.ts'
import type { Definition } from '../core/config.ts'
import { providerConfig } from '../provider/config.ts'
import { describeWorkspace } from './portal/workspace/openapi.ts'
import { contractDigestFile, renderContractDigest } from './contract-digest-vectors.ts'

export const configurationFile = join(import.meta.dirname, '..', 'docs', 'configuration.md')
export const workspaceFile = join(import.meta.dirname, '..', 'docs', 'workspace-api.json')

const readers: [name: string, definition: Definition][] = [
  ['provider', providerConfig],
  ['admin-sync', adminSyncConfig],
  ['realm apply', realmConfig],
  ['database bootstrap', bootstrapConfig],
]

/** The page, formatted as the repository's Markdown is. */
export async function renderConfiguration(): Promise<string> {
  const names = [...new Set(readers.flatMap(([, definition]) => Object.keys(definition)))].toSorted()
  const rows = names.map((name) => {
    const users = readers.filter(([, definition]) => name in definition)
    const entry = users[0]?.[1][name]
    if (!entry) throw new Error(`${name} has no definition`)
    const value = entry.secret
      ? 'required, secret'
      : entry.default !== undefined
        ? `\`${entry.default}\`${entry.unit ? ` ${entry.unit}` : ''}`
        : entry.optional
          ? 'optional'
          : 'required'
    const shown = entry.secret && entry.optional ? 'optional, secret' : value
    return `| \`${name}\` | ${users.map(([user]) => user).join(', ')} | ${shown} | ${entry.description} |`
  })
  const page = `# Configuration

Everything is configured by the environment. This page is generated from the definitions that the processes check their environment with (\`npm run docs\`).

A process that is started with a wrong environment names every problem at once and ends. Secrets have no default: make them with \`openssl rand -base64 32 | tr '+/' '-_' | tr -d '='\`. Addresses are https; plain http is accepted for loopback hosts only.

| variable | read by | default | what it is |
| --- | --- | --- | --- |
${rows.join('\n')}

## \`npm start\` and \`npm test\`
\`dev/\` makes random secrets (\`var/secrets.json\`) and passes the variables above to each process. For itself it reads:

| variable | what it is |
| --- | --- |
| \`PORT_OFFSET\` | Added to every port of \`npm start\` (portal 3000, second application 3001, provider 4000, admin-sync 4001, metrics of provider 4002, Keycloak 8080 and 8081, inbox 8025, SMTP 1025, PostgreSQL 5433). |
| \`DATABASE_URL\` | A PostgreSQL server to use, as a superuser; absent: an embedded PostgreSQL 18. |
| \`KEYCLOAK_URL\`, \`REALM_ADMIN_USERNAME\`, \`REALM_ADMIN_PASSWORD\` | A Keycloak that runs already, and an administrator of its realm \`master\`. |
| \`KEYCLOAK_HOME\` | An unpacked Keycloak 26.7.5; absent: fetched once with Maven. |
| \`ELLIPRO_DATA\` | Where secrets, databases, mails and logs of \`npm start\` are kept; default \`var/\`. |
| \`ELLIPRO_CACHE\` | Where fetched and built parts are kept; default \`~/.cache/ellipro\`. |
| \`MVN\` | Maven's command, when it is not \`mvn\` on the PATH; needed once. |
| \`JAVA_HOME\` | Java 17 or later, when it is not on the PATH. |
| \`TEST_KEYCLOAK_URL\`, \`TEST_KEYCLOAK_ADMIN_PASSWORD\`, \`TEST_KEYCLOAK_MANAGEMENT\` | A running Keycloak for \`npm test\`, which then starts none; its realms are made and deleted by the tests. |
| \`TEST_REQUEST_TRACKER\` | \`install\`: \`npm test\` as root on Debian installs the packages of Request Tracker 5 when they are missing, as it does with \`CI\`; otherwise it asks, or skips the tests of the help desk. |
| \`CHROMIUM_PATH\` | The browser of the end-to-end tests, when it is not found. |
| \`NGINX_PATH\` | The proxy of the test of two replicas, when it is not found. |
| \`ELLIPRO_SCREENSHOTS\` | Set: the end-to-end test makes the pictures in \`docs/images/\` anew. |
| \`DESK_*\`, \`COFACERING_CLOSES_AT\`, \`LEGACY_FORGOT_URL\`, \`SIGN_IN_DEADLINE_MS\`, \`LOG_LEVEL\`, \`KEYCLOAK_REALM\`, \`TICKETS*\`, \`RT_*\` | Handed on to the processes; otherwise demonstration values. |
`
  return format(page, { ...(await resolveConfig(configurationFile)), parser: 'markdown' })
}

/** The description of the workspace's API, formatted as the repository's JSON is. */
export async function renderWorkspaceApi(): Promise<string> {
  const text = JSON.stringify(describeWorkspace(), undefined, 2)
  return format(text, { ...(await resolveConfig(workspaceFile)), parser: 'json' })
}

if (import.meta.main) {
  writeFileSync(workspaceFile, await renderWorkspaceApi())
  writeFileSync(configurationFile, await renderConfiguration())
  writeFileSync(contractDigestFile, await renderContractDigest())
}
