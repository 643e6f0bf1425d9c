/** The embedded PostgreSQL of `npm start`: keeps its data, starts again after everything that can happen to it. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'
import { afterAll, expect, test } from 'vitest'
import { findFreePort } from '../../dev/ports.ts'
import { checkPostgres, startPostgres } from '../../dev/postgres.ts'

const root = mkdtempSync(join(tmpdir(), 'ellipro-postgres-'))
afterAll(() => rmSync(root, { recursive: true, force: true }))
const password = 'mot de passe / é'

async function start(dir: string, durable = false) {
  return startPostgres({
    dir,
    port: await findFreePort(),
    password,
    log: join(root, 'postgres.log'),
    durable,
  })
}
async function query(url: string, sql: string): Promise<unknown[]> {
  const client = new pg.Client({ connectionString: url })
  client.on('error', () => {})
  await client.connect()
  try {
    return (await client.query(sql)).rows as unknown[]
  } finally {
    await client.end()
  }
}

test('what was written is there after the next start, after a kill -9 as well', async () => {
  const dir = join(root, 'twice')
  const first = await start(dir, true)
  await query(first.url, 'CREATE TABLE kept AS SELECT 1 AS value')
  await first.child.stop()
  const second = await start(dir, true)
  await query(second.url, 'INSERT INTO kept VALUES (2)')
  process.kill(-(second.child.pid ?? 0), 'SIGKILL')
  await second.child.exited
  const third = await start(dir, true)
  expect(await query(third.url, 'SELECT value FROM kept ORDER BY value')).toEqual([
    { value: 1 },
    { value: 2 },
  ])
  await third.child.stop()
})

test('asks for the password, on loopback only', async () => {
  const { url, child } = await start(join(root, 'scram'))
  const wrong = new URL(url)
  wrong.password = 'wrong'
  await expect(query(wrong.href, 'SELECT 1')).rejects.toMatchObject({ code: '28P01' })
  expect(await query(url, 'SHOW listen_addresses')).toEqual([{ listen_addresses: '127.0.0.1' }])
  expect(await query(url, 'SHOW password_encryption')).toEqual([{ password_encryption: 'scram-sha-256' }])
  await expect(checkPostgres(url)).resolves.toBeUndefined()
  await child.stop()
})

test('a folder that was interrupted while being prepared is prepared again', async () => {
  const dir = join(root, 'interrupted')
  mkdirSync(join(dir, 'data.new'), { recursive: true })
  writeFileSync(join(dir, 'data.new', 'PG_VERSION'), '18')
  const { url, child } = await start(dir)
  expect(await query(url, 'SELECT 1 AS one')).toEqual([{ one: 1 }])
  await child.stop()
})

test('a database made with another password says what to do', async () => {
  const dir = join(root, 'password')
  await (await start(dir)).child.stop()
  const other = startPostgres({
    dir,
    port: await findFreePort(),
    password: 'another',
    log: join(root, 'other.log'),
  })
  await expect(other).rejects.toThrow(/secrets\.json[\s\S]*remove/)
})

test('a DATABASE_URL that nobody answers is named, with the way back', async () => {
  const port = await findFreePort()
  await expect(checkPostgres(`postgres://postgres:x@127.0.0.1:${port}/postgres`)).rejects.toThrow(
    /DATABASE_URL cannot be used[\s\S]*Unset DATABASE_URL/,
  )
})
