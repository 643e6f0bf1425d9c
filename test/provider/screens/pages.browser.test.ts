/**
 * What only a browser shows of the screens: every page in both languages against test/support/accessible.ts, no refusal
 * by the content security policy, and what scripts add, or do without.
 */
import { randomUUID } from 'node:crypto'
import express from 'express'
import type { AddressInfo } from 'node:net'
import type { Page } from 'playwright-core'
import { afterAll, expect, test } from 'vitest'
import { loadTexts } from '../../../core/text.ts'
import { UpstreamError } from '../../../core/errors.ts'
import type { LegacyDirectory } from '../../../provider/legacy/directory.ts'
import { renderSignInProblem, renderSomeoneElse } from '../../../provider/sign-in/pages.ts'
import { assets } from '../../../provider/web/assets.ts'
import { requestContext } from '../../../provider/web/context.ts'
import { showSignInProblem } from '../../../provider/screens/contract/view.ts'
import { showClosed } from '../../../provider/screens/closed/view.ts'
import { sendContinue } from '../../../provider/web/continue.ts'
import { securityHeaders } from '../../../provider/web/security-headers.ts'
import { createInspector } from '../../support/accessible.ts'
import { startBrowser } from '../../support/browser.ts'
import { createDatabase } from '../../support/postgres.ts'
import { createStandIn, sha256 } from '../activation/stand-in.ts'
import { startInstance } from '../support/instance.ts'

const database = await createDatabase()
const sync = createStandIn(database.sync)
const browser = await startBrowser()
/** Any login is known, but for one that is down, one that meets a crowd and one that is wrong. */
const directory: LegacyDirectory = {
  verify: (login) => {
    if (login === 'down') return Promise.reject(new UpstreamError('legacy', 0, 'retry', 'timeout'))
    if (login === 'crowd') return Promise.reject(new UpstreamError('hashing', 0, 'retry', 'busy'))
    if (login === 'wrong') return Promise.resolve({ status: 'refused' })
    return Promise.resolve({
      status: 'ok',
      account: {
        account: login,
        login,
        company: 'Établissements Lefèvre & Fils',
        contract: 'CF-1',
        shared: false,
      },
    })
  },
}
const { origin, dependencies } = await startInstance(
  database.provider,
  {
    SIGN_IN_DEADLINE_MS: '50',
    LEGACY_FORGOT_URL: 'https://cofacering.example/forgot',
    DESK_EMAIL: 'relations-clients@cofaceservices.example.fr',
  },
  directory,
  loadTexts(new URL('../../../provider/text/', import.meta.url)),
)
const password = 'agrafe cheval batterie'
let count = 0

async function signIn(page: Page, login: string): Promise<void> {
  await page.goto(`${origin}/`)
  await page.fill('#login', login)
  await page.fill('#password', 'as usual')
  await page.click('button[type=submit]')
}

