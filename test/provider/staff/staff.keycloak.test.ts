/**
 * The agents' pages with a real Keycloak and a real database: who gets in, what they see, and how a decision reaches the
 * database. admin-sync is played by stand-in.ts, which checks the nonce of every ID token.
 */
import { randomBytes, randomUUID } from 'node:crypto'
import { afterEach, describe, expect, it } from 'vitest'
import { HttpPerson } from '../../support/http-person.ts'
import { createDatabase } from '../../support/postgres.ts'
import { startInstance } from '../support/instance.ts'
import { startStage } from '../support/realm.ts'
import { createStaffStandIn } from './stand-in.ts'

const database = await createDatabase()
const stage = await startStage(database.provider)
const { origin, logged } = stage
const agents = new Map<string, string>()
const sync = createStaffStandIn(database.sync, agents)

async function colleague(firstName: string, isAgent = true) {
  const address = `${firstName.toLowerCase()}.${randomBytes(4).toString('hex')}@desk.example.fr`
  const userId = await stage.createColleague({ address, firstName, lastName: 'Martin', isAgent })
  if (isAgent) agents.set(userId, `${firstName} Martin`)
  return { address, userId }
}
const marie = await colleague('Marie')
const paul = await colleague('Paul')
const nobody = await colleague('Nadia', false)

afterEach(() => {
  sync.isAway = false
  sync.rejects = undefined
  // A token that would count for something else than the row it came with.
  if (sync.foreign.length > 0) throw new Error(sync.foreign.join())
})

/** Types address and password where Keycloak asks for them. */
async function logIn(person: HttpPerson, { address }: { address: string }): Promise<HttpPerson> {
  await person.submit({ username: address, password: stage.password })
  return person
}
/** Somebody who has gone through the sign-in, on the page that they asked for. */
async function signedIn(who: { address: string }, path = '/staff'): Promise<HttpPerson> {
  const person = new HttpPerson()
  await person.open(origin + path)
  return logIn(person, who)
}
/** The form of one decision on the present page. */
const formOf = (person: HttpPerson, kind: string, requestId = '') => {
  const form = person.forms().find(({ fields }) => fields['kind'] === kind && fields['request'] === requestId)
  if (!form) throw new Error(`no form ${kind} on ${person.describe()}`)
  return form
}
async function post(person: HttpPerson, url: string, fields: Record<string, string>): Promise<void> {
  const { csrf } = person.forms().find(({ method }) => method === 'POST')!.fields
  person.page = {
    ...person.page,
    body: `<form method="post" action="${url}">${Object.entries({ csrf: csrf!, ...fields })
      .map(([name, value]) => `<input name="${name}" value="${escape(value)}">`)
      .join('')}</form>`,
  }
  await person.submit()
}
const escape = (text: string) =>
  text.replaceAll('&', '&amp;').replaceAll('"', '&quot;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')

async function decide(
  person: HttpPerson,
  kind: string,
  requestId: string,
  fields: Record<string, string>,
): Promise<void> {
  const form = formOf(person, kind, requestId)
  await post(person, form.action, { ...form.fields, ...fields })
}

const days = (n: number) => new Date(Date.now() - n * 86_400_000)

