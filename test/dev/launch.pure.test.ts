/** launch.mjs in a folder of its own, with a script in npm's place that only notes that it was called. */
import { spawn } from 'node:child_process'
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'

let dir = ''
const path = (name: string) => join(dir, name)
const lock = (version: string) =>
  JSON.stringify({
    packages: {
      '': { name: 'x' },
      'node_modules/a': { version, integrity: `sha512-${version}` },
      'node_modules/for-another-system': { version: '1.0.0', optional: true },
    },
  })

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'ellipro-launch-'))
  copyFileSync(join(import.meta.dirname, '../../launch.mjs'), path('launch.mjs'))
  writeFileSync(path('package-lock.json'), lock('1.0.0'))
  writeFileSync(
    path('target.mjs'),
    `console.log('ran', process.argv.slice(2).join(' ')); process.exitCode = 3`,
  )
  // What npm ci does, as far as launch.mjs can tell; the optional package of another system stays away.
  writeFileSync(
    path('npm.js'),
    `const fs = require('node:fs')
fs.appendFileSync('calls', process.argv[2] + '\\n')
Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 300)
if (fs.existsSync('broken')) process.exit(1)
const lock = JSON.parse(fs.readFileSync('package-lock.json', 'utf8'))
delete lock.packages['']
delete lock.packages['node_modules/for-another-system']
fs.mkdirSync('node_modules', { recursive: true })
fs.writeFileSync('node_modules/.package-lock.json', JSON.stringify(lock))`,
  )
})
afterEach(() => rmSync(dir, { recursive: true }))

function launch(...words: string[]): Promise<{ code: number | null; output: string }> {
  const child = spawn(process.execPath, [path('launch.mjs'), ...words], {
    env: { ...process.env, npm_execpath: path('npm.js'), ELLIPRO_DATA: path('var') },
  })
  let output = ''
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (chunk: Buffer) => (output += chunk.toString()))
  return new Promise((done) => child.on('close', (code) => done({ code, output })))
}
const calls = () =>
  existsSync(path('calls')) ? readFileSync(path('calls'), 'utf8').trim().split('\n').length : 0

describe('launch.mjs', () => {
  test('installs what is missing once, and passes on arguments and exit code', async () => {
    expect(await launch('target.mjs', 'one', 'two')).toMatchObject({
      code: 3,
      output: expect.stringContaining('ran one two') as string,
    })
    expect(await launch('target.mjs')).toMatchObject({ code: 3 })
    expect(calls()).toBe(1)
  })

  test('installs once for two commands that start together', async () => {
    const both = await Promise.all([launch('target.mjs'), launch('target.mjs')])
    expect(both.map(({ code }) => code)).toEqual([3, 3])
    expect(calls()).toBe(1)
  })

  test('installs again when a version of the lock file changed', async () => {
    await launch('target.mjs')
    writeFileSync(path('package-lock.json'), lock('1.0.1'))
    expect((await launch('target.mjs')).output).toContain('package-lock.json changed')
    expect(calls()).toBe(2)
  })

  test('takes over the lock of an installation that was killed', async () => {
    mkdirSync(path('var'))
    writeFileSync(path('var/npm-ci.lock'), '999999999')
    expect(await launch('target.mjs')).toMatchObject({ code: 3 })
    expect(existsSync(path('var/npm-ci.lock'))).toBe(false)
  })

  test('runs nothing when npm ci fails, and tries again the next time', async () => {
    writeFileSync(path('broken'), '')
    const failed = await launch('target.mjs')
    expect(failed.code).toBe(1)
    expect(failed.output).toContain('Nothing was started')
    expect(failed.output).not.toContain('ran')
    rmSync(path('broken'))
    expect(await launch('target.mjs')).toMatchObject({ code: 3 })
  })

  test('does not change packages under a running npm start', async () => {
    await launch('target.mjs')
    writeFileSync(path('package-lock.json'), lock('1.0.1'))
    mkdirSync(path('var'), { recursive: true })
    writeFileSync(path('var/running.json'), JSON.stringify({ pid: process.pid }))
    const refused = await launch('target.mjs')
    expect(refused.code).toBe(1)
    expect(refused.output).toContain('still running')
    expect(calls()).toBe(1)
  })
})
