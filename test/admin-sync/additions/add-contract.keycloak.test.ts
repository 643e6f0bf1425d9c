/**
 * A second contract for an account that exists: the job on a real Keycloak, with real ID tokens. What provider does is
 * done by its functions with its database role; the person signs in on Keycloak's page.
 */
import { randomBytes } from 'node:crypto'
import { beforeAll, beforeEach, describe, expect, inject, test } from 'vitest'
import { findActivations } from '../../../admin-sync/accounts/report.ts'
import { sweepAccounts } from '../../../admin-sync/accounts/sweep.ts'
import { releaseLogin } from '../../../admin-sync/operators/login-release.ts'
import { additionNonce } from '../../../core/nonce.ts'
import { createAdditions } from '../../../provider/activation/additions.ts'
import { fetchAdminToken } from '../../support/keycloak.ts'
import { createBench, password, providerUrl, sha256, type LegacyLogin } from '../accounts/bench.ts'
import { createDesk } from '../decisions/desk.ts'
import { portalClient, providerClient, readClaims, signInAt } from '../identity/sign-in.ts'
import { Web } from '../realm/web.ts'

const bench = await createBench()
const { pool, admin, inbox, issuer } = bench
const server = inject('keycloak')
const additions = createAdditions(bench.providerPool)
const contractClient = { ...providerClient, path: '/activation/contract/callback' }

beforeAll(async () => {
  await pool.query(`UPDATE ellipro.setting SET value = 1000 WHERE name ~ '^mails_per_|^activations_per_'`)
})
beforeEach(() => {
  inbox.clear()
  bench.gate.set('open')
})

type Person = { userId: string; address: string; web: Web }

/** Somebody with an Ellipro account, which we did not make. */
async function person(attributes: Record<string, string[]> = {}): Promise<Person> {
  const address = bench.nextAddress()
  const userId = await admin.createUser({
    username: address,
    email: address,
    enabled: true,
    emailVerified: true,
    attributes: { locale: ['en'], ...attributes },
    credentials: [{ type: 'password', value: password, temporary: false }],
  })
  return { userId, address, web: new Web() }
}

type Asked = { id: string; login: LegacyLogin; k: Buffer; browser: Buffer }

/** An activation with the address of an account, and the k of the mail that it led to. */
async function ask(address: string, login = bench.nextLogin()): Promise<Asked> {
  const { id } = await bench.start({ address, login })
  expect(await bench.runWell('send-confirmation', id)).toBe('refused:address_taken')
  return { id, login, k: readContractCode(id), browser: sha256(randomBytes(32)) }
}

/** k of the first mail that leads to adding the contract of this activation. */
function readContractCode(id: string): Buffer {
  const mark = `/activation/${id}/contract?k=`
  const link = inbox.mails.flatMap(({ links }) => links).find((one) => one.includes(mark)) ?? ''
  return Buffer.from(link.slice(link.indexOf(mark) + mark.length), 'base64url')
}

/** Gives k and password in the browser. */
const begin = async ({ id, k, browser }: Asked, typed = password) =>
  (await additions.begin(id, k, await bench.verify(id, typed), browser)).outcome

const signIn = async (who: Person, nonce: string, client = contractClient) =>
  (
    await signInAt({
      issuer,
      origin: providerUrl,
      client,
      nonce,
      address: who.address,
      password,
      web: who.web,
    })
  ).idToken

/** All that the person does, to the end of the sign-in. */
async function handOver(asked: Asked, who: Person): Promise<void> {
  expect(await begin(asked)).toBe('ok')
  const token = await signIn(who, additionNonce(asked.id, asked.browser))
  expect(await additions.submit(asked.id, asked.k, asked.browser, token)).toBe('submitted')
}

const stateOf = async ({ id, browser }: Asked) => (await additions.state(id, browser))?.state
const attributesOf = async (userId: string) =>
  (await admin.getUser(userId))?.attributes as Record<string, string[]> | undefined
const run = (id: string) => bench.runCaseWell('add-contract', id)
const secretsOf = async (id: string) =>
  (
    await pool.query<Record<string, unknown>>(
      'SELECT * FROM ellipro.activation_secret WHERE activation_id = $1',
      [id],
    )
  ).rows[0]

