/** Invariant 5: attempts are limited in PostgreSQL, for all replicas together, and a limited answer looks like any other. */
import { randomBytes } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import type { LegacyDirectory } from '../../../provider/legacy/directory.ts'
import { UpstreamError } from '../../../core/errors.ts'
import { createThrottle, type Allowance } from '../../../provider/throttle/throttle.ts'
import { purgeExpired } from '../../../provider/purge.ts'
import { createDatabase } from '../../support/postgres.ts'
import { Browser } from '../support/browser.ts'
import { startInstance, type Instance } from '../support/instance.ts'

const database = await createDatabase()
const account = { account: 'a1', login: 'DUPONT', company: 'Dupont SA', contract: 'C1', shared: false }
let asked: string[] = []
let isDown = false
const directory: LegacyDirectory = {
  verify(login, password) {
    asked.push(login)
    if (isDown) return Promise.reject(new UpstreamError('legacy', 0, 'retry', 'connect'))
    return Promise.resolve(password === 'right' ? { status: 'ok', account } : { status: 'refused' })
  },
}
const deadlineMs = 200
const env = { SIGN_IN_DEADLINE_MS: String(deadlineMs) }
const one = await startInstance(database.provider, env, directory)
const two = await startInstance(database.provider, env, directory)
const { pool } = one.dependencies

const newLogin = () => `login-${randomBytes(6).toString('hex')}`
const small: Allowance = { network: 6, pair: 3, subject: 5, seconds: 60 }
const throttle = () =>
  createThrottle(pool, { signIn: small, address: small, access: small, password: small }).signIn

/** An attempt on the login page; what came back, and how long it took. */
async function attempt({ origin }: Instance, login: string, password: string) {
  const browser = new Browser()
  const form = await browser.open(`${origin}/`)
  const startedAt = performance.now()
  const answer = await browser.submit(form, { login, password })
  return { answer, browser, ms: performance.now() - startedAt }
}
const clear = () => pool.query('DELETE FROM provider.rate_limit')

/** What a browser can see of an answer, without what is random in every answer. */
const visible = ({ answer, browser }: Awaited<ReturnType<typeof attempt>>, login: string) => ({
  status: answer.status,
  location: answer.location?.replace(/:\d+/, ''),
  body: answer.body,
  headers: [...answer.headers.keys()].toSorted(),
  cookies: browser.cookies.map(({ name, value }) => [
    name,
    name === 'flash'
      ? Buffer.from(value.split('.')[0]!, 'base64url').toString().replaceAll(login, 'LOGIN')
      : '',
  ]),
})

describe('a limit', () => {
  it('counts for two replicas together, exactly, however parallel the attempts are', async () => {
    await clear()
    const [a, b] = [throttle(), throttle()]
    const subject = newLogin()
    const taken = await Promise.all(
      Array.from({ length: 20 }, (_, i) => (i % 2 ? a : b).take({ subject, network: '192.0.2.0/24' })),
    )
    expect(taken.filter(Boolean)).toHaveLength(small.pair)
  })

  it('of one network does not lock the login for others, and many networks together do not go on guessing', async () => {
    await clear()
    const limit = throttle()
    const subject = newLogin()
    const from = (n: number) => limit.take({ subject, network: `192.0.${n}.0/24` })
    for (let i = 0; i < small.pair; i++) expect(await from(1)).toBe(true)
    expect(await from(1)).toBe(false)
    expect(await from(2)).toBe(true)
    expect(await from(3)).toBe(true)
    expect(await from(4)).toBe(false)
  })

  it('of a network is used up by many logins, and then leaves these logins alone', async () => {
    await clear()
    const limit = throttle()
    const network = '198.51.100.0/24'
    for (let i = 0; i < small.network; i++)
      expect(await limit.take({ subject: newLogin(), network })).toBe(true)
    const subject = newLogin()
    for (let i = 0; i < 10; i++) expect(await limit.take({ subject, network })).toBe(false)
    expect(await limit.take({ subject, network: '203.0.113.0/24' })).toBe(true)
  })

  it('is not used up by attempts that are given back', async () => {
    await clear()
    const limit = throttle()
    const attemptOf = { subject: newLogin(), network: '192.0.2.0/24' }
    for (let i = 0; i < 20; i++) {
      expect(await limit.take(attemptOf)).toBe(true)
      await limit.giveBack(attemptOf)
    }
  })

  it('knows one login by all its spellings', async () => {
    await clear()
    const limit = throttle()
    const login = newLogin()
    const spellings = [
      login,
      login.toUpperCase(),
      ` ${login}\u00a0`,
      `\u200b${login}`,
      login.replace('l', 'ｌ'),
    ]
    const taken: boolean[] = []
    for (const subject of spellings) taken.push(await limit.take({ subject, network: '192.0.2.0/24' }))
    expect(taken).toEqual([true, true, true, false, false])
  })

  it('stores no login, and its rows go when they have expired', async () => {
    await clear()
    const subject = newLogin()
    await throttle().take({ subject, network: '192.0.2.0/24' })
    const rows = async () =>
      (await pool.query<{ row: string }>('SELECT r::text AS row FROM provider.rate_limit r')).rows
    expect(JSON.stringify(await rows())).not.toContain(subject)
    await purgeExpired(pool, Date.now())
    expect(await rows()).toHaveLength(3)
    await purgeExpired(pool, Date.now() + 61_000)
    expect(await rows()).toEqual([])
  })

  it('that cannot be counted is no permission', async () => {
    const gone = await createDatabase()
    const { dependencies } = await startInstance(gone.provider)
    await pool.query('SELECT 1')
    dependencies.pool.query = () => Promise.reject(new Error('no database')) as never
    await expect(
      dependencies.throttle.signIn.take({ subject: newLogin(), network: '192.0.2.0/24' }),
    ).rejects.toBeInstanceOf(UpstreamError)
  })
})

describe('the login page', () => {
  it('answers unknown, wrong and locked alike, at the deadline, on both replicas', async () => {
    await clear()
    asked = []
    const login = newLogin()
    const wrong = await attempt(one, login, 'wrong')
    for (let i = 0; i < 9; i++) await attempt(i % 2 ? one : two, login, 'wrong')
    expect(asked).toHaveLength(10)
    const locked = [await attempt(one, login, 'right'), await attempt(two, login, 'right')]
    // the directory is not asked any more, by neither
    expect(asked).toHaveLength(10)
    const other = newLogin()
    const unknown = await attempt(one, other, 'wrong')

    expect(visible(wrong, login)).toMatchObject({ status: 303, location: 'http://127.0.0.1/' })
    for (const answer of locked) expect(visible(answer, login)).toEqual(visible(wrong, login))
    expect(visible(unknown, other)).toEqual(visible(wrong, login))
    for (const { ms } of [wrong, ...locked, unknown]) {
      expect(ms).toBeGreaterThanOrEqual(deadlineMs - 5)
      expect(ms % deadlineMs).toBeLessThan(deadlineMs * 0.9)
    }
  })

  it('does not count a right password, nor a directory that could not be asked', async () => {
    await clear()
    const login = newLogin()
    for (let i = 0; i < 15; i++) expect((await attempt(one, login, 'right')).answer.status).toBe(303)
    isDown = true
    try {
      for (let i = 0; i < 15; i++) expect((await attempt(two, login, 'wrong')).answer.status).toBe(503)
    } finally {
      isDown = false
    }
    expect((await attempt(one, login, 'right')).answer.location).toContain('/redirection')
  })
})
