/** The confirmation page of an access that an agent opened: k alone opens it, and the password is chosen there. */
import { createHash, randomBytes } from 'node:crypto'
import pg from 'pg'
import { afterAll, expect, test } from 'vitest'
import { createDatabase } from '../../support/postgres.ts'
import { pageName } from '../support/browser.ts'
import { startInstance } from '../support/instance.ts'
import { createPerson } from './people.ts'

const database = await createDatabase()
const { origin } = await startInstance(database.provider)
const superuser = new pg.Pool({ connectionString: database.superuser, max: 1 })
afterAll(() => superuser.end())
const chosen = 'agrafe cheval batterie correct'
let count = 0

/** As admin-sync leaves it when its mail has left. */
async function grant(expiresIn = '7 days') {
  const address = `Claire${++count}@client.example`
  const k = randomBytes(32)
  const { rows } = await superuser.query<{ id: string }>(
    `INSERT INTO ellipro.activation (kind, state, account, login, company, contract, address, locale, holds, mailed_generation, expires_at)
     VALUES ('granted', 'mailed', $1, 'martin12', 'Menuiseries & <Fils>', 'C-1', $2, 'fr', false, 1, now() + $3::interval) RETURNING id`,
    [`account-${count}`, address, expiresIn],
  )
  const id = rows[0]!.id
  await superuser.query('INSERT INTO ellipro.activation_secret (activation_id, link_hash) VALUES ($1, $2)', [
    id,
    createHash('sha256').update(k).digest(),
  ])
  return {
    id,
    address,
    page: `/activation/${id}/confirm`,
    link: `/activation/${id}/confirm?k=${k.toString('base64url')}`,
  }
}
const stateOf = async (id: string) =>
  (
    await superuser.query<{ state: string; credential: { secretData: string } | null; tries: number }>(
      `SELECT state, credential, confirmation_tries AS tries FROM ellipro.activation
         JOIN ellipro.activation_secret ON activation_id = id WHERE id = $1`,
      [id],
    )
  ).rows[0]

test('asks for a new password, states its rules, and tells a password manager whose it is', async () => {
  const { id, link, address } = await grant()
  const page = await createPerson(origin).visit(link)
  expect(pageName(page)).toBe('confirm-granted')
  expect(page.url).toBe(`${origin}/activation/${id}/confirm`)
  expect(page.body).toContain('autocomplete="new-password"')
  expect(page.body).toContain('password.rule_length 12')
  expect(page.body).toMatch(new RegExp(`value="${address}"\\s+autocomplete="username"`))
  expect(page.body).toContain('Menuiseries &amp; &lt;Fils&gt;')
  expect(page.body).not.toContain('martin12')
  // It is not typed a second time, and nothing was typed before that could be forgotten.
  expect(page.body).not.toContain('password.rule_remember')
  expect(page.body).not.toContain('confirm.forgot')
  expect(await stateOf(id)).toMatchObject({ state: 'mailed' })
})

test('refuses what the rules forbid, and counts no tries', async () => {
  const { id, link, page, address } = await grant()
  const person = createPerson(origin)
  await person.visit(link)
  for (const [password, key] of [
    ['', 'password.missing'],
    ['trop court', 'password.too_short'],
    ['a'.repeat(129), 'password.too_long'],
    [address.toLowerCase(), 'password.is_address'],
  ] as const) {
    const answer = await person.post(page, { password })
    expect(answer.body).toContain(key)
    expect(answer.body).toContain('aria-invalid="true"')
  }
  expect(await stateOf(id)).toMatchObject({ state: 'mailed', credential: null, tries: 0 })
})

test('opens with the password that is chosen, once, whatever is typed afterwards', async () => {
  const { id, link, page } = await grant()
  const person = createPerson(origin)
  const late = createPerson(origin)
  await person.visit(link)
  const form = await late.visit(link)
  const answers = await Promise.all([
    person.send(page, { password: chosen }),
    person.send(page, { password: chosen }),
  ])
  for (const { location } of answers) expect(location).toBe(`${origin}/activation/${id}/opening`)
  const before = await stateOf(id)
  expect(before).toMatchObject({ state: 'confirmed' })
  expect(before?.credential).not.toBeNull()
  const answer = await late.browser.submit(form, { password: 'the password of somebody else' })
  const other = await late.browser.open(answer.location ?? '')
  expect(pageName(other)).toBe('confirm-opened')
  expect(await stateOf(id)).toEqual(before)
})

test('opens nothing without k', async () => {
  const { id, page } = await grant()
  const person = createPerson(origin)
  const csrf = /name="csrf" value="([^"]+)"/.exec((await person.get('/')).body)![1]!
  await person.browser.open(origin + page, { form: { csrf, password: chosen } })
  expect(await stateOf(id)).toMatchObject({ state: 'mailed', credential: null })
})

test('a link that does not lead there names the ways of somebody who asked the desk', async () => {
  const { page } = await grant()
  const noLink = await createPerson(origin).visit(page)
  expect(pageName(noLink)).toBe('confirm-no-link')
  expect(noLink.body).toContain('link.granted_no_link')
  expect(noLink.body).toContain('0825 000 000')
  // Only a password first typed leads from there to a fresh mail.
  expect(noLink.body).not.toContain('link.fresh_mail')
  const wrong = await createPerson(origin).visit(`${page}?k=${'A'.repeat(43)}`)
  expect(wrong.body).toContain('link.granted_bad_link')
  const over = await grant('-1 minute')
  const expired = await createPerson(origin).visit(over.link)
  expect([expired.status, pageName(expired)]).toEqual([410, 'confirm-expired'])
  expect(expired.body).toContain('link.granted_expired')
})
