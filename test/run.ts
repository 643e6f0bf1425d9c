/**
 * `npm test`: runs the suites one after the other, cheap ones first, and ends with one line `N passed, N failed, N skipped`.
 *
 *   npm test [files...]        suites pure, database, keycloak, browser and helpdesk; files: only those whose path holds the text
 *   npm run test:long          the suites long and proxy as well
 *   npm run check              types, lint and format, then the suites pure and database
 *   ... --static --long        what .ci/run does: types, lint, format, and every suite
 *
 * A suite whose parts this machine lacks is skipped, with what would enable it; with CI set that counts as a failure. The
 * packages of Request Tracker are installed when CI is set, TEST_REQUEST_TRACKER=install says so, or the person at the
 * terminal does.
 */
import { spawnSync } from 'node:child_process'
import { globSync } from 'node:fs'
import { join } from 'node:path'
import { findBrowser } from '../dev/browser.ts'
import { findJava } from '../dev/java.ts'
import { SetupError } from '../dev/setup-error.ts'
import { findNginx } from './support/find-nginx.ts'
import { provideRequestTracker } from './support/request-tracker/consent.ts'
import { findRequestTracker } from './support/request-tracker/server.ts'
import { sharedServers, stopSharedServers } from './support/servers.ts'

const root = join(import.meta.dirname, '..')
process.chdir(root)
process.env['TEST_RUN'] = '1' // the servers are shared by all suites and stopped here
if (!process.stdout.isTTY) process.env['NO_COLOR'] ??= '1' // before vitest is loaded: it looks once
const flags = new Set(process.argv.slice(2).filter((word) => word.startsWith('--')))
const filters = process.argv.slice(2).filter((word) => !word.startsWith('--'))
const known = ['--check', '--static', '--long']
const total = { passed: 0, failed: 0, skipped: 0 }

type Suite = { name: string; needs: ('keycloak' | 'browser' | 'nginx' | 'help desk')[] }
const suites: Suite[] = [
  { name: 'pure', needs: [] },
  { name: 'database', needs: [] },
  ...(flags.has('--check')
    ? []
    : ([
        { name: 'keycloak', needs: ['keycloak'] },
        { name: 'browser', needs: ['keycloak', 'browser'] },
        { name: 'helpdesk', needs: ['keycloak', 'browser', 'help desk'] },
      ] satisfies Suite[])),
  ...(flags.has('--long')
    ? ([
        { name: 'long', needs: ['keycloak', 'browser'] },
        { name: 'proxy', needs: ['keycloak', 'browser', 'nginx'] },
      ] satisfies Suite[])
    : []),
]

async function finish(code: number): Promise<never> {
  await stopSharedServers().catch((error: unknown) => console.error(error))
  process.exit(code)
}

/** What this machine lacks for a suite, with the way to get it; undefined when nothing. */
function findMissing({ needs }: Suite): string | undefined {
  try {
    if (needs.includes('keycloak') && !process.env['TEST_KEYCLOAK_URL']) findJava()
    if (needs.includes('browser') && findBrowser() === undefined)
      return 'There is no Chromium. Debian: sudo apt-get install -y chromium. Elsewhere: set CHROMIUM_PATH.'
    if (needs.includes('nginx') && findNginx() === undefined)
      return 'There is no nginx. Debian: sudo apt-get install -y nginx-light. Elsewhere: set NGINX_PATH.'
    if (needs.includes('help desk')) findRequestTracker()
    return undefined
  } catch (error) {
    if (error instanceof SetupError) return error.message
    throw error
  }
}

