/** A Keycloak of the user's own, named by KEYCLOAK_URL, instead of the one that `npm start` runs. */
import { signInAdministrator } from './keycloak.ts'
import { SetupError } from './setup-error.ts'

export type ExternalKeycloak = {
  url: string
  administrator: { username: string; password: string }
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

  const administrator = { username, password }
  return {
    url,
    administrator,
    hasTheme: async (name) => {
      const authorization = `Bearer ${await signInAdministrator(url, administrator)}`
      const answer = await fetch(`${url}/admin/serverinfo`, { headers: { authorization } })
      if (!answer.ok) throw new SetupError(`Keycloak at ${url} does not tell its themes (${answer.status}).`)
      const { themes } = (await answer.json()) as { themes?: { login?: { name: string }[] } }
      return themes?.login?.some((theme) => theme.name === name) ?? false
    },
  }
}
