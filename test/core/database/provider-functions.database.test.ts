/** The functions of 0002, called as provider calls them, through its store. Concurrency is real: many connections. */
import { randomBytes, randomUUID } from 'node:crypto'
import pg from 'pg'
import { afterAll, expect, test, vi } from 'vitest'
import {
  createActivationStore,
  type ActivationStore,
  type NewActivation,
} from '../../../provider/activation/store.ts'
import { createStandIn, sha256 } from '../../provider/activation/stand-in.ts'
import { createDatabase } from '../../support/postgres.ts'

const database = await createDatabase()
const pool = new pg.Pool({ connectionString: database.provider, max: 25 })
afterAll(() => pool.end())
const store: ActivationStore = createActivationStore(pool)
const sync = createStandIn(database.sync)
await sync.set('activations_per_login_per_day', 100)
await sync.set('mails_per_login_per_day', 1000)

const credential = { credentialData: '{}', secretData: '{}' }
let count = 0
const unique = (name: string) => `${name}${++count}`

function draft(change: Partial<NewActivation> = {}): NewActivation & { browser: Buffer } {
  const account = change.account ?? unique('account')
  const browser = randomBytes(32)
  return {
    account,
    login: `${account}.login`,
    company: 'Société A',
    contract: 'CF-1',
    address: `${unique('person')}@example.fr`,
    locale: 'fr',
    shared: false,
    browserHash: sha256(browser),
    salt: randomBytes(16),
    verifier: randomBytes(32),
    correlationId: randomUUID(),
    browser,
    ...change,
  }
}

async function start(change: Partial<NewActivation> = {}) {
  const activation = draft(change)
  const result = await store.startActivation(activation)
  if (result.outcome !== 'started') throw new Error(result.outcome)
  return { ...activation, id: result.id }
}

async function startAndMail(change: Partial<NewActivation> = {}) {
  const activation = await start(change)
  return { ...activation, ...(await sync.sendMail(activation.id)) }
}

/** Rows of a function called directly, with values that the store would never pass. */
const ask = async (call: string, values: unknown[]) =>
  (await pool.query(`SELECT * FROM ellipro.${call}`, values)).rows

const confirm = (a: { id: string; k: Buffer; verifier: Buffer }, finisher = randomBytes(32)) =>
  store.confirmActivation(a.id, a.k, a.verifier, credential, sha256(finisher))

test('of 50 persons who confirm on one login at once, one is confirmed and 49 wait', async () => {
  const account = unique('account')
  const activations = await Promise.all(Array.from({ length: 50 }, () => startAndMail({ account })))
  const outcomes = (await Promise.all(activations.map((a) => confirm(a)))).map(({ outcome }) => outcome)
  expect(outcomes.filter((o) => o === 'confirmed')).toHaveLength(1)
  expect(outcomes.filter((o) => o === 'waiting')).toHaveLength(49)
  const loser = activations[outcomes.indexOf('waiting')]!
  expect(await sync.outbox(loser.id)).toEqual(['send-confirmation', 'release'])
  const { rows } = await sync.pool.query(
    'SELECT salt, verifier, link_hash, credential FROM ellipro.activation_secret WHERE activation_id = $1',
    [loser.id],
  )
  expect(rows).toEqual([{ salt: null, verifier: null, link_hash: null, credential: null }])
})

test('many confirmations of one activation at once ask for one account', async () => {
  const activation = await startAndMail()
  const outcomes = await Promise.all(Array.from({ length: 30 }, () => confirm(activation)))
  expect(outcomes.filter(({ outcome }) => outcome === 'confirmed')).toHaveLength(1)
  expect(outcomes.filter(({ outcome }) => outcome === 'already')).toHaveLength(29)
  expect(await sync.outbox(activation.id)).toEqual(['send-confirmation', 'open-account'])
})

