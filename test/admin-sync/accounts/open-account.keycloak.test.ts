/**
 * The jobs that follow a confirmation, on a real Keycloak: `open-account`, `unlink`, `notify-contact`; and those that
 * take away what was not finished: `release`, `purge-expired`.
 */
import { beforeEach, describe, expect, test } from 'vitest'
import { UpstreamError } from '../../../core/errors.ts'
import { createDependencies } from '../../../admin-sync/dependencies.ts'
import { runJob } from '../../../admin-sync/jobs/work.ts'
import { createBench, password, readK, type Started } from './bench.ts'

const bench = await createBench()
const { inbox, pool, admin } = bench
const other = 'Le mot de passe d’une autre personne'
const userOf = async (address: string) => {
  const user = await bench.user(address)
  if (!user) throw new Error('no such user')
  return user
}
const linksOf = async (address: string) => admin.listFederatedIdentities((await userOf(address)).id)
const countUsers = async (address: string) => {
  const { rows } = await pool.query<{ state: string }>(
    'SELECT state FROM ellipro.keycloak_user WHERE address_key = $1 ORDER BY created_at',
    [address],
  )
  return rows.map(({ state }) => state)
}
const secretsOf = async (id: string) => {
  const { rows } = await pool.query<Record<string, unknown>>(
    `SELECT salt, verifier, link_hash, withdraw_hash, credential, finisher_hash, proof_hash
       FROM ellipro.activation_secret WHERE activation_id = $1`,
    [id],
  )
  return Object.entries(rows[0] ?? {})
    .filter(([, value]) => value !== null)
    .map(([name]) => name)
}
const expire = (id: string) =>
  pool.query(`UPDATE ellipro.activation SET expires_at = now() - interval '1 minute' WHERE id = $1`, [id])
const kill = (step: string) => ({
  onStep: (reached: string) => {
    if (reached === step) throw new UpstreamError('test', 0, 'retry', 'killed')
  },
})
async function expectOpen({ id, address, login }: Started): Promise<void> {
  const { sub, state } = await bench.row(id)
  expect(state).toBe('opened')
  expect(await linksOf(address)).toEqual([{ identityProvider: 'cofacering', userId: sub, userName: sub }])
  expect((await userOf(address)).attributes).toEqual({
    cofacering_login: [login.login],
    company: [login.company],
    contract: [login.contract],
    contracts_claim: [login.contract],
    contracts_total: ['1'],
    locale: ['fr'],
  })
  expect(await bench.signsIn(address, password)).toBe(true)
  expect((await countUsers(address)).filter((kept) => kept === 'opened')).toHaveLength(1)
  expect(await secretsOf(id)).not.toContain('credential')
}

beforeEach(() => {
  inbox.clear()
  bench.added.length = 0
  bench.gate.set('open')
})

