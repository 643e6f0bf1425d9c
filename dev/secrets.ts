/**
 * The secrets of this clone, in var/secrets.json (readable by its owner only). Made at the first start and the same from
 * then on: the database, the realm and the sealed keys were made with them. A secret added by a later release is added.
 */
import { randomBytes } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import type { RolePasswords } from '../admin-sync/database/bootstrap.ts'
import { SetupError } from './setup-error.ts'

/** 32 random bytes in base64url: long enough for a password, and the form that the keys of both processes need. */
const names = [
  'databaseSuperuser',
  'databaseKeycloak',
  'databaseSync',
  'databaseProvider',
  'databaseCofaceringReader',
  'databaseWorkspace',
  'providerClient',
  'operatorClient',
  'readerClient',
  'workspaceClient',
  'portalClient',
  'secondApplicationClient',
  'providerCookieKey',
  'providerVerifierKey',
  'providerSealingKey',
  'linkKey',
  'portalCookieKey',
  'secondApplicationCookieKey',
] as const
/** Passwords that a person types. */
const typed = ['keycloakAdmin', 'firstAgent', 'secondAgent', 'migrationLead', 'colleague'] as const
export type Secrets = Record<(typeof names)[number] | (typeof typed)[number], string>

export function makeSecrets(): Secrets {
  const keys = names.map((name) => [name, randomBytes(32).toString('base64url')])
  const passwords = typed.map((name) => [name, randomBytes(9).toString('base64url')])
  return Object.fromEntries([...keys, ...passwords]) as Secrets
}

/**
 * Reads the file, adding what it lacks.
 * @throws SetupError when it is there and cannot be read as what it should be
 */
export function openSecrets(file: string): Secrets {
  let kept: Partial<Secrets> = {}
  if (existsSync(file)) {
    try {
      kept = JSON.parse(readFileSync(file, 'utf8')) as Partial<Secrets>
    } catch (error) {
      throw new SetupError(`${file} cannot be read (${String(error)}).
Bring it back from a copy; without it the databases beside it cannot be opened (remove the whole folder to begin anew).`)
    }
  }
  const secrets = { ...makeSecrets(), ...kept }
  if (Object.keys(secrets).length > Object.keys(kept).length) {
    mkdirSync(dirname(file), { recursive: true })
    writeFileSync(`${file}.new`, `${JSON.stringify(secrets, undefined, 2)}\n`, { mode: 0o600 })
    renameSync(`${file}.new`, file)
  }
  return secrets
}

export function rolePasswords(secrets: Secrets): RolePasswords {
  return {
    keycloak: secrets.databaseKeycloak,
    ellipro_sync: secrets.databaseSync,
    ellipro_provider: secrets.databaseProvider,
    cofacering_reader: secrets.databaseCofaceringReader,
  }
}
