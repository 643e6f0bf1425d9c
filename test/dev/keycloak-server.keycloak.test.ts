/** What every other Keycloak test stands on: one server, administrator rights, and mail that arrives. */
import { expect, test } from 'vitest'
import { startInbox } from '../support/inbox.ts'
import { createRealm, fetchAdminToken } from '../support/keycloak.ts'

const server = await createRealm()
const inbox = await startInbox()

async function ask(method: string, path: string, body?: unknown): Promise<Response> {
  return fetch(`${server.url}/admin/realms${path}`, {
    method,
    headers: {
      authorization: `Bearer ${await fetchAdminToken(server)}`,
      'content-type': 'application/json',
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  })
}

test('the shared Keycloak makes a realm and sends its mail to the inbox of the test', async () => {
  const smtpServer = { host: inbox.host, port: String(inbox.port), from: 'realm@ellipro.example' }
  const realm = await ask('POST', '', { realm: server.realmName, enabled: true, smtpServer })
  expect(realm.status).toBe(201)
  const user = { username: 'jeanne', email: 'jeanne@client.example', enabled: true }
  const made = await ask('POST', `/${server.realmName}/users`, user)
  expect(made.status).toBe(201)
  const id = made.headers.get('location')?.split('/').at(-1)
  const sent = await ask('PUT', `/${server.realmName}/users/${id}/send-verify-email`)
  expect(sent.status).toBe(204)
  const mail = await inbox.waitForMail('jeanne@client.example')
  expect(mail.from).toBe('realm@ellipro.example')
  expect(mail.links.some((link) => link.startsWith(`${server.url}/realms/${server.realmName}/`))).toBe(true)
})
