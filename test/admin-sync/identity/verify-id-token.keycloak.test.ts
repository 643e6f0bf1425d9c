/**
 * Which ID tokens count as somebody's sign-in: Keycloak's own, as its clients get them, and what a taken-over provider
 * might hand over instead.
 */
import { createHmac, generateKeyPairSync } from 'node:crypto'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { SignJWT, UnsecuredJWT } from 'jose'
import { beforeAll, describe, expect, test } from 'vitest'
import { createIdTokenVerifier } from '../../../admin-sync/identity/verify-id-token.ts'
import { applyRealm } from '../../../admin-sync/realm/apply.ts'
import { agentRole } from '../../../admin-sync/realm/roles.ts'
import { closeAfterFile, prepareRealm } from '../realm/realm-config.ts'
import { Web } from '../realm/web.ts'
import { portalClient, readClaims, signInAt, type Tokens } from './sign-in.ts'

const origin = 'http://127.0.0.1:9'
const password = 'a password of a test'
const nonce = 'the-nonce-of-a-decision'
const { config, admin, issuer, operator } = await prepareRealm(origin)
const verify = createIdTokenVerifier(config.keycloakUrl, config.realm)

let agent: Tokens
let agentId: string
let portal: Tokens

async function createPerson(address: string): Promise<string> {
  return operator().createUser({
    username: address,
    email: address,
    enabled: true,
    emailVerified: true,
    credentials: [{ type: 'password', value: password, temporary: false }],
  })
}
const signIn = (address: string, extra: Partial<Parameters<typeof signInAt>[0]> = {}) =>
  signInAt({ issuer, origin, nonce, address, password, ...extra })
const judge = (token: string, receivedAt = new Date(), expected = nonce) =>
  verify(token, { nonce: expected, receivedAt })
const later = (seconds: number) => new Date(Date.now() + seconds * 1000)

beforeAll(async () => {
  await applyRealm(config)
  agentId = await createPerson('agent@ellipro.example')
  const role = (await admin.realm.listRoles()).filter(({ name }) => name === agentRole)
  await admin.realm.addUserRealmRoles(agentId, role)
  const web = new Web()
  agent = await signIn('agent@ellipro.example', { web })
  portal = await signIn('agent@ellipro.example', { web, client: portalClient })
})

describe('the role of an agent', () => {
  test('stands in the ID token of provider’s client, with the time of the password', async () => {
    const claims = readClaims(agent.idToken)
    expect(claims).toMatchObject({ ellipro_roles: [agentRole], typ: 'ID', azp: 'cofacering-provider' })
    expect(Math.abs(Number(claims['auth_time']) - Date.now() / 1000)).toBeLessThan(120)
    expect(await judge(agent.idToken)).toMatchObject({
      status: 'verified',
      identity: { userId: agentId, roles: [agentRole] },
    })
  })

  test('stands in no token of another application, and in no other token of ours', () => {
    for (const token of [portal.idToken, portal.accessToken]) {
      expect(JSON.stringify(readClaims(token))).not.toContain(agentRole)
      expect(readClaims(token)).not.toHaveProperty('ellipro_roles')
    }
    expect(readClaims(agent.accessToken)).not.toHaveProperty('ellipro_roles')
  })

  test('comes from a group as well, and nobody else’s token has it', async () => {
    const id = await createPerson('by-group@ellipro.example')
    const group = await admin.realm.createGroup({ name: 'agents' })
    await admin.realm.addGroupRealmRoles(
      group ?? '',
      (await admin.realm.listRoles()).filter(({ name }) => name === agentRole),
    )
    expect(readClaims((await signIn('by-group@ellipro.example')).idToken)).not.toHaveProperty('ellipro_roles')
    await admin.realm.addMember(group ?? '', id)
    const { idToken } = await signIn('by-group@ellipro.example')
    expect(await judge(idToken)).toMatchObject({ status: 'verified', identity: { roles: [agentRole] } })
  })
})

