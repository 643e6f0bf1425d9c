/** Invariants 1, 4, 6, 10, 15 and "it was not me", by HTTP: what somebody with half of the secrets can do. */
import pg from 'pg'
import { afterAll, describe, expect, it, vi } from 'vitest'
import { createCofacering, createDatabase } from '../../support/postgres.ts'
import { createStandIn } from '../activation/stand-in.ts'
import { pageName, type Page } from '../support/browser.ts'
import { startInstance } from '../support/instance.ts'
import { createPerson, idOf, newPassword, normalise, openDirectory, sampleLogin } from './people.ts'

const database = await createDatabase()
const { origin, logged } = await startInstance(
  database.provider,
  { SIGN_IN_DEADLINE_MS: '200' },
  openDirectory(await createCofacering()),
)
const sync = createStandIn(database.sync)
const superuser = new pg.Pool({ connectionString: database.superuser, max: 1 })
afterAll(() => superuser.end())
await sync.set('activations_per_login_per_day', 100)
await sync.set('mails_per_login_per_day', 1000)

let count = 0
const person = () => createPerson(origin)
const address = () => `person${++count}@example.fr`
const text = (secret: Buffer) => secret.toString('base64url')
const wrongSecret = 'A'.repeat(43)

/** Somebody asks with a login of Cofacering that is free again; the mail is sent. */
async function asked(email = address(), password = newPassword) {
  const login = sampleLogin(++count)
  await sync.pool.query('UPDATE ellipro.activation SET account = id::text WHERE login = $1', [login.login])
  const who = person()
  const page = await who.ask(login, email, password)
  const id = idOf(page)
  return { who, login, email, id, page, ...(await sync.sendMail(id)) }
}

const open = (who: ReturnType<typeof person>, id: string, k: Buffer | string) =>
  who.visit(`/activation/${id}/confirm?k=${typeof k === 'string' ? k : text(k)}`)

/** Posts the confirmation whatever the page shows, as an attacker would. */
async function postConfirmation(who: ReturnType<typeof person>, id: string, password: string): Promise<Page> {
  const csrf = /name="csrf" value="([^"]+)"/.exec((await who.get('/')).body)![1]!
  const answer = await who.browser.open(`${origin}/activation/${id}/confirm`, { form: { csrf, password } })
  return answer.location ? who.browser.open(answer.location) : answer
}

describe('an account opens only with k and the password first typed (invariant 1)', () => {
  it('k without the password opens nothing, and five tries end it', async () => {
    const { id, k } = await asked()
    const thief = person()
    await open(thief, id, k)
    for (let left = 4; left > 0; left--)
      expect((await thief.post(`/activation/${id}/confirm`, { password: 'a guess of mine' })).body).toContain(
        `confirm.wrong ${left}`,
      )
    const last = await thief.post(`/activation/${id}/confirm`, { password: 'a guess of mine' })
    expect(pageName(last)).toBe('confirm-locked')
    expect((await thief.post(`/activation/${id}/confirm`, { password: newPassword })).body).toContain(
      'confirm.locked',
    )
    expect(await sync.stateOf(id)).toMatchObject({ state: 'mailed' })
  })

  it('the password without k opens nothing, in the starting browser or in another one', async () => {
    const { id, who } = await asked()
    for (const browser of [who, person()]) {
      expect(pageName(await postConfirmation(browser, id, newPassword))).toBe('confirm-no-link')
      expect(pageName(await open(browser, id, wrongSecret))).toBe('confirm-bad-link')
      // It was not kept.
      expect(pageName(await postConfirmation(browser, id, newPassword))).toBe('confirm-no-link')
    }
    expect(await sync.stateOf(id)).toMatchObject({ state: 'mailed' })
  })

  it('the legacy login alone opens nothing and reaches nothing of another person’s activation', async () => {
    const { id, login, email } = await asked()
    const colleague = person()
    expect(pageName(await colleague.post('/', login))).toBe('redirection')
    expect(pageName(await colleague.visit(`/activation/${id}`))).toBe('sent-elsewhere')
    expect(pageName(await postConfirmation(colleague, id, login.password))).toBe('confirm-no-link')
    expect((await colleague.post(`/activation/${id}`, { password: login.password })).body).toContain(
      'steering.wrong',
    )
    expect(
      (await colleague.post(`/activation/${id}/address`, { email: address(), password: login.password }))
        .body,
    ).toContain('steering.wrong')
    expect(await sync.stateOf(id)).toMatchObject({ state: 'mailed' })
    expect((await colleague.visit(`/activation/${id}`)).body).not.toContain(email)
  })

  it('a fresh legacy sign-in is no substitute for the password first typed', async () => {
    const { id, k, login } = await asked()
    const thief = person()
    await thief.post('/', login)
    await open(thief, id, k)
    expect((await thief.post(`/activation/${id}/confirm`, { password: login.password })).body).toContain(
      'confirm.wrong 4',
    )
    expect(await sync.stateOf(id)).toMatchObject({ state: 'mailed' })
  })
})

