/** The way from a Cofacering login to the opening page, by HTTP, on the real routes, database and directory. */
import { describe, expect, it } from 'vitest'
import { createCofacering, createDatabase } from '../../support/postgres.ts'
import { createStandIn } from '../activation/stand-in.ts'
import { pageName, refreshOf } from '../support/browser.ts'
import { startInstance } from '../support/instance.ts'
import { createPerson, idOf, newPassword, openDirectory, sampleLogin } from './people.ts'

const database = await createDatabase()
const directory = openDirectory(await createCofacering())
const { origin } = await startInstance(database.provider, { SIGN_IN_DEADLINE_MS: '200' }, directory)
const sync = createStandIn(database.sync)
await sync.set('activations_per_login_per_day', 100)
const person = () => createPerson(origin)
let count = 0
const address = () => `person${++count}@example.fr`

/** A login that nobody has asked with: there are fewer of them than tests. */
async function freeLogin(index: number) {
  const login = sampleLogin(index)
  await sync.pool.query(`UPDATE ellipro.activation SET account = id::text WHERE login = $1`, [login.login])
  return login
}

/** A login of its own, a person, an address, and the page "mail sent". */
async function asked() {
  const email = address()
  const login = await freeLogin(count)
  const who = person()
  const page = await who.ask(login, email)
  return { who, login, email, page, id: idOf(page) }
}

/** The same, confirmed in the browser where it began. */
async function confirmedBy() {
  const asking = await asked()
  const { k } = await sync.sendMail(asking.id)
  await asking.who.visit(`/activation/${asking.id}/confirm?k=${k.toString('base64url')}`)
  await asking.who.post(`/activation/${asking.id}/confirm`, { password: newPassword })
  return asking
}
const setState = (id: string, state: string, reason: string) =>
  sync.pool.query('UPDATE ellipro.activation SET state = $2, reason = $3 WHERE id = $1', [id, state, reason])

