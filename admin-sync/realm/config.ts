/**
 * What realm as code is told from outside: where Keycloak is, who may change the realm, the secrets of our clients,
 * the desk's contacts, the mail server, and the applications of Ellipro (a JSON file).
 *
 * `realm apply` and `realm diff` need everything here and run at an operator's terminal; `realm probe`, which
 * admin-sync also runs at its start, needs `probeConfig` only.
 */
import { readFileSync } from 'node:fs'
import { z } from 'zod'
import {
  defineConfig,
  port,
  publicUrl,
  readConfig,
  secretText,
  text,
  type Config,
} from '../../core/config.ts'
import { closingConfig, isClosed } from '../../core/closing.ts'
import { deskConfig, readDesk, type Desk } from '../../core/desk.ts'
import { ConfigError } from '../../core/errors.ts'
import { workspaceConfig } from '../contracts/config.ts'

/** How Keycloak, and the mails of our own, reach the mail server. */
export const smtpConfig = defineConfig({
  SMTP_HOST: { schema: text, description: 'Host of the mail server.' },
  SMTP_PORT: { schema: port, default: '587', description: 'Port of the mail server.' },
  SMTP_FROM: { schema: z.email(), description: 'Address that the mails come from.' },
  SMTP_FROM_NAME: { schema: text, default: 'Ellipro', description: 'Name that the mails come from.' },
  SMTP_USER: { schema: text, optional: true, description: 'User at the mail server, when it asks for one.' },
  SMTP_PASSWORD: { schema: text, optional: true, secret: true, description: 'Password of SMTP_USER.' },
  SMTP_SECURITY: {
    schema: z.enum(['none', 'starttls', 'tls']),
    default: 'starttls',
    description: 'How the connection to the mail server is protected; none is for a server on this machine.',
  },
})

/** The three credentials of admin-sync. */
export const probeConfig = defineConfig({
  KEYCLOAK_URL: { schema: publicUrl, description: 'Address of Keycloak.' },
  KEYCLOAK_REALM: {
    schema: z.string().regex(/^[a-z0-9-]+$/, 'must be lower-case letters, digits and hyphens'),
    default: 'ellipro',
    description: 'Name of the realm.',
  },
  OPERATOR_CLIENT_SECRET: {
    schema: secretText,
    secret: true,
    description: 'Secret of client admin-sync-operator, which creates and changes accounts.',
  },
  READER_CLIENT_SECRET: {
    schema: secretText,
    secret: true,
    description: 'Secret of client admin-sync-reader, which reads accounts and events.',
  },
  WORKSPACE_CLIENT_SECRET: workspaceConfig.WORKSPACE_CLIENT_SECRET,
})

/** Everything that `realm apply` and `realm diff` read. */
export const realmConfig = defineConfig({
  ...probeConfig,
  REALM_ADMIN_USERNAME: {
    schema: text,
    description: 'Administrator of realm master who applies the realm.',
  },
  REALM_ADMIN_PASSWORD: { schema: text, secret: true, description: 'Password of REALM_ADMIN_USERNAME.' },
  PROVIDER_URL: { schema: publicUrl, description: 'Public address of provider.' },
  PROVIDER_CLIENT_SECRET: {
    schema: secretText,
    secret: true,
    description: 'Secret of client cofacering-provider, with which provider signs people in.',
  },
  APPLICATIONS_FILE: {
    schema: text,
    description: 'JSON file of the Ellipro applications that sign people in at the realm.',
  },
  ...closingConfig,
  ...deskConfig,
  ...smtpConfig,
})

/** One Ellipro application, an RP of Keycloak. The URIs are absolute, without wildcard. */
export type Application = z.infer<typeof applicationSchema>
export type Smtp = {
  host: string
  port: number
  from: string
  fromName: string
  user: string | undefined
  password: string | undefined
  security: 'none' | 'starttls' | 'tls'
}
export type ProbeConfig = {
  keycloakUrl: string
  realm: string
  operatorSecret: string
  readerSecret: string
  workspaceSecret: string
}
export type RealmConfig = ProbeConfig & {
  administrator: { username: string; password: string }
  providerUrl: string
  providerSecret: string
  applications: readonly Application[]
  desk: Desk
  smtp: Smtp
  /** When Cofacering closes, and whether it has. */
  closing?: { at: Date; over: boolean }
}