test('of two logins that confirm one address at once, one is confirmed', async () => {
  const address = `${unique('person')}@example.fr`
  const activations = [
    await startAndMail({ address }),
    await startAndMail({ address: address.toUpperCase() }),
  ]
  const outcomes = (await Promise.all(activations.map((a) => confirm(a)))).map(({ outcome }) => outcome)
  expect(outcomes.toSorted()).toEqual(['address_taken', 'confirmed'])
  const loser = activations[outcomes.indexOf('address_taken')]!
  expect(await sync.outbox(loser.id)).toEqual(['send-confirmation', 'release', 'send-confirmation'])
  // Outwardly it is still waiting for its mail to be opened, and can be corrected to another address.
  expect(await store.activationView(loser.id, loser.browserHash)).toMatchObject({ state: 'mailed' })
  const corrected = await store.correctAddress(
    loser.id,
    { browserHash: loser.browserHash },
    `${unique('person')}@example.fr`,
    undefined,
    randomUUID(),
  )
  expect(corrected.outcome).toBe('started')
})

test('k or the password alone confirms nothing', async () => {
  const a = await startAndMail()
  const finisher = sha256(randomBytes(32))
  expect(await store.confirmActivation(a.id, randomBytes(32), a.verifier, credential, finisher)).toEqual({
    outcome: 'bad_link',
  })
  expect(await store.confirmActivation(a.id, a.k, randomBytes(32), credential, finisher)).toEqual({
    outcome: 'wrong_password',
    triesLeft: 4,
  })
  for (const [link, verifier] of [
    [null, a.verifier],
    [a.k, null],
    [null, null],
  ]) {
    const { rows } = await pool.query<{ outcome: string }>(
      'SELECT outcome FROM ellipro.confirm_activation($1, $2, $3, $4, $5)',
      [a.id, link, verifier, credential, finisher],
    )
    expect(rows[0]?.outcome).toMatch(/^(bad_link|wrong_password)$/)
  }
  expect(await sync.stateOf(a.id)).toMatchObject({ state: 'mailed' })
  expect(await confirm(a)).toEqual({ outcome: 'confirmed' })
})

test('a NULL instead of a secret shows nothing and allows nothing', async () => {
  const a = await startAndMail()
  expect(await ask('link_view($1, NULL)', [a.id])).toEqual([
    {
      outcome: 'bad_link',
      login: null,
      company: null,
      locale: null,
      correlation_id: null,
      kind: null,
      address: null,
    },
  ])
  expect(await ask('withdraw_view($1, NULL)', [a.id])).toMatchObject([{ outcome: 'bad_code', login: null }])
  expect(await ask('withdraw_activation($1, NULL)', [a.id])).toEqual([{ withdraw_activation: 'bad_code' }])
  expect(await ask('request_mail($1, NULL, NULL)', [a.id])).toEqual([{ request_mail: 'wrong' }])
  expect(await ask('activation_view($1, NULL)', [a.id])).toEqual([])
  expect(await ask('browser_activation(NULL)', [])).toEqual([{ browser_activation: null }])
  await confirm(a)
  await sync.open(a.id)
  expect(await ask('finish_view($1, NULL)', [a.id])).toEqual([])
  expect(await ask('mint_proof($1, NULL, $2, NULL)', [a.id, 'h'])).toEqual([{ mint_proof: false }])
  expect(await ask('take_proof($1, NULL)', ['h'])).toEqual([])
  expect(await ask('is_person($1, NULL)', [a.id])).toEqual([{ is_person: false }])
  expect(await ask('record_sign_in($1, NULL)', [a.id])).toEqual([{ record_sign_in: false }])
})

