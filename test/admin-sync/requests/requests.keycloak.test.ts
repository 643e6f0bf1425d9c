/**
 * From "I am someone else" to the answer: the pages of provider, the jobs of admin-sync and the mails between them, on a
 * real database and a real mail server. What fails without it: a request that reaches an agent unproved or twice, a mail
 * that is lost, sent twice or says what somebody typed to a mailbox that nobody proved.
 */
import { beforeEach, describe, expect, it } from 'vitest'
import { HttpPerson } from '../../support/http-person.ts'
import { createScene, linkOf, random } from './scene.ts'

const scene = await createScene()
const { inbox, origin, pool } = scene

beforeEach(async () => {
  inbox.clear()
  await pool.query('DELETE FROM provider.rate_limit')
})

const text = ({ page }: HttpPerson) => page.body
/** Without what keeps mail programs from making links of what was typed. */
const plain = (typed: string | undefined) => (typed ?? '').replaceAll('\u200c', '')

describe('a person who needs an access of their own', () => {
  it('goes from the usual login over the proof of the address to a request with a reference', async () => {
    const { login } = await scene.hold()
    const person = await scene.signIn(login)
    expect(person.name).toBe('moved')
    expect(text(person)).toContain('t•••••@•••••')
    await person.click(/access\/new/)
    expect(person.name).toBe('access-new')
    for (const token of ['name', 'email', 'tel']) expect(text(person)).toContain(`autocomplete="${token}"`)
    const email = `claire-${random()}@client.example`
    await person.submit({ name: 'Claire Martin', email, phone: '01 23 45 67 89' })
    expect(person.name).toBe('access-sent')
    expect(text(person)).toContain(email)

    const { id, case_id: caseId, ...row } = await scene.request(email)
    expect(row).toMatchObject({ state: 'asked', name: 'Claire Martin', phone: '01 23 45 67 89' })
    // Nobody is bothered before the address is proved.
    expect(await scene.outbox(id)).toEqual(['send-proof'])
    expect(await scene.runWell('send-proof', id)).toBe('sent')
    const mail = scene.lastMail(email)
    expect(mail.text).toContain(login.company)
    for (const typed of ['Claire', '01 23 45 67 89', login.login])
      expect(`${mail.subject}${mail.text}${mail.html}`).not.toContain(typed)

    await person.open(linkOf(mail, '/prove?k='))
    expect(person.name).toBe('access-prove-valid')
    expect(person.page.url).toBe(`${origin}/access/${id}/prove`)
    expect(text(person)).not.toContain(login.login)
    await person.submit()
    expect(person.name).toBe('access-prove-done')
    expect(await scene.request(email)).toMatchObject({ state: 'proved' })
    expect(await scene.outbox(id)).toEqual(['send-proof', 'acknowledge'])
    expect(await scene.outbox(caseId)).toEqual(expect.arrayContaining(['ask-holder', 'tell-case-contact']))

    expect(await scene.runWell('acknowledge', id)).toBe('sent')
    const acknowledgement = scene.lastMail(email)
    const { reference } = await scene.one<{ reference: string }>(
      'SELECT reference FROM ellipro.login_case WHERE id = $1',
      [caseId],
    )
    expect(text(person)).toContain(reference)
    for (const said of [reference, '0825 123 456', '0,15 €/min', 'de 8\u00a0h à 18\u00a0h'])
      expect(acknowledgement.text).toContain(said)
    await person.open(linkOf(acknowledgement, '?s='))
    expect(person.name).toBe('access-state-proved')
    expect(person.page.url).toBe(`${origin}/access/${id}`)
    for (const said of [reference, 'Claire Martin', login.login, email]) expect(text(person)).toContain(said)
  })

  it('sees on the state page what an agent decided, with the reason as it was typed', async () => {
    const { login } = await scene.hold()
    const { person, id, email } = await scene.prove(login)
    await scene.runWell('acknowledge', id)
    await person.open(linkOf(scene.lastMail(email), '?s='))
    const { activationId } = await scene.grant(id)
    await person.again()
    expect(person.name).toBe('access-state-granting')
    // A fresh mail, not at once, and not without end; the newest is what admin-sync sends.
    await person.submit()
    expect(person.name).toBe('access-state-granting')
    const generation = async () =>
      scene.one<{ mail_generation: number }>('SELECT mail_generation FROM ellipro.activation WHERE id = $1', [
        activationId,
      ])
    expect(await generation()).toEqual({ mail_generation: 1 })
    for (let asked = 0; asked < 12; asked++) {
      await pool.query(
        `UPDATE ellipro.activation SET mail_requested_at = now() - interval '61 seconds' WHERE id = $1`,
        [activationId],
      )
      await person.submit()
    }
    expect(await generation()).toEqual({ mail_generation: 10 })
    const outbox = await pool.query('SELECT kind FROM ellipro.outbox WHERE activation_id = $1', [
      activationId,
    ])
    expect(outbox.rows).toHaveLength(9)
    const stranger = new HttpPerson()
    await stranger.open(`${origin}/access/${id}`)
    expect([stranger.name, stranger.forms()]).toEqual(['access-state-bad-link', []])
    await pool.query(`UPDATE ellipro.activation SET state = 'opened', opened_at = now() WHERE id = $1`, [
      activationId,
    ])
    await pool.query(`UPDATE ellipro.access_request SET state = 'opened', ended_at = now() WHERE id = $1`, [
      id,
    ])
    await person.again()
    expect(person.name).toBe('access-state-opened')
    expect(text(person)).toContain('href="http://127.0.0.9:3000/sign-in"')

    const reason = 'Inconnu de <b>votre</b> société\r\nVoir http://evil.example\u202e'
    await pool.query(
      `UPDATE ellipro.access_request SET state = 'refused', reason = $2, ended_at = now() WHERE id = $1`,
      [id, reason],
    )
    await person.again()
    expect(person.name).toBe('access-state-refused')
    expect(text(person)).toContain('Inconnu de &lt;b&gt;votre&lt;/b&gt; société')
    expect(await scene.runWell('tell-refusal', id)).toBe('sent')
    expect(await scene.runWell('tell-refusal', id)).toBe('nothing')
    const mail = scene.lastMail(email)
    expect(plain(mail.text)).toContain('Inconnu de <b>votre</b> société')
    expect(mail.html).not.toContain('<b>votre')
    expect(mail.links.filter((link) => link.includes('evil'))).toEqual([])
    expect(mail.html).not.toMatch(/href="[^"]*evil/)
    expect(`${mail.text}${mail.html}`).not.toContain('\u202e')
    await person.open(linkOf(mail, '?s='))
    expect(person.name).toBe('access-state-refused')
    for (const [state, page] of [
      ['expired', 'access-state-expired'],
      ['withdrawn', 'access-state-withdrawn'],
    ]) {
      await pool.query('UPDATE ellipro.access_request SET state = $2 WHERE id = $1', [id, state])
      await person.again()
      expect(person.name).toBe(page)
    }
  })

  it('sees the domain of the holder’s address when it is the contract’s own', async () => {
    const { login, address, activationId } = await scene.hold()
    await scene.legacy.query(`UPDATE contract SET known_domains = '{own.example}' WHERE id = $1`, [
      login.contract,
    ])
    expect(text(await scene.signIn(login))).toContain('t•••••@•••••<')
    await pool.query('UPDATE ellipro.activation SET address = $2 WHERE id = $1', [
      activationId,
      'Marie@Own.example',
    ])
    const person = await scene.signIn(login)
    expect(text(person)).toContain('M•••••@own.example')
    for (const unsaid of ['Marie', address]) expect(text(person)).not.toContain(unsaid)
  })

  it('is one of an office behind one address: nobody there is locked out, and one address is asked for ten times', async () => {
    const { access } = scene.provider.dependencies.throttle
    const network = '203.0.113.0/24'
    const take = (subject: string, from = network) => access.take({ subject, network: from })
    for (let n = 0; n < 120; n++) expect(await take(`colleague${n}@client.example`)).toBe(true)
    const same = []
    for (let n = 0; n < 11; n++) same.push(await take('victim@client.example'))
    expect(same).toEqual([...Array.from({ length: 10 }, () => true), false])
    for (let n = 0; n < 10; n++) await take('victim@client.example', `198.51.${n}.0/24`)
    expect(await take('victim@client.example', '192.0.2.0/24')).toBe(false)

    const { login } = await scene.hold()
    const email = `often-${random()}@client.example`
    for (let n = 0; n < 10; n++) await access.take({ subject: email, network: '127.0.0.0/24' })
    const { person } = await scene.ask(login, { email, name: 'Kept' })
    expect([person.name, person.forms()[0]?.fields['name']]).toEqual(['access-new', 'Kept'])
    await expect(scene.request(email)).rejects.toThrow('no row')
  })

  it('is asked to sign in first, goes to the redirection screen when nobody holds the login, and to the desk when it was closed', async () => {
    const stranger = new HttpPerson()
    for (const path of ['/access/new', '/access/sent', '/moved']) {
      await stranger.open(origin + path)
      expect(stranger.page.status).toBe(200)
    }
    await stranger.open(`${origin}/access/new`)
    expect(stranger.name).toBe('login')
    const free = await scene.nextLogin()
    const first = await scene.signIn(free)
    await first.open(`${origin}/access/new`)
    expect(first.name).toBe('redirection')

    const { login, activationId } = await scene.hold()
    const person = await scene.signIn(login)
    await person.open(`${origin}/access/new`)
    const form = person.page
    // The holder left while the form stood open.
    await pool.query(`UPDATE ellipro.activation SET state = 'withdrawn' WHERE id = $1`, [activationId])
    await person.submit({ name: 'A', email: 'a@client.example', phone: '' })
    expect(person.name).toBe('redirection')
    await pool.query(`UPDATE ellipro.activation SET state = 'closed' WHERE id = $1`, [activationId])
    await person.open(form.url)
    expect(person.name).toBe('desk-closed')
  })

  it('is told what is wrong with each field, with what was typed kept', async () => {
    const { login } = await scene.hold()
    const person = await scene.signIn(login)
    await person.open(`${origin}/access/new`)
    await person.submit({ name: ' ', email: login.login, phone: 'call me' })
    expect(person.name).toBe('access-new')
    for (const field of ['name', 'email', 'phone']) {
      expect(text(person)).toContain(`id="${field}-error"`)
      expect(text(person)).toMatch(new RegExp(`id="${field}"[^>]*aria-invalid="true"`, 's'))
    }
    expect(person.forms()[0]?.fields).toMatchObject({ email: login.login, phone: 'call me' })
    await person.submit({
      name: '😀'.repeat(10_000),
      email: `a@${login.login}.example`,
      phone: '',
    })
    expect(person.name).toBe('access-new')
    expect(text(person)).toContain('200')
    const { rows } = await pool.query('SELECT FROM ellipro.login_case WHERE account = $1', [login.account])
    expect(rows).toEqual([])
  })

  it('asks twice, in two browsers or at once from eight sides: one request, one mail, one page', async () => {
    const { login } = await scene.hold()
    const email = `jean-${random()}@client.example`
    const all = await Promise.all(Array.from({ length: 8 }, () => scene.ask(login, { email, name: 'Jean' })))
    expect(all.map(({ person }) => person.name)).toEqual(Array.from({ length: 8 }, () => 'access-sent'))
    const { rows } = await pool.query<{ id: string }>(
      'SELECT id FROM ellipro.access_request WHERE address_key = $1',
      [email],
    )
    expect(rows).toHaveLength(1)
    const { id } = rows[0]!
    const results = await Promise.all(Array.from({ length: 8 }, () => scene.runWell('send-proof', id)))
    expect(results.toSorted().slice(0, 8)).toEqual([...Array.from({ length: 7 }, () => 'nothing'), 'sent'])
    expect(inbox.mails).toHaveLength(1)
    // After a minute the same form asks for a fresh mail, whose link takes the place of the first one's.
    await pool.query(
      `UPDATE ellipro.access_request SET mail_requested_at = now() - interval '61 seconds' WHERE id = $1`,
      [id],
    )
    const again = await scene.ask(login, { email, name: 'Somebody else' })
    expect(again.person.name).toBe('access-sent')
    expect(await scene.request(email)).toMatchObject({ id, name: 'Jean', mail_generation: 2 })
    expect(await scene.runWell('send-proof', id)).toBe('sent')
    await again.person.open(linkOf(inbox.mails[0]!, '/prove?k='))
    expect(again.person.name).toBe('access-prove-bad-link')
    await again.person.open(linkOf(inbox.mails[1]!, '/prove?k='))
    expect(again.person.name).toBe('access-prove-valid')
  })
})