describe('the five forms of pre-hijacking fail', () => {
  it('merge: whoever asks first for a stranger’s address, with a password of their own, gains nothing from its owner', async () => {
    const email = address()
    const attacker = await asked(email, 'the password of the attacker')
    const victim = await asked(email)
    // The owner opens the wrong mail with the right password: nothing.
    await open(victim.who, attacker.id, attacker.k)
    expect(
      (await victim.who.post(`/activation/${attacker.id}/confirm`, { password: newPassword })).body,
    ).toContain('confirm.wrong')
    await open(victim.who, victim.id, victim.k)
    expect(
      pageName(await victim.who.post(`/activation/${victim.id}/confirm`, { password: newPassword })),
    ).toBe('opening')
    const credentials = await superuser.query<{ id: string }>(
      'SELECT activation_id AS id FROM ellipro.activation_secret WHERE credential IS NOT NULL AND activation_id = ANY($1)',
      [[attacker.id, victim.id]],
    )
    expect(credentials.rows).toEqual([{ id: victim.id }])
    expect(pageName(await postConfirmation(attacker.who, attacker.id, 'the password of the attacker'))).toBe(
      'confirm-no-link',
    )
  })

  it('unexpired session: the browser that asked is signed in to nothing when another one confirms', async () => {
    const { id, k, who } = await asked()
    const owner = person()
    await open(owner, id, k)
    await owner.post(`/activation/${id}/confirm`, { password: newPassword })
    await sync.open(id)
    expect(pageName(await who.visit(`/activation/${id}/opening`))).toBe('sent-opened')
    expect(who.browser.cookies.filter(({ name }) => /^(op_proof|finish)_/.test(name))).toEqual([])
  })

  it('trojan identifier: an address corrected after the mail was read has to be proved by itself', async () => {
    const { id, k, who } = await asked()
    const owner = person()
    await open(owner, id, k)
    const corrected = await who.post(`/activation/${id}/address`, { email: address() })
    expect(pageName(await owner.visit(`/activation/${id}/confirm`))).toBe('confirm-bad-link')
    expect(pageName(await postConfirmation(owner, id, newPassword))).toBe('confirm-bad-link')
    expect(pageName(await open(owner, idOf(corrected), k))).toBe('confirm-bad-link')
    expect(pageName(await postConfirmation(owner, idOf(corrected), newPassword))).toBe('confirm-no-link')
    expect(await sync.stateOf(idOf(corrected))).toMatchObject({ state: 'requested' })
  })

  it('unexpired change of address: a correction that waits does not outlive the confirmation on the login', async () => {
    const { id, k, login } = await asked()
    const attacker = person()
    const pending = await attacker.ask(login, address())
    const corrected = idOf(await attacker.post(`/activation/${idOf(pending)}/address`, { email: address() }))
    const mail = await sync.sendMail(corrected)
    const owner = person()
    await open(owner, id, k)
    await owner.post(`/activation/${id}/confirm`, { password: newPassword })
    await open(attacker, corrected, mail.k)
    expect(pageName(await attacker.post(`/activation/${corrected}/confirm`, { password: newPassword }))).toBe(
      'waiting-proved',
    )
    expect(await sync.stateOf(corrected)).toMatchObject({ state: 'waiting' })
  })

  it('unproved identity: what Cofacering says of a login counts for no mailbox', async () => {
    const { login } = await asked()
    const who = person()
    const page = await who.ask(login, address())
    expect(pageName(page)).toBe('sent')
    expect(await sync.stateOf(idOf(page))).toMatchObject({ state: 'requested' })
    expect(pageName(await postConfirmation(who, idOf(page), newPassword))).toBe('confirm-no-link')
  })
})