describe('a token is refused', () => {
  test('that carries another nonce', async () => {
    expect(await judge(agent.idToken, new Date(), 'the nonce of another decision')).toEqual({
      status: 'refused',
      code: 'nonce',
    })
  })

  test('that was issued more than five minutes before it was handed over, or after', async () => {
    expect(await judge(agent.idToken, later(400))).toEqual({ status: 'refused', code: 'too_old' })
    expect(await judge(agent.idToken, later(-300))).toEqual({ status: 'refused', code: 'not_yet' })
  })

  test('that is of another client, or no ID token', async () => {
    expect(await judge(portal.idToken)).toEqual({ status: 'refused', code: 'audience' })
    expect(await judge(portal.accessToken)).toMatchObject({ status: 'refused' })
    expect(await judge(agent.accessToken)).toMatchObject({ status: 'refused' })
    const { refreshToken } = await signIn('agent@ellipro.example')
    expect(await judge(refreshToken)).toMatchObject({ status: 'refused' })
  })

  test('that names no algorithm, or one that provider has a key for', async () => {
    const claims = readClaims(agent.idToken)
    expect(await judge(new UnsecuredJWT(claims).encode())).toEqual({ status: 'refused', code: 'algorithm' })
    const secret = new TextEncoder().encode(config.providerSecret.padEnd(32, '-'))
    const shared = await new SignJWT(claims).setProtectedHeader({ alg: 'HS256' }).sign(secret)
    expect(await judge(shared)).toEqual({ status: 'refused', code: 'algorithm' })
    // Keycloak's public key taken for a secret.
    const jwks = await (await fetch(`${issuer}/protocol/openid-connect/certs`)).text()
    const [, payload = ''] = agent.idToken.split('.')
    const header = Buffer.from(JSON.stringify({ alg: 'HS256', typ: 'JWT' })).toString('base64url')
    const mac = createHmac('sha256', jwks).update(`${header}.${payload}`).digest('base64url')
    expect(await judge(`${header}.${payload}.${mac}`)).toEqual({ status: 'refused', code: 'algorithm' })
  })

  test('that a key of our own has signed, under the kid of Keycloak’s or with a key of its own in it', async () => {
    const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
    const claims = readClaims(agent.idToken)
    const kid = JSON.parse(Buffer.from(agent.idToken.split('.')[0] ?? '', 'base64url').toString()) as {
      kid: string
    }
    const sign = (header: Record<string, unknown>) =>
      new SignJWT(claims).setProtectedHeader({ alg: 'RS256', ...header }).sign(privateKey)
    expect(await judge(await sign({ kid: kid.kid }))).toEqual({ status: 'refused', code: 'signature' })
    const jwk = publicKey.export({ format: 'jwk' })
    expect(await judge(await sign({ kid: kid.kid, jwk }))).toEqual({ status: 'refused', code: 'signature' })
    const jku = 'http://127.0.0.1:9/keys'
    expect(await judge(await sign({ kid: kid.kid, jku }))).toEqual({ status: 'refused', code: 'signature' })
    const fresh = createIdTokenVerifier(config.keycloakUrl, config.realm)
    expect(await fresh(await sign({ kid: 'unknown' }), { nonce, receivedAt: new Date() })).toEqual({
      status: 'refused',
      code: 'unknown_key',
    })
  })

  test('whose claims were changed', async () => {
    const [header, , signature] = agent.idToken.split('.')
    const changed = { ...readClaims(agent.idToken), sub: 'somebody-else' }
    const payload = Buffer.from(JSON.stringify(changed)).toString('base64url')
    expect(await judge(`${header}.${payload}.${signature}`)).toEqual({ status: 'refused', code: 'signature' })
  })

  test('of another realm', async () => {
    const other = await prepareRealm(origin)
    await applyRealm(other.config)
    const address = 'agent@ellipro.example'
    await other.operator().createUser({
      username: address,
      email: address,
      enabled: true,
      emailVerified: true,
      credentials: [{ type: 'password', value: password, temporary: false }],
    })
    const { idToken } = await signInAt({ issuer: other.issuer, origin, nonce, address, password })
    const fresh = createIdTokenVerifier(config.keycloakUrl, config.realm)
    expect(await fresh(idToken, { nonce, receivedAt: new Date() })).toEqual({
      status: 'refused',
      code: 'unknown_key',
    })
  })

  test.each([
    '',
    '.',
    '..',
    'x.y.z',
    'e30.e30.',
    'eyJhbGciOiJSUzI1NiJ9.bm8ganNvbg.AAAA',
    'eyJhbGciOiJSUzI1NiIsImNyaXQiOlsieCJdLCJ4IjoxfQ.e30.AAAA',
    '\u0000',
    '🙂.🙂.🙂',
    'a'.repeat(8001),
    `${'a'.repeat(7000)}.a.a`,
    '[]',
    'bnVsbA.bnVsbA.bnVsbA',
  ])('that is %j', async (token) => {
    expect(await judge(token)).toMatchObject({ status: 'refused' })
  })
})

