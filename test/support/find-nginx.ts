/**
 * Finds the nginx of the test behind a proxy: NGINX_PATH, an installed one, else Debian's package, fetched once and
 * unpacked into the cache. Nothing is installed and no service is started: the program runs from where it lies.
 */
import { spawnSync } from 'node:child_process'
import { existsSync, globSync, mkdirSync, renameSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { openCache } from '../../dev/cache.ts'
import { SetupError } from '../../dev/setup-error.ts'

const installedPlaces = ['/usr/sbin/nginx', '/usr/local/bin/nginx', '/opt/homebrew/bin/nginx']

/**
 * @returns path of the program; undefined when there is none and none could be fetched
 * @throws SetupError when NGINX_PATH names no file
 */
export function findNginx(): string | undefined {
  const given = process.env['NGINX_PATH']
  if (given) {
    if (!existsSync(given)) throw new SetupError(`NGINX_PATH names no file: ${given}`)
    return given
  }
  const unpacked = join(openCache(), 'nginx-debian')
  const places = [...installedPlaces, join(unpacked, 'usr', 'sbin', 'nginx')]
  if (!places.some(existsSync)) unpackPackage(unpacked)
  return places.find((file) => existsSync(file) && runs(file))
}

/** Its libraries are those of the system: another Debian's program may not find them. */
const runs = (file: string) => spawnSync(file, ['-v'], { stdio: 'ignore' }).status === 0

/** Leaves nothing behind when it does not succeed; the caller looks. */
function unpackPackage(dir: string): void {
  const temporary = `${dir}.${process.pid}`
  mkdirSync(temporary, { recursive: true })
  const run = (command: string, ...words: string[]) =>
    spawnSync(command, words, { cwd: temporary, stdio: 'ignore', timeout: 60_000 }).status === 0
  const download = () => run('apt-get', 'download', '-qq', 'nginx')
  try {
    // The lists of a fresh container are empty; only root may fill them.
    if (!download() && !(run('apt-get', 'update', '-qq') && download())) return
    const [file] = globSync('*.deb', { cwd: temporary })
    if (file === undefined || !run('dpkg-deb', '-x', file, 'root')) return
    rmSync(dir, { recursive: true, force: true })
    renameSync(join(temporary, 'root'), dir)
  } finally {
    rmSync(temporary, { recursive: true, force: true })
  }
}
