/**
 * A mailbox of 10,000 messages and 600 MB of attachments, saved over HTTP from provider as a process of its own: its memory
 * does not grow with the mailbox, and the ZIP is whole.
 */
import { randomBytes, randomUUID } from 'node:crypto'
import { createWriteStream, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { Readable } from 'node:stream'
import pg from 'pg'
import { afterAll, expect, it } from 'vitest'
import { open as openZip, type Entry, type ZipFile } from 'yauzl'
import { createSignIns } from '../../../provider/activation/sign-ins.ts'
import { createDatabase } from '../../support/postgres.ts'
import { sha256 } from '../activation/stand-in.ts'
import { startProvider } from '../support/process.ts'
import { fillMailbox } from './mailbox.ts'

const database = await createDatabase()
const provider = new pg.Pool({ connectionString: database.provider, max: 2 })
const sync = new pg.Pool({ connectionString: database.sync, max: 1 })
afterAll(() => Promise.all([provider.end(), sync.end()]))
const folder = mkdtempSync(join(tmpdir(), 'ellipro-messages-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const attachments = 60
const pieceBytes = 10 * 1024 * 1024

it('is sent in bounded memory, and whole', async () => {
  const account = randomUUID()
  await fillMailbox(sync, account, { messages: 10_000, bodyBytes: 3000 })
  const content = randomBytes(pieceBytes)
  for (let n = 0; n < attachments; n++)
    await sync.query(
      `INSERT INTO ellipro.legacy_attachment (account, message, place, name, media_type, content)
       VALUES ($1, 'm' || lpad($2::int::text, 6, '0'), 1, 'rapport.pdf', 'application/pdf', $3)`,
      [account, n * 50, content],
    )
  const secret = randomBytes(32)
  const about = { account, login: 'grand', company: 'Société A', contract: 'C1', shared: false }
  await createSignIns(provider).record(sha256(secret), { ...about, knownDomains: [] })
  const origin = await startProvider(database.provider)
  const pid = processOn(new URL(origin).port)
  const cookie = `sign_in=${secret.toString('base64url')}`
  const page = await fetch(`${origin}/redirection/messages`, { headers: { cookie } })
  const browser = /browser=[\w-]+/.exec(page.headers.get('set-cookie') ?? '')?.[0] ?? ''
  const csrf = /name="csrf" value="([^"]+)"/.exec(await page.text())?.[1] ?? ''
  const before = residentBytes(pid)
  // A process with its code in memory: it is provider and nothing small beside it.
  expect(before).toBeGreaterThan(50 * 1024 * 1024)
  let most = 0
  const watch = setInterval(() => {
    most = Math.max(most, residentBytes(pid))
  }, 250)
  const file = join(folder, 'messages.zip')
  try {
    const answer = await fetch(`${origin}/redirection/messages/save`, {
      method: 'POST',
      headers: { cookie: `${cookie}; ${browser}` },
      body: new URLSearchParams({ csrf }),
    })
    expect(answer.status).toBe(200)
    await pipeline(Readable.fromWeb(answer.body as never), createWriteStream(file))
  } finally {
    clearInterval(watch)
  }
  console.log(`memory of provider: ${mb(before)} before, ${mb(most)} at most`)
  // 300 MB were measured for 250 MB of attachments and for 700 MB alike: garbage between two collections. A mailbox in
  // memory would be more than a gigabyte, as each attachment is sent twice, once in base64.
  expect(most - before).toBeLessThan(450 * 1024 * 1024)
  const entries = await list(file)
  expect(entries.length).toBe(3 + attachments)
  expect(entries.filter(({ uncompressedSize }) => uncompressedSize === pieceBytes).length).toBe(attachments)
}, 900_000)

const mb = (bytes: number) => `${Math.round(bytes / 1024 / 1024)} MB`
const residentBytes = (pid: string) =>
  Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) * 1024
/** The process of provider with this port: of those that have it in their environment (a guard starts it), the largest. */
function processOn(port: string): string {
  const hasPort = (pid: string) => {
    try {
      return readFileSync(`/proc/${pid}/environ`, 'utf8').split('\0').includes(`PROVIDER_PORT=${port}`)
    } catch {
      // Gone, or somebody else's.
      return false
    }
  }
  const found = readdirSync('/proc').filter((name) => /^\d+$/.test(name) && hasPort(name))
  const pid = found.toSorted((one, other) => residentBytes(other) - residentBytes(one))[0]
  if (pid === undefined) throw new Error('no process of provider')
  return pid
}

async function list(path: string): Promise<Entry[]> {
  const zip = await new Promise<ZipFile>((done, fail) =>
    openZip(path, { lazyEntries: true }, (error, file) => (error ? fail(error) : done(file))),
  )
  const entries: Entry[] = []
  return new Promise((done, fail) => {
    zip.on('entry', (entry: Entry) => {
      entries.push(entry)
      zip.readEntry()
    })
    zip.on('end', () => done(entries))
    zip.on('error', fail)
    zip.readEntry()
  })
}
