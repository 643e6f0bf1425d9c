/**
 * One correlation id for a person's path: every line of provider that concerns it carries the id of the first page, on
 * both devices and over the back channel, and nobody else's line does. The whole product in two processes, with
 * admin-sync's lines, is in e2e/privacy.browser.
 */
import { randomUUID } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { newCorrelationId, readableReference } from '../../../provider/web/correlation.ts'
import { createStandIn } from '../activation/stand-in.ts'
import {
  createPerson,
  idOf,
  newPassword,
  openDirectory,
  sampleLogin,
  type Person,
} from '../screens/people.ts'
import { pageName } from '../support/browser.ts'
import { startInstance } from '../support/instance.ts'
import { createCofacering, createDatabase } from '../../support/postgres.ts'

const database = await createDatabase()
const directory = openDirectory(await createCofacering())
const { origin, logged, dependencies } = await startInstance(
  database.provider,
  { SIGN_IN_DEADLINE_MS: '20' },
  directory,
)
const sync = createStandIn(database.sync)
let count = 0

const cookieOf = ({ browser }: Person) => browser.cookies.find(({ name }) => name === 'correlation')?.value
const idOfBrowser = (who: Person) => cookieOf(who)?.split('.')[0] ?? 'none'
/** The lines that were written by `steps`, and what the steps gave. */
async function linesOf<T>(steps: () => Promise<T>) {
  const from = logged.length
  const result = await steps()
  // The last answer is out before its line is.
  await new Promise((done) => setImmediate(done))
  return { result, lines: logged.slice(from) }
}
const idsIn = (lines: Record<string, unknown>[]) => [
  ...new Set(lines.filter(({ route }) => route !== '/assets/*').map((line) => line['correlation_id'])),
]
async function asked(who = createPerson(origin)) {
  const login = sampleLogin(count)
  // There are fewer logins than tests: whoever held it before gives it up.
  await sync.pool.query('UPDATE ellipro.activation SET account = id::text WHERE login = $1', [login.login])
  const email = `correlation${++count}@example.fr`
  const page = await who.ask(login, email)
  return { who, login, email, id: idOf(page) }
}
const storedId = async (id: string) =>
  (
    await sync.pool.query<{ id: string }>('SELECT request_id AS id FROM ellipro.activation WHERE id = $1', [
      id,
    ])
  ).rows[0]?.id

