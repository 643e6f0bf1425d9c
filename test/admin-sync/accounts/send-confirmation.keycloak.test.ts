/**
 * The job `send-confirmation` on a real Keycloak, PostgreSQL and mail server: what it makes, whom it leaves alone, and
 * that it can be killed at each step.
 */
import { beforeEach, describe, expect, test } from 'vitest'
import { UpstreamError } from '../../../core/errors.ts'
import { maskLogin } from '../../../core/mask.ts'
import type { Mail } from '../../../dev/smtp-sink.ts'
import { createBench, findActionLink, password, providerUrl, readK, sha256 } from './bench.ts'

const bench = await createBench()
const { inbox, pool, admin, provider } = bench
const attributesOf = async (address: string) =>
  (await bench.user(address))?.attributes as Record<string, string[]> | undefined
/** The secrets in the links of a mail whose address holds `mark`, such as `/contract?k=`. */
const linkSecrets = (mail: Mail | undefined, mark: string) =>
  (mail?.links ?? []).flatMap((link) =>
    link.includes(mark) ? [Buffer.from(link.slice(link.indexOf(mark) + mark.length), 'base64url')] : [],
  )
const linkHash = async (id: string) => {
  const { rows } = await pool.query<{ hash: Buffer }>(
    'SELECT link_hash AS hash FROM ellipro.activation_secret WHERE activation_id = $1',
    [id],
  )
  return rows[0]?.hash
}
const isAlreadyMail = (subject: string) => subject === 'Vous avez déjà un accès Ellipro'

beforeEach(() => {
  inbox.clear()
  bench.gate.set('open')
})

describe('a first mail', () => {
  test('comes with a pending user that holds nothing an application could trust', async () => {
    const { id, address, login, mail } = await bench.startAndMail()
    const user = await bench.user(address)
    expect(user).toMatchObject({
      username: address,
      email: address,
      enabled: true,
      emailVerified: false,
      requiredActions: ['VERIFY_EMAIL'],
    })
    const withdraw = user?.attributes?.['activation_withdraw']?.[0] as string
    expect(user?.attributes).toEqual({
      activation: ['pending'],
      activation_kind: ['legacy'],
      activation_record: [expect.stringMatching(/^[0-9a-f-]{36}$/)],
      activation_login: [maskLogin(login.login)],
      activation_company: [login.company],
      activation_withdraw: [
        expect.stringMatching(`^${providerUrl}/activation/${id}/withdraw\\?w=[\\w-]{43}$`),
      ],
      locale: ['fr'],
    })
    expect(await admin.listCredentials(user?.id ?? '')).toEqual([])
    expect(await admin.listFederatedIdentities(user?.id ?? '')).toEqual([])
    expect(mail.text).toContain(login.company)
    expect(mail.text).not.toContain(login.login)
    expect(mail.links).toContain(withdraw)
    expect(await bench.row(id)).toMatchObject({ state: 'mailed', mailed_generation: 1 })
    expect(await bench.mails(id)).toEqual(['confirmation'])
  })

  test('has a link that confirms the mailbox and leads to our page with k, which the database compares', async () => {
    const { id, address, mail } = await bench.startAndMail()
    const target = await bench.followMail(mail)
    const k = readK(mail)
    expect(target).toBe(`${providerUrl}/activation/${id}/confirm?k=${k.toString('base64url')}`)
    expect((await bench.user(address))?.emailVerified).toBe(true)
    expect((await provider.linkView(id, k)).outcome).toBe('valid')
    expect((await provider.linkView(id, sha256('another'))).outcome).toBe('bad_link')
    const { rows } = await pool.query<{ link_hash: Buffer }>(
      'SELECT link_hash FROM ellipro.activation_secret WHERE activation_id = $1',
      [id],
    )
    expect(rows[0]?.link_hash).toEqual(sha256(k))
  })

  test('has a link that lives no longer than the activation', async () => {
    const { id } = await bench.start()
    await pool.query(
      `UPDATE ellipro.activation SET expires_at = now() + interval '90 minutes' WHERE id = $1`,
      [id],
    )
    await bench.runWell('send-confirmation', id)
    const token = new URL(findActionLink(inbox.mails[0]!)).searchParams.get('key') ?? ''
    const { exp, iat } = JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString()) as {
      exp: number
      iat: number
    }
    expect(exp - iat).toBeGreaterThan(5300)
    expect(exp - iat).toBeLessThanOrEqual(5400)
  })

  test('says "it was not me" with a code that ends the activation and opens nothing', async () => {
    const { id, mail } = await bench.startAndMail()
    const link = mail.links.find((one) => one.includes('/withdraw?w=')) ?? ''
    const code = Buffer.from(new URL(link).searchParams.get('w') ?? '', 'base64url')
    expect(await bench.confirm(id, code)).toBe('bad_link')
    expect(await provider.withdrawActivation(id, code)).toBe('withdrawn')
  })

  test('takes its words from Cofacering and not from what provider wrote', async () => {
    const login = bench.nextLogin()
    const forged = { ...login, login: 'Cliquez ici', company: 'Votre banque', contract: 'X' }
    const { mail, address } = await bench.startAndMail({ login: forged })
    expect(mail.text + mail.html).not.toContain('Votre banque')
    expect(mail.text).toContain(login.company)
    expect((await attributesOf(address))?.['activation_login']).toEqual([maskLogin(login.login)])
  })

  test('is not sent for a login that Cofacering does not know or has disabled', async () => {
    const unknown = await bench.start({ login: { ...bench.nextLogin(), account: 'no-such-account' } })
    expect(await bench.runWell('send-confirmation', unknown.id)).toBe('refused:account_unknown')
    const { rows } = await bench.cofacering.query<{ account: string }>(
      'SELECT account FROM directory_login WHERE disabled LIMIT 1',
    )
    const disabled = await bench.start({
      login: { ...bench.nextLogin(), account: rows[0]?.account ?? '' },
    })
    expect(await bench.runWell('send-confirmation', disabled.id)).toBe('refused:account_unknown')
    expect(inbox.mails).toEqual([])
    expect(await bench.user(unknown.address)).toBeUndefined()
  })
})

