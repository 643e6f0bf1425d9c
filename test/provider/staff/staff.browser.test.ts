/**
 * What only a browser shows of the agents' pages: each of them in both languages against test/support/accessible.ts, no
 * refusal by the content security policy, nothing executed of what people typed; and a decision by keyboard alone,
 * without JavaScript, through a real Keycloak.
 */
import { randomBytes, randomUUID } from 'node:crypto'
import type { BrowserContext, Page } from 'playwright-core'
import { expect, test } from 'vitest'
import { loadTexts } from '../../../core/text.ts'
import { createInspector } from '../../support/accessible.ts'
import { startBrowser } from '../../support/browser.ts'
import { createDatabase } from '../../support/postgres.ts'
import { sha256 } from '../activation/stand-in.ts'
import { startStage } from '../support/realm.ts'
import { createStaffStandIn, type MadeCase } from './stand-in.ts'

const database = await createDatabase()
const stage = await startStage(
  database.provider,
  loadTexts(new URL('../../../provider/text/', import.meta.url)),
)
const { origin } = stage
const agents = new Map<string, string>()
const sync = createStaffStandIn(database.sync, agents)
const browser = await startBrowser()

const hostile =
  '<script>document.title = "executed"</script><img src=x onerror="document.title = \'executed\'">'
const long = 'Adrien-Maximilien de la Rochefoucauld-Montmorency-Bourbon-Parme'

/** A session that admin-sync has answered, or not yet, in this browser. */
async function give(context: BrowserContext, state: 'granted' | 'checking' | 'refused'): Promise<string> {
  const secret = randomBytes(32)
  const { rows } = await sync.pool.query<{ id: string }>(
    `INSERT INTO ellipro.staff_session (cookie_hash, state, reason, user_id, name, id_token, is_agent, expires_at)
     VALUES ($1, $2, $3, $4, $5, $6, true, now() + interval '1 hour') RETURNING id`,
    [
      sha256(secret),
      state,
      state === 'refused' ? 'not_agent' : null,
      state === 'granted' ? 'user-of-marie' : null,
      state === 'granted' ? 'Marie-Élisabeth Martin' : null,
      null,
    ],
  )
  await context.addCookies([{ name: 'staff', value: secret.toString('base64url'), url: origin }])
  return rows[0]!.id
}

async function record(
  made: MadeCase,
  session: string,
  o: { state: string; kind?: string; outcome?: string; user?: string; request?: string },
): Promise<string> {
  const id = randomUUID()
  await sync.pool.query(
    `INSERT INTO ellipro.decision (id, case_id, request_id, kind, reason, called, generation, session_id, state, outcome, user_id,
       name, due_at) VALUES ($1, $2, $3, $4, 'Le contact du contrat le confirme.', 'Mme Lefèvre', 1, $5, $6, $7, $8, 'Paul Durand',
       CASE WHEN $6 = 'awaiting_second' THEN now() + interval '47 hours' END)`,
    [
      id,
      made.id,
      o.request ?? made.requests[0],
      o.kind ?? 'holder_left',
      session,
      o.state,
      o.outcome ?? null,
      o.user ?? 'user-of-paul',
    ],
  )
  return id
}

const days = (n: number) => new Date(Date.now() - n * 86_400_000)

/** A case with everything that a case can have. */
async function makeFull(): Promise<MadeCase> {
  const made = await sync.make({
    company: 'Établissements Lefèvre & Fils, Machines agricoles et Matériel de Levage du Grand Ouest',
    requests: [
      { name: 'Jean Dupont', provedAt: days(4), holderKnows: true },
      {
        name: long,
        address: `${'tres-longue-adresse.'.repeat(4)}x@lefévre-et-fils.example`,
        provedAt: days(3),
        holderKnows: false,
        signals: {
          codes: ['lookalike_domain', 'free_mail', 'asked_at_night', 'a_code_of_tomorrow'],
          resembles: 'lefevre.example.fr',
        },
      },
      { name: hostile, phone: null, provedAt: days(2), network: '2001:db8:1:2::/64' },
      { name: null, provedAt: days(1), state: 'granting' },
      { name: 'Zoé Petit', state: 'refused', reason: 'Nous ne vous connaissons pas dans cette société.' },
      { name: 'Luc Moreau', state: 'withdrawn' },
    ],
  })
  await sync.pool.query(
    `INSERT INTO ellipro.ticket (case_id, connector, external_id, url, status, owner, waiting_since)
     VALUES ($1, 'rt', '4711', 'https://rt.example/4711', 'open', 'p.durand', now())`,
    [made.id],
  )
  await sync.note(made.id, 'ticket_created', 'help-desk', { ticket: '4711' })
  await sync.note(made.id, 'ticket_reply', 'p.durand', {
    text: `Rappelé ce matin.\n${hostile}\n${'x'.repeat(600)}`,
  })
  await sync.note(made.id, 'something_of_tomorrow', 'admin-sync', { number: 3, what: hostile })
  await sync.note(made.id, 'holder_answered', 'holder', { knows: false }, made.requests[1])
  return made
}

