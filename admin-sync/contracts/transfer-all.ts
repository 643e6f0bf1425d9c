/**
 * `contracts transfer`: many contracts at once, ahead of time or to make good. Each goes as the job would take it, under
 * the same locks, so the process may run beside it, and what was accepted is not sent again: whoever stops it in the
 * middle starts it again and it goes on.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import type pg from 'pg'
import { isDatabaseTrouble } from '../../core/database/trouble.ts'
import { UpstreamError } from '../../core/errors.ts'
import { describeTrouble } from './transfer-contract.ts'
import { countContracts, listTransfers, type Transfer } from './transfer-store.ts'

/** What the next transfer of a contract would do. */
export type Need = 'finish' | 'send' | 'nothing' | 'not_imported'
export type BulkReport = {
  /** Contracts of our copy. */
  contracts: number
  /** Looked at: those that were named, or all of which the workspace lacks something. */
  wanted: number
  /** By what was done: stored, finished, unchanged, finished_before, superseded. For a rehearsal by Need. */
  outcomes: Record<string, number>
  /** In order of the contracts. `code` as in contract_transfer.last_error. */
  failed: { contract: string; code: string }[]
  /** Named, and not there. */
  unknown: string[]
  /** Not looked at any more. */
  left: number
  /** `null`: it came to its end. `interrupted`: by the operator. `unanswered`: too many in a row could not be asked. */
  stopped: 'interrupted' | 'unanswered' | null
  isRehearsal: boolean
}
export type BulkProgress = { done: number; failed: number; total: number }

type BulkOptions = {
  /** These alone; absent: all of which the workspace lacks something. */
  contracts?: readonly string[]
  dryRun?: boolean
  /** Contracts under way at a time. */
  atOnce: number
  /** Takes no further contract; those under way end. */
  signal: AbortSignal
  onProgress?: (progress: BulkProgress) => void
  /** Waits before a contract that could not be asked for is tried again. */
  waitsMs?: readonly number[]
}

/** Contracts in a row of which none could be asked for, after which there is no sense in going on. */
const unansweredInARow = 12

/** Pure. */
export function findNeed({ isFinished, hasMoved, isImported, digest, acceptedDigest }: Transfer): Need {
  if (isFinished) return 'nothing'
  if (!isImported) return 'not_imported'
  if (hasMoved) return 'finish'
  return digest !== null && digest === acceptedDigest ? 'nothing' : 'send'
}

/** @param run transfers one contract, by the id of contract_transfer, and says what it did */
export async function transferAll(
  pool: pg.Pool,
  run: (id: string) => Promise<string>,
  { contracts, dryRun = false, atOnce, signal, onProgress, waitsMs = [1000, 4000] }: BulkOptions,
): Promise<BulkReport> {
  const transfers = await listTransfers(pool, contracts)
  const known = new Set(transfers.map(({ contract }) => contract))
  const report: BulkReport = {
    contracts: await countContracts(pool),
    wanted: transfers.length,
    outcomes: {},
    failed: [],
    unknown: [...new Set(contracts ?? [])].filter((contract) => !known.has(contract)),
    left: 0,
    stopped: null,
    isRehearsal: dryRun,
  }
  const count = (outcome: string) => {
    report.outcomes[outcome] = (report.outcomes[outcome] ?? 0) + 1
  }
  if (dryRun) {
    for (const transfer of transfers) count(findNeed(transfer))
    return report
  }
  const waiting = transfers.values()
  let done = 0
  let unanswered = 0
  const mayGoOn = () => !signal.aborted && unanswered < unansweredInARow

  async function attempt(id: string): Promise<string> {
    for (let tries = 0; ; tries++)
      try {
        return await run(id)
      } catch (error) {
        const wait = waitsMs[tries]
        if (!isForLater(error) || wait === undefined || !mayGoOn()) throw error
        await sleep(wait, undefined, { signal }).catch(() => undefined)
      }
  }
  async function work(): Promise<void> {
    while (mayGoOn()) {
      const { value: transfer, done: atEnd } = waiting.next()
      if (atEnd) return
      try {
        count(await attempt(transfer.id))
        unanswered = 0
      } catch (error) {
        const code = describeFailure(error)
        if (code === undefined) throw error
        report.failed.push({ contract: transfer.contract, code })
        // A refusal is an answer too.
        unanswered = isForLater(error) ? unanswered + 1 : 0
      }
      done++
      onProgress?.({ done, failed: report.failed.length, total: transfers.length })
    }
  }
  await Promise.all(Array.from({ length: atOnce }, work))
  report.left = transfers.length - done
  if (report.left > 0) report.stopped = signal.aborted ? 'interrupted' : 'unanswered'
  report.failed.sort((a, b) => Buffer.compare(Buffer.from(a.contract), Buffer.from(b.contract)))
  return report
}

/** What may be otherwise in a moment. That an import is missing does not change by asking again. */
const isForLater = (error: unknown): boolean =>
  (error instanceof UpstreamError && error.disposition === 'retry' && error.service !== 'import') ||
  isDatabaseTrouble(error)

function describeFailure(error: unknown): string | undefined {
  if (error instanceof UpstreamError) return describeTrouble(error).lastError
  return isDatabaseTrouble(error) ? 'database:unavailable' : undefined
}

const said: Record<string, string> = {
  stored: 'stored at the workspace',
  finished: 'carried over for the last time',
  unchanged: 'there already',
  finished_before: 'carried over before',
  superseded: 'overtaken by another process',
  gone: 'gone',
  finish: 'would be carried over for the last time',
  send: 'would be stored at the workspace',
  nothing: 'there already',
  not_imported: 'not imported',
}
const line = (name: string, value: number): string => `  ${name.padEnd(42)}${String(value).padStart(8)}`

/** Pure: for an operator at a terminal. */
export function printTransfer(report: BulkReport): string {
  const { contracts, wanted, outcomes, failed, unknown, left, stopped } = report
  const shown = failed.slice(0, 50)
  return [
    line('contracts imported', contracts),
    line(report.isRehearsal ? 'would be looked at' : 'looked at', wanted),
    ...Object.entries(outcomes).map(([outcome, count]) => line(said[outcome] ?? outcome, count)),
    ...(failed.length > 0 ? [line('failed', failed.length)] : []),
    ...shown.map(({ contract, code }) => `    ${contract}: ${code}`),
    ...(failed.length > shown.length
      ? [`    and ${failed.length - shown.length} more (--json names all)`]
      : []),
    ...unknown.map((contract) => `  No contract ${contract}.`),
    ...(left > 0 ? [line('left', left)] : []),
    ...(stopped === 'interrupted' ? ['Stopped. Start it again to go on.'] : []),
    ...(stopped === 'unanswered' ? ['Given up: nobody answers. Start it again when they do.'] : []),
  ].join('\n')
}
