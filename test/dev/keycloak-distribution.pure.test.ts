/**
 * What `npm start` says when Keycloak cannot be had, and that it keeps nothing it does not trust. Maven is played by a
 * script, because a real one would succeed; the user's own Maven repository is out of sight behind another HOME.
 */
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { ensureKeycloak } from '../../dev/keycloak-distribution.ts'
import { SetupError } from '../../dev/setup-error.ts'

let dir: string
let cache: string

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'ellipro-keycloak-'))
  cache = join(dir, 'cache')
  vi.stubEnv('HOME', dir)
  vi.stubEnv('ELLIPRO_CACHE', cache)
  vi.stubEnv('KEYCLOAK_HOME', '')
  vi.stubEnv('MVN', join(dir, 'mvn'))
})
afterEach(() => {
  vi.unstubAllEnvs()
  rmSync(dir, { recursive: true, force: true })
})

/** Maven, as far as this project asks it: `-v`, and then this. */
function playMaven(script: string): void {
  const file = join(dir, 'mvn')
  writeFileSync(file, `#!/bin/sh\n[ "$1" = -v ] && exit 0\n${script}\n`)
  chmodSync(file, 0o755)
}

/** KEYCLOAK_HOME, an unpacked Keycloak as far as its version goes. */
function give(version?: string): void {
  const home = join(dir, 'own-keycloak')
  mkdirSync(join(home, 'providers'), { recursive: true })
  if (version !== undefined) writeFileSync(join(home, 'version.txt'), `Keycloak - Version ${version}\n`)
  vi.stubEnv('KEYCLOAK_HOME', home)
}

async function refusal(): Promise<SetupError> {
  const nobody = { progress: () => {}, started: () => {} }
  const error: unknown = await ensureKeycloak('java', nobody).catch((e: unknown) => e)
  expect(error).toBeInstanceOf(SetupError)
  return error as SetupError
}

/** What a refused start leaves in the cache, but for logs. */
const kept = () => readdirSync(cache).filter((name) => !/\.log(\.previous)?$/.test(name))

describe('without a Keycloak in the cache', () => {
  test('a missing Maven is named, with every way out', async () => {
    const { message } = await refusal()
    for (const way of ['Maven is needed once', 'KEYCLOAK_HOME', 'KEYCLOAK_URL', 'MVN', cache])
      expect(message).toContain(way)
    expect(kept()).toEqual([])
  })

  test('a Maven that fails is quoted, and what it had fetched is cleared away', async () => {
    playMaven('echo "[ERROR] Could not transfer artifact: Connection refused"; exit 1')
    const { message } = await refusal()
    expect(message).toContain('Could not transfer artifact: Connection refused')
    expect(message).toContain('HTTPS_PROXY')
    expect(kept()).toEqual([])
  })

  test('a file with another checksum is not kept, and never unpacked', async () => {
    // The right name, place and size: only the content is somebody else's.
    playMaven(`for word; do case $word in -Dmaven.repo.local=*) repository=\${word#*=};; esac; done
target=$repository/org/keycloak/keycloak-quarkus-dist/26.7.5
mkdir -p $target
truncate -s 173570586 $target/keycloak-quarkus-dist-26.7.5.zip`)
    expect((await refusal()).message).toContain('is not the one this project trusts')
    expect(kept()).toEqual([])
  })

  test('what an interrupted fetch and an interrupted build left behind is cleared away', async () => {
    for (const name of ['.maven-4242', '.unpack-4242', '.build-4242'])
      mkdirSync(join(cache, name), { recursive: true })
    await refusal()
    expect(kept()).toEqual([])
  })

  test('a half-copied zip in the cache is fetched again', async () => {
    mkdirSync(cache, { recursive: true })
    writeFileSync(join(cache, 'keycloak-quarkus-dist-26.7.5.zip'), 'half')
    playMaven('touch "$HOME/asked"; exit 1')
    await refusal()
    expect(existsSync(join(dir, 'asked'))).toBe(true)
  })
})

describe('with KEYCLOAK_HOME', () => {
  test('a folder that holds none is named', async () => {
    give()
    expect((await refusal()).message).toContain('there is no unpacked Keycloak')
  })

  test('an older version is refused, whatever its digits look like as text', async () => {
    give('26.7.4')
    expect((await refusal()).message).toContain('26.7.5 or later is needed')
    give('9.0.0')
    expect((await refusal()).message).toContain('26.7.5 or later is needed')
  })

  test('a newer one is taken as it is, and Maven is not asked', async () => {
    give('26.10.1')
    playMaven('touch "$HOME/asked"; exit 1')
    // Its kc.sh is missing here: the build is the first thing that fails.
    expect((await refusal()).message).toContain('kc.sh build ended')
    expect(existsSync(join(dir, 'asked'))).toBe(false)
  })
})