describe('the way to an account', () => {
  it('goes from the usual login to the opening page, in the browser where it began', async () => {
    const { who, id, page, email, login } = await asked()
    expect(pageName(page)).toBe('sent')
    expect(page.body).toContain(email)
    expect(page.body).toContain(login.login)
    const { k } = await sync.sendMail(id)

    const arrival = await who.get(`/activation/${id}/confirm?k=${k.toString('base64url')}`)
    expect(arrival.status).toBe(303)
    expect(arrival.location).toBe(`${origin}/activation/${id}/confirm`)
    const confirmation = await who.visit(`/activation/${id}/confirm`)
    expect(pageName(confirmation)).toBe('confirm')
    expect(confirmation.body).toContain(login.company.replaceAll('&', '&amp;'))
    expect(confirmation.body).not.toContain(login.login)
    expect(confirmation.body).toMatch(/autocomplete="current-password"/)

    const opening = await who.post(`/activation/${id}/confirm`, { password: newPassword })
    expect(pageName(opening)).toBe('opening')
    expect(refreshOf(opening)).toBe(`${origin}/activation/${id}/opening?n=1`)
    expect(await sync.stateOf(id)).toMatchObject({ state: 'confirmed' })
    expect(pageName(await who.visit(`/activation/${id}/opening?n=10`))).toBe('opening-slow')

    await sync.open(id)
    const opened = await who.visit(`/activation/${id}/opening`)
    // Keycloak is not there; what provider gave this browser is.
    expect(opened.status).toBe(503)
    expect(who.browser.cookies.filter(({ name }) => name.startsWith('op_proof_'))).toHaveLength(1)
    const first = await who.visit(`/activation/${id}`)
    expect(pageName(first)).toBe('sent-opened')
    expect(first.body).toContain('href="http://127.0.0.9:3000/sign-in"')
  })

  it('goes on in another browser from the link of the mail, where the first tab then says that it is open', async () => {
    const { who, id } = await asked()
    const { k } = await sync.sendMail(id)
    const elsewhere = person()
    const confirmation = await elsewhere.visit(`/activation/${id}/confirm?k=${k.toString('base64url')}`)
    expect(pageName(confirmation)).toBe('confirm')
    const opening = await elsewhere.post(`/activation/${id}/confirm`, { password: newPassword })
    expect(pageName(opening)).toBe('opening')
    expect(pageName(await who.visit(`/activation/${id}`))).toBe('sent-confirmed')
    await sync.open(id)
    expect(pageName(await who.visit(`/activation/${id}`))).toBe('sent-opened')
    // Only the browser that confirmed is signed in by us.
    expect(pageName(await who.visit(`/activation/${id}/opening`))).toBe('sent-opened')
    expect(who.browser.cookies.filter(({ name }) => name.startsWith('op_proof_'))).toEqual([])
  })

  it('tells the address to the password manager of the browser that typed it, and to no other holder of the link', async () => {
    const { who, id, email } = await asked()
    const { k } = await sync.sendMail(id)
    const path = `/activation/${id}/confirm?k=${k.toString('base64url')}`
    const own = await who.visit(path)
    expect(own.body).toMatch(new RegExp(`<input[^>]*value="${email}"[^>]*autocomplete="username"`, 's'))
    const elsewhere = await person().visit(path)
    expect(pageName(elsewhere)).toBe('confirm')
    expect(elsewhere.body).not.toContain(email)
    expect(elsewhere.body).not.toContain('autocomplete="username"')
  })

  it('shows who comes back with the usual login where the activation stands', async () => {
    const { who, login, id, email } = await asked()
    expect(idOf(await who.post('/', login))).toBe(id)
    expect(pageName(await createPerson(origin).post('/', login))).toBe('redirection')
    const { k } = await sync.sendMail(id)
    await who.visit(`/activation/${id}/confirm?k=${k.toString('base64url')}`)
    await who.post(`/activation/${id}/confirm`, { password: newPassword })
    expect(pageName(await who.post('/', login))).toBe('opening')
    const colleague = await person().post('/', login)
    expect(pageName(colleague)).toBe('moved')
    expect(colleague.body).toContain('p•••••@•••••')
    expect(colleague.body).toContain('href="/access/new"')
    expect(colleague.body).not.toContain('login_hint')
    await sync.open(id)
    // The address is filled in where it was typed, and nowhere else.
    const own = await who.post('/', login)
    expect(pageName(own)).toBe('moved')
    expect(own.body).toContain(`href="http://127.0.0.9:3000/sign-in?login_hint=${encodeURIComponent(email)}"`)
    expect((await person().post('/', login)).body).not.toContain('login_hint')
    await sync.pool.query(`UPDATE ellipro.activation SET state = 'closed' WHERE id = $1`, [id])
    expect(pageName(await who.post('/', login))).toBe('desk-closed')
    expect(pageName(await who.visit(`/activation/${id}`))).toBe('desk-closed')
  })

  it('is one activation and one mail for a form sent twice, or again after Back', async () => {
    const who = person()
    const login = await freeLogin(++count)
    const form = await who.post('/', login)
    const email = address()
    const fields = { email, password: newPassword, shared: 'yes' }
    const answers = await Promise.all([1, 2, 3].map(() => who.browser.submit(form, fields)))
    const ids = new Set([...answers, await who.browser.submit(form, fields)].map(({ location }) => location))
    expect(ids.size).toBe(1)
    const id = await sync.idOf(email)
    expect(await sync.outbox(id)).toEqual(['send-confirmation'])
  })

  it('opens one account for a confirmation that is sent twice', async () => {
    const { who, id } = await asked()
    const { k } = await sync.sendMail(id)
    const form = await who.visit(`/activation/${id}/confirm?k=${k.toString('base64url')}`)
    const answers = await Promise.all(
      [1, 2, 3].map(() => who.browser.submit(form, { password: newPassword })),
    )
    expect(answers.map(({ location }) => location)).toEqual(
      [1, 2, 3].map(() => `${origin}/activation/${id}/opening`),
    )
    expect(await sync.outbox(id)).toEqual(['send-confirmation', 'open-account'])
    expect(pageName(await who.visit(`/activation/${id}/opening`))).toBe('opening')
  })

  it('lets a colleague at the same browser ask for an account of their own', async () => {
    const { who, login, id } = await asked()
    const redirection = await who.visit('/redirection?own=1')
    expect(pageName(redirection)).toBe('redirection')
    const page = await who.browser.submit(redirection, {
      email: address(),
      password: newPassword,
      shared: 'yes',
    })
    expect(page.location).toMatch(/\/activation\//)
    expect(page.location).not.toContain(id)
    // The first one is no longer this browser's to steer.
    expect(pageName(await who.visit(`/activation/${id}`))).toBe('sent-elsewhere')
    expect(pageName(await who.post('/', login))).toBe('sent')
  })

  it('makes a request of the activation of whoever is second on a login, with the address proved and nothing opened', async () => {
    const { login, id } = await asked()
    const second = person()
    const secondId = idOf(await second.ask(login, address()))
    for (const [who, activation] of [
      [person(), id],
      [second, secondId],
    ] as const) {
      const { k } = await sync.sendMail(activation)
      await who.visit(`/activation/${activation}/confirm?k=${k.toString('base64url')}`)
      const page = await who.post(`/activation/${activation}/confirm`, { password: newPassword })
      expect(pageName(page)).toBe(activation === id ? 'opening' : 'waiting-proved')
    }
    expect(await sync.stateOf(secondId)).toMatchObject({ state: 'waiting' })
    expect(pageName(await second.visit(`/activation/${secondId}`))).toBe('waiting-proved')
  })
})

describe('after the confirmation', () => {
  it('a mailbox that was not confirmed at Keycloak is asked for, and the same link and password serve again', async () => {
    const { who, id } = await confirmedBy()
    await setState(id, 'mailed', 'address_not_verified')
    expect(pageName(await who.visit(`/activation/${id}/opening`))).toBe('opening-not-verified')
    expect(pageName(await who.post(`/activation/${id}/confirm`, { password: newPassword }))).toBe('opening')
    expect(await sync.stateOf(id)).toMatchObject({ state: 'confirmed' })
  })

  it('an account that only the desk can open is not explained by the address', async () => {
    const { who, id } = await confirmedBy()
    await setState(id, 'refused', 'user_disabled')
    expect(pageName(await who.visit(`/activation/${id}/opening`))).toBe('opening-failed')
    expect(pageName(await who.visit(`/activation/${id}`))).toBe('sent-refused')
  })

  it('an address that has an account is told so: its mailbox was proved by whoever reads the page', async () => {
    const { who, id } = await confirmedBy()
    await setState(id, 'refused', 'address_taken')
    expect(pageName(await who.visit(`/activation/${id}/opening`))).toBe('opening-refused')
  })

  it('a browser that comes too late for our sign-in is told to sign in with its address', async () => {
    const { who, id } = await confirmedBy()
    await sync.open(id)
    await sync.pool.query('UPDATE ellipro.activation SET unlinked_at = now() WHERE id = $1', [id])
    expect(pageName(await who.visit(`/activation/${id}/opening`))).toBe('opening-opened')
  })

  it('two logins of one address: the second to confirm is told that the address has its account', async () => {
    const { id, email } = await confirmedBy()
    await sync.pool.query(
      `UPDATE ellipro.activation SET created_at = created_at - interval '25 hours' WHERE id = $1`,
      [id],
    )
    await sync.pool.query('DELETE FROM ellipro.mail WHERE activation_id = $1', [id])
    const who = person()
    const other = idOf(await who.ask(await freeLogin(++count), email))
    const { k } = await sync.sendMail(other)
    await who.visit(`/activation/${other}/confirm?k=${k.toString('base64url')}`)
    const told = await who.post(`/activation/${other}/confirm`, { password: newPassword })
    expect(pageName(told)).toBe('desk-address-taken')
    expect(told.body).toMatch(/<a class="ell-button[^>]*href="[^"]*\/sign-in">portal\.sign_in</)
  })
})

describe('steering', () => {
  it('sends a fresh mail for the starting browser, not before a minute', async () => {
    const { who, id } = await asked()
    await sync.sendMail(id)
    expect((await who.visit(`/activation/${id}`)).body).not.toContain(`/activation/${id}/resend`)
    await sync.age(id, 61)
    const resent = await who.post(`/activation/${id}`)
    expect(resent.body).toContain('sent.resent')
    // The message is shown once.
    expect((await who.visit(`/activation/${id}`)).body).not.toContain('sent.resent')
    expect(await sync.outbox(id)).toEqual(['send-confirmation', 'send-confirmation'])
  })

  it('corrects the address for the starting browser, and shows the old page where the new one is', async () => {
    const { who, id } = await asked()
    const wrong = await who.post(`/activation/${id}/address`, { email: 'transports.lefevre' })
    expect(wrong.body).toContain('address.looks_like_login')
    expect(wrong.body).toContain('value="transports.lefevre"')
    const corrected = await who.post(`/activation/${id}/address`, { email: address() })
    expect(corrected.body).toContain('sent.corrected')
    expect(idOf(corrected)).not.toBe(id)
    expect(idOf(await who.visit(`/activation/${id}`))).toBe(idOf(corrected))
    expect(await sync.stateOf(id)).toMatchObject({ state: 'withdrawn', reason: 'corrected' })
  })

  it('takes the password first typed from any other browser, five times', async () => {
    const { id } = await asked()
    await sync.sendMail(id)
    await sync.age(id, 61)
    const who = person()
    const page = await who.visit(`/activation/${id}`)
    expect(pageName(page)).toBe('sent-elsewhere')
    expect(page.body).not.toContain('example.fr')
    expect((await who.post(`/activation/${id}`)).body).toContain('steering.missing')
    for (let tries = 0; tries < 2; tries++)
      expect((await who.post(`/activation/${id}`, { password: 'another password' })).body).toContain(
        'steering.wrong',
      )
    expect((await who.post(`/activation/${id}`, { password: newPassword })).body).toContain('sent.resent')
    expect(await sync.stateOf(id)).toMatchObject({ mail_generation: 2 })
    for (let tries = 0; tries < 3; tries++)
      await who.post(`/activation/${id}`, { password: 'another password' })
    expect((await who.post(`/activation/${id}`, { password: newPassword })).body).toContain('steering.locked')
  })

  it('corrects the address from another browser with the password, and that browser then has it', async () => {
    const { id } = await asked()
    const who = person()
    const email = address()
    expect(
      (await who.post(`/activation/${id}/address`, { email, password: 'another password' })).body,
    ).toContain('steering.wrong')
    const corrected = await who.post(`/activation/${id}/address`, { email, password: newPassword })
    expect(pageName(corrected)).toBe('sent')
    expect(corrected.body).toContain(email)
  })

  it('answers for an id that nobody has as for another person’s', async () => {
    const { id } = await asked()
    const unknown = '00000000-0000-4000-8000-000000000000'
    const [first, second] = await Promise.all(
      [id, unknown].map((path) => person().visit(`/activation/${path}`)),
    )
    expect(second!.status).toBe(first!.status)
    const body = (page: typeof first, own: string) =>
      page!.body.replaceAll(own, '').replaceAll(/name="csrf" value="[^"]*"/g, '')
    expect(body(second, unknown)).toBe(body(first, id))
    expect((await person().get('/activation/not-an-id')).status).toBe(404)
  })
})

describe('Keycloak’s dead ends', () => {
  it('lead the starting browser back to its page, where it can ask for a fresh mail', async () => {
    const { who, id } = await asked()
    const page = await who.visit('/activation/continue')
    expect(idOf(page)).toBe(id)
    expect(page.body).toContain('resume.sent')
  })

  it('lead to the confirmation where the mail was opened, in any browser', async () => {
    const { id } = await asked()
    const { k } = await sync.sendMail(id)
    const who = person()
    await who.visit(`/activation/${id}/confirm?k=${k.toString('base64url')}`)
    expect(pageName(await who.visit('/activation/continue'))).toBe('confirm')
  })

  it('lead any other browser to the reasons and to a new start', async () => {
    expect(pageName(await person().visit('/activation/continue'))).toBe('resume')
  })
})

describe('reading', () => {
  it('changes nothing: neither GET nor HEAD of any page of an activation, however often a scanner comes', async () => {
    const { id } = await asked()
    const { k, w } = await sync.sendMail(id)
    const before = await sync.pool.query(
      'SELECT * FROM ellipro.activation a JOIN ellipro.activation_secret s ON s.activation_id = a.id WHERE a.id = $1',
      [id],
    )
    for (const path of [
      '',
      '/address',
      '/confirm',
      `/confirm?k=${k.toString('base64url')}`,
      '/opening',
      '/withdraw',
      `/withdraw?w=${w.toString('base64url')}`,
    ]) {
      const scanner = person()
      await scanner.visit(`/activation/${id}${path}`)
      await scanner.visit(`/activation/${id}${path}`)
      const head = await fetch(`${origin}/activation/${id}${path}`, { method: 'HEAD', redirect: 'manual' })
      expect(head.status).toBeLessThan(500)
      expect(
        head.headers.getSetCookie().filter((line) => /^(act_|wd_|link|finish_|activation=)/.test(line)),
      ).toEqual([])
    }
    const after = await sync.pool.query(
      'SELECT * FROM ellipro.activation a JOIN ellipro.activation_secret s ON s.activation_id = a.id WHERE a.id = $1',
      [id],
    )
    expect(after.rows).toEqual(before.rows)
    expect(await sync.outbox(id)).toEqual(['send-confirmation'])
  })

  it('HEAD of a message leaves it for GET', async () => {
    const who = person()
    const refused = await who.send('/', { login: 'nobody', password: 'x' })
    const cookie = who.browser.cookies.map(({ name, value }) => `${name}=${value}`).join('; ')
    const head = await fetch(refused.location!, { method: 'HEAD', headers: { cookie } })
    expect(head.headers.getSetCookie()).toEqual([])
    expect((await who.visit('/')).body).toContain('login.refused')
    expect((await who.visit('/')).body).not.toContain('login.refused')
  })

  it('keeps the page when the language is switched', async () => {
    const { who, id } = await asked()
    const page = await who.visit(`/activation/${id}`)
    expect(page.body).toContain('<html lang="fr">')
    expect(page.body).toContain(`href="/activation/${id}?lang=en"`)
    const english = await who.visit(`/activation/${id}?lang=en`)
    expect(pageName(english)).toBe('sent')
    expect(english.body).toContain('<html lang="en">')
    expect((await who.visit('/')).body).toContain('<html lang="en">')
  })
})
