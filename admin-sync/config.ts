/**
 * admin-sync's configuration: every environment variable that the process and its CLI read. docs/configuration.md is
 * generated from this definition. What `realm apply` needs besides is in realm/config.ts.
 */
import { z } from 'zod'
import {
  defineConfig,
  key32,
  logLevel,
  port,
  positiveInteger,
  postgresUrl,
  publicUrl,
  readConfig,
  secretText,
  text,
  type Config,
} from '../core/config.ts'
import { sourceConfig, workspaceConfig } from './contracts/config.ts'
import { closingConfig } from '../core/closing.ts'
import { deskConfig } from '../core/desk.ts'
import { ConfigError } from '../core/errors.ts'
import { probeConfig, smtpConfig } from './realm/config.ts'
import { findTicketProblems, ticketsConfig } from './tickets/config.ts'

/** All that `migrate` and the commands that act on the database alone need (cli/desk.ts, `jobs`). */
export const databaseConfig = defineConfig({
  ADMIN_SYNC_DATABASE_URL: {
    schema: postgresUrl,
    secret: true,
    description: 'Database `ellipro`, as role ellipro_sync.',
  },
})

/** All that the command `status` needs. */
export const statusConfig = defineConfig({
  ...databaseConfig,
  LEGACY_DATABASE_URL: {
    schema: postgresUrl,
    secret: true,
    description: 'Database of Cofacering, as a role that can only read (cofacering_reader).',
  },
  ...closingConfig,
})

/** All that the command `import` needs without a folder. */
export const importConfig = defineConfig({
  ...databaseConfig,
  LEGACY_DATABASE_URL: statusConfig.LEGACY_DATABASE_URL,
  LEGACY_QUERIES_FILE: sourceConfig.LEGACY_QUERIES_FILE,
})

/** All that the command `accounts sweep` needs. */
export const sweepConfig = defineConfig({
  ...databaseConfig,
  KEYCLOAK_URL: probeConfig.KEYCLOAK_URL,
  KEYCLOAK_REALM: probeConfig.KEYCLOAK_REALM,
  READER_CLIENT_SECRET: probeConfig.READER_CLIENT_SECRET,
})

/** What `database bootstrap` needs: a superuser for once, and the passwords that the roles get. */
export const bootstrapConfig = defineConfig({
  SUPERUSER_DATABASE_URL: {
    schema: postgresUrl,
    secret: true,
    description: 'PostgreSQL as a role that may create roles and databases; only for `database bootstrap`.',
  },
  KEYCLOAK_DATABASE_PASSWORD: { schema: secretText, secret: true, description: 'Password of role keycloak.' },
  ELLIPRO_SYNC_PASSWORD: { schema: secretText, secret: true, description: 'Password of role ellipro_sync.' },
  PROVIDER_CONNECTIONS: {
    schema: positiveInteger,
    default: '40',
    unit: 'connections',
    description:
      'Connections that role ellipro_provider may have in all: for each replica of provider its DATABASE_CONNECTIONS and two more. Whoever takes the role over leaves the rest of the server to admin-sync and Keycloak.',
  },
  ELLIPRO_PROVIDER_PASSWORD: {
    schema: secretText,
    secret: true,
    description: 'Password of role ellipro_provider.',
  },
  COFACERING_READER_PASSWORD: {
    schema: secretText,
    secret: true,
    description: 'Password of role cofacering_reader.',
  },
})

export const adminSyncConfig = defineConfig({
  ADMIN_SYNC_HOST: {
    schema: text,
    default: '127.0.0.1',
    description: 'Address of the listener for health checks and Prometheus; nothing else has business there.',
  },
  ADMIN_SYNC_PORT: {
    schema: port,
    default: '4001',
    description: 'Port of `/health/live`, `/health/ready` and `/metrics`.',
  },
  ...statusConfig,
  ADMIN_SYNC_LINK_KEY: {
    schema: key32,
    secret: true,
    description: 'Key of the codes in the links of mails. A new one makes every mail under way useless.',
  },
  ...probeConfig,
  PROVIDER_URL: { schema: publicUrl, description: 'Public address of provider, for the links in mails.' },
  PORTAL_URL: { schema: publicUrl, description: 'The Ellipro portal, for the links in mails.' },
  ...deskConfig,
  ...smtpConfig,
  ...ticketsConfig,
  ...workspaceConfig,
  ...sourceConfig,
  SHARED_FIRST_ADDRESS: {
    schema: z.enum(['open', 'agent']),
    default: 'open',
    description:
      'A login that Cofacering calls shared, and a first address that is not of a mail domain of its contract: `open` opens the account as any other, `agent` lets an agent decide.',
  },
  LOG_LEVEL: { schema: logLevel, default: 'info', description: 'Least level of log lines.' },
})

export type AdminSyncConfig = Config<typeof adminSyncConfig>

/** @throws ConfigError with every problem at once. */
export function readAdminSyncConfig(env: Record<string, string | undefined>): AdminSyncConfig {
  const config = readConfig(adminSyncConfig, env, findTicketProblems(env))
  if ((config.SMTP_USER === undefined) !== (config.SMTP_PASSWORD === undefined))
    throw new ConfigError(['SMTP_USER and SMTP_PASSWORD are given together or not at all'])
  return config
}
