/** The Cofacering login page: one answer for every failure, at one deadline (invariant 5), and the ways on. */
import { describe, expect, it } from 'vitest'
import { UpstreamError } from '../../../core/errors.ts'
import { sampleLogins } from '../../../dev/cofacering/sample-logins.ts'
import type { LegacyDirectory } from '../../../provider/legacy/directory.ts'
import { createCofacering, createDatabase } from '../../support/postgres.ts'
import type { Stopwatch } from '../../../provider/throttle/deadline.ts'
import { Browser, pageName } from '../support/browser.ts'
import { startInstance } from '../support/instance.ts'
import { startKeycloakClient } from '../support/keycloak-client.ts'
import { createPerson, openDirectory, sampleLogin } from './people.ts'

const database = await createDatabase()
const keycloak = await startKeycloakClient()
const deadlineMs = 1000
/** The directory's clock, and the waiting of the page by it. */
const time = { at: 0, verifyingTakes: 0 }
const stopwatch: Stopwatch = {
  now: () => time.at,
  sleep: async (ms) => {
    time.at += ms
  },
}
const cofacering = openDirectory(await createCofacering())
const slow: LegacyDirectory = {
  async verify(...typed) {
    time.at += time.verifyingTakes
    return cofacering.verify(...typed)
  },
}
const { origin, logged, dependencies } = await startInstance(
  database.provider,
  {
    SIGN_IN_DEADLINE_MS: String(deadlineMs),
    KEYCLOAK_URL: keycloak.url,
    LEGACY_FORGOT_URL: 'https://cofacering.example/oubli',
  },
  slow,
  undefined,
  stopwatch,
)
const right = sampleLogin(0)
const disabled = sampleLogins.find((login) => login.disabled)!

/** A directory that has to be asked twice: the first answer is an outage. */
let isDown = true
const flaky: LegacyDirectory = {
  verify: () => {
    if (isDown) return Promise.reject(new UpstreamError('legacy', 0, 'retry', 'timeout'))
    return Promise.resolve({
      status: 'ok',
      account: { account: 'flaky', login: 'flaky', company: 'Flaky', contract: 'F', shared: false },
    })
  },
}
const shaky = await startInstance(database.provider, { SIGN_IN_DEADLINE_MS: '50' }, flaky)

/** What a stranger sees of one attempt: status, headers, and how long it took by the page's own clock. */
async function attempt(login: string, password: string) {
  const browser = new Browser()
  const page = await browser.open(`${origin}/`)
  const startedAt = time.at
  const answer = await browser.submit(page, { login, password })
  const ms = time.at - startedAt
  const headers = Object.fromEntries(
    [...answer.headers].filter(([name]) => !['date', 'x-request-id', 'set-cookie'].includes(name)),
  )
  // The flash of two logins differs by the login that was typed, and by nothing else.
  const cookies = answer.headers.getSetCookie().map((line) => line.replace(/=[^;]*/, ''))
  const next = await browser.visit(`${origin}/`)
  const body = next.body.replaceAll(login, '').replaceAll(/name="csrf" value="[^"]*"/g, '')
  return {
    seen: {
      status: answer.status,
      location: answer.location,
      body: answer.body,
      headers,
      cookies,
      next: body,
    },
    ms,
  }
}

describe('a sign-in that fails', () => {
  it('looks the same and takes the same time for an unknown login, a wrong password, a disabled and a limited login', async () => {
    const limitedLogin = sampleLogin(1)
    for (let tries = 0; tries < 12; tries++)
      await dependencies.throttle.signIn.take({ subject: limitedLogin.login, network: '127.0.0.0/24' })
    const attempts: [login: string, password: string][] = [
      ['nobody.at.all', 'whatever'],
      [right.login, 'not the password'],
      [disabled.login, disabled.password],
      [limitedLogin.login, limitedLogin.password],
    ]
    const unknown = await attempt('nobody.at.all', 'whatever')
    for (const [index, typed] of attempts.entries()) {
      time.verifyingTakes = index * 137
      const { seen, ms } = await attempt(...typed)
      expect(seen).toEqual(unknown.seen)
      expect(ms).toBe(deadlineMs)
    }
    // What took longer than the deadline says no more than that.
    time.verifyingTakes = deadlineMs + 1
    expect((await attempt('nobody.at.all', 'whatever')).ms).toBe(2 * deadlineMs)
    time.verifyingTakes = 0
    expect(unknown.seen.status).toBe(303)
    expect(unknown.seen.next).toContain('login.refused')
  })

  it('keeps what was typed as the login, and nothing of the password', async () => {
    const page = await createPerson(origin).post('/', {
      login: 'nobody.at.all',
      password: 'a secret typed here',
    })
    expect(page.body).toContain('value="nobody.at.all"')
    expect(page.body).not.toContain('a secret typed here')
    expect(JSON.stringify(logged)).not.toContain('a secret typed here')
  })

  it('escapes what was typed', async () => {
    const page = await createPerson(origin).post('/', { login: '"><script>alert(1)</script>', password: 'x' })
    expect(page.body).not.toContain('<script>alert')
    expect(page.body).toContain('&lt;script&gt;')
  })

  it('survives a login too long for a cookie', async () => {
    const page = await createPerson(origin).post('/', { login: 'x'.repeat(5000), password: 'x' })
    expect(page.body).toContain('login.refused')
  })
})

