/** Nothing that we start outlives us: by a signal, by kill -9, through launch.mjs or not. */
import { spawn, type ChildProcess } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test, vi } from 'vitest'
import { Child } from '../../dev/child.ts'
import { isAlive } from '../../dev/lock.ts'

const root = join(import.meta.dirname, '../..')
const dir = mkdtempSync(join(tmpdir(), 'ellipro-child-'))
const started: ChildProcess[] = []
afterAll(() => {
  for (const process of started.splice(0)) process.kill('SIGKILL')
  rmSync(dir, { recursive: true })
})

/** The ids of the fixture's own child (a guard) and grandchild, once they run. */
async function readIds(parent: ChildProcess, log: string): Promise<{ child: number; grandchild: number }> {
  started.push(parent)
  let text = ''
  parent.stdout?.on('data', (chunk: Buffer) => (text += chunk.toString()))
  const child = await vi.waitFor(() => Number(/ready (\d+)/.exec(text)![1]), 8000)
  const grandchild = await vi.waitFor(
    () => Number(/grandchild (\d+)/.exec(readFileSync(log, 'utf8'))![1]),
    8000,
  )
  return { child, grandchild }
}

/** Waits for their end. @returns those that are still there after a while */
async function findSurvivors(...pids: number[]): Promise<number[]> {
  const alive = () => pids.filter((pid) => isAlive(pid))
  for (const end = Date.now() + 5000; alive().length > 0 && Date.now() < end;)
    await new Promise((done) => setTimeout(done, 20))
  return alive()
}

// They wait most of the time: together they take as long as the slowest.
describe.concurrent('a child process', () => {
  test.each(['SIGTERM', 'SIGKILL'] as const)(
    'goes, with its own children, when its parent gets %s',
    async (signal) => {
      const log = join(dir, `${signal}.log`)
      const parent = spawn(process.execPath, [join(import.meta.dirname, 'fixtures/parent.ts'), log])
      const { child, grandchild } = await readIds(parent, log)
      expect([child, grandchild].every((pid) => isAlive(pid))).toBe(true)
      parent.kill(signal)
      expect(await findSurvivors(child, grandchild)).toEqual([])
    },
  )

  test.each(['SIGINT', 'SIGTERM', 'SIGKILL'] as const)(
    'goes when launch.mjs above it gets %s',
    async (signal) => {
      const log = join(dir, `launch-${signal}.log`)
      const launcher = spawn(process.execPath, ['launch.mjs', 'test/dev/fixtures/parent.ts', log], {
        cwd: root,
      })
      const { child, grandchild } = await readIds(launcher, log)
      launcher.kill(signal)
      expect(await findSurvivors(child, grandchild)).toEqual([])
    },
  )

  test('goes when npm, above launch.mjs, is killed', async () => {
    const log = join(dir, 'npm.log')
    const npm = spawn(
      '/bin/sh',
      ['-c', `"$0" launch.mjs test/dev/fixtures/parent.ts "$1"; :`, process.execPath, log],
      { cwd: root },
    )
    const { child, grandchild } = await readIds(npm, log)
    npm.kill('SIGKILL')
    expect(await findSurvivors(child, grandchild)).toEqual([])
  })

  test('that ignores the request to stop is killed after the grace', async () => {
    const child = new Child(
      'stubborn',
      ['/bin/sh', '-c', 'trap "" TERM; echo up; while :; do sleep 0.05; done'],
      {
        log: join(dir, 'stubborn.log'),
      },
    )
    await vi.waitFor(() => expect(child.lastLines()).toBe('up'))
    await child.stop(200)
    expect(child.hasEnded).toBe(true)
    expect(await findSurvivors(child.pid ?? 0)).toEqual([])
  })

  test('reports its exit code, keeps what it printed, and what it printed the time before', async () => {
    const log = join(dir, 'code.log')
    const run = (text: string) => new Child('speaker', ['/bin/sh', '-c', `echo ${text}; exit 7`], { log })
    expect(await run('first').exited).toBe(7)
    const second = run('second')
    expect(await second.exited).toBe(7)
    expect(second.lastLines()).toBe('second')
    expect(readFileSync(`${log}.previous`, 'utf8')).toBe('first\n')
  })
})
