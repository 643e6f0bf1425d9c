/**
 * A login that people share, in three browsers: the first person becomes its holder, the second asks for an access of
 * their own and proves the mailbox, the agent follows the ticket's link, signs in and opens it, and the second person
 * chooses a password and is on the portal. Holder and contact are told, and Keycloak shows what is going on.
 *
 * Fails when any part of the path is missing, when a log names one of them, or when the operator's commands do not know
 * them. It also makes the pictures of docs/agents.md.
 */
import { execFile } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import type { Page } from 'playwright-core'
import pg from 'pg'
import { afterAll, expect, test } from 'vitest'
import { baseEnvironment, processEnvironments } from '../../dev/environment.ts'
import { signInAdministrator } from '../../dev/keycloak.ts'
import { createSampleAgents, sampleAgents } from '../../dev/sample-agents.ts'
import { startBrowser, takeScreenshot } from '../support/browser.ts'
import { startProduct } from '../support/product.ts'
import {
  chosenPassword,
  confirmationLink,
  confirmPassword,
  expectPage,
  expectSignedIn,
  finishActivation,
  openDoor,
  sample,
  signInAtKeycloak,
  signInToCofacering,
  startActivation,
} from './journey.ts'

const product = await startProduct()
const { inbox, installation, urls } = product
const [browser] = await Promise.all([
  startBrowser(),
  createSampleAgents(installation.keycloak, installation.secrets),
])
const cofacering = new pg.Pool({ connectionString: product.cofacering.superuser, max: 1 })
afterAll(() => cofacering.end())

const login = sample('negoce.atlantique')
const first = 'marie.kerouac@negoce-atlantique.example'
/** Not of the contract's domain: the agent has to call. */
const second = 'Bruno.Martin@logistique-ouest.example'
const ticketsTo = 'service-relation-client@ellipro.example'
const [agent] = sampleAgents
const colleague = sampleAgents.find(({ role }) => role === undefined)

const submit = (page: Page) => page.click('main form button[type=submit] >> nth=0')
const linkTo = (links: readonly string[], part: RegExp): string => {
  const found = links.find((link) => part.test(link))
  if (found === undefined) throw new Error(`No link like ${part} among ${links.join(' ')}`)
  return found
}
/** A user as the console shows them. */
async function findUser(address: string): Promise<{ id: string; attributes: Record<string, string[]> }> {
  const { url, realm, administrator } = installation.keycloak
  const authorization = `Bearer ${await signInAdministrator(url, administrator)}`
  const found = await fetch(
    `${url}/admin/realms/${realm}/users?exact=true&email=${encodeURIComponent(address)}`,
    { headers: { authorization } },
  )
  const [user] = (await found.json()) as { id: string; attributes?: Record<string, string[]> }[]
  return { id: user?.id ?? '', attributes: user?.attributes ?? {} }
}
const attributesOf = async (address: string) => (await findUser(address)).attributes
const until = async (address: string, wanted: Record<string, unknown>): Promise<void> =>
  await expect.poll(() => attributesOf(address), { timeout: 15_000, interval: 300 }).toMatchObject(wanted)

/** A command of the operator's, as at a terminal. */
function command(...words: string[]): Promise<{ code: number; text: string }> {
  const root = join(import.meta.dirname, '..', '..')
  const env = {
    ...baseEnvironment(process.env),
    ...processEnvironments(installation).adminSync,
    LANG: 'fr_FR.UTF-8',
  }
  return new Promise((resolve) => {
    execFile(process.execPath, [join(root, 'admin-sync/cli.ts'), ...words], { env }, (error, out, problems) =>
      resolve({ code: error ? Number(error.code) : 0, text: out + problems }),
    )
  })
}

async function signInAsAgent(page: Page, who: (typeof sampleAgents)[number] | undefined): Promise<void> {
  await page.waitForSelector('#kc-login')
  await signInAtKeycloak(page, who?.address ?? '', installation.secrets[who?.password ?? 'colleague'])
}

