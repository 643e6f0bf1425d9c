/**
 * provider's configuration: every environment variable that the process reads, with its check and a sentence.
 * docs/configuration.md is generated from this definition. Nothing else under provider/ looks at the environment.
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
  wholeNumber,
  type Config,
} from '../core/config.ts'
import { closingConfig } from '../core/closing.ts'
import { deskConfig } from '../core/desk.ts'
import { isCountry } from '../core/offer.ts'

/** Cookies have `Path=/` and the issuer is fixed below it, so provider needs an origin of its own. */
const publicOrigin = publicUrl.refine((url) => new URL(url).pathname === '/', 'must have no path')

/** Express `trust proxy`: a number of hops, or names and networks (`loopback`, `10.0.0.0/8`). Never "everybody". */
const trustedProxies = text.transform((value, ctx) => {
  if (/^\d+$/.test(value)) return Number(value)
  if (/^(true|false|all|\*)$/i.test(value) || !/^[\w.:/, ]+$/.test(value)) {
    ctx.addIssue({ code: 'custom', message: 'must be a number of hops or a list of networks' })
    return z.NEVER
  }
  return value.split(',').map((part) => part.trim())
})

/** Codes of countries, separated by commas. */
const countries = text.transform((value, ctx) => {
  const codes = value.split(',').map((code) => code.trim().toUpperCase())
  const wrong = codes.filter((code) => !isCountry(code))
  if (wrong.length === 0) return [...new Set(codes)]
  ctx.addIssue({ code: 'custom', message: `not of ISO 3166-1 alpha-2: ${wrong.join(', ')}` })
  return z.NEVER
})

export const providerConfig = defineConfig({
  PROVIDER_URL: {
    schema: publicOrigin,
    description: 'Origin at which browsers reach provider; its OP has the issuer `{PROVIDER_URL}/oidc`.',
  },
  PROVIDER_HOST: { schema: text, default: '127.0.0.1', description: 'Address that provider listens on.' },
  PROVIDER_PORT: { schema: port, description: 'Port that provider listens on.' },
  TRUST_PROXY: {
    schema: trustedProxies,
    optional: true,
    description:
      'Reverse proxies in front of provider, as a number of hops or a list of networks. They must overwrite X-Forwarded-For and X-Forwarded-Proto. Absent: no such header is believed.',
  },
  PORTAL_URL: { schema: publicUrl, description: 'The Ellipro portal, where every way on leads.' },
  KEYCLOAK_URL: { schema: publicUrl, description: 'Base URL of Keycloak, as browsers and provider see it.' },
  KEYCLOAK_REALM: { schema: text, default: 'ellipro', description: 'Realm of Ellipro.' },
  PROVIDER_DATABASE_URL: {
    schema: postgresUrl,
    secret: true,
    description: 'Database `ellipro`, as role ellipro_provider.',
  },
  LEGACY_DATABASE_URL: {
    schema: postgresUrl,
    secret: true,
    description: 'Database of Cofacering, as a role that can only read (cofacering_reader).',
  },
  LEGACY_FORGOT_URL: {
    schema: publicUrl,
    optional: true,
    description:
      'Where a forgotten Cofacering password is asked for. Absent: the page gives the telephone number.',
  },
  PROVIDER_CLIENT_SECRET: {
    schema: secretText,
    secret: true,
    description: 'Secret of the Keycloak client `cofacering-provider`.',
  },
  PROVIDER_COOKIE_KEY: {
    schema: key32,
    secret: true,
    description: 'Signs CSRF tokens and cookies: 32 random bytes in base64url.',
  },
  PROVIDER_VERIFIER_KEY: {
    schema: key32,
    secret: true,
    description:
      'Keys the verifiers of passwords awaiting confirmation: 32 random bytes in base64url. Changing it makes pending activations start again.',
  },
  PROVIDER_SEALING_KEY: {
    schema: key32,
    secret: true,
    description: 'Seals the private signing keys of the OP in the database: 32 random bytes in base64url.',
  },
  TICKETS_WEBHOOK_SECRET: {
    schema: secretText,
    optional: true,
    secret: true,
    description:
      'Secret with which the help desk signs `POST /hooks/tickets` (HMAC-SHA-256). Absent: there is no such route, and changes are found by polling alone.',
  },
  SIGN_IN_DEADLINE_MS: {
    schema: positiveInteger,
    default: '600',
    unit: 'milliseconds',
    description: 'A failed sign-in with a Cofacering login answers after this time, whatever was found.',
  },
  MAX_REQUESTS: {
    schema: positiveInteger,
    default: '200',
    unit: 'requests',
    description:
      'Requests that one process works on at a time; the next one is answered with 503 and Retry-After. Health checks and static files do not count.',
  },
  AUTHORIZATIONS_PER_NETWORK: {
    schema: positiveInteger,
    default: '600',
    unit: 'requests',
    description:
      'Authorization requests that one network (/24 or /64) may bring to the OP in half an hour, in each process; each keeps a row that long. More are answered with 429.',
  },
  MAILBOX_DOWNLOADS: {
    schema: positiveInteger,
    default: '3',
    unit: 'downloads',
    description:
      'Mailboxes that one process sends as ZIP at a time; the next person is asked to come again. Each may take a thread from the hashing of passwords.',
  },
  MAX_CONNECTIONS: {
    schema: positiveInteger,
    default: '2000',
    unit: 'connections',
    description: 'Connections from browsers or proxies that one process holds; more are closed as they come.',
  },
  DATABASE_CONNECTIONS: {
    schema: positiveInteger,
    default: '10',
    unit: 'connections',
    description: 'Connections of one process to its database; ten times as many requests may wait for one.',
  },
  STOP_DELAY_MS: {
    schema: wholeNumber,
    default: '0',
    unit: 'milliseconds',
    description:
      'Time between the signal to stop, from which on `/health/ready` says no, and the end of listening: as long as a load balancer takes to look twice.',
  },
  METRICS_HOST: {
    schema: text,
    default: '127.0.0.1',
    description: 'Address of the second listener, for Prometheus: never one that the internet reaches.',
  },
  METRICS_PORT: {
    schema: port,
    optional: true,
    description: 'Port of `GET /metrics`. Absent: provider gives no metrics. It is never on PROVIDER_PORT.',
  },
  LOG_LEVEL: { schema: logLevel, default: 'info', description: 'Least severe log lines that are written.' },
  ...closingConfig,
  ...deskConfig,
  ONLINE_COUNTRIES: {
    schema: countries,
    description:
      'Countries whose reports are read on line, for the page of questions and answers: ISO 3166-1 alpha-2 codes, separated by commas.',
  },
})

export type ProviderConfig = Config<typeof providerConfig>

/** @throws ConfigError with every problem at once */
export function readProviderConfig(env: NodeJS.ProcessEnv = process.env): ProviderConfig {
  return readConfig(providerConfig, env)
}
