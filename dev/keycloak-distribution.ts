/**
 * The Keycloak that this project runs: fetched once per user, checked against a pinned checksum, unpacked, and built for
 * PostgreSQL. Everything lands in the cache folder (dev/cache.ts); a second start finds it there in no time.
 *
 * 1. The zip: in the cache folder (put there by hand), in the user's Maven repository, else fetched by Maven, which knows
 *    the mirrors, proxies and credentials of its settings. No address is written here.
 * 2. Unpacked; or KEYCLOAK_HOME, an unpacked distribution of one's own, which is only read.
 * 3. `kc.sh build` in a copy, kept under a key made of version, build options and provider jars.
 */
import { createHash } from 'node:crypto'
import {
  copyFileSync,
  cpSync,
  createReadStream,
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  statfsSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { spawnSync } from 'node:child_process'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { openCache } from './cache.ts'
import { Child } from './child.ts'
import { baseEnvironment } from './environment.ts'
import { installHint } from './java.ts'
import { withLock } from './lock.ts'
import { describeMavenProxy } from './proxy.ts'
import { SetupError } from './setup-error.ts'
import { unpack } from './unpack.ts'

const keycloakVersion = '26.7.5'
const zipName = `keycloak-quarkus-dist-${keycloakVersion}.zip`
const zipBytes = 173_570_586
const zipSha256 = '30ef87fb7101c43d29688d1ae80c0588ff4a151b3330e9f664bf9692d398658a'

/** Fixed when Keycloak is built. What is switched off is not used here and would only be there to be attacked. */
const buildOptions = [
  '--db=postgres',
  '--health-enabled=true',
  '--features-disabled=kerberos,ciba,device-flow,par,docker,impersonation,passkeys,web-authn,workflows',
]

/** How a long step tells what it is doing, and lets the caller stop what it started. */
export type Reporter = {
  progress: (text: string) => void
  started: (child: Child) => void
}

/** kc.sh of an unpacked Keycloak, as the first words of a command. */
export function keycloakCommand(home: string): string[] {
  return ['/bin/sh', join(home, 'bin', 'kc.sh')]
}

/** What Keycloak gets of the user's environment: none of its own variables, so that only what is said here configures it. */
export function keycloakEnvironment(java: string, env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const { JAVA_HOME, JAVA_TOOL_OPTIONS } = env
  return { ...baseEnvironment(env), JAVA_HOME, JAVA_TOOL_OPTIONS, JAVA: java }
}

async function hasChecksum(file: string): Promise<boolean> {
  if (!existsSync(file) || statSync(file).size !== zipBytes) return false
  const hash = createHash('sha256')
  await pipeline(createReadStream(file, { highWaterMark: 1 << 20 }), hash)
  return hash.digest('hex') === zipSha256
}

function requireSpace(dir: string): void {
  const { bavail, bsize } = statfsSync(dir)
  const free = Math.floor((bavail * bsize) / 2 ** 20)
  if (free >= 900) return
  throw new SetupError(`Keycloak needs about 900 MB in ${dir} while it is prepared, and ${free} MB are free.
Make room there, or set ELLIPRO_CACHE to a folder on another disk.`)
}

async function fetchWithMaven(cache: string, reporter: Reporter): Promise<string> {
  const mvn = process.env['MVN'] ?? 'mvn'
  if (spawnSync(mvn, ['-v'], { stdio: 'ignore' }).status !== 0)
    throw new SetupError(`Maven is needed once, to fetch Keycloak ${keycloakVersion} (166 MB), and \`${mvn} -v\` fails.
${installHint}
Maven elsewhere: set MVN to its command. Without Maven, one of:
  - put the file ${zipName} into ${cache}
  - set KEYCLOAK_HOME to an unpacked Keycloak ${keycloakVersion}
  - set KEYCLOAK_URL, REALM_ADMIN_USERNAME and REALM_ADMIN_PASSWORD of a Keycloak that runs already`)
  // A repository of its own: the growing file can be watched there, and is deleted afterwards.
  const repository = join(cache, `.maven-${process.pid}`)
  const target = join(repository, 'org', 'keycloak', 'keycloak-quarkus-dist', keycloakVersion)
  mkdirSync(repository, { recursive: true })
  const pom = join(repository, 'pom.xml')
  writeFileSync(
    pom,
    '<project><modelVersion>4.0.0</modelVersion><groupId>ellipro</groupId><artifactId>fetch</artifactId><version>1</version><packaging>pom</packaging></project>',
  )
  const proxy = describeMavenProxy(process.env, join(homedir(), '.m2', 'settings.xml'))
  const settings = join(repository, 'settings.xml')
  if (proxy.settings !== undefined) writeFileSync(settings, proxy.settings, { mode: 0o600 })
  const timer = setInterval(() => {
    if (!existsSync(target)) return reporter.progress('Fetching Keycloak: Maven is starting')
    const sizes = readdirSync(target)
      .filter((name) => name.includes('.zip') && !/\.(sha\d+|md5)$/.test(name))
      .map((name) => statSync(join(target, name), { throwIfNoEntry: false })?.size ?? 0)
    const percent = Math.floor((100 * Math.max(0, ...sizes)) / zipBytes)
    reporter.progress(`Fetching Keycloak ${keycloakVersion}: ${percent} % of 166 MB`)
  }, 500)
  try {
    const child = new Child(
      'Maven',
      [
        [mvn],
        ['-B', '-ntp', '-f', pom, `-Dmaven.repo.local=${repository}`],
        proxy.settings === undefined ? proxy.arguments : ['-gs', settings],
        ['org.apache.maven.plugins:maven-dependency-plugin:3.8.1:get'],
        [`-Dartifact=org.keycloak:keycloak-quarkus-dist:${keycloakVersion}:zip`, '-Dtransitive=false'],
      ].flat(),
      { log: join(cache, 'maven.log') },
    )
    reporter.started(child)
    const code = await child.exited
    if (code !== 0) {
      const reason = /ERROR\].*/.exec(readFileSync(child.log, 'utf8'))?.[0].slice(7) ?? ''
      throw new SetupError(`Maven could not fetch Keycloak ${keycloakVersion} (exit ${code}).
${reason}
All it said: ${child.log}. Behind a proxy: HTTPS_PROXY, or a <proxy> in ~/.m2/settings.xml; a mirror goes there too.
Without Maven: put the file ${zipName} into ${cache}.`)
    }
    const zip = join(cache, zipName)
    if (!(await hasChecksum(join(target, zipName))))
      throw new SetupError(`The Keycloak that Maven fetched is not the one this project trusts (sha256 ${zipSha256}).
It was deleted. Is the mirror in ~/.m2/settings.xml the one you mean?`)
    renameSync(join(target, zipName), zip)
    return zip
  } finally {
    clearInterval(timer)
    rmSync(repository, { recursive: true, force: true })
  }
}

