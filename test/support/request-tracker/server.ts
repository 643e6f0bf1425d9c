/**
 * A real Request Tracker 5 of the tests' own: configuration, database, caches and mails in one folder, a web server on a free
 * port, users and tokens from seed.pl. Only the programs come from the machine (install.sh); nothing of an RT that is set up
 * there is read or changed.
 */
import { spawn, spawnSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { chownSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { Child } from '../../../dev/child.ts'
import { SetupError } from '../../../dev/setup-error.ts'

export type RequestTrackerServer = {
  /** Without trailing slash. */
  url: string
  /** Of REST 2.0, by user: `root`, and those of seed.pl. */
  tokens: Record<string, string>
  /** Of every user, at the web pages too. */
  password: string
  /** Each mail that RT sends is a file here. */
  mailDir: string
  /** `<URL> <secret>` in here switches the webhook on; empty: off. */
  webhookFile: string
}
export type RequestTrackerDatabase =
  | { kind: 'sqlite' }
  | { kind: 'postgres'; host: string; port: number; user: string; password: string; name: string }

const here = import.meta.dirname
const root = join(here, '..', '..', '..')
const program = '/usr/share/request-tracker5/libexec/rt-server'
const installScript = join(here, 'install.sh')
/** www-data, which RT's packages expect: Debian gives it the same number everywhere. */
const account = { uid: 33, gid: 33 }

/** @throws SetupError saying how to get the packages */
export function findRequestTracker(): void {
  const drivers = ['-MDBD::Pg', '-MDBD::SQLite', '-MStarlet', '-e', '1']
  if (existsSync(program) && spawnSync('perl', drivers, { stdio: 'ignore' }).status === 0) return
  throw new SetupError(`There is no Request Tracker 5. Debian: TEST_REQUEST_TRACKER=install npm test puts its packages on this machine (as root; about
50 MB, no service is started), or: sudo sh test/support/request-tracker/install.sh`)
}

/** Whether install.sh can do its work here. */
export const canInstall = (): boolean => process.getuid?.() === 0 && existsSync('/etc/debian_version')

/** Some 20 seconds, once a machine. @throws SetupError with what the package manager said */
export function installRequestTracker(): void {
  const { status, stdout, stderr } = spawnSync('sh', [installScript], { encoding: 'utf8' })
  if (status !== 0)
    throw new SetupError(
      `The packages of Request Tracker could not be installed:\n${`${stdout}${stderr}`.trim().split('\n').slice(-15).join('\n')}`,
    )
}

/** An instance whose database is filled; it may be started and stopped as often as one likes. */
export type Instance = RequestTrackerServer & {
  /** Resolves when REST 2.0 answers. */
  start: () => Promise<Child>
  log: string
}

/**
 * Makes the folder and fills the database, about 4 seconds.
 * @param dir of the instance; the folders above it can be entered by everybody
 */
export async function prepareInstance(
  dir: string,
  port: number,
  database: RequestTrackerDatabase,
): Promise<Instance> {
  const owner = process.getuid?.() === 0 ? account : undefined
  const make = (path: string) => {
    mkdirSync(path, { recursive: true })
    if (owner) chownSync(path, owner.uid, owner.gid)
    return path
  }
  make(dir)
  const write = (path: string, text: string) => {
    writeFileSync(path, text, { mode: 0o600 })
    if (owner) chownSync(path, owner.uid, owner.gid)
    return path
  }
  const [mailDir] = ['mail', 'var', 'none.d', 'mason', 'mason/cache', 'mason/session', 'mason/obj'].map(
    (name) => make(join(dir, name)),
  )
  const url = `http://127.0.0.1:${port}`
  const server = {
    url,
    password: randomBytes(12).toString('hex'),
    mailDir: mailDir ?? '',
    webhookFile: write(join(dir, 'webhook'), ''),
  }
  const config = write(join(dir, 'RT_SiteConfig.pm'), describeConfig(dir, port, database))
  const env = {
    PATH: process.env['PATH'],
    LC_ALL: 'C.UTF-8',
    HOME: join(dir, 'var'),
    RT_SITE_CONFIG: config,
    RT_SITE_CONFIG_DIR: join(dir, 'none.d'),
  }
  const setUp = async (args: string[], more: Record<string, string> = {}) => {
    const child = spawn('rt-setup-database-5', [...args, '--skip-create'], {
      cwd: dir,
      env: { ...env, ...more },
      stdio: ['ignore', 'pipe', 'pipe'],
      ...owner,
    })
    let said = ''
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (text: Buffer) => (said += text))
    const status = await new Promise((done) => child.once('error', done).once('close', done))
    if (status !== 0 || /\[(error|critical)\]/i.test(said))
      throw new SetupError(`Request Tracker could not be set up: ${said.slice(-3000)}`)
  }
  const passwordFile = write(join(dir, 'password'), `${server.password}\n`)
  await setUp(['--action', 'init', '--root-password-file', passwordFile])
  const tokensFile = write(join(dir, 'tokens'), '')
  const seed = write(join(dir, 'seed.pl'), readFileSync(join(here, 'seed.pl'), 'utf8'))
  const webhookCode = write(
    join(dir, 'webhook.pl'),
    readFileSync(join(root, 'docs', 'help-desk', 'rt-webhook.pl'), 'utf8'),
  )
  await setUp(['--action', 'insert', '--datafile', seed], {
    RT_TEST_PASSWORD: server.password,
    RT_TEST_TOKENS: tokensFile,
    RT_TEST_WEBHOOK_FILE: server.webhookFile,
    RT_TEST_WEBHOOK_CODE: webhookCode,
  })
  const tokens = Object.fromEntries(
    readFileSync(tokensFile, 'utf8')
      .trim()
      .split('\n')
      .map((line) => line.split(' ') as [string, string]),
  )
  const log = join(dir, 'server.log')
  const listening = ['--server', 'Starlet', '--host', '127.0.0.1', '--port', String(port)]
  // With keep-alive, an idle connection of a client holds one of the workers.
  const sizes = ['--max-workers', '4', '--max-reqs-per-child', '1000', '--max-keepalive-reqs', '1']
  return {
    ...server,
    tokens,
    log,
    async start() {
      const child = new Child('Request Tracker', [program, ...listening, ...sizes], {
        log,
        env,
        cwd: dir,
        ...(owner && { account: owner }),
      })
      await waitUntilHealthy(url, tokens['root'] ?? '', child)
      return child
    },
  }
}

/** In Perl. */
const quoted = (text: string) => `'${text.replaceAll(/[\\']/g, String.raw`\$&`)}'`

function describeConfig(dir: string, port: number, database: RequestTrackerDatabase): string {
  const settings: Record<string, string> = {
    rtname: quoted('localhost'),
    Organization: quoted('localhost'),
    Timezone: quoted('UTC'),
    WebDomain: quoted('127.0.0.1'),
    WebPort: String(port),
    WebPath: quoted(''),
    WebBaseURL: quoted(`http://127.0.0.1:${port}`),
    CorrespondAddress: quoted('rt@localhost'),
    CommentAddress: quoted('rt-comment@localhost'),
    // RT's own cost makes each call of REST, which proves its token with it, a quarter of a second longer.
    BcryptCost: '4',
    LogToSyslog: 'undef',
    LogToSTDERR: quoted('warning'),
    LogToFile: 'undef',
    StatementLog: 'undef',
    MailCommand: `sub { my $mime = shift; require Time::HiRes;
  my $file = sprintf('%s/%.6f-%d.eml', ${quoted(join(dir, 'mail'))}, Time::HiRes::time(), $$);
  open(my $out, '>', "$file.part") or return 0; $mime->print($out); close $out; return rename("$file.part", $file); }`,
    ...(database.kind === 'sqlite'
      ? { DatabaseType: quoted('SQLite'), DatabaseName: quoted(join(dir, 'rt.sqlite3')) }
      : {
          DatabaseType: quoted('Pg'),
          DatabaseHost: quoted(database.host),
          DatabasePort: quoted(String(database.port)),
          DatabaseName: quoted(database.name),
          DatabaseUser: quoted(database.user),
          DatabasePassword: quoted(database.password),
        }),
  }
  return [
    ...Object.entries(settings).map(([name, value]) => `Set($${name}, ${value});`),
    `$RT::VarPath = ${quoted(join(dir, 'var'))};`,
    `$RT::MasonDataDir = ${quoted(join(dir, 'mason'))};`,
    `$RT::MasonSessionDir = ${quoted(join(dir, 'mason', 'session'))};`,
    '1;',
    '',
  ].join('\n')
}

async function waitUntilHealthy(url: string, token: string, child: Child): Promise<void> {
  for (let tries = 0; tries < 240 && !child.hasEnded; tries++) {
    try {
      const answer = await fetch(`${url}/REST/2.0/rt`, {
        headers: { authorization: `token ${token}`, 'user-agent': 'ellipro-test' },
        redirect: 'manual',
        signal: AbortSignal.timeout(10_000),
      })
      if (answer.ok) return
    } catch {
      // not yet
    }
    await sleep(200)
  }
  throw new SetupError(`Request Tracker did not start:\n${child.lastLines()}`)
}
