/**
 * `npm start` itself, whole, in a folder and on ports of its own: everything answers; a second start says where the first
 * runs; data outlives Ctrl-C and kill -9; no process is left behind.
 */
import { spawn, type ChildProcess } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { choosePorts, isFree } from '../../dev/ports.ts'

const root = join(import.meta.dirname, '../..')
const dir = mkdtempSync(join(tmpdir(), 'ellipro-start-'))
// below the ports that systems give to outgoing connections
const offset = String(15_000 + (process.pid % 9000))
const ports = choosePorts(offset)
const running: ChildProcess[] = []
afterAll(() => {
  for (const child of running) child.kill('SIGTERM')
  rmSync(dir, { recursive: true, force: true })
})

type Start = { child: ChildProcess; output: () => string; exited: Promise<number | null> }

function start(environment: Record<string, string> = {}): Start {
  const child = spawn(process.execPath, ['launch.mjs', 'dev/main.ts'], {
    cwd: root,
    // its own group, as in a terminal: Ctrl-C reaches all of it
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, ELLIPRO_DATA: dir, PORT_OFFSET: offset, LANG: 'C', LC_ALL: 'C', ...environment },
  })
  running.push(child)
  let text = ''
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (chunk: Buffer) => (text += chunk.toString()))
  return { child, output: () => text, exited: new Promise((done) => child.on('exit', (code) => done(code))) }
}

async function waitUntilRunning({ child, output }: Start): Promise<void> {
  for (const end = Date.now() + 400_000; !output().includes('Ellipro is running');) {
    if (child.exitCode !== null || Date.now() > end) throw new Error(`It did not start:\n${output()}`)
    await new Promise((done) => setTimeout(done, 200))
  }
}

/** What only the processes of this start are told: its folder, or one of its addresses. */
const marks = [dir, `127.0.0.1:${ports.portal}`, `127.0.0.1:${ports.keycloak}`]

/** Processes of this start, by their environment or their command. */
function findProcesses(): string[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid)
    .flatMap((pid) => {
      try {
        const command = readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ')
        const told = command + readFileSync(`/proc/${pid}/environ`, 'utf8')
        return command !== '' && marks.some((mark) => told.includes(mark))
          ? [`${pid} ${command.slice(0, 120)}`]
          : []
      } catch {
        return [] // it ended while we looked
      }
    })
}

async function findSurvivors(): Promise<string[]> {
  for (const end = Date.now() + 25_000; findProcesses().length > 0 && Date.now() < end;)
    await new Promise((done) => setTimeout(done, 100))
  return findProcesses()
}

const pressControlC = ({ child }: Start) => process.kill(-(child.pid ?? 0), 'SIGINT')

describe('npm start', () => {
  let secrets = ''

  test('brings everything up, and prints where it is and who can sign in', async () => {
    const first = start()
    await waitUntilRunning(first)
    for (const port of [ports.portal, ports.secondApplication, ports.inbox])
      expect((await fetch(`http://127.0.0.1:${port}/`, { redirect: 'manual' })).status).toBeLessThan(400)
    const realm = await fetch(`http://127.0.0.1:${ports.keycloak}/realms/ellipro`)
    expect(realm.status).toBe(200)
    expect(first.output()).toContain(`http://127.0.0.1:${ports.portal}`)
    expect(first.output()).toContain('transports.lefevre')
    secrets = readFileSync(join(dir, 'secrets.json'), 'utf8')

    const second = start()
    expect(await second.exited).toBe(1)
    expect(second.output()).toContain('running already')
    expect(second.output()).toContain(`http://127.0.0.1:${ports.portal}`)
    expect((await fetch(`http://127.0.0.1:${ports.inbox}/`)).status).toBe(200)

    pressControlC(first)
    expect(await first.exited).toBe(130)
    expect(await findSurvivors()).toEqual([])
  })

  test('starts again with the same secrets and databases, also right after a kill -9', async () => {
    const killed = start()
    await waitUntilRunning(killed)
    expect(killed.output()).toContain('Migrations applied: 0')
    const { pid } = JSON.parse(readFileSync(join(dir, 'running.json'), 'utf8')) as { pid: number }
    process.kill(pid, 'SIGKILL')
    await killed.exited
    const next = start()
    await waitUntilRunning(next)
    expect(readFileSync(join(dir, 'secrets.json'), 'utf8')).toBe(secrets)
    next.child.kill('SIGTERM')
    expect(await next.exited).toBe(0)
    expect(await findSurvivors()).toEqual([])
  })

  test('names every port that is taken, before it starts anything', async () => {
    const { createServer } = await import('node:net')
    const server = createServer().listen(ports.provider, '127.0.0.1')
    const refused = start()
    expect(await refused.exited).toBe(1)
    expect(refused.output()).toContain(`${ports.provider}  provider`)
    expect(refused.output()).toContain('PORT_OFFSET=100')
    await new Promise((done) => server.close(done))
    expect(await isFree(ports.postgres)).toBe(true)
  })

  test('says how to get Java when there is none, and starts nothing', async () => {
    const refused = start({ JAVA_HOME: '/nowhere', PATH: '/nowhere' })
    expect(await refused.exited).toBe(1)
    expect(refused.output()).toContain('Keycloak needs Java 17 or later')
    expect(refused.output()).toContain('KEYCLOAK_URL')
  })

  test('stops everything, and names the log, when a part ends by itself', async () => {
    const broken = start()
    await waitUntilRunning(broken)
    const java = findProcesses().find((line) => line.includes(' java ') || line.includes('/java '))
    expect(java).toBeDefined()
    process.kill(Number(java?.split(' ')[0]), 'SIGKILL')
    expect(await broken.exited).toBe(1)
    expect(broken.output()).toMatch(/Keycloak ended with code \d+: see .*keycloak\.log/)
    expect(await findSurvivors()).toEqual([])
  })
})
