/**
 * Keycloak's wire shapes, from the types of the official client. Types only: nothing of that package runs here
 * (connect.ts says why), and everything else imports the shapes from this file.
 */
import type { default as ClientRepresentation } from '@keycloak/keycloak-admin-client/lib/defs/clientRepresentation.js'
import type { default as ClientScopeRepresentation } from '@keycloak/keycloak-admin-client/lib/defs/clientScopeRepresentation.js'
import type { default as CredentialRepresentation } from '@keycloak/keycloak-admin-client/lib/defs/credentialRepresentation.js'
import type { default as FederatedIdentityRepresentation } from '@keycloak/keycloak-admin-client/lib/defs/federatedIdentityRepresentation.js'
import type { default as GroupRepresentation } from '@keycloak/keycloak-admin-client/lib/defs/groupRepresentation.js'
import type { default as IdentityProviderMapperRepresentation } from '@keycloak/keycloak-admin-client/lib/defs/identityProviderMapperRepresentation.js'
import type { default as IdentityProviderRepresentation } from '@keycloak/keycloak-admin-client/lib/defs/identityProviderRepresentation.js'
import type { default as MappingsRepresentation } from '@keycloak/keycloak-admin-client/lib/defs/mappingsRepresentation.js'
import type { default as ProtocolMapperRepresentation } from '@keycloak/keycloak-admin-client/lib/defs/protocolMapperRepresentation.js'
import type { default as RealmRepresentation } from '@keycloak/keycloak-admin-client/lib/defs/realmRepresentation.js'
import type { default as RequiredActionRepresentation } from '@keycloak/keycloak-admin-client/lib/defs/requiredActionProviderRepresentation.js'
import type { default as RoleRepresentation } from '@keycloak/keycloak-admin-client/lib/defs/roleRepresentation.js'
import type { default as UserRepresentation } from '@keycloak/keycloak-admin-client/lib/defs/userRepresentation.js'
import type { UserProfileConfig } from '@keycloak/keycloak-admin-client/lib/defs/userProfileMetadata.js'

/** What Keycloak answered for an object that exists: its id is always there. */
type Stored<T, K extends keyof T> = T & { [key in K]-?: NonNullable<T[key]> }

export type User = Stored<UserRepresentation, 'id' | 'username'>
/** A user to create or the keys of one to change. */
export type UserDraft = UserRepresentation
export type Credential = Stored<CredentialRepresentation, 'id'>
export type FederatedIdentity = Required<
  Pick<FederatedIdentityRepresentation, 'identityProvider' | 'userId'>
> &
  FederatedIdentityRepresentation
export type Group = Stored<GroupRepresentation, 'id' | 'name'>
export type Role = Stored<RoleRepresentation, 'id' | 'name'>
export type RoleMappings = MappingsRepresentation
export type Client = Stored<ClientRepresentation, 'id' | 'clientId'>
export type ClientDraft = ClientRepresentation
/** Puts a claim into the tokens of one client. */
export type ProtocolMapper = ProtocolMapperRepresentation
/** What its mappers say goes into the tokens of the clients that have it. */
export type ClientScope = Stored<ClientScopeRepresentation, 'id' | 'name'>
export type Realm = Stored<RealmRepresentation, 'realm'>
export type RealmDraft = RealmRepresentation
export type RequiredAction = Stored<RequiredActionRepresentation, 'alias'>
export type IdentityProvider = Stored<IdentityProviderRepresentation, 'alias'>
export type IdentityProviderMapper = Stored<IdentityProviderMapperRepresentation, 'id' | 'name'>
export type UserProfile = UserProfileConfig

/** One line of the flattened tree that `GET flows/{alias}/executions` answers; `level` is the depth. */
export type Execution = {
  id: string
  level: number
  index: number
  priority: number
  requirement: string
  /** The alias, where the line is a subflow. */
  displayName?: string
  description?: string
  providerId?: string
  authenticationFlow?: boolean
  flowId?: string
  /** Id of its configuration. */
  authenticationConfig?: string
}
export type Flow = { id: string; alias: string; builtIn: boolean; topLevel: boolean; description?: string }
export type ExecutionConfig = { id?: string; alias: string; config: Record<string, string> }

/** A policy or a permission of the fine-grained permissions (client `admin-permissions`). */
export type Policy = {
  id: string
  name: string
  type: string
  logic?: 'POSITIVE' | 'NEGATIVE'
  decisionStrategy?: string
  resourceType?: string
  description?: string
  roles?: { id: string; required?: boolean }[]
}

/** User event; `time` is epoch milliseconds. */
export type UserEvent = {
  id: string
  time: number
  type: string
  clientId?: string
  userId?: string
  error?: string
  details?: Record<string, string>
}
/** Administrator event; `resourcePath` is such as `users/<id>`; `time` is epoch milliseconds. */
export type AdminEvent = {
  id: string
  time: number
  operationType: string
  resourceType?: string
  resourcePath?: string
  /** Who did it. */
  authDetails?: { userId?: string; clientId?: string }
}
