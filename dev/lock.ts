/** One process at a time, among all starts of this user: used while the shared cache is being filled. */
import { randomUUID } from 'node:crypto'
import { linkSync, readFileSync, rmSync, writeFileSync } from 'node:fs'

/** Whether a process with this id exists (also when it belongs to somebody else). */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}

function readOwner(file: string): number {
  try {
    return Number(readFileSync(file, 'utf8'))
  } catch {
    return NaN
  }
}

/**
 * Runs `work` while holding the lock `file`, which holds the owner's process id. The lock of a process that was killed is
 * taken over. `onWait` is called once when another process holds it.
 */
export async function withLock<T>(file: string, onWait: () => void, work: () => Promise<T>): Promise<T> {
  const mine = `${file}.${randomUUID()}`
  writeFileSync(mine, String(process.pid))
  try {
    for (let told = false; ;) {
      try {
        linkSync(mine, file) // atomic: the lock is never seen without its owner
        break
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
      }
      const owner = readOwner(file)
      if (owner && !isAlive(owner)) rmSync(file, { force: true })
      else {
        if (!told) onWait()
        told = true
        await new Promise((done) => setTimeout(done, 300))
      }
    }
  } finally {
    rmSync(mine, { force: true })
  }
  try {
    return await work()
  } finally {
    rmSync(file, { force: true })
  }
}
