/**
 * The environment of every process of the product and of the demonstration, from addresses and secrets. `npm start` and
 * the end-to-end tests both use it, so that what is tested is what is started.
 *
 * Each process gets only what it needs: provider never sees an administrator's password.
 */
import { join } from 'node:path'
import type { Secrets } from './secrets.ts'

export type Place = { host: string; port: number }

/** Where everything is. `host` is a loopback address; e.g. 127.0.0.1 for all, or one each to keep cookies apart. */
export type Installation = {
  keycloak: { url: string; realm: string; administrator: { username: string; password: string } }
  provider: Place
  /** Absent: provider gives no metrics. */
  providerMetrics?: Place
  adminSync: Place
  portal: Place
  secondApplication: Place
  smtp: Place
  /** postgres:// URLs, each with its own role. */
  databases: { sync: string; provider: string; cofaceringReader: string; workspace: string }
  /** Absolute path of the file that holds describeApplications(). */
  applicationsFile: string
  secrets: Secrets
}
export type Environment = Record<string, string>
export type ProcessName = 'provider' | 'adminSync' | 'realmApply' | 'portal' | 'secondApplication'

/** Settings that the user may give to `npm start` and that are handed on; the desk's are those of the customers' FAQ. */
const settings = {
  COFACERING_CLOSES_AT: '',
  DESK_TELEPHONE: '0825 123 456',
  DESK_TELEPHONE_PRICE: '0,15 €/min',
  DESK_EMAIL: 'relations-clients@cofaceservices.fr',
  DESK_OPENING_HOURS: 'mon-fri 08:00-18:00',
  ONLINE_COUNTRIES: 'AT,BE,CA,CH,CZ,DE,DK,ES,FI,FR,GB,GR,HU,IE,IT,LU,NL,NO,PL,PT,RO,SE,SK,US',
  LEGACY_FORGOT_URL: '',
  SIGN_IN_DEADLINE_MS: '',
  TICKETS_WEBHOOK_SECRET: '',
  LOG_LEVEL: '',
}

/** The same, for admin-sync alone: where tickets go. Without a word they arrive in the demonstration's inbox. */
const ticketSettings = {
  TICKETS: '',
  TICKETS_EMAIL_TO: 'service-relation-client@ellipro.example',
  TICKETS_POLL_SECONDS: '',
  TICKETS_TIMEOUT_MS: '',
  RT_URL: '',
  RT_TOKEN: '',
  RT_QUEUE: '',
  RT_KEY_FIELD: '',
  RT_STATUS_MAP: '',
  SHARED_FIRST_ADDRESS: '',
}

/** The same, for admin-sync alone: where contracts come from. */
const contractSettings = {
  CONTRACT_SOURCE: '',
  LEGACY_QUERIES_FILE: '',
}

export function placeUrl({ host, port }: Place): string {
  return `http://${host}:${port}`
}

/**
 * For a process of Node that shall start quickly and stay small; docs/performance.md has the figures. Code that was compiled
 * once is read back. The two names of glibc (other systems ignore them) give the memory of a password hash, 19 MB, back
 * to the system when it is done: by itself glibc keeps it, for each of Node's threads.
 */
export const leanEnvironment: Environment = {
  NODE_COMPILE_CACHE: join(import.meta.dirname, '..', 'node_modules', '.cache', 'node'),
  MALLOC_ARENA_MAX: '2',
  MALLOC_MMAP_THRESHOLD_: '131072',
}

/** What every program needs to run at all on this machine, and nothing that holds a secret of ours. */
export function baseEnvironment(env: NodeJS.ProcessEnv): Environment {
  const wanted =
    /^(PATH|HOME|USER|LANG|LC_\w+|TZ|TMPDIR|TMP|TEMP|SystemRoot|NODE_\w+|(HTTPS?|NO|ALL)_PROXY)$/i
  return Object.fromEntries(
    Object.entries(env).filter(
      (entry): entry is [string, string] => wanted.test(entry[0]) && entry[1] !== undefined,
    ),
  )
}

/** One application of APPLICATIONS_FILE, as the demonstration's applications lay out their addresses. */
function describeApplication(clientId: string, name: string, place: Place, secret: string) {
  const url = placeUrl(place)
  return {
    clientId,
    name,
    url,
    redirectUri: `${url}/callback`,
    postLogoutRedirectUri: `${url}/`,
    backchannelLogoutUri: `${url}/backchannel-logout`,
    secret,
  }
}

