/**
 * Who is told of a request: the holder of the login, who may say "I know them", and the contract's contact; and the
 * browser whose confirmation met a login with a holder. What fails without it: a question or a notice that is lost or
 * sent twice, a name that becomes a link, a header or markup in somebody's mail, an answer that decides.
 */
import { createHash, randomBytes } from 'node:crypto'
import { beforeEach, describe, expect, it } from 'vitest'
import { runJob } from '../../../admin-sync/jobs/work.ts'
import { HttpPerson } from '../../support/http-person.ts'
import { createScene, linkOf, random, type Login } from './scene.ts'

const scene = await createScene()
const { inbox, origin, pool, legacy } = scene

beforeEach(async () => {
  inbox.clear()
  await pool.query('DELETE FROM provider.rate_limit')
})

const text = ({ page }: HttpPerson) => page.body
const plain = (typed: string | undefined) => (typed ?? '').replaceAll('\u200c', '')
const sha256 = (bytes: Buffer) => createHash('sha256').update(bytes).digest()

/** The contact of the login's contract. */
async function contactOf({ contract }: Login): Promise<string> {
  const { rows } = await legacy.query<{ contact_email: string }>(
    'SELECT contact_email FROM directory_contract WHERE contract = $1',
    [contract],
  )
  return rows[0]!.contact_email
}

/** Runs a job and kills it before each of its steps in turn, then lets it end. */
async function killAtEachStep(kind: Parameters<typeof scene.run>[0], id: string): Promise<string[]> {
  const steps: string[] = []
  for (let killed = true; killed && steps.length < 10;) {
    killed = false
    const met: string[] = []
    const result = await scene.run(kind, id, (step) => {
      met.push(step)
      if (steps.includes(step) || killed) return
      killed = true
      steps.push(step)
      throw new Error('killed')
    })
    expect(result.status).toBe(killed ? 'failed' : 'completed')
  }
  return steps
}

