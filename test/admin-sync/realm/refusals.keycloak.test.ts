/**
 * The flows as Keycloak runs them: a user whose activation is pending gets to no session by any way, and the same user
 * gets in by each of them once the attribute is gone. A small OP stands in for ours.
 */
import { beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { applyRealm } from '../../../admin-sync/realm/apply.ts'
import { describeTexts } from '../../../admin-sync/realm/texts.ts'
import { startInbox } from '../../support/inbox.ts'
import { closeAfterFile, prepareRealm } from './realm-config.ts'
import { startTestOp } from './test-op.ts'
import { readText, Web, type Page } from './web.ts'

const op = await startTestOp()
closeAfterFile(() => op.close())
const inbox = await startInbox()
const { config, admin, operator, reader, issuer } = await prepareRealm(op.origin, inbox.port)
const accounts = operator()
const password = 'a password of a test'
const callback = `${op.origin}/callback`
/** A text of the realm, with ordinary spaces as `readText` gives them. */
const textOf = (language: 'fr' | 'en', key: string) =>
  (describeTexts(config, language)[key] ?? '').replaceAll(/\s/g, ' ')

let user: string
let address: string
let count = 0

beforeAll(async () => {
  await applyRealm(config)
  // A client as an administrator might make one: passwords allowed, every role in its tokens.
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
    attributes: { activation: ['pending'] },
    credentials: [{ type: 'password', value: password, temporary: false }],
  })
})

const authorize = (extra: Record<string, string> = {}) =>
  `${issuer}/protocol/openid-connect/auth?${String(
    new URLSearchParams({
      client_id: 'console-client',
      redirect_uri: callback,
      response_type: 'code',
      scope: 'openid',
      ...extra,
    }),
  )}`

async function signInByForm(web: Web, typed: string, extra: Record<string, string> = {}): Promise<Page> {
  const form = await web.follow(await web.open(authorize(extra)), callback)
  return web.follow(await web.submit(form, { username: address, password: typed }), callback)
}

const grantByPassword = () =>
  fetch(`${issuer}/protocol/openid-connect/token`, {
    method: 'POST',
    body: new URLSearchParams({
      grant_type: 'password',
      client_id: 'console-client',
      username: address,
      password,
      scope: 'openid',
    }),
  })

async function broker(web: Web): Promise<Page> {
  return web.follow(await web.open(authorize({ kc_idp_hint: 'cofacering' })), callback)
}

const openAccount = () => accounts.updateUserMerged(user, { attributes: { activation: undefined } })

/** Newest first. */
const listErrors = async () =>
  (await reader().listUserEvents({ fromMs: Date.now() - 60_000, first: 0, max: 500 }))
    .toReversed()
    .filter(({ error }) => error !== undefined)
    .map(({ type, error }) => `${type} ${error}`)

function expectRefused(page: Page): void {
  expect(page.status).toBe(401)
  expect(page.location).toBeUndefined()
  expect(readText(page)).toContain(textOf('fr', 'accountPending'))
}

describe('a pending user', () => {
  test('is refused at the form with the right password, in the language of the page', async () => {
    expectRefused(await signInByForm(new Web(), password))
    expect((await listErrors())[0]).toBe('LOGIN_ERROR access_denied')
    const english = await signInByForm(new Web(), password, { ui_locales: 'en' })
    expect(readText(english)).toContain(textOf('en', 'accountPending'))
  })

  test('learns nothing with a wrong password', async () => {
    const page = await signInByForm(new Web(), 'another password')
    expect(readText(page)).not.toContain(textOf('fr', 'accountPending'))
    expect((await listErrors())[0]).toBe('LOGIN_ERROR invalid_user_credentials')
  })

  test('gets in at the form once the account is open', async () => {
    await openAccount()
    expect((await signInByForm(new Web(), password)).location).toContain('code=')
  })

  test('is refused with the session of before, and with prompt=none', async () => {
    const web = new Web()
    await openAccount()
    expect((await signInByForm(web, password)).location).toContain('code=')
    // The session alone is enough while nothing is pending.
    expect((await web.follow(await web.open(authorize()), callback)).location).toContain('code=')
    await accounts.updateUserMerged(user, { attributes: { activation: ['pending'] } })
    expectRefused(await web.follow(await web.open(authorize()), callback))
    const silent = await web.follow(await web.open(authorize({ prompt: 'none' })), callback)
    expect(silent.location ?? '').not.toContain('code=')
  })

  test('can choose no new password by "forgotten password"', async () => {
    const before = await accounts.listCredentials(user)
    expectRefused(await openResetLink())
    expect(await accounts.listCredentials(user)).toEqual(before)
    expect((await listErrors())[0]).toBe('RESET_PASSWORD_ERROR access_denied')
  })

  test('is offered a new password by the same link once the account is open', async () => {
    await openAccount()
    expect((await openResetLink()).body).toContain('password-new')
  })

  test('gets no token for the password itself, even by a client that may ask for it', async () => {
    expect((await grantByPassword()).status).toBe(401)
    await openAccount()
    expect((await grantByPassword()).status).toBe(200)
  })

  test('is refused after a brokered sign-in, and gets in by it once the account is open', async () => {
    op.sub = `sub-${count}`
    await accounts.addFederatedIdentity(user, {
      identityProvider: 'cofacering',
      userId: op.sub,
      userName: 'C-1',
    })
    expectRefused(await broker(new Web()))
    expect(await listErrors()).toContain('IDENTITY_PROVIDER_POST_LOGIN_ERROR access_denied')
    await openAccount()
    expect((await broker(new Web())).location).toContain('code=')
  })

  test('gets the confirmation mail, and its link does not sign in', async () => {
    await accounts.updateUserMerged(user, { emailVerified: false, requiredActions: ['VERIFY_EMAIL'] })
    const redirectUri = `${op.origin}/activation/one/confirm?k=secret`
    await accounts.sendVerifyEmail(user, { clientId: 'activation', redirectUri, lifespanSeconds: 600 })
    const web = new Web()
    const first = await web.follow(await web.open(await readLink()), op.origin)
    const proceed = /href="([^"]*action-token\?key=[^"]*)"/.exec(first.body)?.[1]?.replaceAll('&amp;', '&')
    const done = await web.follow(await web.open(new URL(proceed ?? '', first.url).href), op.origin)
    expect(done.body).toContain('/activation/one/confirm?k=secret')
    expect(await accounts.getUser(user)).toMatchObject({ emailVerified: true, requiredActions: [] })
    expectRefused(await signInByForm(web, password))
  })
})

