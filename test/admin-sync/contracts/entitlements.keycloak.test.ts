/**
 * What a person may use, from what was imported to the tokens of applications, on a real Keycloak: with the first token,
 * after each change, for that person alone and for the applications that asked for it.
 */
import { randomBytes } from 'node:crypto'
import { beforeAll, beforeEach, describe, expect, test, vi } from 'vitest'
import { UpstreamError } from '../../../core/errors.ts'
import { releaseLogin } from '../../../admin-sync/operators/login-release.ts'
import { protectedGroup } from '../../../admin-sync/realm/roles.ts'
import { askForEntitlements } from '../../../admin-sync/contracts/entitlements/store.ts'
import { followContracts } from '../../../admin-sync/contracts/follow-contracts.ts'
import { importLive } from '../../../admin-sync/contracts/live-import.ts'
import { viewQueries } from '../../../admin-sync/contracts/source/queries.ts'
import { createSqlSource } from '../../../admin-sync/contracts/source/sql.ts'
import { fetchKeys, mayOrder, mayRead, readEntitlements } from '../../../docs/examples/check-entitlements.ts'
import { hashForKeycloak } from '../../../provider/activation/credential.ts'
import {
  createBench,
  password,
  providerUrl,
  readK,
  sha256,
  type LegacyLogin,
  type Started,
} from '../accounts/bench.ts'
import { createDesk } from '../decisions/desk.ts'
import { portalClient, readClaims, signInAt, type Tokens } from '../identity/sign-in.ts'

const bench = await createBench()
const { pool, admin, issuer, gate } = bench
const secondApp = { clientId: 'second-app', secret: 'second-secret-of-a-test', path: '/second/callback' }
const names = ['contracts', 'contracts_total', 'reports', 'analyses', 'score', 'countries']

beforeAll(async () => {
  await pool.query(`UPDATE ellipro.setting SET value = 1000 WHERE name ~ '^mails_per_|^activations_per_'`)
})
beforeEach(() => gate.set('open'))

type Given = { reports?: string[]; analyses?: string[]; score?: boolean; countries?: string[] }
/** What an import leaves of a contract. @returns the id that its jobs have */
async function importContract(contract: string, given: Given = {}): Promise<string> {
  await pool.query(
    `INSERT INTO ellipro.legacy_contract (contract, company, country, number, tariff, fee_cents, currency, signed_on,
       reports, analyses, score)
     VALUES ($1, 'Société', 'FR', '000000000', 'Standard', 100, 'EUR', '2020-01-01', $2, $3, $4)
     ON CONFLICT (contract) DO UPDATE SET reports = $2, analyses = $3, score = $4`,
    [contract, given.reports ?? [], given.analyses ?? [], given.score ?? false],
  )
  await pool.query('DELETE FROM ellipro.contract_country WHERE contract = $1', [contract])
  await pool.query('INSERT INTO ellipro.contract_country (contract, country) SELECT $1, unnest($2::text[])', [
    contract,
    given.countries ?? [],
  ])
  return idOf(contract)
}
async function idOf(contract: string): Promise<string> {
  await pool.query('INSERT INTO ellipro.contract_transfer (contract) VALUES ($1) ON CONFLICT DO NOTHING', [
    contract,
  ])
  const { rows } = await pool.query<{ id: string }>(
    'SELECT id FROM ellipro.contract_transfer WHERE contract = $1',
    [contract],
  )
  return rows[0]?.id ?? ''
}
const sync = (id: string) => bench.runContractWell('sync-entitlements', id)
const jobsOf = async (id: string) =>
  (
    await pool.query<{ kind: string }>('SELECT kind FROM ellipro.case_outbox WHERE subject_id = $1', [id])
  ).rows.map(({ kind }) => kind)

