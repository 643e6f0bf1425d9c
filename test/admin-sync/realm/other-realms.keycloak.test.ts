/** A Keycloak that has other realms: `realm apply` leaves them exactly as they were. */
import { randomBytes } from 'node:crypto'
import { expect, test } from 'vitest'
import { applyRealm } from '../../../admin-sync/realm/apply.ts'
import { createRealm, fetchAdminToken } from '../../support/keycloak.ts'
import { prepareRealm } from './realm-config.ts'

const { config } = await prepareRealm()
const server = await createRealm()
const other = server.realmName
let token = await fetchAdminToken(server)
const admin = async (method: string, path: string, body?: unknown) => {
  const answer = await fetch(`${server.url}/admin/realms${path}`, {
    method,
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  })
  if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${await answer.text()}`)
  return answer
}

/** Keycloak gives its sets in any order. */
function inOrder(value: unknown): unknown {
  if (Array.isArray(value)) {
    const items = value.map(inOrder)
    return items.toSorted((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1))
  }
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([key, part]) => [key, inOrder(part)]))
}

const read = async (path: string, method = 'GET') => (await admin(method, `/${other}${path}`)).json()

/** All that the console shows of a realm: an export, its users with groups and links, and its texts. */
async function readAll(): Promise<unknown> {
  const users = (await read('/users')) as { id: string }[]
  return inOrder({
    realm: await read('/partial-export?exportClients=true&exportGroupsAndRoles=true', 'POST'),
    users,
    links: await Promise.all(users.map(({ id }) => read(`/users/${id}/federated-identity`))),
    groups: await Promise.all(users.map(({ id }) => read(`/users/${id}/groups`))),
    french: await read('/localization/fr'),
    profile: await read('/users/profile'),
  })
}

test('what another realm has stays, even where it has the same names as ours', async () => {
  const secret = randomBytes(16).toString('hex')
  await admin('POST', '', {
    realm: other,
    enabled: true,
    internationalizationEnabled: true,
    supportedLocales: ['fr'],
    registrationAllowed: true,
    verifyEmail: false,
    smtpServer: { host: 'mail.other.example', from: 'other@other.example' },
    clients: [{ clientId: 'portal', secret, redirectUris: ['https://other.example/*'] }],
    groups: [{ name: 'protected-accounts' }],
    identityProviders: [
      {
        alias: 'cofacering',
        providerId: 'oidc',
        enabled: true,
        config: { clientId: 'x', clientSecret: secret },
      },
    ],
    users: [
      {
        username: 'someone',
        email: 'someone@other.example',
        enabled: true,
        attributes: { activation: ['pending'] },
        groups: ['/protected-accounts'],
        federatedIdentities: [{ identityProvider: 'cofacering', userId: '1', userName: '1' }],
      },
    ],
  })
  await admin('POST', `/${other}/localization/fr`, { accountPending: 'le leur' })
  const before = await readAll()
  const { changes } = await applyRealm({ ...config, closing: { at: new Date(0), over: true } })
  expect(changes.length).toBeGreaterThan(20)
  // The one of the beginning lasts a minute.
  token = await fetchAdminToken(server)
  expect(await readAll()).toEqual(before)
})