/** Everything of the account that must not change. */
async function snapshot(userId: string) {
  const { attributes: _, ...user } = (await admin.getUser(userId)) ?? {}
  return {
    user,
    credentials: await admin.listCredentials(userId),
    links: await admin.listFederatedIdentities(userId),
    roles: await admin.listRoleMappings(userId),
    groups: await admin.listGroups(userId),
  }
}

describe('k, password and sign-in of one person in one browser', () => {
  test('add the contract, and change nothing else of the account', async () => {
    const who = await person({
      contract: ['AUTRE-1'],
      company: ['Première société'],
      cofacering_login: ['premier'],
      shared_login: ['false'],
    })
    const before = await snapshot(who.userId)
    const asked = await ask(who.address)
    await handOver(asked, who)
    expect(await stateOf(asked)).toBe('checking')
    expect(await run(asked.id)).toBe('added')
    expect(await stateOf(asked)).toBe('added')
    expect(await attributesOf(who.userId)).toEqual({
      locale: ['en'],
      contract: ['AUTRE-1', asked.login.contract],
      contracts_claim: ['AUTRE-1', asked.login.contract],
      contracts_total: ['2'],
      company: ['Première société'],
      cofacering_login: ['premier'],
      shared_login: ['false'],
    })
    expect(await snapshot(who.userId)).toEqual(before)
    expect(await bench.row(asked.id)).toMatchObject({
      state: 'opened',
      reason: 'contract_added',
      opened_at: expect.any(Date) as Date,
      unlinked_at: expect.any(Date) as Date,
      signed_in_at: expect.any(Date) as Date,
    })
    expect(await secretsOf(asked.id)).toMatchObject({
      salt: null,
      verifier: null,
      credential: null,
      finisher_hash: null,
      addition_token: null,
      addition_user_id: null,
      link_hash: sha256(asked.k),
    })
    // The contract's contact is told, as of any opening; and the link says that it has served.
    expect(await bench.outbox(asked.id)).toContain('notify-contact')
    expect(await bench.runWell('notify-contact', asked.id)).toBe('sent')
    expect((await additions.view(asked.id, asked.k)).outcome).toBe('added')
    expect(await run(asked.id)).toBe('nothing')
    const log = bench.lines.join('\n')
    for (const secret of [who.address, asked.login.login, asked.login.company])
      expect(log).not.toContain(secret)
  })

  test('fill company and login where the account has none, and add no contract twice', async () => {
    const login = bench.nextLogin()
    const who = await person({ contract: [login.contract] })
    const asked = await ask(who.address, login)
    await handOver(asked, who)
    expect(await run(asked.id)).toBe('added')
    expect(await attributesOf(who.userId)).toEqual({
      locale: ['en'],
      contract: [login.contract],
      contracts_claim: [login.contract],
      contracts_total: ['1'],
      company: [login.company],
      cofacering_login: [login.login],
    })
  })

  test('are seen by an application that has a claim of it, with its next token', async () => {
    const name = `reads-contracts-${randomBytes(3).toString('hex')}`
    await admin.realm.createClient({
      clientId: name,
      publicClient: true,
      directAccessGrantsEnabled: true,
      protocolMappers: [
        {
          name: 'contracts',
          protocol: 'openid-connect',
          protocolMapper: 'oidc-usermodel-attribute-mapper',
          config: {
            'user.attribute': 'contract',
            'claim.name': 'contracts',
            multivalued: 'true',
            'access.token.claim': 'true',
          },
        },
      ],
    })
    const who = await person({ contract: ['AUTRE-1'] })
    const claims = async () => {
      const answer = await fetch(`${issuer}/protocol/openid-connect/token`, {
        method: 'POST',
        body: new URLSearchParams({
          grant_type: 'password',
          client_id: name,
          username: who.address,
          password,
        }),
      })
      const { access_token: token } = (await answer.json()) as { access_token: string }
      return readClaims(token)
    }
    const before = await claims()
    const asked = await ask(who.address)
    await handOver(asked, who)
    await run(asked.id)
    const after = await claims()
    expect([before['contracts'], after['contracts']]).toEqual([
      ['AUTRE-1'],
      ['AUTRE-1', asked.login.contract],
    ])
    expect(after['sub']).toBe(before['sub'])
  })

  test('give the login its holder: nobody else activates it', async () => {
    const who = await person()
    const asked = await ask(who.address)
    await handOver(asked, who)
    await run(asked.id)
    await expect(bench.start({ login: asked.login })).rejects.toThrow('moved')
  })
})

