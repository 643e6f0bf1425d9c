/**
 * The migration's pages over HTTP with a real Keycloak: what each role sees and what it is refused, and the list of
 * logins that are left: noted before it leaves, whole or visibly broken off. admin-sync is played by stand-in.ts.
 */
import { randomBytes, randomUUID } from 'node:crypto'
import { request } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import { HttpPerson } from '../../support/http-person.ts'
import { createDatabase } from '../../support/postgres.ts'
import { startStage } from '../support/realm.ts'
import { grantSession, makeMove } from './migration-data.ts'
import { createStaffStandIn } from './stand-in.ts'

const database = await createDatabase()
const stage = await startStage(database.provider)
const { origin, logged } = stage
const agents = new Map<string, string>()
const leads = new Map<string, string>()
const sync = createStaffStandIn(database.sync, agents, leads)
await makeMove(sync.pool)

async function colleague(firstName: string, isAgent: boolean, isLead: boolean) {
  const address = `${firstName.toLowerCase()}.${randomBytes(4).toString('hex')}@desk.example.fr`
  const userId = await stage.createColleague({ address, firstName, lastName: 'Martin', isAgent, isLead })
  if (isAgent) agents.set(userId, `${firstName} Martin`)
  if (isLead) leads.set(userId, `${firstName} Martin`)
  return address
}
async function signedIn(address: string, path: string): Promise<HttpPerson> {
  const person = new HttpPerson()
  await person.open(origin + path)
  await person.submit({ username: address, password: stage.password })
  return person
}
/** Of a lead with a session. */
async function lead(): Promise<{ cookie: string; csrf: string }> {
  const { secret } = await grantSession(sync.pool, { isLead: true })
  const person = new HttpPerson()
  person.cookies.push({ host: new URL(origin).hostname, name: 'staff', value: secret, path: '/' })
  await person.open(`${origin}/staff/migration`)
  const { csrf } = person.forms().find(({ action }) => action.endsWith('/left'))!.fields
  return {
    cookie: person.cookies.map(({ name, value }) => `${name}=${value}`).join('; '),
    csrf: csrf!,
  }
}
const take = (who: { cookie: string; csrf: string }, fields: [string, string][] = []) =>
  fetch(`${origin}/staff/migration/left`, {
    method: 'POST',
    redirect: 'manual',
    headers: { cookie: who.cookie },
    body: new URLSearchParams([['csrf', who.csrf], ...fields]),
  })
const downloads = async () =>
  (
    await sync.pool.query<{ reason: string; operator: string }>(
      `SELECT reason, operator FROM ellipro.operator_action WHERE command = 'left' ORDER BY id`,
    )
  ).rows

describe('who sees what', () => {
  it('goes by the roles: one, the other, both, or neither', async () => {
    const made = await sync.make({ requests: [{}] })
    const paths = [
      '/staff/migration',
      '/staff',
      `/staff/cases/${made.id}`,
      `/staff/decisions/${randomUUID()}`,
    ]
    const table = [
      [false, false, [403, 403, 403, 403]],
      [true, false, [403, 200, 200, 404]],
      [false, true, [200, 200, 403, 403]],
      [true, true, [200, 200, 200, 404]],
    ] as const
    for (const [isAgent, isLead, expected] of table) {
      const person = await signedIn(await colleague('Zoe', isAgent, isLead), '/staff/migration')
      const seen: number[] = []
      const shown = new Set<string>()
      for (const path of paths) {
        await person.open(origin + path)
        seen.push(person.page.status)
        if (person.page.body.includes(made.reference)) shown.add(path)
      }
      expect([isAgent, isLead, seen]).toEqual([isAgent, isLead, expected])
      // No case is on any page of whoever is no agent.
      expect([...shown]).toEqual(isAgent ? ['/staff', `/staff/cases/${made.id}`] : [])
      await person.open(`${origin}/staff`)
      expect(person.page.url).toBe(isLead && !isAgent ? `${origin}/staff/migration` : `${origin}/staff`)
    }
    const codes = logged.filter(({ event }) => event === 'staff.refused').map(({ code }) => code)
    expect(new Set(codes)).toEqual(new Set(['not_agent', 'not_lead']))
  })

  it('leads back to the page after the sign-in, and keeps it out of every cache', async () => {
    const person = await signedIn(await colleague('Helene', false, true), '/staff/migration?range=31')
    expect([person.page.status, person.page.url]).toEqual([200, `${origin}/staff/migration?range=31`])
    expect(person.page.headers.get('cache-control')).toBe('no-store')
    expect(person.page.body).toMatch(/staff\.migration\.lead \d+ \d+ 243/)
  })
})