describe('a mail that was sent', () => {
  test('is not sent again by a repeated job', async () => {
    const { id } = await bench.startAndMail()
    expect(await bench.runWell('send-confirmation', id)).toBe('nothing')
    expect(inbox.mails).toHaveLength(1)
  })

  test('is followed by another on demand, whose k replaces the first and which works after the first was used', async () => {
    const { id, browser, mail } = await bench.startAndMail()
    await pool.query(
      `UPDATE ellipro.activation SET mail_requested_at = now() - interval '5 minutes' WHERE id = $1`,
      [id],
    )
    expect(await provider.requestMail(id, { browserHash: browser })).toBe('requested')
    await bench.runWell('send-confirmation', id)
    const second = inbox.mails[1]!
    expect(readK(second)).not.toEqual(readK(mail))
    expect((await provider.linkView(id, readK(mail))).outcome).toBe('bad_link')
    await bench.followMail(mail)
    expect(await bench.followMail(second)).toContain(readK(second).toString('base64url'))
    expect(await bench.confirm(id, readK(second))).toBe('confirmed')
  })

  test('leads back to us although the address is confirmed already', async () => {
    const { id, browser, mail } = await bench.startAndMail()
    await bench.followMail(mail)
    await pool.query(
      `UPDATE ellipro.activation SET mail_requested_at = now() - interval '5 minutes' WHERE id = $1`,
      [id],
    )
    await provider.requestMail(id, { browserHash: browser })
    await bench.runWell('send-confirmation', id)
    expect(await bench.followMail(inbox.mails[1]!)).toContain('/confirm?k=')
  })
})

describe('one address pending from two logins', () => {
  test('is one user with two mails, each for its own login, and both links work', async () => {
    const address = bench.nextAddress()
    const first = await bench.startAndMail({ address })
    const second = await bench.startAndMail({ address, locale: 'en' })
    expect(
      await admin.countUsers(
        `activation_record:${(await attributesOf(address))?.['activation_record']?.[0]}`,
      ),
    ).toBe(1)
    expect(first.mail.text).toContain(first.login.company)
    expect(second.mail.text).toContain(second.login.company)
    expect(second.mail.text).not.toContain(first.login.company)
    expect(await bench.followMail(first.mail)).toContain(first.id)
    expect(await bench.followMail(second.mail)).toContain(second.id)
  })
})

