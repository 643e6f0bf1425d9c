/**
 * What the jobs on cases are given, and what they answer. A job carries the id of its subject and nothing else: it
 * reads the newest state, does what that asks for, and may be repeated at any step.
 *
 *   send-proof         request  the mail that proves its address     check-staff     session   who signed in?
 *   acknowledge        request  its reference, and what comes next   apply-decision  decision  what an agent decided
 *   tell-refusal       request  the agent's words                    add-contract    activation  to an account that exists
 *   ask-holder         case     does the holder know them?           sync-case       case      one pass over it
 *   tell-case-contact  case     requests and openings                push-ticket     case      what the help desk has to know
 *   poll-tickets       none     what the help desk has to say        check-reader    session   who saves old messages?
 *
 * Rows of ellipro.case_outbox become jobs (jobs/outbox.ts). Several rows of one subject that wait become one job, so a
 * row is written in the transaction of the change that it announces, and never a job directly.
 */
import type pg from 'pg'
import type { Log } from '../../core/log.ts'
import type { LegacyData } from '../accounts/legacy-data.ts'
import type { VerifyIdToken } from '../identity/verify-id-token.ts'
import type { Keycloak } from '../keycloak/connect.ts'
import type { Mailer } from '../mail/mailer.ts'
import type { TicketQueue } from '../tickets/port.ts'

export const caseJobKinds = [
  'send-proof',
  'acknowledge',
  'ask-holder',
  'tell-case-contact',
  'tell-refusal',
  'sync-case',
  'push-ticket',
  'poll-tickets',
  'check-staff',
  'apply-decision',
  'warn-holder',
  'add-contract',
  'check-reader',
] as const
export type CaseJobKind = (typeof caseJobKinds)[number]

export type CaseDependencies = {
  /** Role ellipro_sync. */
  pool: pg.Pool
  /** The operator's account: every write, and what the writes need to read. */
  keycloak: Keycloak
  /** The reader's account: sees protected users, groups and roles, which the operator's may not. */
  reader: Keycloak
  legacy: LegacyData
  /** Who signed in, by an ID token that provider handed over. */
  verifyIdToken: VerifyIdToken
  mailer: Mailer
  /** The help desk. */
  tickets: TicketQueue
  linkKey: Buffer
  providerUrl: string
  /**
   * Runs `work` alone among everything that holds the same key, over all replicas. Keys: an address key,
   * `case:<id>`, `ticket:<case id>` (who talks to the help desk about it), `tickets:<connector>` (who reads its changes).
   */
  hold: <T>(key: string, work: (checkpoint: CaseCheckpoint) => Promise<T>) => Promise<T>
  log: Log
}

/** Called between two steps with the name of the step that follows. Throws when the job must not go on. */
export type CaseCheckpoint = (step: string) => Promise<void>

/** @returns what it did, for the log line: a short code such as `sent`, `nothing` */
export type CaseJob = (
  dependencies: CaseDependencies,
  id: string,
  checkpoint: CaseCheckpoint,
) => Promise<string>
