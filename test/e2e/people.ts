/**
 * What people do with the whole product in a browser: a scene has a Cofacering login and a browser of its own, brings
 * a person to a page, names the page, and follows what it offers. Scenes share one product and may run side by side.
 *
 * ELLIPRO_PAGES=folder takes a picture of each page that a scene names, for whoever reads the words.
 */
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import type { BrowserContext, Page, Response } from 'playwright-core'
import { afterAll } from 'vitest'
import type { Mail } from '../../dev/smtp-sink.ts'
import { startBrowser, type Person } from '../support/browser.ts'
import { startProduct, type Product } from '../support/product.ts'
import { chosenPassword, confirmationLink, confirmationUrl, sample } from './journey.ts'

export { chosenPassword, confirmationLink, confirmationUrl }

export type Scene = {
  login: string
  /** The Cofacering password. */
  password: string
  company: string
  /** Of the mailbox that the person gives. */
  address: string
  person: Person
}

export type World = {
  product: Product
  /** Rows of the database `ellipro`, as its superuser. */
  sql: (text: string, values?: unknown[]) => Promise<Record<string, unknown>[]>
  /** Waits until the query has a row, and gives it. */
  waitForRow: (text: string, values?: unknown[]) => Promise<Record<string, unknown>>
  /** The console: a path below the realm's Admin REST root. */
  admin: (method: 'GET' | 'PUT' | 'DELETE' | 'POST', path: string, body?: unknown) => Promise<unknown>
  /** A browser of one's own. */
  open: (options?: Parameters<Awaited<ReturnType<typeof startBrowser>>['open']>[1]) => Promise<Person>
  /** A new login of a company, and a browser in front of it. */
  newScene: (name: string) => Promise<Scene>
  /** To "we sent a mail", by our own door and without looking at the pages on the way: the id of the activation. */
  start: (scene: Scene, o?: StartOptions) => Promise<string>
  /** To the opened account and signed in at the portal, in the scene's browser. */
  finish: (scene: Scene) => Promise<Mail>
  /** A mail to the scene's address: the first, or the newest of so many. */
  mail: (scene: Scene, count?: number) => Promise<Mail>
}
type StartOptions = { context?: BrowserContext; address?: string; chosen?: string; anew?: boolean }

/** Call it at the top of the test file. */
export async function startWorld(): Promise<World> {
  // A failed sign-in answers at once: what is looked at here is not its time.
  const product = await startProduct({ SIGN_IN_DEADLINE_MS: '50' })
  const browser = await startBrowser()
  const pool = new pg.Pool({ connectionString: product.database.superuser, max: 4 })
  const legacy = new pg.Pool({ connectionString: product.cofacering.superuser, max: 2 })
  afterAll(() => Promise.all([pool.end(), legacy.end()]))
  // People are patient for a minute; a test asks for its second mail at once.
  await pool.query(`UPDATE ellipro.setting SET value = 0 WHERE name = 'resend_seconds'`)
  const sql: World['sql'] = async (text, values = []) => (await pool.query(text, values)).rows
  let scenes = 0

  const world: World = {
    product,
    sql,
    waitForRow: async (text, values) => {
      for (const end = Date.now() + 30_000; Date.now() < end; await sleep(100)) {
        const [row] = await sql(text, values)
        if (row) return row
      }
      throw new Error(`No row: ${text}`)
    },
    admin: (method, path, body) => callAdmin(product, method, path, body),
    open: async (options) => {
      const person = await browser.open('fr-FR', options)
      person.context.setDefaultTimeout(patienceMs)
      return person
    },

    newScene: async (name) => {
      const { password, login: model } = sample('negoce.atlantique')
      const login = `${name}.${++scenes}`
      const { rows } = await legacy.query<{ company: string }>(
        `WITH other AS (SELECT id, company FROM contract ORDER BY id OFFSET $2 LIMIT 1), made AS (
           INSERT INTO login (id, login, password_hash, contract_id, shared, disabled, created_on)
           SELECT $1, $1, m.password_hash, other.id, false, false, now() FROM login m, other WHERE m.login = $3
         ) SELECT company FROM other`,
        [login, scenes, model],
      )
      const person = await world.open()
      return {
        login,
        password,
        company: rows[0]!.company,
        address: `${name}.${scenes}@people.example`,
        person,
      }
    },

    start: async (scene, { context = scene.person.context, address = scene.address, chosen, anew } = {}) => {
      const send = sender(context, product.urls.provider)
      await send('/', '/login', { login: scene.login, password: scene.password })
      const form = { email: address, password: chosen ?? chosenPassword, shared: 'no' }
      const url = await send(anew ? '/redirection?own=1' : '/redirection', '/redirection', form)
      const id = /\/activation\/([0-9a-f-]{36})$/.exec(url)?.[1]
      if (!id) throw new Error(`The activation was not started: ${url}`)
      return id
    },

    finish: async (scene) => {
      await world.start(scene)
      const mail = await world.mail(scene)
      const { page } = scene.person
      await page.goto(confirmationLink(mail))
      await press(page, '#ell-confirm', 'confirm')
      await typePassword(page, chosenPassword)
      await expectPlace(page, 'application:signed-in')
      return mail
    },

    mail: async ({ address }, count = 1) => {
      const toAddress = () => product.inbox.mails.filter((mail) => mail.to.includes(address.toLowerCase()))
      await product.inbox.waitForMail(address, (mail) => mail === toAddress()[count - 1], 30_000)
      return toAddress()[count - 1]!
    },
  }
  return world
}

