/**
 * What every npm script of this project goes through. Plain JavaScript without a dependency, because it runs before
 * anything is installed, on whatever Node (18 or later) started npm.
 *
 *   node launch.mjs dev/main.ts [args]       runs a file of ours
 *   node launch.mjs --bin prettier [args]    runs the command of an installed package
 *
 * 1. Packages absent or not those of package-lock.json: `npm ci`, once, under a lock.
 * 2. Runs the target on the Node that npm installed (24), or on this one where no packaged Node exists.
 * 3. Passes signals on, and ends the target when npm, or the terminal that started it, is gone.
 */
import { spawn, spawnSync } from 'node:child_process'
import { existsSync, linkSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { constants } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = dirname(fileURLToPath(import.meta.url))
const modules = join(root, 'node_modules')
const data = process.env.ELLIPRO_DATA || join(root, 'var')
const lockFile = join(root, 'var', 'npm-ci.lock')

function fail(text) {
  console.error(`\n  ${text.replaceAll('\n', '\n  ')}\n`)
  process.exit(1)
}

const readPackages = (file) => JSON.parse(readFileSync(file, 'utf8')).packages

/** npm writes node_modules/.package-lock.json as its last step: a manual `npm ci` counts, an interrupted one does not. */
function isInstalled() {
  if (!existsSync(join(modules, '.package-lock.json'))) return false
  const have = readPackages(join(modules, '.package-lock.json'))
  return Object.entries(readPackages(join(root, 'package-lock.json'))).every(([path, wanted]) => {
    if (path === '') return true
    const got = have[path]
    if (!got) return Boolean(wanted.optional || wanted.devOptional || wanted.inBundle)
    return got.version === wanted.version && got.integrity === wanted.integrity
  })
}

function isAlive(pid) {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return error.code === 'EPERM'
  }
}

const readText = (file) => {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    return ''
  }
}

/** Waits for the one right to install. The file comes into being with its owner's id in it: `link` is atomic. */
async function acquireInstallLock() {
  mkdirSync(dirname(lockFile), { recursive: true })
  const mine = `${lockFile}.${process.pid}`
  writeFileSync(mine, String(process.pid))
  try {
    for (let told = false; ;) {
      try {
        linkSync(mine, lockFile)
        process.once('exit', () => rmSync(lockFile, { force: true }))
        return
      } catch (error) {
        if (error.code !== 'EEXIST') throw error
      }
      const owner = Number(readText(lockFile))
      if (owner && !isAlive(owner)) rmSync(lockFile, { force: true })
      else {
        if (!told) console.log('Another command is installing the packages, waiting ...')
        told = true
        await new Promise((done) => setTimeout(done, 300))
      }
    }
  } finally {
    rmSync(mine, { force: true })
  }
}

/** `npm ci` deletes node_modules first: never under a running `npm start`. */
function refuseWhileRunning() {
  const text = readText(join(data, 'running.json'))
  if (text === '') return
  const { pid } = JSON.parse(text)
  if (existsSync(modules) && pid !== undefined && isAlive(pid))
    fail(`package-lock.json changed, and \`npm start\` (process ${pid}) is still running on the packages installed before.
Stop it with Ctrl-C, then run this command again.`)
}

async function install() {
  if (isInstalled()) return
  await acquireInstallLock()
  if (!isInstalled()) {
    refuseWhileRunning()
    console.log(
      existsSync(modules) ? 'package-lock.json changed: npm ci' : 'First start: npm ci (about half a minute)',
    )
    const startedAt = Date.now()
    const npm = process.env.npm_execpath
    const args = ['ci', '--no-audit', '--no-fund', '--loglevel=error']
    const options = { cwd: root, stdio: ['ignore', 'inherit', 'inherit'] }
    const done = npm?.endsWith('.js')
      ? spawnSync(process.execPath, [npm, ...args], options)
      : spawnSync('npm', args, options)
    if (done.status !== 0)
      fail(`npm ci failed (${done.signal ?? done.status ?? done.error?.message}): see what npm says above. Nothing was started.
Behind a proxy or a mirror: \`npm config set proxy\` / \`registry\`. Running the same command again starts over.`)
    console.log(`Packages installed in ${Math.round((Date.now() - startedAt) / 1000)} s`)
  }
  rmSync(lockFile, { force: true })
}

function findNode() {
  const packaged = join(modules, '.bin', 'node')
  if (existsSync(packaged)) return packaged
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number)
  // 24.7 is the first with Argon2 in node:crypto
  if (major > 24 || (major === 24 && minor >= 7)) return process.execPath
  return fail(`This project needs Node 24.7 or later. It brings its own on Linux, but npm has none for
${process.platform} ${process.arch}, and the one that runs this command is ${process.version}.
Install Node 24 (https://nodejs.org), then run the same command again.`)
}

/** The script behind an installed command; `tsc` is the one whose package has another name. */
function findCommand(name) {
  const home = join(modules, name === 'tsc' ? 'typescript' : name)
  const manifest = join(home, 'package.json')
  if (!existsSync(manifest)) return fail(`${name} is not among the installed packages.`)
  const { bin } = JSON.parse(readFileSync(manifest, 'utf8'))
  return join(home, typeof bin === 'string' ? bin : bin[name])
}

const [first, ...others] = process.argv.slice(2)
if (first === undefined || (first === '--bin' && others.length === 0))
  fail('Usage: node launch.mjs <file.ts> [args]   or   node launch.mjs --bin <command> [args]')
if (process.platform === 'win32')
  fail('On Windows this runs inside WSL: open a Linux shell there, and run the same command.')
await install()
// A running `npm start` leaves its addresses and secrets for the operator's commands; a variable that is set stays.
const left = join(data, 'admin-sync.env')
const options = first === 'admin-sync/cli.ts' && existsSync(left) ? [`--env-file=${left}`] : []
const command =
  first === '--bin'
    ? [findCommand(others[0]), ...others.slice(1)]
    : [...options, join(root, first), ...others]

const child = spawn(findNode(), command, {
  // The channel closes when this process dies, whatever killed it: dev/main.ts and test/run.ts then stop what they started.
  stdio: ['inherit', 'inherit', 'inherit', 'ipc'],
  env: { ...process.env, PATH: `${join(modules, '.bin')}:${process.env.PATH ?? ''}` },
})
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'])
  process.on(signal, () => {
    // A terminal sends Ctrl-C to the whole group: the child has it already.
    if (signal !== 'SIGINT' || !process.stdin.isTTY) child.kill(signal)
  })
const parent = process.ppid
const watch = setInterval(() => {
  if (process.ppid !== parent) child.kill('SIGTERM')
}, 1000)
child.on('error', (error) => fail(`${command.join(' ')}: ${error.message}`))
child.on('exit', (code, signal) => {
  clearInterval(watch)
  process.exit(signal ? 128 + (constants.signals[signal] ?? 0) : (code ?? 1))
})
