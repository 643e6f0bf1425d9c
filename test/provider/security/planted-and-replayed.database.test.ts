/**
 * What was seen once, and what was put into a browser beforehand: every form, link, cookie and proof again; parts of two
 * activations mixed; and the cookies of an attacker in the browser of a victim (fixation, login CSRF). Nothing counts
 * twice, nothing of one activation counts for another, and what an attacker knew before is worth nothing after.
 */
import { createHash, randomBytes } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import type { LegacyDirectory } from '../../../provider/legacy/directory.ts'
import { createDatabase } from '../../support/postgres.ts'
import { createStandIn } from '../activation/stand-in.ts'
import { createPerson, idOf, newPassword } from '../screens/people.ts'
import { Browser, pageName, type Page } from '../support/browser.ts'
import { startInstance } from '../support/instance.ts'
import { startKeycloakClient } from '../support/keycloak-client.ts'
import { createOpener } from '../support/opened.ts'

const directory: LegacyDirectory = {
  verify: async (login) => ({
    status: 'ok',
    account: {
      account: `key of ${login}`,
      login,
      company: `Company of ${login}`,
      contract: 'C',
      shared: false,
    },
  }),
}
const database = await createDatabase()
const keycloak = await startKeycloakClient()
const { origin } = await startInstance(database.provider, { KEYCLOAK_URL: keycloak.url }, directory)
const { host } = new URL(origin)
const sync = createStandIn(database.sync)
const opener = createOpener(database.sync)

let count = 0
const person = (browser?: Browser) => createPerson(origin, browser)
type Person = ReturnType<typeof person>
const text = (secret: Buffer) => secret.toString('base64url')

/** Somebody asks in this browser; the mail is sent. */
async function asked(who: Person = person(), password = newPassword) {
  const login = `login${++count}`
  const email = `person${count}@example.fr`
  const id = idOf(await who.ask({ login, password: 'x' }, email, password))
  return { who, id, login, email, password, ...(await sync.sendMail(id)) }
}
const open = (who: Person, id: string, k: Buffer) => who.visit(`/activation/${id}/confirm?k=${text(k)}`)

/** Posts a form with the browser's own token, whatever the pages show. */
async function post(who: Person, path: string, fields: Record<string, string> = {}): Promise<Page> {
  const csrf = /name="csrf" value="([^"]+)"/.exec((await who.get('/')).body)![1]!
  const answer = await who.browser.open(origin + path, { form: { csrf, ...fields } })
  return answer.location?.startsWith(origin) ? who.browser.open(answer.location) : answer
}
const confirm = (who: Person, id: string, password = newPassword) =>
  post(who, `/activation/${id}/confirm`, { password })

function plant(browser: Browser, name: string, value: string): void {
  browser.cookies = browser.cookies.filter((cookie) => cookie.name !== name)
  browser.cookies.push({ host, name, value, path: '/' })
}
const valueOf = (browser: Browser, name: string) =>
  browser.cookies.find((cookie) => cookie.name === name)?.value
const secretText = () => text(randomBytes(32))

const interactionCookies = ({ cookies }: Browser) =>
  cookies.filter(({ name }) => /^op_(interaction|resume)/.test(name)).map((cookie) => ({ ...cookie }))

