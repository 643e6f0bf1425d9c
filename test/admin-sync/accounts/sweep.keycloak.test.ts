/** The sweep on a real Keycloak: what it closes, what it reports, and when it changes nothing (invariants 3 and 14). */
import { execFile } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { join } from 'node:path'
import { beforeEach, describe, expect, test } from 'vitest'
import { findActivations } from '../../../admin-sync/accounts/report.ts'
import { countSweep, sweepAccounts, type SweepResult } from '../../../admin-sync/accounts/sweep.ts'
import type { Keycloak } from '../../../admin-sync/keycloak/connect.ts'
import { releaseLogin } from '../../../admin-sync/operators/login-release.ts'
import { createBench, type Started } from './bench.ts'

const bench = await createBench()
const { admin, pool, gate } = bench
const { reader, sweepStore: store, log } = bench.dependencies

const sweep = (keycloak: Partial<Keycloak> = {}): Promise<SweepResult> =>
  sweepAccounts(randomUUID(), { reader: { ...reader, ...keycloak }, store, log, pageSize: 5 })
const setLimit = (value: number) =>
  pool.query(`UPDATE ellipro.setting SET value = $1 WHERE name = 'closes_per_sweep'`, [value])

async function opened(options?: Parameters<typeof bench.start>[0]): Promise<Started & { user: string }> {
  const started = await bench.confirmed(options)
  await bench.runWell('open-account', started.id)
  return { ...started, user: (await bench.user(started.address))?.id ?? '' }
}
async function unlinked(): Promise<Started & { user: string }> {
  const started = await opened()
  await bench.runWell('unlink', started.id)
  return started
}
const facts = ({ login, browser }: Started) => bench.provider.loginFacts(login.account, browser, [])

beforeEach(() => {
  gate.set('open')
  bench.lines.length = 0
})

describe('an account whose user was deleted in the console', () => {
  test('is closed, belongs to the desk, and can be activated again once its login is released', async () => {
    const kept = await unlinked()
    const person = await unlinked()
    await admin.deleteUser(person.user)
    expect((await sweep()).closed).toEqual([person.id])
    expect(await bench.row(person.id)).toMatchObject({ state: 'closed', reason: 'user_gone' })
    expect((await bench.row(kept.id)).state).toBe('opened')
    expect((await sweep()).closed).toEqual([])
    expect((await facts(person)).holder?.state).toBe('closed')
    await expect(bench.start({ login: person.login })).rejects.toThrow('not started: moved')

    const operator = { name: 'agent', reason: 'left' }
    expect(await releaseLogin(pool, 'nobody', operator)).toEqual({ outcome: 'unknown' })
    const rehearsal = await releaseLogin(pool, person.login.login)
    expect(rehearsal).toEqual({ outcome: 'would_release', activation: person.id })
    expect((await bench.row(person.id)).state).toBe('closed')
    const released = await releaseLogin(pool, ` ${person.login.login.toUpperCase()} `, operator)
    expect(released).toEqual({ outcome: 'released', activation: person.id })
    expect(await bench.row(person.id)).toMatchObject({ state: 'withdrawn', reason: 'released' })
    expect(await releaseLogin(pool, person.login.login, operator)).toEqual({ outcome: 'free' })
    expect((await facts(person)).holder).toBeUndefined()
    const [found] = await findActivations(pool, person.address)
    expect(found).toMatchObject({ nextStep: 'released' })
    expect(found?.history.map(({ to }) => to).slice(-3)).toEqual(['opened', 'closed', 'withdrawn'])

    const again = await opened({ login: person.login, address: person.address })
    expect((await bench.row(again.id)).state).toBe('opened')
    expect((await sweep()).closed).toEqual([])
    await bench.runWell('unlink', again.id)
  })

  test('stays open while not every page can be read, or the list cannot be all', async () => {
    for (let i = 0; i < 25; i++) await admin.createUser({ email: `crowd-${i}@client.example`, enabled: true })
    const person = await unlinked()
    await admin.deleteUser(person.user)
    let pages = 0
    const broken = sweep({
      async listUsers(page) {
        if (++pages === 3) gate.set('unavailable')
        return reader.listUsers(page)
      },
    })
    await expect(broken).rejects.toMatchObject({ service: 'keycloak', status: 503, disposition: 'retry' })
    gate.set('open')
    const short = {
      listUsers: async (page: { first: number; max: number }) =>
        page.first < 10 ? reader.listUsers(page) : [],
    }
    await expect(sweep(short)).rejects.toMatchObject({ code: 'list_incomplete' })
    let counts = 0
    const shrinking = { countUsers: async () => (++counts === 1 ? 1000 : reader.countUsers()) }
    await expect(sweep(shrinking)).rejects.toMatchObject({ code: 'list_incomplete' })
    expect((await bench.row(person.id)).state).toBe('opened')
    expect((await sweep()).closed).toEqual([person.id])
  })

  test('stays open when more are gone than people delete, as after a restored backup', async () => {
    const person = await unlinked()
    await admin.deleteUser(person.user)
    await setLimit(0)
    try {
      expect(await sweep()).toMatchObject({ closed: [], tooManyGone: true })
    } finally {
      await setLimit(100)
    }
    expect((await bench.row(person.id)).state).toBe('opened')
    expect(await sweep()).toMatchObject({ closed: [person.id], tooManyGone: false })
  })
})