/** Every page, in every state; `look` is given each one. */
async function visitEverything(locale: string, look: (page: Page, what?: string) => Promise<void>) {
  const { page, context } = await browser.open(locale)
  const go = async (path: string, what?: string) => {
    await page.goto(origin + path)
    await look(page, what)
  }
  const decide = async (kind: string, request: string, fields: Record<string, string>) => {
    const form = page.locator(
      `form:has(input[name=kind][value=${kind}]):has(input[name=request][value="${request}"])`,
    )
    const details = page.locator('details', { has: form })
    if ((await details.getAttribute('open')) === null) await details.locator('summary').click()
    for (const [name, value] of Object.entries(fields)) await form.locator(`[name=${name}]`).fill(value)
    await form.locator('button[type=submit]').click()
    await page.waitForLoadState()
  }

  await go('/staff/sign-in')
  await go('/staff/callback?state=unknown-state-of-nobody')
  sync.isAway = true
  await give(context, 'checking')
  await go('/staff')
  await give(context, 'refused')
  await go('/staff')

  const session = await give(context, 'granted')
  await go('/staff?filter=closed&q=nothing', 'nothing found')
  const made = await makeFull()
  for (let i = 0; i < 52; i++)
    await sync.make({ company: `Société ${i}`, requests: [{}, {}], ...(i % 9 === 0 && { holder: null }) })
  await go('/staff?q=Machines agricoles')
  await go('/staff?filter=all&page=2', 'second page')
  await go('/staff?page=9', 'beyond')
  await go(`/staff/cases/${made.id}`)
  await decide('refuse', made.requests[0]!, {})
  await look(page, 'a reason is missing')
  await page.goto(`${origin}/staff/cases/${made.id}`)
  await decide('open', made.requests[1]!, {})
  await look(page, 'reason and call are missing')
  await page.goto(`${origin}/staff/cases/${made.id}`)
  await page
    .locator('input[name=generation]')
    .evaluateAll((fields) => fields.forEach((field) => field.setAttribute('value', '7')))
  await decide('holder_left', made.requests[0]!, { reason: 'Parti en mai' })
  await look(page, 'out of date')
  await record(made, session, { state: 'awaiting_second' })
  await record(made, session, {
    state: 'rejected',
    kind: 'open',
    outcome: 'needs_call',
    request: made.requests[1]!,
  })
  await go(`/staff/cases/${made.id}`, 'waits for a second agent')
  const empty = await sync.make({ holder: null, phone: null, domains: [] })
  await go(`/staff/cases/${empty.id}`, 'nothing to decide')
  const closed = await sync.make({ state: 'closed' })
  await go(`/staff/cases/${closed.id}`, 'closed')

  for (const [state, kind, outcome] of [
    ['submitted', 'open', undefined],
    ['applied', 'open', undefined],
    ['awaiting_second', 'holder_left', undefined],
    ['rejected', 'open', 'a_code_of_tomorrow'],
  ] as const)
    await go(
      `/staff/decisions/${await record(made, session, { state, kind, ...(outcome && { outcome }) })}`,
      `${state} ${kind}`,
    )
  await go(`/staff/decisions/${randomUUID()}`)
  await go(`/staff/cases/${randomUUID()}`)

  await page.goto(`${origin}/staff/cases/${made.id}`)
  await sync.pool.query(`UPDATE ellipro.staff_session SET state = 'ended' WHERE id = $1`, [session])
  await decide('refuse', made.requests[0]!, { reason: 'x'.repeat(1200) })
  await look(page, 'too long to be kept')
  sync.isAway = false
  await sync.pool.query('DELETE FROM ellipro.decision')
  await sync.pool.query('DELETE FROM ellipro.login_case')
  await context.close()
}

const everyPage = `
  staff-sign-in staff-problem staff-checking staff-refused staff-list staff-case staff-decision-applying
  staff-decision-done staff-decision-awaiting staff-decision-rejected staff-decision-not-found staff-case-not-found
  staff-session-over`

