/**
 * The credentials, and what bounds them.
 *
 * - `admin-sync-operator` creates and changes accounts: `query-users` and one permission Users {view, manage}.
 *   No right on roles, clients, settings or events. Without the protected group it could reset an administrator's
 *   password: fine-grained permissions do not spare administrators by themselves.
 * - `admin-sync-reader` reads accounts, events and who holds which role; it changes nothing. (Listing through
 *   fine-grained permissions is nine times slower, hence the plain roles.)
 * - `admin-sync-workspace` names itself to the Ellipro workspace, which takes contracts from it. At Keycloak it may
 *   do nothing: its tokens hold no role, and are of a minute (clients.ts).
 * - the administrator of realm `master` who applies the realm; only an operator at a terminal has it.
 *
 * One permission of a kind: Keycloak demands that all permissions on all users agree, so a second one refuses both.
 */
import { operatorRole, readerRole } from './roles.ts'

export type ServiceAccount = {
  clientId: string
  name: string
  description: string
  /** All roles it holds besides the realm's default ones: more are taken away again. */
  realmRoles: readonly string[]
  managementRoles: readonly string[]
}

/** Keycloak's own client, whose roles are the administrator roles of the realm. */
export const managementClient = 'realm-management'
export const operatorClient = 'admin-sync-operator'
export const readerClient = 'admin-sync-reader'
export const workspaceClient = 'admin-sync-workspace'

export const serviceAccounts: readonly ServiceAccount[] = [
  {
    clientId: operatorClient,
    name: 'admin-sync (écriture)',
    description: 'Crée et modifie les comptes. Limité par les permissions fines du realm.',
    realmRoles: [operatorRole],
    managementRoles: ['query-users'],
  },
  {
    clientId: readerClient,
    name: 'admin-sync (lecture)',
    description: 'Lit les comptes et les événements.',
    realmRoles: [readerRole],
    // view-realm: without it Keycloak answers "no roles" for every user, with status 200.
    managementRoles: ['view-events', 'view-realm', 'view-users'],
  },
  {
    clientId: workspaceClient,
    name: 'admin-sync (contrats)',
    description: 'Porte les contrats à l’espace de travail Ellipro. Ne peut rien dans Keycloak.',
    realmRoles: [],
    managementRoles: [],
  },
]

/** `role` of realm-management when `management` is set, else of the realm. */
export type RolePolicy = {
  name: string
  description: string
  role: string
  management?: true
  logic: 'POSITIVE' | 'NEGATIVE'
}

export const policies: readonly RolePolicy[] = [
  {
    name: 'user-operators',
    description: 'Le compte de service admin-sync-operator.',
    role: operatorRole,
    logic: 'POSITIVE',
  },
  {
    name: 'not-user-operators',
    description: 'Tous sauf admin-sync-operator.',
    role: operatorRole,
    logic: 'NEGATIVE',
  },
  {
    name: 'user-managers',
    description: 'Administrateurs qui gèrent déjà tous les comptes.',
    role: 'manage-users',
    management: true,
    logic: 'POSITIVE',
  },
  {
    name: 'user-readers',
    description: 'Le compte de service admin-sync-reader.',
    role: readerRole,
    logic: 'POSITIVE',
  },
]

export type Permission = {
  name: string
  description: string
  resourceType: 'Users' | 'Groups' | 'Clients'
  /** What it is about: everything of the type, or one thing. */
  resource: 'all' | 'protected group' | 'client realm-management'
  scopes: readonly string[]
  /** All must agree. */
  policies: readonly string[]
}

export const permissions: readonly Permission[] = [
  {
    name: 'operators-manage-users',
    description: 'admin-sync-operator crée, lit et modifie les comptes.',
    resourceType: 'Users',
    resource: 'all',
    scopes: ['manage', 'view'],
    policies: ['user-operators'],
  },
  {
    name: 'protected-accounts',
    description: 'Les comptes d’administration restent hors de portée d’admin-sync-operator.',
    resourceType: 'Groups',
    resource: 'protected group',
    scopes: ['impersonate-members', 'manage-members', 'manage-membership', 'view-members'],
    // The negative policy hides the members from the operator's searches. Alone it would say yes to everybody else:
    // any signed-in person could then list the administrators. The positive one names the only people meant.
    policies: ['not-user-operators', 'user-managers'],
  },
  {
    name: 'readers-see-administrator-roles',
    description: 'admin-sync-reader voit qui détient un rôle d’administration.',
    resourceType: 'Clients',
    resource: 'client realm-management',
    scopes: ['view'],
    policies: ['user-readers'],
  },
]
