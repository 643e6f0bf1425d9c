/**
 * What a stranger may learn from answers (invariants 4 and 5): nothing. Whole answers as they are on the wire, status,
 * header names in their order, values and body, are compared over the whole life of an activation, between an address
 * that has an account and one that has none; and between the failures of a sign-in.
 */
import { describe, expect, it } from 'vitest'
import type { LegacyDirectory } from '../../../provider/legacy/directory.ts'
import { createDatabase } from '../../support/postgres.ts'
import { createStandIn } from '../activation/stand-in.ts'
import { startInstance } from '../support/instance.ts'
import { Wire, type Answer } from './exchange.ts'

const password = 'agrafe cheval batterie correct'
/** Logins `known.00` and so on, alike but for two digits; `off` is disabled, as the port says: refused. */
const directory: LegacyDirectory = {
  async verify(login, typed) {
    const number = /^known\.(\d\d)$/.exec(login)?.[1]
    if (number === undefined || typed !== 'right') return { status: 'refused' }
    return {
      status: 'ok',
      account: {
        account: `account-${number}`,
        login,
        company: `Company ${number}`,
        contract: 'C',
        shared: false,
      },
    }
  },
}
const waits: number[] = []
let at = 0
const stopwatch = {
  now: () => at,
  sleep: async (ms: number) => {
    waits.push(ms)
    at += ms
  },
}
const database = await createDatabase()
const { origin, dependencies } = await startInstance(
  database.provider,
  { SIGN_IN_DEADLINE_MS: '600' },
  directory,
  undefined,
  stopwatch,
)
const sync = createStandIn(database.sync)
await sync.set('mails_per_login_per_day', 1000)

/** An answer without what is random in every answer, or this person's own. */
function normalise({ status, headers, body }: Answer, own: string[]): unknown {
  const clean = (text: string) =>
    own
      .reduce((rest, value) => rest.replaceAll(value, '_'.repeat(value.length)), text)
      .replaceAll(/name="(csrf|form)" value="[^"]*"/g, 'name="$1"')
      .replaceAll(/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/g, '#'.repeat(36))
      // The reference of the person's path: three groups of four digits.
      .replaceAll(/\b\d{4} \d{4} \d{4}\b/g, '#### #### ####')
  return {
    status,
    headers: headers
      .filter(([name]) => name !== 'Date')
      .map(([name, value]) => {
        if (name === 'X-Request-Id') return [name, value.length]
        if (name === 'Set-Cookie')
          return [name, clean(value).replace(/=([^;]*)/, (_, content: string) => `=${content.length}`)]
        return [name, clean(value)]
      }),
    body: clean(body),
  }
}

class Person {
  readonly wire = new Wire(origin)
  readonly seen: unknown[] = []
  readonly own: string[]
  constructor(...own: string[]) {
    this.own = own
  }
  async see(path: string, form?: Record<string, string>): Promise<Answer> {
    const csrf = form && (await this.wire.token(path.replace(/\/(login|resend)$/, '') || '/'))
    const answer = await this.wire.send(path, form ? { form: { ...form, ...(csrf && { csrf }) } } : {})
    this.seen.push(normalise(answer, this.own))
    return answer
  }
}

const locationOf = (answer: Answer) => answer.headers.find(([name]) => name === 'Location')?.[1] ?? ''