describe('a confirmed activation', () => {
  test('becomes an account with the password of the confirmation, what applications may read, and one link', async () => {
    const started = await bench.confirmed()
    expect(await bench.signsIn(started.address, password)).toBe(false)
    expect(await bench.runWell('open-account', started.id)).toBe('opened')
    await expectOpen(started)
    expect(bench.added).toEqual([
      { kind: 'unlink', id: started.id, afterSeconds: 900 },
      { kind: 'notify-contact', id: started.id, afterSeconds: undefined },
    ])
    expect(await bench.runWell('open-account', started.id)).toBe('nothing')
    expect(bench.added).toHaveLength(2)
  })

  test('loses its link after the sign-in, and all secrets but the digests of its mail; again changes nothing', async () => {
    const { id, address } = await bench.confirmed()
    await bench.runWell('open-account', id)
    expect(await secretsOf(id)).toContain('verifier')
    expect(await bench.runWell('unlink', id)).toBe('unlinked')
    expect(await linksOf(address)).toEqual([])
    expect(await secretsOf(id)).toEqual(['link_hash', 'withdraw_hash', 'finisher_hash'])
    expect((await bench.row(id)).unlinked_at).not.toBeNull()
    expect(await bench.runWell('unlink', id)).toBe('nothing')
    expect(await bench.signsIn(address, password)).toBe(true)
  })

  test('loses its link whoever holds the lock of its address in the database', async () => {
    const { id, address } = await bench.confirmed()
    await bench.runWell('open-account', id)
    // Advisory locks are for every role of the database, provider's included.
    const holder = await pool.connect()
    try {
      await holder.query(
        `SELECT pg_advisory_lock(hashtextextended('address:' || address_key, 0)) FROM ellipro.activation WHERE id = $1`,
        [id],
      )
      expect(await bench.runWell('unlink', id)).toBe('unlinked')
      expect(await linksOf(address)).toEqual([])
    } finally {
      holder.release(true)
    }
  })

  test('whose credential is not what provider makes stays closed, for an operator to see', async () => {
    const { id, address } = await bench.confirmed()
    await pool.query(
      `UPDATE ellipro.activation_secret
          SET credential = jsonb_set(credential, '{credentialData}', to_jsonb(replace(credential->>'credentialData', '7168', '2000000')))
        WHERE activation_id = $1`,
      [id],
    )
    expect(await bench.run('open-account', id)).toMatchObject({
      status: 'deadletter',
      output: { code: 'database:credential_malformed' },
    })
    const user = await userOf(address)
    expect(await admin.listCredentials(user.id)).toEqual([])
    expect(user.attributes?.['activation']).toEqual(['pending'])
  })

  test('marks the account of a shared login, unless the console says otherwise', async () => {
    const first = await bench.confirmed({ login: { ...bench.nextLogin(), shared: true } })
    await bench.runWell('open-account', first.id)
    expect((await userOf(first.address)).attributes?.['shared_login']).toEqual(['true'])
    const second = await bench.confirmed({ login: { ...bench.nextLogin(), shared: true } })
    await admin.updateUserMerged((await userOf(second.address)).id, {
      attributes: { shared_login: ['false'], ticket: ['RT-12'], contract: ['AUTRE-1'] },
    })
    await bench.runWell('open-account', second.id)
    expect((await userOf(second.address)).attributes).toMatchObject({
      shared_login: ['false'],
      ticket: ['RT-12'],
      contract: ['AUTRE-1', second.login.contract],
    })
  })

  test('sweeps away what a mailbox owner set up meanwhile: password, links, sessions', async () => {
    const started = await bench.confirmed()
    const user = await userOf(started.address)
    // As by "forgotten password" before the flows refused it, or by hand in the console.
    await admin.updateUserMerged(user.id, {
      credentials: [{ type: 'password', value: other, temporary: false }],
      attributes: { activation: undefined },
    })
    await admin.addFederatedIdentity(user.id, {
      identityProvider: 'cofacering',
      userId: 'somebody',
      userName: 'x',
    })
    expect(await bench.signsIn(started.address, other)).toBe(true)
    expect(await admin.countSessions(user.id)).toBeGreaterThan(0)
    await bench.runWell('open-account', started.id)
    expect(await admin.countSessions(user.id)).toBe(0)
    expect(await bench.signsIn(started.address, other)).toBe(false)
    await expectOpen(started)
    expect(await admin.listCredentials(user.id)).toHaveLength(1)
  })

  test('goes back to the mailbox when Keycloak has not seen the address confirmed', async () => {
    const { id, address, mail } = await bench.startAndMail()
    // k stands in the mail's link, readable without following it.
    expect(await bench.confirm(id, readK(mail))).toBe('confirmed')
    expect(await bench.runWell('open-account', id)).toBe('address_not_verified')
    expect(await bench.row(id)).toMatchObject({ state: 'mailed', reason: 'address_not_verified' })
    expect(await secretsOf(id)).not.toContain('credential')
    expect(await bench.signsIn(address, password)).toBe(false)
    await bench.followMail(mail)
    expect(await bench.confirm(id, readK(mail))).toBe('confirmed')
    expect(await bench.runWell('open-account', id)).toBe('opened')
  })
})

