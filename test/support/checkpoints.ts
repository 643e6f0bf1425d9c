/** The test's side of test/support/entries/checkpoints.ts: asks a process to wait at a checkpoint, and lets it go on. */
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll } from 'vitest'

export type Checkpoints = {
  /** For the environment of the processes: CHECKPOINTS. */
  folder: string
  /** The next to come to the checkpoint waits there, over all processes. */
  hold: (name: string) => void
  isHeld: (name: string) => boolean
  /** Lets whoever waits go on; nobody waits there from now on. */
  release: (name: string) => void
}

/** Call it at the top of the test file. */
export function createCheckpoints(): Checkpoints {
  const folder = mkdtempSync(join(tmpdir(), 'ellipro-checkpoints-'))
  afterAll(() => rmSync(folder, { recursive: true, force: true }))
  const held = (name: string) => join(folder, `${name}.held`)
  return {
    folder,
    hold: (name) => writeFileSync(join(folder, name), ''),
    isHeld: (name) => existsSync(held(name)),
    release: (name) => {
      rmSync(join(folder, name), { force: true })
      rmSync(held(name), { force: true })
    },
  }
}

/** @param what for the message of the error after `timeoutMs` */
export async function until(
  what: string,
  condition: () => boolean | Promise<boolean>,
  timeoutMs = 60_000,
): Promise<void> {
  for (const end = Date.now() + timeoutMs; !(await condition()); await sleep(25))
    if (Date.now() > end) throw new Error(`It does not happen: ${what}`)
}