/** Logins of contracts of which no other test has a person. */
const taken = new Set<string>()
function nextLogin(): LegacyLogin {
  for (;;) {
    const login = bench.nextLogin()
    if (taken.has(login.contract)) continue
    taken.add(login.contract)
    return login
  }
}
type Person = Started & { user: string }
async function open(login = nextLogin()): Promise<Person> {
  const started = await bench.confirmed({ login })
  expect(await bench.runWell('open-account', started.id)).toBe('opened')
  return { ...started, user: (await bench.user(started.address))?.id ?? '' }
}
/** Somebody whom we did not make. */
async function person(
  attributes: Record<string, string[]>,
  signsIn = true,
): Promise<{ user: string; address: string }> {
  const address = bench.nextAddress()
  const user = await admin.createUser({
    username: address,
    email: address,
    enabled: true,
    emailVerified: true,
    attributes: { locale: ['fr'], ...attributes },
    ...(signsIn && { credentials: [{ type: 'password', value: password, temporary: false }] }),
  })
  return { user, address }
}
const attributesOf = async (user: string) =>
  ((await admin.getUser(user))?.attributes ?? {}) as Record<string, string[] | undefined>
const signIn = ({ address }: { address: string }, client = portalClient, scope = 'openid email') =>
  signInAt({ issuer, origin: providerUrl, client, nonce: 'n', address, password, extra: { scope } })
const pick = (claims: object) => Object.fromEntries(Object.entries(claims).filter(([n]) => names.includes(n)))

async function userinfo(accessToken: string): Promise<object> {
  const answer = await fetch(`${issuer}/protocol/openid-connect/userinfo`, {
    headers: { authorization: `Bearer ${accessToken}` },
  })
  expect(answer.status).toBe(200)
  return pick((await answer.json()) as object)
}
async function refresh({ refreshToken }: Tokens, client = portalClient): Promise<Tokens> {
  const answer = await fetch(`${issuer}/protocol/openid-connect/token`, {
    method: 'POST',
    body: new URLSearchParams({
      grant_type: 'refresh_token',
      client_id: client.clientId,
      client_secret: client.secret,
      refresh_token: refreshToken,
    }),
  })
  const tokens = (await answer.json()) as Record<string, string>
  return {
    idToken: tokens['id_token'] ?? '',
    accessToken: tokens['access_token'] ?? '',
    refreshToken: tokens['refresh_token'] ?? '',
  }
}
/** The same claims in every place where an application may look. */
async function claimsOf(tokens: Tokens): Promise<object> {
  const claims = pick(readClaims(tokens.idToken))
  expect(pick(readClaims(tokens.accessToken))).toEqual(claims)
  expect(await userinfo(tokens.accessToken)).toEqual(claims)
  return claims
}

describe('the first token of an account', () => {
  test('has what the contract gives, in the types that applications are told', async () => {
    const login = nextLogin()
    await importContract(login.contract, {
      reports: ['essentiel', 'expert'],
      analyses: ['classic'],
      score: true,
      countries: ['DE', 'FR', 'IT'],
    })
    const opened = await open(login)
    const tokens = await signIn(opened)
    expect(await claimsOf(tokens)).toEqual({
      contracts: [login.contract],
      contracts_total: 1,
      reports: expect.toSatisfy(sameAs(['essentiel', 'expert'])) as unknown,
      analyses: ['classic'],
      score: true,
      countries: 3,
    })
    // The example that application developers are given.
    const keys = fetchKeys(issuer)
    const entitlements = await readEntitlements(tokens.idToken, { issuer, clientId: 'portal', keys })
    expect(entitlements).toMatchObject({ contracts: [login.contract], score: true, countries: 3 })
    expect([mayRead(entitlements, 'expert'), mayRead(entitlements, 'efficient')]).toEqual([true, false])
    expect([mayOrder(entitlements, 'classic'), mayOrder(entitlements, 'optimum')]).toEqual([true, false])
    await expect(
      readEntitlements(tokens.idToken, { issuer, clientId: 'second-app', keys }),
    ).rejects.toMatchObject({ code: 'ERR_JWT_CLAIM_VALIDATION_FAILED' })
    await expect(
      readEntitlements(tokens.accessToken, { issuer, clientId: 'portal', keys }),
    ).rejects.toMatchObject({
      code: 'ERR_JWT_CLAIM_VALIDATION_FAILED',
    })
    const forged = `${tokens.idToken.split('.').slice(0, 2).join('.')}.${randomBytes(256).toString('base64url')}`
    await expect(readEntitlements(forged, { issuer, clientId: 'portal', keys })).rejects.toMatchObject({
      code: 'ERR_JWS_SIGNATURE_VERIFICATION_FAILED',
    })
    // The opening asks for another look, in case the contract changed in between; there is nothing to do.
    const id = await idOf(login.contract)
    expect(await jobsOf(id)).toContain('sync-entitlements')
    expect(await sync(id)).toBe('nothing')
  })

  test('of a contract that is not imported yet has its name and nothing else', async () => {
    const opened = await open()
    expect(await claimsOf(await signIn(opened))).toEqual({
      contracts: [opened.login.contract],
      contracts_total: 1,
    })
  })

  test('of whoever an agent opened the login to has the same, and no more', async () => {
    const desk = createDesk(bench)
    const asked = await desk.createCase()
    const { contract } = asked.login
    const id = await importContract(contract, { reports: ['efficient'], countries: ['FR'] })
    const holder = (await bench.user(asked.holder.address))?.id ?? ''
    expect(await sync(id)).toBe('written:1')
    const agent = await desk.createAgent()
    await desk.decide({ agent, ...asked, kind: 'open' })
    const granted = await desk.granted(asked.requestId)
    const user = await openGranted(granted.id, asked.address)
    const rights = async (who: string) => {
      const all = await attributesOf(who)
      return [
        'contract',
        'contracts_claim',
        'contracts_total',
        'reports',
        'analyses',
        'score',
        'countries',
      ].map((name) => all[name])
    }
    expect(await rights(user)).toEqual(await rights(holder))
    expect((await attributesOf(user))['contracts_claim']).toEqual([contract])
  })
})