describe('the holder', () => {
  it('is told name and domain of all who ask, by one mail to the address of today, and answers', async () => {
    const { login, userId } = await scene.hold()
    const moved = `nouvelle-${random()}@client.example`
    await scene.admin.updateUserMerged(userId, { email: moved, emailVerified: true })
    const first = await scene.prove(login, {
      name: 'Claire Martin',
      email: `claire-${random()}@client.example`,
    })
    const second = await scene.prove(login, {
      name: 'José Núñez 😀',
      email: `jose-${random()}@gmail.example`,
    })
    inbox.clear()
    expect(await scene.runWell('ask-holder', first.caseId)).toBe('sent')
    expect(await scene.runWell('ask-holder', first.caseId)).toBe('nothing')
    expect(inbox.mails.map(({ to }) => to)).toEqual([[moved]])
    const mail = scene.lastMail(moved)
    for (const said of ['Claire Martin', '@client.example', 'José Núñez 😀', '@gmail.example'])
      expect(plain(mail.text)).toContain(said)
    for (const unsaid of [first.email, second.email, 'Claire', 'José'])
      expect(mail.subject).not.toContain(unsaid)
    expect(mail.text).not.toContain(first.email)
    expect(await scene.ledger(moved)).toEqual(['holder-question'])

    const holder = new HttpPerson()
    await holder.open(linkOf(mail, '?h='))
    expect([holder.name, holder.page.url]).toEqual(['holder', `${origin}/access/holder/${first.caseId}`])
    expect(text(holder)).toContain('José Núñez 😀')
    expect(text(holder)).not.toContain(first.email)
    await holder.submit({ request: first.id, knows: 'yes' })
    await holder.submit({ request: second.id, knows: 'no' })
    await holder.submit({ request: first.id, knows: 'no' })
    expect(await scene.request(first.email)).toMatchObject({ state: 'proved', holder_knows: false })
    expect(await scene.request(second.email)).toMatchObject({ state: 'proved', holder_knows: false })
    const { rows } = await pool.query<{ detail: unknown }>(
      `SELECT detail FROM ellipro.case_event WHERE case_id = $1 AND kind = 'holder_answered' ORDER BY id`,
      [first.caseId],
    )
    expect(rows.map(({ detail }) => detail)).toEqual([{ knows: true }, { knows: false }, { knows: false }])

    // One more person is one more mail, about them only; its link and the first one lead to all questions.
    const third = await scene.prove(login, { name: 'Third' })
    inbox.clear()
    await scene.runWell('ask-holder', first.caseId)
    expect(plain(scene.lastMail(moved).text)).not.toContain('Claire')
    await holder.open(linkOf(mail, '?h='))
    expect(text(holder).match(/<form/g)).toHaveLength(3)
    // An answer that comes after the decision is not needed, and says so.
    await pool.query(`UPDATE ellipro.access_request SET state = 'refused' WHERE id = $1`, [third.id])
    await holder.submit({ request: third.id, knows: 'yes' })
    expect(holder.name).toBe('holder')
    expect(await scene.request(third.email)).toMatchObject({ holder_knows: null })
    await pool.query(`UPDATE ellipro.access_request SET state = 'refused' WHERE case_id = $1`, [first.caseId])
    await holder.open(`${origin}/access/holder/${first.caseId}`)
    expect(holder.name).toBe('holder-empty')
  })

  it('answers with the code of their own mail only, and no longer once somebody else holds the login', async () => {
    const { login, address, activationId } = await scene.hold()
    const { id, caseId, email } = await scene.prove(login)
    await scene.runWell('ask-holder', caseId)
    const link = linkOf(scene.lastMail(address), '?h=')
    const other = await scene.hold()
    const elsewhere = await scene.prove(other.login)
    await scene.runWell('ask-holder', elsewhere.caseId)
    const person = new HttpPerson()
    await person.open(link.replace(/h=./, (part) => (part === 'h=A' ? 'h=B' : 'h=A')))
    expect([person.name, person.page.status]).toEqual(['holder-bad-link', 400])
    await person.open(`${origin}/access/holder/${elsewhere.caseId}?h=${new URL(link).searchParams.get('h')}`)
    expect(person.name).toBe('holder-bad-link')
    await person.open(link)
    await person.submit({ request: elsewhere.id, knows: 'yes' })
    expect(await scene.request(elsewhere.email)).toMatchObject({ holder_knows: null })

    await pool.query(`UPDATE ellipro.activation SET state = 'withdrawn' WHERE id = $1`, [activationId])
    await person.open(link)
    expect(person.name).toBe('holder-bad-link')
    await person.open(`${origin}/access/holder/${caseId}`)
    expect(person.name).toBe('holder-bad-link')
    expect(await scene.request(email)).toMatchObject({ id, holder_knows: null })
    expect(await scene.runWell('ask-holder', caseId)).toBe('no_holder')
  })

  it('sees a name that is a script, a header, a link or turned around as the text that it is', async () => {
    const { login, address } = await scene.hold()
    const name =
      '<script>alert(1)</script> "><img src=x onerror=alert(2)> \r\nBcc: x@evil.example http://evil.example/pay www.evil.example \u202eecila ${7*7}'
    const { caseId, person, id, email } = await scene.prove(login, { name })
    await scene.runWell('acknowledge', id)
    await scene.runWell('ask-holder', caseId)
    const mail = scene.lastMail(address)
    expect(mail.to).toEqual([address])
    for (const header of Object.keys(mail.headers)) expect(header).not.toMatch(/^bcc$/i)
    expect(mail.subject).not.toMatch(/evil|script/)
    expect(mail.html).not.toMatch(/<script|<img|href="[^"]*evil/i)
    expect(mail.html).toContain('&lt;script&gt;alert(1)')
    expect(mail.links.filter((link) => link.includes('evil'))).toEqual([])
    for (const body of [mail.text ?? '', mail.html ?? '']) {
      expect(body).not.toMatch(/https?:\/\/evil|www\.evil|x@evil|\u202e/)
      expect(body).toContain('${7*7}')
    }
    expect(plain(mail.text)).toContain('Bcc: x@evil.example http://evil.example/pay')
    const holder = new HttpPerson()
    await holder.open(linkOf(mail, '?h='))
    await person.open(linkOf(scene.lastMail(email), '?s='))
    for (const page of [holder, person]) {
      expect(text(page)).toContain('&lt;script&gt;alert(1)&lt;/script&gt;')
      expect(text(page)).not.toMatch(/<img|<script(?! type="module" src="\/assets)|\u202e/)
    }
    // At the end of its form as well, and refused politely when it is too long.
    const { person: asking } = await scene.ask(login, { name: '<b>x</b>'.repeat(1250) })
    expect([asking.name, asking.page.status]).toEqual(['access-new', 200])
    expect(text(asking)).not.toContain('<b>x')
  })
})

describe('the contact of the contract', () => {
  it('is told of every request and opening once, one mail for all, without a name and with masked addresses', async () => {
    const { login } = await scene.hold()
    const contact = await contactOf(login)
    const first = await scene.prove(login, { name: 'Zoé Zimmer', email: `zoe-${random()}@client.example` })
    const second = await scene.prove(login, { email: `yann-${random()}@client.example` })
    inbox.clear()
    const results = await Promise.all(
      Array.from({ length: 4 }, () => scene.runWell('tell-case-contact', first.caseId)),
    )
    expect(results.toSorted()).toEqual(['nothing', 'nothing', 'nothing', 'sent'])
    expect(inbox.mails.map(({ to }) => to)).toEqual([[contact]])
    const mail = scene.lastMail(contact)
    for (const said of ['z•••••@•••••.example', 'y•••••@•••••.example', login.contract, 'Hello', 'Bonjour'])
      expect(mail.text).toContain(said)
    for (const unsaid of [first.email, second.email, 'Zimmer', login.login])
      expect(`${mail.subject}${mail.text}${mail.html}`).not.toContain(unsaid)

    // An agent opens one: the job of accounts hands it over, and the notice of the case tells it.
    const { activationId } = await scene.grant(first.id)
    await pool.query(`UPDATE ellipro.activation SET state = 'opened', opened_at = now() WHERE id = $1`, [
      activationId,
    ])
    const job = await runJob(
      'notify-contact',
      { id: 'job', data: { activationId }, retryCount: 0, signal: new AbortController().signal },
      scene.accounts,
    )
    expect(job.output).toEqual({ outcome: 'told_with_case' })
    expect(await scene.outbox(first.caseId)).toContain('tell-case-contact')
    inbox.clear()
    expect(await scene.runWell('tell-case-contact', first.caseId)).toBe('sent')
    expect(await scene.runWell('tell-case-contact', first.caseId)).toBe('nothing')
    expect(inbox.mails).toHaveLength(1)
    expect(inbox.mails[0]!.text).toContain('z•••••@•••••.example')
    expect(inbox.mails[0]!.text).not.toContain('y•••••@')
  })

  it('is told tomorrow what the budget of today does not allow, and nothing is lost meanwhile', async () => {
    const { login } = await scene.hold()
    const contact = await contactOf(login)
    const { caseId } = await scene.prove(login)
    await pool.query(
      `INSERT INTO ellipro.mail (kind, address_key) SELECT 'contact-notice', lower($1) FROM generate_series(1, 3)`,
      [contact],
    )
    inbox.clear()
    expect(await scene.run('tell-case-contact', caseId)).toMatchObject({
      status: 'failed',
      output: { code: 'mail:address_budget' },
    })
    await scene.prove(login)
    expect(inbox.mails.filter(({ to }) => to.includes(contact))).toEqual([])
    await pool.query(
      `UPDATE ellipro.mail SET sent_at = now() - interval '25 hours' WHERE address_key = lower($1)`,
      [contact],
    )
    expect(await scene.runWell('tell-case-contact', caseId)).toBe('sent')
    expect(scene.lastMail(contact).text?.match(/•••••@/g)).toHaveLength(4)
  })

  it('is nobody where Cofacering names none: no mail, and no job that fails', async () => {
    const { login } = await scene.hold()
    await legacy.query(`UPDATE contract SET contact_email = '' WHERE id = $1`, [login.contract])
    const { caseId } = await scene.prove(login)
    expect(await scene.runWell('tell-case-contact', caseId)).toBe('no_contact')
  })
})

describe('a job that is killed between its steps', () => {
  it('sends at most one mail more, with the same links, and leaves the rows of one that was not killed', async () => {
    const { login, address } = await scene.hold()
    const { email, person } = await scene.ask(login)
    const { id, case_id: caseId } = await scene.request(email)
    await scene.setting('mails_per_address_per_day', 20)
    try {
      inbox.clear()
      expect(await killAtEachStep('send-proof', id)).toEqual(['store-codes', 'send', 'record'])
      const proofs = inbox.mails.filter(({ to }) => to.includes(email))
      expect(proofs).toHaveLength(2)
      expect(new Set(proofs.map((mail) => linkOf(mail, '/prove?k='))).size).toBe(1)
      expect(new Set(proofs.map(({ headers }) => JSON.stringify(headers['message-id']))).size).toBe(1)
      expect(await scene.request(email)).toMatchObject({ mail_generation: 1, mailed_generation: 1 })
      await person.open(linkOf(proofs[0]!, '/prove?k='))
      await person.submit()
      expect(person.name).toBe('access-prove-done')

      for (const [kind, subject, to] of [
        ['acknowledge', id, email],
        ['ask-holder', caseId, address],
        ['tell-case-contact', caseId, await contactOf(login)],
      ] as const) {
        inbox.clear()
        const steps = await killAtEachStep(kind, subject)
        expect(steps.at(-1)).toBe('record')
        const mails = inbox.mails.filter((mail) => mail.to.includes(to))
        expect(mails).toHaveLength(2)
        expect(new Set(mails.map((mail) => mail.text)).size).toBe(1)
        expect(await scene.runWell(kind, subject)).toBe('nothing')
      }
      await pool.query(`UPDATE ellipro.access_request SET state = 'refused', reason = 'non' WHERE id = $1`, [
        id,
      ])
      expect(await killAtEachStep('tell-refusal', id)).toEqual(['store-codes', 'send', 'record'])
    } finally {
      await scene.setting('mails_per_address_per_day', 3)
    }
  })

  it('waits for a mail server that is away, and for a budget that is used up', async () => {
    const { login } = await scene.hold()
    const { email } = await scene.ask(login)
    const { id } = await scene.request(email)
    await inbox.stop()
    expect(await scene.run('send-proof', id)).toMatchObject({ status: 'failed' })
    await inbox.start()
    await pool.query(
      `INSERT INTO ellipro.mail (kind, address_key) SELECT 'access-proof', lower($1) FROM generate_series(1, 3)`,
      [email],
    )
    inbox.clear()
    expect(await scene.run('send-proof', id)).toMatchObject({ output: { code: 'mail:address_budget' } })
    expect(inbox.mails).toEqual([])
    await pool.query('DELETE FROM ellipro.mail WHERE address_key = lower($1)', [email])
    expect(await scene.runWell('send-proof', id)).toBe('sent')
    // Too late: nothing is sent for what nobody can prove any more.
    await pool.query(
      `UPDATE ellipro.access_request SET mail_generation = 2, expires_at = now() WHERE id = $1`,
      [id],
    )
    expect(await scene.runWell('send-proof', id)).toBe('nothing')
  })

  it('sends no mail for a login that Cofacering does not know or has disabled', async () => {
    const { login } = await scene.hold()
    const { email } = await scene.ask(login)
    const { id } = await scene.request(email)
    await legacy.query('UPDATE login SET disabled = true WHERE id = $1', [login.account])
    inbox.clear()
    expect(await scene.runWell('send-proof', id)).toBe('ended:account_unknown')
    expect(inbox.mails).toEqual([])
    expect(await scene.request(email)).toMatchObject({ state: 'expired', last_error: 'account_unknown' })
  })
})

describe('a confirmation that meets a login with its holder', () => {
  const password = 'agrafe cheval batterie correct'
  /** Asks for an activation, and opens the link of its mail. */
  async function start(login: Login, email: string) {
    const person = await scene.signIn(login)
    await person.submit({ email, password, shared: 'no' })
    const id = /\/activation\/([0-9a-f-]{36})/.exec(person.page.url)![1]!
    const k = randomBytes(32)
    await pool.query('UPDATE ellipro.activation_secret SET link_hash = $2 WHERE activation_id = $1', [
      id,
      sha256(k),
    ])
    await person.open(`${origin}/activation/${id}/confirm?k=${k.toString('base64url')}`)
    return { person, id }
  }
  async function second() {
    const login = await scene.nextLogin()
    const email = `second-${random()}@client.example`
    const [one, two] = [await start(login, `first-${random()}@client.example`), await start(login, email)]
    await one.person.submit({ password })
    expect(one.person.name).toBe('opening')
    return { ...two, login, email }
  }

  it('is a request at once, whose person adds name and telephone in that browser, once', async () => {
    const { person, id, login, email } = await second()
    await person.submit({ password })
    expect([person.name, person.page.url]).toEqual(['waiting-proved', `${origin}/activation/${id}/waiting`])
    const request = await scene.request(email)
    expect(request).toMatchObject({ state: 'proved', name: null })
    const { reference } = await scene.one<{ reference: string }>(
      'SELECT reference FROM ellipro.login_case WHERE id = $1',
      [request.case_id],
    )
    expect(text(person)).toContain(reference)
    await person.submit({ name: '', phone: '1' })
    for (const field of ['name', 'phone']) expect(text(person)).toContain(`id="${field}-error"`)
    await person.submit({ name: 'Second Person', phone: '+33 1 23 45 67 89' })
    expect(await scene.request(email)).toMatchObject({ name: 'Second Person', phone: '+33 1 23 45 67 89' })
    expect(text(person)).toContain('Second Person')
    expect(person.forms()).toEqual([])
    // Signing in once more leads here; a colleague at the same browser may ask as well.
    await person.open(`${origin}/`)
    await person.submit({ login: login.login, password: login.password })
    expect(person.name).toBe('waiting-proved')
    await person.click(/access\/new/)
    expect(person.name).toBe('access-new')
    // The acknowledgement leads to the same, in any browser; without it another browser is told nothing.
    await scene.runWell('acknowledge', request.id)
    const elsewhere = new HttpPerson()
    await elsewhere.open(linkOf(scene.lastMail(email), '?s='))
    expect(elsewhere.name).toBe('access-state-proved')
    const { activationId } = await scene.grant(request.id)
    await pool.query(
      `UPDATE ellipro.activation SET mail_requested_at = now() - interval '61 seconds' WHERE id = $1`,
      [activationId],
    )
    await person.open(`${origin}/activation/${id}/waiting`)
    expect(person.name).toBe('waiting-granting')
    await person.submit()
    expect(
      await scene.one('SELECT mail_generation FROM ellipro.activation WHERE id = $1', [activationId]),
    ).toEqual({ mail_generation: 2 })
    const stranger = new HttpPerson()
    await stranger.open(`${origin}/activation/${id}/waiting`)
    expect(stranger.name).toBe('sent-elsewhere')
  })

  it('is told to call when the case holds as many requests as it may', async () => {
    const { person, id, email } = await second()
    await scene.setting('requests_per_case', 0)
    try {
      await person.submit({ password })
    } finally {
      await scene.setting('requests_per_case', 20)
    }
    expect(person.name).toBe('waiting-case-full')
    expect(text(person)).toContain('href="tel:0825000000"')
    await expect(scene.request(email)).rejects.toThrow('no row')
    // In the browser that started it, without the cookie of the confirmation, nothing is told either.
    person.cookies = person.cookies.filter(({ name }) => !name.startsWith('finish_'))
    await person.open(`${origin}/activation/${id}/waiting`)
    expect(person.name).toBe('waiting-elsewhere')
  })
})
