/**
 * Sample accounts of Ellipro's own people at Keycloak: two agents of the Service Relation Client, because two are
 * needed to say that a holder left, and one colleague without their role, who is refused. Their passwords are secrets
 * of this clone, made at its first start.
 */
import { agentRole } from '../admin-sync/realm/roles.ts'
import { signInAdministrator } from './keycloak.ts'
import type { Secrets } from './secrets.ts'
import { SetupError } from './setup-error.ts'

export type SampleAgent = {
  address: string
  firstName: string
  lastName: string
  /** Which of the secrets is the password. */
  password: 'firstAgent' | 'secondAgent' | 'colleague'
  /** Whether the account has the agents' role. */
  decides: boolean
  note: { fr: string; en: string }
}

export const sampleAgents: readonly SampleAgent[] = [
  {
    address: 'claire.dubois@relation-client.example',
    firstName: 'Claire',
    lastName: 'Dubois',
    password: 'firstAgent',
    decides: true,
    note: { fr: 'conseillère, décide des demandes', en: 'agent, decides requests' },
  },
  {
    address: 'karim.benali@relation-client.example',
    firstName: 'Karim',
    lastName: 'Benali',
    password: 'secondAgent',
    decides: true,
    note: {
      fr: 'second conseiller, pour « le titulaire est parti »',
      en: 'second agent, for “the holder left”',
    },
  },
  {
    address: 'lea.fontaine@comptabilite.example',
    firstName: 'Léa',
    lastName: 'Fontaine',
    password: 'colleague',
    decides: false,
    note: { fr: 'sans le rôle relation-client : refusée', en: 'without the role relation-client: refused' },
  },
]

/**
 * Creates those that are not there; one that is there stays as it is.
 * @param administrator of realm `master`
 * @param renew gives those that are there the passwords as well: a Keycloak that is not of this folder may have met
 *   another one's. One that was used before stays (the realm's history of passwords).
 * @throws SetupError when Keycloak refuses one
 */
export async function createSampleAgents(
  keycloak: { url: string; realm: string; administrator: { username: string; password: string } },
  passwords: Pick<Secrets, SampleAgent['password']>,
  { renew = false }: { renew?: boolean } = {},
): Promise<void> {
  const authorization = `Bearer ${await signInAdministrator(keycloak.url, keycloak.administrator)}`
  const ask = async (
    path: string,
    body?: unknown,
    method = body === undefined ? 'GET' : 'POST',
    alsoFine = 409,
  ) => {
    const answer = await fetch(`${keycloak.url}/admin/realms/${keycloak.realm}/${path}`, {
      method,
      headers: { authorization, 'content-type': 'application/json' },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    })
    if (!answer.ok && answer.status !== alsoFine)
      throw new SetupError(`Keycloak does not take the sample agents: HTTP ${answer.status} for ${path}.`)
    return answer
  }
  const role: unknown = await (await ask(`roles/${agentRole}`)).json()
  for (const { address, firstName, lastName, password, decides } of sampleAgents) {
    const credential = { type: 'password', value: passwords[password], temporary: false }
    const made = await ask('users', {
      username: address,
      email: address,
      emailVerified: true,
      enabled: true,
      firstName,
      lastName,
      credentials: [credential],
    })
    const id = made.headers.get('location')?.split('/').at(-1)
    if (made.status === 201 && id !== undefined && decides)
      await ask(`users/${id}/role-mappings/realm`, [role])
    if (made.status !== 409 || !renew) continue
    const [user] = (await (await ask(`users?exact=true&username=${encodeURIComponent(address)}`)).json()) as {
      id: string
    }[]
    if (user) await ask(`users/${user.id}/reset-password`, credential, 'PUT', 400)
  }
}
