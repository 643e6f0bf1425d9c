/** var/running.json: tells a second start of the same clone, and `npm ci`, that one is running, and where. */
import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { isAlive } from './lock.ts'
import { SetupError } from './setup-error.ts'

type Mark = { pid: number; startedAt: string; processStart: string | undefined; addresses: string[] }

/** When a process began, as Linux counts: an id that was given to another program since does not fool anybody. */
function readProcessStart(pid: number): string | undefined {
  try {
    return readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ')[19]
  } catch {
    return undefined
  }
}

function readMark(file: string): Mark | undefined {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as Mark
  } catch {
    return undefined
  }
}

/**
 * Marks this clone as running.
 * @returns whether a start before ended without removing its mark (it was killed)
 * @throws SetupError when another start of this clone runs, with its addresses
 */
export function markRunning(file: string, addresses: string[]): { formerWasKilled: boolean } {
  const former = readMark(file)
  if (former && isAlive(former.pid) && readProcessStart(former.pid) === former.processStart)
    throw new SetupError(`This clone is running already, since ${former.startedAt} (process ${former.pid}):
${former.addresses.map((line) => `  ${line}`).join('\n')}
Stop it with Ctrl-C in its terminal, or \`kill ${former.pid}\`.`)
  const mark: Mark = {
    pid: process.pid,
    startedAt: new Date().toISOString(),
    processStart: readProcessStart(process.pid),
    addresses,
  }
  writeFileSync(file, `${JSON.stringify(mark, undefined, 2)}\n`)
  return { formerWasKilled: former !== undefined }
}

/** Removes the mark, when it is this process's. */
export function unmarkRunning(file: string): void {
  if (readMark(file)?.pid === process.pid) rmSync(file, { force: true })
}
