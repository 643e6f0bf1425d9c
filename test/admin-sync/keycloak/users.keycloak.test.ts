/** The operations on accounts against a real Keycloak, with the operator account that the jobs use. */
import { beforeAll, beforeEach, expect, test } from 'vitest'
import { isConflict, isNotFound } from '../../../admin-sync/keycloak/connect.ts'
import { applyRealm } from '../../../admin-sync/realm/apply.ts'
import { startInbox } from '../../support/inbox.ts'
import { prepareRealm } from '../realm/realm-config.ts'

const inbox = await startInbox()
const origin = 'http://127.0.0.1:9'
const { config, admin, operator, issuer } = await prepareRealm(origin, inbox.port)
const accounts = operator()
const nobody = '00000000-0000-0000-0000-000000000000'

let user: string
let address: string
let count = 0
beforeAll(() => applyRealm(config))
beforeEach(async () => {
  address = `person-${++count}@ellipro.example`
  user = await accounts.createUser({
    username: address,
    email: address,
    enabled: true,
    requiredActions: ['VERIFY_EMAIL'],
    attributes: { activation: ['pending'], locale: ['fr'] },
  })
})

test('a user is found by the whole address, whatever its case, and by no part of it', async () => {
  expect((await accounts.findUserByEmail(address.toUpperCase()))?.id).toBe(user)
  expect(await accounts.findUserByEmail(address.slice(1))).toBeUndefined()
  expect(await accounts.findUserByEmail('%')).toBeUndefined()
})

test('who is not there is undefined to read, and an error to write to', async () => {
  expect(await accounts.getUser(nobody)).toBeUndefined()
  expect(await accounts.updateUserMerged(nobody, { enabled: false })).toBeUndefined()
  await accounts.deleteUser(nobody)
  await accounts.deleteFederatedIdentity(user, 'cofacering')
  const mail = { clientId: 'activation', redirectUri: `${origin}/activation/x`, lifespanSeconds: 60 }
  await expect(accounts.sendVerifyEmail(nobody, mail)).rejects.toSatisfy(isNotFound)
})

test('what others set in the console survives our change, and ours is there', async () => {
  await admin.updateUserMerged(user, {
    firstName: 'Anne',
    lastName: 'Martin',
    attributes: { ticket: ['T-1'], contract: ['C-1', 'C-2'] },
  })
  await accounts.updateUserMerged(user, (now) => ({
    requiredActions: (now.requiredActions ?? []).filter((action) => action !== 'VERIFY_EMAIL'),
    attributes: { activation: undefined, cofacering_login: ['C00042'] },
  }))
  expect(await accounts.getUser(user)).toMatchObject({
    email: address,
    firstName: 'Anne',
    lastName: 'Martin',
    requiredActions: [],
    attributes: {
      locale: ['fr'],
      ticket: ['T-1'],
      contract: ['C-1', 'C-2'],
      cofacering_login: ['C00042'],
    },
  })
  expect((await accounts.getUser(user))?.attributes).not.toHaveProperty('activation')
})

test('a change that decides to change nothing writes nothing', async () => {
  await accounts.updateUserMerged(user, () => undefined)
  const calls = await admin.listAdminEvents({ fromMs: Date.now() - 60_000, first: 0, max: 500 })
  const own = calls.filter(({ resourcePath }) => resourcePath === `users/${user}`)
  expect(own.map(({ operationType }) => operationType)).toEqual(['CREATE'])
})

test('a mail goes to the address with a link that lives as long as was asked', async () => {
  await accounts.sendVerifyEmail(user, {
    clientId: 'activation',
    redirectUri: `${origin}/activation/1/confirm?k=abc`,
    lifespanSeconds: 1234,
  })
  const first = await inbox.waitForMail(address)
  expect(readLink(first.text)).toMatchObject({
    azp: 'activation',
    reduri: `${origin}/activation/1/confirm?k=abc`,
  })
  expect(readLink(first.text).exp - readLink(first.text).iat).toBe(1234)

  await accounts.updateUserMerged(user, { emailVerified: true, requiredActions: [] })
  inbox.clear()
  await accounts.executeActionsEmail(user, ['VERIFY_EMAIL'], {
    clientId: 'activation',
    redirectUri: `${origin}/activation/1/confirm?k=def`,
    lifespanSeconds: 4321,
  })
  const second = readLink((await inbox.waitForMail(address)).text)
  expect(second).toMatchObject({ rqac: ['VERIFY_EMAIL'] })
  expect(second.exp - second.iat).toBe(4321)
})