describe('an administrator’s decision before the opening', () => {
  test('a deleted user is not made again', async () => {
    const { id, address } = await bench.confirmed()
    await admin.deleteUser((await userOf(address)).id)
    expect(await bench.runWell('open-account', id)).toBe('refused:user_gone')
    expect(await bench.user(address)).toBeUndefined()
    expect(await secretsOf(id)).not.toContain('credential')
    expect(await bench.runWell('open-account', id)).toBe('nothing')
  })

  test('a disabled user is not enabled, whenever it was disabled', async () => {
    const before = await bench.confirmed()
    await admin.updateUserMerged((await userOf(before.address)).id, { enabled: false })
    expect(await bench.runWell('open-account', before.id)).toBe('refused:user_disabled')

    const during = await bench.confirmed()
    const { id } = await userOf(during.address)
    const result = await bench.run('open-account', during.id, {
      onStep: async (step) => {
        if (step === 'write-account') await admin.updateUserMerged(id, { enabled: false })
      },
    })
    expect(result.status).toBe('failed')
    expect(await bench.runWell('open-account', during.id)).toBe('refused:user_disabled')
    for (const { address } of [before, during]) expect((await userOf(address)).enabled).toBe(false)
  })

  test('a user whose address was changed, or who became an administrator, is left alone', async () => {
    const changed = await bench.confirmed()
    const changedId = (await userOf(changed.address)).id
    const elsewhere = bench.nextAddress()
    await admin.updateUserMerged(changedId, { email: elsewhere, username: elsewhere })
    expect(await bench.runWell('open-account', changed.id)).toBe('refused:address_changed')

    const promoted = await bench.confirmed()
    const promotedId = (await userOf(promoted.address)).id
    const group = (await admin.realm.listTopGroups()).find(({ name }) => name === 'protected-accounts')
    await admin.realm.addMember(group?.id ?? '', promotedId)
    expect(await bench.runWell('open-account', promoted.id)).toBe('refused:address_taken')
    for (const id of [changedId, promotedId]) {
      expect(await admin.listCredentials(id)).toEqual([])
      expect(await admin.listFederatedIdentities(id)).toEqual([])
    }
  })

  test('a login that Cofacering has disabled since opens nothing', async () => {
    const { id, login } = await bench.confirmed()
    await bench.cofacering.query('UPDATE login SET disabled = true WHERE id = $1', [login.account])
    expect(await bench.runWell('open-account', id)).toBe('refused:account_unknown')
  })
})

test('a subject that another user has at Keycloak stops the opening, for an operator to see', async () => {
  const { id, address } = await bench.confirmed()
  const elsewhere = bench.nextAddress()
  const thief = await admin.createUser({ username: elsewhere, email: elsewhere, enabled: true })
  const { sub } = await bench.row(id)
  await admin.addFederatedIdentity(thief, { identityProvider: 'cofacering', userId: sub, userName: 'x' })
  expect(await bench.run('open-account', id)).toMatchObject({
    status: 'deadletter',
    output: { code: 'keycloak:subject_of_another_user' },
  })
  expect((await bench.row(id)).state).toBe('confirmed')
  await admin.deleteFederatedIdentity(thief, 'cofacering')
  expect(await bench.runWell('open-account', id)).toBe('opened')
  expect(await linksOf(address)).toHaveLength(1)
})

