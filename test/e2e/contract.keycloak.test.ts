/**
 * A person with two Cofacering logins, over HTTP, with the whole product, a real Keycloak and real mail: the second
 * login's contract joins the account that they have. What else may happen on the way has its answer. What admin-sync
 * looks at, one thing at a time: admin-sync/additions/add-contract.keycloak.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import { afterAll, describe, expect, it } from 'vitest'
import { connect } from '../../admin-sync/keycloak/connect.ts'
import { sampleLogins } from '../../dev/cofacering/sample-logins.ts'
import type { Mail } from '../../dev/smtp-sink.ts'
import { HttpPerson } from '../support/http-person.ts'
import { startProduct } from '../support/product.ts'
import { chosenPassword } from './journey.ts'

const product = await startProduct({ TRUST_PROXY: '1' })
const { inbox, installation, urls } = product
const accountPassword = 'le mot de passe de mon accès'
const pool = new pg.Pool({ connectionString: product.database.superuser, max: 2 })
afterAll(() => pool.end())
const { url, realm, administrator } = installation.keycloak
const admin = connect({ url, realm, credential: { kind: 'administrator', ...administrator } })

const logins = sampleLogins.filter(({ disabled }) => !disabled)
let used = 0
let networks = 0
const browser = () => new HttpPerson({ network: `10.60.${++networks}.1` })

type Account = { userId: string; address: string }
async function account(name: string): Promise<Account> {
  const address = `${name}@deux-contrats.example`
  const userId = await admin.createUser({
    username: address,
    email: address,
    enabled: true,
    emailVerified: true,
    attributes: { contract: ['AUTRE-1'], company: ['Première société'] },
    credentials: [{ type: 'password', value: accountPassword, temporary: false }],
  })
  return { userId, address }
}

const contractLink = (mail: Mail) => mail.links.find((link) => link.includes('/contract?k=')) ?? ''

/** Signs in to Cofacering and gives the address of an account. @returns the link of the mail that follows */
async function askWith(person: HttpPerson, address: string): Promise<string> {
  const who = logins[used++]
  if (!who) throw new Error('the sample has no more logins')
  await person.open(`${urls.provider}/`)
  await person.submit({ login: who.login, password: who.password }, '/login')
  await person.submit({ email: address, password: chosenPassword, shared: 'no' }, '/redirection')
  // The page is everybody's.
  expect(person.name).toBe('sent')
  return contractLink(await inbox.waitForMail(address))
}

/** From the link to Keycloak's page. */
async function untilKeycloak(person: HttpPerson, link: string): Promise<void> {
  await person.open(link)
  expect(person.name).toBe('contract')
  await person.submit({ password: chosenPassword }, '/contract')
  expect(person.page.url.startsWith(urls.realm)).toBe(true)
}

const signIn = (person: HttpPerson, address: string) =>
  person.submit({ username: address, password: accountPassword }, 'login-actions')

async function untilSettled(person: HttpPerson): Promise<void> {
  for (let n = 1; person.name?.startsWith('contract-adding') && n < 100; n++) {
    await sleep(200)
    await person.open(`${person.page.url.replace(/\?.*/, '')}?n=${n}`)
  }
}

const contractsOf = async ({ userId }: Account) =>
  ((await admin.getUser(userId))?.attributes as Record<string, string[]> | undefined)?.['contract']

/** Signs in at the portal in a browser of its own. @returns the subject of the ID token that the portal got */
async function subjectAtPortal(address: string): Promise<string | undefined> {
  const person = browser()
  await person.open(`${urls.portal}/sign-in`)
  await signIn(person, address)
  return /data-claim="sub">([^<]+)</.exec(person.page.body)?.[1]?.trim()
}