test('a mail that the mail server refuses is for another try', async () => {
  inbox.refuse(true)
  const mail = { clientId: 'activation', redirectUri: `${origin}/activation/x`, lifespanSeconds: 60 }
  await expect(accounts.sendVerifyEmail(user, mail)).rejects.toMatchObject({
    status: 500,
    disposition: 'retry',
  })
  inbox.refuse(false)
})

test('a mail leads nowhere but to our own pages', async () => {
  for (const redirectUri of [
    'https://elsewhere.example/',
    `${origin}/other`,
    `${origin}.elsewhere.example/activation/x`,
  ])
    await expect(
      accounts.sendVerifyEmail(user, { clientId: 'activation', redirectUri, lifespanSeconds: 60 }),
    ).rejects.toMatchObject({ status: 400, disposition: 'fail' })
})

test('a link is found by its sub, is made once, and goes away', async () => {
  const link = { identityProvider: 'cofacering', userId: `sub-${count}`, userName: 'C-1' }
  expect(await accounts.findUsersByFederatedIdentity('cofacering', link.userId)).toEqual([])
  await accounts.addFederatedIdentity(user, link)
  await expect(accounts.addFederatedIdentity(user, link)).rejects.toSatisfy(isConflict)
  const found = await accounts.findUsersByFederatedIdentity('cofacering', link.userId)
  expect(found.map(({ id }) => id)).toEqual([user])
  await accounts.deleteFederatedIdentity(user, 'cofacering')
  await accounts.deleteFederatedIdentity(user, 'cofacering')
  expect(await accounts.listFederatedIdentities(user)).toEqual([])
})

test('sessions, offline tokens and credentials of before are ended', async () => {
  await admin.realm.createClient({
    clientId: `console-client-${count}`,
    publicClient: true,
    directAccessGrantsEnabled: true,
    consentRequired: false,
  })
  await accounts.updateUserMerged(user, {
    emailVerified: true,
    requiredActions: [],
    attributes: { activation: undefined },
    credentials: [{ type: 'password', value: 'a password of a test', temporary: false }],
  })
  const ask = (form: Record<string, string>) =>
    fetch(`${issuer}/protocol/openid-connect/token`, {
      method: 'POST',
      body: new URLSearchParams({ client_id: `console-client-${count}`, ...form }),
    })
  // Keycloak's brute-force guard may refuse two sign-ins of one user that come close together.
  const grant = async (scope: string) => {
    for (let left = 20; ; left--) {
      const answer = await ask({
        grant_type: 'password',
        username: address,
        password: 'a password of a test',
        scope,
      })
      if (answer.ok) return ((await answer.json()) as { refresh_token: string }).refresh_token
      if (left === 0) throw new Error(`Keycloak refuses the sign-in: ${await answer.text()}`)
      await new Promise((done) => setTimeout(done, 250))
    }
  }
  const online = await grant('openid')
  const offline = await grant('openid offline_access')
  const refresh = async (refresh_token: string) =>
    (await ask({ grant_type: 'refresh_token', refresh_token })).status
  expect([await refresh(online), await refresh(offline)]).toEqual([200, 200])

  await accounts.logoutUser(user)
  await accounts.revokeGrants(user)
  expect([await refresh(online), await refresh(offline)]).toEqual([400, 400])

  for (const { id } of await accounts.listCredentials(user)) await accounts.deleteCredential(user, id)
  expect(await accounts.listCredentials(user)).toEqual([])
})

/** Payload of the action token in the mail's link. */
function readLink(text: string | undefined) {
  const token = /[?&]key=([\w-]+\.[\w-]+\.[\w-]+)/.exec(text ?? '')?.[1] ?? ''
  return JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString()) as {
    exp: number
    iat: number
    azp: string
    reduri: string
  }
}