/** Sends forms with the cookies of a browser, in place of its keyboard: from `page`, whose hidden fields it keeps. */
function sender(context: BrowserContext, origin: string) {
  return async (page: string, action: string, fields: Record<string, string>): Promise<string> => {
    const text = await (await context.request.get(`${origin}${page}`)).text()
    const hidden = Object.fromEntries(
      [...text.matchAll(/<input type="hidden" name="(\w+)" value="([^"]*)"/g)].map(([, name, value]) => [
        name!,
        value!,
      ]),
    )
    return (await context.request.post(`${origin}${action}`, { form: { ...hidden, ...fields } })).url()
  }
}

async function callAdmin(product: Product, method: string, path: string, body?: unknown): Promise<unknown> {
  const { url, realm, administrator } = product.installation.keycloak
  const token = await fetch(`${url}/realms/master/protocol/openid-connect/token`, {
    method: 'POST',
    body: new URLSearchParams({ grant_type: 'password', client_id: 'admin-cli', ...administrator }),
  })
  const { access_token } = (await token.json()) as { access_token: string }
  const answer = await fetch(`${url}/admin/realms/${realm}${path}`, {
    method,
    headers: { authorization: `Bearer ${access_token}`, 'content-type': 'application/json' },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  })
  if (!answer.ok) throw new Error(`Keycloak answered ${answer.status} to ${method} ${path}`)
  const text = await answer.text()
  return text === '' ? undefined : JSON.parse(text)
}

/** Keycloak's user of an address, as the console shows it. */
export async function userOf(
  world: World,
  address: string,
): Promise<{ id: string } & Record<string, unknown>> {
  const found = await world.admin('GET', `/users?exact=true&username=${encodeURIComponent(address)}`)
  const [user] = found as ({ id: string } & Record<string, unknown>)[]
  if (!user) throw new Error('Keycloak has no such user')
  return user
}

/**
 * Where a page is: `data-page` of ours, Keycloak's page id (`login-info`), or what a demonstration application shows
 * (`application:signed-in`, `application:signed-out`, `application:message`).
 */
async function placeOf(page: Page): Promise<string> {
  const place: unknown = await page.evaluate(`(() => {
    const { body } = document
    if (!body) return ''
    if (body.dataset.page) return body.dataset.page
    if (body.dataset.pageId) return body.dataset.pageId
    if (!body.classList.contains('ell-page')) return ''
    if (document.querySelector('#who')) return 'application:signed-in'
    return document.querySelector('#sign-in') ? 'application:signed-out' : 'application:message'
  })()`)
  return String(place)
}

let pictures = 0

/** A machine that is busy with everything else as well. */
const patienceMs = 60_000

/** Waits until the person is at one of these places, and says at which. */
export async function expectPlace(page: Page, ...places: string[]): Promise<string> {
  let found = ''
  for (const end = Date.now() + patienceMs; Date.now() < end; await sleep(60)) {
    // A page that is just being left cannot be asked.
    found = await placeOf(page).catch(() => found)
    if (places.includes(found)) break
  }
  if (!places.includes(found)) {
    const text = await page.innerText('body').catch(() => 'nothing')
    throw new Error(
      `Expected ${places.join(' or ')}, found ${found} at ${page.url()}:\n${text.slice(0, 700)}`,
    )
  }
  await takePicture(page, found)
  return found
}

async function takePicture(page: Page, place: string): Promise<void> {
  const folder = process.env['ELLIPRO_PAGES']
  if (!folder) return
  mkdirSync(folder, { recursive: true })
  const name = `${place.replace(':', '-')}-${process.pid}-${++pictures}.png`
  await page
    .screenshot({ path: join(folder, name), fullPage: true, animations: 'disabled' })
    .catch(() => undefined)
}

/** Presses what the page offers, and waits for where it leads. */
export async function press(page: Page, selector: string, leadsTo: string): Promise<void> {
  await page.click(selector)
  await expectPlace(page, leadsTo)
}

/** The selector of a link or button of the page by where it leads: `way('/')`, `way('/activation/')`. */
export const way = (href: string) => `main :is(a[href="${href}"], a[href^="${href}/"])`
export const submit = 'main form button[type=submit] >> nth=0'

export async function typePassword(page: Page, password: string): Promise<void> {
  await page.fill('input[name=password]', password)
  await page.click(submit)
}

export async function typeLogin(page: Page, { login, password }: Scene): Promise<void> {
  await page.fill('input[name=login]', login)
  await typePassword(page, password)
}

/** The form of the redirection screen. */
export async function typeDetails(page: Page, address: string, password = chosenPassword): Promise<void> {
  await page.fill('input[name=email]', address)
  await page.check('input[name=shared][value=no]')
  await typePassword(page, password)
}

/** Keycloak's form, from the portal. */
export async function signIn(page: Page, world: World, address: string, password: string): Promise<void> {
  await page.goto(`${world.product.urls.portal}/sign-in`)
  await page.fill('input[name=username]', address)
  await page.fill('input[name=password]', password)
  await page.click('#kc-login')
}

/** Back, as the browser's button does it. */
export const back = (page: Page): Promise<Response | null> => page.goBack({ waitUntil: 'load' })

export function withdrawalUrl(mail: Mail): string {
  const link = mail.links.find((one) => one.includes('/withdraw?w='))
  if (!link) throw new Error(`No link "it was not me" in "${mail.subject}"`)
  return link
}

/** From the mail's first click to the portal. */
export async function expectFinished(page: Page, link: string, password = chosenPassword): Promise<void> {
  await page.goto(link)
  await press(page, '#ell-confirm', 'confirm')
  await typePassword(page, password)
  await expectPlace(page, 'application:signed-in')
}
