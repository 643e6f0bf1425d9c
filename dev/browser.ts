/** Finds the Chromium of the end-to-end tests: CHROMIUM_PATH, an installed one, else the one in an npm package. */
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { openCache } from './cache.ts'
import { keepLoopbackDirect } from './proxy.ts'
import { SetupError } from './setup-error.ts'

export type Browser = { executablePath: string; args: string[]; env: Record<string, string> }

const installedPlaces = [
  '/usr/bin/chromium',
  '/usr/bin/chromium-browser',
  '/usr/bin/google-chrome',
  '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
  '/Applications/Chromium.app/Contents/MacOS/Chromium',
]
// Root and containers have neither the sandbox nor a large /dev/shm; the rest keeps it from calling home.
const launchArguments = [
  '--no-sandbox',
  '--disable-dev-shm-usage',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
]

const packageDir = join(import.meta.dirname, '..', 'node_modules', '@sparticuz', 'chromium')

/** The folder in the cache with the unpacked Chromium of the package; undefined when it cannot be unpacked. */
function unpackPackaged(): string | undefined {
  if (process.platform !== 'linux' || process.arch !== 'x64' || !existsSync(packageDir)) return undefined
  const { version } = JSON.parse(readFileSync(join(packageDir, 'package.json'), 'utf8')) as {
    version: string
  }
  const cache = openCache()
  const dir = join(cache, `chromium-${version}`)
  if (existsSync(join(dir, 'chromium'))) return dir
  // The package unpacks into TMPDIR under fixed names, not atomically: a folder of its own, then a rename.
  const temporary = join(cache, `.chromium-${process.pid}`)
  rmSync(temporary, { recursive: true, force: true })
  mkdirSync(temporary)
  const code = `import('@sparticuz/chromium').then((m) => m.default.executablePath())`
  const run = spawnSync(process.execPath, ['-e', code], {
    cwd: import.meta.dirname,
    stdio: 'ignore',
    // It adds the libraries (NSS, expat) only when it believes to be on this service.
    env: { ...process.env, TMPDIR: temporary, AWS_EXECUTION_ENV: 'AWS_Lambda_nodejs24.x' },
  })
  if (run.status !== 0) {
    rmSync(temporary, { recursive: true, force: true })
    return undefined
  }
  // Its own file names a fixed folder: elsewhere, pages would show no letters at all.
  mkdirSync(join(temporary, 'fonts'), { recursive: true })
  writeFileSync(
    join(temporary, 'fonts', 'fonts.conf'),
    `<?xml version="1.0"?>
<!DOCTYPE fontconfig SYSTEM "fonts.dtd">
<fontconfig><dir prefix="relative">.</dir><dir>/usr/share/fonts</dir><cachedir prefix="relative">cache</cachedir></fontconfig>
`,
  )
  try {
    renameSync(temporary, dir)
  } catch {
    rmSync(temporary, { recursive: true, force: true }) // another process was first
  }
  return dir
}

/**
 * For playwright-core's `launch`. Its environment keeps our own addresses off any proxy.
 * @returns undefined when this machine has none
 * @throws SetupError when CHROMIUM_PATH names no file
 */
export function findBrowser(): Browser | undefined {
  const given = process.env['CHROMIUM_PATH']
  if (given && !existsSync(given))
    throw new SetupError(`CHROMIUM_PATH is ${given}, and there is no such file.`)
  const env = Object.fromEntries(
    Object.entries(keepLoopbackDirect(process.env)).filter(
      (entry): entry is [string, string] => entry[1] !== undefined,
    ),
  )
  const installed = given || installedPlaces.find((place) => existsSync(place))
  if (installed) return { executablePath: installed, args: launchArguments, env }
  const dir = unpackPackaged()
  if (dir === undefined) return undefined
  const systemLibraries = ['/usr/lib/x86_64-linux-gnu/libnss3.so', '/usr/lib64/libnss3.so']
  if (!systemLibraries.some((file) => existsSync(file))) env['LD_LIBRARY_PATH'] = join(dir, 'al2023', 'lib')
  if (!existsSync('/usr/share/fonts')) env['FONTCONFIG_PATH'] = join(dir, 'fonts')
  return { executablePath: join(dir, 'chromium'), args: launchArguments, env }
}