describe('the correlation id', () => {
  it('is that of the first page in every line of the path, mistakes included, and stands with the activation', async () => {
    const who = createPerson(origin)
    const { result, lines } = await linesOf(async () => {
      await who.visit('/')
      await who.post('/', { login: sampleLogin(count).login, password: 'wrong' })
      return asked(who)
    })
    expect(lines.map(({ event }) => event)).toEqual(
      expect.arrayContaining(['http.answered', 'login.refused', 'login.accepted', 'activation.start']),
    )
    expect(idsIn(lines)).toEqual([idOfBrowser(who)])
    expect(await storedId(result.id)).toBe(idOfBrowser(who))
  })

  it('is taken over on another device by k, up to the proof at our OP, and by nothing less', async () => {
    const { who, id } = await asked()
    const { k } = await sync.sendMail(id)
    const phone = createPerson(origin)
    await phone.visit(`/activation/${id}`)
    await phone.visit(`/activation/${id}/confirm?k=${'A'.repeat(43)}`)
    expect(idOfBrowser(phone)).not.toBe(idOfBrowser(who))

    const { lines } = await linesOf(async () => {
      await phone.visit(`/activation/${id}/confirm?k=${k.toString('base64url')}`)
      await phone.post(`/activation/${id}/confirm`, { password: 'not the first one' })
      await phone.post(`/activation/${id}/confirm`, { password: newPassword })
      await sync.open(id)
      await phone.visit(`/activation/${id}/opening`)
    })
    expect(lines.filter(({ event }) => event === 'activation.confirm')).toHaveLength(2)
    expect(lines.map(({ event }) => event)).toContain('sign_in.keycloak_unavailable')
    expect(idsIn(lines)).toEqual([idOfBrowser(who)])
    expect(idOfBrowser(phone)).toBe(idOfBrowser(who))
  })

  it('is taken over by who says "it was not me", and goes on with a corrected address', async () => {
    const { who, id } = await asked()
    const { w } = await sync.sendMail(id)
    const owner = createPerson(origin)
    const { lines } = await linesOf(async () => {
      await owner.visit(`/activation/${id}/withdraw?w=${w.toString('base64url')}`)
      await owner.post(`/activation/${id}/withdraw`)
    })
    expect(idsIn(lines)).toEqual([idOfBrowser(who)])

    const other = await asked()
    const elsewhere = createPerson(origin)
    await elsewhere.post(`/activation/${other.id}/address`, {
      email: `corrected${count}@example.fr`,
      password: newPassword,
    })
    expect(idOfBrowser(elsewhere)).toBe(idOfBrowser(other.who))
  })

  it('is known for a subject to the OP alone, whose back channel has no cookie', async () => {
    const { who, id } = await asked()
    const { rows } = await sync.pool.query<{ sub: string }>(
      'SELECT sub FROM ellipro.activation WHERE id = $1',
      [id],
    )
    const { store } = dependencies
    expect(await store.subjectCorrelation(rows[0]?.sub ?? '')).toBe(idOfBrowser(who))
    expect(await store.subjectCorrelation('somebody')).toBeUndefined()
  })

  it('begins anew for the next person at the same browser, and goes back with the first one’s page', async () => {
    const { who, id } = await asked()
    const first = idOfBrowser(who)
    const colleague = await asked(who)
    expect(idOfBrowser(who)).not.toBe(first)
    expect(await storedId(colleague.id)).toBe(idOfBrowser(who))
    expect(await storedId(id)).toBe(first)
  })

  it.each([
    ['a text', 'victim@example.fr'],
    ['an id that we did not make', randomUUID()],
    ['an id of ours without its signature', newCorrelationId()],
    ['a signature of another id', `${newCorrelationId()}.${'A'.repeat(43)}`],
    ['line breaks', '%0d%0a{"event":"forged"}'],
    ['a thousand characters', '1'.repeat(1000)],
  ])('that a browser sends as %s is replaced and in no line', async (_, hostile) => {
    const who = createPerson(origin)
    who.browser.cookies.push({ host: new URL(origin).host, name: 'correlation', value: hostile, path: '/' })
    const { lines } = await linesOf(() => who.visit('/'))
    expect(idOfBrowser(who)).toMatch(/^\d{8}-\d{4}-4/)
    expect(idsIn(lines)).toEqual([idOfBrowser(who)])
    expect(JSON.stringify(lines)).not.toContain(hostile.slice(0, 36))
  })

  it('is given to no health check, static file or key set', async () => {
    const who = createPerson(origin)
    for (const path of ['/health/live', '/health/ready', '/assets/pages.css', '/oidc/jwks'])
      await who.get(path)
    expect(cookieOf(who)).toBeUndefined()
  })
})

describe('a page that says that something could not be done', () => {
  it.each([
    ['no page', 404, (who: Person) => who.visit('/nowhere')],
    [
      'CSRF refused',
      403,
      async (who: Person) => {
        await who.visit('/')
        return who.browser.open(`${origin}/login`, { form: { csrf: 'wrong', login: 'x', password: 'y' } })
      },
    ],
    ['an interaction that is gone', 410, (who: Person) => who.visit('/interaction/gone')],
    ['a sign-in that nobody began', 400, (who: Person) => who.visit('/sign-in/callback?state=x&code=y')],
    ['a damaged link', 400, (who: Person) => who.visit(`/activation/${randomUUID()}/confirm?k=x`)],
    ['a refused authorization request', 400, (who: Person) => who.visit('/oidc/auth?client_id=nobody')],
  ] as const)('shows the reference to read out: %s', async (_, status, go) => {
    const who = createPerson(origin)
    const { result, lines } = await linesOf(() => go(who))
    expect(result.status).toBe(status)
    expect(result.body).toContain(`error.reference ${readableReference(idOfBrowser(who))}`)
    expect(idsIn(lines)).toEqual([idOfBrowser(who)])
  })

  it('is the only kind that does', async () => {
    const page = await createPerson(origin).visit('/')
    expect([pageName(page), page.body.includes('error.reference')]).toEqual(['login', false])
  })
})

it('the reference is the beginning of the id, in digits that people can read out', () => {
  expect(readableReference('48291507-3361-4abc-9def-0123456789ab')).toBe('4829 1507 3361')
  expect(new Set(Array.from({ length: 1000 }, newCorrelationId)).size).toBe(1000)
})
