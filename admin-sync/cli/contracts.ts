/** Commands on contracts: `contracts transfer`, `contracts entitle`, and `contracts verify` (verify.ts). What they are for: docs/contracts.md. */
import { randomUUID } from 'node:crypto'
import { Option, type Command } from 'commander'
import { oneLine } from '../../core/text.ts'
import { readAdminSyncConfig } from '../config.ts'
import { askForEntitlements } from '../contracts/entitlements/store.ts'
import { transferContract } from '../contracts/transfer-contract.ts'
import { printTransfer, transferAll, type BulkProgress, type BulkReport } from '../contracts/transfer-all.ts'
import { createDependencies } from '../dependencies.ts'
import { withLock } from '../jobs/contract-work.ts'
import { add, quiet, withPool, type Environment, type Options } from './command.ts'
import { addVerify } from './verify.ts'

/** Each reads a contract as a whole into memory, and takes a connection for its lock. */
const atOnce = 4

export function addContracts(program: Command, env: Environment): void {
  const contracts = program.command('contracts').description('contracts on their way to Ellipro')
  addVerify(contracts, env)
  add(
    contracts,
    'transfer [contract...]',
    'carry contracts to the workspace: those named, or --all of which it lacks something; 1 when any failed',
    async (_first, options, named) => {
      if (named.length > 0 === (options.all === true))
        throw new Error('Name contracts, or give --all for all of which the workspace lacks something.')
      const report = await transfer(env, named, options)
      const wentWell = report.failed.length === 0 && report.unknown.length === 0 && report.stopped === null
      return { value: report, text: printTransfer(report), exitCode: wentWell ? 0 : 1 }
    },
    [
      new Option('--all', 'all of which the workspace lacks something'),
      new Option('--dry-run', 'say what would be done, and do nothing'),
    ],
  )
  add(
    contracts,
    'entitle [contract...]',
    'compare the accounts of contracts with what these give, those named or --all: also of people who have a contract from the Keycloak console alone',
    async (_first, options, named) => {
      if (named.length > 0 === (options.all === true))
        throw new Error('Name contracts, or give --all for all that were imported.')
      const result = await withPool(env, (pool) => askForEntitlements(pool, options.all ? undefined : named))
      const unknown = result.unknown.map((contract) => `\nNot imported: ${oneLine(contract)}`)
      return {
        value: result,
        text: `${result.asked} contracts: admin-sync compares their accounts.${unknown.join('')}`,
        exitCode: result.unknown.length === 0 ? 0 : 1,
      }
    },
    [new Option('--all', 'all that were imported')],
  )
}

/** Under the locks of the process, which may run meanwhile. */
async function transfer(env: Environment, named: readonly string[], options: Options): Promise<BulkReport> {
  const config = readAdminSyncConfig(env)
  return withPool(
    env,
    async (pool) => {
      const { contracts, close } = createDependencies(config, quiet, pool, async () => {})
      const { signal, stopListening } = stopOnInterrupt()
      try {
        return await transferAll(
          pool,
          (id) => {
            const job = { id: randomUUID(), data: { id }, signal: new AbortController().signal }
            const { held, checkpoint } = withLock(contracts, job, 'transfer-contract')
            return transferContract(held, id, checkpoint)
          },
          {
            ...(named.length > 0 && { contracts: named }),
            dryRun: options.dryRun === true,
            atOnce,
            signal,
            onProgress: showProgress(),
          },
        )
      } finally {
        stopListening()
        await close()
      }
    },
    { connections: atOnce + 2 },
  )
}

/** Ctrl-C once: no further contract. Twice: at once, which is as safe, but leaves no report. */
function stopOnInterrupt(): { signal: AbortSignal; stopListening: () => void } {
  const ending = new AbortController()
  const stop = () => {
    if (ending.signal.aborted) process.exit(130)
    process.stderr.write('\nStopping when those under way have ended. Once more stops at once.\n')
    ending.abort()
  }
  const signals = ['SIGINT', 'SIGTERM'] as const
  for (const signal of signals) process.on(signal, stop)
  return {
    signal: ending.signal,
    stopListening: () => {
      for (const signal of signals) process.off(signal, stop)
    },
  }
}

/** One line that changes on a terminal, and one every ten seconds elsewhere. On standard error. */
function showProgress(): (progress: BulkProgress) => void {
  const startedAt = performance.now()
  const isTerminal = process.stderr.isTTY
  let shownAt = startedAt
  return ({ done, failed, total }) => {
    const now = performance.now()
    const isLast = done === total
    if (now - shownAt < (isTerminal ? 200 : 10_000) && !(isTerminal && isLast)) return
    shownAt = now
    const perSecond = done / ((now - startedAt) / 1000)
    const text = `${done} of ${total} contracts, ${failed} failed, ${Math.round(perSecond)} a second`
    process.stderr.write(isTerminal ? `\r${text}${isLast ? '\n' : ''}` : `${text}\n`)
  }
}
