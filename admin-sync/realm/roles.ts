/** Realm roles and the group that the permissions rest on; who holds them is shown in the Keycloak console. */

/** Agents of the Service Relation Client, who decide access requests. */
export const agentRole = 'relation-client'
/** Leads of the migration, who see its numbers and the list of logins that are left. */
export const leadRole = 'migration-lead'
/** The roles that provider's pages for Ellipro's own people go by. A person may have one, the other, or both. */
export const staffRoles = [agentRole, leadRole] as const
/** Held by the operator account: may view and manage users (permissions.ts). */
export const operatorRole = 'user-operator'
/** Held by the reader account: may see who holds administrator roles. */
export const readerRole = 'user-reader'

export const realmRoles: readonly { name: string; description: string }[] = [
  { name: agentRole, description: 'Agent du Service Relation Client.' },
  { name: leadRole, description: 'Pilotage de la migration : chiffres, et liste des identifiants restants.' },
  { name: operatorRole, description: 'Compte de service admin-sync-operator. À ne donner à personne.' },
  { name: readerRole, description: 'Compte de service admin-sync-reader. À ne donner à personne.' },
]

/** Every holder of an administrator role must be in it: the operator account cannot see or touch its members. */
export const protectedGroup = {
  name: 'protected-accounts',
  description:
    'Comptes d’administration, que le compte de service admin-sync-operator ne peut ni voir ni modifier.',
} as const

/**
 * Account role that people do not have. Keycloak puts it inside `manage-account`, which everybody has: a signed-in
 * person could then link a provider to the own account, and links are made by the activation only. (Keycloak lets the
 * owner delete a link with `manage-account` alone, which harms nobody: links go after the first sign-in anyway.)
 */
export const withheldAccountRole = 'manage-account-links'