describe('who gets in', () => {
  it('leads whoever is not signed in to Keycloak, and back to the page that was asked for', async () => {
    const { id } = await sync.make()
    for (const path of ['/staff', '/staff?filter=all&q=lefevre', `/staff/cases/${id}`]) {
      const person = await signedIn(marie, path)
      expect([person.page.status, person.page.url]).toEqual([200, origin + path])
    }
  })

  it('lets nobody in without the role: 403 and a log line, on every page', async () => {
    const { id } = await sync.make()
    const person = await signedIn(nobody)
    expect([person.page.status, person.name]).toEqual([403, 'staff-refused'])
    for (const path of ['/staff', `/staff/cases/${id}`, `/staff/decisions/${randomUUID()}`]) {
      await person.open(origin + path)
      expect(person.page.status).toBe(403)
      expect(person.page.body).toContain('staff.refused.not_agent')
    }
    const lines = logged.filter(({ event }) => event === 'staff.refused')
    expect(lines.length).toBeGreaterThanOrEqual(4)
    expect(lines[0]).toMatchObject({ code: 'not_agent' })
  })

  it('keeps the ID token nowhere in the browser, and gives it to the database alone', async () => {
    const person = new HttpPerson()
    await person.open(`${origin}/staff`)
    sync.isAway = true
    await logIn(person, marie)
    const { rows } = await sync.pool.query<{ id_token: string }>(
      `SELECT id_token FROM ellipro.staff_session WHERE state = 'checking'`,
    )
    expect(rows.length).toBe(1)
    const [, payload] = rows[0]!.id_token.split('.')
    const kept = person.cookies.map(({ value }) => value).join()
    expect(kept).not.toContain(payload!.slice(0, 40))
    expect(JSON.stringify(logged)).not.toContain(payload!.slice(0, 40))
  })

  it('says that the access is being checked while admin-sync is late, and goes on when it has answered', async () => {
    sync.isAway = true
    const { id } = await sync.make()
    const person = await signedIn(marie, `/staff/cases/${id}`)
    expect([person.page.status, person.name]).toEqual([200, 'staff-checking'])
    expect(person.refresh?.url.startsWith(`${origin}/staff/cases/${id}`)).toBe(true)
    sync.isAway = false
    await person.open(person.refresh!.url)
    expect(person.name).toBe('staff-case')
  })

  it('takes no session cookie that was there before the sign-in', async () => {
    const person = new HttpPerson()
    await person.open(`${origin}/staff`)
    const planted = randomBytes(32).toString('base64url')
    person.cookies.push({ host: new URL(origin).hostname, name: 'staff', value: planted, path: '/' })
    await logIn(person, marie)
    expect(person.name).toBe('staff-list')
    expect(person.cookies.filter(({ name }) => name === 'staff').map(({ value }) => value)).not.toEqual([
      planted,
    ])
    const thief = new HttpPerson()
    thief.cookies.push({ host: new URL(origin).hostname, name: 'staff', value: planted, path: '/' })
    await thief.open(`${origin}/staff`)
    expect(thief.page.url).not.toContain(`${origin}/staff`)
  })

  it('finishes a sign-in only in the browser that began it', async () => {
    const mine = new HttpPerson()
    await mine.open(`${origin}/staff`)
    const login = mine.forms().find(({ method }) => method === 'POST')!
    const answer = await fetch(login.action, {
      method: 'POST',
      redirect: 'manual',
      headers: {
        cookie: mine.cookies
          .filter(({ host }) => host !== new URL(origin).hostname)
          .map(({ name, value }) => `${name}=${value}`)
          .join('; '),
      },
      body: new URLSearchParams({ ...login.fields, username: marie.address, password: stage.password }),
    })
    const callback = answer.headers.get('location')!
    expect(callback).toContain('/staff/callback')
    const victim = new HttpPerson()
    await victim.open(callback)
    expect([victim.page.status, victim.name]).toEqual([400, 'staff-problem'])
    expect(victim.cookies.some(({ name }) => name === 'staff')).toBe(false)
  })

  it('ends with the sign-out, which offers to leave Keycloak as well', async () => {
    const person = await signedIn(marie)
    const before = person.cookies.find(({ name }) => name === 'staff')!
    await person.submit({}, 'sign-out')
    expect([person.page.url, person.name]).toEqual([`${origin}/staff/sign-in`, 'staff-sign-in'])
    expect(person.cookies.some(({ name }) => name === 'staff')).toBe(false)
    await person.click(/protocol\/openid-connect\/logout/)
    await person.submit()
    expect(person.page.url.startsWith(`${origin}/staff/sign-in`)).toBe(true)
    await person.open(`${origin}/staff`)
    expect(person.page.url.startsWith(stage.issuer)).toBe(true)
    // The old cookie opens nothing any more.
    const other = new HttpPerson()
    other.cookies.push(before)
    await other.open(`${origin}/staff`)
    expect(other.page.url.startsWith(stage.issuer)).toBe(true)
  })
})

