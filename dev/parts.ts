/** The processes and servers of one start: what ends them, in which order, and what happens when one ends by itself. */
import { existsSync, readFileSync } from 'node:fs'
import type { Child } from './child.ts'
import { SetupError } from './setup-error.ts'

const isDatabase = (child: Child) => child.name === 'PostgreSQL'

export class Parts {
  readonly #children: Child[] = []
  readonly #closers: (() => Promise<void>)[] = []
  readonly #ended: (reason: string) => void
  #stopping: Promise<void> | undefined

  /** @param onEnd called once when a part that should run on has ended, with the reason */
  constructor(onEnd: (reason: string) => void) {
    this.#ended = onEnd
  }

  get isStopping(): boolean {
    return this.#stopping !== undefined
  }

  /** Something that is stopped with the others, and may end before (a build, a fetch). */
  add(child: Child): void {
    this.#children.push(child)
    if (this.isStopping) void child.stop() // began while we were told to stop
  }

  addCloser(close: () => Promise<void>): void {
    this.#closers.push(close)
  }

  /** A part that must run on: when it ends, everything stops. */
  keep(child: Child): void {
    this.add(child)
    void this.#watch(child)
  }

  async #watch(child: Child): Promise<void> {
    const code = await child.exited
    if (this.isStopping) return
    this.#ended(`${child.name} ended with code ${code}: see ${child.log}\n${child.lastLines(8)}`)
  }

  /** Stops all, PostgreSQL last, so that nobody loses the database before having finished with it. */
  stop(): Promise<void> {
    this.#stopping ??= (async () => {
      await Promise.all([
        ...this.#children.filter((child) => !isDatabase(child)).map((child) => child.stop()),
        ...this.#closers.map((close) => close()),
      ])
      await Promise.all(this.#children.filter(isDatabase).map((child) => child.stop()))
    })()
    return this.#stopping
  }
}

/**
 * Runs a command of ours to its end.
 * @returns what it printed
 * @throws SetupError with its last lines when it fails
 */
export async function runToEnd(child: Child): Promise<string> {
  const code = await child.exited
  if (code !== 0)
    throw new SetupError(`${child.name} failed (code ${code}): see ${child.log}\n${child.lastLines(25)}`)
  return existsSync(child.log) ? readFileSync(child.log, 'utf8') : ''
}

/**
 * Waits until a server of ours answers this address with anything but a failure of its own.
 * @throws SetupError when its process ends, or after a minute
 */
export async function waitForAnswer(url: string, child: Child): Promise<void> {
  for (const end = Date.now() + 60_000; ;) {
    try {
      const { status } = await fetch(url, { redirect: 'manual', signal: AbortSignal.timeout(2000) })
      if (status < 500) return
    } catch {
      // not listening yet
    }
    if (child.hasEnded || Date.now() > end)
      throw new SetupError(`${child.name} does not answer at ${url}: see ${child.log}\n${child.lastLines()}`)
    await new Promise((done) => setTimeout(done, 60))
  }
}