describe('two activations of one address', () => {
  test('confirmed within a second: one opens, the other is refused, and its owner is told', async () => {
    const address = bench.nextAddress()
    const [a, b] = [await bench.startAndMail({ address }), await bench.startAndMail({ address })]
    await bench.followMail(a.mail)
    const outcomes = await Promise.all([
      bench.confirm(a.id, readK(a.mail)),
      bench.confirm(b.id, readK(b.mail)),
    ])
    expect(outcomes.toSorted()).toEqual(['address_taken', 'confirmed'])
    const [winner, loser] = outcomes[0] === 'confirmed' ? [a, b] : [b, a]
    await Promise.all([bench.run('open-account', winner.id), bench.run('release', loser.id)])
    await expectOpen(winner)
    expect(await bench.row(loser.id)).toMatchObject({ state: 'refused', reason: 'address_taken' })
    expect(await countUsers(address)).toEqual(['opened'])
    inbox.clear()
    expect(await bench.runWell('send-confirmation', loser.id)).toBe('notice_sent')
    expect(inbox.mails.map(({ subject }) => subject)).toEqual(['Vous avez déjà un accès Ellipro'])
  })

  test('one opened, the other still pending: it is refused and gets "you already have an account"', async () => {
    const address = bench.nextAddress()
    const second = await bench.startAndMail({ address })
    const first = await bench.confirmed({ address })
    inbox.clear()
    await bench.runWell('open-account', first.id)
    expect(await bench.row(second.id)).toMatchObject({ state: 'refused', reason: 'address_taken' })
    expect(await bench.outbox(second.id)).toContain('send-confirmation')
    expect(await bench.runWell('send-confirmation', second.id)).toBe('notice_sent')
    expect(inbox.mails.map(({ subject }) => subject)).toEqual(['Vous avez déjà un accès Ellipro'])
    expect(await bench.confirm(second.id, readK(second.mail))).toBe('bad_link')
    await expectOpen(first)
  })
})

describe('killed', () => {
  const steps = [
    'delete-links',
    'delete-credentials',
    'end-sessions',
    'write-account',
    'link',
    'end-pending',
    'mark-opened',
  ]
  test.each(steps)('before %s and run again, it is one account with one link', async (step) => {
    const started = await bench.confirmed()
    expect((await bench.run('open-account', started.id, kill(step))).status).toBe('failed')
    expect((await bench.row(started.id)).state).toBe('confirmed')
    expect(await bench.runWell('open-account', started.id)).toBe('opened')
    await expectOpen(started)
    expect(await admin.listCredentials((await userOf(started.address)).id)).toHaveLength(1)
  })

  test('after Keycloak’s part, a password that the person has changed since is kept', async () => {
    const started = await bench.confirmed()
    await bench.run('open-account', started.id, kill('mark-opened'))
    await admin.updateUserMerged((await userOf(started.address)).id, {
      credentials: [{ type: 'password', value: other, temporary: false }],
    })
    expect(await bench.runWell('open-account', started.id)).toBe('opened')
    expect(await bench.signsIn(started.address, other)).toBe(true)
  })

  test.each(['delete-link', 'mark-unlinked'])('before %s and run again, the link is gone', async (step) => {
    const { id, address } = await bench.confirmed()
    await bench.runWell('open-account', id)
    expect((await bench.run('unlink', id, kill(step))).status).toBe('failed')
    expect(await bench.runWell('unlink', id)).toBe('unlinked')
    expect(await linksOf(address)).toEqual([])
  })

  test.each(['delete-user', 'mark-deleted'])(
    'before %s and run again, the pending user is gone',
    async (step) => {
      const { id, address } = await bench.startAndMail()
      await pool.query(`UPDATE ellipro.activation SET state = 'withdrawn' WHERE id = $1`, [id])
      expect((await bench.run('release', id, kill(step))).status).toBe('failed')
      await bench.runWell('release', id)
      expect(await bench.user(address)).toBeUndefined()
      expect(await countUsers(address)).toEqual(['deleted'])
      // Nothing of it is in the way of a new activation.
      await bench.startAndMail({ address })
    },
  )
})