describe('an address', () => {
  let count = 10

  /** Everything that somebody with a Cofacering login can look at, with the mails going out or not. */
  async function live(kind: 'free' | 'taken'): Promise<unknown[]> {
    const number = String(count++)
    const [login, email] = [`known.${number}`, `person${number}@example.fr`]
    const person = new Person(login, `Company ${number}`, email, `other${number}@example.fr`)
    const { wire } = person
    await person.see('/login', { login, password: 'right' })
    await person.see('/redirection')
    const started = await person.see('/redirection', { email, password, shared: 'no' })
    const id = /\/activation\/([0-9a-f-]{36})/.exec(locationOf(started))![1]!
    person.own.push(id)
    const page = `/activation/${id}`
    const mailIsSent = async () => (kind === 'free' ? sync.sendMail(id) : sync.refuse(id))
    const moment = new Date(Date.UTC(2030, 0, 2, 12))
    await sync.pool.query('UPDATE ellipro.activation SET expires_at = $2 WHERE id = $1', [id, moment])
    // Before the mail left, and after.
    await person.see(page)
    await mailIsSent()
    for (const path of [
      page,
      page,
      `${page}/address`,
      `${page}/confirm`,
      `${page}/opening`,
      `${page}/withdraw`,
    ])
      await person.see(path)
    await person.see('/activation/continue')
    await person.see('/redirection')
    await person.see('/login', { login, password: 'right' })
    // A fresh mail: too soon, in time, until the day's are used up.
    await person.see(`${page}/resend`, {})
    await person.see(page)
    for (let asked = 0; asked < 4; asked++) {
      await sync.pool.query(
        `UPDATE ellipro.activation SET mail_requested_at = now() - interval '61 seconds' WHERE id = $1`,
        [id],
      )
      await person.see(page)
      await person.see(`${page}/resend`, {})
      await person.see(page)
      await mailIsSent()
    }
    // Another browser: without the password, with a wrong one, with the right one.
    const stranger = new Person(...person.own)
    for (const typed of ['', 'not this one', password]) {
      await stranger.see(`${page}/resend`, { password: typed })
      await stranger.see(page)
    }
    await stranger.see(`${page}/address`, { email: 'elsewhere@example.fr', password: 'not this one' })
    // Links that are not good, the same address again, and another request for it by somebody else.
    await person.see(`${page}/confirm?k=${'A'.repeat(43)}`)
    await person.see(`${page}/confirm?damaged=1`)
    await person.see(`${page}/address`, { email })
    await person.see(page)
    const colleague = new Person(`known.${number}`, `Company ${number}`, email, id)
    await colleague.see('/login', { login, password: 'right' })
    await colleague.see('/redirection', { email, password, shared: 'no' })
    await colleague.see('/redirection')
    // The hours are over.
    await sync.pool.query(
      `UPDATE ellipro.activation SET expires_at = now() - interval '1 second' WHERE id = $1`,
      [id],
    )
    for (const path of [page, `${page}/confirm`, `${page}/address`, `${page}/opening`]) await person.see(path)
    await person.see(`${page}/resend`, {})
    await person.see('/login', { login, password: 'right' })
    await stranger.see(page)
    expect(wire.jar.size).toBeGreaterThan(3)
    return [...person.seen, ...stranger.seen, ...colleague.seen]
  }

  it('that has an account is answered byte for byte like one that has none, over the whole life of an activation', async () => {
    const free = await live('free')
    const taken = await live('taken')
    expect(taken).toEqual(free)
    expect(free.length).toBeGreaterThan(45)
  })

  /** A corrected address: the page of the new activation, and of the old one. */
  async function correct(kind: 'free' | 'taken'): Promise<unknown[]> {
    const number = String(count++)
    const login = `known.${number}`
    const [first, second] = [`first${number}@example.fr`, `second${number}@example.fr`]
    const person = new Person(login, `Company ${number}`, first, second)
    await person.see('/login', { login, password: 'right' })
    const started = await person.see('/redirection', { email: first, password, shared: 'no' })
    const id = /\/activation\/([0-9a-f-]{36})/.exec(locationOf(started))![1]!
    person.own.push(id)
    await sync.sendMail(id)
    const corrected = await person.see(`/activation/${id}/address`, { email: second })
    const next = /\/activation\/([0-9a-f-]{36})/.exec(locationOf(corrected))![1]!
    person.own.push(next)
    person.seen.length = 0
    if (kind === 'free') await sync.sendMail(next)
    else await sync.refuse(next)
    await sync.pool.query('UPDATE ellipro.activation SET expires_at = $2 WHERE id = $1', [
      next,
      new Date(Date.UTC(2030, 0, 2, 12)),
    ])
    for (const path of [`/activation/${next}`, `/activation/${id}`, `/activation/${next}/address`])
      await person.see(path)
    await person.see(`/activation/${next}/address`, { email: first })
    return person.seen
  }

  it('corrected to one that has an account, or to one that has none, is answered alike', async () => {
    expect(await correct('taken')).toEqual(await correct('free'))
  })
})

/** An opened account on a login. */
const hold = (account: string, address: string) =>
  sync.pool.query(
    `INSERT INTO ellipro.activation (state, account, login, company, contract, address, locale, expires_at, confirmed_at, opened_at)
     VALUES ('opened', $1, $1, 'C', 'C', $2, 'fr', now(), now(), now())`,
    [account, address],
  )

