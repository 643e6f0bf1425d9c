/** What the portal has to be told beside what every demonstration application is, all from the environment. */
import { z } from 'zod'
import { postgresUrl } from '../../core/config.ts'
import { applicationSchema, url } from '../relying-party/config.ts'

const schema = applicationSchema.extend({
  /** The workspace's own database. */
  WORKSPACE_DATABASE_URL: postgresUrl,
  /** Where old messages are saved. */
  PROVIDER_URL: url,
})
export type PortalConfig = z.infer<typeof schema>

/** @throws an error that names every variable that is missing or wrong. */
export function readPortalConfig(env: Record<string, string | undefined>): PortalConfig {
  const parsed = schema.safeParse(env)
  if (parsed.success) return parsed.data
  throw new Error(`The portal cannot start:\n${z.prettifyError(parsed.error)}`)
}