describe('an address that has an account is never told apart (invariant 4)', () => {
  it('refused looks like mailed: page, address page, resend, limits, dispatcher, other browsers, expiry', async () => {
    const [mailed, refused] = [await asked(), await asked()]
    // Its owner got one mail as well: another one.
    await sync.pool.query('DELETE FROM ellipro.mail WHERE activation_id = $1', [refused.id])
    await sync.refuse(refused.id)
    await sync.pool.query(
      'UPDATE ellipro.activation SET expires_at = $1, mail_requested_at = now() WHERE id = ANY($2)',
      [new Date(Date.now() + 24 * 3600 * 1000), [mailed.id, refused.id]],
    )
    const see = async ({ who, login, email, id }: typeof mailed) => {
      const own = [login.login, login.company.replaceAll('&', '&amp;'), email, id]
      const pages: Page[] = []
      const look = async (path: string) => pages.push(await who.visit(path))
      await look(`/activation/${id}`)
      await look(`/activation/${id}/address`)
      await look('/activation/continue')
      await look(`/activation/${id}/confirm`)
      await open(who, id, wrongSecret)
      await look(`/activation/${id}/confirm`)
      await look(`/activation/${id}/opening`)
      pages.push(await who.post('/', login))
      pages.push(await person().visit(`/activation/${id}`))
      for (let mails = 0; mails < 4; mails++) {
        await sync.age(id, 61)
        pages.push(await who.post(`/activation/${id}`))
        if (id === refused.id) await sync.refuse(id)
        else await sync.sendMail(id)
      }
      await sync.age(id, 61)
      pages.push(await person().post(`/activation/${id}`, { password: newPassword }))
      await sync.age(id, 24 * 3600)
      await look(`/activation/${id}`)
      await look(`/activation/${id}/confirm`)
      await look(`/activation/${id}/address`)
      pages.push(await who.post('/', login))
      // Whether Cofacering marks the login as shared is no matter here.
      return pages.map((page) => [page.status, normalise(page.body, ...own).replace(/\bchecked\b/, '')])
    }
    expect(await see(refused)).toEqual(await see(mailed))
  })

  it('the address of a refused activation can be corrected like any other', async () => {
    const { id, who } = await asked()
    await sync.refuse(id)
    const corrected = await who.post(`/activation/${id}/address`, { email: address() })
    expect(corrected.body).toContain('sent.corrected')
  })
})

const link = (page: Page) => ({ status: page.status, name: pageName(page) })

describe('a link that is not good says so and offers the way on (invariant 6)', () => {
  it('expired', async () => {
    const { id, k } = await asked()
    const who = person()
    await open(who, id, k)
    await sync.age(id, 24 * 3600)
    const page = await who.visit(`/activation/${id}/confirm`)
    expect(link(page)).toEqual({ status: 410, name: 'confirm-expired' })
    expect(page.body).toContain('href="/"')
    expect(link(await postConfirmation(who, id, newPassword)).name).toBe('confirm-expired')
  })

  it('used, by this browser, by another, and once the account is open', async () => {
    const { id, k, who } = await asked()
    await open(who, id, k)
    await who.post(`/activation/${id}/confirm`, { password: newPassword })
    expect(pageName(await open(who, id, k))).toBe('opening')
    for (const step of ['confirmed', 'opened']) {
      if (step === 'opened') await sync.open(id)
      const page = await open(person(), id, k)
      expect(link(page)).toEqual({ status: 200, name: 'confirm-opened' })
      expect(page.body).toContain('href="http://127.0.0.9:3000/sign-in"')
    }
  })

  it.each(['short', `${'A'.repeat(43)}=`, '%00', '', `${wrongSecret}&k=${wrongSecret}`])(
    'altered to what no link can be: %j',
    async (k) => {
      const { id } = await asked()
      const page = await open(person(), id, k)
      expect(link(page)).toEqual({ status: 400, name: 'confirm-bad-link' })
      expect(page.body).toContain(`href="/activation/${id}"`)
    },
  )

  it('altered, of another activation, and of an earlier mail', async () => {
    const [a, b] = [await asked(), await asked()]
    await sync.age(a.id, 61)
    await a.who.post(`/activation/${a.id}`)
    const newer = await sync.sendMail(a.id)
    const altered = Buffer.from(newer.k)
    altered[0]! ^= 1
    for (const [who, k] of [
      [person(), altered],
      [person(), b.k],
      [person(), a.k],
      [a.who, a.k],
    ] as const) {
      const page = await open(who, a.id, k)
      expect(link(page)).toEqual({ status: 400, name: 'confirm-bad-link' })
      expect(page.body).not.toContain(a.login.company.replaceAll('&', '&amp;'))
      expect(page.body).toContain(who === a.who ? 'link.sent_page' : 'link.fresh_mail')
      expect(pageName(await postConfirmation(who, a.id, newPassword))).toBe('confirm-no-link')
    }
    // The newest still works in a browser that tried the others.
    await open(a.who, a.id, newer.k)
    expect(pageName(await a.who.post(`/activation/${a.id}/confirm`, { password: newPassword }))).toBe(
      'opening',
    )
  })

  it('of an activation that was corrected or withdrawn', async () => {
    const a = await asked()
    await a.who.post(`/activation/${a.id}/address`, { email: address() })
    expect(pageName(await open(person(), a.id, a.k))).toBe('confirm-bad-link')
  })
})