test('wrong passwords are counted one by one under parallelism, and the right one no longer helps', async () => {
  const a = await startAndMail()
  const outcomes = await Promise.all(
    Array.from({ length: 20 }, () => confirm({ ...a, verifier: randomBytes(32) })),
  )
  expect(outcomes.filter(({ outcome }) => outcome === 'wrong_password')).toHaveLength(5)
  expect(outcomes.filter(({ outcome }) => outcome === 'locked')).toHaveLength(15)
  expect(await confirm(a)).toEqual({ outcome: 'locked', triesLeft: 0 })
  // The tries at the other place have a count of their own.
  const steering = await Promise.all(
    Array.from({ length: 20 }, () => store.requestMail(a.id, { verifier: randomBytes(32) })),
  )
  expect(steering.filter((outcome) => outcome === 'wrong')).toHaveLength(5)
  expect(await store.requestMail(a.id, { verifier: a.verifier })).toBe('locked')
  expect(await store.requestMail(a.id, { browserHash: a.browserHash })).toBe('too_soon')
})

test('a confirmation before "mailed" was written down counts: its mail had left', async () => {
  const a = await start()
  const k = randomBytes(32)
  await sync.pool.query('UPDATE ellipro.activation_secret SET link_hash = $2 WHERE activation_id = $1', [
    a.id,
    sha256(k),
  ])
  expect(await store.linkView(a.id, k)).toMatchObject({ outcome: 'valid' })
  expect(await confirm({ ...a, k })).toEqual({ outcome: 'confirmed' })
})

test('only the newest mail of an activation confirms it', async () => {
  const a = await startAndMail()
  await sync.age(a.id, 61)
  expect(await store.requestMail(a.id, { browserHash: a.browserHash })).toBe('requested')
  const newer = await sync.sendMail(a.id)
  expect(await store.linkView(a.id, a.k)).toEqual({ outcome: 'bad_link' })
  expect((await confirm(a)).outcome).toBe('bad_link')
  expect((await confirm({ ...a, k: newer.k })).outcome).toBe('confirmed')
})

test('k of one activation is worth nothing for another', async () => {
  const [a, b] = [await startAndMail(), await startAndMail()]
  expect(await store.linkView(b.id, a.k)).toEqual({ outcome: 'bad_link' })
  expect((await confirm({ ...b, k: a.k })).outcome).toBe('bad_link')
})

test('after its hours an activation is expired for its link, its password and its browser', async () => {
  const a = await startAndMail()
  await sync.age(a.id, 24 * 3600)
  expect((await store.linkView(a.id, a.k)).outcome).toBe('expired')
  expect((await confirm(a)).outcome).toBe('expired')
  expect((await store.activationView(a.id, a.browserHash))?.state).toBe('expired')
  expect(await store.requestMail(a.id, { browserHash: a.browserHash })).toBe('gone')
})

test('an address pending from two logins: each has its own link, and the first to confirm has it', async () => {
  const address = `${unique('person')}@example.fr`
  const [a, b] = [await startAndMail({ address }), await startAndMail({ address })]
  expect((await confirm({ ...a, k: b.k })).outcome).toBe('bad_link')
  expect((await confirm({ ...b, verifier: a.verifier })).outcome).toBe('wrong_password')
  expect((await confirm(b)).outcome).toBe('confirmed')
  expect((await confirm(a)).outcome).toBe('address_taken')
})