describe('the contract’s contact', () => {
  test('is told once, in both languages, without what was typed', async () => {
    const { id, address, login } = await bench.confirmed()
    await bench.runWell('open-account', id)
    inbox.clear()
    expect(await bench.runWell('notify-contact', id)).toBe('sent')
    expect(await bench.runWell('notify-contact', id)).toBe('nothing')
    const { rows } = await bench.cofacering.query<{ contact_email: string }>(
      'SELECT contact_email FROM directory_contract WHERE contract = $1',
      [login.contract],
    )
    expect(inbox.mails).toHaveLength(1)
    const [mail] = inbox.mails
    expect(mail?.to).toEqual([rows[0]?.contact_email])
    expect(mail?.text).toContain(`Un accès Ellipro a été ouvert pour ${login.company}`)
    expect(mail?.text).toContain(`An Ellipro account was opened for ${login.company}`)
    expect(mail?.text).toContain(login.contract)
    expect(`${mail?.text}${mail?.html}`).not.toContain(address)
    expect(`${mail?.text}${mail?.html}`).not.toContain(login.login)
  })

  test('is told later when the day’s mails to that mailbox are used up', async () => {
    const { id, login } = await bench.confirmed()
    await bench.runWell('open-account', id)
    await pool.query(
      `INSERT INTO ellipro.mail (kind, account, address_key)
       SELECT 'contact-notice', 'other', lower($1) FROM generate_series(1, 3)`,
      [
        (
          await bench.cofacering.query<{ contact_email: string }>(
            'SELECT contact_email FROM directory_contract WHERE contract = $1',
            [login.contract],
          )
        ).rows[0]?.contact_email,
      ],
    )
    inbox.clear()
    expect(await bench.run('notify-contact', id)).toMatchObject({
      status: 'failed',
      output: { code: 'mail:address_budget' },
    })
    await pool.query(`UPDATE ellipro.mail SET sent_at = now() - interval '25 hours' WHERE account = 'other'`)
    expect(await bench.runWell('notify-contact', id)).toBe('sent')
  })

  test('is told when the mail server works again', async () => {
    const { id } = await bench.confirmed()
    await bench.runWell('open-account', id)
    inbox.clear()
    inbox.refuse(true)
    expect(await bench.run('notify-contact', id)).toMatchObject({ status: 'failed' })
    inbox.refuse(false)
    expect(await bench.runWell('notify-contact', id)).toBe('sent')
    expect(inbox.mails).toHaveLength(1)
  })
})

