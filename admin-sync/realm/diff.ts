/** `realm diff`: what `realm apply` would change. Writes nothing. */
import type { RealmConfig } from './config.ts'
import { walkRealm, type RealmPlan } from './walk.ts'

/**
 * Compares the realm with the code. For a realm that does not exist, everything is to be created.
 * @throws UpstreamError when Keycloak could not be asked, or refuses the administrator
 */
export async function diffRealm(config: RealmConfig): Promise<RealmPlan> {
  return walkRealm(config, async () => undefined)
}
