/**
 * Mails in an attacker's hands: many at once to one mailbox, over every kind that we cause (invariant 17), names of
 * Cofacering that would be markup, a header or a second line, and what Keycloak's own "forgotten password" tells.
 */
import { beforeEach, describe, expect, test } from 'vitest'
import type { Mail } from '../../../dev/smtp-sink.ts'
import { createBench, providerUrl } from '../accounts/bench.ts'
import { Web } from '../realm/web.ts'

const bench = await createBench()
const { admin, inbox, pool } = bench

beforeEach(() => inbox.clear())

async function setContract(contract: string, change: Record<string, string>): Promise<void> {
  for (const [column, value] of Object.entries(change))
    await bench.cofacering.query(`UPDATE contract SET ${column} = $2 WHERE id = $1`, [contract, value])
}

describe('one mailbox', () => {
  test('gets three mails a day, from eight jobs of three kinds at once', async () => {
    const victim = bench.nextAddress()
    // Two accounts of contracts whose contact is the victim: a notice each.
    const opened = []
    for (let i = 0; i < 2; i++) {
      const one = await bench.confirmed()
      await setContract(one.login.contract, { contact_email: victim.toUpperCase() })
      await bench.runWell('open-account', one.id)
      opened.push(one.id)
    }
    // Six people ask for the victim's address; the limit at the time of asking is lifted, that of the sender is tested.
    await pool.query(`UPDATE ellipro.setting SET value = 9 WHERE name = 'mails_per_address_per_day'`)
    const asked = []
    for (let i = 0; i < 6; i++) asked.push((await bench.start({ address: victim })).id)
    await pool.query(`UPDATE ellipro.setting SET value = 3 WHERE name = 'mails_per_address_per_day'`)
    // To some of them the address is an account's: another mail, the same budget.
    await pool.query(
      `UPDATE ellipro.activation SET state = 'refused', reason = 'address_taken' WHERE id = ANY($1)`,
      [asked.slice(0, 3)],
    )
    inbox.clear()
    const results = await Promise.all([
      ...opened.map((id) => bench.run('notify-contact', id)),
      ...asked.map((id) => bench.run('send-confirmation', id)),
    ])
    expect(results).toHaveLength(8)
    expect(inbox.mails.map(({ to }) => to.map((one) => one.toLowerCase()))).toEqual([
      [victim],
      [victim],
      [victim],
    ])
    const { rows } = await pool.query('SELECT FROM ellipro.mail WHERE address_key = $1', [victim])
    expect(rows).toHaveLength(3)
  })

  test('that a contract names as two is none: no mail leaves, and nothing but the one job fails', async () => {
    const { id, login } = await bench.confirmed()
    await setContract(login.contract, { contact_email: 'a@client.example, b@client.example' })
    await bench.runWell('open-account', id)
    inbox.clear()
    await bench.run('notify-contact', id)
    const recipients = inbox.mails.flatMap(({ to }) => to)
    expect(recipients).not.toContain('a@client.example')
    expect(recipients).not.toContain('b@client.example')
  })
})

/** Nothing of a hostile name became markup, a header, a recipient or a line of its own. */
function expectInert(mail: Mail, to: string): void {
  expect(mail.to).toEqual([to])
  expect(mail.subject).not.toMatch(/[\r\n\u202e]/)
  for (const name of Object.keys(mail.headers)) expect(name).not.toMatch(/^(bcc|x-evil)$/i)
  expect(mail.html).not.toMatch(/<script|<img|<a[^>]*evil/i)
  expect(mail.html).toContain('&lt;script&gt;')
  const lines = (mail.text ?? '').split(/\r?\n/).map((line) => line.trim())
  expect(lines).not.toContain('https://evil.example/pay')
  expect(mail.text).not.toContain('\u202e')
  expect(mail.text).toContain('${7*7}')
  expect(`${mail.text}${mail.html}`).not.toMatch(/\b49\b(?=<\/|\s*<)/)
}