describe('the list', () => {
  it('shows what waits for a decision, the oldest request first, and finds by every word of a case', async () => {
    const contract = `CF-${randomUUID().slice(0, 8)}`
    const young = await sync.make({ contract, requests: [{ provedAt: days(1), name: 'Zoé Petit' }] })
    const old = await sync.make({
      contract,
      company: 'Vieille Maison',
      requests: [{ provedAt: days(40) }, {}],
    })
    const idle = await sync.make({ contract })
    const closed = await sync.make({ contract, state: 'closed' })
    const person = await signedIn(marie)
    const shown = async (query: string) => {
      await person.open(`${origin}/staff?${query}`)
      return [...person.page.body.matchAll(/\/staff\/cases\/([0-9a-f-]{36})/g)].map(([, id]) => id)
    }
    expect(await shown(`q=${contract}`)).toEqual([old.id, young.id])
    expect(await shown(`filter=open&q=${contract}`)).toEqual([old.id, young.id, idle.id])
    expect(await shown(`filter=closed&q=${contract}`)).toEqual([closed.id])
    expect((await shown(`filter=all&q=${contract}`)).length).toBe(4)
    expect(await shown(`filter=all&q=${old.reference}`)).toEqual([old.id])
    expect(await shown('q=zo%C3%A9 petit')).toContain(young.id)
    expect(await shown(`q=${encodeURIComponent("' OR 1=1 --\u0000<script>")}`)).toEqual([])
    expect(person.page.status).toBe(200)
    expect(person.page.body).not.toContain('<script>')
  })

  it('has fifty cases a page, and says what a page beyond the last one is', async () => {
    const contract = `CF-${randomUUID().slice(0, 8)}`
    for (let i = 0; i < 52; i++) await sync.make({ contract, holder: null, requests: [{}] })
    const person = await signedIn(marie)
    await person.open(`${origin}/staff?q=${contract}`)
    expect(person.page.body.match(/href="\/staff\/cases\//g)?.length).toBe(50)
    await person.click(/page=2/)
    expect(person.page.body.match(/href="\/staff\/cases\//g)?.length).toBe(2)
    expect(person.link(/lang="en"/)).toBe(`${origin}/staff?q=${contract}&page=2&lang=en`)
    await person.open(`${origin}/staff?q=${contract}&page=3`)
    expect(person.page.body).toContain('staff.list.beyond')
    await person.open(`${origin}/staff?q=${randomUUID()}`)
    expect(person.page.body).toContain('staff.list.nothing_found')
    for (const query of ['page=-1', 'page=9999999', 'page=x', 'filter=nonsense', 'q=a&q=b']) {
      await person.open(`${origin}/staff?${query}`)
      expect(person.page.status).toBe(200)
    }
  })
})

describe('a case', () => {
  it('shows everything that an agent must see, and the number of the contract to call', async () => {
    const made = await sync.make({
      holder: 'claire.lefevre@lefevre.example.fr',
      requests: [
        {
          address: 'jean.dupont@lefévre.example',
          phone: '06 99 99 99 99',
          network: '198.51.100.0/24',
          holderKnows: false,
          signals: {
            codes: ['free_mail', 'lookalike_domain', 'a_code_of_tomorrow'],
            resembles: 'lefevre.example.fr',
          },
        },
      ],
    })
    await sync.pool.query(
      `INSERT INTO ellipro.ticket (case_id, connector, external_id, url, status, owner, waiting_since)
       VALUES ($1, 'rt', '4711', 'javascript:alert(1)', 'open', 'paul', now())`,
      [made.id],
    )
    await sync.pool.query(
      `INSERT INTO ellipro.access_request (case_id, state, name, address, locale, expires_at)
       VALUES ($1, 'asked', 'Nobody Proved', 'x@x.example', 'fr', now() + interval '1 day'),
              ($1, 'expired', 'Nobody Proved', 'y@x.example', 'fr', now())`,
      [made.id],
    )
    const person = await signedIn(marie, `/staff/cases/${made.id}`)
    const { body, headers } = person.page
    expect(body).not.toContain('Nobody Proved')
    expect(body).toContain('staff.case.unproved 1')
    const seen = [
      made.reference,
      'lefevre12',
      'Lefèvre &amp; Fils',
      'claire.lefevre@lefevre.example.fr',
      '01 23 45 67 89',
      'tel:0123456789',
      'jean.dupont@lefévre.example',
      'xn--lefvre-dva.example',
      '06 99 99 99 99',
      'staff.request.not_verified',
      '198.51.100.0/24',
      'staff.request.holder_knows_not',
      'staff.signal.free_mail',
      'staff.signal.lookalike_domain',
      'a_code_of_tomorrow',
      'staff.source.second_activation',
      'staff.ticket.number 4711',
      'staff.ticket.waiting',
      'staff.ticket.status.open',
      'staff.event.opened',
      'staff.accounts.kind.legacy',
    ]
    expect(seen.filter((text) => !body.includes(text))).toEqual([])
    expect(body).not.toContain('javascript:')
    expect(body).not.toContain('tel:0699')
    expect(headers.get('cache-control')).toBe('no-store')
    expect(headers.get('content-security-policy')).toContain("default-src 'none'")
  })

  it('shows what people typed as they typed it, and executes none of it', async () => {
    const hostile = '<script>alert(1)</script>"\'&\u202eevil'
    const made = await sync.make({ requests: [{ name: hostile, address: 'a"b<x>@evil.example' }] })
    await sync.note(made.id, 'ticket_reply', 'help-desk', { text: `${hostile}\n${'long '.repeat(2000)}😀` })
    const person = await signedIn(marie, `/staff/cases/${made.id}`)
    expect(person.page.body).not.toContain('<script>alert')
    expect(person.page.body).not.toContain('<x>')
    expect(person.page.body).toContain('&lt;script&gt;alert(1)&lt;/script&gt;')
    expect(person.page.body).toContain('😀')
  })

  it('is not there for an unknown id, and says so', async () => {
    const person = await signedIn(marie)
    for (const id of [randomUUID(), 'x', '%00', '..%2f..%2f']) {
      await person.open(`${origin}/staff/cases/${id}`)
      expect(person.page.status).toBeGreaterThanOrEqual(400)
      expect(person.page.status).toBeLessThan(500)
    }
  })
})

describe('a decision', () => {
  it('goes through Keycloak without a form, is bound to all of its words, and is applied', async () => {
    const made = await sync.make({ requests: [{}] })
    const person = await signedIn(marie, `/staff/cases/${made.id}`)
    await decide(person, 'open', made.requests[0]!, { reason: 'Connue du contact\r\nappelé ce matin 😀' })
    expect([person.page.status, person.name]).toEqual([200, 'staff-decision-done'])
    expect(await sync.decisions(made.id)).toMatchObject([
      {
        kind: 'open',
        reason: 'Connue du contact\nappelé ce matin 😀',
        state: 'applied',
        name: 'Marie Martin',
      },
    ])
    await person.click(/\/staff\/cases\//)
    expect(person.page.body).toContain('Marie Martin')
    // What was typed has served.
    expect(person.cookies.some(({ name }) => name === 'staff_draft')).toBe(false)
  })

  it('sent twice by a double click is one decision', async () => {
    const made = await sync.make({ requests: [{}] })
    const person = await signedIn(marie, `/staff/cases/${made.id}`)
    const form = formOf(person, 'refuse', made.requests[0])
    const twice = new HttpPerson()
    twice.cookies = person.cookies.map((cookie) => ({ ...cookie }))
    twice.page = person.page
    await Promise.all(
      [person, twice].map((one) =>
        post(one, form.action, { ...form.fields, reason: 'Inconnue de la société' }),
      ),
    )
    expect([person.name, twice.name]).toEqual(['staff-decision-done', 'staff-decision-done'])
    expect(await sync.decisions(made.id)).toMatchObject([{ kind: 'refuse', state: 'applied' }])
  })

  it('needs a reason, and for an address of another domain the name of who was called back', async () => {
    const made = await sync.make({ requests: [{ address: 'jean@ailleurs.example' }] })
    const [request] = made.requests as [string]
    const person = await signedIn(marie, `/staff/cases/${made.id}`)
    await decide(person, 'open', request, { reason: '  ', called: '' })
    // By a redirect, so that neither reload nor Back sends the form again.
    expect(person.page.url).toBe(`${origin}/staff/cases/${made.id}`)
    expect(person.page.body).toContain('staff.error.reason_missing')
    expect(person.page.body).toContain('staff.error.called_missing')
    await decide(person, 'open', request, { reason: 'x'.repeat(10_000), called: 'Mme Lefèvre' })
    expect(person.page.status).toBe(422)
    expect(person.page.body).toContain('staff.error.reason_too_long')
    expect(person.page.body).toContain('x'.repeat(10_000))
    expect(person.page.body).toContain('value="Mme Lefèvre"')
    await decide(person, 'open', request, { reason: '漢'.repeat(1000), called: 'Mme Lefèvre' })
    expect(person.name).toBe('staff-decision-done')
    expect(await sync.decisions(made.id)).toMatchObject([{ called: 'Mme Lefèvre', state: 'applied' }])
  })

  it('is not offered on one’s own request, nor taken from a form that was made up', async () => {
    const made = await sync.make({ requests: [{ address: marie.address }, {}] })
    const [own, other] = made.requests as [string, string]
    const person = await signedIn(marie, `/staff/cases/${made.id}`)
    expect(person.page.body).toContain('staff.request.own')
    const { action, fields } = formOf(person, 'open', other)
    await post(person, action, { ...fields, request: own, reason: 'moi', called: 'moi' })
    expect(person.page.body).toContain('staff.refusal.own_request')
    for (const bad of [
      { kind: 'delete' },
      { decision: 'x' },
      { generation: '-1' },
      { request: randomUUID() },
      { request: '' },
    ]) {
      await person.open(`${origin}/staff/cases/${made.id}`)
      await post(person, action, { ...formOf(person, 'open', other).fields, reason: 'x', ...bad })
      expect(person.page.status).toBe(400)
    }
    await person.open(`${origin}/staff/cases/${made.id}`)
    await post(person, action, { ...fields, csrf: 'x', reason: 'x' })
    expect(person.page.status).toBe(403)
    expect(await sync.decisions(made.id)).toEqual([])
  })

  it('that the holder left waits for a second agent, who is shown who said so', async () => {
    const made = await sync.make({ requests: [{}] })
    const [request] = made.requests as [string]
    const first = await signedIn(marie, `/staff/cases/${made.id}`)
    await decide(first, 'holder_left', request, { reason: 'Parti en mai' })
    expect(first.name).toBe('staff-decision-awaiting')
    await first.click(/\/staff\/cases\//)
    expect(first.page.body).toContain('staff.handover.mine')
    expect(first.forms().some(({ fields }) => fields['kind'] === 'holder_left')).toBe(false)

    const second = await signedIn(paul, `/staff/cases/${made.id}`)
    expect(second.page.body).toContain('staff.handover.theirs Marie Martin')
    expect(second.page.body).toContain('staff.form.confirm_left_button')
    await decide(second, 'holder_left', request, { reason: 'Confirmé par le contact' })
    expect(second.name).toBe('staff-decision-done')
    expect((await sync.decisions(made.id)).map(({ name }) => name)).toEqual(['Marie Martin', 'Paul Martin'])
  })

  it('that a login is not shared closes the case, once nothing waits for a decision', async () => {
    const made = await sync.make({ requests: [{}] })
    const person = await signedIn(marie, `/staff/cases/${made.id}`)
    expect(person.page.body).toContain('staff.close.requests_open')
    await decide(person, 'refuse', made.requests[0]!, { reason: 'Inconnu' })
    await person.open(`${origin}/staff/cases/${made.id}`)
    await decide(person, 'not_shared', '', { reason: 'Une seule personne' })
    expect(person.name).toBe('staff-decision-done')
    await person.click(/\/staff\/cases\//)
    expect(person.page.body).toContain('staff.case.state.closed')
    expect(person.forms().some(({ action }) => action.includes('decide'))).toBe(false)
  })
})

/** The words are on the page, in the form of that decision. */
const isKept = (person: HttpPerson, words: string) => person.page.body.includes(words)

describe('a decision that does not come to its end', () => {
  it('is shown as being applied while admin-sync is late, and done when it has answered', async () => {
    const made = await sync.make({ requests: [{}] })
    const person = await signedIn(marie, `/staff/cases/${made.id}`)
    sync.isAway = true
    await decide(person, 'open', made.requests[0]!, { reason: 'Connue' })
    expect(person.name).toBe('staff-decision-applying')
    sync.isAway = false
    await person.open(person.refresh!.url)
    expect(person.name).toBe('staff-decision-done')
  })

  it.each(['stale', 'needs_call', 'token_too_old', 'something_new'])(
    'says why it was rejected, and keeps what was typed: %s',
    async (code) => {
      const made = await sync.make({ requests: [{}] })
      const person = await signedIn(marie, `/staff/cases/${made.id}`)
      sync.rejects = code
      await decide(person, 'refuse', made.requests[0]!, { reason: 'Des mots à garder' })
      expect([person.name, person.page.status]).toEqual(['staff-decision-rejected', 200])
      await person.click(/\/staff\/cases\//)
      expect(isKept(person, 'Des mots à garder</textarea')).toBe(true)
      sync.rejects = undefined
      // The form has an id of its own again: the same words are a new decision.
      await decide(person, 'refuse', made.requests[0]!, { reason: 'Des mots à garder' })
      expect(person.name).toBe('staff-decision-done')
      await person.open(`${origin}/staff/cases/${made.id}`)
      expect(person.cookies.some(({ name }) => name === 'staff_draft')).toBe(false)
    },
  )

  it('on a case that has changed since says so, before Keycloak and after it', async () => {
    const made = await sync.make({ requests: [{}, {}] })
    const [one, two] = made.requests as [string, string]
    const [first, second] = [
      await signedIn(marie, `/staff/cases/${made.id}`),
      await signedIn(paul, `/staff/cases/${made.id}`),
    ]
    await decide(first, 'open', one, { reason: 'Connue' })
    await decide(second, 'open', two, { reason: 'Mes mots' })
    expect([second.page.url, second.name]).toEqual([`${origin}/staff/cases/${made.id}`, 'staff-case'])
    expect(second.link(/lang="en"/)).toBe(`${origin}/staff/cases/${made.id}?lang=en`)
    expect(second.page.body).toContain('staff.refusal.stale')
    expect(isKept(second, 'Mes mots</textarea')).toBe(true)
    await decide(second, 'open', two, { reason: 'Mes mots' })
    expect(second.name).toBe('staff-decision-done')
  })

  it('is not lost when the session ended meanwhile: the words are there after a new sign-in', async () => {
    const made = await sync.make({ requests: [{}] })
    const person = await signedIn(marie, `/staff/cases/${made.id}`)
    await sync.pool.query(`UPDATE ellipro.staff_session SET state = 'ended' WHERE state = 'granted'`)
    await decide(person, 'refuse', made.requests[0]!, { reason: 'Écrit pendant une heure' })
    expect([person.page.status, person.name]).toEqual([403, 'staff-session-over'])
    await person.click(/sign-in\?to=/)
    expect([person.page.url, person.name]).toEqual([`${origin}/staff/cases/${made.id}`, 'staff-case'])
    expect(isKept(person, 'Écrit pendant une heure</textarea')).toBe(true)
    expect(await sync.decisions(made.id)).toEqual([])
    // A colleague who signs in at the same browser reads none of it.
    const there = new HttpPerson()
    there.cookies = person.cookies.filter(({ name }) => name === 'staff_draft')
    await there.open(`${origin}/staff/cases/${made.id}`)
    await logIn(there, paul)
    expect(there.name).toBe('staff-case')
    expect(isKept(there, 'Écrit pendant une heure')).toBe(false)
    // Too long for a cookie: it is shown, to be copied.
    await sync.pool.query(`UPDATE ellipro.staff_session SET state = 'ended' WHERE state = 'granted'`)
    await decide(person, 'refuse', made.requests[0]!, { reason: '<b>'.repeat(2000) })
    expect(person.page.body).toContain('staff.over.copy')
    expect(person.page.body).toContain('&lt;b&gt;'.repeat(2000))
  })

  it('does not count with the token of somebody else who is signed in to Keycloak in this browser', async () => {
    const made = await sync.make({ requests: [{}] })
    const person = await signedIn(marie, `/staff/cases/${made.id}`)
    const other = await signedIn(paul)
    const host = new URL(stage.issuer).hostname
    person.cookies = [
      ...person.cookies.filter((c) => c.host !== host),
      ...other.cookies.filter((c) => c.host === host),
    ]
    await decide(person, 'refuse', made.requests[0]!, { reason: 'Mes mots' })
    expect([person.page.url, person.name]).toEqual([`${origin}/staff/cases/${made.id}`, 'staff-case'])
    expect(person.page.body).toContain('staff.refusal.other_person')
    expect(isKept(person, 'Mes mots</textarea')).toBe(true)
    expect(await sync.decisions(made.id)).toEqual([])
  })

  it('asks at Keycloak when nobody is signed in there any more, and goes on', async () => {
    const made = await sync.make({ requests: [{}] })
    const person = await signedIn(marie, `/staff/cases/${made.id}`)
    const host = new URL(stage.issuer).hostname
    person.cookies = person.cookies.filter((cookie) => cookie.host !== host)
    await decide(person, 'refuse', made.requests[0]!, { reason: 'Mes mots' })
    expect(person.page.url.startsWith(stage.issuer)).toBe(true)
    await logIn(person, marie)
    expect(person.name).toBe('staff-decision-done')
  })

  it('that was cancelled at Keycloak, or whose answer is replayed, is back in its form', async () => {
    const made = await sync.make({ requests: [{}] })
    const person = await signedIn(marie, `/staff/cases/${made.id}`)
    const host = new URL(stage.issuer).hostname
    person.cookies = person.cookies.filter((cookie) => cookie.host !== host)
    await decide(person, 'refuse', made.requests[0]!, { reason: 'Mes mots' })
    const state = person.cookies
      .find(({ name }) => name.startsWith('staff_in_'))!
      .name.slice('staff_in_'.length)
    const callback = `${origin}/staff/callback?error=access_denied&state=${state}&iss=${encodeURIComponent(stage.issuer)}`
    await person.open(callback)
    expect([person.page.url, person.name]).toEqual([`${origin}/staff/cases/${made.id}`, 'staff-case'])
    expect(person.page.body).toContain('staff.refusal.sign_in_refused')
    expect(isKept(person, 'Mes mots</textarea')).toBe(true)
    await person.open(callback)
    expect(person.name).toBe('staff-list')
    expect(await sync.decisions(made.id)).toEqual([])
  })

  it('meets a Keycloak that is down: before the round trip and after it, nothing typed is lost', async () => {
    const made = await sync.make({ requests: [{}] })
    const down = await startInstance(database.provider, { KEYCLOAK_URL: 'http://127.0.0.9:8080' })
    const person = await signedIn(marie, `/staff/cases/${made.id}`)
    const there = new HttpPerson()
    const host = new URL(down.origin).hostname
    const take = () => {
      there.cookies = person.cookies
        .filter((cookie) => cookie.host === new URL(origin).hostname)
        .map((cookie) => ({ ...cookie, host }))
    }
    take()
    await there.open(`${down.origin}/staff/cases/${made.id}`)
    await decide(there, 'refuse', made.requests[0]!, { reason: 'Mes mots' })
    expect([there.page.url, there.name]).toEqual([`${down.origin}/staff/cases/${made.id}`, 'staff-case'])
    expect(there.page.body).toContain('staff.refusal.unavailable')
    expect(isKept(there, 'Mes mots</textarea')).toBe(true)

    person.cookies = person.cookies.filter((cookie) => cookie.host !== new URL(stage.issuer).hostname)
    await decide(person, 'refuse', made.requests[0]!, { reason: 'D’autres mots' })
    take()
    const state = there.cookies
      .find(({ name }) => name.startsWith('staff_in_'))!
      .name.slice('staff_in_'.length)
    await there.open(`${down.origin}/staff/callback?code=x&state=${state}&iss=x`)
    expect([there.page.url, there.name]).toEqual([`${down.origin}/staff/cases/${made.id}`, 'staff-case'])
    expect(isKept(there, 'D’autres mots</textarea')).toBe(true)

    const stranger = new HttpPerson()
    await stranger.open(`${down.origin}/staff/cases/${made.id}`)
    expect([stranger.page.status, stranger.name]).toEqual([503, 'staff-problem'])
    expect(stranger.link(/class="ell-button.*sign-in/)).toContain(
      encodeURIComponent(`/staff/cases/${made.id}`),
    )
    expect(await sync.decisions(made.id)).toEqual([])
  })

  it('keeps two tabs apart', async () => {
    const [one, two] = [await sync.make({ requests: [{}] }), await sync.make({ requests: [{}] })]
    const person = await signedIn(marie, `/staff/cases/${one.id}`)
    const host = new URL(stage.issuer).hostname
    person.cookies = person.cookies.filter((cookie) => cookie.host !== host)
    await decide(person, 'refuse', one.requests[0]!, { reason: 'Premier' })
    const firstTab = person.page
    await person.open(`${origin}/staff/cases/${two.id}`)
    await decide(person, 'refuse', two.requests[0]!, { reason: 'Second' })
    const secondTab = person.page
    person.page = firstTab
    await logIn(person, marie)
    expect(person.name).toBe('staff-decision-done')
    person.page = secondTab
    await logIn(person, marie)
    expect(person.name).toBe('staff-decision-done')
    expect(await sync.decisions(one.id)).toMatchObject([{ reason: 'Premier', state: 'applied' }])
    expect(await sync.decisions(two.id)).toMatchObject([{ reason: 'Second', state: 'applied' }])
  })
})