describe('the link of the proof mail', () => {
  it('changes nothing when it is opened, by a program that follows every link either', async () => {
    const { login } = await scene.hold()
    const { email, mail, id } = await scene.askAndOpen(login)
    const scanner = new HttpPerson()
    for (const link of mail.links.filter((one) => one.startsWith(origin))) await scanner.open(link)
    expect(await scene.request(email)).toMatchObject({ state: 'asked' })
    const head = await fetch(linkOf(mail, '/prove?k='), { method: 'HEAD', redirect: 'manual' })
    expect([head.status, head.headers.getSetCookie().filter((line) => line.startsWith('pf_'))]).toEqual([
      303,
      [],
    ])
    expect(await scene.outbox(id)).toEqual(['send-proof'])
  })

  it('says what it is when it was used, altered, stopped, is too late, or of somebody else', async () => {
    const { login } = await scene.hold()
    const { person, mail, id, email } = await scene.askAndOpen(login)
    const link = linkOf(mail, '/prove?k=')
    await pool.query('UPDATE ellipro.access_request SET expires_at = now() WHERE id = $1', [id])
    await person.again()
    expect([person.name, person.page.status]).toEqual(['access-prove-expired', 410])
    await pool.query(
      `UPDATE ellipro.access_request SET expires_at = now() + interval '1 hour' WHERE id = $1`,
      [id],
    )
    await person.again()
    await person.submit()
    await person.open(link)
    expect(person.name).toBe('access-prove-done')
    const altered = link.replace(/k=./, (part) => (part === 'k=A' ? 'k=B' : 'k=A'))
    await person.open(altered)
    expect([person.name, person.page.status]).toEqual(['access-prove-bad-link', 400])
    await person.open(link.replace(/k=.*/, 'k=short'))
    expect(person.name).toBe('access-prove-bad-link')
    // Another browser has no code; one whose id is unknown gets the same page.
    const other = new HttpPerson()
    await other.open(`${origin}/`)
    await other.open(`${origin}/access/${id}/prove`)
    expect(other.name).toBe('access-prove-bad-link')
    const known = other.page.body.replaceAll(/\d{4} \d{4} \d{4}/g, '')
    const unknownId = '11111111-1111-4111-8111-111111111111'
    await other.open(`${origin}/access/${unknownId}/prove`)
    expect(other.page.body.replaceAll(/\d{4} \d{4} \d{4}/g, '').replaceAll(unknownId, id)).toBe(known)
    await other.open(`${origin}/access/not-an-id/prove`)
    expect(other.page.status).toBe(404)

    const stop = new HttpPerson()
    await stop.open(linkOf(mail, '/withdraw?w='))
    expect(stop.name).toBe('access-withdraw-valid')
    await stop.submit()
    expect(stop.name).toBe('access-withdraw-done')
    expect(await scene.request(email)).toMatchObject({ state: 'withdrawn' })
    await person.open(link)
    expect(person.name).toBe('access-prove-ended')
    // The pair is blocked; another address is not.
    const blocked = await scene.ask(login, { email })
    expect([blocked.person.name, text(blocked.person).includes('id="email-error"')]).toEqual([
      'access-new',
      true,
    ])
    await pool.query(`UPDATE ellipro.access_request SET state = 'opened' WHERE id = $1`, [id])
    await stop.again()
    await stop.open(`${origin}/access/${id}/withdraw`)
    expect([stop.name, stop.page.status]).toEqual(['access-withdraw-too-late', 410])
  })

  it('tells the person to call when the case holds as many requests as it may, before and after the mail', async () => {
    const { login } = await scene.hold()
    const late = await scene.askAndOpen(login)
    await scene.setting('requests_per_case', 1)
    try {
      await scene.prove(login)
      await late.person.submit()
      expect(late.person.name).toBe('access-prove-full')
      expect(text(late.person)).toContain('href="tel:0825000000"')
      const { person } = await scene.ask(login)
      expect(person.name).toBe('access-full')
      expect(text(person)).toContain('0825 000 000')
      const { rows } = await pool.query(
        `SELECT FROM ellipro.case_event WHERE case_id = $1 AND kind = 'overflow'`,
        [late.caseId],
      )
      expect(rows).toHaveLength(1)
    } finally {
      await scene.setting('requests_per_case', 20)
    }
    await late.person.again()
    await late.person.open(`${origin}/access/${late.id}/prove`)
    expect(late.person.name).toBe('access-prove-valid')
  })
})
