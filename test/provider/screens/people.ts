/** People at browsers of their own, going through the screens; the sample logins of Cofacering are theirs. */
import { afterAll, expect } from 'vitest'
import { createSqlDirectory } from '../../../provider/legacy/sql.ts'
import { sampleLogins } from '../../../dev/cofacering/sample-logins.ts'
import { createLog } from '../../../core/log.ts'
import type { TestCofacering } from '../../support/postgres.ts'
import { Browser, type Page } from '../support/browser.ts'

export const newPassword = 'agrafe cheval batterie correct'

/** The real directory on the sample Cofacering. */
export function openDirectory(cofacering: TestCofacering) {
  const directory = createSqlDirectory({ url: cofacering.reader, log: createLog('test', 'silent') })
  afterAll(() => directory.close())
  return directory
}

/** A login that works, by its place among those that are not disabled; each test takes its own. */
export function sampleLogin(index: number) {
  const usable = sampleLogins.filter(({ disabled }) => !disabled)
  const found = usable[index % usable.length]
  if (!found) throw new Error('no sample login')
  const { login, password, company } = found
  return { login, password, company }
}

export type Person = {
  browser: Browser
  /** GET of a path, not following redirects. */
  get(path: string): Promise<Page>
  /** GET of a path, following redirects inside provider. */
  visit(path: string): Promise<Page>
  /** Opens a page and sends its form; the answer itself. */
  send(path: string, fields?: Record<string, string>): Promise<Page>
  /** The same, following the answer inside provider. */
  post(path: string, fields?: Record<string, string>): Promise<Page>
  /** Signs in with a legacy login and asks for an activation; its page. */
  ask(login: { login: string; password: string }, email: string, password?: string): Promise<Page>
}

export function createPerson(origin: string, browser = new Browser()): Person {
  const follow = async (page: Page, hops = 10): Promise<Page> =>
    hops > 0 && page.location?.startsWith(origin) ? follow(await browser.open(page.location), hops - 1) : page
  const person: Person = {
    browser,
    get: (path) => browser.open(origin + path),
    visit: async (path) => follow(await browser.open(origin + path)),
    send: async (path, fields = {}) => browser.submit(await person.visit(path), fields),
    post: async (path, fields) => follow(await person.send(path, fields)),
    async ask({ login, password }, email, chosen = newPassword) {
      const redirection = await person.post('/', { login, password })
      expect(redirection.body).toContain('data-page="redirection"')
      return follow(await browser.submit(redirection, { email, password: chosen, shared: 'no' }))
    },
  }
  return person
}

/** Id of the activation that a page is about. */
export function idOf(page: Page): string {
  const id = /\/activation\/([0-9a-f-]{36})/.exec(page.url)?.[1]
  if (!id) throw new Error(`no activation at ${page.url}`)
  return id
}

/** A page without what differs from one person to the next. */
export function normalise(body: string, ...own: string[]): string {
  return own
    .reduce((text, value) => text.replaceAll(value, '_'), body)
    .replaceAll(/name="(csrf|form)" value="[^"]*"/g, 'name="$1"')
    .replaceAll(/error\.reference [\d ]+/g, 'error.reference')
}