describe('what nobody finished', () => {
  // What the tests above left behind is not counted here.
  let leftBefore = 0
  beforeEach(async () => {
    leftBefore = (await bench.purge()).leftUsers
  })

  test('expires, and the user that we made for it goes', async () => {
    const { id, address } = await bench.startAndMail()
    await expire(id)
    expect(await bench.purge()).toMatchObject({
      expired: 1,
      deletedUsers: 1,
      leftUsers: leftBefore,
    })
    expect((await bench.row(id)).state).toBe('expired')
    expect(await bench.user(address)).toBeUndefined()
    expect(await secretsOf(id)).toEqual(['withdraw_hash'])
    // A late job does not make it again.
    expect(await bench.runWell('send-confirmation', id)).toBe('nothing')
    expect(await bench.user(address)).toBeUndefined()
  })

  test('keeps its user while another activation of the address is live', async () => {
    const address = bench.nextAddress()
    const first = await bench.startAndMail({ address })
    const second = await bench.startAndMail({ address })
    await expire(first.id)
    expect(await bench.purge()).toMatchObject({ expired: 1, deletedUsers: 0 })
    await bench.followMail(second.mail)
    expect(await bench.confirm(second.id, readK(second.mail))).toBe('confirmed')
    expect(await bench.purge()).toMatchObject({ deletedUsers: 0 })
    expect(await bench.runWell('open-account', second.id)).toBe('opened')
    expect(await bench.purge()).toMatchObject({ deletedUsers: 0 })
    expect(await bench.signsIn(address, password)).toBe(true)
  })

  test('goes at once when it was withdrawn, and the user of a corrected address with it', async () => {
    const { id, address } = await bench.startAndMail()
    const k = inbox.mails[0]?.links.find((link) => link.includes('/withdraw?w=')) ?? ''
    await bench.provider.withdrawActivation(
      id,
      Buffer.from(new URL(k).searchParams.get('w') ?? '', 'base64url'),
    )
    expect(await bench.outbox(id)).toContain('release')
    expect(await bench.runWell('release', id)).toBe('deleted')
    expect(await bench.user(address)).toBeUndefined()
    expect(await bench.runWell('release', id)).toBe('none')
  })

  test('is left, and reported, when somebody has made the user their own', async () => {
    const group = await admin.realm.createGroup({ name: `group-${Date.now()}` })
    const role = (await admin.realm.listRoles()).find(({ name }) => name === 'relation-client')
    const ways: Record<string, (id: string) => Promise<unknown>> = {
      linked: (id) =>
        admin.addFederatedIdentity(id, { identityProvider: 'cofacering', userId: id, userName: 'x' }),
      in_group: (id) => admin.realm.addMember(group ?? '', id),
      has_role: (id) => admin.realm.addUserRealmRoles(id, role ? [role] : []),
      has_foreign_attribute: (id) => admin.updateUserMerged(id, { attributes: { ticket: ['RT-1'] } }),
      not_pending: (id) => admin.updateUserMerged(id, { attributes: { activation: undefined } }),
      disabled: (id) => admin.updateUserMerged(id, { enabled: false }),
    }
    const left: string[] = []
    for (const [reason, make] of Object.entries(ways)) {
      const { id, address } = await bench.startAndMail()
      await make((await userOf(address)).id)
      await expire(id)
      bench.lines.length = 0
      expect(await bench.purge()).toMatchObject({ expired: 1, deletedUsers: 0 })
      expect(await bench.user(address)).toBeDefined()
      const reported = bench.lines
        .map((line) => JSON.parse(line) as { event: string; reason: string })
        .filter(({ event }) => event === 'purge.user_left')
      expect(reported.map((line) => line.reason)).toContain(reason)
      left.push(address)
    }
    for (const address of left) await admin.deleteUser((await userOf(address)).id)
    expect(await bench.purge()).toMatchObject({ leftUsers: leftBefore })
  })

  test('stays when Keycloak could not be asked', async () => {
    const { id, address } = await bench.startAndMail()
    await expire(id)
    bench.gate.set('unavailable')
    await expect(bench.purge()).rejects.toMatchObject({ disposition: 'retry' })
    bench.gate.set('open')
    expect(await countUsers(address)).toEqual(['pending'])
    expect(await bench.purge()).toMatchObject({ deletedUsers: 1 })
  })
})

test('a realm that is gone is not a user that is gone', async () => {
  const { id } = await bench.confirmed()
  const broken = { ...bench.config, KEYCLOAK_REALM: 'no-such-realm' }
  const { work, close } = createDependencies(broken, bench.dependencies.log, pool, async () => undefined)
  const result = await runJob(
    'open-account',
    { id: 'x', data: { activationId: id }, retryCount: 0, signal: new AbortController().signal },
    work,
  )
  await close()
  expect(result).toMatchObject({ status: 'failed', output: { code: 'keycloak:no_realm' } })
  expect((await bench.row(id)).state).toBe('confirmed')
})

test('no log line of all this holds an address, a login, a company, k or a password', async () => {
  const { rows } = await pool.query<{ address: string; login: string; company: string; sub: string }>(
    'SELECT address, login, company, sub FROM ellipro.activation',
  )
  const written = bench.lines.join('')
  expect(written).toContain('"event":"job.done"')
  for (const { address, login, company } of rows)
    for (const value of [address, login, company]) expect(written).not.toContain(value)
  for (const value of [password, other, '@client.example']) expect(written).not.toContain(value)
})
