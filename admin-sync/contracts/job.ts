/**
 * What the jobs on contracts are given, and what they answer. They run beside the jobs on cases (jobs/case-work.ts), by
 * rows of ellipro.case_outbox; the id is that of ellipro.contract_transfer.
 *
 *   transfer-contract   what the workspace lacks of it; the last time when a person of the contract has moved
 *   sync-entitlements   reports, analyses, score and countries onto the Keycloak users of its people
 *
 * Cron: follow-contracts reads what changed at Cofacering; purge-contracts ends what is kept by time.
 */
import type { CaseCheckpoint, CaseDependencies } from '../cases/job.ts'
import type { LiveSource } from './source/port.ts'
import type { Workspace } from './target/port.ts'

export const contractJobKinds = ['transfer-contract', 'sync-entitlements'] as const
export type ContractJobKind = (typeof contractJobKinds)[number]

export type ContractDependencies = Pick<CaseDependencies, 'pool' | 'keycloak' | 'reader' | 'hold' | 'log'> & {
  workspace: Workspace
  /** Absent: contracts come in files, by `admin-sync import`. */
  source: LiveSource | undefined
}

/** @returns what it did, for the log line: a short code such as `stored`, `unchanged` */
export type ContractJob = (
  dependencies: ContractDependencies,
  id: string,
  checkpoint: CaseCheckpoint,
) => Promise<string>