describe('a change at the source', () => {
  test('is in the next token and in userinfo, and what it takes away is gone', async () => {
    const opened = await open()
    const { contract } = opened.login
    const id = await importContract(contract, { reports: ['essentiel'], score: true, countries: ['FR'] })
    expect(await sync(id)).toBe('written:1')
    const tokens = await signIn(opened)
    expect(await claimsOf(tokens)).toMatchObject({ reports: ['essentiel'], score: true, countries: 1 })

    await importContract(contract, { reports: ['efficient'], countries: ['DE', 'FR'] })
    expect(await sync(id)).toBe('written:1')
    const before = pick(readClaims(tokens.idToken))
    const after = await claimsOf(await refresh(tokens))
    expect(after).toEqual({
      contracts: [contract],
      contracts_total: 1,
      reports: ['efficient'],
      score: false,
      countries: 2,
    })
    expect(after).not.toEqual(before)
    // Userinfo is of now, also with the access token of before.
    expect(await userinfo(tokens.accessToken)).toEqual(after)
  })

  test('is followed from Cofacering itself, before its people have moved and after', async () => {
    const source = createSqlSource(bench.environment['LEGACY_DATABASE_URL'] ?? '', viewQueries)
    const { pool: syncPool, log } = bench.contracts
    const follow = async () => {
      const signal = new AbortController().signal
      expect((await followContracts({ pool: syncPool, source, log, signal }, async () => {})).named).toBe(1)
      const { rowCount } = await pool.query(
        `DELETE FROM ellipro.case_outbox WHERE kind = 'sync-entitlements' AND subject_id = $1`,
        [id],
      )
      expect(rowCount).toBe(1)
      return sync(id)
    }
    const give = async (kind: string, name: string) =>
      bench.cofacering.query('INSERT INTO entitlement VALUES ($1, $2, $3)', [contract, kind, name])
    const login = nextLogin()
    const { contract } = login
    const id = await idOf(contract)
    await bench.cofacering.query('DELETE FROM entitlement WHERE contract_id = $1', [contract])
    await importLive(syncPool, source, { contracts: [contract] })
    await followContracts(
      { pool: syncPool, source, log, signal: new AbortController().signal },
      async () => {},
    )
    const opened = await open(login)
    await pool.query('DELETE FROM ellipro.case_outbox WHERE subject_id = $1', [id])
    const tokens = await signIn(opened)
    const first = (await claimsOf(tokens)) as { countries: number }
    expect(first).toEqual({
      contracts: [contract],
      contracts_total: 1,
      score: false,
      countries: expect.any(Number) as number,
    })
    await give('report', 'essentiel')
    expect(await follow()).toBe('written:1')
    expect(await claimsOf(await refresh(tokens))).toEqual({ ...first, reports: ['essentiel'] })
    await pool.query('UPDATE ellipro.contract_transfer SET frozen_at = now() WHERE id = $1', [id])
    await give('score', 'score')
    expect(await follow()).toBe('written:1')
    expect(await claimsOf(await refresh(tokens))).toEqual({ ...first, reports: ['essentiel'], score: true })
  })

  test('reaches everybody of the contract and nobody else, and keeps what others wrote', async () => {
    const { contract } = nextLogin()
    const people = [
      await person({ contract: [contract], company: ['Société'], ticket: ['RT-7'] }),
      await person({ contract: ['AUTRE-1', contract] }),
    ]
    const other = await person({ contract: [`${contract}0`], reports: ['expert'] })
    const before = await attributesOf(other.user)
    const id = await importContract(contract, { analyses: ['optimum'] })
    expect(await sync(id)).toBe('written:2')
    expect(await attributesOf(people[0]?.user ?? '')).toEqual({
      locale: ['fr'],
      company: ['Société'],
      ticket: ['RT-7'],
      contract: [contract],
      contracts_claim: [contract],
      contracts_total: ['1'],
      analyses: ['optimum'],
      score: ['false'],
      countries: ['0'],
    })
    expect((await attributesOf(people[1]?.user ?? ''))['contracts_total']).toEqual(['2'])
    // For whom no activation speaks an import asks for nothing: an operator does.
    await pool.query('DELETE FROM ellipro.case_outbox')
    expect(await askForEntitlements(pool, [contract, 'INCONNU'])).toEqual({ asked: 1, unknown: ['INCONNU'] })
    expect(await jobsOf(id)).toEqual(['sync-entitlements'])
    const all = await askForEntitlements(pool, undefined)
    expect([all.asked > 1, all.unknown]).toEqual([true, []])
    await pool.query('DELETE FROM ellipro.case_outbox')
    expect(await attributesOf(other.user)).toEqual(before)
  })

  test('writes nobody who is right already, asks for 100 people at once, and finds whoever lost the attribute', async () => {
    const opened = await open()
    const { contract } = opened.login
    const id = await importContract(contract, { score: true })
    for (let i = 0; i < 104; i += 8)
      await Promise.all(Array.from({ length: 8 }, () => person({ contract: [contract] }, false)))
    await admin.updateUserMerged(opened.user, { attributes: { contract: undefined } })
    expect(await sync(id)).toBe('written:105')
    expect((await attributesOf(opened.user))['contract']).toEqual([contract])
    gate.passed.length = 0
    expect(await sync(id)).toBe('nothing')
    const calls = gate.passed.filter((line) => line.includes('/admin/'))
    expect(calls).toHaveLength(2)
    expect(calls.every((line) => line.startsWith('GET '))).toBe(true)
  })

  test('leaves administrators and whoever is gone, says so, and reaches the others', async () => {
    const opened = await open()
    const { contract } = opened.login
    const gone = await open({ ...nextLogin(), contract })
    await pool.query('UPDATE ellipro.activation SET contract = $2 WHERE id = $1', [gone.id, contract])
    await admin.deleteUser(gone.user)
    const boss = await person({ contract: [contract] })
    const group = (await admin.realm.listTopGroups()).find(({ name }) => name === protectedGroup.name)
    await admin.realm.addMember(group?.id ?? '', boss.user)
    const id = await importContract(contract, { score: true })
    bench.lines.length = 0
    expect(await sync(id)).toBe('written:1')
    expect((await attributesOf(opened.user))['score']).toEqual(['true'])
    expect((await attributesOf(boss.user))['score']).toBeUndefined()
    const lines = bench.lines.join('\n')
    expect(lines).toContain('entitlements.user_protected')
    for (const secret of [opened.address, boss.address, contract]) expect(lines).not.toContain(secret)
  })

  test('of two contracts of one person at once ends with both: one job at a time writes a user', async () => {
    const contracts = [nextLogin().contract, nextLogin().contract] as const
    const { user } = await person({ contract: [...contracts] })
    const first = await importContract(contracts[0], { reports: ['essentiel'] })
    const other = await pool.connect()
    const key = `hashtextextended('address:user:' || $1, 0)`
    await other.query(`SELECT pg_advisory_lock(${key})`, [user])
    const early = sync(first)
    const isWaiting = async () =>
      (await pool.query(`SELECT FROM pg_locks WHERE locktype = 'advisory' AND NOT granted`)).rowCount === 1
    await vi.waitUntil(isWaiting, { timeout: 10_000, interval: 20 })
    expect((await attributesOf(user))['reports']).toBeUndefined()
    // What changes while a job waits, it writes too.
    const second = await importContract(contracts[1], { reports: ['expert'] })
    await other.query(`SELECT pg_advisory_unlock(${key})`, [user])
    other.release()
    expect(await early).toBe('written:1')
    expect((await attributesOf(user))['reports']?.toSorted()).toEqual(['essentiel', 'expert'])
    expect(await sync(second)).toBe('nothing')
    await importContract(contracts[0])
    await importContract(contracts[1], { reports: ['efficient'] })
    await Promise.all([first, second, first, second].map(sync))
    expect((await attributesOf(user))['reports']).toEqual(['efficient'])
  })

  test('is tried again while Keycloak is away, and a run that was killed ends the same', async () => {
    const opened = await open()
    const id = await importContract(opened.login.contract, { score: true })
    gate.set('unavailable')
    expect(await bench.runContract('sync-entitlements', id)).toMatchObject({ status: 'failed' })
    gate.set('open')
    for (const step of ['compare', 'write-user']) {
      const killed = await bench.runContract('sync-entitlements', id, {
        onStep: (reached) => {
          if (reached === step) throw new UpstreamError('test', 0, 'retry', 'killed')
        },
      })
      expect(killed.status).toBe('failed')
      expect((await attributesOf(opened.user))['score']).toBeUndefined()
    }
    expect(await sync(id)).toBe('written:1')
    expect(await sync(id)).toBe('nothing')
    expect(await sync('00000000-0000-4000-8000-000000000000')).toBe('gone')
  })

  test.each(['C"1"', 'C 2 x:y', 'C/3?&%', 'C:4 contract:C'])(
    'of contract %s finds its people and no others',
    async (contract) => {
      const { user } = await person({ contract: [contract] })
      const id = await importContract(contract, { score: true })
      expect(await sync(id)).toBe('written:1')
      expect((await attributesOf(user))['contracts_claim']).toEqual([contract])
    },
  )
})