describe('a brokered sign-in', () => {
  test('of a login that is linked to nobody is refused and makes no account', async () => {
    op.sub = 'linked to nobody'
    op.claims = { email: address, email_verified: true, preferred_username: 'C-2' }
    const before = await admin.countUsers()
    const page = await broker(new Web())
    op.claims = {}
    expect(page.status).toBe(401)
    expect(readText(page)).toContain(textOf('fr', 'cofaceringNotLinked'))
    expect(await admin.countUsers()).toBe(before)
    expect(await accounts.listFederatedIdentities(user)).toEqual([])
    expect(await listErrors()).toContain('IDENTITY_PROVIDER_FIRST_LOGIN_ERROR access_denied')
  })

  test('changes nothing of the account, whatever the OP claims', async () => {
    await openAccount()
    await linkAccount()
    op.claims = { email: 'other@ellipro.example', email_verified: true, given_name: 'Other', name: 'Other' }
    expect((await broker(new Web())).location).toContain('code=')
    op.claims = {}
    const after = await accounts.getUser(user)
    expect(after).toMatchObject({ email: address, username: address })
    expect(after?.firstName).toBeUndefined()
  })

  test('asks the OP as agreed: code with PKCE, openid only, a fresh sign-in, the hint and the language', async () => {
    await openAccount()
    await linkAccount()
    op.paths.length = 0
    const hinted = authorize({ kc_idp_hint: 'cofacering', login_hint: 'a-handle', ui_locales: 'en' })
    const web = new Web()
    expect((await web.follow(await web.open(hinted), callback)).location).toContain('code=')
    expect(op.authorization).toMatchObject({
      client_id: 'keycloak',
      response_type: 'code',
      scope: 'openid',
      prompt: 'login',
      code_challenge_method: 'S256',
      login_hint: 'a-handle',
      ui_locales: 'en',
      redirect_uri: `${issuer}/broker/cofacering/endpoint`,
    })
    expect(op.authorization['nonce']).toBeTruthy()
    expect(op.token).toMatchObject({
      client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
      code_verifier: expect.any(String) as string,
    })
    expect(op.token).not.toHaveProperty('client_secret')
    const assertion = decode(op.token['client_assertion'] ?? '')
    expect(assertion.header).toMatchObject({ alg: 'RS256' })
    expect(assertion.payload).toMatchObject({ aud: `${op.origin}/oidc`, iss: 'keycloak', sub: 'keycloak' })
    // No userinfo; the keys may be known already.
    expect(op.paths.filter((path) => path !== '/oidc/jwks')).toEqual(['/oidc/auth', '/oidc/token'])
  })

  test('with a token signed by another key, or without the nonce, signs nobody in', async () => {
    await openAccount()
    await linkAccount()
    op.forge = true
    const forged = await broker(new Web())
    op.forge = false
    expect(forged.location).toBeUndefined()
    op.claims = { nonce: 'of another request' }
    const replayed = await broker(new Web())
    op.claims = {}
    expect(replayed.location).toBeUndefined()
    expect((await broker(new Web())).location).toContain('code=')
  })

  test('after the link is deleted is refused again', async () => {
    await openAccount()
    await linkAccount()
    expect((await broker(new Web())).location).toContain('code=')
    await accounts.deleteFederatedIdentity(user, 'cofacering')
    expect((await broker(new Web())).status).toBe(401)
  })
})

function linkAccount(): Promise<void> {
  op.sub = `sub-${count}`
  return accounts.addFederatedIdentity(user, {
    identityProvider: 'cofacering',
    userId: op.sub,
    userName: 'C-1',
  })
}

async function openResetLink(): Promise<Page> {
  const web = new Web()
  const form = await web.follow(await web.open(authorize()), callback)
  const reset = /href="([^"]*reset-credentials[^"]*)"/.exec(form.body)?.[1]?.replaceAll('&amp;', '&')
  const asked = await web.follow(await web.open(new URL(reset ?? '', form.url).href), callback)
  await web.follow(await web.submit(asked, { username: address }), callback)
  return web.follow(await web.open(await readLink()), callback)
}

async function readLink(): Promise<string> {
  const mail = await inbox.waitForMail(address)
  const link = /https?:\/\/\S*action-token\S*/.exec(mail.text ?? '')?.[0]
  if (link === undefined) throw new Error('no link in the mail')
  return link
}

function decode(jwt: string) {
  const part = (i: number) =>
    JSON.parse(Buffer.from(jwt.split('.')[i] ?? '', 'base64url').toString()) as Record<string, unknown>
  return { header: part(0), payload: part(1) }
}
