/** A Keycloak that runs already (KEYCLOAK_URL) instead of the one that `npm start` brings. */
import { describe, expect, test } from 'vitest'
import { readExternalKeycloak } from '../../dev/external-keycloak.ts'
import { SetupError } from '../../dev/setup-error.ts'
import { createRealm } from '../support/keycloak.ts'

const server = await createRealm()
const complete = {
  KEYCLOAK_URL: `${server.url}/`,
  REALM_ADMIN_USERNAME: server.adminUsername,
  REALM_ADMIN_PASSWORD: server.adminPassword,
}

describe('a Keycloak of the user’s own', () => {
  test('is none when KEYCLOAK_URL is not set', () => {
    expect(readExternalKeycloak({ ...complete, KEYCLOAK_URL: '' })).toBeUndefined()
  })

  test('says which themes it has, so that the stock pages can stay where ours are not installed', async () => {
    const external = readExternalKeycloak(complete)
    expect(external?.url).toBe(server.url)
    expect(await external?.hasTheme('ellipro')).toBe(true)
    expect(await external?.hasTheme('no-such-theme')).toBe(false)
  })

  test.each([
    ['REALM_ADMIN_USERNAME', { REALM_ADMIN_USERNAME: undefined }],
    ['REALM_ADMIN_PASSWORD', { REALM_ADMIN_PASSWORD: undefined }],
    ['KEYCLOAK_URL', { KEYCLOAK_URL: 'no address' }],
  ])('needs a usable %s, and says so with the way out', (name, change) => {
    const read = () => readExternalKeycloak({ ...complete, ...change })
    expect(read).toThrow(SetupError)
    expect(read).toThrow(new RegExp(`${name}.*\\((missing|this one is no URL)\\)`))
    expect(read).toThrow(/Unset KEYCLOAK_URL/)
  })
})