/** The content of APPLICATIONS_FILE: the two demonstration applications. */
export function describeApplications(installation: Installation): Record<string, unknown>[] {
  const { portal, secondApplication, secrets } = installation
  return [
    // It shows what a person may use; the other one has no need to know.
    {
      ...describeApplication('portal', 'Portail Ellipro', portal, secrets.portalClient),
      scopes: ['ellipro'],
    },
    describeApplication('second-app', 'Rapports Ellipro', secondApplication, secrets.secondApplicationClient),
  ]
}

/**
 * @param given environment of the user; its `DESK_*`, COFACERING_CLOSES_AT, LEGACY_FORGOT_URL, SIGN_IN_DEADLINE_MS,
 *   TICKETS_WEBHOOK_SECRET and LOG_LEVEL are kept, and for admin-sync `TICKETS*`, `RT_*` and SHARED_FIRST_ADDRESS
 * @returns only the variables of the product: add baseEnvironment() to run a process with them
 */
export function processEnvironments(
  installation: Installation,
  given: NodeJS.ProcessEnv = {},
): Record<ProcessName, Environment> {
  const { keycloak, provider, adminSync, portal, secondApplication, smtp, databases, secrets } = installation
  const choose = (known: Record<string, string>) =>
    Object.fromEntries(
      Object.entries(known)
        .map(([name, value]) => [name, given[name] || value] as const)
        .filter(([, value]) => value !== ''),
    )
  const common: Environment = {
    ...choose(settings),
    KEYCLOAK_URL: keycloak.url,
    KEYCLOAK_REALM: keycloak.realm,
    PROVIDER_URL: placeUrl(provider),
    PORTAL_URL: placeUrl(portal),
  }
  const mail: Environment = {
    SMTP_HOST: smtp.host,
    SMTP_PORT: String(smtp.port),
    SMTP_SECURITY: 'none',
    SMTP_FROM: 'ne-pas-repondre@ellipro.example',
    SMTP_FROM_NAME: 'Ellipro',
  }
  const credentials: Environment = {
    OPERATOR_CLIENT_SECRET: secrets.operatorClient,
    READER_CLIENT_SECRET: secrets.readerClient,
    WORKSPACE_CLIENT_SECRET: secrets.workspaceClient,
  }
  const application = (place: Place, other: Place, id: string, secret: string): Environment => ({
    HOST: place.host,
    PORT: String(place.port),
    APP_URL: placeUrl(place),
    OTHER_APP_URL: placeUrl(other),
    ISSUER: `${keycloak.url}/realms/${keycloak.realm}`,
    CLIENT_ID: id,
    CLIENT_SECRET: secret,
  })
  return {
    provider: {
      ...leanEnvironment,
      ...common,
      PROVIDER_HOST: provider.host,
      PROVIDER_PORT: String(provider.port),
      ...(installation.providerMetrics && {
        METRICS_HOST: installation.providerMetrics.host,
        METRICS_PORT: String(installation.providerMetrics.port),
      }),
      PROVIDER_DATABASE_URL: databases.provider,
      LEGACY_DATABASE_URL: databases.cofaceringReader,
      PROVIDER_CLIENT_SECRET: secrets.providerClient,
      PROVIDER_COOKIE_KEY: secrets.providerCookieKey,
      PROVIDER_VERIFIER_KEY: secrets.providerVerifierKey,
      PROVIDER_SEALING_KEY: secrets.providerSealingKey,
    },
    adminSync: {
      ...leanEnvironment,
      ...common,
      ...mail,
      ...credentials,
      ADMIN_SYNC_HOST: adminSync.host,
      ADMIN_SYNC_PORT: String(adminSync.port),
      ADMIN_SYNC_DATABASE_URL: databases.sync,
      LEGACY_DATABASE_URL: databases.cofaceringReader,
      ADMIN_SYNC_LINK_KEY: secrets.linkKey,
      WORKSPACE_URL: `${placeUrl(portal)}/workspace`,
      ...choose(contractSettings),
      ...choose(ticketSettings),
    },
    realmApply: {
      ...common,
      ...mail,
      ...credentials,
      PROVIDER_CLIENT_SECRET: secrets.providerClient,
      REALM_ADMIN_USERNAME: keycloak.administrator.username,
      REALM_ADMIN_PASSWORD: keycloak.administrator.password,
      APPLICATIONS_FILE: installation.applicationsFile,
    },
    portal: {
      ...application(portal, secondApplication, 'portal', secrets.portalClient),
      PROVIDER_URL: placeUrl(provider),
      WORKSPACE_DATABASE_URL: databases.workspace,
    },
    secondApplication: application(secondApplication, portal, 'second-app', secrets.secondApplicationClient),
  }
}