describe('"it was not me"', () => {
  it('shows what would be stopped, stops it on one click, and says so from then on', async () => {
    const { id, w, who, login, email } = await asked()
    const owner = person()
    const page = await owner.visit(`/activation/${id}/withdraw?w=${text(w)}`)
    expect(pageName(page)).toBe('withdraw-valid')
    expect(page.url).not.toContain('w=')
    expect(page.body).not.toContain(login.login)
    expect(await sync.stateOf(id)).toMatchObject({ state: 'mailed' })
    expect(pageName(await owner.post(`/activation/${id}/withdraw`))).toBe('withdraw-done')
    expect(await sync.stateOf(id)).toMatchObject({ state: 'withdrawn', reason: 'not_me' })
    expect(pageName(await who.visit(`/activation/${id}`))).toBe('sent-not-me')
    const again = await who.post('/redirection', { email, password: newPassword, shared: 'no' })
    expect(again.body).toContain('start.blocked')
  })

  it('needs the code of the mail: k is none, and a confirmed activation is past it', async () => {
    const { id, k, w, who } = await asked()
    for (const code of [text(k), wrongSecret, 'short'])
      expect(pageName(await person().visit(`/activation/${id}/withdraw?w=${code}`))).toBe('withdraw-bad-code')
    await open(who, id, k)
    await who.post(`/activation/${id}/confirm`, { password: newPassword })
    expect(pageName(await person().visit(`/activation/${id}/withdraw?w=${text(w)}`))).toBe(
      'withdraw-too-late',
    )
  })
})

describe('passwords (invariant 10)', () => {
  it('neither the legacy one nor the new one is in the database, the log, a query or any outgoing request', async () => {
    const queries = vi.spyOn(pg.Client.prototype, 'query')
    const fetches = vi.spyOn(globalThis, 'fetch')
    const login = sampleLogin(0)
    const secret = 'a password that is nowhere else'
    const { id, who, k } = await asked(undefined, secret)
    const legacy = person()
    await legacy.post('/', { login: login.login, password: login.password })
    await legacy.post('/', { login: 'nobody', password: 'a legacy password that is wrong' })
    await open(who, id, k)
    await who.post(`/activation/${id}/confirm`, { password: 'a new password that is wrong' })
    await who.post(`/activation/${id}/confirm`, { password: secret })
    const sent = JSON.stringify(queries.mock.calls.map((call) => call.slice(0, 2) as unknown))
    const outside = fetches.mock.calls.filter(([target]) => !(target as URL).href.startsWith(origin))
    vi.restoreAllMocks()
    expect(sent).toContain('confirm_activation')
    expect(outside).toEqual([])
    const { rows: tables } = await superuser.query<{ name: string }>(
      `SELECT format('%I.%I', schemaname, tablename) AS name FROM pg_tables WHERE schemaname IN ('ellipro', 'provider', 'public')`,
    )
    const contents: string[] = []
    for (const { name } of tables)
      contents.push(
        ...(await superuser.query<{ row: string }>(`SELECT t::text AS row FROM ${name} t`)).rows.map(
          ({ row }) => row,
        ),
      )
    expect(contents.join('\n')).toContain(id)
    const log = JSON.stringify(logged)
    for (const password of [
      login.password,
      secret,
      'a legacy password that is wrong',
      'a new password that is wrong',
    ])
      for (const form of [
        password,
        Buffer.from(password).toString('hex'),
        Buffer.from(password).toString('base64'),
      ]) {
        expect(sent).not.toContain(form)
        expect(contents.join('\n')).not.toContain(form)
        expect(log).not.toContain(form)
      }
  })

  it('no line of the log holds an address, a login, a company, k or a cookie (invariant 11)', async () => {
    const { id, k, w, who, login, email } = await asked()
    await open(who, id, k)
    await person().visit(`/activation/${id}/withdraw?w=${text(w)}`)
    await who.post(`/activation/${id}/confirm`, { password: newPassword })
    const log = JSON.stringify(logged)
    expect(log).toContain(id)
    for (const value of [
      email,
      login.login,
      login.company,
      text(k),
      text(w),
      ...who.browser.cookies.map((c) => c.value).filter((v) => v !== id),
    ])
      expect(log).not.toContain(value)
  })
})

