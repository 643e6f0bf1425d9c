/**
 * Part `start`, only when asked for: how long `npm start` takes in a fresh clone, and the second time. The clone, its
 * data, its packages and its built Keycloak are in a temporary folder; what npm and Maven have fetched for this user
 * before is used, as it would be by a developer who clones again.
 */
import { spawn, spawnSync, type ChildProcess } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { PartResult } from './parts.ts'
import { median, round } from './statistics.ts'

const root = join(import.meta.dirname, '..')
const portOffset = String(15_000 + (process.pid % 9000))

/** @param repetitions of the second start; the cold one is done once */
export async function benchStart(repetitions: number): Promise<PartResult> {
  const dir = mkdtempSync(join(tmpdir(), 'ellipro-bench-start-'))
  const clone = join(dir, 'clone')
  try {
    const cloned = spawnSync('git', ['clone', '--quiet', root, clone])
    if (cloned.status !== 0) throw new Error(`git clone: ${cloned.stderr.toString()}`)
    const cold = await timeStart(clone, dir)
    const second: number[] = []
    for (let i = 0; i < repetitions; i++) second.push(await timeStart(clone, dir))
    return {
      results: [],
      tables: {
        start: {
          columns: ['npm start', 'seconds'],
          rows: [
            ['in a fresh clone (npm ci, Keycloak unpacked and built, databases and realm made)', round(cold)],
            ['the second time (median)', round(median(second))],
          ],
        },
      },
    }
  } finally {
    rmSync(dir, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 })
  }
}

/** @returns seconds until it says that everything runs; it is stopped then */
async function timeStart(clone: string, dir: string): Promise<number> {
  const startedAt = performance.now()
  const child = spawn('npm', ['start'], {
    cwd: clone,
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: {
      ...process.env,
      ELLIPRO_CACHE: join(dir, 'cache'),
      ELLIPRO_DATA: join(dir, 'data'),
      PORT_OFFSET: portOffset,
      LANG: 'C',
      LC_ALL: 'C',
    },
  })
  let output = ''
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (chunk: Buffer) => (output += chunk.toString()))
  try {
    while (!output.includes('Ellipro is running')) {
      if (child.exitCode !== null || performance.now() - startedAt > 600_000)
        throw new Error(`npm start did not start:\n${output}`)
      await sleep(20)
    }
    return (performance.now() - startedAt) / 1000
  } finally {
    await interrupt(child)
  }
}

/** Ctrl-C. */
async function interrupt(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.pid === undefined) return
  const ended = new Promise((done) => child.once('exit', done))
  process.kill(-child.pid, 'SIGINT')
  await ended
}
