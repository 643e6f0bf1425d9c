/** Which help desk gets the tickets, and how it is reached. docs/help-desk.md says what to set up there. */
import { z } from 'zod'
import {
  defineConfig,
  positiveInteger,
  publicUrl,
  readConfig,
  secretText,
  text,
  type Config,
} from '../../core/config.ts'
import { readSmtp, smtpConfig } from '../realm/config.ts'
import type { Smtp } from '../realm/config.ts'
import { defaultStatusMap, statusMap, type StatusMap } from './rt/status.ts'

export const ticketsConfig = defineConfig({
  TICKETS: {
    schema: z.enum(['email', 'rt']),
    default: 'email',
    description:
      'Help desk of the Service Relation Client: `email` (a mail for each ticket) or `rt` (Request Tracker 5).',
  },
  TICKETS_EMAIL_TO: {
    schema: z.email(),
    optional: true,
    description: 'With `TICKETS=email`: address that makes a ticket of each mail.',
  },
  TICKETS_POLL_SECONDS: {
    schema: positiveInteger,
    default: '5',
    unit: 's',
    description: 'How often the help desk is asked what its agents did.',
  },
  TICKETS_TIMEOUT_MS: {
    schema: positiveInteger,
    default: '30000',
    unit: 'ms',
    description:
      'Time for one answer of the help desk. Shorter than it takes on a bad day, and tickets are made twice and merged.',
  },
  RT_URL: {
    schema: publicUrl,
    optional: true,
    description: 'With `TICKETS=rt`: address of Request Tracker, without `/REST/2.0`.',
  },
  RT_TOKEN: {
    schema: secretText,
    optional: true,
    secret: true,
    description: 'With `TICKETS=rt`: token of the technical account.',
  },
  RT_QUEUE: {
    schema: text,
    default: 'Service Relation Client',
    description: 'With `TICKETS=rt`: name of the queue.',
  },
  RT_KEY_FIELD: {
    schema: z.string().regex(/^[^{}'"\\]+$/, 'must hold no brace, quote or backslash'),
    default: 'ellipro-key',
    description: 'With `TICKETS=rt`: name of the ticket custom field that holds our reference.',
  },
  RT_STATUS_MAP: {
    schema: statusMap,
    default: defaultStatusMap,
    description:
      'With `TICKETS=rt`: our statuses (new, open, waiting, resolved, rejected, closed) and those of the queue’s lifecycle; several as `waiting=stalled|pending`, of which the first is written.',
  },
})

/** What `tickets verify` needs. */
export const helpDeskConfig = defineConfig({ ...ticketsConfig, ...smtpConfig })

export type HelpDesk =
  | { kind: 'email'; smtp: Smtp; to: string }
  | {
      kind: 'rt'
      url: string
      token: string
      queue: string
      keyField: string
      statuses: StatusMap
      timeoutMs: number
    }

/** Sentences about variables that are needed together; to be told with all other problems. */
export function findTicketProblems(env: Record<string, string | undefined>): string[] {
  const given = (name: string) => (env[name]?.trim() ?? '') !== ''
  const needed: Record<string, readonly (keyof typeof ticketsConfig)[]> = {
    email: ['TICKETS_EMAIL_TO'],
    rt: ['RT_URL', 'RT_TOKEN'],
  }
  return (needed[env['TICKETS']?.trim() || 'email'] ?? [])
    .filter((name) => !given(name))
    .map((name) => `${name} is missing: ${ticketsConfig[name].description}`)
}

/** @throws ConfigError with every problem at once */
export function readHelpDeskConfig(env: Record<string, string | undefined>): HelpDesk {
  return chooseHelpDesk(readConfig(helpDeskConfig, env, findTicketProblems(env)))
}

/** @param config read together with findTicketProblems */
export function chooseHelpDesk(config: Config<typeof helpDeskConfig>): HelpDesk {
  return config.TICKETS === 'email'
    ? { kind: 'email', smtp: readSmtp(config), to: config.TICKETS_EMAIL_TO ?? '' }
    : {
        kind: 'rt',
        url: config.RT_URL ?? '',
        token: config.RT_TOKEN ?? '',
        queue: config.RT_QUEUE,
        keyField: config.RT_KEY_FIELD,
        statuses: config.RT_STATUS_MAP,
        timeoutMs: config.TICKETS_TIMEOUT_MS,
      }
}