describe('again', () => {
  it('every form of an activation, from the first to the last: each time the state that is there already', async () => {
    const who = person()
    const login = await who.send('/', { login: 'again', password: 'x' })
    expect(login.status).toBe(303)
    const form = await who.visit('/redirection')
    const fields = { email: 'again@example.fr', password: newPassword, shared: 'no' }
    const ids = [await who.browser.submit(form, fields), await who.browser.submit(form, fields)].map(
      ({ location }) => location,
    )
    expect(ids[0]).toBe(ids[1])
    const id = /[0-9a-f-]{36}/.exec(ids[0]!)![0]
    const { k } = await sync.sendMail(id)
    await sync.age(id, 61)
    expect((await post(who, `/activation/${id}/resend`)).body).toContain('sent.resent')
    expect((await post(who, `/activation/${id}/resend`)).body).toContain('sent.too_soon')
    expect(await sync.stateOf(id)).toMatchObject({ mail_generation: 2 })
    // The first mail's k went with the second.
    const second = await sync.sendMail(id)
    expect(pageName(await open(who, id, k))).toBe('confirm-bad-link')
    await open(who, id, second.k)
    for (let times = 0; times < 3; times++) expect(pageName(await confirm(who, id))).toBe('opening')
    expect((await sync.outbox(id)).filter((kind) => kind === 'open-account')).toHaveLength(1)
    await sync.open(id)
    // Everything once more, now that the account is open: nothing is asked of anybody.
    const before = await sync.outbox(id)
    await post(who, `/activation/${id}/resend`)
    await post(who, `/activation/${id}/address`, { email: 'elsewhere@example.fr' })
    await open(person(), id, second.k)
    const stranger = person()
    await stranger.visit(`/activation/${id}/withdraw?w=${text(second.w)}`)
    await post(stranger, `/activation/${id}/withdraw`)
    await who.browser.submit(form, fields)
    expect(await sync.outbox(id)).toEqual(before)
    expect(await sync.stateOf(id)).toMatchObject({ state: 'opened', mail_generation: 2 })
  })

  it('"it was not me" and a correction: once, and what they ended stays ended', async () => {
    const a = await asked()
    const owner = person()
    for (let times = 0; times < 2; times++) {
      await owner.visit(`/activation/${a.id}/withdraw?w=${text(a.w)}`)
      expect(pageName(await post(owner, `/activation/${a.id}/withdraw`))).toBe('withdraw-done')
    }
    expect(pageName(await open(person(), a.id, a.k))).toBe('confirm-bad-link')
    expect((await sync.outbox(a.id)).filter((kind) => kind === 'release')).toHaveLength(1)
    const b = await asked()
    const [first, second] = [
      await post(b.who, `/activation/${b.id}/address`, { email: 'corrected1@example.fr' }),
      await post(b.who, `/activation/${b.id}/address`, { email: 'corrected2@example.fr' }),
    ]
    expect(idOf(first)).not.toBe(b.id)
    expect(second.body).not.toContain('sent.corrected')
    expect(await sync.stateOf(b.id)).toMatchObject({ state: 'withdrawn', reason: 'corrected' })
  })

  it('a proof and its code, with the cookies of that moment in another browser too', async () => {
    const browser = new Browser()
    const opened = await opener.open(browser, origin)
    const handle = await opener.prove(browser, origin, opened)
    const request = keycloak.request(origin, { login_hint: handle })
    // Everything that the browser holds is copied at this moment.
    const thief = browser.copy()
    const done = await browser.open(request.url)
    const code = new URL(done.location!).searchParams.get('code')!
    expect((await keycloak.redeem(origin, { code, verifier: request.verifier })).status).toBe(200)
    for (const who of [thief, browser])
      for (const { url } of [request, keycloak.request(origin, { login_hint: handle })]) {
        const page = await who.visit(url, keycloak.redirectUri)
        expect(page.location).toBeUndefined()
      }
    expect((await keycloak.redeem(origin, { code, verifier: request.verifier })).status).toBe(400)
  })

  it('a return from Keycloak that nobody here began, or began long ago, signs nobody in and sets no cookie', async () => {
    const who = new Browser()
    for (const query of [
      '',
      '?code=x',
      `?code=x&state=${secretText()}`,
      '?error=access_denied&state=x',
      '?state=a&state=b',
    ]) {
      const page = await who.open(`${origin}/sign-in/callback${query}`)
      expect([page.status, page.location]).toEqual([400, undefined])
    }
    const state = secretText()
    for (const sealed of [secretText(), 'x', `${secretText()}${secretText()}`]) {
      plant(who, `rp_${state}`, sealed)
      plant(who, 'rp_switch', sealed)
      expect((await who.open(`${origin}/sign-in/callback?code=x&state=${state}`)).status).toBe(400)
      expect((await who.open(`${origin}/sign-in/switch?state=${state}`)).status).toBe(400)
      expect((await who.open(`${origin}/sign-in/switch`)).status).toBe(400)
      expect((await post(person(who), '/sign-in/switch')).status).toBe(400)
    }
  })
})