describe('a name of Cofacering', () => {
  const hostile =
    'Ets. "A&B" <script>alert(1)</script><img src=x onerror=alert(2)>${7*7}<#assign x=1>{company, plural}%s\r\nBcc: x@evil.example\r\nX-Evil: 1\r\n\r\nhttps://evil.example/pay\r\n\u202ednuofA'

  test('is one inert line in Keycloak’s mail, in "you have an account" and in the notice to the contact', async () => {
    const login = bench.nextLogin()
    await setContract(login.contract, { company: hostile, contact_name: hostile })
    const { mail, address, id } = await bench.startAndMail({ login })
    expectInert(mail, address)
    expect((await bench.user(address))?.attributes?.['activation_company']).toEqual([
      expect.stringMatching(/^Ets\. "A&B" <script>[^\r\n\u202e]*$/),
    ])

    const taken = bench.nextAddress()
    await admin.createUser({ username: taken, email: taken, enabled: true })
    const other = await bench.start({ login, address: taken })
    inbox.clear()
    await bench.runWell('send-confirmation', other.id)
    expectInert(await inbox.waitForMail(taken), taken)

    await bench.followMail(mail)
    await pool.query(
      `UPDATE ellipro.activation SET state = 'opened', opened_at = now() WHERE id = $1 AND state = 'mailed'`,
      [id],
    )
    const { rows } = await bench.cofacering.query<{ contact_email: string }>(
      'SELECT contact_email FROM contract WHERE id = $1',
      [login.contract],
    )
    inbox.clear()
    await bench.runWell('notify-contact', id)
    const contact = rows[0]!.contact_email
    expectInert(await inbox.waitForMail(contact), contact)
  })

  test('that is very long, and cut in the middle of a letter, still leaves', async () => {
    const login = bench.nextLogin()
    await setContract(login.contract, { company: `${'é'.repeat(254)}😀${'x'.repeat(5000)}` })
    const { mail } = await bench.startAndMail({ login })
    expect(mail.text).toContain('é'.repeat(200))
  })
})

describe('Keycloak’s forgotten password', () => {
  const callback = `${providerUrl}/callback`
  const authorize = `${bench.issuer}/protocol/openid-connect/auth?${new URLSearchParams({
    client_id: 'portal',
    redirect_uri: callback,
    response_type: 'code',
    scope: 'openid',
    code_challenge: 'E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM',
    code_challenge_method: 'S256',
  }).toString()}`

  async function forget(typed: string): Promise<{ status: number; page: string }> {
    const web = new Web()
    const login = await web.follow(await web.open(authorize), callback)
    const link = /href="([^"]*reset-credentials[^"]*)"/.exec(login.body)?.[1]?.replaceAll('&amp;', '&') ?? ''
    const form = await web.follow(await web.open(new URL(link, login.url).href), callback)
    const { status, body } = await web.follow(await web.submit(form, { username: typed }), callback)
    // Ids of this sign-in, and the address where the page shows it again.
    const page = body
      .replaceAll(/(session_code|tab_id|client_data|execution|key)=[\w.~%-]+/g, '$1')
      .replaceAll(/"[\w+/=-]{40,}"/g, '_')
      .replaceAll(typed, '_')
    return { status, page }
  }

  test('answers alike for an address with an account, a pending one, a disabled one and none', async () => {
    const { address: pending } = await bench.startAndMail()
    const opened = await bench.confirmed()
    await bench.runWell('open-account', opened.id)
    const disabled = bench.nextAddress()
    await admin.createUser({ username: disabled, email: disabled, enabled: false })
    inbox.clear()
    const none = await forget('nobody@client.example')
    for (const typed of [pending, opened.address, disabled]) expect(await forget(typed)).toEqual(none)
    // No word that anybody typed, and one mailbox: to whom an account or an activation belongs.
    expect(inbox.mails.map(({ to }) => to)).toEqual([[pending], [opened.address]])
  })
})