/** Fills the redirection screen; the id of the activation. */
async function ask(page: Page, login: string): Promise<string> {
  await signIn(page, login)
  await page.fill('#email', `${login}@etablissements-lefevre.example.fr`)
  await page.fill('#password', password)
  await page.check('#shared-no')
  await page.click('button[type=submit]')
  await page.waitForURL(/\/activation\//)
  return page.url().split('/').at(-1)!
}

/** What a page shows that no path leads to in a moment: rendered by itself, in the real frame. */
const bare = express()
bare.use(requestContext(dependencies, dependencies.config.PROVIDER_COOKIE_KEY), ...securityHeaders(false))
bare.use('/assets', assets())
bare.get('/switch', (_req, res) => renderSomeoneElse(res, 'claire.lefevre@etablissements-lefevre.example.fr'))
bare.get('/problem', (_req, res) =>
  renderSignInProblem(res, {
    status: 409,
    messageKey: 'sign_in.problem.served',
    isOpen: true,
    portalUrl: `${origin}/`,
    retryUrl: `${origin}/`,
  }),
)
const closedAt = new Date('2026-01-31T17:00:00Z')
bare.get('/closed', (_req, res) =>
  showClosed(res, {
    config: { ...dependencies.config, COFACERING_CLOSES_AT: closedAt },
    now: Date.now,
    portalSignIn: `${origin}/`,
  }),
)
bare.get('/contract-refused', (_req, res) => showSignInProblem(res, 'refused', randomUUID()))
bare.get('/continue', (_req, res) => sendContinue(res, 'http://127.0.0.1:9/never'))
const bareServer = bare.listen(0, '127.0.0.1')
afterAll(() => void bareServer.close())
const bareOrigin = () => `http://127.0.0.1:${(bareServer.address() as AddressInfo).port}`

const encode = (secret: Buffer) => secret.toString('base64url')
const setState = (id: string, state: string, reason: string | null = null) =>
  sync.pool.query(
    `UPDATE ellipro.activation SET state = $2, reason = $3, confirmed_at = now(), opened_at = now() WHERE id = $1`,
    [id, state, reason],
  )

/** Every page, in an order in which a person can meet them; `look` is given each one. */
async function visitEverything(locale: string, look: (page: Page, what?: string) => Promise<void>) {
  const { page, context } = await browser.open(locale)
  const other = await browser.open(locale)
  await other.context.route('http://127.0.0.1:9/**', (route) => route.fulfill({ status: 204 }))
  const go = async (path: string, what?: string, who = page) => {
    await who.goto(origin + path)
    await look(who, what)
  }
  const send = async (who = page, button = 'main form button[type=submit] >> nth=0') => {
    await who.click(button)
    await who.waitForLoadState()
  }
  const fill = async (fields: Record<string, string>, who = page) => {
    for (const [name, value] of Object.entries(fields)) await who.fill(`#${name}`, value)
    await send(who)
  }

  await go('/help')
  await go('/')
  await fill({})
  await look(page, 'both fields empty')
  await fill({ login: 'wrong', password: 'x' })
  await look(page, 'refused')
  await fill({ login: 'jean@societe.fr', password: 'x' })
  await look(page, 'an address')
  for (const login of ['down', 'crowd']) {
    await signIn(page, login)
    await look(page)
  }

  const login = `lefevre${++count}`
  await signIn(page, login)
  await look(page)
  await fill({})
  await look(page, 'all refused')
  await fill({ email: `${login}@societe.example.fr`, password })
  await look(page, 'a question not answered')
  const id = await ask(page, login)
  await look(page)
  await go(`/activation/${id}/address`)
  await fill({ email: login })
  await look(page, 'refused')
  await sync.age(id, 120)
  await go(`/activation/${id}`, 'a mail may be asked for')
  await send()
  await look(page, 'a mail was asked for')
  await go(`/activation/${id}`, undefined, other.page)
  await fill({ password: 'wrong' }, other.page)
  await look(other.page, 'refused')
  await go(`/activation/${id}/address`, 'another browser', other.page)

  await go(`/activation/${id}/confirm`)
  await go(`/activation/${id}/confirm?k=${'A'.repeat(43)}`)
  const { k, w } = await sync.sendMail(id)
  await go(`/activation/${id}/confirm?k=${encode(k)}`)
  await fill({})
  await look(page, 'empty')
  await fill({ password: 'wrong' })
  await look(page, 'refused')
  await go(`/activation/${id}/confirm?k=${encode(k)}`, 'another browser', other.page)
  await go(`/activation/${id}/withdraw`)
  await go(`/activation/${id}/withdraw?w=${encode(w)}`)
  await page.goto(`${origin}/activation/${id}/confirm`)
  await fill({ password })
  await look(page)
  await go(`/activation/${id}/opening?n=12`)
  await go(`/activation/${id}/withdraw`)
  await go(`/activation/${id}`)
  await sync.pool.query('UPDATE ellipro.activation_secret SET browser_hash = NULL WHERE activation_id = $1', [
    id,
  ])
  for (const [state, reason] of [
    ['mailed', null],
    ['refused', 'address_taken'],
    ['refused', 'account_unknown'],
  ] as const) {
    await setState(id, state, reason)
    await go(`/activation/${id}/opening`)
  }
  await setState(id, 'confirmed')
  await sync.open(id)
  await go(`/activation/${id}/confirm`, undefined, other.page)
  await sync.pool.query('UPDATE ellipro.activation_secret SET proofs_minted = 10 WHERE activation_id = $1', [
    id,
  ])
  await go(`/activation/${id}/opening`)
  await go('/moved', 'a stranger', other.page)
  await signIn(page, login)
  await look(page)
  await visitRequest(page, look)
  await visitWaiting(page, login, look)
  await context.clearCookies()
  await visitContract(page, look)
  await context.clearCookies()
  await visitGranted(page, look)

  await context.clearCookies()
  const second = await ask(page, `lefevre${++count}`)
  const mail = await sync.sendMail(second)
  for (const [state, reason] of [
    ['confirmed', null],
    ['opened', null],
    ['opened', 'contract_added'],
    ['expired', null],
    ['withdrawn', 'not_me'],
    ['withdrawn', 'corrected'],
    ['withdrawn', 'desk'],
    ['refused', 'account_unknown'],
  ] as const) {
    await setState(second, state, reason)
    await go(`/activation/${second}`)
  }
  await setState(second, 'refused', 'account_unknown')
  await go(`/activation/${second}/confirm?k=${encode(mail.k)}`)
  await setState(second, 'mailed')
  await page.goto(`${origin}/activation/${second}/confirm?k=${encode(mail.k)}`)
  for (let tries = 0; tries < 5; tries++) await fill({ password: 'wrong' })
  await look(page, 'no try left')
  await sync.age(second, 90_000)
  await go(`/activation/${second}/confirm`)
  const third = await ask(page, `lefevre${++count}`)
  await page.goto(`${origin}/activation/${third}/withdraw?w=${encode((await sync.sendMail(third)).w)}`)
  await send()
  await look(page)

  for (const path of ['/desk', '/desk?reason=address_taken', '/nowhere', '/interaction/unknown'])
    await go(path)
  await context.clearCookies()
  await go('/activation/continue')
  await page.goto(`${origin}/`)
  await context.clearCookies()
  await fill({ login: 'x', password: 'x' })
  await look(page, 'cookies refused')
  for (const path of ['/switch', '/problem', '/closed', '/continue']) {
    await other.page.goto(bareOrigin() + path)
    await look(other.page)
  }
  await context.close()
  await other.context.close()
}

type Look = (page: Page, what?: string) => Promise<void>

/** A request for an access of one's own, by a browser that has just signed in with a login that is held. */
async function visitRequest(page: Page, look: Look): Promise<void> {
  const go = async (path: string, what?: string) => {
    await page.goto(origin + path)
    await look(page, what)
  }
  const send = async (what?: string) => {
    await page.click('main form button[type=submit] >> nth=0')
    await page.waitForLoadState()
    await look(page, what)
  }
  await go('/access/new')
  await page.fill('#phone', 'x')
  await send('all refused')
  const address = `camille${++count}@etablissements-lefevre.example.fr`
  await page.fill('#name', 'Camille <Lefèvre>')
  await page.fill('#email', address)
  await page.fill('#phone', '01 23 45 67 89')
  await send()
  const { rows } = await sync.pool.query<{ id: string; case_id: string }>(
    'SELECT id, case_id FROM ellipro.access_request WHERE address_key = $1',
    [address],
  )
  const { id, case_id: caseId } = rows[0]!
  const code = Buffer.alloc(32, 7)
  await sync.pool.query(
    `UPDATE ellipro.access_request SET proof_hash = $2, withdraw_hash = $2, state_hash = $2 WHERE id = $1`,
    [id, sha256(code)],
  )
  const set = (change: string) =>
    sync.pool.query(`UPDATE ellipro.access_request SET ${change} WHERE id = $1`, [id])
  await go(`/access/${id}/prove`)
  await go(`/access/${id}/prove?k=${encode(code)}`)
  await sync.set('requests_per_case', 0)
  await send('the case is full')
  await go('/access/new')
  await page.fill('#name', 'Camille')
  await page.fill('#email', `other${address}`)
  await send('the case is full')
  await sync.set('requests_per_case', 20)
  await set(`expires_at = now()`)
  await go(`/access/${id}/prove`)
  await set(`state = 'withdrawn'`)
  await go(`/access/${id}/prove`)
  await set(`state = 'asked', expires_at = now() + interval '1 hour'`)
  await go(`/access/${id}/withdraw`)
  await go(`/access/${id}/withdraw?w=${encode(code)}`)
  await go(`/access/${id}/prove`)
  await send()

  await go(`/access/${id}`)
  await go(`/access/${id}?s=${encode(code)}`)
  for (const state of ['refused', 'granting', 'opened', 'expired', 'withdrawn']) {
    await set(`state = '${state}', reason = 'Inconnu de votre société.'`)
    await go(`/access/${id}`)
    if (state === 'granting') await send('a mail was asked for')
  }
  await go(`/access/${id}/withdraw`)
  await set(`state = 'opened'`)
  await go(`/access/${id}/withdraw`)

  await go(`/access/holder/${caseId}`)
  await sync.pool.query(
    `UPDATE ellipro.login_case SET holder_hash = $2, holder_id =
       (SELECT h.id FROM ellipro.login_holder(account) h) WHERE id = $1`,
    [caseId, sha256(code)],
  )
  await go(`/access/holder/${caseId}?h=${encode(code)}`)
  await set(`state = 'proved', holder_asked_at = now()`)
  await go(`/access/holder/${caseId}`)
  await send('answered')
  await set(`state = 'refused'`)
}

/** The page of an activation that became a request, in the browser that confirmed. */
async function visitWaiting(page: Page, login: string, look: Look): Promise<void> {
  const { rows } = await sync.pool.query<{ id: string }>(
    `INSERT INTO ellipro.activation (state, account, login, company, contract, address, locale, expires_at, confirmed_at, ended_at)
     SELECT 'waiting', account, login, company, contract, 'waiting' || gen_random_uuid() || '@example.fr', 'fr', now(), now(), now()
       FROM ellipro.activation WHERE login = $1 LIMIT 1 RETURNING id`,
    [login],
  )
  const { id } = rows[0]!
  const secret = Buffer.alloc(32, 8)
  await sync.pool.query(
    'INSERT INTO ellipro.activation_secret (activation_id, finisher_hash, browser_hash) VALUES ($1, $2, $2)',
    [id, sha256(secret)],
  )
  const [name, value] = [`finish_${id}`, encode(secret)]
  await page.context().addCookies([{ name, value, url: origin }])
  await page.goto(`${origin}/activation/${id}/waiting`)
  await look(page, 'the case is full')
  const request = await sync.pool.query<{ id: string }>('SELECT ellipro.ask_from_waiting($1) AS id', [id])
  await page.goto(`${origin}/activation/${id}/waiting`)
  await look(page)
  await page.click('main form button[type=submit]')
  await page.waitForLoadState()
  await look(page, 'refused')
  await page.fill('#name', 'Dominique')
  await page.click('main form button[type=submit]')
  await page.waitForLoadState()
  await look(page, 'named')
  for (const state of ['granting', 'opened', 'refused', 'expired', 'withdrawn']) {
    await sync.pool.query('UPDATE ellipro.access_request SET state = $2 WHERE id = $1', [
      request.rows[0]!.id,
      state,
    ])
    await page.goto(`${origin}/activation/${id}/waiting`)
    await look(page)
  }
  await page.context().clearCookies({ name })
  await page.context().addCookies([{ name: 'activation', value, url: origin }])
  await page.goto(`${origin}/activation/${id}/waiting`)
  await look(page)
}

/** Adding a contract to an account: what the person sees of it without Keycloak, and all that admin-sync may answer. */
async function visitContract(page: Page, look: Look): Promise<void> {
  const id = await ask(page, `lefevre${++count}`)
  const { k } = await sync.sendMail(id)
  await sync.refuse(id)
  const path = `/activation/${id}/contract`
  const go = async (to: string, what?: string) => {
    await page.goto(origin + to)
    await look(page, what)
  }
  const give = async (typed: string, what?: string) => {
    await page.fill('#password', typed)
    await page.click('main form button[type=submit] >> nth=0')
    await page.waitForLoadState()
    await look(page, what)
  }
  const change = (set: string, table = 'activation_secret', key = 'activation_id') =>
    sync.pool.query(`UPDATE ellipro.${table} SET ${set} WHERE ${key} = $1`, [id])
  await go(path)
  await go(`${path}?k=${'A'.repeat(43)}`)
  await go(`${path}?k=${encode(k)}`)
  await give('', 'empty')
  await give('wrong', 'refused')
  await give(password)
  await go('/activation/contract/callback?state=unknown')
  await page.goto(`${bareOrigin()}/contract-refused`)
  await look(page)
  await change(`addition_user_id = 'somebody'`)
  await go(`${path}/adding`)
  await go(`${path}/adding?n=12`)
  for (const outcome of ['wrong_person', 'sign_in_refused', 'account_unusable', 'login_unknown', 'added']) {
    await change(`addition_outcome = '${outcome}'`)
    await go(`${path}/adding`)
  }
  await change('addition_user_id = NULL, addition_outcome = NULL')
  await page.goto(origin + path)
  await change('confirmation_tries = 4')
  await give('wrong', 'no try left')
  await change(`state = 'withdrawn'`, 'activation', 'id')
  await go(path)
  await change(`state = 'refused', expires_at = now()`, 'activation', 'id')
  await go(path)
  await change(`kind = 'granted'`, 'activation', 'id')
  await go(path)
  await change(`expires_at = now() + interval '1 day'`, 'activation', 'id')
  await go(path, 'granted')
  await change(`state = 'opened'`, 'activation', 'id')
  await sync.pool.query(
    `INSERT INTO ellipro.added_contract (activation_id, user_id, contract) VALUES ($1, 'somebody', 'CF-1')`,
    [id],
  )
  await go(path, 'by its link')
}

/** The confirmation of an access that an agent opened, as admin-sync leaves it when its mail has left. */
async function visitGranted(page: Page, look: Look): Promise<void> {
  const id = await ask(page, `lefevre${++count}`)
  const { k } = await sync.sendMail(id)
  await sync.pool.query(`UPDATE ellipro.activation SET kind = 'granted', holds = false WHERE id = $1`, [id])
  const path = `/activation/${id}/confirm`
  const go = async (to: string, what?: string) => {
    await page.goto(origin + to)
    await look(page, what)
  }
  await go(path, 'granted')
  await go(`${path}?k=${'A'.repeat(43)}`, 'granted')
  await go(`${path}?k=${encode(k)}`)
  for (const typed of ['', 'court']) {
    await page.fill('#password', typed)
    await page.click('main form button[type=submit] >> nth=0')
    await page.waitForLoadState()
    await look(page, `typed: ${typed}`)
  }
  await sync.pool.query('UPDATE ellipro.activation SET expires_at = now() WHERE id = $1', [id])
  await go(path, 'granted')
}

/** `data-page` of every page that provider has; one that is missing here has never been looked at. */
const everyPage = `
  login login-busy login-unavailable closed interaction-gone redirection moved desk-closed desk-address-taken help sent
  sent-elsewhere sent-opened sent-added sent-confirmed sent-expired sent-not-me sent-stopped sent-ended sent-refused address
  resume confirm confirm-locked confirm-no-link confirm-bad-link confirm-expired confirm-ended confirm-opened confirm-granted
  opening opening-slow opening-opened opening-not-verified opening-refused opening-failed
  withdraw-valid withdraw-done withdraw-too-late withdraw-bad-code sign-in-switch sign-in-problem
  continue error
  access-new access-sent access-full access-prove-valid access-prove-bad-link access-prove-full access-prove-expired
  access-prove-ended access-prove-done access-withdraw-valid access-withdraw-bad-code access-withdraw-done
  access-withdraw-too-late access-state-bad-link access-state-proved access-state-granting access-state-opened
  access-state-refused access-state-expired access-state-withdrawn holder holder-empty holder-bad-link
  waiting-case-full waiting-proved waiting-granting waiting-opened waiting-refused waiting-expired waiting-withdrawn
  waiting-elsewhere
  contract contract-locked contract-no-link contract-bad-link contract-expired contract-expired-granted contract-ended
  contract-added contract-adding contract-adding-slow contract-wrong-person contract-sign-in-refused
  contract-account-unusable contract-login-unknown contract-unavailable contract-unknown contract-refused`

test.each([
  ['fr', 'fr-FR'],
  ['en', 'en-GB'],
] as const)(
  'every page can be used by everybody: %s',
  async (language, locale) => {
    const { inspect } = createInspector(language)
    const problems: string[] = []
    const seen = new Set<string>()
    const listening = new Set<Page>()
    await visitEverything(locale, async (page, what = '') => {
      if (!listening.has(page)) {
        listening.add(page)
        page.on('console', (message) => {
          if (message.text().includes('Content Security Policy')) problems.push(message.text())
        })
      }
      const name = (await page.locator('body').getAttribute('data-page')) ?? page.url()
      seen.add(name)
      problems.push(...(await inspect(page, `${name}${what && ` (${what})`}`)))
    })
    expect(problems).toEqual([])
    expect([...seen].toSorted()).toEqual(everyPage.trim().split(/\s+/).toSorted())
  },
  600_000,
)

test('the way to the opening page needs no JavaScript', async () => {
  const { page } = await browser.open('fr-FR', { javaScriptEnabled: false })
  const id = await ask(page, `lefevre${++count}`)
  const { k } = await sync.sendMail(id)
  await page.goto(`${origin}/activation/${id}/confirm?k=${k.toString('base64url')}`)
  expect(await page.locator('.ell-password__toggle').isVisible()).toBe(false)
  await page.fill('#password', password)
  await page.click('button[type=submit]')
  await page.waitForURL(/\/opening/)
  expect(await sync.stateOf(id)).toMatchObject({ state: 'confirmed' })
  // It loads itself again.
  await page.waitForURL(/\/opening\?n=2/)
})

test('the password is shown and hidden by its button where scripts run', async () => {
  const { page } = await browser.open('fr-FR')
  await page.goto(`${origin}/`)
  await page.click('.ell-password__toggle')
  expect(await page.locator('#password').getAttribute('type')).toBe('text')
  expect(await page.locator('.ell-password__toggle').getAttribute('aria-label')).toBe(
    'Masquer le mot de passe',
  )
  await page.click('.ell-password__toggle')
  expect(await page.locator('#password').getAttribute('type')).toBe('password')
})

/** The page asks by HEAD whether it would be another one now. */
const untilAsked = (page: Page) => page.waitForEvent('request', (request) => request.method() === 'HEAD')

test('the opening page stays as it is while a person waits, and goes on when the account is open', async () => {
  const { page, context } = await browser.open('fr-FR')
  const id = await ask(page, `lefevre${++count}`)
  const { k } = await sync.sendMail(id)
  await page.goto(`${origin}/activation/${id}/confirm?k=${encode(k)}`)
  await page.fill('#password', password)
  await page.click('button[type=submit]')
  await page.waitForSelector('body[data-page=opening]')
  let loads = 0
  page.on('load', () => (loads += 1))
  await untilAsked(page)
  await untilAsked(page)
  expect(loads).toBe(0)
  // An answer that is late or none is no reason to leave the page.
  await context.route('**/opening?n=*', (route) =>
    route.fulfill({ status: 503, headers: { 'retry-after': '30' } }),
  )
  await untilAsked(page)
  await context.unroute('**/opening?n=*')
  await untilAsked(page)
  expect(loads).toBe(0)
  await sync.open(id)
  await page.waitForSelector('body:not([data-page=opening])')
  await context.close()
})