describe('two activations in two tabs of one browser', () => {
  it('the id of one with k, finisher, withdraw code or proof of the other is worth nothing', async () => {
    const who = person()
    const [a, b] = [await asked(who), await asked(who, 'another password, of the second')]
    // k
    expect(pageName(await open(who, a.id, b.k))).toBe('confirm-bad-link')
    plant(who.browser, `act_${a.id}`, text(b.k))
    expect(pageName(await confirm(who, a.id))).toBe('confirm-bad-link')
    // The k of one, the password of the other, both ways.
    await open(who, a.id, a.k)
    await open(who, b.id, b.k)
    expect((await confirm(who, a.id, b.password)).body).toContain('confirm.wrong')
    expect((await confirm(who, b.id, a.password)).body).toContain('confirm.wrong')
    // The withdraw code of the other.
    plant(who.browser, `wd_${a.id}`, text(b.w))
    expect(pageName(await post(who, `/activation/${a.id}/withdraw`))).toBe('withdraw-bad-code')
    expect(await sync.stateOf(a.id)).toMatchObject({ state: 'mailed' })
    expect(await sync.stateOf(b.id)).toMatchObject({ state: 'mailed' })
    // Each finishes on its own.
    expect(pageName(await confirm(who, a.id, a.password))).toBe('opening')
    await sync.open(a.id)
    expect(await sync.stateOf(b.id)).toMatchObject({ state: 'mailed' })
    // The finisher of the opened one, for the one that is not confirmed.
    plant(who.browser, `finish_${b.id}`, valueOf(who.browser, `finish_${a.id}`)!)
    expect(pageName(await who.visit(`/activation/${b.id}/opening`))).toBe('confirm')
    expect(pageName(await confirm(who, b.id, b.password))).toBe('opening')
    await sync.open(b.id)
    // And swapped, now that both are open.
    const [finishA, finishB] = [
      valueOf(who.browser, `finish_${a.id}`)!,
      valueOf(who.browser, `finish_${b.id}`)!,
    ]
    expect(finishA).not.toBe(finishB)
    const swapped = who.browser.copy()
    plant(swapped, `finish_${a.id}`, finishB)
    plant(swapped, `finish_${b.id}`, finishA)
    for (const { id } of [a, b])
      expect(pageName(await person(swapped).visit(`/activation/${id}/opening`))).not.toBe('continue')
    expect(swapped.cookies.filter(({ name }) => name.startsWith('op_proof_'))).toEqual([])
  })

  it('the proof of one with the handle of the other ends at the login page, and neither is used up', async () => {
    const browser = new Browser()
    const [a, b] = [await opener.open(browser, origin), await opener.open(browser, origin)]
    const handles = [await opener.prove(browser, origin, a), await opener.prove(browser, origin, b)] as const
    const swapped = browser.copy()
    plant(swapped, `op_proof_${handles[0]}`, valueOf(browser, `op_proof_${handles[1]}`)!)
    plant(swapped, `op_proof_${handles[1]}`, valueOf(browser, `op_proof_${handles[0]}`)!)
    for (const handle of handles) {
      const page = await swapped.visit(
        keycloak.request(origin, { login_hint: handle }).url,
        keycloak.redirectUri,
      )
      expect([page.location, page.status]).toEqual([undefined, 200])
    }
    for (const [index, { sub }] of [a, b].entries()) {
      const request = keycloak.request(origin, { login_hint: handles[index]! })
      const page = await browser.visit(request.url, keycloak.redirectUri)
      const code = new URL(page.location!).searchParams.get('code')!
      const { body } = await keycloak.redeem(origin, { code, verifier: request.verifier })
      const claims = JSON.parse(
        Buffer.from(String(body['id_token']).split('.')[1]!, 'base64url').toString(),
      ) as { sub: string }
      expect(claims.sub).toBe(sub)
    }
  })
})

