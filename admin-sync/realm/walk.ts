/**
 * The walk that apply and diff share: every stage reads its part of the realm, plans, and hands its changes to the
 * caller, who writes them or does not.
 *
 * The order leaves a realm in use without a gap at any moment: texts and flows before whatever names them; required
 * actions before the settings they make safe; the permissions last, with the accounts that they protect.
 */
import { connect } from '../keycloak/connect.ts'
import type { RealmAdmin } from '../keycloak/realm.ts'
import type { RealmConfig } from './config.ts'
import { agentClaimStage, workspaceAudienceStage } from './plan/client-claims.ts'
import { clientScopeStage, scopesOfClientsStage } from './plan/client-scopes.ts'
import { clientsStage, identityProviderStage } from './plan/clients.ts'
import { flowsStage } from './plan/flows.ts'
import { protectedAccountsStage, rolesStage, serviceAccountsStage } from './plan/accounts.ts'
import { permissionsStage } from './plan/permissions.ts'
import { profileStage, requiredActionsStage, textsStage } from './plan/profile.ts'
import { realmStage, settingsStage } from './plan/settings.ts'
import type { Change, Stage } from './stage.ts'

const stages = [
  realmStage,
  textsStage,
  rolesStage,
  profileStage,
  requiredActionsStage,
  flowsStage,
  clientsStage,
  agentClaimStage,
  workspaceAudienceStage,
  clientScopeStage,
  scopesOfClientsStage,
  identityProviderStage,
  settingsStage,
  serviceAccountsStage,
  permissionsStage,
  protectedAccountsStage,
] as unknown as readonly Stage<unknown>[]

/** What differs, without the means to write it. */
export type PlannedChange = Omit<Change, 'write'>
export type RealmPlan = {
  realm: string
  serverVersion: string
  changes: PlannedChange[]
  /** What an administrator should know. */
  warnings: string[]
  durationMs: number
}

/** @throws UpstreamError when Keycloak could not be asked, or refuses the administrator */
export async function walkRealm(
  config: RealmConfig,
  write: (admin: RealmAdmin, stage: string, changes: readonly Change[]) => Promise<void>,
): Promise<RealmPlan> {
  const startedAt = Date.now()
  const { realm: admin } = connect({
    url: config.keycloakUrl,
    realm: config.realm,
    credential: { kind: 'administrator', ...config.administrator },
  })
  const server = await admin.readServer()
  const changes: PlannedChange[] = []
  const warnings: string[] = []
  let exists = false
  for (const stage of stages) {
    exists ||= (await admin.findRealm()) !== undefined
    const current = exists ? await stage.read(admin, config) : stage.none
    const planned = stage.plan(current, config, server)
    await write(admin, stage.name, planned)
    changes.push(...planned.map(({ object, action, differences }) => ({ object, action, differences })))
    if (exists) warnings.push(...(stage.warn?.(current, config, server) ?? []))
  }
  return {
    realm: config.realm,
    serverVersion: server.version,
    changes,
    warnings,
    durationMs: Date.now() - startedAt,
  }
}