test.each([
  ['fr', 'fr-FR'],
  ['en', 'en-GB'],
] as const)(
  'every page of agents can be used by everybody: %s',
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
      if ((await page.title()).includes('executed')) problems.push(`${name}: executed what somebody typed`)
    })
    expect(problems).toEqual([])
    expect([...seen].toSorted()).toEqual(everyPage.trim().split(/\s+/).toSorted())
  },
  600_000,
)

test('the page that waits for the check asks by HEAD, and goes on to the very page that was asked for', async () => {
  const { page, context } = await browser.open('fr-FR')
  sync.isAway = true
  const session = await give(context, 'checking')
  await page.goto(`${origin}/staff?filter=all&q=x`)
  await page.waitForSelector('[data-page=staff-checking]')
  let loads = 0
  page.on('load', () => (loads += 1))
  await page.waitForEvent('request', (request) => request.method() === 'HEAD')
  expect(loads).toBe(0)
  await sync.pool.query(
    `UPDATE ellipro.staff_session SET state = 'granted', user_id = 'x', name = 'X', is_agent = true WHERE id = $1`,
    [session],
  )
  await page.waitForSelector('[data-page=staff-list]')
  expect(new URL(page.url()).searchParams.get('filter')).toBe('all')
  expect(await page.locator('#q').inputValue()).toBe('x')
  sync.isAway = false
  await context.close()
})

test('an agent signs in, finds a case and decides by keyboard alone, without JavaScript', async () => {
  const address = `marie.${randomBytes(4).toString('hex')}@desk.example.fr`
  agents.set(
    await stage.createColleague({ address, firstName: 'Marie', lastName: 'Martin', isAgent: true }),
    'Marie Martin',
  )
  const made = await sync.make({ requests: [{ name: 'Jean Dupont', address: 'jean@ailleurs.example' }] })
  const { page } = await browser.open('fr-FR', { javaScriptEnabled: false })
  const focused = () => page.locator(':focus')
  /** Tab until the control is reached whose words are these. */
  const reach = async (words: RegExp) => {
    for (let stops = 0; stops < 80; stops++) {
      await page.keyboard.press('Tab')
      const label = await focused().evaluate((element) => {
        const { labels } = element as unknown as { labels?: Iterable<{ textContent: string }> }
        return [element.textContent, ...[...(labels ?? [])].map(({ textContent }) => textContent)].join(' ')
      })
      if (words.test(label)) return
    }
    throw new Error(`Nothing that says ${String(words)} is reached`)
  }
  await page.goto(`${origin}/staff`)
  await page.waitForSelector('#username:focus')
  await page.keyboard.type(address)
  await page.keyboard.press('Tab')
  await page.waitForSelector('#password:focus')
  await page.keyboard.type(stage.password)
  await page.keyboard.press('Enter')
  await page.waitForSelector('[data-page=staff-list]')
  await reach(/Rechercher un dossier/)
  await page.keyboard.type(made.reference)
  await page.keyboard.press('Enter')
  await page.waitForURL(/q=ELP/)
  await reach(new RegExp(made.reference))
  await page.keyboard.press('Enter')
  await page.waitForSelector('[data-page=staff-case]')
  await reach(/^\s*Ouvrir l’accès/)
  await page.keyboard.press('Enter')
  await reach(/Pourquoi ouvrir/)
  await page.keyboard.type('Connu du contact')
  await reach(/^\s*Ouvrir l’accès\s*$/)
  await page.keyboard.press('Enter')
  // The call back is missing: its field has the focus, and what was typed is there.
  await page.waitForSelector('[aria-invalid=true]')
  expect(await focused().getAttribute('name')).toBe('called')
  await page.keyboard.type('Mme Lefèvre')
  await page.keyboard.press('Enter')
  await page.waitForSelector('[data-page=staff-decision-done]')
  expect(await sync.decisions(made.id)).toMatchObject([
    { kind: 'open', reason: 'Connu du contact', called: 'Mme Lefèvre', state: 'applied' },
  ])
  // Neither a reload nor Back decides again, and the case that Back leads to is as it is now.
  await page.reload()
  expect(await page.locator('body').getAttribute('data-page')).toBe('staff-decision-done')
  await page.goBack()
  await page.waitForSelector('[data-page=staff-case]')
  expect(await page.locator('form[action*=decide]').count()).toBe(0)
  expect((await sync.decisions(made.id)).length).toBe(1)
  await page.context().close()
})