describe('does not count', () => {
  test.each([
    ['the k of an earlier mail', 'bad_link'],
    ['the k of another activation', 'bad_link'],
    ['no k at all', 'bad_link'],
    ['another password', 'wrong_password'],
    ['the password of the account', 'wrong_password'],
  ])('%s', async (what, outcome) => {
    const who = await person()
    const asked = await ask(who.address)
    const other = await ask(who.address)
    if (what === 'the k of an earlier mail') {
      await pool.query(`UPDATE ellipro.activation SET mail_generation = mail_generation + 1 WHERE id = $1`, [
        asked.id,
      ])
      await bench.runWell('send-confirmation', asked.id)
    }
    const k = { 'the k of another activation': other.k, 'no k at all': Buffer.alloc(32) }[what] ?? asked.k
    const typed = outcome === 'wrong_password' ? 'un tout autre mot de passe' : password
    expect(await begin({ ...asked, k }, typed)).toBe(outcome)
    const token = await signIn(who, additionNonce(asked.id, asked.browser))
    expect(await additions.submit(asked.id, k, asked.browser, token)).toMatch(/^(bad_link|too_late)$/)
    expect(await run(asked.id)).toBe('nothing')
    expect((await attributesOf(who.userId))?.['contract']).toBeUndefined()
  })

  test('a password after five wrong ones', async () => {
    const who = await person()
    const asked = await ask(who.address)
    for (let tries = 0; tries < 5; tries++) expect(await begin(asked, `faux ${tries}`)).toBe('wrong_password')
    expect(await begin(asked)).toBe('locked')
  })

  test('the sign-in of somebody else, in whose account nothing is written; a second one of the right person does', async () => {
    const who = await person()
    const stranger = await person()
    const asked = await ask(who.address)
    expect(await begin(asked)).toBe('ok')
    const nonce = additionNonce(asked.id, asked.browser)
    await additions.submit(asked.id, asked.k, asked.browser, await signIn(stranger, nonce))
    expect(await run(asked.id)).toBe('wrong_person')
    expect(await stateOf(asked)).toBe('wrong_person')
    expect((await attributesOf(stranger.userId))?.['contract']).toBeUndefined()
    expect(await secretsOf(asked.id)).toMatchObject({ addition_token: null, addition_user_id: null })
    await additions.submit(asked.id, asked.k, asked.browser, await signIn(who, nonce))
    expect(await run(asked.id)).toBe('added')
  })

  test.each(['another activation', 'another browser', 'an agent’s session', 'another application', 'nobody'])(
    'a token for %s',
    async (what) => {
      const who = await person()
      const [asked, other] = [await ask(who.address), await ask(who.address)]
      expect(await begin(asked)).toBe('ok')
      const nonces: Record<string, string> = {
        'another activation': additionNonce(other.id, asked.browser),
        'another browser': additionNonce(asked.id, other.browser),
        'an agent’s session': randomBytes(32).toString('base64url'),
      }
      const nonce = nonces[what] ?? additionNonce(asked.id, asked.browser)
      const token =
        what === 'nobody'
          ? 'not.a.token'
          : await signIn(who, nonce, what === 'another application' ? portalClient : contractClient)
      await additions.submit(asked.id, asked.k, asked.browser, token)
      expect(await run(asked.id)).toMatch(/^refused:/)
      expect(await stateOf(asked)).toBe('sign_in_refused')
      expect((await attributesOf(who.userId))?.['contract']).toBeUndefined()
    },
  )

  test('a sign-in of more than five minutes ago; one of less does', async () => {
    const who = await person()
    const asked = await ask(who.address)
    const age = (seconds: number) =>
      pool.query(
        `UPDATE ellipro.activation_secret
            SET addition_received_at = addition_received_at + make_interval(secs => $2) WHERE activation_id = $1`,
        [asked.id, seconds],
      )
    await handOver(asked, who)
    await age(310)
    expect(await run(asked.id)).toBe('refused:signed_in_long_ago')
    expect(await stateOf(asked)).toBe('sign_in_refused')
    await handOver(asked, who)
    await age(290)
    expect(await run(asked.id)).toBe('added')
  })

  test('a token that was handed over in another browser, or after ten minutes', async () => {
    const who = await person()
    const asked = await ask(who.address)
    expect(await begin(asked)).toBe('ok')
    const token = await signIn(who, additionNonce(asked.id, asked.browser))
    expect(await additions.submit(asked.id, asked.k, sha256(randomBytes(32)), token)).toBe('too_late')
    await pool.query(
      `UPDATE ellipro.activation_secret SET addition_at = now() - interval '11 minutes' WHERE activation_id = $1`,
      [asked.id],
    )
    expect(await additions.submit(asked.id, asked.k, asked.browser, token)).toBe('too_late')
    expect(await run(asked.id)).toBe('nothing')
  })

  test('another browser’s attempt: whoever gave k and password last goes on, and sees only their own', async () => {
    const who = await person()
    const asked = await ask(who.address)
    await handOver(asked, who)
    const other = { ...asked, browser: sha256(randomBytes(32)) }
    expect(await begin(other)).toBe('ok')
    expect(await stateOf(asked)).toBeUndefined()
    expect(await run(asked.id)).toBe('nothing')
    expect(await stateOf(other)).toBe('asked')
  })

  test.each([
    ['withdrawn by its owner', 'superseded'],
    ['of a login that Cofacering has disabled', 'login_unknown'],
    ['of an account that was disabled', 'account_unusable'],
    ['of an account whose address is not confirmed any more', 'account_unusable'],
    ['of an account that has another address by now', 'wrong_person'],
  ])('an addition %s', async (what, outcome) => {
    const who = await person()
    const asked = await ask(who.address)
    await handOver(asked, who)
    if (outcome === 'superseded')
      await pool.query(`UPDATE ellipro.activation SET state = 'withdrawn', reason = 'not_me' WHERE id = $1`, [
        asked.id,
      ])
    if (outcome === 'login_unknown')
      await bench.cofacering.query('UPDATE login SET disabled = true WHERE id = $1', [asked.login.account])
    if (what.includes('was disabled')) await admin.updateUserMerged(who.userId, { enabled: false })
    if (what.includes('confirmed')) await admin.updateUserMerged(who.userId, { emailVerified: false })
    if (what.includes('by now')) await admin.updateUserMerged(who.userId, { email: bench.nextAddress() })
    expect(await run(asked.id)).toBe(outcome)
    expect((await attributesOf(who.userId))?.['contract']).toBeUndefined()
    expect((await bench.row(asked.id)).state).not.toBe('opened')
  })
})