const askForToken = (form: Record<string, string>) =>
  fetch(`${issuer}/protocol/openid-connect/token`, {
    method: 'POST',
    body: new URLSearchParams({
      client_id: 'cofacering-provider',
      client_secret: config.providerSecret,
      scope: 'openid',
      ...form,
    }),
  })

describe('with the secret of provider’s client, and without anybody at Keycloak’s pages', () => {
  test.each<[string, Record<string, string>]>([
    ['a password', { grant_type: 'password', username: 'agent@ellipro.example', password }],
    ['its own account', { grant_type: 'client_credentials' }],
    ['a device', { grant_type: 'urn:ietf:params:oauth:grant-type:device_code', device_code: 'x' }],
    ['a back channel', { grant_type: 'urn:openid:params:grant-type:ciba', auth_req_id: 'x' }],
  ])('%s gives no token', async (_, form) => {
    const answer = await askForToken(form)
    expect(answer.status).toBeGreaterThanOrEqual(400)
    expect(await answer.json()).not.toHaveProperty('id_token')
  })

  test('an agent’s access token is exchanged for nothing', async () => {
    const answer = await askForToken({
      grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange',
      subject_token: agent.accessToken,
      requested_token_type: 'urn:ietf:params:oauth:token-type:id_token',
    })
    expect(answer.status).toBeGreaterThanOrEqual(400)
  })

  test('a refresh token gives ID tokens that are good for nothing', async () => {
    const answer = await askForToken({ grant_type: 'refresh_token', refresh_token: agent.refreshToken })
    const { id_token: fresh } = (await answer.json()) as { id_token?: string }
    expect(readClaims(fresh ?? '')).toMatchObject({ ellipro_roles: [agentRole], azp: 'cofacering-provider' })
    expect(readClaims(fresh ?? '')).not.toHaveProperty('nonce')
    expect(await judge(fresh ?? '')).toMatchObject({ status: 'refused' })
  })
})

test('a sign-in is too long ago when more time lies between password and token than asked for', async () => {
  const web = new Web()
  await signIn('agent@ellipro.example', { web })
  await new Promise((done) => setTimeout(done, 2100))
  const { idToken } = await signIn('agent@ellipro.example', { web })
  const expected = { nonce, receivedAt: new Date() }
  expect(await verify(idToken, { ...expected, maxAuthAgeSeconds: 1 })).toEqual({
    status: 'refused',
    code: 'signed_in_long_ago',
  })
  expect(await verify(idToken, { ...expected, maxAuthAgeSeconds: 300 })).toMatchObject({ status: 'verified' })
})

test('keys that cannot be read are no answer about a token', async () => {
  const answers: [number, string][] = [
    [503, '{}'],
    [200, '<html>'],
    [200, '{"keys":"no"}'],
    [302, ''],
  ]
  let answer: [number, string] = [200, '']
  const server = createServer((_, response) => response.writeHead(answer[0]).end(answer[1]))
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
  closeAfterFile(async () => server.close())
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  for (const one of answers) {
    answer = one
    await expect(
      createIdTokenVerifier(url, config.realm)(agent.idToken, { nonce, receivedAt: new Date() }),
    ).rejects.toMatchObject({ service: 'keycloak', disposition: 'retry' })
  }
  await expect(
    createIdTokenVerifier('http://127.0.0.1:9', config.realm)(agent.idToken, {
      nonce,
      receivedAt: new Date(),
    }),
  ).rejects.toMatchObject({ service: 'keycloak', disposition: 'retry' })
})

test('a key that Keycloak has made since we asked is no forged one', async () => {
  const verifier = createIdTokenVerifier(config.keycloakUrl, config.realm)
  const expected = { nonce, receivedAt: new Date() }
  expect(await verifier(agent.idToken, expected)).toMatchObject({ status: 'verified' })
  const [, payload = ''] = agent.idToken.split('.')
  const header = Buffer.from(JSON.stringify({ alg: 'RS256', kid: 'made-since' })).toString('base64url')
  await expect(verifier(`${header}.${payload}.AAAA`, expected)).rejects.toMatchObject({
    disposition: 'retry',
    code: 'keys_unavailable',
  })
})
