/** Under which account the embedded PostgreSQL runs: it refuses root, and containers often have nothing else. */
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import {
  cpSync,
  existsSync,
  lchownSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  renameSync,
  rmSync,
} from 'node:fs'
import { join } from 'node:path'
import { SetupError } from './setup-error.ts'

export type Account = {
  /** Words before each command. */
  prefix: string[]
  /** Account to switch to; undefined: stay. */
  ids: { uid: number; gid: number } | undefined
  /** Folder for the data, and folder of the programs: elsewhere when the account cannot reach the usual ones. */
  dir: string
  native: string
}

const nobody = { uid: 65534, gid: 65534 }
const namespace = ['unshare', '--user', '--map-user=1000', '--map-group=1000']

function canRun(command: string[], ids?: { uid: number; gid: number }): boolean {
  const [file = '', ...args] = command
  return spawnSync(file, args, { stdio: 'ignore', cwd: '/', ...ids }).status === 0
}

const hash = (path: string) => createHash('sha256').update(path).digest('hex').slice(0, 12)

/** Everybody may write in /var/tmp: what another user put there under our name is not used. */
function refuseForeign(path: string, owners: number[]): void {
  const found = lstatSync(path, { throwIfNoEntry: false })
  if (!found || (found.isDirectory() && owners.includes(found.uid))) return
  throw new SetupError(`${path} is there and belongs to another user. Remove it, then try again.`)
}

/**
 * @param native folder of the PostgreSQL programs
 * @param dir existing folder meant for the data
 */
export function chooseAccount(native: string, dir: string): Account {
  if (process.getuid?.() !== 0) return { prefix: [], ids: undefined, dir, native }
  if (canRun([...namespace, 'true'])) return { prefix: namespace, ids: undefined, dir, native }
  const account: Account = { prefix: [], ids: nobody, dir, native }
  const elsewhere = '/var/tmp'
  if (!canRun([join(native, 'bin', 'postgres'), '--version'], nobody)) {
    account.native = join(elsewhere, `ellipro-${hash(native)}-programs`)
    refuseForeign(account.native, [0])
    if (!existsSync(account.native)) {
      const half = `${account.native}.${process.pid}`
      cpSync(native, half, { recursive: true, verbatimSymlinks: true })
      try {
        renameSync(half, account.native)
      } catch {
        rmSync(half, { recursive: true, force: true }) // another start was first
      }
    }
  }
  if (!canRun(['/bin/sh', '-c', 'cd "$0"', dir], nobody)) {
    account.dir = join(elsewhere, `ellipro-${hash(dir)}-data`)
    refuseForeign(account.dir, [0, nobody.uid])
  }
  return account
}

function chownAll(path: string, ids: { uid: number; gid: number }): void {
  lchownSync(path, ids.uid, ids.gid)
  if (!lstatSync(path).isDirectory()) return
  for (const name of readdirSync(path)) chownAll(join(path, name), ids)
}

/** Makes the data folder and gives it, with what it holds, to the account. */
export function giveFolder(account: Account): void {
  mkdirSync(account.dir, { recursive: true })
  if (process.getuid?.() !== 0) return
  const ids = account.ids ?? { uid: 0, gid: 0 }
  if (lstatSync(account.dir).uid !== ids.uid) chownAll(account.dir, ids)
}