describe('several contracts of one person', () => {
  test('give their union; one that leaves takes what it alone gave', async () => {
    const [own, added] = [nextLogin(), nextLogin()]
    await importContract(own.contract, { reports: ['essentiel'], countries: ['FR', 'DE'] })
    await importContract(added.contract, { reports: ['essentiel', 'expert'], score: true, countries: ['DE'] })
    const opened = await open(own)
    // As the job add-contract leaves it; what it writes itself is tested with it.
    await addContract(opened.user, added)
    expect(await sync(await idOf(added.contract))).toBe('written:1')
    const tokens = await signIn(opened)
    expect(await claimsOf(tokens)).toEqual({
      contracts: expect.toSatisfy(sameAs([own.contract, added.contract])) as unknown,
      contracts_total: 2,
      reports: expect.toSatisfy(sameAs(['essentiel', 'expert'])) as unknown,
      score: true,
      countries: 2,
    })
    const operator = { name: 'agent', reason: 'has left' }
    expect((await releaseLogin(pool, added.login, operator)).outcome).toBe('closing')
    const { rows } = await pool.query<{ id: string }>(
      'SELECT activation_id AS id FROM ellipro.added_contract WHERE user_id = $1',
      [opened.user],
    )
    expect(await bench.runWell('close-account', rows[0]?.id ?? '')).toBe('released')
    const left = {
      contracts: [own.contract],
      contracts_total: 1,
      reports: ['essentiel'],
      score: false,
      countries: 2,
    }
    expect(await claimsOf(await refresh(tokens))).toEqual(left)
    expect(await sync(await idOf(added.contract))).toBe('nothing')
    expect(await claimsOf(await refresh(tokens))).toEqual(left)
  })

  test('of an account that is closed give nothing any more', async () => {
    const opened = await open()
    const id = await importContract(opened.login.contract, { reports: ['expert'], score: true })
    await sync(id)
    await releaseLogin(pool, opened.login.login, { name: 'agent', reason: 'has left' })
    expect(await bench.runWell('close-account', opened.id)).toBe('released')
    const kept = await attributesOf(opened.user)
    expect(Object.keys(kept).filter((name) => names.includes(name) || name === 'contracts_claim')).toEqual([])
    expect(kept['contract']).toEqual([opened.login.contract])
    expect(await sync(id)).toBe('nothing')
    // An administrator who enables it again enables an account without a contract.
    await admin.updateUserMerged(opened.user, { enabled: true })
    await importContract(opened.login.contract, { reports: ['essentiel'] })
    expect(await sync(id)).toBe('nothing')
    expect(await claimsOf(await signIn(opened))).toEqual({})
  })

  test('are told up to twenty, so that a token keeps its size, and counted', async () => {
    const sizes: Record<number, number> = {}
    for (const count of [1, 20, 200]) {
      const contracts = Array.from({ length: count }, (_, i) => `CT-2019-${String(10_000 + i)}`)
      const who = await person({ contract: contracts })
      const id = await importContract('CT-2019-10000', {
        reports: ['essentiel', 'efficient', 'expert'],
        analyses: ['classic', 'optimum'],
        score: true,
        countries: ['BE', 'DE', 'ES', 'FR', 'IT'],
      })
      expect(await sync(id)).toBe('written:1')
      const tokens = await signIn(who)
      const claims = (await claimsOf(tokens)) as { contracts: string[] }
      expect(claims).toMatchObject({ contracts_total: count, score: true, countries: 5 })
      expect(claims.contracts).toHaveLength(Math.min(count, 20))
      expect((await attributesOf(who.user))['contract']).toHaveLength(count)
      sizes[count] = tokens.idToken.length
      if (process.env['ELLIPRO_SHOW_SIZES'])
        console.log(count, tokens.idToken.length, tokens.accessToken.length)
    }
    expect(sizes[200]).toBeLessThan((sizes[20] ?? 0) + 8)
    // A cookie has 4096 bytes, a header of Node 16 KB and of others 8.
    expect(sizes[200]).toBeLessThan(2500)
  })
})

