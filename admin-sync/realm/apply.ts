/**
 * `realm apply`: brings the realm to what the code says, creating it when it is absent. A second apply finds nothing
 * to do and says so; what an administrator added in the console and this code does not own stays (compare.ts).
 * Applying again after a failure half way goes on from there.
 *
 * Whether the credentials are as weak as they should be is for probe.ts; the printing is in print.ts.
 */
import type { Log } from '../../core/log.ts'
import type { RealmConfig } from './config.ts'
import { diffRealm } from './diff.ts'
import { walkRealm, type RealmPlan } from './walk.ts'

/**
 * Brings the realm to what the code says, creating it when it is absent, and compares once more.
 * @returns what was changed; no changes means that it was right already.
 * @throws UpstreamError as `diffRealm`; Error when Keycloak took a change and did not keep it
 */
export async function applyRealm(config: RealmConfig, log?: Log): Promise<RealmPlan> {
  const applied = await walkRealm(config, async (admin, stage, changes) => {
    for (const change of changes) {
      await change.write(admin)
      log?.info({ event: 'realm.changed', stage, object: change.object, action: change.action })
    }
  })
  if (applied.changes.length === 0) return applied
  const left = await diffRealm(config)
  if (left.changes.length > 0)
    throw new Error(
      `Keycloak did not keep what was applied: ${left.changes.map(({ object }) => object).join(', ')}`,
    )
  return { ...applied, durationMs: applied.durationMs + left.durationMs, warnings: left.warnings }
}