test('a protected account is not touched, looks the same, and is a dead letter that works once it is none', async () => {
  const who = await person()
  const group =
    (await admin.realm.listTopGroups()).find(({ name }) => name === 'protected-accounts')?.id ?? ''
  await admin.realm.addMember(group, who.userId)
  const before = await admin.getUser(who.userId)
  const asked = await ask(who.address)
  await handOver(asked, who)
  expect(await bench.runCase('add-contract', asked.id)).toMatchObject({
    status: 'deadletter',
    output: { code: 'keycloak:protected_account' },
  })
  expect(await admin.getUser(who.userId)).toEqual(before)
  expect(await stateOf(asked)).toBe('checking')
  expect(await begin(asked)).toBe('checking')
  expect(await bench.row(asked.id)).toMatchObject({
    state: 'refused',
    last_error: 'keycloak:protected_account',
  })
  await fetch(`${server.url}/admin/realms/${bench.realm}/users/${who.userId}/groups/${group}`, {
    method: 'DELETE',
    headers: { authorization: `Bearer ${await fetchAdminToken(server)}` },
  })
  expect(await run(asked.id)).toBe('added')
  expect(await bench.row(asked.id)).toMatchObject({ state: 'opened', last_error: null })
})

test('an access that an agent opened takes no password, leaves the holder the login, and ends its request', async () => {
  const desk = createDesk(bench)
  const [who, agent] = [await person(), await desk.createAgent()]
  const { holder, caseId, requestId, login } = await desk.createCase({ address: who.address })
  const decided = await desk.decide({
    agent,
    caseId,
    requestId,
    kind: 'open',
    called: 'Mme Roy, au standard',
  })
  expect(decided).toMatchObject({ state: 'applied' })
  const { id } = await desk.granted(requestId)
  inbox.clear()
  expect(await bench.runWell('send-confirmation', id)).toBe('refused:address_taken')
  const asked: Asked = { id, login, k: readContractCode(id), browser: sha256(randomBytes(32)) }
  expect(await additions.view(id, asked.k)).toMatchObject({ outcome: 'valid', kind: 'granted' })
  expect((await additions.begin(id, asked.k, undefined, asked.browser)).outcome).toBe('ok')
  // Whoever has the link alone learns no address.
  expect((await additions.state(id, asked.browser))?.address).toBeUndefined()
  const token = await signIn(who, additionNonce(id, asked.browser))
  await additions.submit(id, asked.k, asked.browser, token)
  expect(await run(id)).toBe('added')
  expect((await attributesOf(who.userId))?.['contract']).toEqual([login.contract])
  expect(await desk.granted(requestId)).toMatchObject({ state: 'opened', holds: false })
  expect((await bench.row(holder.id)).state).toBe('opened')
  expect(await bench.outbox(id)).not.toContain('notify-contact')
  await bench.runCaseWell('sync-case', caseId)
  expect((await desk.request(requestId)).state).toBe('opened')
})

