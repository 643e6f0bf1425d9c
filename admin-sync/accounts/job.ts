/**
 * What the jobs of this folder are given, and what they answer.
 *
 * A job carries an activation's id and nothing else: it reads the newest state, does what that state asks for, and
 * may be repeated at any step. Jobs that make or change the user of an address never run at once
 * (jobs/address-lock.ts).
 *
 *   send-confirmation  a pending Keycloak user and its mail     open-account   the account, once both proofs are there
 *   unlink             the federated link has served            release        an activation ended: whose user was it?
 *   notify-contact     the contract's contact is told           purge-expired  what nobody finished (a cron job)
 *   close-account      the holder left, says an operator        notify-closed  and is told so
 *
 * Cron jobs that are about no activation in particular: sweep.ts (accounts that are gone, links that are left) and
 * address-change.ts (the notice to an old address).
 */
import type pg from 'pg'
import type { Log } from '../../core/log.ts'
import type { Keycloak } from '../keycloak/connect.ts'
import type { Mailer } from '../mail/mailer.ts'
import type { LegacyData } from './legacy-data.ts'
import type { Activation, AccountStore } from './store.ts'

export const jobKinds = [
  'send-confirmation',
  'open-account',
  'unlink',
  'release',
  'notify-contact',
  'close-account',
  'notify-closed',
] as const
export type JobKind = (typeof jobKinds)[number]

/** Adds a job in the caller's transaction. */
export type Enqueue = (
  client: pg.ClientBase,
  kind: JobKind,
  activationId: string,
  startAfterSeconds?: number,
) => Promise<void>

/** Runs `work` alone among everything that concerns an address, over all replicas. */
export type HoldAddress = <T>(addressKey: string, work: (checkpoint: Checkpoint) => Promise<T>) => Promise<T>

/**
 * Called between two steps with the name of the step that follows. Throws when the job must not go on: its lock is
 * lost or its time is up. Tests throw from here to kill a job at each step.
 */
export type Checkpoint = (step: string) => Promise<void>

export type AccountDependencies = {
  store: AccountStore
  /** The operator's account: every write, and what the writes need to read. */
  keycloak: Keycloak
  /** The reader's account: sees groups and roles, which the operator's may not. */
  reader: Keycloak
  legacy: LegacyData
  mailer: Mailer
  linkKey: Buffer
  providerUrl: string
  /** Of a shared login whose first address is not of its contract's domains: opened as any other, or for an agent to decide. */
  sharedFirstAddress: 'open' | 'agent'
  holdAddress: HoldAddress
  log: Log
}

/** What a run did, for its log line: a short code such as `sent`, `refused:address_taken`, `nothing`. */
export type Outcome = string

export type AccountJob = (
  dependencies: AccountDependencies,
  activation: Activation,
  checkpoint: Checkpoint,
) => Promise<Outcome>