/** Somebody else asked, in another browser. */
async function askBefore(login: string, email: string): Promise<void> {
  const person = new Person()
  await person.see('/login', { login, password: 'right' })
  await person.see('/access/new', { name: 'Somebody', email, phone: '' })
}

/** Everything that an id leads to without a code, and with a wrong one. */
async function lookAt(request: string, caseId: string): Promise<unknown[]> {
  const person = new Person(request, caseId)
  const code = 'A'.repeat(43)
  for (const path of [
    `/access/${request}`,
    `/access/${request}?s=${code}`,
    `/access/${request}/prove`,
    `/access/${request}/prove?k=${code}`,
    `/access/${request}/withdraw?w=${code}`,
    `/access/${request}/withdraw`,
    `/access/holder/${caseId}?h=${code}`,
    `/access/holder/${caseId}`,
  ])
    await person.see(path)
  return person.seen
}

describe('a request for an access of one’s own', () => {
  let number = 60
  const known: Record<string, (login: string, email: string) => Promise<unknown>> = {
    'of an address that nobody knows': () => Promise.resolve(),
    'of an address that has an account': (_, email) => hold(`elsewhere-${email}`, email),
    'of an address that asked a moment ago': (login, email) => askBefore(login, email),
    'of an address whose request is with the desk': async (login, email) => {
      await askBefore(login, email)
      await sync.pool.query(
        `UPDATE ellipro.access_request SET state = 'proved', proved_at = now() WHERE address_key = $1`,
        [email],
      )
    },
    'on a login that has a case': (login) => askBefore(login, `other-${login}@example.fr`),
  }
  async function ask(prepare: (typeof known)[string]): Promise<unknown[]> {
    const login = `known.${number}`
    const email = `person${number}@example.fr`
    await hold(`account-${number}`, `holder${number}@example.fr`)
    const person = new Person(login, `Company ${number}`, email)
    number++
    await prepare(login, email)
    await person.see('/login', { login, password: 'right' })
    for (const path of ['/moved', '/access/new']) await person.see(path)
    await person.see('/access/new', { name: 'Claire', email, phone: '' })
    await person.see('/access/sent')
    // Loaded again: the address is not in it any more.
    await person.see('/access/sent')
    await person.see('/access/new', { name: 'Claire', email, phone: '' })
    await person.see('/access/sent')
    return person.seen
  }

  it('is answered byte for byte alike, whatever is known of address, login and case', async () => {
    const first = await ask(known['of an address that nobody knows']!)
    expect(first).toHaveLength(8)
    expect(JSON.stringify(first[4])).toContain('access.sent_link')
    for (const [name, prepare] of Object.entries(known))
      expect({ name, seen: await ask(prepare) }).toEqual({ name, seen: first })
  })

  it('tells nobody without the code of its mail that there is one, or what became of it', async () => {
    const login = `known.${number}`
    await hold(`account-${number}`, `holder${number}@example.fr`)
    const email = `person${number++}@example.fr`
    await askBefore(login, email)
    const { rows } = await sync.pool.query<{ id: string; case_id: string }>(
      'SELECT id, case_id FROM ellipro.access_request WHERE address_key = $1',
      [email],
    )
    const nobody = '11111111-2222-4333-8444-555555555555'
    expect(await lookAt(rows[0]!.id, rows[0]!.case_id)).toEqual(await lookAt(nobody, nobody))
  })
})

describe('a login', () => {
  it('that is unknown, locked or has another password is answered byte for byte alike, after the same wait', async () => {
    for (let tries = 0; tries < 12; tries++)
      await dependencies.throttle.signIn.take({ subject: 'known.02', network: '127.0.0.0/24' })
    const attempts: [login: string, password: string][] = [
      ['other.00', 'wrong'],
      ['known.01', 'wrong'],
      ['known.02', 'wrong'],
      ['known.02', 'right'],
      ['KNOWN.01', 'wrong'],
    ]
    const answers = []
    for (const [login, typed] of attempts) {
      waits.length = 0
      const person = new Person(login)
      await person.see('/login', { login, password: typed })
      await person.see('/')
      answers.push({ seen: person.seen, waits: [...waits] })
    }
    for (const answer of answers) expect(answer).toEqual(answers[0])
    expect(answers[0]?.waits).toEqual([600])
  })
})
