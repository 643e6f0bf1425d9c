/**
 * The day on which Cofacering closes, on the real routes and database, with the clock of the test: a process that runs
 * across the moment changes by itself; nobody starts any more, with an old form neither; whoever started finishes.
 */
import { beforeEach, describe, expect, test } from 'vitest'
import { createCofacering, createDatabase } from '../../support/postgres.ts'
import { createStandIn } from '../activation/stand-in.ts'
import { startInstance } from '../support/instance.ts'
import { createPerson, idOf, newPassword, openDirectory, sampleLogin } from './people.ts'

const database = await createDatabase()
const directory = openDirectory(await createCofacering())
const sync = createStandIn(database.sync)
const hour = 3_600_000
const closesAt = new Date(Date.now() + hour)
const { origin, clock } = await startInstance(
  database.provider,
  { COFACERING_CLOSES_AT: closesAt.toISOString(), SIGN_IN_DEADLINE_MS: '1' },
  directory,
)
const close = () => {
  clock.offsetMs = 2 * hour
}
const count = async () => {
  const { rows } = await sync.pool.query<{ count: string }>('SELECT count(*) FROM ellipro.activation')
  return Number(rows[0]?.count)
}
beforeEach(() => {
  clock.offsetMs = 0
})

/** @param ms from the closing */
const moveClock = (ms: number) => {
  clock.offsetMs = closesAt.getTime() + ms - Date.now()
}

describe('before', () => {
  test('the pages of the first step announce it, and the later ones do not', async () => {
    const person = createPerson(origin)
    const page = await person.get('/')
    expect([page.status, page.body.includes('id="closing"')]).toEqual([200, true])
    expect(page.body).toContain('closing.soon')
    const redirection = await person.post('/', sampleLogin(0))
    expect(redirection.body).toContain('data-page="redirection"')
    expect(redirection.body).toContain('id="closing"')
    const sent = await createPerson(origin).ask(sampleLogin(1), 'avant@client.example')
    expect(sent.body).toContain('data-page="sent"')
    expect(sent.body).not.toContain('id="closing"')
  })

  test('seconds before it is open, and at the instant it is closed, in the same process', async () => {
    const person = createPerson(origin)
    moveClock(-5_000)
    expect((await person.get('/')).status).toBe(200)
    moveClock(0)
    expect((await person.get('/')).status).toBe(410)
  })
})

describe('after', () => {
  test('the login page explains, with the desk and the ways on, and says 410', async () => {
    close()
    const page = await createPerson(origin).get('/')
    expect(page.status).toBe(410)
    expect(page.body).toContain('data-page="closed"')
    for (const said of [
      '0825 000 000',
      'desk@example.test',
      '/activation/continue',
      '127.0.0.9:3000/sign-in',
    ])
      expect(page.body).toContain(said)
    expect(page.body).not.toContain('name="password"')
    expect(page.body).not.toContain('id="closing"')
  })

  test('an old login form signs nobody in: the directory is not even asked', async () => {
    const person = createPerson(origin)
    const form = await person.get('/')
    close()
    const answer = await person.browser.submit(form, sampleLogin(2))
    expect([answer.status, answer.body.includes('data-page="closed"')]).toEqual([410, true])
    // Nothing was remembered for this browser either.
    clock.offsetMs = 0
    expect((await person.get('/redirection')).location).toBe(`${origin}/`)
  })

  test('an old form of the redirection screen starts nothing, and the screen explains', async () => {
    const person = createPerson(origin)
    const redirection = await person.post('/', sampleLogin(3))
    const before = await count()
    close()
    const answer = await person.browser.submit(redirection, {
      email: 'trop-tard@client.example',
      password: newPassword,
      shared: 'no',
    })
    expect([answer.status, answer.body.includes('data-page="closed"')]).toEqual([410, true])
    expect(await count()).toBe(before)
    expect((await person.get('/redirection')).status).toBe(410)
  })

  test('whoever started goes on: their page, a fresh mail, a corrected address, the confirmation', async () => {
    const person = createPerson(origin)
    const sent = await person.ask(sampleLogin(4), 'en-cours@client.example')
    const id = idOf(sent)
    await sync.sendMail(id)
    close()
    expect((await person.get(`/activation/${id}`)).status).toBe(200)
    await sync.pool.query(
      `UPDATE ellipro.activation SET mail_requested_at = now() - interval '2 minutes' WHERE id = $1`,
      [id],
    )
    await person.browser.submit(await person.get(`/activation/${id}`), {})
    expect((await sync.stateOf(id)).mail_generation).toBe(2)
    const corrected = await person.post(`/activation/${id}/address`, { email: 'corrigee@client.example' })
    const next = idOf(corrected)
    expect(next).not.toBe(id)
    const { k } = await sync.sendMail(next)
    const mailbox = createPerson(origin)
    const confirm = await mailbox.visit(`/activation/${next}/confirm?k=${k.toString('base64url')}`)
    expect(confirm.body).toContain('data-page="confirm"')
    await mailbox.browser.submit(confirm, { password: newPassword })
    expect((await sync.stateOf(next)).state).toBe('confirmed')
  })
})