describe('the login got its holder meanwhile', () => {
  test('the addition becomes a request for an access of one’s own, which the browser sees', async () => {
    const who = await person()
    const asked = await ask(who.address)
    await bench.confirmed({ login: asked.login })
    await handOver(asked, who)
    expect(await run(asked.id)).toBe('waiting')
    expect(await stateOf(asked)).toBe('waiting')
    expect((await attributesOf(who.userId))?.['contract']).toBeUndefined()
    expect(await bench.row(asked.id)).toMatchObject({ state: 'waiting', reason: 'login_held' })
    const { rows } = await bench.providerPool.query<{ state: string }>(
      'SELECT state FROM ellipro.waiting_view($1, $2)',
      [asked.id, asked.browser],
    )
    expect(rows).toEqual([{ state: 'proved' }])
  })

  test('so it does when an agent decides on the first address of a shared login', async () => {
    const who = await person()
    const asked = await ask(who.address)
    await pool.query('UPDATE ellipro.activation SET needs_agent = true WHERE id = $1', [asked.id])
    await handOver(asked, who)
    expect(await run(asked.id)).toBe('waiting')
    expect(await bench.row(asked.id)).toMatchObject({ state: 'waiting', reason: 'agent' })
    expect((await attributesOf(who.userId))?.['contract']).toBeUndefined()
  })

  test('of two people who add it at once one does, and the other asks', async () => {
    const login = bench.nextLogin()
    const people = [await person(), await person()]
    const asked = [await ask(people[0]!.address, login), await ask(people[1]!.address, login)]
    await Promise.all(asked.map((one, n) => handOver(one, people[n]!)))
    const outcomes = await Promise.all(asked.map(({ id }) => run(id)))
    expect(outcomes.toSorted()).toEqual(['added', 'waiting'])
  })
})

test('eight at once are one: one token is taken, one contract is added, one mail is asked for', async () => {
  const who = await person()
  const asked = await ask(who.address)
  expect(await begin(asked)).toBe('ok')
  const nonce = additionNonce(asked.id, asked.browser)
  const tokens: string[] = []
  for (let n = 0; n < 8; n++) tokens.push(await signIn(who, nonce))
  const submitted = await Promise.all(
    tokens.map((token) => additions.submit(asked.id, asked.k, asked.browser, token)),
  )
  expect(submitted.filter((outcome) => outcome === 'submitted')).toHaveLength(1)
  const outcomes = await Promise.all(Array.from({ length: 8 }, () => run(asked.id)))
  expect(outcomes.filter((outcome) => outcome === 'added')).toHaveLength(1)
  expect(outcomes.filter((outcome) => outcome === 'nothing')).toHaveLength(7)
  expect((await attributesOf(who.userId))?.['contract']).toEqual([asked.login.contract])
  expect((await bench.outbox(asked.id)).filter((kind) => kind === 'notify-contact')).toHaveLength(1)
})