test('"it was not me" ends what is pending of the pair, blocks it for a while, and leaves others alone', async () => {
  const account = unique('account')
  const address = `${unique('person')}@example.fr`
  const [a, b] = [await startAndMail({ account, address }), await startAndMail({ account, address })]
  const other = await startAndMail({ account })
  expect(await store.withdrawView(a.id, randomBytes(32))).toEqual({ outcome: 'bad_code' })
  expect(await store.withdrawActivation(a.id, a.k)).toBe('bad_code')
  expect(await store.withdrawView(a.id, a.w)).toMatchObject({ outcome: 'valid', company: 'Société A' })
  expect(await store.withdrawActivation(a.id, a.w)).toBe('withdrawn')
  expect(await store.withdrawActivation(a.id, a.w)).toBe('done')
  for (const ended of [a, b]) {
    expect(await sync.stateOf(ended.id)).toMatchObject({ state: 'withdrawn', reason: 'not_me' })
    expect((await confirm(ended)).outcome).toBe('bad_link')
    expect(await sync.outbox(ended.id)).toContain('release')
  }
  expect((await store.startActivation(draft({ account, address }))).outcome).toBe('blocked')
  expect((await store.startActivation(draft({ address }))).outcome).toBe('started')
  await sync.pool.query(`UPDATE ellipro.blocked_pair SET until = now() - interval '1 second'`)
  await sync.set('mails_per_address_per_day', 10)
  expect((await store.startActivation(draft({ account, address }))).outcome).toBe('started')
  await sync.set('mails_per_address_per_day', 3)
  expect((await confirm(other)).outcome).toBe('confirmed')
  expect(await store.withdrawActivation(other.id, other.w)).toBe('too_late')
})

test('withdrawals, corrections and starts on one login at once do not block one another', async () => {
  const account = unique('account')
  const activations = await Promise.all(Array.from({ length: 10 }, () => startAndMail({ account })))
  const outcomes = await Promise.all(
    activations.flatMap((a) => [
      store.withdrawActivation(a.id, a.w),
      store.correctAddress(
        a.id,
        { browserHash: a.browserHash },
        `${unique('p')}@example.fr`,
        undefined,
        randomUUID(),
      ),
      store.startActivation(draft({ account })),
      store.requestMail(a.id, { browserHash: a.browserHash }),
    ]),
  )
  expect(outcomes).toHaveLength(40)
})

test('a corrected address is a new activation with the same password, and the old one ends', async () => {
  const a = await startAndMail()
  const address = `${unique('person')}@example.fr`
  const correct = (proof: object, newBrowserHash?: Buffer) =>
    store.correctAddress(a.id, proof, address, newBrowserHash, randomUUID())
  expect(await correct({ browserHash: sha256('another browser') })).toEqual({ outcome: 'wrong' })
  expect(await correct({ verifier: randomBytes(32) })).toEqual({ outcome: 'wrong' })
  const browserHash = sha256(randomBytes(32))
  const corrected = await correct({ verifier: a.verifier }, browserHash)
  if (corrected.outcome !== 'started') throw new Error(corrected.outcome)
  expect(await sync.stateOf(a.id)).toMatchObject({ state: 'withdrawn', reason: 'corrected' })
  expect((await confirm(a)).outcome).toBe('bad_link')
  expect(await store.activationView(corrected.id, browserHash)).toMatchObject({ state: 'mailed', address })
  const { k } = await sync.sendMail(corrected.id)
  expect((await confirm({ ...a, id: corrected.id, k })).outcome).toBe('confirmed')
})

test('correcting to the same address, in other capitals, changes nothing', async () => {
  const a = await startAndMail()
  const same = await store.correctAddress(
    a.id,
    { browserHash: a.browserHash },
    a.address.toUpperCase(),
    undefined,
    randomUUID(),
  )
  expect(same).toEqual({ outcome: 'same', id: a.id })
  expect(await sync.stateOf(a.id)).toMatchObject({ state: 'mailed' })
})

test('the same form sent twice at once is one activation and one mail; with another password it is two', async () => {
  const activation = draft()
  const results = await Promise.all(Array.from({ length: 5 }, () => store.startActivation(activation)))
  expect(new Set(results.map((r) => r.outcome === 'started' && r.id)).size).toBe(1)
  expect(await sync.outbox(await sync.idOf(activation.address))).toEqual(['send-confirmation'])
  const other = await store.startActivation({ ...activation, verifier: randomBytes(32) })
  expect(other).not.toEqual(results[0])
})

