/**
 * Invariant 10: a Cofacering password goes to the legacy directory and nowhere else. Looked for after a whole path, with
 * mistakes on it, in every table of both databases, in the log, and in everything that the process wrote to any socket,
 * plain and as anything that a careless line would make of it.
 */
import { createHash } from 'node:crypto'
import { Socket } from 'node:net'
import pg from 'pg'
import { expect, it } from 'vitest'
import { createCofacering, createDatabase } from '../../support/postgres.ts'
import { createStandIn } from '../activation/stand-in.ts'
import { createPerson, idOf, newPassword, openDirectory, sampleLogin } from '../screens/people.ts'
import { pageName } from '../support/browser.ts'
import { startInstance } from '../support/instance.ts'

const database = await createDatabase()
const cofacering = await createCofacering()
const { origin, logged } = await startInstance(
  database.provider,
  { SIGN_IN_DEADLINE_MS: '50' },
  openDirectory(cofacering),
)
const sync = createStandIn(database.sync)

/** What would give a password away: itself, coded, or hashed without a salt. */
function formsOf(password: string): string[] {
  const bytes = Buffer.from(password)
  const digests = ['md5', 'sha1', 'sha256', 'sha512'].map((name) => createHash(name).update(bytes).digest())
  return [
    password,
    encodeURIComponent(password),
    ...[bytes, ...digests].flatMap((form) => [
      form.toString('hex'),
      form.toString('base64').replace(/=+$/, ''),
    ]),
  ].map((form) => form.toLowerCase())
}

const found = (text: string, passwords: string[]) =>
  passwords.filter((password) => formsOf(password).some((form) => text.toLowerCase().includes(form)))

/** Every row of every table as PostgreSQL prints it; binary columns in hexadecimal. */
async function readEverything(url: string): Promise<{ text: string; tables: number }> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  const { rows: tables } = await client.query<{ name: string }>(
    `SELECT format('%I.%I', schemaname, tablename) AS name FROM pg_tables
      WHERE schemaname NOT IN ('pg_catalog', 'information_schema')`,
  )
  let text = ''
  for (const { name } of tables) {
    const { rows } = await client.query<{ row: string }>(`SELECT t::text AS row FROM ${name} t`)
    text += rows.map(({ row }) => row).join('\n')
  }
  await client.end()
  return { text, tables: tables.length }
}

/** Keeps what leaves by any socket of this process, save what the test's own browser sends to provider. */
function listenToSockets(): { text: () => string; stop: () => void } {
  // oxlint-disable-next-line typescript/unbound-method -- it is called with the socket it came from
  const original = Socket.prototype.write
  const port = Number(new URL(origin).port)
  const chunks: Buffer[] = []
  Socket.prototype.write = function (this: Socket, ...args: Parameters<Socket['write']>) {
    if (this.remotePort !== port) chunks.push(Buffer.from(args[0]))
    return original.apply(this, args)
  } as Socket['write']
  return {
    text: () => Buffer.concat(chunks).toString('latin1'),
    stop: () => {
      Socket.prototype.write = original
    },
  }
}

it('a Cofacering password is stored nowhere, logged nowhere and sent nowhere, typed right or wrong', async () => {
  const login = sampleLogin(0)
  const mistyped = ['Mauvais-mot-de-passe-1', `${login.password}x`, 'Mon-mot-de-passe-d-Ellipro-3']
  const sockets = listenToSockets()
  const who = createPerson(origin)
  await who.post('/', { login: login.login, password: mistyped[0]! })
  await who.post('/', { login: login.login, password: mistyped[1]! })
  // Swapped: the password where the login belongs, and an address where the login belongs.
  await who.post('/', { login: 'quelquun@ailleurs.example', password: mistyped[2]! })
  const email = 'claire@transports-lefevre.example'
  const page = await who.ask(login, email)
  const id = idOf(page)
  const { k } = await sync.sendMail(id)
  await who.visit(`/activation/${id}/confirm?k=${k.toString('base64url')}`)
  // Confused: the old password on the page that asks for the new one.
  await who.post(`/activation/${id}/confirm`, { password: login.password })
  expect(pageName(await who.post(`/activation/${id}/confirm`, { password: newPassword }))).toBe('opening')
  const midway = await readEverything(database.superuser)
  await sync.open(id)
  await who.visit(`/activation/${id}/opening`)
  sockets.stop()

  const passwords = [login.password, ...mistyped, newPassword]
  const ours = await readEverything(database.superuser)
  expect(ours.tables).toBeGreaterThan(8)
  expect(ours.text).toContain(email)
  for (const { text } of [midway, ours, await readEverything(cofacering.superuser)])
    expect(found(text, passwords)).toEqual([])

  expect(sockets.text()).toContain(email)
  expect(found(sockets.text(), passwords)).toEqual([])
  const lines = JSON.stringify(logged)
  expect(lines).toContain('login.accepted')
  expect(found(lines, passwords)).toEqual([])
})