describe('every form has its CSRF token (invariant 15)', () => {
  const forms = [
    '/login',
    '/redirection',
    '/activation/ID/resend',
    '/activation/ID/address',
    '/activation/ID/confirm',
    '/activation/ID/withdraw',
    '/interaction/abc/login',
    '/interaction/abc/cancel',
    '/sign-in/switch',
  ]

  it.each(forms)(
    'POST %s without one, with a made-up one or another browser’s is refused and changes nothing',
    async (path) => {
      const { id, who, k, w } = await asked()
      await sync.age(id, 61)
      await open(who, id, k)
      await who.visit(`/activation/${id}/withdraw?w=${text(w)}`)
      const foreign = /name="csrf" value="([^"]+)"/.exec((await person().get('/')).body)![1]!
      for (const csrf of [undefined, '', wrongSecret, foreign]) {
        const fields = { email: address(), password: newPassword, shared: 'no', login: 'x' }
        const answer = await who.browser.open(origin + path.replace('ID', id), {
          form: csrf === undefined ? fields : { ...fields, csrf },
        })
        expect(answer.status).toBe(403)
      }
      expect(await sync.stateOf(id)).toMatchObject({ state: 'mailed', mail_generation: 1 })
    },
  )

  it('is on every form that the screens show, and no page has inline script or style', async () => {
    const { id, who, k, w } = await asked()
    await sync.age(id, 61)
    const pages = [
      await who.visit('/'),
      await who.visit('/redirection?own=1'),
      await person().visit(`/activation/${id}`),
      await person().visit(`/activation/${id}/address`),
      await open(person(), id, k),
      await person().visit(`/activation/${id}/withdraw?w=${text(w)}`),
      await who.visit('/moved'),
      await who.visit('/desk'),
      await who.visit('/activation/continue'),
    ]
    for (const { body, headers } of pages) {
      for (const [, inside] of body.matchAll(/<form[^>]*method="post"[^>]*>([\s\S]*?)<\/form>/g))
        expect(inside).toMatch(/<input type="hidden" name="csrf" value="[\w-]{43}"/)
      expect(body).not.toMatch(/<script(?![^>]* src=)|<style|\sstyle=|\son[a-z]+=/)
      expect(body).not.toMatch(/http-equiv="refresh"/)
      expect(headers.get('content-security-policy')).not.toContain('unsafe-inline')
      expect(headers.get('referrer-policy')).toBe('no-referrer')
      expect(headers.get('cache-control')).toBe('no-store')
    }
  })

  it('cookies carry __Host- over https, are for this origin alone, and hold no k of an answer’s URL', async () => {
    const https = await startInstance(database.provider, { PROVIDER_URL: 'https://identite.example.fr' })
    const { id, k, w } = await asked()
    for (const path of [
      '/',
      `/activation/${id}/confirm?k=${text(k)}`,
      `/activation/${id}/withdraw?w=${text(w)}`,
    ]) {
      const answer = await fetch(https.origin + path, { redirect: 'manual' })
      const lines = answer.headers.getSetCookie()
      expect(lines.length).toBeGreaterThan(0)
      for (const line of lines)
        expect(line).toMatch(
          /^__Host-\w[\w-]*=[\w.~-]*; Max-Age=\d+; Path=\/; HttpOnly; SameSite=Lax; Secure$/,
        )
      expect(answer.headers.get('location') ?? '').not.toMatch(/[?&][kw]=/)
    }
  })
})