describe('whoever is not meant', () => {
  test('an application without the scope sees nothing of it, nor does asking for it help', async () => {
    const login = nextLogin()
    await importContract(login.contract, { reports: ['expert'], score: true })
    const opened = await open(login)
    const tokens = await signIn(opened, secondApp)
    expect(await claimsOf(tokens)).toEqual({})
    expect(await claimsOf(await refresh(tokens, secondApp))).toEqual({})
    expect(JSON.stringify([readClaims(tokens.idToken), readClaims(tokens.accessToken)])).not.toContain(
      login.contract,
    )
    await expect(signIn(opened, secondApp, 'openid email ellipro')).rejects.toThrow('invalid_scope')
    // Nor does showing its own token to the endpoint that looks into tokens, or changing it for one of the portal.
    const post = async (path: string, form: Record<string, string>) => {
      const answer = await fetch(`${issuer}/protocol/openid-connect/${path}`, {
        method: 'POST',
        body: new URLSearchParams({
          client_id: secondApp.clientId,
          client_secret: secondApp.secret,
          ...form,
        }),
      })
      return (await answer.json()) as Record<string, unknown>
    }
    const seen = await post('token/introspect', { token: tokens.accessToken })
    expect(pick(seen)).toEqual({})
    const exchanged = await post('token', {
      grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange',
      subject_token: tokens.accessToken,
      subject_token_type: 'urn:ietf:params:oauth:token-type:access_token',
      audience: 'portal',
      scope: 'ellipro',
    })
    expect(exchanged).not.toHaveProperty('access_token')
    const widened = await post('token', {
      grant_type: 'refresh_token',
      refresh_token: tokens.refreshToken,
      scope: 'openid ellipro',
    })
    expect(widened).not.toHaveProperty('access_token')
  })

  test('a person has the own contracts and never another’s, whoever asks first', async () => {
    const people = [await open(), await open()] as const
    for (const [i, { login }] of people.entries())
      await sync(await importContract(login.contract, { reports: [i === 0 ? 'expert' : 'essentiel'] }))
    const claims = await Promise.all(people.map(async (one) => claimsOf(await signIn(one))))
    expect(claims).toMatchObject([
      { contracts: [people[0].login.contract], reports: ['expert'] },
      { contracts: [people[1].login.contract], reports: ['essentiel'] },
    ])
  })

  test('what provider wrote about a login gives no contract: Cofacering says whose it is', async () => {
    const [login, victim] = [nextLogin(), nextLogin()]
    await importContract(victim.contract, { reports: ['expert'], score: true })
    // A provider in other hands.
    const opened = await open({ ...login, contract: victim.contract })
    expect(await claimsOf(await signIn(opened))).toEqual({ contracts: [login.contract], contracts_total: 1 })
    expect(await sync(await idOf(victim.contract))).toBe('nothing')
    expect((await attributesOf(opened.user))['contract']).toEqual([login.contract])
  })

  test('nobody writes or reads these attributes in the own account', async () => {
    const opened = await open()
    await sync(await importContract(opened.login.contract, { reports: ['essentiel'] }))
    const before = await attributesOf(opened.user)
    const grant = await fetch(`${issuer}/protocol/openid-connect/token`, {
      method: 'POST',
      body: new URLSearchParams({
        grant_type: 'password',
        client_id: 'try-passwords',
        username: opened.address,
        password,
        scope: 'openid',
      }),
    })
    const { access_token: token } = (await grant.json()) as { access_token: string }
    const headers = {
      authorization: `Bearer ${token}`,
      accept: 'application/json',
      'content-type': 'application/json',
    }
    const shown = await fetch(`${issuer}/account/?userProfileMetadata=true`, { headers })
    expect(shown.status).toBe(200)
    const text = await shown.text()
    for (const word of ['contracts_claim', 'essentiel', opened.login.contract])
      expect(text).not.toContain(word)
    const profile = JSON.parse(text) as Record<string, unknown>
    for (const [name, value] of Object.entries({
      contract: 'AUTRE-1',
      contracts_claim: 'AUTRE-1',
      contracts_total: '9',
      reports: 'expert',
      analyses: 'optimum',
      score: 'true',
      countries: '200',
    })) {
      const answer = await fetch(`${issuer}/account/`, {
        method: 'POST',
        headers,
        body: JSON.stringify({ ...profile, attributes: { [name]: [value] } }),
      })
      expect([name, answer.status]).toEqual([name, 400])
    }
    expect(await attributesOf(opened.user)).toEqual(before)
  })
})

