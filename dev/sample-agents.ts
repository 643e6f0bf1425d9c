/**
 * Sample accounts of Ellipro's own people at Keycloak: two agents of the Service Relation Client, because two are
 * needed to say that a holder left, one who leads the migration, and one colleague without a role, who is refused. Their
 * passwords are secrets of this clone, made at its first start.
 */
import { agentRole, leadRole, type staffRoles } from '../admin-sync/realm/roles.ts'
import { signInAdministrator } from './keycloak.ts'
import type { Secrets } from './secrets.ts'
import { SetupError } from './setup-error.ts'

export type SampleAgent = {
  address: string
  firstName: string
  lastName: string
  /** Which of the secrets is the password. */
  password: 'firstAgent' | 'secondAgent' | 'migrationLead' | 'colleague'
  /** Of the account; `undefined` for none. */
  role: (typeof staffRoles)[number] | undefined
  note: { fr: string; en: string }
}

export const sampleAgents: readonly SampleAgent[] = [
  {
    address: 'claire.dubois@relation-client.example',
    firstName: 'Claire',
    lastName: 'Dubois',
    password: 'firstAgent',
    role: agentRole,
    note: { fr: 'conseillère, décide des demandes', en: 'agent, decides requests' },
  },
  {
    address: 'karim.benali@relation-client.example',
    firstName: 'Karim',
    lastName: 'Benali',
    password: 'secondAgent',
    role: agentRole,
    note: {
      fr: 'second conseiller, pour « le titulaire est parti »',
      en: 'second agent, for “the holder left”',
    },
  },
  {
    address: 'helene.garnier@migration.example',
    firstName: 'Hélène',
    lastName: 'Garnier',
    password: 'migrationLead',
    role: leadRole,
    note: {
      fr: 'rôle migration-lead : chiffres de la migration, aucun dossier',
      en: 'role migration-lead: the migration in numbers, no case',
    },
  },
  {
    address: 'lea.fontaine@comptabilite.example',
    firstName: 'Léa',
    lastName: 'Fontaine',
    password: 'colleague',
    role: undefined,
    note: { fr: 'sans rôle : refusée', en: 'without a role: refused' },
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
  const readRole = async (role: string): Promise<unknown> => (await ask(`roles/${role}`)).json()
  for (const { address, firstName, lastName, password, role } of sampleAgents) {
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
    if (made.status === 201 && id !== undefined && role)
      await ask(`users/${id}/role-mappings/realm`, [await readRole(role)])
    if (made.status !== 409 || !renew) continue
    const [user] = (await (await ask(`users?exact=true&username=${encodeURIComponent(address)}`)).json()) as {
      id: string
    }[]
    if (user) await ask(`users/${user.id}/reset-password`, credential, 'PUT', 400)
  }
}