describe('an address that has an account', () => {
  test('is not touched, and its owner gets our mail, once for each time it was asked for', async () => {
    const address = bench.nextAddress()
    const userId = await admin.createUser({
      username: address,
      email: address.toUpperCase(),
      enabled: true,
      emailVerified: true,
      attributes: { company: ['Une autre société'] },
      credentials: [{ type: 'password', value: 'le mot de passe de quelqu’un', temporary: false }],
    })
    const before = await admin.getUser(userId)
    const { id, browser, login } = await bench.start({ address })
    expect(await bench.runWell('send-confirmation', id)).toBe('refused:address_taken')
    expect(await bench.runWell('send-confirmation', id)).toBe('nothing')
    expect(await admin.getUser(userId)).toEqual(before)
    expect(await admin.listCredentials(userId)).toHaveLength(1)
    expect(inbox.mails).toHaveLength(1)
    const [mail] = inbox.mails
    expect(isAlreadyMail(mail?.subject ?? '')).toBe(true)
    expect(mail?.text).toContain(login.company)
    expect(mail?.text).not.toContain(login.login)
    expect(await bench.row(id)).toMatchObject({ state: 'refused', reason: 'address_taken' })
    // Its k confirms nothing, and is not that of a confirmation: it leads to the page that adds the contract.
    const [k] = linkSecrets(mail, '/contract?k=')
    expect(await linkHash(id)).toEqual(sha256(k!))
    expect(await bench.confirm(id, k!)).toBe('bad_link')
    // Outwardly it is as any other: seen, sent again, and withdrawn by the owner of the address.
    expect((await provider.activationView(id, browser))?.state).toBe('mailed')
    await pool.query(
      `UPDATE ellipro.activation SET mail_requested_at = now() - interval '5 minutes' WHERE id = $1`,
      [id],
    )
    expect(await provider.requestMail(id, { browserHash: browser })).toBe('requested')
    expect(await bench.runWell('send-confirmation', id)).toBe('notice_sent')
    expect(await bench.mails(id)).toEqual(['already-account', 'already-account'])
    const [newer] = linkSecrets(inbox.mails[1], '/contract?k=')
    expect(newer).not.toEqual(k)
    expect(await linkHash(id)).toEqual(sha256(newer!))
    const [code] = linkSecrets(mail, '/withdraw?w=')
    expect(await provider.withdrawActivation(id, code!)).toBe('withdrawn')
  })

  test('is as little touched when it is an administrator’s, whom the operator account cannot even see', async () => {
    const address = bench.nextAddress()
    const userId = await admin.createUser({ username: address, email: address, enabled: true })
    const group = (await admin.realm.listTopGroups()).find(({ name }) => name === 'protected-accounts')
    await admin.realm.addMember(group?.id ?? '', userId)
    const before = await admin.getUser(userId)
    expect(await bench.dependencies.keycloak.findUserByEmail(address)).toBeUndefined()
    const { id } = await bench.start({ address })
    expect(await bench.runWell('send-confirmation', id)).toBe('refused:address_taken')
    expect(await admin.getUser(userId)).toEqual(before)
    expect(inbox.mails.map(({ subject }) => isAlreadyMail(subject))).toEqual([true])
    const { rowCount } = await pool.query('SELECT FROM ellipro.keycloak_user WHERE address_key = $1', [
      address,
    ])
    expect(rowCount).toBe(0)
  })

  test('is recognised by our record, never by looking pending', async () => {
    const address = bench.nextAddress()
    const userId = await admin.createUser({
      username: address,
      email: address,
      enabled: true,
      attributes: { activation: ['pending'], activation_record: ['00000000-0000-0000-0000-000000000000'] },
    })
    const { id } = await bench.start({ address })
    expect(await bench.runWell('send-confirmation', id)).toBe('refused:address_taken')
    expect((await admin.getUser(userId))?.attributes?.['activation_login']).toBeUndefined()
  })
})

