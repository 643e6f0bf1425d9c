/** The run's one Keycloak, and realm names of its own for each test file. */
import { randomBytes } from 'node:crypto'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { afterAll, inject } from 'vitest'
import { waitForKeycloak } from '../../dev/keycloak.ts'
import type { KeycloakServer } from './servers.ts'

/** Waits until the shared Keycloak is ready. @throws Error with the reason when it could not be started */
async function useKeycloak(): Promise<KeycloakServer> {
  const server = inject('keycloak')
  if (server.log !== undefined) writeFileSync(server.wantedFile, '')
  for (;;) {
    if (existsSync(server.failureFile)) throw new Error(readFileSync(server.failureFile, 'utf8'))
    const managementUrl = server.managementUrl || undefined
    try {
      await waitForKeycloak(server.url, { ...(managementUrl ? { managementUrl } : {}), patienceSeconds: 1 })
      return server
    } catch (error) {
      if (performance.now() > 400_000) throw error
    }
  }
}

/** An access token of the administrator of realm `master`; it lasts a minute. */
export async function fetchAdminToken(server: KeycloakServer): Promise<string> {
  const answer = await fetch(`${server.url}/realms/master/protocol/openid-connect/token`, {
    method: 'POST',
    body: new URLSearchParams({
      grant_type: 'password',
      client_id: 'admin-cli',
      username: server.adminUsername,
      password: server.adminPassword,
    }),
  })
  if (!answer.ok) throw new Error(`Keycloak refuses the administrator: ${answer.status}`)
  return ((await answer.json()) as { access_token: string }).access_token
}

/**
 * A name for a realm that the file makes itself (`realm apply`, or a POST); the realm is deleted after its last test.
 * Call it at the top of the test file.
 * @param own a server of the file's own (own-servers.ts), which takes the realm with it when it goes
 */
export async function createRealm(own?: KeycloakServer): Promise<KeycloakServer & { realmName: string }> {
  const realmName = `test-${randomBytes(5).toString('hex')}`
  if (own) return { ...own, realmName }
  const server = await useKeycloak()
  afterAll(async () => {
    const authorization = `Bearer ${await fetchAdminToken(server)}`
    await fetch(`${server.url}/admin/realms/${realmName}`, { method: 'DELETE', headers: { authorization } })
  }, 60_000)
  return { ...server, realmName }
}
