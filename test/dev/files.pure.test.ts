/** What a start keeps in its folder: secrets, the mark that it runs, and the lock on the shared cache. */
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { withLock } from '../../dev/lock.ts'
import { markRunning, unmarkRunning } from '../../dev/running.ts'
import { openSecrets } from '../../dev/secrets.ts'

let dir = ''
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'ellipro-files-'))
})
afterEach(() => rmSync(dir, { recursive: true }))

/** The id of a process that has ended. */
const deadPid = () => spawnSync(process.execPath, ['-e', '']).pid

describe('secrets', () => {
  test('are the same at the second start, and readable by their owner only', () => {
    const file = join(dir, 'secrets.json')
    const secrets = openSecrets(file)
    expect(openSecrets(file)).toEqual(secrets)
    expect(statSync(file).mode & 0o777).toBe(0o600)
    expect(new Set(Object.values(secrets)).size).toBe(Object.keys(secrets).length)
  })

  test('gain what a later release needs, and keep the rest', () => {
    const file = join(dir, 'secrets.json')
    const { linkKey, ...older } = openSecrets(file)
    writeFileSync(file, JSON.stringify(older))
    const newer = openSecrets(file)
    expect(newer).toMatchObject(older)
    expect(newer.linkKey).not.toBe(linkKey)
  })

  test('that cannot be read stop the start: they are never replaced', () => {
    const file = join(dir, 'secrets.json')
    writeFileSync(file, '{ broken')
    expect(() => openSecrets(file)).toThrow(/cannot be read/)
    expect(readFileSync(file, 'utf8')).toBe('{ broken')
  })
})

describe('the mark of a running start', () => {
  test('makes a second start say where the first runs', () => {
    const file = join(dir, 'running.json')
    expect(markRunning(file, ['portal  http://127.0.0.1:3000'])).toEqual({ formerWasKilled: false })
    expect(() => markRunning(file, [])).toThrow(/running already[\s\S]*http:\/\/127\.0\.0\.1:3000/)
    unmarkRunning(file)
    expect(markRunning(file, [])).toEqual({ formerWasKilled: false })
  })

  test('of a killed start is taken over', () => {
    const file = join(dir, 'running.json')
    markRunning(file, [])
    writeFileSync(file, readFileSync(file, 'utf8').replace(String(process.pid), String(deadPid())))
    expect(markRunning(file, [])).toEqual({ formerWasKilled: true })
  })
})

describe('a lock', () => {
  test('lets one in at a time, and says once that the other waits', async () => {
    const file = join(dir, 'cache.lock')
    const events: string[] = []
    const enter = (name: string) =>
      withLock(
        file,
        () => events.push(`${name} waits`),
        async () => {
          events.push(`${name} in`)
          await new Promise((done) => setTimeout(done, 50))
          events.push(`${name} out`)
        },
      )
    await Promise.all([enter('a'), enter('b')])
    expect(events).toEqual(['a in', 'b waits', 'a out', 'b in', 'b out'])
  })

  test('of a process that was killed is taken over', async () => {
    const file = join(dir, 'cache.lock')
    writeFileSync(file, String(deadPid()))
    expect(
      await withLock(
        file,
        () => {},
        () => Promise.resolve('mine'),
      ),
    ).toBe('mine')
  })
})