test('an address that Keycloak takes for none is refused, and nothing is left of it', async () => {
  const { id, address } = await bench.start({ address: 'entre<crochets>@client.example' })
  expect(await bench.runWell('send-confirmation', id)).toBe('refused:address_invalid')
  const { rowCount } = await pool.query('SELECT FROM ellipro.keycloak_user WHERE address_key = $1', [address])
  expect(rowCount).toBe(0)
})

describe('an administrator’s decision', () => {
  test('a pending user deleted in the console is not made again by a late job, and a new activation gets a new one', async () => {
    const { id, address, browser, login } = await bench.startAndMail()
    await admin.deleteUser((await bench.user(address))?.id ?? '')
    await pool.query(
      `UPDATE ellipro.activation SET mail_requested_at = now() - interval '5 minutes' WHERE id = $1`,
      [id],
    )
    await provider.requestMail(id, { browserHash: browser })
    expect(await bench.runWell('send-confirmation', id)).toBe('refused:user_gone')
    expect(await bench.user(address)).toBeUndefined()
    const again = await bench.startAndMail({ address, login })
    expect((await bench.row(again.id)).state).toBe('mailed')
  })

  test('a pending user disabled in the console is never enabled and gets no mail', async () => {
    const { id, address, browser } = await bench.startAndMail()
    await admin.updateUserMerged((await bench.user(address))?.id ?? '', { enabled: false })
    await pool.query(
      `UPDATE ellipro.activation SET mail_requested_at = now() - interval '5 minutes' WHERE id = $1`,
      [id],
    )
    await provider.requestMail(id, { browserHash: browser })
    expect(await bench.runWell('send-confirmation', id)).toBe('refused:user_disabled')
    expect((await bench.user(address))?.enabled).toBe(false)
    expect(inbox.mails).toHaveLength(1)
  })

  test('a user let in by hand is an account: a later activation leaves it as it is, sessions included', async () => {
    const address = bench.nextAddress()
    await bench.startAndMail({ address })
    const letIn = await admin.updateUserMerged((await bench.user(address))?.id ?? '', {
      attributes: { activation: undefined },
    })
    const { id } = await bench.start({ address })
    inbox.clear()
    expect(await bench.runWell('send-confirmation', id)).toBe('refused:address_taken')
    expect((await bench.user(address))?.attributes).toEqual(letIn?.attributes)
    expect(await attributesOf(address)).not.toHaveProperty('activation')
    expect(inbox.mails).toHaveLength(1)
  })

  test('attributes given to a pending user in the console survive the next mail', async () => {
    const address = bench.nextAddress()
    await bench.startAndMail({ address })
    await admin.updateUserMerged((await bench.user(address))?.id ?? '', { attributes: { ticket: ['RT-7'] } })
    await bench.startAndMail({ address })
    expect((await attributesOf(address))?.['ticket']).toEqual(['RT-7'])
  })
})

describe('what ended meanwhile', () => {
  test.each(['withdrawn', 'expired', 'confirmed', 'opened', 'waiting'])(
    'gets no mail when it is %s',
    async (state) => {
      const { id, address } = await bench.start()
      await pool.query('UPDATE ellipro.activation SET state = $2 WHERE id = $1', [id, state])
      expect(await bench.runWell('send-confirmation', id)).toBe('nothing')
      expect(inbox.mails).toEqual([])
      expect(await bench.user(address)).toBeUndefined()
      await pool.query(`UPDATE ellipro.activation SET state = 'withdrawn' WHERE id = $1`, [id])
    },
  )

  test('gets no mail when its 24 hours are over', async () => {
    const { id } = await bench.start()
    await pool.query('UPDATE ellipro.activation SET expires_at = now() WHERE id = $1', [id])
    expect(await bench.runWell('send-confirmation', id)).toBe('nothing')
    expect(inbox.mails).toEqual([])
  })
})

test('no fourth mail in a day goes to one address', async () => {
  const address = bench.nextAddress()
  const activations = []
  // Asked for before any left: the limit at the time of asking is lifted, that of the sender is what is tested.
  await pool.query(`UPDATE ellipro.setting SET value = 9 WHERE name = 'mails_per_address_per_day'`)
  for (let i = 0; i < 4; i++) activations.push(await bench.start({ address }))
  await pool.query(`UPDATE ellipro.setting SET value = 3 WHERE name = 'mails_per_address_per_day'`)
  const outcomes = []
  for (const { id } of activations) outcomes.push(await bench.runWell('send-confirmation', id))
  expect(outcomes).toEqual(['sent', 'sent', 'sent', 'address_budget'])
  expect(inbox.mails).toHaveLength(3)
  expect(await bench.row(activations[3]!.id)).toMatchObject({
    state: 'requested',
    last_error: 'address_budget',
  })
})