describe('a directory that cannot be asked', () => {
  it('is "try again shortly": 503, Retry-After, and the attempt counts against no one', async () => {
    const person = createPerson(shaky.origin)
    for (let tries = 0; tries < 15; tries++) {
      const page = await person.send('/', { login: 'flaky', password: 'x' })
      expect(page.status).toBe(503)
      expect(page.headers.get('retry-after')).toBe('30')
      expect(pageName(page)).toBe('login-unavailable')
      expect(page.body).toContain('value="flaky"')
    }
    isDown = false
    expect(pageName(await person.post('/', { login: 'flaky', password: 'x' }))).toBe('redirection')
  })
})

describe('the commonest mistakes', () => {
  it('an e-mail address typed as the login is told where to go by its form alone: nobody is asked', async () => {
    isDown = true
    const page = await createPerson(shaky.origin).post('/', { login: 'jean@societe.fr', password: 'x' })
    expect(page.status).toBe(200)
    expect(page.body).toContain('login.looks_like_address')
    expect(page.body).toContain('href="http://127.0.0.9:3000/sign-in"')
  })

  it('an empty form says what is missing, field by field', async () => {
    const page = await createPerson(origin).post('/', { login: ' ', password: '' })
    expect(page.body).toContain('login.missing_login')
    expect(page.body).toContain('login.missing_password')
    expect(page.body).toMatch(/id="login"[\s\S]*?aria-describedby="login-error"[\s\S]*?aria-invalid="true"/)
  })

  it('a forgotten password leads to Cofacering’s page, or to the desk where there is none', async () => {
    expect((await createPerson(origin).get('/')).body).toContain('href="https://cofacering.example/oubli"')
    const desk = (await createPerson(shaky.origin).get('/')).body
    expect(desk).toContain('login.forgot_desk 0825 000 000 0,15 €/min')
  })

  it('a redirection screen without a sign-in leads back to the login page', async () => {
    const page = await createPerson(origin).visit('/redirection')
    expect(pageName(page)).toBe('login')
    expect(page.body).toContain('login.again')
  })
})

describe('the door through Keycloak', () => {
  it('has the same page, and leads to the same screens', async () => {
    const browser = new Browser()
    const login = await browser.visit(keycloak.request(origin).url)
    expect(pageName(login)).toBe('login')
    expect(new URL(login.url).pathname).toMatch(/^\/interaction\//)
    const refused = await browser.follow(
      await browser.submit(login, { login: right.login, password: 'wrong' }),
    )
    expect(refused.url).toBe(login.url)
    expect(refused.body).toContain('login.refused')
    const { login: name, password } = right
    expect(pageName(await browser.follow(await browser.submit(refused, { login: name, password })))).toBe(
      'redirection',
    )
  })

  it('takes whoever prefers an e-mail address back to Keycloak by a page that continues', async () => {
    const browser = new Browser()
    const login = await browser.visit(keycloak.request(origin).url)
    const csrf = /name="csrf" value="([^"]+)"/.exec(login.body)![1]!
    const page = await browser.open(`${login.url}/cancel`, { form: { csrf } })
    expect(page.status).toBe(200)
    const back = await browser.follow(page, keycloak.redirectUri)
    expect(back.location).toContain('error=access_denied')
  })

  it('says how to go on when the interaction is over or another browser’s', async () => {
    const browser = new Browser()
    const login = await browser.visit(keycloak.request(origin).url)
    const stranger = await new Browser().open(login.url)
    expect(stranger.status).toBe(410)
    expect(pageName(stranger)).toBe('interaction-gone')
    const person = createPerson(origin)
    await person.get('/')
    const csrf = /name="csrf" value="([^"]+)"/.exec((await person.get('/')).body)![1]!
    for (const action of ['login', 'cancel'])
      expect(
        (await person.browser.open(`${login.url}/${action}`, { form: { csrf, login: 'x', password: 'x' } }))
          .status,
      ).toBe(410)
  })

  it('shows the page in the language that Keycloak asks for', async () => {
    const login = await new Browser().visit(keycloak.request(origin, { ui_locales: 'en fr' }).url)
    expect(login.body).toContain('<html lang="en">')
  })
})