/** A mail of plain text, as a mail program shows it. */
async function showText(page: Page, text: string): Promise<void> {
  const escaped = text.replaceAll('&', '&amp;').replaceAll('<', '&lt;')
  await page.setContent(
    `<pre style="font: 15px/1.5 sans-serif; white-space: pre-wrap; margin: 2rem">${escaped}</pre>`,
  )
}

/** The real console, on the page of a user; for the documentation only, because it takes its time. */
async function photographConsole(address: string): Promise<void> {
  if (!process.env['ELLIPRO_SCREENSHOTS']) return
  const { url, realm, administrator } = installation.keycloak
  const { id } = await findUser(address)
  const { page, context } = await browser.open('fr-FR', { viewport: { width: 1280, height: 1000 } })
  await page.goto(`${url}/admin/master/console/#/${realm}/users/${id}/settings`)
  await signInAtKeycloak(page, administrator.username, administrator.password)
  await page.locator('#ticket_status, [data-testid=ticket_status]').first().scrollIntoViewIfNeeded()
  await takeScreenshot(page, 'keycloak-attributes')
  await context.close()
}

test('two colleagues and one agent, in three browsers', async () => {
  const { rows } = await cofacering.query<{ contract: string; email: string; phone: string }>(
    `SELECT c.id AS contract, contact_email AS email, contact_phone AS phone
       FROM contract c JOIN login l ON l.contract_id = c.id WHERE l.login = $1`,
    [login.login],
  )
  const legacy = rows[0]
  if (!legacy) throw new Error('no such login')
  const { contract, email: contact, phone } = legacy

  // The first one activates as anybody does, and holds the login.
  const a = await browser.open('fr-FR')
  await startActivation(a.page, product, { door: 'brokered', login: login.login, address: first })
  await finishActivation(a.page, product, first)
  await inbox.waitForMail(contact)

  // The second one signs in with the same login: it has moved. They are somebody else.
  const b = await browser.open('fr-FR')
  await openDoor(b.page, product, 'brokered')
  await signInToCofacering(b.page, login)
  await expectPage(b.page, 'moved')
  expect(await b.page.innerText('main')).toContain('m•••••@negoce-atlantique.example')
  await takeScreenshot(b.page, 'moved')
  await b.page.click('a[href="/access/new"]')
  await expectPage(b.page, 'access-new')
  await b.page.fill('input[name=name]', 'Bruno Martin')
  await b.page.fill('input[name=email]', second)
  await b.page.fill('input[name=phone]', '06 99 00 12 34')
  await takeScreenshot(b.page, 'access-request')
  await submit(b.page)
  await expectPage(b.page, 'access-sent')

  // Nobody is bothered before the mailbox is proved.
  const proof = await inbox.waitForMail(second)
  expect(proof.text).not.toContain('Bruno')
  expect(inbox.mails.filter(({ text }) => text.includes('Bruno'))).toEqual([])
  await b.page.goto(linkTo(proof.links, /\/access\/[0-9a-f-]{36}\/prove/))
  await expectPage(b.page, 'access-prove-valid')
  await submit(b.page)
  await expectPage(b.page, 'access-prove-done')
  const reference = (await b.page.innerText('main code')).trim()
  expect(reference).toMatch(/^ELP-[2-9A-HJ-NP-Z]{4}-[2-9A-HJ-NP-Z]{4}$/)

  const acknowledgement = await inbox.waitForMail(second, ({ text }) => text.includes(reference))
  expect(acknowledgement.text).toContain('0825 123 456')
  const state = linkTo(acknowledgement.links, /\/access\/[0-9a-f-]{36}\?s=/)

  // The holder is told name and domain, no more; the contract's contact learns of the request.
  const question = await inbox.waitForMail(first, ({ links }) =>
    links.some((link) => link.includes('/access/holder/')),
  )
  expect(question.text).toContain('Bruno Martin')
  // Kept from becoming a link by a mark that nobody sees.
  expect(question.text.replaceAll('\u200c', '')).toContain('logistique-ouest.example')
  expect(question.text.toLowerCase()).not.toContain(second.toLowerCase())
  const questions = linkTo(question.links, /\/access\/holder\//)
  // The mail may be here a moment before it is written down that it left.
  await expect
    .poll(
      async () => {
        await a.page.goto(questions)
        return a.page.getAttribute('body', 'data-page')
      },
      { timeout: 10_000, interval: 200 },
    )
    .toBe('holder')
  await a.page.click('button[name=knows][value=yes]')
  await expectPage(a.page, 'holder')
  const before = inbox.mails.filter(({ to }) => to.includes(contact)).length
  expect(before).toBeGreaterThan(0)

  // The agent reads the ticket, follows its link and signs in.
  const ticket = await inbox.waitForMail(ticketsTo, ({ text }) => text.includes('Dossier :'))
  for (const fact of [reference, contract, login.company, login.login, first, phone])
    expect(ticket.text).toContain(fact)
  const note = await inbox.waitForMail(ticketsTo, ({ text }) => text.includes('Bruno Martin'))
  for (const fact of [second.toLowerCase(), 'domaine inconnu'])
    expect(note.text.toLowerCase()).toContain(fact)
  expect(note.subject).toContain(reference)
  const work = await browser.open('fr-FR')
  await showText(
    work.page,
    [ticket.subject, ticket.text, '─'.repeat(60), note.subject, note.text].join('\n\n'),
  )
  await takeScreenshot(work.page, 'ticket-mail')
  await work.page.goto(linkTo(note.links, /\/staff\/cases\//))
  await signInAsAgent(work.page, agent)
  await expectPage(work.page, 'staff-case')
  const shown = await work.page.innerText('body')
  for (const fact of [reference, contract, login.company, first, second, phone, 'Bruno Martin'])
    expect(shown.toLowerCase()).toContain(fact.toLowerCase())
  await work.page.setViewportSize({ width: 1120, height: 1500 })
  await takeScreenshot(work.page, 'staff-case')
  await work.page.setViewportSize({ width: 1120, height: 600 })
  await work.page.goto(`${urls.provider}/staff`)
  await expectPage(work.page, 'staff-list')
  await takeScreenshot(work.page, 'staff-list')
  await work.page.click(`a:text-is("${reference}")`)
  await expectPage(work.page, 'staff-case')

  // Meanwhile Keycloak's console shows it on the holder.
  await until(first.toLowerCase(), { shared_login: ['true'], ticket_status: ['open'], contract: [contract] })

  await photographConsole(first.toLowerCase())

  const form = work.page.locator('form:has(input[name=kind][value=open])')
  await work.page.locator('details:has(input[name=kind][value=open]) > summary').click()
  await form.locator('[name=reason]').fill('Salarié du prestataire logistique, confirmé au téléphone.')
  await form.locator('button[type=submit]').click()
  // An address of another domain: somebody has to be called first.
  await expectPage(work.page, 'staff-case')
  await form.locator('[name=called]').fill(`Rappelé, parlé avec la personne à contacter`)
  await form.locator('button[type=submit]').click()
  await expectPage(work.page, 'staff-decision-done')
  await takeScreenshot(work.page, 'staff-decision')

  // The state page knows; the mail has the same link as any activation, and its page asks for a new password.
  await b.page.goto(state)
  await expectPage(b.page, 'access-state-granting')
  const granted = await inbox.waitForMail(second, ({ links }) =>
    links.some((link) => link.includes('/login-actions/action-token')),
  )
  await b.page.goto(confirmationLink(granted))
  await b.page.click('#ell-confirm')
  await expectPage(b.page, 'confirm-granted')
  await takeScreenshot(b.page, 'confirmation-granted')
  await confirmPassword(b.page)
  await expectSignedIn(b.page, urls.portal, second.toLowerCase())

  // Both have an account of their own on the contract; the login still has one holder.
  await until(second.toLowerCase(), { shared_login: ['true'], contract: [contract] })
  expect((await attributesOf(second.toLowerCase()))['activation']).toBeUndefined()
  await expect
    .poll(() => inbox.mails.filter(({ to }) => to.includes(contact)).length, { timeout: 15_000 })
    .toBeGreaterThan(before)
  await inbox.waitForMail(ticketsTo, ({ text }) => text.includes('Il ne reste rien à décider'))
  await until(second.toLowerCase(), { ticket_status: ['solved'] })
  await until(first.toLowerCase(), { ticket_status: ['solved'] })

  await b.page.goto(state)
  await expectPage(b.page, 'access-state-opened')
  await work.page.goto(`${urls.provider}/staff`)
  await expectPage(work.page, 'staff-list')
  expect(await work.page.innerText('body')).not.toContain(reference)

  // From now on each signs in with their own address.
  await b.page.goto(urls.portal)
  await b.page.click('#sign-out')
  await b.page.waitForURL(/state=signed-out/)
  await b.page.goto(urls.portal)
  await b.page.click('#sign-in')
  await signInAtKeycloak(b.page, second, chosenPassword)
  await expectSignedIn(b.page, urls.portal, second.toLowerCase())
})

test('a colleague without the role is told so, and sees no case', async () => {
  const { page } = await browser.open('fr-FR')
  await page.goto(`${urls.provider}/staff`)
  await signInAsAgent(page, colleague)
  await expectPage(page, 'staff-refused')
  expect(await page.innerText('body')).not.toContain('ELP-')
})

test('no line of a log names anybody, or holds a code of a mail', () => {
  const codes = inbox.mails.flatMap(({ links }) =>
    links.flatMap((link) =>
      [...new URL(link).searchParams].flatMap(([name, value]) => (name === 'client_id' ? [] : value)),
    ),
  )
  expect(codes.length).toBeGreaterThan(4)
  const typed = [
    'bruno',
    'kerouac',
    'logistique-ouest',
    '06 99 00 12 34',
    'prestataire',
    'rappelé',
    login.login,
    'claire.dubois',
  ]
  for (const part of ['provider', 'adminSync'] as const) {
    const log = product.readLog(part).toLowerCase()
    expect(log.length).toBeGreaterThan(1000)
    for (const word of [...typed, ...codes.filter((code) => code.length > 20), chosenPassword])
      expect([part, word, log.includes(word.toLowerCase())]).toEqual([part, word, false])
  }
})

test('the operator’s commands: what is stored about a person, why it is not erased yet, and a file of logins', async () => {
  const file = join(dirname(installation.applicationsFile), 'shared.csv')
  writeFileSync(file, `login;note\r\n${login.login};"de la liste"\r\ngarage.lemoine;\r\n`)
  const confirmed = ['--confirm', '--reason', 'a letter']
  const [person, erasure, imported] = await Promise.all([
    command('people', 'export', second.toUpperCase()),
    command('people', 'erase', second, ...confirmed),
    command('cases', 'import', file, ...confirmed, '--acknowledge-warnings'),
  ])
  expect(person.code).toBe(0)
  expect(JSON.parse(person.text)).toMatchObject({
    activations: [{ kind: 'granted', state: 'opened' }],
    requests: [{ name: 'Bruno Martin', holderKnows: true, decisions: [{ kind: 'open', state: 'applied' }] }],
    accounts: [{ state: 'opened' }],
  })
  // The account is open: its user at Keycloak goes first.
  expect(erasure.code).toBe(1)
  expect(erasure.text).toContain((await findUser(second.toLowerCase())).id)
  expect(imported.code).toBe(0)
  expect((await command('audit', 'list')).text).toContain('cases import (made 1 of 2) a letter')
})