describe('killed', () => {
  const steps = ['create-user', 'store-user-id', 'store-codes', 'send', 'record']

  test.each(steps)(
    'before %s and run again, it is one user and at most one mail more',
    async (killedBefore) => {
      const { id, address } = await bench.start()
      const seen: string[] = []
      const killed = await bench.run('send-confirmation', id, {
        onStep: (step) => {
          seen.push(step)
          if (step === killedBefore) throw new UpstreamError('test', 0, 'retry', 'killed')
        },
      })
      expect(seen).toContain(killedBefore)
      expect(killed.status).toBe('failed')
      expect(await bench.runWell('send-confirmation', id)).toBe('sent')
      const mails = inbox.mails.filter(({ to }) => to.includes(address))
      expect(mails).toHaveLength(killedBefore === 'record' ? 2 : 1)
      // The mail more has the same k: whichever is used opens the same door.
      for (const mail of mails) expect((await provider.linkView(id, readK(mail))).outcome).toBe('valid')
      const { rowCount } = await pool.query(
        `SELECT FROM ellipro.keycloak_user WHERE address_key = $1 AND state = 'pending' AND user_id IS NOT NULL`,
        [address],
      )
      expect(rowCount).toBe(1)
      await bench.followMail(mails.at(-1)!)
      expect(await bench.confirm(id, readK(mails.at(-1)!), password)).toBe('confirmed')
    },
  )

  test.each(['refuse', 'store-codes', 'send', 'record'])(
    'before %s of a refusal and run again, the owner is told at most once more',
    async (killedBefore) => {
      const address = bench.nextAddress()
      await admin.createUser({ username: address, email: address, enabled: true })
      const { id } = await bench.start({ address })
      const killed = await bench.run('send-confirmation', id, {
        onStep: (step) => {
          if (step === killedBefore) throw new UpstreamError('test', 0, 'retry', 'killed')
        },
      })
      expect(killed.status).toBe('failed')
      await bench.runWell('send-confirmation', id)
      expect(inbox.mails).toHaveLength(killedBefore === 'record' ? 2 : 1)
      expect(await bench.row(id)).toMatchObject({ state: 'refused', reason: 'address_taken' })
      expect(new Set(inbox.mails.map(({ headers }) => headers['message-id'])).size).toBe(1)
    },
  )
})

test('Keycloak that is away, and a mail server that refuses, are for another try and conclude nothing', async () => {
  const { id, address } = await bench.start()
  for (const mode of ['unavailable', 'dead'] as const) {
    bench.gate.set(mode)
    expect(await bench.run('send-confirmation', id)).toMatchObject({ status: 'failed' })
    expect((await bench.row(id)).state).toBe('requested')
  }
  bench.gate.set('open')
  inbox.refuse(true)
  expect(await bench.run('send-confirmation', id)).toMatchObject({
    status: 'failed',
    output: { code: 'keycloak:http_500' },
  })
  expect(await bench.row(id)).toMatchObject({ state: 'requested', last_error: 'keycloak:http_500' })
  inbox.refuse(false)
  expect(await bench.runWell('send-confirmation', id)).toBe('sent')
  expect(inbox.mails.filter(({ to }) => to.includes(address))).toHaveLength(1)
  expect((await bench.row(id)).last_error).toBeNull()
})

test('Cofacering that is away is for another try', async () => {
  const { id } = await bench.start()
  await bench.cofacering.query('REVOKE SELECT ON directory_login FROM cofacering_reader')
  const refused = await bench.run('send-confirmation', id)
  await bench.cofacering.query('GRANT SELECT ON directory_login TO cofacering_reader')
  // A right that is missing stays missing until an operator gives it: a dead letter, not a refused person.
  expect(refused).toMatchObject({ status: 'deadletter', output: { code: 'legacy:42501' } })
  expect((await bench.row(id)).state).toBe('requested')
})