test('an address gets three mails a day, asked for from anywhere, also when it was refused', async () => {
  const address = `${unique('person')}@example.fr`
  for (const end of ['mailed', 'refused'] as const) {
    await sync.pool.query('DELETE FROM ellipro.mail')
    await sync.pool.query(`UPDATE ellipro.activation SET created_at = created_at - interval '25 hours'`)
    const a = await start({ address })
    const deliver = () => (end === 'mailed' ? sync.sendMail(a.id) : sync.refuse(a.id))
    await deliver()
    await sync.age(a.id, 61)
    expect(await store.requestMail(a.id, { browserHash: a.browserHash })).toBe('requested')
    await deliver()
    expect((await start({ address })).id).toBeTruthy()
    expect((await store.startActivation(draft({ address }))).outcome).toBe('address_budget')
    await sync.age(a.id, 61)
    expect(await store.requestMail(a.id, { browserHash: a.browserHash })).toBe('address_budget')
  }
})

test('parallel requests for one address from many logins stay within its budget', async () => {
  const address = `${unique('person')}@example.fr`
  const results = await Promise.all(
    Array.from({ length: 12 }, () => store.startActivation(draft({ address }))),
  )
  expect(results.filter(({ outcome }) => outcome === 'started')).toHaveLength(3)
  expect(results.filter(({ outcome }) => outcome === 'address_budget')).toHaveLength(9)
})

test('a login has its own limits: mails a day and activations a day', async () => {
  await sync.set('mails_per_login_per_day', 2)
  const account = unique('account')
  await start({ account })
  await start({ account })
  expect((await store.startActivation(draft({ account }))).outcome).toBe('login_budget')
  await sync.set('mails_per_login_per_day', 1000)
  await sync.set('activations_per_login_per_day', 2)
  expect((await store.startActivation(draft({ account }))).outcome).toBe('login_limit')
  await sync.set('activations_per_login_per_day', 100)
})

test('eight fresh mails at the same instant, for eight activations of one login, stay within its budget', async () => {
  const account = unique('account')
  const activations = await Promise.all(Array.from({ length: 8 }, () => start({ account })))
  for (const { id } of activations) await sync.age(id, 61)
  await sync.set('mails_per_login_per_day', 10)
  // Nobody writes to the outbox before all eight are on their way: none sees what another has used.
  const gate = await sync.pool.connect()
  await gate.query('BEGIN')
  await gate.query('LOCK TABLE ellipro.outbox IN SHARE ROW EXCLUSIVE MODE')
  const asked = activations.map(({ id, browserHash }) => store.requestMail(id, { browserHash }))
  const waiting = `SELECT count(DISTINCT pid)::integer AS n FROM pg_locks WHERE NOT granted
    AND database = (SELECT oid FROM pg_database WHERE datname = current_database())`
  await vi.waitFor(async () => expect((await gate.query(waiting)).rows).toEqual([{ n: 8 }]), 10_000)
  await gate.query('COMMIT')
  gate.release()
  const outcomes = await Promise.all(asked)
  await sync.set('mails_per_login_per_day', 1000)
  expect(outcomes.toSorted()).toEqual([...Array<string>(6).fill('login_budget'), 'requested', 'requested'])
})

test('eight fresh mails at the same instant for one activation are one', async () => {
  const { id, browserHash } = await start()
  await sync.age(id, 61)
  const outcomes = await Promise.all(Array.from({ length: 8 }, () => store.requestMail(id, { browserHash })))
  expect(outcomes.toSorted()).toEqual(['requested', ...Array<string>(7).fill('too_soon')])
})

test('mails of every kind to one address count together, whoever caused them', async () => {
  const address = `${unique('person')}@example.fr`
  for (const kind of ['already-account', 'contact-notice', 'address-changed'])
    await sync.pool.query('INSERT INTO ellipro.mail (kind, account, address_key) VALUES ($1, $1, $2)', [
      kind,
      address,
    ])
  expect((await store.startActivation(draft({ address: address.toUpperCase() }))).outcome).toBe(
    'address_budget',
  )
  const { id, browserHash } = await start()
  expect((await store.correctAddress(id, { browserHash }, address, undefined, randomUUID())).outcome).toBe(
    'address_budget',
  )
})

