/**
 * Settings, clients, user profile and texts as the running server obeys them: each test does what the setting forbids
 * or allows. (What the flows refuse is in refusals, the credentials are in probe.)
 */
import { createHash, randomBytes } from 'node:crypto'
import { beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { applyRealm } from '../../../admin-sync/realm/apply.ts'
import { startInbox } from '../../support/inbox.ts'
import { closeAfterFile, prepareRealm } from './realm-config.ts'
import { startTestOp } from './test-op.ts'
import { readText, Web, type Page } from './web.ts'

const op = await startTestOp()
closeAfterFile(() => op.close())
const inbox = await startInbox()
const { config, admin, operator, reader, issuer } = await prepareRealm(op.origin, inbox.port)
const accounts = operator()
const endpoint = `${issuer}/protocol/openid-connect`
const callback = `${op.origin}/callback`
const password = 'a password of a test'
const verifier = randomBytes(32).toString('base64url')
const challenge = createHash('sha256').update(verifier).digest('base64url')

let address: string
let user: string
let count = 0

beforeAll(async () => {
  await applyRealm(config)
  // As an administrator might make it: for tokens to the account REST API.
  await admin.realm.createClient({
    clientId: 'console-client',
    publicClient: true,
    directAccessGrantsEnabled: true,
    redirectUris: [callback],
  })
})

beforeEach(async () => {
  address = `person-${++count}@ellipro.example`
  user = await accounts.createUser({
    username: address,
    email: address,
    enabled: true,
    emailVerified: true,
    attributes: { contract: ['C-42'], reports: ['expert'] },
    credentials: [{ type: 'password', value: password, temporary: false }],
  })
})

const authorize = (extra: Record<string, string> = {}) =>
  `${endpoint}/auth?${String(
    new URLSearchParams({
      client_id: 'portal',
      redirect_uri: callback,
      response_type: 'code',
      scope: 'openid',
      code_challenge: challenge,
      code_challenge_method: 'S256',
      ...extra,
    }),
  )}`

async function signIn(web: Web, extra: Record<string, string> = {}): Promise<Page> {
  const form = await web.follow(await web.open(authorize(extra)), callback)
  return web.follow(await web.submit(form, { username: address, password }), callback)
}

const post = (path: string, form: Record<string, string>) =>
  fetch(`${endpoint}${path}`, { method: 'POST', body: new URLSearchParams(form) })

const grantByPassword = (typed: string) =>
  post('/token', {
    grant_type: 'password',
    client_id: 'console-client',
    username: address,
    password: typed,
    scope: 'openid',
  })

async function getOwnToken(): Promise<string> {
  return ((await (await grantByPassword(password)).json()) as { access_token: string }).access_token
}

async function account(path: string, init: { method?: string; body?: unknown } = {}) {
  const response = await fetch(`${issuer}/account${path}`, {
    method: init.method ?? 'GET',
    headers: {
      authorization: `Bearer ${await getOwnToken()}`,
      accept: 'application/json',
      'content-type': 'application/json',
    },
    ...(init.body !== undefined && { body: JSON.stringify(init.body) }),
  })
  const text = await response.text()
  return { status: response.status, data: (text === '' ? {} : JSON.parse(text)) as Record<string, unknown> }
}

describe('accounts', () => {
  test('cannot be registered by oneself', async () => {
    const page = await new Web().open(authorize().replace('/auth?', '/registrations?'))
    expect(page.status).toBeGreaterThanOrEqual(400)
    expect(page.body).not.toMatch(/name="email"/)
    const form = await new Web().open(authorize())
    expect(form.body).not.toContain('/registration')
  })

  test('have their address as name, and no address has two', async () => {
    const id = await accounts.createUser({
      username: 'another',
      email: 'Other@Ellipro.example',
      enabled: true,
    })
    expect((await accounts.getUser(id))?.username).toBe('other@ellipro.example')
    await expect(
      accounts.createUser({ username: 'third', email: 'other@ellipro.example' }),
    ).rejects.toMatchObject({ code: 'conflict' })
  })

  test('take no password that the policy forbids', async () => {
    const withPassword = (value: string) =>
      accounts.createUser({
        username: 'weak@ellipro.example',
        email: 'weak@ellipro.example',
        credentials: [{ type: 'password', value, temporary: false }],
      })
    await expect(withPassword('short')).rejects.toMatchObject({ code: 'invalidPasswordMinLengthMessage' })
    await expect(withPassword('weak@ellipro.example')).rejects.toMatchObject({
      code: expect.stringMatching(/^invalidPasswordNot(Username|Email)Message$/) as string,
    })
    expect(await accounts.findUserByEmail('weak@ellipro.example')).toBeUndefined()
  })

  test('are not asked for a name', async () => {
    expect((await signIn(new Web())).location).toContain('code=')
    expect((await accounts.getUser(user))?.firstName).toBeUndefined()
  })

  test('are locked for a while by fast guessing, and not for good', async () => {
    expect((await grantByPassword(password)).status).toBe(200)
    for (let i = 0; i < 4; i++) await grantByPassword('a wrong guess')
    expect(await (await grantByPassword(password)).json()).toMatchObject({ error: 'invalid_grant' })
    expect((await accounts.getUser(user))?.enabled).toBe(true)
  })

  test('with an unproved address get a mail from our address, and no session', async () => {
    await accounts.updateUserMerged(user, { emailVerified: false })
    const page = await signIn(new Web())
    expect(page.location).toBeUndefined()
    const mail = await inbox.waitForMail(address)
    expect(mail.from).toContain('ne-pas-repondre@ellipro.example')
    expect(await accounts.countSessions(user)).toBe(0)
  })
})

describe('what a person may do with the own account', () => {
  test('administrators’ attributes are not shown and not changed', async () => {
    const { status, data } = await account('/?userProfileMetadata=false')
    expect(status).toBe(200)
    expect(JSON.stringify(data)).not.toContain('C-42')
    const sent = { ...data, attributes: { contract: ['C-1'], activation: ['done'] } }
    expect((await account('/', { method: 'POST', body: sent })).status).toBe(400)
    expect((await accounts.getUser(user))?.attributes).toEqual({ contract: ['C-42'], reports: ['expert'] })
  })

  test('the address changes only through a mail to the new one', async () => {
    const { data } = await account('/?userProfileMetadata=false')
    await account('/', { method: 'POST', body: { ...data, email: 'new@ellipro.example', username: 'new' } })
    expect(await accounts.getUser(user)).toMatchObject({
      email: address,
      username: address,
      emailVerified: true,
    })

    const web = new Web()
    await signIn(web)
    const form = await web.follow(await web.open(authorize({ kc_action: 'UPDATE_EMAIL' })), callback)
    const next = `new-${address}`
    await web.follow(await web.submit(form, { email: next }), callback)
    expect(await accounts.getUser(user)).toMatchObject({ email: address })
    const link = /https?:\/\/\S*action-token\S*/.exec((await inbox.waitForMail(next)).text ?? '')?.[0] ?? ''
    await web.follow(await web.open(link), callback)
    expect(await accounts.getUser(user)).toMatchObject({ email: next, username: next, emailVerified: true })
  })

  test('no provider is linked by its owner', async () => {
    const roles = (decode(await getOwnToken())['resource_access'] as Record<string, { roles: string[] }>)[
      'account'
    ]
    expect(roles?.roles).toEqual(['manage-account', 'view-profile'])
    const web = new Web()
    await signIn(web)
    op.paths.length = 0
    await web.follow(await web.open(authorize({ kc_action: 'idp_link:cofacering' })), callback)
    expect(op.paths).toEqual([])
    expect(await accounts.listFederatedIdentities(user)).toEqual([])
  })
})

describe('values of the user profile', () => {
  test.each<[string, string[]]>([
    ['shared_login', ['perhaps']],
    ['reports', ['essentiel', 'everything']],
    ['countries', ['many']],
    ['activation', ['done']],
    ['ticket', ['one', 'two']],
  ])('%s = %j is refused', async (name, values) => {
    await expect(accounts.updateUserMerged(user, { attributes: { [name]: values } })).rejects.toMatchObject({
      status: 400,
    })
  })

  test.each<[string, string[]]>([
    ['shared_login', ['true']],
    ['reports', ['essentiel', 'efficient']],
    ['countries', ['12']],
    ['contract', ['C-42', 'C-43']],
  ])('%s = %j is kept', async (name, values) => {
    await accounts.updateUserMerged(user, { attributes: { [name]: values } })
    expect((await accounts.getUser(user))?.attributes?.[name]).toEqual(values)
  })
})

describe('clients', () => {
  test('get no code without a PKCE challenge, or for another address', async () => {
    const bare = authorize().replace(/&code_challenge.*/, '')
    expect((await new Web().open(bare)).location).toContain('error=invalid_request')
    const elsewhere = authorize({ redirect_uri: `${callback}/../other` })
    expect((await new Web().open(elsewhere)).status).toBe(400)
  })

  test('get no token for a password', async () => {
    const answer = await post('/token', {
      grant_type: 'password',
      client_id: 'portal',
      client_secret: 'portal-secret-of-a-test',
      username: address,
      password,
    })
    expect(await answer.json()).toMatchObject({ error: 'unauthorized_client' })
  })

  test('named activation signs nobody in', async () => {
    const redirect_uri = `${op.origin}/activation/one`
    const page = await new Web().open(authorize({ client_id: 'activation', redirect_uri }))
    expect(page.location ?? '').toContain('error=unauthorized_client')
  })

  test('hear of a sign-out by back-channel, and the browser goes where it was agreed', async () => {
    const web = new Web()
    const { location } = await signIn(web)
    const answer = await post('/token', {
      grant_type: 'authorization_code',
      client_id: 'portal',
      client_secret: 'portal-secret-of-a-test',
      code: new URL(location ?? '').searchParams.get('code') ?? '',
      redirect_uri: callback,
      code_verifier: verifier,
    })
    const { id_token, access_token } = (await answer.json()) as Record<string, string>
    const claims = decode(access_token)
    // No role of the realm, none of other clients: nothing that was not mapped for this client.
    expect(claims).not.toHaveProperty('realm_access')
    expect(JSON.stringify(claims)).not.toContain('relation-client')
    const out = `${endpoint}/logout?${String(
      new URLSearchParams({
        id_token_hint: id_token ?? '',
        post_logout_redirect_uri: `${op.origin}/signed-out`,
      }),
    )}`
    expect((await web.open(out)).location).toBe(`${op.origin}/signed-out`)
    expect(decode(op.logoutTokens.at(-1))).toMatchObject({ sub: user, sid: expect.any(String) as string })
    const strange = out.replace('signed-out', 'elsewhere')
    expect((await web.open(strange)).status).toBe(400)
  })
})

test('what happened is kept: sign-ins, and calls of administrators without their bodies', async () => {
  await signIn(new Web())
  const events = await reader().listUserEvents({ fromMs: Date.now() - 60_000, first: 0, max: 500 }, ['LOGIN'])
  expect(events.map(({ userId }) => userId)).toContain(user)
  const calls = await reader().listAdminEvents({ fromMs: Date.now() - 60_000, first: 0, max: 500 })
  expect(calls.find(({ resourcePath }) => resourcePath === `users/${user}`)).toMatchObject({
    operationType: 'CREATE',
  })
  expect(JSON.stringify(calls)).not.toContain(address)
})

test('pages are French first and English on request, in our theme, with the desk’s contacts', async () => {
  const french = await new Web().open(authorize())
  expect(french.body).toContain('lang="fr"')
  expect(french.body).toContain('/login/ellipro/')
  // The straight apostrophe of the configuration would have been swallowed by Keycloak's message format.
  expect(readText(french)).toContain('jusqu’à 18 h')
  const english = await new Web().open(authorize({ ui_locales: 'en' }))
  expect(english.body).toContain('lang="en"')
  expect(readText(english)).toContain('until 6 pm')
  expect(readText(english)).toContain('01 02 03 04 05')
})

function decode(jwt: string | undefined): Record<string, unknown> {
  return JSON.parse(Buffer.from(jwt?.split('.')[1] ?? '', 'base64url').toString()) as Record<string, unknown>
}