describe('the list of logins that are left', () => {
  it('is an attachment for no cache, noted under the name of who took it before it leaves', async () => {
    const before = (await downloads()).length
    const answer = await take(await lead(), [['seen', 'any']])
    expect(answer.status).toBe(200)
    expect(answer.headers.get('content-type')).toBe('text/csv; charset=utf-8')
    expect(answer.headers.get('content-disposition')).toMatch(
      /^attachment; filename=identifiants-restants-\d{4}-\d\d-\d\d\.csv$/,
    )
    expect(answer.headers.get('cache-control')).toBe('no-store')
    const bytes = Buffer.from(await answer.arrayBuffer())
    expect(bytes.subarray(0, 3)).toEqual(Buffer.from([0xef, 0xbb, 0xbf]))
    expect(bytes.toString('utf8').trimEnd().split('\r\n')).toHaveLength(1 + 243)
    const noted = await downloads()
    expect(noted).toHaveLength(before + 1)
    expect(noted.at(-1)?.operator).toBe('Hélène Garnier')
    const line = logged.findLast(({ event }) => event === 'migration.left_downloaded')
    expect(line).toMatchObject({ lines: 243 })
    expect(noted.at(-1)?.reason).toContain(String(line?.['download_id']))
    expect(JSON.stringify(line)).not.toMatch(/Garnier|Société|@/)
  })

  it('is of what was asked for', async () => {
    const answer = await take(await lead(), [
      ['state', 'lapsed'],
      ['state', 'nonsense'],
    ])
    const lines = (await answer.text()).trimEnd().split('\r\n')
    expect(lines).toHaveLength(1 + 10)
    expect((await downloads()).at(-1)?.reason).toMatch(/; lapsed$/)
  })

  it('is not given to a foreign page, to an agent, or after the session, and then nothing is noted', async () => {
    const who = await lead()
    const before = (await downloads()).length
    expect((await take({ ...who, csrf: 'x' })).status).toBe(403)
    const { secret } = await grantSession(sync.pool, { isAgent: true })
    const agent = who.cookie.replace(/(^|; )staff=[^;]+/, `$1staff=${secret}`)
    expect((await take({ ...who, cookie: agent })).status).toBe(403)
    const nobody = who.cookie.replace(/(^|; )staff=[^;]+/, '')
    const led = await take({ ...who, cookie: nobody })
    expect([led.status, led.headers.get('location')]).toEqual([
      303,
      `/staff/sign-in?to=${encodeURIComponent('/staff/migration/left')}`,
    ])
    expect((await fetch(`${origin}/staff/migration/left`, { headers: { cookie: who.cookie } })).status).toBe(
      404,
    )
    expect(await downloads()).toHaveLength(before)
  })

  it('breaks off visibly when the session ends in the middle, and waits for whoever takes it slowly', async () => {
    await sync.pool.query(
      `INSERT INTO ellipro.legacy_login (account, login, contract, shared, disabled)
       SELECT 'many-' || n, repeat('x', 200) || n, 'CF-00001', false, false FROM generate_series(1, 40000) n`,
    )
    const who = await lead()
    const body = new URLSearchParams({ csrf: who.csrf }).toString()
    const ended = await new Promise<{ bytes: number; complete: boolean }>((done, failed) => {
      const asking = request(`${origin}/staff/migration/left`, {
        method: 'POST',
        headers: { cookie: who.cookie, 'content-type': 'application/x-www-form-urlencoded' },
      })
      asking.on('error', failed)
      asking.on('response', (answer) => {
        let bytes = 0
        answer.once('readable', () => {
          // Takes a little, looks away while the session ends, and goes on.
          bytes += (answer.read() as Buffer | null)?.length ?? 0
          void goOn()
        })
        async function goOn() {
          await sync.pool.query(`UPDATE ellipro.staff_session SET state = 'ended' WHERE is_lead`)
          await sleep(200)
          answer.on('data', (chunk: Buffer) => (bytes += chunk.length))
          answer.resume()
        }
        answer.on('error', () => undefined)
        answer.on('close', () => done({ bytes, complete: answer.complete }))
      })
      asking.end(body)
    })
    expect(ended.complete).toBe(false)
    expect(ended.bytes).toBeLessThan(8_000_000)
    expect(logged.some(({ event }) => event === 'migration.left_broken_off')).toBe(true)
    // The whole of it has many pieces, and is complete.
    const whole = await (await take(await lead())).text()
    expect(whole.trimEnd().split('\r\n')).toHaveLength(1 + 243 + 40_000)
  })
})
