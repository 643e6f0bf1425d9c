/**
 * `npm run bench`: measures what the product costs beside what it is made of, on real parts started for it, and prints a
 * table. Linux only (processor times and memory come from /proc).
 *
 *   npm run bench                            all parts but `start`; writes figures.json, results.json and
 *                                            docs/performance.md
 *   npm run bench -- op opening              these parts; writes nothing
 *   npm run bench -- start --write           these parts; replaces their figures in the files
 *   npm run bench -- --repetitions=5         default 3
 *   npm run bench -- --quick                 a tenth of everything, to see that it works; writes nothing
 *
 * Ours and its peer take turns, so that whatever else the machine does meets both; ratios are those of medians.
 */
import { parseArgs } from 'node:util'
import { benchFollow } from './follow.ts'
import { benchImport } from './import.ts'
import { benchMemory } from './memory.ts'
import { benchOp } from './op.ts'
import { benchOpening } from './opening.ts'
import type { PartResult } from './parts.ts'
import { benchPasses } from './passes.ts'
import { describeMachine, keep, type Machine } from './report.ts'
import { isQuick } from './scale.ts'
import { benchSignIn } from './sign-in.ts'
import { openStage, type Stage } from './stage.ts'
import { benchStart } from './start.ts'
import { describeResults, formatTable, meets } from './statistics.ts'
import { benchTickets } from './tickets.ts'
import { benchTiming } from './timing.ts'
import { benchVerify } from './verify.ts'

const parts = {
  'sign-in': benchSignIn,
  op: benchOp,
  opening: benchOpening,
  memory: benchMemory,
  timing: benchTiming,
  tickets: benchTickets,
  passes: benchPasses,
  import: benchImport,
  verify: benchVerify,
  follow: benchFollow,
  start: (_stage: Stage, repetitions: number) => benchStart(repetitions),
} satisfies Record<string, (stage: Stage, repetitions: number) => Promise<PartResult>>
type Name = keyof typeof parts
const withoutKeycloak: Name[] = ['op', 'timing', 'start', 'tickets', 'import', 'verify', 'follow']
const usual = (Object.keys(parts) as Name[]).filter((name) => name !== 'start')

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    write: { type: 'boolean' },
    quick: { type: 'boolean' },
    repetitions: { type: 'string', default: '3' },
  },
})
const unknown = positionals.filter((name) => !Object.hasOwn(parts, name))
const repetitions = Number(values.repetitions)
if (process.platform !== 'linux' || unknown.length > 0 || !Number.isInteger(repetitions) || repetitions < 1) {
  console.error(
    unknown.length > 0
      ? `Unknown: ${unknown.join(', ')}. Parts: ${Object.keys(parts).join(', ')}`
      : 'The bench needs Linux, and a number of repetitions of at least 1.',
  )
  process.exit(1)
}
const names = positionals.length > 0 ? (positionals as Name[]) : usual
const isWritten = !isQuick && (values.write ?? positionals.length === 0)

const startedAt = performance.now()
const elapsed = () => `${Math.round((performance.now() - startedAt) / 1000)} s`
const report = (text: string) => console.log(`[${elapsed()}] ${text}`)
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(130)) // stage.ts ends the rest

const done: Record<string, PartResult> = {}
const stage = await openStage(report)
let machine: Machine = {}
try {
  machine = describeMachine(await stage.versions(names.some((name) => !withoutKeycloak.includes(name))))
  for (const name of names) {
    report(name)
    const result = await parts[name](stage, repetitions)
    done[name] = result
    for (const [title, table] of Object.entries(result.tables))
      console.log(`\n${title}\n\n${formatTable(table)}\n`)
  }
} finally {
  await stage.close()
}
const results = Object.values(done).flatMap((part) => part.results)
if (results.length > 0) console.log(`${formatTable(describeResults(results))}\n`)
if (isWritten) await keep(done, machine)
const missed = results.filter((result) => !meets(result)).length
report(
  `${missed === 0 ? 'every goal is met' : `goals missed: ${missed}`}${isWritten ? '' : '; nothing was written'}`,
)
process.exit(0)
