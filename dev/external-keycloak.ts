/** A Keycloak of the user's own, named by KEYCLOAK_URL, instead of the one that `npm start` runs. */
import { waitForKeycloak } from './keycloak.ts'
import { SetupError } from './setup-error.ts'

export type ExternalKeycloak = {
  url: string
  administrator: { username: string; password: string }
  /** @throws SetupError when it does not answer, or refuses the administrator */
  check: () => Promise<void>
  /** Whether the server has a login theme of this name. */
  hasTheme: (name: string) => Promise<boolean>
}

/**
 * @returns undefined when KEYCLOAK_URL is not set
 * @throws SetupError when it is wrong, or the administrator's name or password is missing
 */
export function readExternalKeycloak(env: NodeJS.ProcessEnv): ExternalKeycloak | undefined {
  const url = env['KEYCLOAK_URL']?.replace(/\/+$/, '')
  if (!url) return undefined
  const username = env['REALM_ADMIN_USERNAME']
  const password = env['REALM_ADMIN_PASSWORD']
  if (!URL.canParse(url) || !username || !password)
    throw new SetupError(`KEYCLOAK_URL needs more to be used:
  KEYCLOAK_URL           its address, such as http://127.0.0.1:8080 ${URL.canParse(url) ? '' : '(this one is no URL)'}
  REALM_ADMIN_USERNAME   an administrator of its realm \`master\` ${username ? '' : '(missing)'}
  REALM_ADMIN_PASSWORD   the password ${password ? '' : '(missing)'}
Unset KEYCLOAK_URL to have a Keycloak started here.`)

  const fetchToken = async () => {
    const answer = await fetch(`${url}/realms/master/protocol/openid-connect/token`, {
      method: 'POST',
      body: new URLSearchParams({ grant_type: 'password', client_id: 'admin-cli', username, password }),
    })
    if (!answer.ok)
      throw new SetupError(
        `Keycloak at ${url} refuses REALM_ADMIN_USERNAME and REALM_ADMIN_PASSWORD (${answer.status}).`,
      )
    return ((await answer.json()) as { access_token: string }).access_token
  }
  return {
    url,
    administrator: { username, password },
    check: async () => {
      await waitForKeycloak(url, { patienceSeconds: 15 })
      await fetchToken()
    },
    hasTheme: async (name) => {
      const authorization = `Bearer ${await fetchToken()}`
      const answer = await fetch(`${url}/admin/serverinfo`, { headers: { authorization } })
      if (!answer.ok) throw new SetupError(`Keycloak at ${url} does not tell its themes (${answer.status}).`)
      const { themes } = (await answer.json()) as { themes?: { login?: { name: string }[] } }
      return themes?.login?.some((theme) => theme.name === name) ?? false
    },
  }
}