describe('a person with a second login', () => {
  it('gets the same screens as everyone, and from our mail adds its contract to their account', async () => {
    const who = await account('claire')
    const before = {
      sub: await subjectAtPortal(who.address),
      credentials: await admin.listCredentials(who.userId),
    }
    const first = browser()
    const link = await askWith(first, who.address)

    // The mail may be opened anywhere: what follows happens in one browser.
    const person = browser()
    await person.open(link)
    expect(person.page.url).not.toContain('k=')
    expect(person.page.body).toContain(logins[used - 1]!.company.replace('&', '&amp;'))
    expect(person.page.body).not.toContain(who.address)
    await person.submit({ password: 'pas le bon mot de passe' }, '/contract')
    expect([person.name, person.page.body.includes('aria-invalid="true"')]).toEqual(['contract', true])
    await untilKeycloak(person, link)
    // Keycloak's form has the address filled in: this browser has typed the password that came with it.
    expect(person.forms().some(({ fields }) => fields['username'] === who.address)).toBe(true)
    await signIn(person, who.address)
    await untilSettled(person)
    expect(person.name).toBe('contract-added')
    expect(await contractsOf(who)).toHaveLength(2)

    expect(await subjectAtPortal(who.address)).toBe(before.sub)
    expect(await admin.listCredentials(who.userId)).toEqual(before.credentials)
    expect(await admin.listFederatedIdentities(who.userId)).toEqual([])
    // Reload, Back and the link say that it is done; the login is held.
    await person.again()
    expect(person.name).toBe('contract-added')
    await person.open(link)
    expect([person.page.status, person.name]).toEqual([200, 'contract-added'])
    const colleague = browser()
    await colleague.open(`${urls.provider}/`)
    const { login, password } = logins[used - 1]!
    await colleague.submit({ login, password }, '/login')
    expect(colleague.name).toBe('moved')
    // Whoever asked sees it in the browser where they began.
    await first.again()
    expect(first.name).toBe('sent-added')
    expect(first.page.body).toContain('ajouté')
  })

  it('meets somebody else’s session: is told so, ends it with one click, and goes on', async () => {
    const [who, colleague] = [await account('marc'), await account('collegue')]
    const person = browser()
    await person.open(`${urls.portal}/sign-in`)
    await signIn(person, colleague.address)
    const link = await askWith(person, who.address)
    await person.open(link)
    await person.submit({ password: chosenPassword }, '/contract')
    await untilSettled(person)
    expect([person.page.status, person.name]).toEqual([409, 'contract-wrong-person'])
    expect(person.page.body).toContain(colleague.address)
    expect(person.page.body).not.toContain(who.address)
    expect(await contractsOf(colleague)).toEqual(['AUTRE-1'])

    await person.submit({}, '/contract/adding')
    expect(person.page.url.startsWith(urls.realm)).toBe(true)
    await signIn(person, who.address)
    await untilSettled(person)
    expect(person.name).toBe('contract-added')
    expect(await contractsOf(who)).toHaveLength(2)
    expect(await contractsOf(colleague)).toEqual(['AUTRE-1'])
  })
})