describe('cookies that an attacker put into the victim’s browser beforehand', () => {
  it('are replaced by the sign-in, the form and the confirmation, and the attacker’s copies open nothing', async () => {
    const attacker = new Browser()
    const victim = person()
    // A whole set, of the right form, that the attacker keeps.
    await person(attacker).get('/')
    for (const name of ['sign_in', 'activation']) plant(attacker, name, secretText())
    victim.browser.cookies = attacker.copy().cookies

    const { id, k, password } = await asked(victim)
    for (const name of ['sign_in', 'activation']) {
      expect(valueOf(victim.browser, name)).toMatch(/^[\w-]{43}$/)
      expect(valueOf(victim.browser, name)).not.toBe(valueOf(attacker, name))
    }
    // With the copies: no legacy sign-in, no view of the activation, no steering of it.
    const thief = person(attacker)
    expect(pageName(await thief.visit('/redirection'))).toBe('login')
    expect(pageName(await thief.visit(`/activation/${id}`))).toBe('sent-elsewhere')
    expect(pageName(await thief.visit('/activation/continue'))).toBe('resume')
    await sync.age(id, 61)
    await post(thief, `/activation/${id}/resend`)
    await post(thief, `/activation/${id}/address`, { email: 'thief@example.fr' })
    expect(await sync.stateOf(id)).toMatchObject({ state: 'mailed', mail_generation: 1 })

    // k, finisher and proof of the attacker's making, planted before the victim has any.
    for (const browser of [victim.browser, attacker]) {
      plant(browser, `act_${id}`, secretText())
      plant(browser, `finish_${id}`, text(createHash('sha256').update(id).digest()))
    }
    plant(attacker, `act_${id}`, valueOf(victim.browser, `act_${id}`)!)
    plant(attacker, `finish_${id}`, valueOf(victim.browser, `finish_${id}`)!)
    await open(victim, id, k)
    expect(pageName(await confirm(victim, id, password))).toBe('opening')
    for (const name of [`act_${id}`, `finish_${id}`])
      expect(valueOf(victim.browser, name)).not.toBe(valueOf(attacker, name))
    await sync.open(id)
    expect(pageName(await thief.visit(`/activation/${id}/opening`))).toBe('confirm-bad-link')
    expect(attacker.cookies.filter(({ name }) => name.startsWith('op_proof_'))).toEqual([])
    // The attacker's browser has the victim's CSRF cookie, and still becomes nobody's finisher without k.
    expect(valueOf(attacker, 'browser')).toBe(valueOf(victim.browser, 'browser'))
    expect(pageName(await confirm(thief, id, password))).toBe('confirm-bad-link')
  })

  it('of the attacker’s own activation lead nowhere but to its page, which names login and company and asks for its password', async () => {
    const attacker = await asked(undefined, 'the password of the attacker')
    const victim = await asked()
    await open(attacker.who, attacker.id, attacker.k)
    // Everything of the attacker's but the victim's own cookies.
    for (const cookie of attacker.who.browser.cookies)
      if (valueOf(victim.who.browser, cookie.name) === undefined)
        victim.who.browser.cookies.push({ ...cookie })
    const page = await victim.who.visit(`/activation/${attacker.id}/confirm`)
    expect(pageName(page)).toBe('confirm')
    expect(page.body).toContain(`Company of ${attacker.login}`)
    expect(page.body).not.toContain(victim.login)
    // The victim's password there: a try of the attacker's activation, and nothing of the victim's.
    expect((await confirm(victim.who, attacker.id, victim.password)).body).toContain('confirm.wrong')
    expect(await sync.stateOf(victim.id)).toMatchObject({ state: 'mailed' })
    await open(victim.who, victim.id, victim.k)
    expect(pageName(await confirm(victim.who, victim.id, victim.password))).toBe('opening')
    expect(await sync.stateOf(attacker.id)).toMatchObject({ state: 'mailed' })
  })

  it('of an interaction, genuine but the attacker’s, make the victim answer nothing for the attacker', async () => {
    // The attacker has an opened activation, and begins a sign-in for its handle where its proof is not.
    const attacker = new Browser()
    const opened = await opener.open(attacker, origin)
    const handle = await opener.prove(attacker, origin, opened)
    const bait = new Browser()
    const begun = await bait.open(keycloak.request(origin, { login_hint: handle }).url)
    const victim = new Browser()
    victim.cookies.push(...interactionCookies(bait))
    const page = await victim.open(begun.location!)
    expect([page.location, pageName(page)]).toEqual([undefined, 'login'])
    // The other way round: the attacker leads whoever has a proof into an interaction that the attacker holds.
    const owner = new Browser()
    const theirs = await opener.open(owner, origin)
    const theirHandle = await opener.prove(owner, origin, theirs)
    const trap = await attacker.open(keycloak.request(origin, { login_hint: theirHandle }).url)
    owner.cookies.push(...interactionCookies(attacker))
    const seen = await owner.open(trap.location!)
    expect(seen.location).toBeUndefined()
    const back = await attacker.open(trap.location!.replace('/interaction/', '/oidc/auth/'))
    expect(back.location ?? '').not.toContain('code=')
    // and the proof is still its owner's
    const own = await owner.open(keycloak.request(origin, { login_hint: theirHandle }).url)
    expect(own.location).toContain('code=')
  })

  it('cannot be piled up by links: what is nobody’s k or code leaves no cookie', async () => {
    const victim = person()
    const before = victim.browser.cookies.length
    const { id } = await asked()
    for (let times = 0; times < 3; times++) {
      for (const path of [`confirm?k=${secretText()}`, `withdraw?w=${secretText()}`])
        await victim.visit(`/activation/${id}/${path}`)
      await victim.visit(`/activation/${crypto.randomUUID()}/confirm?k=${secretText()}`)
    }
    const names = victim.browser.cookies.map(({ name }) => name)
    expect(names.filter((name) => /^(act|wd|finish|op_proof)_/.test(name))).toEqual([])
    expect(names.length - before).toBeLessThan(4)
  })
})