/** An exact redirect target: as the specification compares them, character by character. */
const exactUri = z.string().refine((uri) => {
  if (!URL.canParse(uri) || /[*#\s]/.test(uri)) return false
  const { protocol, hostname } = new URL(uri)
  return protocol === 'https:' || (protocol === 'http:' && /^(localhost|127\.[\d.]+|\[::1\])$/.test(hostname))
}, 'must be an absolute https URI (http for loopback) without wildcard or fragment')

const applicationScopes = ['ellipro'] as const
const applicationSchema = z.strictObject({
  clientId: z.string().regex(/^[a-z0-9][a-z0-9-]*$/, 'must be lower-case letters, digits and hyphens'),
  name: z.string().min(1),
  url: exactUri,
  redirectUri: exactUri,
  postLogoutRedirectUri: exactUri,
  backchannelLogoutUri: exactUri,
  secret: z.string().min(16, 'must have at least 16 characters'),
  /** Client scopes of ours that its tokens hold from then on: `ellipro`, what a person may use (client-scope.ts). */
  scopes: z.array(z.enum(applicationScopes)).max(applicationScopes.length).default([]),
})

/** Clients that the realm has anyhow, or that this code makes. */
const reserved = [
  'account',
  'account-console',
  'activation',
  'admin-cli',
  'admin-permissions',
  'admin-sync-operator',
  'admin-sync-reader',
  'admin-sync-workspace',
  'broker',
  'cofacering-provider',
  'realm-management',
  'security-admin-console',
]

/**
 * Reads the environment and the file of applications.
 * @param now milliseconds since 1970: what is written depends on whether Cofacering is closed
 * @throws ConfigError with every problem of both.
 */
export function readRealmConfig(
  env: Record<string, string | undefined>,
  now: number = Date.now(),
): RealmConfig {
  const config = readConfig(realmConfig, env)
  if ((config.SMTP_USER === undefined) !== (config.SMTP_PASSWORD === undefined))
    throw new ConfigError(['SMTP_USER and SMTP_PASSWORD are given together or not at all'])
  return {
    ...readProbe(config),
    administrator: { username: config.REALM_ADMIN_USERNAME, password: config.REALM_ADMIN_PASSWORD },
    providerUrl: config.PROVIDER_URL,
    providerSecret: config.PROVIDER_CLIENT_SECRET,
    applications: readApplications(config.APPLICATIONS_FILE),
    desk: readDesk(config),
    smtp: readSmtp(config),
    ...(config.COFACERING_CLOSES_AT && {
      closing: { at: config.COFACERING_CLOSES_AT, over: isClosed(config.COFACERING_CLOSES_AT, now) },
    }),
  }
}

export function readSmtp(config: Config<typeof smtpConfig>): Smtp {
  return {
    host: config.SMTP_HOST,
    port: config.SMTP_PORT,
    from: config.SMTP_FROM,
    fromName: config.SMTP_FROM_NAME,
    user: config.SMTP_USER,
    password: config.SMTP_PASSWORD,
    security: config.SMTP_SECURITY,
  }
}

/** @throws ConfigError */
export function readProbeConfig(env: Record<string, string | undefined>): ProbeConfig {
  return readProbe(readConfig(probeConfig, env))
}

function readProbe(config: {
  KEYCLOAK_URL: string
  KEYCLOAK_REALM: string
  OPERATOR_CLIENT_SECRET: string
  READER_CLIENT_SECRET: string
  WORKSPACE_CLIENT_SECRET: string
}): ProbeConfig {
  return {
    keycloakUrl: config.KEYCLOAK_URL,
    realm: config.KEYCLOAK_REALM,
    operatorSecret: config.OPERATOR_CLIENT_SECRET,
    readerSecret: config.READER_CLIENT_SECRET,
    workspaceSecret: config.WORKSPACE_CLIENT_SECRET,
  }
}

function readApplications(file: string): Application[] {
  let json: unknown
  try {
    json = JSON.parse(readFileSync(file, 'utf8'))
  } catch (error) {
    throw new ConfigError([`APPLICATIONS_FILE ${file} cannot be read as JSON: ${String(error)}`])
  }
  return parseApplications(json)
}

/** @throws ConfigError naming each application and field that is wrong, never a secret. */
export function parseApplications(json: unknown): Application[] {
  const parsed = z.array(applicationSchema).safeParse(json)
  if (!parsed.success)
    throw new ConfigError(
      parsed.error.issues.map((issue) => `APPLICATIONS_FILE ${issue.path.join('.')}: ${issue.message}`),
    )
  const problems = parsed.data.flatMap(({ clientId }, i, all) => [
    ...(reserved.includes(clientId) ? [`APPLICATIONS_FILE ${i}.clientId: ${clientId} is taken`] : []),
    ...(all.findIndex((other) => other.clientId === clientId) < i
      ? [`APPLICATIONS_FILE ${i}.clientId: ${clientId} stands there twice`]
      : []),
  ])
  if (problems.length > 0) throw new ConfigError(problems)
  return parsed.data
}