test('no more activations than the hourly cap are started over all logins', async () => {
  await sync.pool.query(`UPDATE ellipro.activation SET created_at = created_at - interval '25 hours'`)
  await sync.set('activations_per_hour', 2)
  await start()
  await start()
  expect((await store.startActivation(draft())).outcome).toBe('cap')
  await sync.set('activations_per_hour', 600)
})

test('refused is mailed to its browser, for the dispatcher and after its hours', async () => {
  const [a, b] = [await startAndMail(), await start()]
  await sync.refuse(b.id)
  for (const seconds of [0, 24 * 3600]) {
    const views = []
    for (const { id, browserHash, account, verifier } of [a, b]) {
      await sync.age(id, seconds)
      const view = await store.activationView(id, browserHash)
      const facts = await store.loginFacts(account, browserHash, [])
      views.push({
        state: view?.state,
        reason: view?.reason,
        own: facts.own && { ...facts.own, id: '' },
        byPassword: await store.requestMail(id, { verifier }),
        byNobody: await store.requestMail(id, { verifier: randomBytes(32) }),
        link: await store.linkView(id, randomBytes(32)),
      })
    }
    const [first, second] = views
    expect(second).toEqual(first)
    expect(first?.state).toBe(seconds === 0 ? 'mailed' : 'expired')
  }
})

test('a proof is taken once under parallelism, by its handle and value, and not after a minute', async () => {
  const a = await startAndMail()
  const finisher = randomBytes(32)
  await confirm(a, finisher)
  const [handle, proof] = ['handle-1', randomBytes(32)]
  expect(await store.mintProof(a.id, sha256(finisher), handle, proof)).toBe(false)
  const userId = await sync.open(a.id)
  expect(await store.mintProof(a.id, sha256('another browser'), handle, proof)).toBe(false)
  expect(await store.mintProof(a.id, sha256(finisher), handle, proof)).toBe(true)
  expect(await store.takeProof(handle, randomBytes(32))).toBeUndefined()
  const taken = await Promise.all(Array.from({ length: 20 }, () => store.takeProof(handle, proof)))
  expect(taken.filter((t) => t?.activationId === a.id)).toHaveLength(1)
  expect(await store.mintProof(a.id, sha256(finisher), 'handle-2', proof)).toBe(true)
  await sync.pool.query(
    `UPDATE ellipro.activation_secret SET proof_expires_at = now() - interval '1 second' WHERE activation_id = $1`,
    [a.id],
  )
  expect(await store.takeProof('handle-2', proof)).toBeUndefined()
  expect(await store.isPerson(a.id, userId)).toBe(true)
  expect(await store.isPerson(a.id, randomUUID())).toBe(false)
  expect(await store.recordSignIn(a.id, sha256(finisher))).toBe(true)
  expect(await store.recordSignIn(a.id, sha256(finisher))).toBe(false)
  expect(await sync.outbox(a.id)).toEqual(['send-confirmation', 'open-account', 'unlink'])
})

test('the holder of a login is told by first letter, and by domain only when it is the contract’s', async () => {
  const a = await startAndMail()
  expect(await store.loginFacts(a.account, undefined, ['example.fr'])).toEqual({})
  await confirm(a)
  const facts = await store.loginFacts(a.account, a.browserHash, ['EXAMPLE.fr'])
  expect(facts.holder).toEqual({ state: 'confirmed', initial: 'p', domain: 'example.fr' })
  expect(facts.own).toEqual({ id: a.id, state: 'confirmed', isHolder: true })
  expect((await store.loginFacts(a.account, undefined, ['other.fr'])).holder).toEqual({
    state: 'confirmed',
    initial: 'p',
  })
  expect((await store.startActivation(draft({ account: a.account }))).outcome).toBe('moved')
})