test('killed before any of its steps and run again, it ends the same', async () => {
  const steps = ['keep-verified', 'take', 'write-contract', 'mark-added']
  const who = await person({ contract: ['AUTRE-1'] })
  const asked = await ask(who.address)
  await handOver(asked, who)
  const seen: string[] = []
  for (const victim of steps) {
    await bench.runCase('add-contract', asked.id, {
      onStep: (step) => {
        seen.push(step)
        if (step === victim) throw new Error(`killed before ${step}`)
      },
    })
    expect(seen.at(-1)).toBe(victim)
    // Nobody is shown another thing meanwhile, nor can begin anew.
    expect(await stateOf(asked)).toBe('checking')
    // A long outage makes no token older: it was verified, and is gone.
    await pool.query(
      `UPDATE ellipro.activation_secret SET addition_received_at = addition_received_at - interval '1 hour'
        WHERE activation_id = $1 AND addition_token IS NULL`,
      [asked.id],
    )
  }
  expect(await run(asked.id)).toBe('added')
  expect((await attributesOf(who.userId))?.['contract']).toEqual(['AUTRE-1', asked.login.contract])
  expect((await bench.outbox(asked.id)).filter((kind) => kind === 'notify-contact')).toHaveLength(1)
})

test('Keycloak away is no answer: the addition waits', async () => {
  const who = await person()
  const asked = await ask(who.address)
  await handOver(asked, who)
  bench.gate.set('dead')
  expect(await bench.runCase('add-contract', asked.id)).toMatchObject({ status: 'failed' })
  expect(await stateOf(asked)).toBe('checking')
  bench.gate.set('open')
  expect(await run(asked.id)).toBe('added')
})

const release = async ({ id, login }: Asked) => {
  const operator = { name: 'test', reason: 'a quitté la société' }
  expect((await releaseLogin(pool, login.login, operator)).outcome).toBe('closing')
  return bench.runWell('close-account', id)
}

describe('a login whose contract was added to an account', () => {
  test('is released without the account: only the contract goes, and the person is told', async () => {
    const who = await person({ contract: ['AUTRE-1'] })
    const asked = await ask(who.address)
    await handOver(asked, who)
    await run(asked.id)
    const before = await snapshot(who.userId)
    expect(await release(asked)).toBe('released')
    expect(await snapshot(who.userId)).toEqual(before)
    expect((await attributesOf(who.userId))?.['contract']).toEqual(['AUTRE-1'])
    expect(await bench.row(asked.id)).toMatchObject({ state: 'withdrawn', reason: 'released' })
    inbox.clear()
    expect(await bench.runWell('notify-closed', asked.id)).toBe('sent')
    expect(inbox.mails[0]?.to).toEqual([who.address])
    expect(inbox.mails[0]?.text).toContain(asked.login.company)
    expect((await bench.start({ login: asked.login })).id).toBeTruthy()
  })

  test('keeps its contract when another login of the person, or somebody at the console, gave it too', async () => {
    const [first, second] = [bench.nextLogin(), bench.nextLogin()]
    await bench.cofacering.query(
      'UPDATE login SET contract_id = (SELECT contract_id FROM login WHERE id = $1) WHERE id = $2',
      [first.account, second.account],
    )
    const who = await person()
    const asked = [await ask(who.address, first), await ask(who.address, second)] as const
    for (const one of asked) {
      await handOver(one, who)
      expect(await run(one.id)).toBe('added')
    }
    await release(asked[0])
    expect((await attributesOf(who.userId))?.['contract']).toEqual([first.contract])
    await release(asked[1])
    expect((await attributesOf(who.userId))?.['contract']).toBeUndefined()

    const third = bench.nextLogin()
    const given = await person({ contract: [third.contract] })
    const added = await ask(given.address, third)
    await handOver(added, given)
    await run(added.id)
    await release(added)
    expect((await attributesOf(given.userId))?.['contract']).toEqual([third.contract])
  })

  test('is closed by the sweep when the account is gone, and found by the desk before that', async () => {
    const who = await person()
    const asked = await ask(who.address)
    await handOver(asked, who)
    await run(asked.id)
    const [found] = await findActivations(pool, asked.login.login)
    expect(found).toMatchObject({ keycloakUserId: who.userId, nextStep: 'contract_added' })
    await admin.deleteUser(who.userId)
    const { reader, sweepStore, log } = bench.dependencies
    const { closed } = await sweepAccounts('pass', { reader, store: sweepStore, log })
    expect(closed).toContain(asked.id)
    expect(await bench.row(asked.id)).toMatchObject({ state: 'closed', reason: 'user_gone' })
  })
})