/** An unpacked Keycloak that nothing has changed. @throws SetupError with a way out for each thing that is missing */
async function ensureDistribution(cache: string, reporter: Reporter): Promise<string> {
  const home = join(cache, `keycloak-${keycloakVersion}`)
  if (existsSync(join(home, '.complete'))) return home
  requireSpace(cache)
  const zip = join(cache, zipName)
  const inMaven = join(
    homedir(),
    '.m2/repository/org/keycloak/keycloak-quarkus-dist',
    keycloakVersion,
    zipName,
  )
  if (!(await hasChecksum(zip))) {
    if (await hasChecksum(inMaven)) copyFileSync(inMaven, zip)
    else await fetchWithMaven(cache, reporter)
  }
  reporter.progress('Unpacking Keycloak')
  const temporary = join(cache, `.unpack-${process.pid}`)
  rmSync(temporary, { recursive: true, force: true })
  await unpack(zip, temporary)
  rmSync(home, { recursive: true, force: true })
  renameSync(join(temporary, `keycloak-${keycloakVersion}`), home)
  rmSync(temporary, { recursive: true, force: true })
  writeFileSync(join(home, '.complete'), zipSha256)
  rmSync(zip) // 166 MB that nothing needs any more
  return home
}

/** Version of an unpacked Keycloak of the user's own. @throws SetupError when it is none, or older than ours */
function readVersion(home: string): string {
  const file = join(home, 'version.txt')
  const version = existsSync(file) ? /(\d+\.\d+\.\d+)/.exec(readFileSync(file, 'utf8'))?.[1] : undefined
  if (version === undefined)
    throw new SetupError(`KEYCLOAK_HOME is ${home}, and there is no unpacked Keycloak (no version.txt).`)
  const older = version.localeCompare(keycloakVersion, 'en', { numeric: true }) < 0
  if (older)
    throw new SetupError(`KEYCLOAK_HOME holds Keycloak ${version}; ${keycloakVersion} or later is needed.
Unset KEYCLOAK_HOME to have it fetched.`)
  return version
}

/**
 * A Keycloak built for PostgreSQL, ready for `start --optimized`. Shared by all starts; holds no data.
 * @param java command that runs Java 17 or later
 * @throws SetupError with a way out for each thing that is missing
 */
export async function ensureKeycloak(java: string, reporter: Reporter): Promise<string> {
  const cache = openCache()
  const given = process.env['KEYCLOAK_HOME'] || undefined
  const version = given === undefined ? keycloakVersion : readVersion(given)
  const jars = given === undefined ? [] : readdirSync(join(given, 'providers')).toSorted()
  const sizes = jars.map((name) => `${name}:${statSync(join(given ?? '', 'providers', name)).size}`)
  const key = createHash('sha256')
    .update(JSON.stringify([version, buildOptions, sizes]))
    .digest('hex')
    .slice(0, 10)
  const built = join(cache, `keycloak-${version}-${key}`)
  if (existsSync(join(built, '.complete'))) return built
  const onWait = () => reporter.progress('Another start is preparing Keycloak, waiting')
  return withLock(join(cache, 'keycloak.lock'), onWait, async () => {
    if (existsSync(join(built, '.complete'))) return built
    // what a start that was killed left half done
    for (const name of readdirSync(cache))
      if (/^\.(maven|unpack|build)-\d+$/.test(name))
        rmSync(join(cache, name), { recursive: true, force: true })
    const source = given ?? (await ensureDistribution(cache, reporter))
    const temporary = join(cache, `.build-${process.pid}`)
    rmSync(temporary, { recursive: true, force: true })
    cpSync(source, temporary, { recursive: true, filter: (path) => path !== join(source, 'data') })
    rmSync(join(temporary, '.complete'), { force: true })
    const startedAt = Date.now()
    const child = new Child(
      'the build of Keycloak',
      [...keycloakCommand(temporary), 'build', ...buildOptions],
      { log: join(cache, 'keycloak-build.log'), env: keycloakEnvironment(java, process.env) },
    )
    reporter.started(child)
    const timer = setInterval(() => {
      const seconds = Math.round((Date.now() - startedAt) / 1000)
      reporter.progress(`Building Keycloak for PostgreSQL (once, about half a minute): ${seconds} s`)
    }, 1000)
    const code = await child.exited
    clearInterval(timer)
    if (code !== 0)
      throw new SetupError(`kc.sh build ended with code ${code}: see ${child.log}\n${child.lastLines(5)}`)
    rmSync(built, { recursive: true, force: true })
    renameSync(temporary, built)
    writeFileSync(join(built, '.complete'), buildOptions.join(' '))
    return built
  })
}
