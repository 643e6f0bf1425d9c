/** The command `contracts verify`: compares all contracts with the workspace, and reports. What it says: docs/contracts.md. */
import { writeFile } from 'node:fs/promises'
import { Option, type Command } from 'commander'
import { readAdminSyncConfig } from '../config.ts'
import { importLive } from '../contracts/live-import.ts'
import { renderComparison } from '../contracts/verify/page.ts'
import { printComparison } from '../contracts/verify/print.ts'
import { sealReport, type SealedReport } from '../contracts/verify/report.ts'
import { verifyContracts } from '../contracts/verify/verify.ts'
import { createDependencies } from '../dependencies.ts'
import { add, chooseTexts, quiet, readLanguage, withPool, type Environment, type Options } from './command.ts'

export function addVerify(contracts: Command, env: Environment): void {
  add(
    contracts,
    'verify',
    'compare all contracts with the workspace, and name each difference; 1 when there is any; personal data',
    async (_none, options) => {
      const sealed = await verify(env, options)
      const [t, language] = [chooseTexts(env), readLanguage(env)]
      if (options.html !== undefined)
        // It names people and companies: for whoever ran the command alone.
        await writeFile(options.html, await renderComparison(t, language, sealed), { mode: 0o600 })
      return {
        value: sealed,
        text: printComparison(t, language, sealed),
        exitCode: sealed.report.isIdentical ? 0 : 1,
      }
    },
    [
      new Option('--contract <id>', 'this one alone'),
      new Option('--as-imported', 'do not read Cofacering first: compare what was imported last'),
      new Option(
        '--in-full',
        'read every contract from the workspace as a whole, and rely on no digest of it',
      ),
      new Option('--html <file>', 'write the page to print and sign'),
    ],
  )
}

async function verify(env: Environment, options: Options): Promise<SealedReport> {
  const config = readAdminSyncConfig(env)
  return withPool(
    env,
    async (pool) => {
      const { contracts, close } = createDependencies(config, quiet, pool, async () => {})
      try {
        const { source, workspace } = contracts
        const { contract } = options
        const refreshed =
          source && !options.asImported
            ? await importLive(pool, source, contract === undefined ? {} : { contracts: [contract] })
            : undefined
        return sealReport(
          await verifyContracts(pool, workspace, {
            ...(contract !== undefined && { contract }),
            ...(refreshed?.run && { refreshedBy: refreshed.run }),
            inFull: options.inFull === true,
            onProgress: showProgress(),
          }),
        )
      } finally {
        await close()
      }
    },
    { connections: 4 },
  )
}

/** A line every five seconds, on standard error. */
function showProgress(): (done: number) => void {
  let shownAt = performance.now()
  return (done) => {
    if (performance.now() - shownAt < 5000) return
    shownAt = performance.now()
    process.stderr.write(`${done} contracts compared\n`)
  }
}
