/**
 * Programs that run beside this process: PostgreSQL, Keycloak, provider, admin-sync, the demonstration applications.
 *
 * Each one gets a process group of its own, so that Ctrl-C in the terminal reaches only this process, which then stops
 * them in order. It runs under guard.sh: it ends when this process ends, whatever ended it.
 */
import { spawn, type ChildProcess } from 'node:child_process'
import { closeSync, mkdirSync, openSync, readFileSync, renameSync } from 'node:fs'
import { constants } from 'node:os'
import { dirname, join } from 'node:path'

export type ChildOptions = {
  /** File for everything it prints; the file of the start before is kept as `<log>.previous`. */
  log: string
  /** What asks it to stop; default TERM. */
  signal?: 'INT' | 'TERM'
  /** Its whole environment; default is this process's own. */
  env?: NodeJS.ProcessEnv
  cwd?: string
  /** Other account to run under (only root may). */
  account?: { uid: number; gid: number }
}

export class Child {
  readonly name: string
  readonly log: string
  /** Exit code; 127 when it could not be started, 128 + n when a signal ended it. Never rejects. */
  readonly exited: Promise<number>
  readonly #process: ChildProcess
  #ended = false

  constructor(name: string, command: string[], options: ChildOptions) {
    this.name = name
    this.log = options.log
    mkdirSync(dirname(options.log), { recursive: true })
    try {
      renameSync(options.log, `${options.log}.previous`)
    } catch {
      // first start: nothing to keep
    }
    const guard = ['/bin/sh', '-c', readFileSync(join(import.meta.dirname, 'guard.sh'), 'utf8'), 'guard.sh']
    const [file = '', ...args] = [...guard, options.signal ?? 'TERM', ...command]
    const log = openSync(options.log, 'a', 0o600)
    this.#process = spawn(file, args, {
      detached: true,
      stdio: ['ignore', log, log, 'pipe'],
      env: options.env ?? process.env,
      ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
      ...options.account,
    })
    closeSync(log)
    this.exited = new Promise((resolve) => {
      const end = (code: number) => {
        this.#ended = true
        this.kill() // what it left behind, and that did not go when asked
        resolve(code)
      }
      this.#process.on('error', () => end(127))
      this.#process.on('exit', (code, signal) => end(code ?? 128 + (signal ? constants.signals[signal] : 0)))
    })
  }

  get pid(): number | undefined {
    return this.#process.pid
  }

  get hasEnded(): boolean {
    return this.#ended
  }

  /** The last lines it printed, those that speak of an error when there are any: for the message that says why it ended. */
  lastLines(count = 15): string {
    const lines = readFileSync(this.log, 'utf8').trimEnd().split('\n').slice(-200)
    const errors = lines.filter((line) => /\b(ERROR|FATAL|Error:)/.test(line))
    return (errors.length > 0 ? errors : lines).slice(-count).join('\n')
  }

  /** Asks it to stop and waits; kills its whole group after `graceMs`. */
  async stop(graceMs = 15_000): Promise<void> {
    const { pid } = this.#process
    if (pid === undefined || this.#ended) return
    this.#process.kill('SIGTERM')
    const timer = setTimeout(() => this.kill(), graceMs)
    await this.exited
    clearTimeout(timer)
  }

  /** Kills it and all it started, at once. */
  kill(): void {
    const { pid } = this.#process
    if (pid === undefined) return
    try {
      process.kill(-pid, 'SIGKILL')
    } catch {
      // nobody is left
    }
  }
}