function findFiles({ name }: Suite): string[] {
  return globSync(`test/**/*.${name}.test.ts`)
    .filter(
      (file) => filters.length === 0 || filters.some((text) => file.includes(text.replace(/^\.\//, ''))),
    )
    .toSorted()
}

const seconds = (from: number) => `${((performance.now() - from) / 1000).toFixed(1)} s`
const headline = (text: string) => console.log(`\n── ${text}`)

function runStaticChecks(): void {
  const checks: [name: string, ...command: string[]][] = [
    ['types', 'tsc', '--noEmit'],
    ['lint', 'oxlint', '--type-aware', '--deny-warnings'],
    ['format', 'prettier', '--check', '--log-level', 'warn', '.'],
  ]
  for (const [name, ...command] of checks) {
    const startedAt = performance.now()
    headline(`${name}: ${command.join(' ')}`)
    const { status } = spawnSync(process.execPath, [join(root, 'launch.mjs'), '--bin', ...command], {
      stdio: 'inherit',
    })
    total[status === 0 ? 'passed' : 'failed'] += 1
    console.log(`── ${name}: ${status === 0 ? 'passed' : 'FAILED'} in ${seconds(startedAt)}`)
  }
}

/** Counts every test; a file that could not even be read counts as one failure. */
async function runSuite(suite: Suite, files: string[]): Promise<void> {
  const missing = findMissing(suite)
  if (missing !== undefined) {
    const failing = Boolean(process.env['CI'])
    total[failing ? 'failed' : 'skipped'] += files.length
    headline(`${suite.name}: ${failing ? 'FAILED' : 'skipped'}, ${files.length} files\n${missing}`)
    return
  }
  const startedAt = performance.now()
  headline(`${suite.name}: ${files.length} files`)
  const { startVitest } = await import('vitest/node')
  const vitest = await startVitest(files, { project: suite.name, run: true, watch: false })
  const count = { passed: 0, failed: 0, skipped: 0 }
  for (const file of vitest.state.getTestModules()) {
    let failedTests = 0
    for (const test of file.children.allTests()) {
      const { state } = test.result()
      count[state === 'pending' ? 'skipped' : state] += 1
      if (state === 'failed') failedTests += 1
    }
    if (!file.ok() && failedTests === 0) count.failed += 1
  }
  count.failed += vitest.state.getUnhandledErrors().length
  if (vitest.state.getTestModules().length < files.length) count.failed += 1
  await vitest.close()
  for (const key of ['passed', 'failed', 'skipped'] as const) total[key] += count[key]
  console.log(
    `── ${suite.name}: ${count.passed} passed, ${count.failed} failed, ${count.skipped} skipped in ${seconds(startedAt)}`,
  )
}

const unknown = [...flags].filter((flag) => !known.includes(flag))
if (unknown.length > 0) {
  console.error(`Unknown: ${unknown.join(' ')}. Known: ${known.join(' ')}, and parts of file names.`)
  process.exit(2)
}
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => void finish(130))
process.on('disconnect', () => void finish(1)) // the launcher is gone

const startedAt = performance.now()
const selected = suites
  .map((suite) => ({ suite, files: findFiles(suite) }))
  .filter(({ files }) => files.length > 0)
if (selected.some(({ suite }) => suite.needs.includes('help desk'))) await provideRequestTracker()
// Keycloak gets ready while the suites that do without it run.
const wantsKeycloak = ({ suite, files }: (typeof selected)[number]) =>
  suite.needs.includes('keycloak') && suite.name !== 'long' && files.length > 0
const ready = selected.find((entry) => wantsKeycloak(entry) && findMissing(entry.suite) === undefined)
if (ready && !process.env['TEST_KEYCLOAK_URL'])
  sharedServers()
    .warmUp()
    .catch(() => {}) // the suite that needs it will say
if (flags.has('--check') || flags.has('--static')) runStaticChecks()
for (const { suite, files } of selected) await runSuite(suite, files)
if (selected.length === 0) {
  console.error(`No test file matches ${filters.join(' ') || 'anything'}.`)
  total.failed += 1
}
await stopSharedServers()
console.log(`\n── all of it in ${seconds(startedAt)}\n`)
console.log(`${total.passed} passed, ${total.failed} failed, ${total.skipped} skipped`)
process.exit(total.failed > 0 ? 1 : 0)
