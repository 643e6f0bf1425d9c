/**
 * The Keycloak user of an address whose activations are under way: made once, shared by all of them, recognised by
 * our record and by nothing else (invariant 4), and taken away when nobody needs it.
 *
 * The record (ellipro.keycloak_user) stands before the user does, and its key is written into the user, so that a
 * user made by a process that died right then is found again. All of this runs while the address is held.
 */
import { UpstreamError } from '../../core/errors.ts'
import { isConflict, isForbidden } from '../keycloak/connect.ts'
import type { User } from '../keycloak/representations.ts'
import type { AccountDependencies, Checkpoint } from './job.ts'
import type { Activation, UserRecord } from './store.ts'

/** The identity provider of the realm that leads to our OP. */
export const providerAlias = 'cofacering'

/** What the confirmation mail prints, by the theme; removed when the account opens. */
export const mailAttributes = [
  'activation_kind',
  'activation_login',
  'activation_company',
  'activation_withdraw',
] as const

/** Attributes that we give to a pending user: any other is somebody else's. */
const pendingAttributes: readonly string[] = ['activation', 'activation_record', 'locale', ...mailAttributes]

export type MailAttributes = Record<(typeof mailAttributes)[number] | 'locale', string>

export type Found =
  | { kind: 'ours'; record: UserRecord; user: User }
  | { kind: 'absent'; record: UserRecord | undefined }
  /** An account of somebody, one that we made and somebody let in by hand, or one that we may not even see. */
  | { kind: 'foreign'; record: UserRecord | undefined }
  /** We made it, and somebody deleted it. */
  | { kind: 'gone'; record: UserRecord }

/** Pure: is this user the one of the record? */
export function isOurs(record: UserRecord | undefined, user: User): boolean {
  if (!record) return false
  if (record.userId !== null) return record.userId === user.id
  return (
    (user.attributes as Record<string, string[]> | undefined)?.['activation_record']?.[0] === record.record
  )
}

/** Pure. Without the mark a user of ours is an account in use: an address typed by anybody does not put it back. */
export const isPending = (user: User): boolean => user.attributes?.['activation'] !== undefined

/** Who has the address at Keycloak, as seen from our records. Writes nothing but a user id that was missing. */
export async function findUser(
  { keycloak, store }: AccountDependencies,
  activation: Activation,
): Promise<Found> {
  const record = await store.findPendingUser(activation.addressKey)
  if (record && record.userId !== null) {
    try {
      const user = await keycloak.getUser(record.userId)
      if (!user) return { kind: 'gone', record }
      return isPending(user) ? { kind: 'ours', record, user } : { kind: 'foreign', record }
    } catch (error) {
      // It was put among the protected accounts: it is an administrator's now.
      if (isForbidden(error)) return { kind: 'foreign', record }
      throw error
    }
  }
  const user = await keycloak.findUserByEmail(activation.address)
  if (!user) return { kind: 'absent', record }
  if (!record || !isOurs(record, user) || !isPending(user)) return { kind: 'foreign', record }
  await store.setUserId(record.record, user.id)
  return { kind: 'ours', record: { ...record, userId: user.id }, user }
}

/**
 * Makes the user: no credential, no link, nothing that an application could trust, and refused by the realm's flows
 * while `activation` is there.
 * @returns why not: the address belongs to somebody whom we may not see, or Keycloak takes no such address
 */
export async function createPendingUser(
  { keycloak, store }: AccountDependencies,
  activation: Activation,
  known: UserRecord | undefined,
  mail: MailAttributes,
  checkpoint: Checkpoint,
): Promise<{ userId: string } | { refusal: 'address_taken' | 'address_invalid' }> {
  const record = known ?? (await store.insertPendingUser(activation.addressKey))
  await checkpoint('create-user')
  let userId: string
  try {
    userId = await keycloak.createUser({
      username: activation.address,
      email: activation.address,
      enabled: true,
      emailVerified: false,
      requiredActions: ['VERIFY_EMAIL'],
      attributes: {
        activation: ['pending'],
        activation_record: [record.record],
        ...Object.fromEntries(Object.entries(mail).map(([name, value]) => [name, [value]])),
      },
    })
  } catch (error) {
    const invalid = error instanceof UpstreamError && error.code === 'error-invalid-email'
    if (!invalid && !isConflict(error)) throw error
    await store.dropUnusedRecord(record.record)
    return { refusal: invalid ? 'address_invalid' : 'address_taken' }
  }
  await checkpoint('store-user-id')
  await store.setUserId(record.record, userId)
  return { userId }
}

/** Why a user that we made is left where it is; `undefined` when nothing speaks for it. */
export type LeftBecause =
  | 'linked'
  | 'in_group'
  | 'has_role'
  | 'has_foreign_attribute'
  | 'not_pending'
  | 'disabled'
  | 'address_changed'
  | 'protected'

/**
 * Deletes the pending user of an address, unless a live activation refers to it or somebody has made it their own in
 * the console: then it is left, and the answer says why. The address must be held.
 */
export async function removePendingUser(
  { keycloak, reader, store }: AccountDependencies,
  addressKey: string,
  checkpoint: Checkpoint,
): Promise<'needed' | 'none' | 'deleted' | { left: LeftBecause; record: string }> {
  if (await store.hasLiveActivation(addressKey)) return 'needed'
  const record = await store.findPendingUser(addressKey)
  if (!record) return 'none'
  let user: User | undefined
  try {
    // The record may stand without an id when a process died between making the user and writing it down.
    user =
      record.userId === null
        ? await keycloak.findUserByEmail(addressKey)
        : await keycloak.getUser(record.userId)
  } catch (error) {
    if (isForbidden(error)) return { left: 'protected', record: record.record }
    throw error
  }
  if (!user || !isOurs(record, user)) {
    if (!(await store.dropUnusedRecord(record.record))) await store.markUserDeleted(record.record)
    return 'none'
  }
  const left = await findReasonToLeave(reader, user, addressKey)
  if (left) return { left, record: record.record }
  await store.setUserId(record.record, user.id)
  await checkpoint('delete-user')
  await keycloak.deleteUser(user.id)
  await checkpoint('mark-deleted')
  await store.markUserDeleted(record.record)
  return 'deleted'
}

async function findReasonToLeave(
  reader: AccountDependencies['reader'],
  user: User,
  addressKey: string,
): Promise<LeftBecause | undefined> {
  if (user.enabled === false) return 'disabled'
  if (user.email?.toLowerCase() !== addressKey.toLowerCase()) return 'address_changed'
  const attributes = Object.keys((user.attributes as object | undefined) ?? {})
  if (!isPending(user)) return 'not_pending'
  if (attributes.some((name) => !pendingAttributes.includes(name))) return 'has_foreign_attribute'
  if ((await reader.listFederatedIdentities(user.id)).length > 0) return 'linked'
  if ((await reader.listGroups(user.id)).length > 0) return 'in_group'
  const { realmMappings = [], clientMappings = {} } = await reader.listRoleMappings(user.id)
  const given = realmMappings.filter(({ name }) => !name?.startsWith('default-roles-'))
  if (given.length > 0 || Object.keys(clientMappings).length > 0) return 'has_role'
  return undefined
}