test('an account that only the list does not show stays open', async () => {
  const person = await unlinked()
  const hiding = {
    listUsers: async (page: { first: number; max: number }) =>
      (await reader.listUsers(page)).filter(({ id }) => id !== person.user),
  }
  expect((await sweep(hiding)).closed).toEqual([])
  expect((await bench.row(person.id)).state).toBe('opened')
})

test('a link that outlived its time is reported and goes; one of this moment is left alone', async () => {
  const [fresh, old] = [await opened(), await opened()]
  await pool.query(`UPDATE ellipro.activation SET opened_at = now() - interval '31 minutes' WHERE id = $1`, [
    old.id,
  ])
  const left = [{ user: old.user, activation: old.id }]
  expect(await sweep()).toMatchObject({ linked: 2, leftLinks: left, sharedSubjects: [] })
  await bench.runWell('unlink', old.id)
  expect(await admin.listFederatedIdentities(old.user)).toEqual([])
  expect(await sweep()).toMatchObject({ linked: 1, leftLinks: [] })

  // Somebody links it again in the console, long after we have taken the link away.
  const { sub } = await bench.row(old.id)
  await admin.addFederatedIdentity(old.user, { identityProvider: 'cofacering', userId: sub, userName: sub })
  expect((await sweep()).leftLinks).toEqual(left)
  expect(await bench.runWell('unlink', old.id)).toBe('unlinked')
  expect((await sweep()).leftLinks).toEqual([])
  await bench.runWell('unlink', fresh.id)
})

test('a subject that two users share is reported, by the command with exit code 1, and with no word about a person', async () => {
  const person = await opened()
  const { sub } = await bench.row(person.id)
  const twin = await admin.createUser({ username: 'twin', email: 'twin@client.example', enabled: true })
  await admin.addFederatedIdentity(twin, { identityProvider: 'cofacering', userId: sub, userName: sub })
  const users = [person.user, twin].toSorted()
  const result = await sweep()
  expect(result).toMatchObject({ sharedSubjects: [users], leftLinks: [{ user: twin }] })
  expect(bench.lines.join('')).toContain('"event":"sweep.subject_shared"')
  for (const told of [bench.lines.join(''), JSON.stringify(countSweep(result)), JSON.stringify(result)])
    for (const secret of [person.address, person.login.login, sub, 'twin']) expect(told).not.toContain(secret)

  const command = (...words: string[]) =>
    new Promise<{ code: number; out: string }>((done) => {
      execFile(
        process.execPath,
        [join(import.meta.dirname, '../../../admin-sync/cli.ts'), ...words],
        { env: { PATH: process.env['PATH'], LANG: 'en_GB.UTF-8', ...bench.environment } },
        (error, out) => done({ code: error ? Number(error.code) : 0, out }),
      )
    })
  const told = await command('accounts', 'sweep', '--json')
  expect(told.code).toBe(1)
  expect(JSON.parse(told.out)).toMatchObject({ sharedSubjects: [users] })
  await admin.deleteUser(twin)
  await bench.runWell('unlink', person.id)
  const quiet = await command('accounts', 'sweep')
  expect(quiet.code).toBe(0)
  expect(quiet.out).toMatch(/links that should be gone +0/)
  gate.set('unavailable')
  expect((await command('accounts', 'sweep')).code).toBe(3)
})
