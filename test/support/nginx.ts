/** The proxy of docs/nginx.conf for one test file, at addresses of the test and without TLS. */
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll } from 'vitest'
import { Child } from '../../dev/child.ts'
import { baseEnvironment, placeUrl, type Place } from '../../dev/environment.ts'
import { findNginx } from './find-nginx.ts'

const file = join(import.meta.dirname, '..', '..', 'docs', 'nginx.conf')

/** Which replica answered each request, in order: `host:port`, or several when the first could not. */
export type Proxy = { answeredBy: () => string[] }

/** Replaces every occurrence. @throws Error when there is none: the file has changed, and so must this */
function exchange(text: string, pattern: RegExp, by: string): string {
  const changed = text.replaceAll(pattern, by)
  if (changed === text) throw new Error(`docs/nginx.conf has nothing like ${pattern}`)
  return changed
}

/** Call it at the top of the test file; it ends with the file. */
export async function startNginx(listen: Place, replicas: readonly [Place, Place]): Promise<Proxy> {
  const nginx = findNginx()
  if (nginx === undefined)
    throw new Error('No nginx on this machine: test/run.ts should have skipped this suite')
  const dir = mkdtempSync(join(tmpdir(), 'ellipro-nginx-'))
  chmodSync(dir, 0o711) // its workers are `nobody` when root starts it
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
  for (const name of temporary) mkdirSync(join(dir, name))
  const log = join(dir, 'access.log')
  let text = readFileSync(file, 'utf8')
  const [first, second] = replicas.map(({ host, port }) => `${host}:${port}`)
  text = exchange(text, /10\.0\.0\.11:4000/g, first ?? '')
  text = exchange(text, /10\.0\.0\.12:4000/g, second ?? '')
  text = exchange(text, /listen 443 ssl;/g, `listen ${listen.host}:${listen.port};`)
  text = exchange(text, /^ *ssl_.*$/gm, '')
  text = exchange(text, /\/var\/log\/nginx\/ellipro\.log/g, log)
  // Where the package would write; the folders are the installation's, not the example's.
  text = exchange(
    text,
    /^http \{$/gm,
    `http {\n${temporary.map((name) => `${name}_temp_path ${dir}/${name};`).join('\n')}`,
  )
  // One worker: two would each begin with the first replica.
  text = exchange(text, /worker_processes auto;/g, 'worker_processes 1;')
  const config = join(dir, 'nginx.conf')
  writeFileSync(config, text)
  const child = new Child(
    'nginx',
    [nginx, '-p', dir, '-c', config, '-e', 'stderr', '-g', `daemon off; pid ${dir}/nginx.pid;`],
    { log: join(dir, 'nginx.log'), env: baseEnvironment(process.env), cwd: dir },
  )
  afterAll(async () => {
    await child.stop(2_000)
    rmSync(dir, { recursive: true, force: true })
  })
  for (const end = Date.now() + 10_000; !(await answers(placeUrl(listen)));) {
    if (child.hasEnded || Date.now() > end) throw new Error(`nginx did not start:\n${child.lastLines()}`)
    await sleep(50)
  }
  return {
    answeredBy: () =>
      readFileSync(log, 'utf8')
        .trimEnd()
        .split('\n')
        .map((line) => line.split(' ').slice(6).join(' ')),
  }
}

async function answers(url: string): Promise<boolean> {
  try {
    await fetch(`${url}/health/live`, { signal: AbortSignal.timeout(1_000) })
    return true
  } catch {
    return false
  }
}