/** Keycloak gives values in no order. */
const sameAs = (wanted: readonly string[]) => (found: unknown) =>
  Array.isArray(found) && found.length === wanted.length && wanted.every((value) => found.includes(value))

/** The person of an access that an agent opened, to the end. @returns the user */
async function openGranted(id: string, address: string): Promise<string> {
  const before = bench.inbox.mails.length
  await bench.runWell('send-confirmation', id)
  const mail = bench.inbox.mails.slice(before).find(({ to }) => to.includes(address))
  if (!mail) throw new Error('no mail came')
  await bench.followMail(mail)
  await bench.providerPool.query('SELECT ellipro.confirm_activation($1, $2, NULL, $3, $4)', [
    id,
    readK(mail),
    JSON.stringify(await hashForKeycloak(password)),
    sha256(randomBytes(32)),
  ])
  expect(await bench.runWell('open-account', id)).toBe('opened')
  return (await bench.user(address))?.id ?? ''
}

/** A login whose contract joined an account. */
async function addContract(user: string, login: LegacyLogin): Promise<void> {
  const { id } = await bench.start({ login })
  await pool.query(
    `UPDATE ellipro.activation SET state = 'opened', reason = 'contract_added', confirmed_at = now(), opened_at = now(),
       unlinked_at = now() WHERE id = $1`,
    [id],
  )
  await pool.query(
    'INSERT INTO ellipro.added_contract (activation_id, user_id, contract, added_at) VALUES ($1, $2, $3, now())',
    [id, user, login.contract],
  )
}