describe('a way that was left', () => {
  it('k is worth nothing alone, nor with the password, nor in another browser, nor for another mail', async () => {
    const who = await account('nadia')
    const person = browser()
    const link = await askWith(person, who.address)
    const id = /activation\/([^/]+)/.exec(link)![1]!
    const other = browser()
    await other.open(`${urls.provider}/activation/${id}/contract`)
    expect([other.page.status, other.name]).toEqual([400, 'contract-no-link'])
    await other.open(link.replace(/k=.{10}/, 'k=AAAAAAAAAA'))
    expect([other.page.status, other.name]).toEqual([400, 'contract-bad-link'])

    // k and password, and then nothing: the page of the link again, and no other browser sees anything.
    await untilKeycloak(person, link)
    await person.open(`${urls.provider}/activation/${id}/contract/adding`)
    expect(person.name).toBe('contract')
    await other.open(`${urls.provider}/activation/${id}/contract/adding`)
    expect(other.name).toBe('contract-no-link')

    // Keycloak's answer in another browser, without a state, twice.
    await untilKeycloak(person, link)
    const callbacks: string[] = []
    const real = globalThis.fetch
    globalThis.fetch = (input, init) => {
      const target = input instanceof Request ? input.url : String(input)
      if (!target.includes('/activation/contract/callback')) return real(input, init)
      callbacks.push(target)
      return callbacks.length === 1 ? Promise.reject(new Error('the browser was closed')) : real(input, init)
    }
    await signIn(person, who.address).catch(() => undefined)
    globalThis.fetch = real
    await other.open(callbacks[0]!)
    expect([other.page.status, other.name]).toEqual([400, 'contract-unknown'])
    expect(await contractsOf(who)).toEqual(['AUTRE-1'])
    await person.open(callbacks[0]!)
    await untilSettled(person)
    expect(person.name).toBe('contract-added')
    await person.open(callbacks[0]!)
    expect(person.name).toBe('contract-added')
    await other.open(callbacks[0]!)
    expect([other.page.status, other.name]).toEqual([400, 'contract-unknown'])
    expect(await contractsOf(who)).toHaveLength(2)
  })

  it('a link whose time is over says so, and a sign-in that was not finished leads back to it', async () => {
    const who = await account('omar')
    const person = browser()
    const link = await askWith(person, who.address)
    const id = /activation\/([^/]+)/.exec(link)![1]!
    const setTime = (left: string) =>
      pool.query('UPDATE ellipro.activation SET expires_at = now() + $2::interval WHERE id = $1', [id, left])
    await untilKeycloak(person, link)
    await setTime('0 s')
    await signIn(person, who.address)
    expect([person.page.status, person.name]).toEqual([410, 'contract-expired'])
    await setTime('1 hour')

    // Another browser's sign-in comes back with a refusal.
    const other = browser()
    await untilKeycloak(other, link)
    const state = new URL(other.page.url).searchParams.get('state')!
    await other.open(`${urls.provider}/activation/contract/callback?error=access_denied&state=${state}`)
    expect([other.page.status, other.name]).toEqual([400, 'contract-refused'])
    await other.click(/\/contract"/)
    expect(other.name).toBe('contract')

    // The first one signed in a moment ago, and is not asked for that password again.
    await person.open(link)
    await person.submit({ password: chosenPassword }, '/contract')
    await untilSettled(person)
    expect(person.name).toBe('contract-added')
  })

  it('five wrong passwords lock the link, and “it was not me” ends it; a colleague’s way goes on', async () => {
    const [who, colleague] = [await account('paule'), await account('rosa')]
    const person = browser()
    const link = await askWith(person, who.address)
    used--
    const other = browser()
    const otherLink = await askWith(other, colleague.address)
    await person.open(link)
    for (let tries = 0; tries < 5; tries++) await person.submit({ password: `faux ${tries}` }, '/contract')
    expect(person.name).toBe('contract-locked')
    const mail = await inbox.waitForMail(who.address)
    await person.open(mail.links.find((one) => one.includes('/withdraw?w='))!)
    await person.submit({}, '/withdraw')
    await person.open(link)
    expect([person.page.status, person.name]).toEqual([400, 'contract-bad-link'])
    expect(await contractsOf(who)).toEqual(['AUTRE-1'])

    // admin-sync is away: the page waits, Back asks for nothing twice, and it ends when it is back.
    await product.kill('adminSync')
    await untilKeycloak(other, otherLink)
    await signIn(other, colleague.address)
    expect(other.name).toBe('contract-adding')
    await other.open(otherLink)
    expect(other.name).toBe('contract-adding')
    await product.start('adminSync')
    await untilSettled(other)
    expect(other.name).toBe('contract-added')
  })
})

it('no line of a log has an address, a login, k or a token of all this', () => {
  const log = product.readLog('provider') + product.readLog('adminSync')
  expect(log).toContain('contract.handed_over')
  expect(log).not.toMatch(/deux-contrats|eyJ[\w-]{10}|[?&]k=/)
  for (const { login } of logins.slice(0, used)) expect(log).not.toContain(login)
})
